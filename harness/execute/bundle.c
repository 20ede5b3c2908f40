#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "harness/base/fs.h"
#include "harness/execute/bundle.h"
#include "harness/execute/inside.h"
#include "harness/execute/sources.h"
#include "harness/spec/evidence.h"

static const char *const folders[] = { "src", "root" };

/* A host path must stay below the scratch folder; the harness planned it, so a bad one is our error. */
static bool is_below(const char *path)
{
	_cleanup_strv_ struct strv parts = STRV_INIT;

	if (!*path || strv_split(&parts, path, '/') < 0)
		return false;
	for (size_t i = 0; i < parts.n; i++)
		if (!*parts.items[i] || !strcmp(parts.items[i], ".") ||
		    !strcmp(parts.items[i], ".."))
			return false;
	return true;
}

static int make_parents(int dirfd, const char *path, struct hx_error *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;

	if (slash && !parent)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return slash ? fs_mkdirs_at(dirfd, parent, 0755, err) : 0;
}

static int make_none(int dirfd, const char *path, struct hx_error *err)
{
	(void)dirfd;
	(void)path;
	(void)err;
	return 0;
}

static int make_dir(int dirfd, const char *path, struct hx_error *err)
{
	return fs_mkdirs_at(dirfd, path, 0755, err);
}

static int make_file(int dirfd, const char *path, struct hx_error *err)
{
	return fs_write_at(dirfd, path, SPEC_FILE_TEXT, strlen(SPEC_FILE_TEXT), 0644, err);
}

static int make_symlink(int dirfd, const char *path, struct hx_error *err)
{
	_cleanup_free_ char *target = str_format("%s.target", path);

	if (!target)
		return hx_error_set(err, -ENOMEM, "out of memory");
	int r = fs_mkdirs_at(dirfd, target, 0755, err);
	if (r < 0)
		return r;
	const char *base = strrchr(target, '/');
	if (symlinkat(base ? base + 1 : target, dirfd, path) < 0)
		return hx_error_errno(err, -errno, "symlink %s", path);
	return 0;
}

/* What stands on it is mounted once all sources are there (sources.c). */
static int make_fuse(int dirfd, const char *path, struct hx_error *err)
{
	_cleanup_free_ char *behind = str_format("%s" SPEC_BEHIND, path);

	if (!behind)
		return hx_error_set(err, -ENOMEM, "out of memory");
	int r = fs_mkdirs_at(dirfd, behind, 0755, err);
	return r < 0 ? r : make_dir(dirfd, path, err);
}

static int (*const makers[SPEC_SOURCE_N])(int, const char *, struct hx_error *) = {
	[SPEC_SOURCE_NONE] = make_none, [SPEC_SOURCE_DIR] = make_dir,
	[SPEC_SOURCE_FILE] = make_file, [SPEC_SOURCE_SYMLINK] = make_symlink,
	[SPEC_SOURCE_FUSE] = make_fuse,
};

/* A mountpoint that is there already, because a read-only parent lets none be made. */
static int make_inside(int dirfd, const struct spec_mount *m, struct hx_error *err)
{
	_cleanup_free_ char *path = str_format("%s/%s", m->host, m->inside);

	if (!path || !is_below(path))
		return hx_error_set(err, -EINVAL, "bad folder %s", m->inside);
	return fs_mkdirs_at(dirfd, path, 0755, err);
}

static int make_sources(int dirfd, const struct spec_sandbox *s, struct hx_error *err)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (!m->host)
			continue;
		if (m->kind >= SPEC_SOURCE_N || !is_below(m->host))
			return hx_error_set(err, -EINVAL, "mount %s: bad host path %s", m->id,
					    m->host);
		int r = make_parents(dirfd, m->host, err);
		if (r >= 0)
			r = makers[m->kind](dirfd, m->host, err);
		if (r >= 0 && m->inside)
			r = make_inside(dirfd, m, err);
		if (r < 0)
			return hx_error_wrap(err, r, "mount %s", m->id);
	}
	return 0;
}

/* Who is who: which file system object each mount is made of, where the executor made one. */
static int add_source(struct world *w, const char *subject, const char *path, struct str *text)
{
	struct stat st;

	if (fstatat(w->scratch_fd, path, &st, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	str_printf(text, "%s\t%u:%u\t%llu\n", subject, major(st.st_dev), minor(st.st_dev),
		   (unsigned long long)st.st_ino);
	return 0;
}

static int add_sources(struct world *w, size_t container, struct str *text)
{
	const struct spec_sandbox *pod = w->plan->job->spec, *s = spec_container(pod, container);
	_cleanup_free_ char *bundle = spec_bundle(pod, container);
	_cleanup_free_ char *rootfs = bundle ? str_format("%s/rootfs", bundle) : NULL;
	int r = rootfs ? add_source(w, container ? s->id : "rootfs", rootfs, text) : -ENOMEM;

	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		if (s->mounts[i].host)
			r = add_source(w, s->mounts[i].id, s->mounts[i].host, text);
	return r;
}

static int write_sources(struct world *w, struct hx_error *err)
{
	const struct spec_sandbox *pod = w->plan->job->spec;
	_cleanup_str_ struct str text = STR_INIT;
	int r = 0;

	for (size_t k = 0; k <= pod->n_containers && r >= 0; k++)
		r = add_sources(w, k, &text);
	if (r < 0 || (r = str_ok(&text)) < 0)
		return hx_error_errno(err, r, "look at the mounts' sources");
	return fs_write_at(w->evidence_fd, EVIDENCE_SOURCES, str_text(&text), text.len, 0644, err);
}

static int write_text(int dirfd, const char *path, struct json_object *o, struct hx_error *err)
{
	size_t n = 0;
	const char *text = json_object_to_json_string_length(
		o,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE,
		&n);

	return text ? fs_write_at(dirfd, path, text, n, 0644, err)
		    : hx_error_set(err, -ENOMEM, "out of memory");
}

static int write_spec(struct world *w, struct hx_error *err)
{
	const struct execute_job *job = w->plan->job;
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_json_ struct json_object *spec = NULL, *cases = NULL;

	if (!o)
		return hx_error_set(err, -ENOMEM, "out of memory");
	int r = spec_to_json(job->spec, &spec, err);
	if (r >= 0 && job->cases)
		r = json_parse(job->cases, strlen(job->cases), &cases, err);
	if (r < 0)
		return r;
	if (json_add(o, "spec", TAKE_PTR(spec)) < 0 ||
	    (cases && json_add(o, "cases", TAKE_PTR(cases)) < 0))
		return hx_error_set(err, -ENOMEM, "out of memory");
	return write_text(w->evidence_fd, EVIDENCE_SPEC, o, err);
}

/* One container's bundle; the folders of all are below dirfd. */
static int build_one(const struct spec_sandbox *pod, size_t container, int dirfd,
		     const struct bundle_from *from, struct json_object **ret_config,
		     struct hx_error *err)
{
	const struct spec_sandbox *s = spec_container(pod, container);
	_cleanup_json_ struct json_object *config = NULL;
	_cleanup_free_ char *bundle = spec_bundle(pod, container);
	_cleanup_free_ char *rootfs = bundle ? str_format("%s/rootfs", bundle) : NULL;
	_cleanup_free_ char *probe = bundle ? str_format("%s/rootfs/probe", bundle) : NULL;
	_cleanup_free_ char *text = bundle ? str_format("%s/config.json", bundle) : NULL;
	int r = rootfs && probe && text ? fs_mkdirs_at(dirfd, rootfs, 0755, err) : -ENOMEM;

	if (r >= 0)
		r = fs_copy_at(AT_FDCWD, from->probe, dirfd, probe, 0755, err);
	if (r >= 0)
		r = make_sources(dirfd, s, err);
	if (r >= 0)
		r = spec_to_oci(s, from->scratch, &config, err);
	if (r >= 0)
		r = planted_config(from->plant, config, !container, err);
	if (r >= 0)
		r = write_text(dirfd, text, config, err);
	if (r >= 0)
		*ret_config = TAKE_PTR(config);
	return r;
}

int bundle_build(const struct spec_sandbox *s, int dirfd, const struct bundle_from *from,
		 int evidence_fd, struct hx_error *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && r >= 0; i++)
		r = fs_mkdirs_at(dirfd, folders[i], 0755, err);
	for (size_t k = 0; k <= s->n_containers && r >= 0; k++) {
		_cleanup_json_ struct json_object *config = NULL;
		_cleanup_free_ char *name =
			k ? str_format("config.%s.json", spec_container(s, k)->id)
			  : strdup(EVIDENCE_CONFIG);

		r = build_one(s, k, dirfd, from, &config, err);
		if (r >= 0 && evidence_fd >= 0)
			r = name ? write_text(evidence_fd, name, config, err) : -ENOMEM;
	}
	return r < 0 ? hx_error_wrap(err, r, "make the bundle") : 0;
}

int bundle_make(struct world *w, struct hx_error *err)
{
	const struct world_plan *p = w->plan;
	const struct bundle_from from = { p->scratch, p->options->probe, p->job->plant };
	int r = write_spec(w, err);

	if (r < 0)
		return hx_error_wrap(err, r, "evidence");
	r = bundle_build(p->job->spec, w->scratch_fd, &from, w->evidence_fd, err);
	if (r >= 0)
		r = sources_begin(w, err);
	return r < 0 ? r : write_sources(w, err);
}
