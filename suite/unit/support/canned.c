#include "suite/unit/support/canned.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "harness/base/verdict.h"
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "harness/observe/judge.h"
#include "harness/observe/observe.h"
#include "suite/unit/support/facts.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

const struct sketch canned_sketch = {
	.global = { .flag = SPEC_ON, .overlay2 = "none" },
	.mounts = {
		{ .value = "off", .twin = "b" },
		{ .value = "default", .twin = "c" },
		{ .value = "absent" },
		{ .value = "OFF", .twin = "c" },
		{ .value = "absent", .hint = ROW_HINT_NONE },
	},
};

#define OPTIONS(n) "rw,trans=fd,rfdno=" n ",wfdno=" n ",cache=remote_revalidating,disable_fifo_open"
#define LINE(path, n, more) "none " path " 9p " OPTIONS(n) more " 0 0\\n"
#define ANSWERS "\"kind\":\"dir\",\"answers\":[[\"stat .\",\"ok: dir 0755 uid=0 gid=0\"]]}"
#define TARGET(path) "{\"path\":\"" path "\"," ANSWERS
#define MOUNTED(path, n, more)                                               \
	"I0908 12:00:00.0 1 vfs.go:1] Mounted \"/s/src" path "\" to \"" path \
	"\" type: bind, internal-options: \"" OPTIONS(n) more "\"\n"
#define PROCESSES "bash\tbash\n"

static const struct {
	const char *name, *text;
} files[] = {
	{ "config.json", "{\"ociVersion\":\"1.0.2\"}" },
	{ "steps.json",
	  "[{\"verb\":\"run\",\"argv\":[\"runsc\",\"run\",\"x\"],\"exit\":0,\"ms\":80,"
	  "\"stdout_cut\":false,\"stderr_cut\":false,\"log_cut\":false}]" },
	{ "1-run.stdout",
	  "{\"probe\":1,\"mounts\":\"" LINE("/", "4", ",directfs") "proc /proc proc rw 0 0\\n" LINE(
		  "/a", "5", "") LINE("/b", "6", ",directfs") LINE("/c", "7",
								   ",directfs") LINE("/d", "8",
										     ",directfs")
		  LINE("/e", "9", ",directfs") "\",\"targets\":[\n" TARGET("/a") ",\n" TARGET("/b") ",\n" TARGET(
			  "/c") ",\n" TARGET("/d") ",\n" TARGET("/e") ",\n" TARGET("/") "\n],"
											"\"end\":true}\n" },
	{ "1-run.stderr", "a warning of the runtime\n" },
	{ "log.boot.txt",
	  "I0908 12:00:00.0 1 boot.go:1] starting\n"
	  "W0908 12:00:00.0 1 mount_hints.go:1] ignoring invalid mount annotation (name = \"d\", key = "
	  "\"directfs\", value = \"OFF\"): invalid directfs value \"OFF\", want \"default\" or \"off\"\n" MOUNTED(
		  "/a", "5", "") MOUNTED("/b", "6", ",directfs") MOUNTED("/c", "7", ",directfs")
		  MOUNTED("/d", "8", ",directfs") MOUNTED("/e", "9", ",directfs") },
	{ "before.processes", PROCESSES },
	{ "after.processes", PROCESSES },
	{ "before.mounts", "/\text4\t/dev/sda\n" },
	{ "after.mounts", "/\text4\t/dev/sda\n@SCRATCH@/root/null-netns\tnsfs\tnsfs\n" },
	{ "before.files", "d\tbundle\nd\tbundle/rootfs\nd\tsrc\nd\tsrc/a\n" },
	{ "after.files", "d\tbundle\nd\tbundle/rootfs\nd\tbundle/rootfs/a\nd\tbundle/rootfs/proc\n"
			 "d\troot\nd\tsrc\nd\tsrc/a\nf\troot/null-netns\n" },
	{ "before.sockets", "" },
	{ "after.sockets", "" },
	{ "before.descriptors", "" },
	{ "after.descriptors", "" },
};

/* Adds the case of this fact unless it is listed. */
static void add_case(struct json_object *cases, const struct fact *f, const struct spec_sandbox *s)
{
	const char *clause = requirements[f->clause].id;
	const char *subject = subject_name(fact_case_subject(f, s), s);
	_cleanup_free_ char *id = str_format("%s/%s", clause, subject);
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		if (!strcmp(json_string_or(json_object_array_get_idx(cases, i), "id", ""), id)) {
			json_object_put(o);
			return;
		}
	}
	assert_int_equal(json_add_string(o, "id", id), 0);
	assert_int_equal(json_add_string(o, "clause", clause), 0);
	assert_int_equal(json_add_string(o, "subject", subject), 0);
	assert_int_equal(json_push(cases, o), 0);
}

void canned_spec(int dirfd, const struct spec_sandbox *s)
{
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	_cleanup_outcome_ struct outcome expected = { 0 };
	struct json_object *spec = NULL, *cases = json_object_new_array();

	assert_int_equal(model_expect(PROFILE_NEWEST, s, &expected), 0);
	for (size_t i = 0; i < expected.n; i++)
		if (expected.facts[i].clause != CLAUSE_NONE)
			add_case(cases, &expected.facts[i], s);
	assert_int_equal(spec_to_json(s, &spec, NULL), 0);
	assert_int_equal(json_add(doc, "spec", spec), 0);
	assert_int_equal(json_add(doc, "cases", cases), 0);
	folder_put(dirfd, EVIDENCE_SPEC, json_line(doc));
}

void canned_good(int dirfd, struct spec_sandbox *ret_s)
{
	sketch_build(&canned_sketch, ret_s);
	canned_spec(dirfd, ret_s);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		folder_put(dirfd, files[i].name, files[i].text);
	canned_seal(dirfd, "done", "");
}

void canned_change(int dirfd, const char *name, const char *from, const char *to)
{
	_cleanup_free_ char *text = folder_get(dirfd, name, NULL);
	char *at = strstr(text, from);

	if (!at || strstr(at + 1, from))
		fail_msg("%s: \"%s\" stands there %s", name, from,
			 at ? "more than once" : "nowhere");
	_cleanup_free_ char *changed =
		str_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	folder_put(dirfd, name, changed);
}

void canned_append(int dirfd, const char *name, const char *text)
{
	_cleanup_free_ char *before = folder_get(dirfd, name, NULL);
	_cleanup_free_ char *after = str_format("%s%s", before, text);

	folder_put(dirfd, name, after);
}

static void add_sizes(int dirfd, struct str *out)
{
	_cleanup_closedir_ DIR *dir =
		fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const char *comma = "";
	struct dirent *d;
	struct stat st;

	assert_non_null(dir);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' || !strcmp(d->d_name, EVIDENCE_MANIFEST))
			continue;
		assert_int_equal(fstatat(dirfd, d->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
		str_printf(out, "%s\"%s\":%lld", comma, d->d_name, (long long)st.st_size);
		comma = ",";
	}
}

void canned_seal(int dirfd, const char *ended, const char *members)
{
	_cleanup_str_ struct str out = STR_INIT;

	str_printf(
		&out,
		"{\"format\":%d,\"sandbox\":\"sketch\",\"profile\":\"rootfs-opt-out\",\"scratch\":\"/s\","
		"\"target\":{\"path\":\"/r\",\"kind\":\"runtime\",\"version\":\"runsc version 1\","
		"\"sha256\":\"0\"},\"world\":\"plain\",\"ended\":\"%s\",\"status\":0,%s\"files\":{",
		EVIDENCE_FORMAT, ended, members);
	add_sizes(dirfd, &out);
	str_add(&out, "}}");
	folder_put(dirfd, EVIDENCE_MANIFEST, str_text(&out));
}

void canned_observe(int dirfd, const struct spec_sandbox *s, struct outcome *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_evidence_ struct evidence e = { 0 };

	_cleanup_wire_logs_ struct wire_logs wires = { 0 };

	assert_works(evidence_open(dirfd, &e, &err), err);
	assert_works(observe(&e, s, &wires, ret, &err), err);
}

char *observed(int dirfd, const struct spec_sandbox *s, enum property p)
{
	_cleanup_outcome_ struct outcome o = { 0 };

	canned_observe(dirfd, s, &o);
	if (o.broken)
		return str_format("broken: %s", o.broken);
	return facts_observed(&o, p, s);
}

void assert_observed(int dirfd, const struct spec_sandbox *s, const char *name, enum property p,
		     const char *wanted)
{
	_cleanup_free_ char *text = observed(dirfd, s, p);

	assert_text(name, text, wanted);
}

void assert_broken(int dirfd, const struct spec_sandbox *s, const char *why)
{
	_cleanup_free_ char *text = observed(dirfd, s, PROP_START);

	if (!str_starts(text, "broken: "))
		fail_msg("not broken, wanted %s: %s", why, text);
	assert_has(text, why);
}

int canned_judge(int dirfd, struct str *ret_lines, struct hx_error *err)
{
	_cleanup_evidence_ struct evidence e = { 0 };
	int r = evidence_open(dirfd, &e, err);

	return r < 0 ? r : judge_evidence(&e, ret_lines, err);
}

const char *canned_verdict(const struct str *lines, const char *id)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	enum verdict v = VERDICT_N;

	assert_int_equal(strv_split(&all, str_text(lines), '\n'), 0);
	for (size_t i = 0; i < all.n && *all.items[i]; i++) {
		_cleanup_json_ struct json_object *o = NULL;

		assert_int_equal(json_parse(all.items[i], strlen(all.items[i]), &o, NULL), 0);
		if (strcmp(json_string_or(o, "case", ""), id))
			continue;
		assert_int_equal(verdict_parse(json_string_or(o, "verdict", ""), &v), 0);
		return verdict_name(v);
	}
	return "none";
}
