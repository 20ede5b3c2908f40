/* The tree in memory: the table of all trees, and what it alone does. */
#include "suite/unit/support/unit.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "suite/unit/support/tree_run.h"

static int setup(void **state)
{
	struct backend *b;

	assert_int_equal(backend_memory_new(&b), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct backend *b = *state;

	backend_freep(&b);
	return 0;
}

static void the_table(void **state)
{
	tree_run(*state, TREE_TMPFS | TREE_LOCAL | (geteuid() == 0 ? TREE_ROOT : 0));
}

static void a_wrong_answer_is_seen(void **state)
{
	assert_string_equal(tree_do(*state, "mkdir d 755"), "ok");
	assert_string_equal(tree_do(*state, "mkdir d 755"), "EEXIST");
	assert_string_equal(tree_do(*state, "nonsense"), "ENOSYS");
}

static struct backend_node *root_of(struct backend *b)
{
	struct lisafs_statx stat;
	struct backend_node *n;

	assert_int_equal(b->ops->root(b, &n, &stat), 0);
	return n;
}

static struct backend_file *create(struct backend *b, const char *name)
{
	struct backend_create c = { .mode = 0644, .uid = LISAFS_NO_ID, .gid = LISAFS_NO_ID };
	struct backend_node *root = root_of(b);
	struct backend_node *n;
	struct lisafs_statx stat;
	struct backend_file *f;
	int host_fd = 7;

	assert_int_equal(b->ops->create(b, root, name, O_RDWR, &c, &n, &stat, &f, &host_fd), 0);
	assert_int_equal(host_fd, -1);
	b->ops->put(b, n);
	b->ops->put(b, root);
	return f;
}

static void nothing_is_donated(void **state)
{
	struct backend *b = *state;
	int fd = -1;

	assert_int_equal(b->ops->donate(b, &fd), -EOPNOTSUPP);
	b->ops->close(b, create(b, "f"));
	b->ops->close(b, create(b, "f")); /* without O_EXCL: the same file */
	assert_int_equal(fd, -1);
}

static uint64_t blocks_free(struct backend *b)
{
	struct backend_node *root = root_of(b);
	struct lisafs_statfs_reply fs;

	assert_int_equal(b->ops->statfs(b, root, &fs), 0);
	assert_int_equal(fs.type, TMPFS_MAGIC);
	assert_int_equal(fs.files, BACKEND_NODES_LIMIT);
	b->ops->put(b, root);
	return fs.blocks_free;
}

static void content_has_a_limit_and_comes_back(void **state)
{
	struct backend *b = *state;
	static char bytes[1 << 20];
	struct backend_file *f = create(b, "f");
	uint64_t before = blocks_free(b);
	uint64_t at = 0;
	ssize_t n;

	while ((n = b->ops->write(b, f, bytes, sizeof(bytes), at)) > 0)
		at += (uint64_t)n;
	assert_int_equal(n, -ENOSPC);
	assert_int_equal(at, before * 4096);
	assert_int_equal(blocks_free(b), 0);
	assert_int_equal(b->ops->allocate(b, f, 0, BACKEND_BYTES_LIMIT, 1), -ENOSPC);
	assert_string_equal(tree_do(b, "setx f user.a x 0"), "ENOSPC");
	assert_string_equal(tree_do(b, "unlink f"), "ok");
	assert_int_equal(blocks_free(b), 0); /* it is still open */
	b->ops->close(b, f);
	assert_int_equal(blocks_free(b), before);
}

static void a_range_is_allocated_whole_or_not_at_all(void **state)
{
	struct backend *b = *state;
	struct backend_file *f = create(b, "f");
	uint64_t before = blocks_free(b);

	assert_int_equal(b->ops->allocate(b, f, 0, 0, BACKEND_FILE_LIMIT), -ENOSPC);
	assert_int_equal(b->ops->allocate(b, f, 0, 1, BACKEND_FILE_LIMIT), -EFBIG);
	assert_int_equal(blocks_free(b), before);
	b->ops->close(b, f);
}

static void nodes_have_a_limit(void **state)
{
	struct backend *b = *state;
	char command[32];
	unsigned made = 0;
	const char *answer = "ok";

	while (!strcmp(answer, "ok")) {
		snprintf(command, sizeof(command), "mkdir d%u 755", made);
		answer = tree_do(b, command);
		made += !strcmp(answer, "ok");
	}
	assert_string_equal(answer, "ENOSPC");
	assert_int_equal(made, BACKEND_NODES_LIMIT - 1); /* the root is one */
	assert_string_equal(tree_do(b, "rmdir d5"), "ok");
	assert_string_equal(tree_do(b, "mkdir again 755"), "ok");
}

static void deep_trees_are_dropped_without_recursion(void **state)
{
	struct backend *b = *state;
	struct backend_create c = { .mode = 0755, .uid = LISAFS_NO_ID, .gid = LISAFS_NO_ID };
	struct backend_node *at = root_of(b);
	struct lisafs_statx stat;

	for (unsigned i = 0; i < 50000; i++) {
		struct backend_node *next;

		assert_int_equal(b->ops->mkdir(b, at, "d", &c, &next, &stat), 0);
		b->ops->put(b, at);
		at = next;
	}
	b->ops->put(b, at);
}

struct pick {
	unsigned room;
	uint64_t off;
	char names[256];
};

static bool take(void *ctx, const struct backend_dirent *d)
{
	struct pick *p = ctx;

	if (p->room == 0)
		return false;
	p->room--;
	p->off = d->off;
	strcat(p->names, d->name);
	return true;
}

/* Names that come and go while a listing is under way: none twice, none that stayed is left out. */
static void offsets_stay_what_they_are(void **state)
{
	struct backend *b = *state;
	struct pick p = { .room = 3 };
	struct backend_node *root = root_of(b);
	struct backend_file *f;
	char command[] = "mkdir a 755";

	for (char c = 'a'; c <= 'h'; c++) {
		command[6] = c;
		assert_string_equal(tree_do(b, command), "ok");
	}
	assert_int_equal(b->ops->open(b, root, O_RDONLY, &f, NULL), 0);
	assert_int_equal(b->ops->getdents(b, f, 0, take, &p), 0);
	assert_string_equal(p.names, "abc");
	assert_string_equal(tree_do(b, "rmdir c"), "ok"); /* where it stopped */
	assert_string_equal(tree_do(b, "rmdir a"), "ok");
	assert_string_equal(tree_do(b, "rmdir e"), "ok");
	assert_string_equal(tree_do(b, "mkdir i 755"), "ok");
	p.room = 100;
	assert_int_equal(b->ops->getdents(b, f, p.off, take, &p), 0);
	assert_string_equal(p.names, "abcdfghi");
	b->ops->close(b, f);
	b->ops->put(b, root);
}

static void a_sparse_file_may_claim_a_lot(void **state)
{
	struct backend *b = *state;
	uint64_t before = blocks_free(b);

	assert_string_equal(tree_do(b, "create f 644"), "ok");
	assert_string_equal(tree_do(b, "truncate f 1099511627776"), "ok");
	assert_string_equal(tree_do(b, "truncate f 1099511627777"), "EFBIG");
	assert_string_equal(tree_do(b, "write f 1099511627776 x"), "EFBIG");
	assert_string_equal(tree_do(b, "write f 1099511627775 xy"), "1");
	assert_int_equal(blocks_free(b), before - 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_table),
		CASE(a_wrong_answer_is_seen),
		CASE(nothing_is_donated),
		CASE(content_has_a_limit_and_comes_back),
		CASE(a_range_is_allocated_whole_or_not_at_all),
		CASE(nodes_have_a_limit),
		CASE(deep_trees_are_dropped_without_recursion),
		CASE(offsets_stay_what_they_are),
		CASE(a_sparse_file_may_claim_a_lot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
