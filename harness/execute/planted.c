#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "harness/base/fs.h"
#include "harness/execute/inside.h"
#include "harness/spec/evidence.h"

#define LEFT_PROCESS "left-behind"
#define LEFT_FILE "root/left-behind"
#define LEFT_SOCKET "root/left-behind.sock"
#define LEFT_MOUNT "bundle/left-behind"
#define CANARY "bundle/canary"

int planted_config(const struct plant *p, struct json_object *config, bool first,
		   struct hx_error *err)
{
	struct json_object *annotations = NULL;

	if (!p || p->kind != PLANT_ANNOTATION)
		return 0;
	int r = json_get_object(config, "annotations", &annotations, err);
	if (r < 0)
		return hx_error_wrap(err, r, "plant annotation");
	const char *equals = strchr(p->argument, '=');
	if (!equals) {
		json_object_object_del(annotations, p->argument);
		return 0;
	}
	_cleanup_free_ char *key = strndup(p->argument, (size_t)(equals - p->argument));
	/* a further container's is replaced, and not made */
	if (key && !first && !json_object_object_get_ex(annotations, key, NULL))
		return 0;
	if (!key || json_add_string(annotations, key, equals + 1) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return 0;
}

/* Mounts at a new folder of the scratch folder. A plain world has no mounts of its own: refused. */
static int mount_new(struct world *w, const char *source, const char *below, const char *type,
		     unsigned long flags, struct hx_error *err)
{
	_cleanup_free_ char *target = str_format("%s/%s", w->plan->scratch, below);

	if (!target)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (w->plan->kind == WORLD_PLAIN)
		return hx_error_set(err, -EPERM, "mount %s: needs a world with namespaces", below);
	int r = fs_mkdirs_at(w->scratch_fd, below, 0755, err);
	if (r < 0)
		return r;
	if (mount(source, target, type, flags, NULL) < 0)
		return hx_error_errno(err, -errno, "mount %s on %s", source, target);
	return 0;
}

static int canary(struct world *w, const struct plant *p, struct hx_error *err)
{
	return mount_new(w, p->argument, CANARY, NULL, MS_BIND | MS_REC, err);
}

static int leave_mount(struct world *w, const struct plant *p, struct hx_error *err)
{
	(void)p;
	return mount_new(w, "tmpfs", LEFT_MOUNT, "tmpfs", 0, err);
}

static int leave_file(struct world *w, const struct plant *p, struct hx_error *err)
{
	(void)p;
	return fs_write_at(w->scratch_fd, LEFT_FILE, "", 0, 0644, err);
}

static int leave_process(struct world *w, const struct plant *p, struct hx_error *err)
{
	pid_t pid = fork();

	(void)p;
	if (pid < 0)
		return hx_error_errno(err, -errno, "fork");
	if (pid == 0) {
		setsid();
		prctl(PR_SET_NAME, LEFT_PROCESS);
		step_pause(w);
	}
	w->alone = false;
	return 0;
}

/* Waits for its moment, opens the rootfs and keeps it open. */
_Noreturn static void hold_file(struct world *w, int moment)
{
	char c = 0;

	setsid();
	prctl(PR_SET_NAME, LEFT_PROCESS);
	if (read(moment, &c, 1) == 1 &&
	    openat(w->scratch_fd, "bundle/rootfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0)
		(void)!write(moment, &c, 1);
	for (;;)
		pause();
}

static int start_holder(struct world *w, const struct plant *p, struct hx_error *err)
{
	int pair[2];
	pid_t pid;

	(void)p;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return hx_error_errno(err, -errno, "socketpair");
	pid = fork();
	if (pid == 0)
		hold_file(w, pair[1]);
	close_fd(&pair[1]);
	w->plant_fd = pair[0];
	return pid < 0 ? hx_error_errno(err, -errno, "fork") : 0;
}

static int let_hold(struct world *w, const struct plant *p, struct hx_error *err)
{
	char c = 'o';

	(void)p;
	if (write(w->plant_fd, &c, 1) != 1 || read(w->plant_fd, &c, 1) != 1)
		return hx_error_set(err, -EIO, "the process could not open the file");
	return 0;
}

/* Bound by its whole path, which /proc/net/unix shows as it was given; open until the world ends. */
static int leave_socket(struct world *w, const struct plant *p, struct hx_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/" LEFT_SOCKET, w->plan->scratch);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)p;
	if (fd < 0)
		return hx_error_errno(err, -errno, "socket");
	if (n >= (int)sizeof(a.sun_path))
		return hx_error_set(err, -ENAMETOOLONG, "%s/" LEFT_SOCKET, w->plan->scratch);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return hx_error_errno(err, -errno, "bind %s", a.sun_path);
	return 0;
}

static int lose_file(struct world *w, const struct plant *p, struct hx_error *err)
{
	_cleanup_close_ int fd =
		openat(w->scratch_fd, p->argument, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		world_note(w, EVIDENCE_NOT_FIRED ": no such file");
	else if (fd < 0)
		return hx_error_errno(err, -errno, "empty %s", p->argument);
	return 0;
}

typedef int (*toggle_fn)(const char *text, size_t n, const char *path, struct str *ret);

static int rewrite(struct world *w, const char *name, const struct str *text, struct hx_error *err)
{
	_cleanup_close_ int fd =
		openat(w->evidence_fd, name, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? -errno : fs_write_all(fd, text->data, text->len);

	return r < 0 ? hx_error_errno(err, r, "evidence: write %s", name) : 0;
}

static int edit(struct world *w, const char *name, const char *path, toggle_fn toggle,
		bool *ret_fired, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT, changed = STR_INIT;
	int r = fs_read_at(w->evidence_fd, name, EVIDENCE_LOG_LIMIT, &text, NULL, err);

	if (r >= 0)
		r = toggle(str_text(&text), text.len, path, &changed);
	if (r <= 0)
		return r;
	*ret_fired = true;
	return rewrite(w, name, &changed, err);
}

static int edit_reports(struct world *w, const char *path, bool *ret_fired, struct hx_error *err)
{
	int r = 0;

	for (size_t i = 0; i < w->n_steps && r >= 0; i++) {
		_cleanup_free_ char *name = str_format("%zu-%s.stdout", i + 1, w->steps[i].verb);

		r = name ? edit(w, name, path, planted_toggle_line, ret_fired, err)
			 : hx_error_set(err, -ENOMEM, "out of memory");
	}
	return r;
}

static int edit_logs(struct world *w, const char *path, struct hx_error *err)
{
	_cleanup_close_ int fd = openat(w->evidence_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool fired = false;
	struct dirent *e;
	int r = 0;

	if (!dir)
		return hx_error_errno(err, -errno, "list the evidence");
	(void)TAKE_FD(fd);
	while (r >= 0 && (e = readdir(dir)))
		if (str_starts(e->d_name, EVIDENCE_LOG_PREFIX))
			r = edit(w, e->d_name, path, planted_toggle_log, &fired, err);
	return r;
}

static int guest_line(struct world *w, const struct plant *p, struct hx_error *err)
{
	bool fired = false;
	int r = edit_reports(w, p->argument, &fired, err);

	if (r >= 0 && !fired)
		world_note(w, EVIDENCE_NOT_FIRED ": no such line in any report");
	return r;
}

static int mount_line(struct world *w, const struct plant *p, struct hx_error *err)
{
	int r = guest_line(w, p, err);

	return r < 0 ? r : edit_logs(w, p->argument, err);
}

/* Its process ends by the runtime's own hand; that it does not live is seen by who asks for a second one. */
static int lose_container(struct world *w, const struct plant *p, struct hx_error *err)
{
	const struct spec_sandbox *pod = w->plan->job->spec;
	bool ok = false;

	for (size_t k = 1; k <= pod->n_containers; k++) {
		if (strcmp(pod->containers[k - 1].id, p->argument) != 0)
			continue;
		w->container = k;
		w->start = 0;
		return driver_verb(w, "delete", &ok, err);
	}
	world_note(w, EVIDENCE_NOT_FIRED ": no such container");
	return 0;
}

static int add_descriptors(const char *text, size_t n, const char *unused, struct str *ret)
{
	static const char end[] = "end\n";
	size_t tail = strlen(end);

	(void)unused;
	if (n < tail || strcmp(text + n - tail, end) != 0)
		return 0;
	str_add_n(ret, text, n - tail);
	for (unsigned int i = 0; i < SPEC_STARTS_LIMIT; i++)
		str_add(ret, "sentry\tbundle\t9999\tplanted\ngofer\tbundle\t9999\tplanted\n");
	str_add(ret, end);
	return str_ok(ret) < 0 ? -ENOMEM : 1;
}

static int gain_descriptor(struct world *w, const struct plant *p, struct hx_error *err)
{
	bool fired = false;
	int r = 0;

	(void)p;
	for (size_t i = w->n_steps; i > 0 && !fired && r >= 0; i--) {
		_cleanup_free_ char *name = str_format("%zu-%s.stdout", i, w->steps[i - 1].verb);

		if (!name)
			return hx_error_set(err, -ENOMEM, "out of memory");
		if (!strcmp(w->steps[i - 1].verb, "descriptors"))
			r = edit(w, name, NULL, add_descriptors, &fired, err);
	}
	if (r >= 0 && !fired)
		world_note(w, EVIDENCE_NOT_FIRED ": no descriptors were listed");
	return r;
}

typedef int (*planted)(struct world *w, const struct plant *p, struct hx_error *err);

static const struct {
	planted before; /* the bundle is there, no step has run */
	planted pod;    /* all of a pod that started runs */
	planted reread; /* what was written is about to be read again */
	planted after;  /* the last step has ended */
	planted output; /* the output files are closed */
} moments[PLANT_N] = {
	[PLANT_CANARY] = { .before = canary },
	[PLANT_LEAVE_PROCESS] = { .after = leave_process },
	[PLANT_LEAVE_MOUNT] = { .after = leave_mount },
	[PLANT_LEAVE_FILE] = { .after = leave_file },
	[PLANT_HOLD_FILE] = { .before = start_holder, .after = let_hold },
	[PLANT_LEAVE_SOCKET] = { .after = leave_socket },
	[PLANT_LOSE_FILE] = { .reread = lose_file },
	[PLANT_MOUNT_LINE] = { .output = mount_line },
	[PLANT_GUEST_LINE] = { .output = guest_line },
	[PLANT_LOSE_CONTAINER] = { .pod = lose_container },
	[PLANT_GAIN_DESCRIPTOR] = { .output = gain_descriptor },
};

static int run_hook(struct world *w, const struct plant *p, planted hook, struct hx_error *err)
{
	int r = hook ? hook(w, p, err) : 0;

	return r < 0 ? hx_error_wrap(err, r, "plant %s", plant_name(p->kind)) : 0;
}

int planted_before(struct world *w, struct hx_error *err)
{
	const struct plant *p = w->plan->job->plant;

	return p ? run_hook(w, p, moments[p->kind].before, err) : 0;
}

int planted_pod(struct world *w, struct hx_error *err)
{
	const struct plant *p = w->plan->job->plant;

	return p ? run_hook(w, p, moments[p->kind].pod, err) : 0;
}

int planted_reread(struct world *w, struct hx_error *err)
{
	const struct plant *p = w->plan->job->plant;

	return p ? run_hook(w, p, moments[p->kind].reread, err) : 0;
}

int planted_after(struct world *w, struct hx_error *err)
{
	const struct plant *p = w->plan->job->plant;

	return p ? run_hook(w, p, moments[p->kind].after, err) : 0;
}

int planted_output(struct world *w, struct hx_error *err)
{
	const struct plant *p = w->plan->job->plant;

	return p ? run_hook(w, p, moments[p->kind].output, err) : 0;
}
