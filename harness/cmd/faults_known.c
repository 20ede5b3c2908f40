#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "harness/base/cleanup.h"
#include "harness/base/digest.h"
#include "harness/base/fs.h"
#include "harness/cmd/faults.h"

#define LIST_LIMIT (1u << 20)

/* PATH@VERSION as Go's build information has it: "\tPATH\tVERSION\t". */
static bool is_made_of(int fd, const char *module)
{
	_cleanup_free_ char *mark = str_format("\t%s\t", module);
	char *at = mark ? strchr(mark, '@') : NULL;
	struct stat st;
	const char *bytes;
	bool found;

	if (!at || fstat(fd, &st) < 0 || st.st_size == 0)
		return false;
	*at = '\t';
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	found = memmem(bytes, (size_t)st.st_size, mark, strlen(mark)) != NULL;
	munmap((void *)bytes, (size_t)st.st_size);
	return found;
}

static bool is_target(int fd, const char *digest, const char *target)
{
	if (str_starts(target, "sha256:"))
		return strcmp(target + strlen("sha256:"), digest) == 0;
	return str_starts(target, "module:") && is_made_of(fd, target + strlen("module:"));
}

/* TARGET CLAUSE "PLAN-GLOB" PAGE */
static int take_line(const char *file, size_t number, const char *line, int fd, const char *digest,
		     struct faults_known *k, struct hx_error *err)
{
	size_t n = strcspn(line, " ");
	_cleanup_free_ char *target = strndup(line, n);
	_cleanup_free_ char *id = NULL;
	enum clause clause;

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (line[n] == ' ')
		id = strndup(line + n + 1, strcspn(line + n + 1, " "));
	if (!target || !id || requirement_parse(id, &clause) < 0 || !strstr(line, " \"") ||
	    !strstr(line, "\" "))
		return hx_error_set(err, -EINVAL,
				    "%s, line %zu: not TARGET CLAUSE \"PLAN-GLOB\" PAGE", file,
				    number);
	if (!is_target(fd, digest, target))
		return 0;
	if (k->lines.n == FAULTS_KNOWN_LIMIT)
		return hx_error_set(err, -E2BIG, "%s: more than %u lines of one gofer", file,
				    FAULTS_KNOWN_LIMIT);
	return strv_push(&k->lines, line + n + 1);
}

int faults_known_read(const char *file, const char *program, struct faults_known *ret,
		      struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	_cleanup_close_ int fd = open(program, O_RDONLY | O_CLOEXEC);
	char digest[DIGEST_HEX_LEN + 1];
	int rc;

	*ret = (struct faults_known){ 0 };
	if (fd < 0)
		return hx_error_errno(err, -errno, "--gofer: %s", program);
	rc = fs_read_at(AT_FDCWD, file, LIST_LIMIT, &text, NULL, err);
	if (rc == 0)
		rc = digest_fd(fd, digest, err);
	if (rc == 0 && strv_split(&lines, str_text(&text), '\n') < 0)
		rc = hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < lines.n && rc == 0; i++)
		rc = take_line(file, i + 1, lines.items[i], fd, digest, ret, err);
	if (rc < 0)
		faults_known_clear(ret);
	return rc;
}

void faults_known_clear(struct faults_known *k)
{
	strv_clear(&k->lines);
}

bool faults_known_has(struct faults_known *k, enum clause clause, const char *plan)
{
	const char *id = requirements[clause].id;

	for (size_t i = 0; i < k->lines.n; i++) {
		const char *line = k->lines.items[i];
		const char *from = strchr(line, '"') + 1;
		const char *to = strrchr(line, '"');
		_cleanup_free_ char *glob = strndup(from, (size_t)(to - from));

		if (strncmp(line, id, strlen(id)) == 0 && line[strlen(id)] == ' ' && glob &&
		    fnmatch(glob, plan, 0) == 0) {
			k->seen[i] = true;
			return true;
		}
	}
	return false;
}
