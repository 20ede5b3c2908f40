/* Where trials run: a folder, what lies outside the tree, a FUSE mount; and that nothing is left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "harness/base/cleanup.h"
#include "harness/base/fs.h"
#include "suite/fault/trial_parts.h"

#define SECRET "nobody reads this"
/* Messages that a gofer may hold at once: a request, its reply, and what it copies of them. */
#define MESSAGES_AT_ONCE 4u
/* Address space that a command may have beside what it had without faults: what runtimes reserve. */
#define COMMAND_SPACE_KIB (256u << 10)

static size_t own_fds(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	return n;
}

static int own_mounts(struct hx_error *err)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return hx_error_errno(err, -errno, "a mount namespace");
	return 0;
}

static int fill(struct trial_world *w, struct hx_error *err)
{
	if (mkdirat(w->dir, "outside", 0700) < 0 || mkdirat(w->dir, "mnt", 0755) < 0)
		return hx_error_errno(err, -errno, "%s", w->folder);
	return fs_write_at(w->dir, "outside/secret", SECRET, strlen(SECRET), 0600, err);
}

static void world_drop(struct trial_world *w)
{
	if (w->stats)
		munmap(w->stats, sizeof(*w->stats));
	tree_daemon_end(&w->daemon);
	close_fd(&w->dir);
	close_fd(&w->quiet_fd);
	close_fd(&w->dead_fuse);
	free(w->mnt);
	keeper_end(&w->keeper);
	free(w);
}

static int make_folder(struct trial_world *w, struct hx_error *err)
{
	int rc = keeper_start(&w->keeper, err);

	if (rc < 0)
		return rc;
	w->folder = w->keeper.path;
	w->dir = fs_open_dir(AT_FDCWD, w->folder);
	return w->dir < 0 ? hx_error_errno(err, w->dir, "%s", w->folder) : fill(w, err);
}

/* The root of a mount whose daemon has ended. */
static int make_dead_fuse(struct trial_world *w, struct hx_error *err)
{
	struct fuse_mount_options options = { .quiet_fd = w->quiet_fd };
	struct fuse_mount mount = FUSE_MOUNT_INIT;
	struct backend *b;
	int rc = backend_memory_new(&b);

	if (rc < 0)
		return hx_error_errno(err, rc, "a tree in memory");
	rc = fuse_mount_start(b, w->mnt, &options, &mount, err);
	if (rc < 0)
		return rc;
	w->dead_fuse = open(w->mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dead_fuse < 0)
		rc = hx_error_errno(err, -errno, "%s", w->mnt);
	fuse_mount_stop(&mount);
	return rc;
}

static int prepare_fuse(struct trial_world *w, struct hx_error *err)
{
	int rc;

	w->mnt = str_format("%s/mnt", w->folder);
	if (!w->mnt)
		return hx_error_set(err, -ENOMEM, "out of memory");
	rc = make_dead_fuse(w, err);
	return rc < 0 ? rc : tree_daemon_start(&w->daemon, w->mnt, err);
}

int trial_world_new(const struct trial_spec *spec, struct trial_world **ret, struct hx_error *err)
{
	struct trial_world *w = calloc(1, sizeof(*w));
	int rc = 0;

	if (!w)
		return hx_error_set(err, -ENOMEM, "out of memory");
	w->dir = w->dead_fuse = -1;
	w->daemon = TREE_DAEMON_INIT;
	w->keeper = KEEPER_INIT;
	w->quiet_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->stats = mmap(NULL, sizeof(*w->stats), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (w->stats == MAP_FAILED)
		w->stats = NULL;
	if (w->quiet_fd < 0 || !w->stats)
		rc = hx_error_errno(err, -errno, "shared memory");
	if (rc == 0 && spec->backend == TRIAL_FUSE)
		rc = fuse_usable(err);
	if (rc == 0)
		rc = make_folder(w, err); /* whose keeper sees no mount of ours */
	if (rc == 0 && spec->backend == TRIAL_FUSE)
		rc = own_mounts(err);
	if (rc == 0 && spec->backend == TRIAL_FUSE)
		rc = prepare_fuse(w, err);
	if (rc < 0) {
		world_drop(w);
		return rc;
	}
	*ret = w;
	return 0;
}

int trial_world_free(struct trial_world *w, struct hx_error *err)
{
	int rc = fs_remove_tree(w->dir, "tree", err);

	if (rc == 0)
		rc = fs_remove_tree(w->dir, "outside", err);
	if (rc == 0 && unlinkat(w->dir, "mnt", AT_REMOVEDIR) < 0)
		rc = hx_error_errno(err, -errno, "%s/mnt", w->folder);
	if (rc == 0 && rmdir(w->folder) < 0)
		rc = hx_error_errno(err, -errno, "%s", w->folder);
	world_drop(w);
	return rc;
}

/* One run --------------------------------------------------------------------------------------- */

int world_prepare(struct trial *t, struct hx_error *err)
{
	struct trial_world *w = t->world;
	int rc = 0;

	if (w->own_fds == 0)
		w->own_fds = own_fds();
	t->mount = FUSE_MOUNT_INIT;
	if (t->spec->backend == TRIAL_HOST || t->spec->backend == TRIAL_COMMAND) {
		rc = fs_remove_tree(w->dir, "tree", err);
		if (rc == 0 &&
		    (mkdirat(w->dir, "tree", 0700) < 0 || fchmodat(w->dir, "tree", 0755, 0) < 0))
			rc = hx_error_errno(err, -errno, "%s/tree", w->folder);
	}
	return rc;
}

/* What a fault does to the daemon ends with it, and so does what is counted in it. */
static bool needs_own_daemon(const struct trial *t)
{
	bool needs = t->points != NULL;

	for (size_t i = 0; i < t->plan->n; i++)
		needs = needs || t->plan->faults[i].place == FAULT_FUSE;
	return needs;
}

static int start_own_daemon(struct trial *t, struct hx_error *err)
{
	struct fault_owner owner = { .stats = t->stats,
				     .watch_fuse = t->points ? trial_watch_fuse : NULL,
				     .ctx = t->points,
				     .dialect = LISAFS_DIALECT_2026_09 };
	bool faulted = t->spec->side == TRIAL_GOFER && !t->spec->no_injector;
	_cleanup_fault_injector_ struct fault_injector *injector = NULL;
	struct fuse_mount_options options = { .quiet_fd = t->quiet_fd };
	struct backend *b;
	int rc = backend_memory_new(&b);

	if (rc == 0 && faulted) {
		rc = fault_injector_new(t->plan, &owner, &injector);
		options.faults = injector;
		if (rc < 0)
			backend_freep(&b);
	}
	if (rc < 0)
		return hx_error_errno(err, rc, "a tree in memory");
	return fuse_mount_start(b, t->world->mnt, &options, &t->mount, err);
}

static int start_fuse(struct trial *t, struct hx_error *err)
{
	struct trial_world *w = t->world;

	return needs_own_daemon(t) ? start_own_daemon(t, err)
				   : tree_daemon_show(&w->daemon, w->mnt, &t->mount, err);
}

int world_start_gofer(struct trial *t, struct hx_error *err)
{
	bool faulted = t->spec->side == TRIAL_GOFER && !t->spec->no_injector;
	bool fuse = t->spec->backend == TRIAL_FUSE;
	_cleanup_free_ char *tree = str_format("%s/tree", t->world->folder);
	struct gofer_setting set = { .spec = t->spec,
				     .plan = faulted ? t->plan : NULL,
				     .stats = t->stats,
				     .points = faulted ? t->points : NULL,
				     .quiet_fd = t->quiet_fd,
				     .dead_fuse = t->world->dead_fuse,
				     .life = t->world->keeper.life,
				     .root = fuse ? t->world->mnt : tree,
				     .most_kib = t->world->clean_space_kib };
	int rc = tree ? 0 : hx_error_set(err, -ENOMEM, "out of memory");

	if (rc == 0 && fuse)
		rc = start_fuse(t, err);
	return rc < 0 ? rc : gofer_start(&set, &t->gofer, err);
}

void world_unblock(struct trial *t)
{
	if (t->mount.pid > 0)
		fuse_mount_stop(&t->mount);
}

/* Against a clean run of the same kind: FLT-7 for descriptors, FLT-9 for memory. */
void trial_cost(struct trial *t)
{
	bool command = t->spec->backend == TRIAL_COMMAND;
	uint64_t bound = MESSAGES_AT_ONCE * (LISAFS_PAYLOAD_MAX >> 10) + TRIAL_GROWTH_KIB;
	struct trial_world *w = t->world;
	struct gofer_cost cost;

	if (t->judge.killed || gofer_cost(t->gofer.pid, command || TRIAL_SANITIZED, &cost) < 0)
		return;
	if (cost.peak_kib > t->result->peak_kib)
		t->result->peak_kib = cost.peak_kib;
	if (t->plan->n == 0) {
		w->clean_peak_kib = t->result->peak_kib;
		w->clean_fds = cost.fds;
		if (command)
			w->clean_space_kib = cost.space_kib + COMMAND_SPACE_KIB;
		return;
	}
	if (w->clean_peak_kib > 0 && t->result->peak_kib > w->clean_peak_kib + bound)
		trial_fail(t, CLAUSE_FLT_9, "the gofer had %llu KiB, %llu without faults",
			   (unsigned long long)t->result->peak_kib,
			   (unsigned long long)w->clean_peak_kib);
	/* Only at the end is nothing open that the faulted connection had. */
	if (t->gofer.verify < 0 && t->gofer.faulted < 0 && !command && w->clean_fds > 0 &&
	    cost.fds > w->clean_fds)
		trial_fail(t, CLAUSE_FLT_7, "the gofer has %zu descriptors, %zu without faults",
			   cost.fds, w->clean_fds);
}

static void check_outside(struct trial *t)
{
	_cleanup_str_ struct str secret = STR_INIT;
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *e;
	size_t names = 0;
	int fd;

	if (fs_read_at(t->world->dir, "outside/secret", 4096, &secret, NULL, NULL) < 0 ||
	    strcmp(str_text(&secret), SECRET) != 0) {
		trial_fail(t, CLAUSE_FLT_9, "a file outside the tree was changed");
		return;
	}
	fd = openat(t->world->dir, "outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (e = readdir(dir)))
		names += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (names != 1)
		trial_fail(t, CLAUSE_FLT_9, "outside the tree there are %zu files, not 1", names);
}

void world_check(struct trial *t)
{
	fuse_mount_leave(&t->mount);
	check_outside(t);
	if (own_fds() > t->world->own_fds)
		trial_fail(t, CLAUSE_FLT_7, "the client's process has %zu descriptors, %zu before",
			   own_fds(), t->world->own_fds);
	/* The folder below the mount is empty, and there is no mount any more. */
	if (t->spec->backend == TRIAL_FUSE && (unlinkat(t->world->dir, "mnt", AT_REMOVEDIR) < 0 ||
					       mkdirat(t->world->dir, "mnt", 0755) < 0))
		trial_fail(t, CLAUSE_FLT_8, "the mountpoint cannot be removed: %s",
			   strerror(errno));
}
