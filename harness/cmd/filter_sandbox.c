/* The sandboxes whose filters are wanted: settings, and their way through the executor. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/cmd/filter.h"
#include "harness/engine/output.h"
#include "harness/engine/paths.h"
#include "harness/cmd/run.h"
#include "harness/execute/execute.h"
#include "harness/spec/evidence.h"

#define DUMP_FILE "3-filters.stdout"

/* Settings --------------------------------------------------------------------------------------- */

enum key_type {
	NUMBER,
	FLAG,
	SWITCH,
	OFF_DEFAULT,
};

static const struct {
	const char *name;
	enum key_type type;
	size_t offset;
} keys[] = {
	{ "directfs", FLAG, offsetof(struct filter_setting, directfs) },
	{ "mounts", NUMBER, offsetof(struct filter_setting, mounts) },
	{ "off", NUMBER, offsetof(struct filter_setting, off) },
	{ "rootfs", OFF_DEFAULT, offsetof(struct filter_setting, rootfs_off) },
	{ "host-uds", SWITCH, offsetof(struct filter_setting, host_uds) },
};

static int parse_number(const char *text, unsigned int *ret)
{
	unsigned int n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (unsigned int)(*text - '0');
		if (n > FILTER_MOUNTS_LIMIT)
			return -EINVAL;
	}
	*ret = n;
	return 0;
}

static int parse_word(const char *text, const char *yes, const char *no, bool *ret)
{
	bool is_yes = !strcmp(text, yes);

	if (!is_yes && strcmp(text, no) != 0)
		return -EINVAL;
	*ret = is_yes;
	return 0;
}

static int parse_value(const char *text, enum key_type type, void *field)
{
	bool on = false;
	int r;

	switch (type) {
	case NUMBER:
		return parse_number(text, field);
	case FLAG:
		r = parse_word(text, "on", "off", &on);
		if (r >= 0)
			*(enum spec_flag *)field = on ? SPEC_ON : SPEC_OFF;
		return r;
	case SWITCH:
		return parse_word(text, "on", "off", field);
	case OFF_DEFAULT:
		return parse_word(text, "off", "default", field);
	}
	return -EINVAL;
}

/* item: KEY=VALUE, which is cut at the sign. */
static int parse_item(char *item, struct filter_setting *s, struct hx_error *err)
{
	char *value = strchr(item, '=');

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys) && value; i++) {
		if (strcmp(item, keys[i].name) != 0)
			continue;
		if (parse_value(value, keys[i].type, (char *)s + keys[i].offset) < 0)
			return hx_error_set(err, -EINVAL, "%s cannot be \"%s\"", item, value);
		return 0;
	}
	return hx_error_set(err, -EINVAL,
			    "\"%s\" is none of directfs=on|off, mounts=N, off=N, "
			    "rootfs=off|default, host-uds=on|off",
			    item);
}

int filter_setting_parse(const char *text, struct filter_setting *s, struct hx_error *err)
{
	_cleanup_strv_ struct strv items = STRV_INIT;
	int r = strv_split(&items, text, ',');

	if (r < 0)
		return hx_error_set(err, r, "out of memory");
	for (size_t i = 0; i < items.n; i++) {
		r = parse_item(items.items[i], s, err);
		if (r < 0)
			return r;
	}
	if (s->off > s->mounts)
		s->mounts = s->off;
	return 0;
}

char *filter_setting_text(const struct filter_setting *s)
{
	static const char *const flags[] = {
		[SPEC_UNSET] = "(not given)", [SPEC_ON] = "on", [SPEC_OFF] = "off"
	};

	return str_format("directfs=%s mounts=%u off=%u rootfs=%s host-uds=%s", flags[s->directfs],
			  s->mounts, s->off, s->rootfs_off ? "off" : "default",
			  s->host_uds ? "on" : "off");
}

/* Sandboxes -------------------------------------------------------------------------------------- */

static int annotate(struct spec_sandbox *s, const char *id, const char *source)
{
	int r = spec_annotatef(s, source, SPEC_MOUNT_PREFIX "%s.source", id);

	if (r >= 0)
		r = spec_annotatef(s, "bind", SPEC_MOUNT_PREFIX "%s.type", id);
	if (r >= 0)
		r = spec_annotatef(s, "shared", SPEC_MOUNT_PREFIX "%s.share", id);
	return r < 0 ? r : spec_annotatef(s, "off", SPEC_MOUNT_PREFIX "%s.directfs", id);
}

static int annotate_rootfs(struct spec_sandbox *s)
{
	int r = spec_annotate(s, SPEC_ROOTFS_PREFIX "source", SPEC_BUNDLE "/rootfs");

	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "type", "bind");
	return r < 0 ? r : spec_annotate(s, SPEC_ROOTFS_PREFIX "directfs", "off");
}

static int make_spec(const struct filter_setting *set, const char *id, struct spec_sandbox *s)
{
	int r = spec_set(&s->id, id);

	s->lifecycle = SPEC_FILTERED;
	s->flags.directfs = set->directfs;
	s->flags.host_uds = set->host_uds;
	if (r >= 0)
		r = spec_set(&s->flags.overlay2, "none");
	for (unsigned int i = 0; i < set->mounts && r >= 0; i++) {
		char name[16];
		struct spec_mount *m = NULL;

		snprintf(name, sizeof(name), "m%u", i + 1);
		r = spec_add_bind(s, name, &m);
		if (r >= 0)
			r = spec_set(&m->script, SPEC_SHORT_SCRIPT);
		if (r >= 0 && i < set->off)
			r = annotate(s, name, m->source);
	}
	return r >= 0 && set->rootfs_off ? annotate_rootfs(s) : r;
}

/* The executor's hooks --------------------------------------------------------------------------- */

struct dumping {
	struct filter_dumps *ret;
	struct hx_error *err;
	int cancel;
};

/* What to read of a sandbox: its dump, or else what the runtime had to say. */
static const char *const files[] = { DUMP_FILE, "3-filters.stderr", "2-start.stderr",
				     "1-create.stderr" };

_Noreturn static void copy_out(int evidence, int to)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_str_ struct str text = STR_INIT;
		bool cut = false;

		if (fs_read_at(evidence, files[i], EVIDENCE_OUTPUT_LIMIT, &text, &cut, NULL) < 0 ||
		    !text.len)
			continue;
		_exit(fs_write_all(to, str_text(&text), text.len) < 0 ? 1 : 0);
	}
	_exit(0);
}

static pid_t start_reader(void *ctx, size_t job, int evidence, int *ret_pidfd, int *ret_pipe)
{
	int ends[2];
	pid_t parent = getpid();

	(void)ctx;
	(void)job;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	_cleanup_close_ int in = ends[0], out = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		copy_out(evidence, out);
	}
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pidfd < 0) {
		int code = -errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return code;
	}
	*ret_pipe = TAKE_FD(in);
	return pid;
}

static int take_dumps(void *ctx, size_t job, enum execute_ended ended, unsigned int ms,
		      const char *text, size_t n, int status)
{
	struct dumping *d = ctx;

	(void)ms;
	(void)n;
	if (status != 0)
		return hx_error_set(d->err, -EIO, "the evidence could not be read");
	if (filter_dumps_read(text, &d->ret[job], d->err) >= 0)
		return 0;
	if (ended == EXECUTE_DEADLINE)
		return hx_error_set(d->err, -ETIMEDOUT, "the sandbox did not end in time");
	if (str_starts(text, "process ") || str_starts(text, "error "))
		return hx_error_wrap(d->err, -EBADMSG, "the dump");
	_cleanup_str_ struct str quoted = STR_INIT;
	str_go_quote(&quoted, text, n);
	return hx_error_set(d->err, -EIO, "the runtime did not start the sandbox: %s",
			    str_text(&quoted));
}

static int execute(const struct options *o, const struct target *t, const struct output *out,
		   const struct execute_job *jobs, size_t n, struct dumping *d,
		   struct hx_error *err)
{
	_cleanup_free_ char *probe = path_helper("probe");
	_cleanup_free_ char *shim = path_helper("shim");
	const struct execute_hooks hooks = {
		.judge = start_reader,
		.judged = take_dumps,
		.ctx = d,
	};
	const struct execute_options options = {
		.target = t,
		.profile = o->profile,
		.out = out->path,
		.out_fd = out->fd,
		.probe = probe,
		.shim = shim,
		.jobs = 1,
		.timeout_ms = o->timeout_s * 1000,
		.cancel_fd = d->cancel,
	};

	if (!probe || !shim)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return execute_all(&options, jobs, n, &hooks, err);
}

/* The output folder is scratch: what was seen is in memory, or in the error. */
static int run_in_folder(const struct options *o, const struct target *t,
			 const struct execute_job *jobs, size_t n, struct dumping *d,
			 struct hx_error *err)
{
	_cleanup_output_ struct output out = { .fd = -1, .record = -1 };
	char folder[] = "/tmp/gofercert-filter-XXXXXX";

	if (!mkdtemp(folder))
		return hx_error_errno(err, -errno, "make a folder");
	int r = output_create(folder, &out, err);
	if (r >= 0)
		r = execute(o, t, &out, jobs, n, d, err);
	_cleanup_close_ int tmp = fs_open_dir(AT_FDCWD, "/tmp");
	int cleaned =
		tmp < 0 ? tmp : fs_remove_tree(tmp, strrchr(folder, '/') + 1, r < 0 ? NULL : err);
	return r < 0 ? r : cleaned;
}

int filter_run(const struct options *o, const struct filter_setting *settings, size_t n,
	       struct filter_dumps *ret, struct hx_error *err)
{
	_cleanup_(hx_error_clear) struct hx_error seen = HX_ERROR_INIT;
	_cleanup_(target_clear) struct target t = { 0 };
	_cleanup_spec_ struct spec_sandbox a = { 0 }, b = { 0 };
	struct spec_sandbox *specs[2] = { &a, &b };
	struct execute_job jobs[2] = { 0 };
	_cleanup_close_ int cancel = -1;
	struct dumping d = { .ret = ret, .err = &seen };
	int r = run_open_target(o, &t, err);

	if (r < 0)
		return r;
	/* from here on an end asked for is an error value, so that what is made goes away, too */
	cancel = d.cancel = run_cancel_fd();
	if (cancel < 0)
		return hx_error_errno(err, cancel, "signals");
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = make_spec(&settings[i], i ? "b" : "a", specs[i]);
		jobs[i].spec = specs[i];
	}
	if (r < 0)
		return hx_error_errno(err, r, "make a sandbox");
	r = run_in_folder(o, &t, jobs, n, &d, err);
	if (r == -ECANCELED)
		return hx_error_set(err, r, "interrupted");
	if (r < 0 && seen.message)
		return hx_error_set(err, r, "%s", hx_error_text(&seen));
	return r;
}
