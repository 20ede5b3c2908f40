/*
 * Client and server of our own at the two ends of a socketpair, the server in a thread: the table of
 * operations answers over the wire as it does without, and no FD is left behind on either side.
 */
#include "suite/unit/support/open_fds.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "fakegofer/client/client.h"
#include "fakegofer/server/server.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/tree_run.h"

#define CALL_MS 10000

struct loop {
	struct folder *folder; /* what the host backend serves */
	size_t fds_before;
	mode_t umask_before;
	struct backend *tree;
	struct server *server;
	struct server_stats stats; /* at the end */
	pthread_t thread;
	int ended; /* what server_run said */
	struct backend *remote;
	struct client *client; /* the remote's */
	unsigned has;
};

static void *serve(void *data)
{
	struct loop *l = data;

	l->ended = server_run(l->server, WIRE_FOREVER, -1);
	l->stats = *server_stats(l->server);
	server_free(l->server);
	return NULL;
}

static void start(struct loop *l, struct backend *tree, const struct server_options *options)
{
	int ends[2];

	l->tree = tree;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(server_new(ends[0], tree, options, &l->server), 0);
	assert_int_equal(pthread_create(&l->thread, NULL, serve, l), 0);
	assert_int_equal(client_new(ends[1], CALL_MS, &l->client), 0);
	assert_int_equal(backend_remote_new(l->client, &l->remote), 0);
}

static void stop(struct loop *l)
{
	assert_string_equal(client_why(l->client), "");
	assert_int_equal(client_stray_fds(l->client), 0);
	backend_freep(&l->remote);
	assert_int_equal(pthread_join(l->thread, NULL), 0);
	assert_int_equal(l->ended, 0);
	assert_int_equal(l->stats.stray_fds, 0);
	assert_true(l->stats.requests > 0);
	backend_freep(&l->tree);
	assert_int_equal(open_fds(), l->fds_before);
}

static struct backend *memory(struct loop *l)
{
	struct backend *b;

	l->has = TREE_TMPFS | (geteuid() == 0 ? TREE_ROOT : 0);
	assert_int_equal(backend_memory_new(&b), 0);
	return b;
}

static struct backend *host(struct loop *l)
{
	int root = openat(l->folder->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct backend *b;
	struct statfs fs;

	assert_int_equal(fstatfs(l->folder->fd, &fs), 0);
	l->has = (fs.f_type == TMPFS_MAGIC ? TREE_TMPFS : 0) | (geteuid() == 0 ? TREE_ROOT : 0);
	assert_int_equal(backend_host_new(root, NULL, &b), 0);
	return b;
}

static int setup(void **state)
{
	struct loop *l = calloc(1, sizeof(*l));
	void *folder;

	if (!l || folder_make(&folder) < 0)
		return -1;
	l->folder = folder;
	l->umask_before = umask(0);
	l->fds_before = open_fds();
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct loop *l = *state;
	void *folder = l->folder;

	umask(l->umask_before);
	free(l);
	return folder_drop(&folder);
}

static void the_table_over_memory(void **state)
{
	struct loop *l = *state;

	start(l, memory(l), &(struct server_options){ 0 });
	tree_run(l->remote, l->has);
	stop(l);
}

static void the_table_over_the_host(void **state)
{
	struct loop *l = *state;

	start(l, host(l), &(struct server_options){ .donate = true });
	tree_run(l->remote, l->has);
	stop(l);
}

static void the_table_with_a_larger_statx(void **state)
{
	struct loop *l = *state;

	start(l, memory(l), &(struct server_options){ .dialect = LISAFS_DIALECT_152 });
	assert_int_equal(client_dialect(l->client), LISAFS_DIALECT_152);
	tree_run(l->remote, l->has);
	stop(l);
}

static void an_old_gofer_renames_without_flags(void **state)
{
	struct loop *l = *state;

	start(l, memory(l), &(struct server_options){ .dialect = LISAFS_DIALECT_2022_12 });
	assert_false(client_supports(l->client, LISAFS_RENAMEAT2));
	assert_string_equal(tree_do(l->remote, "create f 644"), "ok");
	assert_string_equal(tree_do(l->remote, "rename f g 1"), "EINVAL");
	assert_string_equal(tree_do(l->remote, "rename f g 0"), "ok");
	assert_string_equal(tree_do(l->remote, "listx g"), "EOPNOTSUPP");
	stop(l);
}

static void renaming_needs_only_one_of_the_two_messages(void **state)
{
	uint64_t all = lisafs_dialect_info(LISAFS_DIALECT_2026_09)->supported;
	struct server_options options = { .supported = all & ~(UINT64_C(1) << LISAFS_CHANNEL |
							       UINT64_C(1) << LISAFS_RENAMEAT) };
	struct loop *l = *state;

	start(l, memory(l), &options);
	assert_false(client_supports(l->client, LISAFS_RENAMEAT));
	assert_string_equal(tree_do(l->remote, "create f 644"), "ok");
	assert_string_equal(tree_do(l->remote, "rename f g 0"), "ok");
	stop(l);
}

static void donated_fds_are_of_the_files_themselves(void **state)
{
	struct backend_create create = { 0644, LISAFS_NO_ID, LISAFS_NO_ID };
	struct loop *l = *state;
	struct backend_node *root;
	struct backend_node *n;
	struct backend_file *f;
	struct backend_file *again;
	struct lisafs_statx stat;
	_cleanup_close_ int file = -1;
	int fd;

	start(l, host(l), &(struct server_options){ .donate = true });
	assert_int_equal(l->remote->ops->donate(l->remote, &fd), 0);
	assert_true(same_file(fd, l->folder->fd));
	close(fd);
	assert_int_equal(l->remote->ops->donate(l->remote, &fd), -EOPNOTSUPP);

	assert_int_equal(l->remote->ops->root(l->remote, &root, &stat), 0);
	assert_int_equal(l->remote->ops->create(l->remote, root, "f", O_RDWR | O_EXCL, &create, &n,
						&stat, &f, &fd),
			 0);
	file = openat(l->folder->fd, "f", O_RDONLY | O_CLOEXEC);
	assert_true(same_file(fd, file));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	close(fd);
	assert_int_equal(l->remote->ops->open(l->remote, n, O_RDONLY, &again, &fd), 0);
	assert_true(same_file(fd, file));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
	close_fd(&file);
	l->remote->ops->close(l->remote, again);
	l->remote->ops->close(l->remote, f);
	l->remote->ops->put(l->remote, n);
	l->remote->ops->put(l->remote, root);
	stop(l);
}

static void without_donation_there_are_none(void **state)
{
	struct loop *l = *state;
	struct backend_node *root;
	struct backend_file *f;
	struct lisafs_statx stat;
	int fd;

	start(l, host(l), &(struct server_options){ 0 });
	assert_int_equal(l->remote->ops->donate(l->remote, &fd), -EOPNOTSUPP);
	assert_int_equal(l->remote->ops->root(l->remote, &root, &stat), 0);
	assert_int_equal(l->remote->ops->open(l->remote, root, O_RDONLY, &f, &fd), 0);
	assert_int_equal(fd, -1);
	l->remote->ops->close(l->remote, f);
	l->remote->ops->put(l->remote, root);
	stop(l);
}

static void more_than_a_message_holds_goes_in_pieces(void **state)
{
	enum { SIZE = (5u << 20) + 123 };
	struct backend_create create = { 0644, LISAFS_NO_ID, LISAFS_NO_ID };
	_cleanup_free_ uint8_t *data = malloc(SIZE);
	_cleanup_free_ uint8_t *back = malloc(SIZE);
	struct loop *l = *state;
	struct backend_node *root;
	struct backend_node *n;
	struct backend_file *f;
	struct lisafs_statx stat;

	assert_true(data && back);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 24);
	start(l, memory(l), &(struct server_options){ 0 });
	assert_int_equal(l->remote->ops->root(l->remote, &root, &stat), 0);
	assert_int_equal(l->remote->ops->create(l->remote, root, "f", O_RDWR | O_EXCL, &create, &n,
						&stat, &f, NULL),
			 0);
	assert_int_equal(l->remote->ops->write(l->remote, f, data, SIZE, 7), SIZE);
	assert_int_equal(l->remote->ops->read(l->remote, f, back, SIZE, 7), SIZE);
	assert_memory_equal(data, back, SIZE);
	assert_int_equal(l->remote->ops->read(l->remote, f, back, SIZE, 1u << 20),
			 SIZE + 7 - (1u << 20));
	l->remote->ops->close(l->remote, f);
	l->remote->ops->put(l->remote, n);
	l->remote->ops->put(l->remote, root);
	stop(l);
}

/* Takes left entries, then stops. */
struct taking {
	size_t left;
	size_t n;
	uint64_t off; /* of the last one taken */
	char last[256];
};

static bool take(void *data, const struct backend_dirent *d)
{
	struct taking *t = data;

	if (t->left == 0)
		return false;
	t->left--;
	t->n++;
	t->off = d->off;
	snprintf(t->last, sizeof(t->last), "%s", d->name);
	return true;
}

static void listings_go_on_from_any_offset(void **state)
{
	enum { N = 2500 }; /* more than one Getdents64 brings */
	struct loop *l = *state;
	struct backend_node *root;
	struct backend_file *f;
	struct lisafs_statx stat;
	struct taking first = { .left = 2000 };
	struct taking rest = { .left = SIZE_MAX };
	struct taking again = { .left = 1 };

	start(l, memory(l), &(struct server_options){ 0 });
	for (int i = 0; i < N; i++) {
		char command[32];

		snprintf(command, sizeof(command), "create f%d 644", i);
		assert_string_equal(tree_do(l->remote, command), "ok");
	}
	assert_int_equal(l->remote->ops->root(l->remote, &root, &stat), 0);
	assert_int_equal(l->remote->ops->open(l->remote, root, O_RDONLY, &f, NULL), 0);
	assert_int_equal(l->remote->ops->getdents(l->remote, f, 0, take, &first), 0);
	assert_int_equal(first.n, 2000);
	assert_int_equal(l->remote->ops->getdents(l->remote, f, first.off, take, &rest), 0);
	assert_int_equal(rest.n, N - 2000);
	assert_int_equal(l->remote->ops->getdents(l->remote, f, first.off, take, &again), 0);
	assert_int_equal(again.n, 1); /* back into the middle */
	assert_true(again.off > first.off);
	again = (struct taking){ .left = SIZE_MAX };
	assert_int_equal(l->remote->ops->getdents(l->remote, f, rest.off, take, &again), 0);
	assert_int_equal(again.n, 0);
	l->remote->ops->close(l->remote, f);
	l->remote->ops->put(l->remote, root);
	stop(l);
}

static void sockets_work_from_bind_to_accept(void **state)
{
	struct backend_create create = { 0755, LISAFS_NO_ID, LISAFS_NO_ID };
	struct loop *l = *state;
	struct backend_node *root;
	struct backend_node *n;
	struct backend_socket *s;
	struct lisafs_statx stat;
	_cleanup_close_ int bound = -1;
	_cleanup_close_ int here = -1;
	_cleanup_close_ int there = -1;
	char byte;

	start(l, host(l), &(struct server_options){ 0 });
	assert_int_equal(l->remote->ops->root(l->remote, &root, &stat), 0);
	assert_int_equal(l->remote->ops->bind(l->remote, root, "s", SOCK_STREAM, &create, &n, &stat,
					      &s, &bound),
			 0);
	assert_true(S_ISSOCK(stat.mode));
	assert_true(bound >= 0);
	assert_int_equal(l->remote->ops->listen(l->remote, s, 1), 0);
	assert_int_equal(l->remote->ops->connect(l->remote, n, SOCK_STREAM, &here), 0);
	assert_int_equal(l->remote->ops->accept(l->remote, s, &there), 0);
	assert_int_equal(send(here, "!", 1, 0), 1);
	assert_int_equal(recv(there, &byte, 1, 0), 1);
	close_fd(&bound);
	close_fd(&here);
	close_fd(&there);
	l->remote->ops->put_socket(l->remote, s);
	assert_int_equal(l->remote->ops->connect(l->remote, n, SOCK_STREAM, &here), -ECONNREFUSED);
	l->remote->ops->put(l->remote, n);
	l->remote->ops->put(l->remote, root);
	stop(l);
}

static uint64_t size_over(struct backend *b, struct backend_node *n)
{
	struct lisafs_statx stat;

	assert_int_equal(b->ops->stat(b, n, &stat), 0);
	return stat.size;
}

static void resize(struct backend *b, struct backend_node *n, uint64_t size)
{
	const struct backend_attr attr = { .mask = STATX_SIZE, .size = size };
	uint32_t failed = 0;
	uint32_t error = 0;

	assert_int_equal(b->ops->set(b, n, &attr, &failed, &error), 0);
	assert_int_equal(failed, 0);
}

static void a_reply_answers_one_stat_where_that_is_wanted(void **state)
{
	struct loop *l = *state;
	_cleanup_close_ int behind = openat(l->folder->fd, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	struct backend_node *root;
	struct lisafs_statx stat;

	assert_true(behind >= 0);
	start(l, host(l), &(struct server_options){ 0 });
	assert_int_equal(l->remote->ops->root(l->remote, &root, &stat), 0);
	for (int reuse = 0; reuse < 2; reuse++) {
		struct backend_node *n;

		if (reuse)
			backend_remote_reuse(l->remote);
		assert_int_equal(ftruncate(behind, 1), 0);
		assert_int_equal(l->remote->ops->lookup(l->remote, root, "f", &n, &stat), 0);
		assert_int_equal(ftruncate(behind, 2), 0);
		assert_int_equal(size_over(l->remote, n), reuse ? 1 : 2);
		assert_int_equal(size_over(l->remote, n), 2); /* once */
		l->remote->ops->put(l->remote, n);
		assert_int_equal(l->remote->ops->lookup(l->remote, root, "f", &n, &stat), 0);
		resize(l->remote, n, 3); /* something else was asked between */
		assert_int_equal(size_over(l->remote, n), 3);
		l->remote->ops->put(l->remote, n);
	}
	l->remote->ops->put(l->remote, root);
	close_fd(&behind);
	stop(l);
}

#define IN_A_LOOP(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_LOOP(the_table_over_memory),
		IN_A_LOOP(the_table_over_the_host),
		IN_A_LOOP(the_table_with_a_larger_statx),
		IN_A_LOOP(an_old_gofer_renames_without_flags),
		IN_A_LOOP(renaming_needs_only_one_of_the_two_messages),
		IN_A_LOOP(donated_fds_are_of_the_files_themselves),
		IN_A_LOOP(without_donation_there_are_none),
		IN_A_LOOP(more_than_a_message_holds_goes_in_pieces),
		IN_A_LOOP(listings_go_on_from_any_offset),
		IN_A_LOOP(sockets_work_from_bind_to_accept),
		IN_A_LOOP(a_reply_answers_one_stat_where_that_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
