/*
 * The host below a root: the table of all trees on a real file system, with openat2 and without; what
 * must never leave the root; what is donated. Every test ends by counting FDs.
 */
#include "suite/unit/support/unit.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "suite/unit/support/ask.h"
#include "suite/unit/support/open_fds.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/tree_run.h"

struct rig {
	struct folder *folder;
	struct backend *b;
	size_t fds_before;
	mode_t umask_before;
};

static struct backend *host_at(const char *path, bool no_openat2)
{
	struct backend_host_options o = { .no_openat2 = no_openat2 };
	int root = open(path, O_RDONLY | O_CLOEXEC);
	struct backend *b;

	assert_true(root >= 0);
	assert_int_equal(backend_host_new(root, &o, &b), 0);
	return b;
}

static int start(void **state, bool no_openat2)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->umask_before = umask(0);
	r->fds_before = open_fds();
	assert_int_equal(folder_make((void **)&r->folder), 0);
	assert_int_equal(mkdirat(r->folder->fd, "root", 0755), 0);
	assert_int_equal(mkdirat(r->folder->fd, "outside", 0755), 0);
	folder_put(r->folder->fd, "outside/secret", "secret");
	_cleanup_free_ char *root = str_format("%s/root", r->folder->path);
	r->b = host_at(root, no_openat2);
	*state = r;
	return 0;
}

static int setup(void **state)
{
	return start(state, false);
}

static int setup_fallback(void **state)
{
	return start(state, true);
}

/* Where there is a tmpfs, it answers all that the table says of one. */
static int setup_tmpfs(void **state)
{
	_cleanup_free_ char *before = NULL;
	const char *tmp = getenv("TMPDIR");
	int rc;

	if (access("/dev/shm", W_OK) < 0)
		return setup(state);
	before = tmp ? strdup(tmp) : NULL;
	setenv("TMPDIR", "/dev/shm", 1);
	rc = setup(state);
	if (before)
		setenv("TMPDIR", before, 1);
	else
		unsetenv("TMPDIR");
	return rc;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	void *folder = r->folder;

	backend_freep(&r->b);
	assert_int_equal(folder_drop(&folder), 0);
	assert_int_equal(open_fds(), r->fds_before);
	umask(r->umask_before);
	free(r);
	return 0;
}

static unsigned what_is_here(int fd)
{
	struct statfs fs;

	assert_int_equal(fstatfs(fd, &fs), 0);
	return TREE_LOCAL | (fs.f_type == TMPFS_MAGIC ? TREE_TMPFS : 0) |
	       (geteuid() == 0 ? TREE_ROOT : 0);
}

static void the_table(void **state)
{
	struct rig *r = *state;

	tree_run(r->b, what_is_here(r->folder->fd));
}

static void symlinks_lead_nowhere(void **state)
{
	struct rig *r = *state;
	_cleanup_free_ char *target = str_format("symlink abs %s/outside", r->folder->path);

	assert_string_equal(tree_do(r->b, target), "ok");
	assert_string_equal(tree_do(r->b, "symlink up ../outside"), "ok");
	assert_string_equal(tree_do(r->b, "symlink file ../outside/secret"), "ok");
	assert_string_equal(tree_do(r->b, "symlink proc /proc/self/fd/0"), "ok");
	assert_string_equal(tree_do(r->b, "stat abs/secret size"), "ENOTDIR");
	assert_string_equal(tree_do(r->b, "stat up/secret size"), "ENOTDIR");
	assert_string_equal(tree_do(r->b, "create up/new 644"), "ENOTDIR");
	assert_string_equal(tree_do(r->b, "unlink up/secret"), "ENOTDIR");
	assert_string_equal(tree_do(r->b, "rename up/secret mine 0"), "ENOTDIR");
	assert_string_equal(tree_do(r->b, "open file 0"), "ELOOP");
	assert_string_equal(tree_do(r->b, "open file 1001"), "ELOOP");
	assert_string_equal(tree_do(r->b, "create file 644"), "EEXIST");
	assert_string_equal(tree_do(r->b, "truncate file 0"), "EINVAL");
	assert_string_equal(tree_do(r->b, "chmod file 0"), "EOPNOTSUPP");
	assert_string_equal(tree_do(r->b, "utime file 1 0 1 0"), "ok");
	assert_string_equal(tree_do(r->b, "list abs"), "ELOOP");
	assert_string_equal(tree_do(r->b, "open proc 0"), "ELOOP");
	_cleanup_free_ char *text = folder_get(r->folder->fd, "outside/secret", NULL);
	assert_string_equal(text, "secret");
}

static void names_that_climb_are_refused(void **state)
{
	static const char *const names[] = { "..",   ".",          "",        "/",
					     "/etc", "../outside", "a/../..", "/proc/self/root" };
	struct rig *r = *state;
	struct backend_create c = { .mode = 0755, .uid = LISAFS_NO_ID, .gid = LISAFS_NO_ID };
	const struct backend_ops *o = r->b->ops;
	struct backend_node *root;
	struct backend_node *n = NULL;
	struct backend_socket *s;
	struct backend_file *f;
	struct lisafs_statx stat;
	int fd;

	assert_int_equal(o->root(r->b, &root, &stat), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[i];

		assert_int_equal(o->lookup(r->b, root, name, &n, &stat), -EINVAL);
		assert_int_equal(o->stat_at(r->b, root, name, &stat), -EINVAL);
		assert_int_equal(o->mkdir(r->b, root, name, &c, &n, &stat), -EINVAL);
		assert_int_equal(o->mknod(r->b, root, name, &c, 0, 0, &n, &stat), -EINVAL);
		assert_int_equal(o->symlink(r->b, root, name, "t", &c, &n, &stat), -EINVAL);
		assert_int_equal(o->link(r->b, root, name, root, &n, &stat), -EINVAL);
		assert_int_equal(o->unlink(r->b, root, name, 0), -EINVAL);
		assert_int_equal(o->unlink(r->b, root, name, AT_REMOVEDIR), -EINVAL);
		assert_int_equal(o->rename(r->b, root, name, root, "x", 0), -EINVAL);
		assert_int_equal(o->rename(r->b, root, "x", root, name, 0), -EINVAL);
		assert_int_equal(o->create(r->b, root, name, O_RDWR, &c, &n, &stat, &f, NULL),
				 -EINVAL);
		assert_int_equal(o->bind(r->b, root, name, SOCK_STREAM, &c, &n, &stat, &s, &fd),
				 -EINVAL);
	}
	o->put(r->b, root);
}

/* A directory that is moved out, and a name that becomes a symlink, while a node holds it. */
static void renames_while_held_do_not_move_the_root(void **state)
{
	struct rig *r = *state;
	const struct backend_ops *o = r->b->ops;
	struct backend_node *root;
	struct backend_node *dir;
	struct backend_node *found;
	struct lisafs_statx stat;
	struct lisafs_statx before;

	assert_string_equal(tree_do(r->b, "mkdir d 755"), "ok");
	assert_string_equal(tree_do(r->b, "create d/f 644"), "ok");
	assert_int_equal(o->root(r->b, &root, &stat), 0);
	assert_int_equal(o->lookup(r->b, root, "d", &dir, &before), 0);
	assert_int_equal(renameat(r->folder->fd, "root/d", r->folder->fd, "outside/d"), 0);
	assert_int_equal(symlinkat("../outside", r->folder->fd, "root/d"), 0);
	assert_int_equal(o->lookup(r->b, dir, "..", &found, &stat), -EINVAL);
	assert_int_equal(o->lookup(r->b, dir, "secret", &found, &stat), -ENOENT);
	assert_int_equal(o->stat(r->b, dir, &stat), 0);
	assert_int_equal(stat.ino, before.ino);
	assert_string_equal(tree_do(r->b, "stat d/secret size"), "ENOTDIR");
	o->put(r->b, dir);
	o->put(r->b, root);
}

static void devices_are_not_reached(void **state)
{
	struct rig *r = *state;

	assert_string_equal(tree_do(r->b, "mknod blk 60600"), "EPERM");
	if (geteuid() != 0)
		return;
	assert_int_equal(mknodat(r->folder->fd, "root/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_string_equal(tree_do(r->b, "stat null mode"), "20666");
	assert_string_equal(tree_do(r->b, "open null 0"), "EPERM");
}

static void a_fifo_does_not_stop_the_gofer(void **state)
{
	struct rig *r = *state;

	assert_string_equal(tree_do(r->b, "mknod p 10600"), "ok");
	assert_string_equal(tree_do(r->b, "open p 0"), "ok");
	assert_string_equal(tree_do(r->b, "open p 1"), "ENXIO"); /* nobody reads */
}

static bool is_file_of(int fd, const struct lisafs_statx *stat)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino == stat->ino;
}

static void the_root_and_opened_files_are_donated(void **state)
{
	struct rig *r = *state;
	const struct backend_ops *o = r->b->ops;
	struct backend_create c = { .mode = 0644, .uid = LISAFS_NO_ID, .gid = LISAFS_NO_ID };
	struct backend_node *root;
	struct backend_node *n;
	struct backend_file *f;
	struct lisafs_statx stat;
	int fd = -1;

	assert_int_equal(o->root(r->b, &root, &stat), 0);
	assert_int_equal(o->donate(r->b, &fd), 0);
	assert_true(is_file_of(fd, &stat));
	close(fd);
	assert_int_equal(o->open(r->b, root, O_RDONLY, &f, &fd), 0);
	assert_true(is_file_of(fd, &stat));
	o->close(r->b, f);
	close(fd);
	assert_int_equal(o->create(r->b, root, "f", O_WRONLY, &c, &n, &stat, &f, &fd), 0);
	assert_true(is_file_of(fd, &stat));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	o->close(r->b, f);
	close(fd);
	assert_int_equal(o->open(r->b, n, O_RDONLY, &f, NULL), 0);
	o->close(r->b, f);
	o->put(r->b, n);
	c.mode = 0755;
	assert_int_equal(o->mkdir(r->b, root, "d", &c, &n, &stat), 0);
	assert_int_equal(o->open(r->b, n, O_RDONLY, &f, &fd), 0);
	assert_int_equal(fd, -1); /* directories below are not */
	o->close(r->b, f);
	o->put(r->b, n);
	o->put(r->b, root);
}

static void one_file_may_be_the_root(void **state)
{
	struct rig *r = *state;
	_cleanup_free_ char *path = str_format("%s/outside/secret", r->folder->path);
	struct backend *b = host_at(path, false);
	struct backend_node *root;
	struct backend_node *n;
	struct backend_file *f;
	struct lisafs_statx stat;
	char text[8];

	assert_int_equal(b->ops->root(b, &root, &stat), 0);
	assert_true(S_ISREG(stat.mode));
	assert_int_equal(b->ops->lookup(b, root, "x", &n, &stat), -ENOTDIR);
	assert_int_equal(b->ops->open(b, root, O_RDWR, &f, NULL), 0);
	assert_int_equal(b->ops->read(b, f, text, sizeof(text), 0), 6);
	assert_memory_equal(text, "secret", 6);
	b->ops->close(b, f);
	b->ops->put(b, root);
	backend_freep(&b);
}

static void other_roots_are_refused(void **state)
{
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct backend *b = NULL;

	(void)state;
	assert_int_equal(backend_host_new(null, NULL, &b), -ENOTDIR);
	assert_int_equal(backend_host_new(-1, NULL, &b), -EBADF);
	assert_null(b);
}

struct pick {
	unsigned room;
	unsigned n;
	uint64_t off;
};

static bool take(void *ctx, const struct backend_dirent *d)
{
	struct pick *p = ctx;

	if (p->room == 0)
		return false;
	p->room--;
	p->n++;
	p->off = d->off;
	return true;
}

static void long_listings_come_whole_in_pieces(void **state)
{
	struct rig *r = *state;
	const struct backend_ops *o = r->b->ops;
	struct pick p = { 0 };
	struct backend_node *root;
	struct backend_file *f;
	struct lisafs_statx stat;

	for (unsigned i = 0; i < 2000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "root/a-longer-name-%u", i);
		assert_int_equal(mknodat(r->folder->fd, name, S_IFREG | 0600, 0), 0);
	}
	assert_int_equal(o->root(r->b, &root, &stat), 0);
	assert_int_equal(o->open(r->b, root, O_RDONLY, &f, NULL), 0);
	for (unsigned n = 7; n > 0;) {
		p.room = 7;
		n = p.n;
		assert_int_equal(o->getdents(r->b, f, p.off, take, &p), 0);
		n = p.n - n;
	}
	assert_int_equal(p.n, 2000);
	p = (struct pick){ .room = 5000 };
	assert_int_equal(o->getdents(r->b, f, 0, take, &p), 0);
	assert_int_equal(p.n, 2000);
	o->close(r->b, f);
	o->put(r->b, root);
}

static void sockets_are_bound_and_reached(void **state)
{
	struct rig *r = *state;
	const struct backend_ops *o = r->b->ops;
	struct backend_create c = { .mode = 0640, .uid = LISAFS_NO_ID, .gid = LISAFS_NO_ID };
	_cleanup_close_ int bound = -1;
	_cleanup_close_ int client = -1;
	_cleanup_close_ int server = -1;
	struct backend_node *root;
	struct backend_node *n;
	struct backend_socket *s;
	struct lisafs_statx stat;
	char longer[120];

	assert_int_equal(o->root(r->b, &root, &stat), 0);
	assert_int_equal(o->bind(r->b, root, "s", SOCK_STREAM, &c, &n, &stat, &s, &bound), 0);
	assert_int_equal(stat.mode, S_IFSOCK | 0640);
	assert_int_equal(o->connect(r->b, n, SOCK_STREAM, &client), -ECONNREFUSED);
	assert_int_equal(o->listen(r->b, s, 1), 0);
	assert_int_equal(o->accept(r->b, s, &server), -EAGAIN);
	assert_int_equal(o->connect(r->b, n, SOCK_STREAM, &client), 0);
	assert_int_equal(o->accept(r->b, s, &server), 0);
	assert_int_equal(send(client, "x", 1, 0), 1);
	assert_int_equal(recv(server, longer, 1, 0), 1);
	o->put_socket(r->b, s);
	o->put(r->b, n);
	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	close_fd(&bound);
	assert_int_equal(o->bind(r->b, root, longer, SOCK_STREAM, &c, &n, &stat, &s, &bound),
			 -EINVAL);
	assert_int_equal(o->bind(r->b, root, "s", SOCK_STREAM, &c, &n, &stat, &s, &bound),
			 -EADDRINUSE);
	o->put(r->b, root);
}

/* The child closes and opens other files under the same numbers: it must see its own. */
static void a_child_that_inherits_it_uses_its_own_descriptors(void **state)
{
	struct rig *r = *state;
	int status = -1;
	pid_t pid;

	assert_string_equal(tree_do(r->b, "create f 644"), "ok");
	assert_string_equal(tree_do(r->b, "write f 0 mine"), "4");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_cleanup_close_ int more = open("/dev/null", O_RDONLY | O_CLOEXEC);
		bool ok = more >= 0 && !strcmp(tree_do(r->b, "read f 0 8"), "mine");

		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(tree_do(r->b, "read f 0 8"), "mine");
}

/* Without privileges failures are answers. */
static void an_unprivileged_gofer_answers_errors(void **state)
{
	struct rig *r = *state;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_string_equal(tree_do(r->b, "create f 600"), "ok");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		bool ok = setgid(65534) == 0 && setuid(65534) == 0;

		ok = ok && !strcmp(tree_do(r->b, "chown f 1 1"), "EPERM");
		ok = ok && !strcmp(tree_do(r->b, "chmod f 777"), "EPERM");
		ok = ok && !strcmp(tree_do(r->b, "open f 0"), "EACCES");
		ok = ok && !strcmp(tree_do(r->b, "create g 644"), "EACCES");
		ok = ok && !strcmp(tree_do(r->b, "utime f 1 0 1 0"), "EPERM");
		ok = ok && !strcmp(tree_do(r->b, "unlink f"), "EACCES");
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void over_a_server_fds_are_donated_and_none_is_left(void **state)
{
	struct rig *r = *state;
	struct server_options o = { .dialect = LISAFS_DIALECT_2026_09, .donate = true };
	struct ask a;
	int64_t fd;

	ask_start(&a, TAKE_PTR(r->b), &o);
	assert_int_equal(ask_mount(&a), 0);
	assert_int_equal(a.n_fds, 1);
	fd = ask_create(&a, a.root, "f");
	assert_true(fd > 0);
	assert_int_equal(a.n_fds, 1);
	assert_true(ask_open(&a, a.reply.body.open_create_reply.child.control_fd, O_RDONLY) > 0);
	assert_int_equal(a.n_fds, 1);
	assert_true(ask_mkdir(&a, a.root, "d") > 0);
	assert_true(ask_walk(&a, a.root, "d") > 0);
	ask_stop(&a, r->fds_before + 1); /* the folder's */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define FALLBACK(f)                                               \
	{                                                         \
#f ".fallback", f, setup_fallback, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_table),
		FALLBACK(the_table),
		{ "the_table.tmpfs", the_table, setup_tmpfs, teardown, NULL },
		CASE(symlinks_lead_nowhere),
		FALLBACK(symlinks_lead_nowhere),
		CASE(names_that_climb_are_refused),
		FALLBACK(names_that_climb_are_refused),
		CASE(renames_while_held_do_not_move_the_root),
		FALLBACK(renames_while_held_do_not_move_the_root),
		CASE(devices_are_not_reached),
		CASE(a_fifo_does_not_stop_the_gofer),
		CASE(the_root_and_opened_files_are_donated),
		CASE(one_file_may_be_the_root),
		CASE(other_roots_are_refused),
		CASE(long_listings_come_whole_in_pieces),
		CASE(sockets_are_bound_and_reached),
		CASE(a_child_that_inherits_it_uses_its_own_descriptors),
		CASE(an_unprivileged_gofer_answers_errors),
		CASE(over_a_server_fds_are_donated_and_none_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
