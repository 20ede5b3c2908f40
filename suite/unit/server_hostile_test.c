/*
 * A peer that sends whatever decodes, in any order, and what does not: every reply is well formed, no
 * FD is left behind, nothing outside the root is touched. Seeded, so a failure comes again.
 */
#include "suite/unit/support/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "harness/base/rng.h"
#include "suite/unit/support/ask.h"
#include "suite/unit/support/open_fds.h"
#include "suite/unit/support/folder.h"

#define REQUESTS 20000
#define PATH_MOST 4
#define MOUNT_EVERY 8

struct peer {
	struct rng rng;
	uint64_t newest; /* an id that the server gave lately */
};

static size_t below(struct peer *p, size_t n)
{
	return rng_below(&p->rng, n);
}

/* Known ones mostly: those around what was given last, and a few that never were. */
static uint64_t an_id(struct peer *p)
{
	return p->newest + below(p, 24) - (p->newest < 16 ? 0 : 16);
}

static struct lisafs_str a_name(struct peer *p)
{
	static const char *const names[] = {
		"a", "b", "c", "d", "e", "f", "s", "..", ".", "", "a/b", "/", "../../outside/secret"
	};

	/* Good ones more often, or nothing ever grows. */
	return ask_str(names[below(p, below(p, 3) ? 7 : ARRAY_SIZE(names))]);
}

static struct lisafs_create a_create(struct peer *p)
{
	static const uint16_t types[] = { 0,       S_IFREG, S_IFIFO, S_IFSOCK,
					  S_IFCHR, S_IFBLK, S_IFDIR, S_IFLNK };

	return (struct lisafs_create){
		.dir_fd = an_id(p),
		.uid = below(p, 2) ? LISAFS_NO_ID : (uint32_t)below(p, 3),
		.gid = below(p, 2) ? LISAFS_NO_ID : (uint32_t)below(p, 3),
		.mode = (uint16_t)(types[below(p, ARRAY_SIZE(types))] | below(p, 07777)),
	};
}

/* Small mostly, and what is at the edges. */
static uint64_t a_number(struct peer *p)
{
	static const uint64_t edges[] = { 0, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX };

	return below(p, 4) ? below(p, 20000) : edges[below(p, ARRAY_SIZE(edges))];
}

static const uint8_t content[8192];

/* Sizes that a disk has room for: the host's is real. */
static void fill_file_request(struct peer *p, uint16_t id, union lisafs_body *b)
{
	if (id == LISAFS_PWRITE)
		b->pwrite = (struct lisafs_pwrite_request){
			a_number(p), an_id(p), { content, (uint32_t)below(p, sizeof(content)) }
		};
	else if (id == LISAFS_PREAD)
		b->pread = (struct lisafs_pread_request){ a_number(p), an_id(p),
							  (uint32_t)a_number(p) };
	else if (id == LISAFS_FALLOCATE)
		b->allocate = (struct lisafs_allocate_request){ an_id(p), below(p, 128),
								a_number(p), below(p, 100000) };
	else if (id == LISAFS_OPENAT)
		b->open = (struct lisafs_open_request){ an_id(p), (uint32_t)a_number(p) };
	else if (id == LISAFS_GETDENTS64)
		b->getdents = (struct lisafs_getdents_request){ an_id(p), (int32_t)a_number(p) };
	else if (id == LISAFS_SETSTAT)
		b->setstat = (struct lisafs_setstat_request){
			.fd = an_id(p),
			.mask = (uint32_t)below(p, 0x400),
			.mode = 0644,
			.size = a_number(p),
			.atime_nsec = (int64_t)a_number(p),
		};
}

static void fill_name_request(struct peer *p, uint16_t id, union lisafs_body *b)
{
	if (id == LISAFS_MKDIRAT)
		b->mkdir = (struct lisafs_mkdir_request){ a_create(p), a_name(p) };
	else if (id == LISAFS_MKNODAT)
		b->mknod = (struct lisafs_mknod_request){ a_create(p), 0, 0, a_name(p) };
	else if (id == LISAFS_OPENCREATEAT)
		b->open_create =
			(struct lisafs_open_create_request){ a_create(p), (uint32_t)a_number(p),
							     a_name(p) };
	else if (id == LISAFS_BINDAT)
		b->bind = (struct lisafs_bind_request){ a_create(p), (uint32_t)below(p, 6),
							a_name(p) };
	else if (id == LISAFS_SYMLINKAT)
		b->symlink = (struct lisafs_symlink_request){ an_id(p), LISAFS_NO_ID, LISAFS_NO_ID,
							      a_name(p), a_name(p) };
	else if (id == LISAFS_LINKAT)
		b->link = (struct lisafs_link_request){ an_id(p), an_id(p), a_name(p) };
	else if (id == LISAFS_UNLINKAT)
		b->unlink = (struct lisafs_unlink_request){
			an_id(p), below(p, 2) ? AT_REMOVEDIR : (uint32_t)below(p, 2), a_name(p)
		};
	else if (id == LISAFS_RENAMEAT || id == LISAFS_RENAMEAT2)
		b->rename = (struct lisafs_rename_request){ an_id(p), an_id(p), a_name(p),
							    a_name(p), (uint32_t)below(p, 9) };
}

static void fill_other_request(struct peer *p, uint16_t id, union lisafs_body *b)
{
	if (id == LISAFS_FGETXATTR)
		b->get_xattr = (struct lisafs_get_xattr_request){ an_id(p), (uint32_t)a_number(p),
								  ask_str("user.x") };
	else if (id == LISAFS_FSETXATTR)
		b->set_xattr = (struct lisafs_set_xattr_request){ an_id(p), (uint32_t)below(p, 4),
								  ask_str("user.x"), a_name(p) };
	else if (id == LISAFS_FLISTXATTR)
		b->list_xattr = (struct lisafs_list_xattr_request){ an_id(p), a_number(p) };
	else if (id == LISAFS_FREMOVEXATTR)
		b->remove_xattr =
			(struct lisafs_remove_xattr_request){ an_id(p), ask_str("user.x") };
	else if (id == LISAFS_CONNECT || id == LISAFS_CONNECTWITHCREDS)
		b->connect =
			(struct lisafs_connect_request){ an_id(p), (uint32_t)below(p, 6), 0, 0 };
	else if (id == LISAFS_LISTEN)
		b->listen = (struct lisafs_listen_request){ an_id(p), (int32_t)a_number(p) };
	else
		b->fd.fd = an_id(p);
}

static void send_something(struct ask *a, struct peer *p)
{
	uint16_t id = (uint16_t)(1 + below(p, LISAFS_ID_N));
	struct lisafs_str path[PATH_MOST];
	uint64_t ids[PATH_MOST];
	uint8_t noise[64];
	union lisafs_body b = { 0 };

	for (size_t i = 0; i < PATH_MOST; i++) {
		path[i] = a_name(p);
		ids[i] = an_id(p);
	}
	if (id >= LISAFS_ID_N || below(p, 16) == 0) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)below(p, below(p, 2) ? 4 : 256);
		ask_bytes(a, id, noise, (uint32_t)below(p, sizeof(noise)));
		return;
	}
	if (id == LISAFS_WALK || id == LISAFS_WALKSTAT) {
		b.walk.dir_fd = an_id(p);
		b.walk.path =
			(struct lisafs_array){ .items = path, .n = (uint16_t)below(p, PATH_MOST) };
	} else if (id == LISAFS_CLOSE || id == LISAFS_FSYNC) {
		b.fds.fds = (struct lisafs_array){ .items = ids, .n = (uint16_t)below(p, 2) };
	} else {
		fill_other_request(p, id, &b);
		fill_name_request(p, id, &b);
		fill_file_request(p, id, &b);
	}
	ask(a, id, &b);
}

static void harass(struct backend *b, size_t fds_before, uint64_t seed)
{
	struct server_options o = { .dialect = LISAFS_DIALECT_2026_09,
				    .supported = UINT64_MAX,
				    .donate = true };
	struct peer p = { .rng = rng_seeded(seed) };
	struct ask a;

	ask_start(&a, b, &o);
	for (unsigned i = 0; i < REQUESTS; i++) {
		if (i % MOUNT_EVERY == 0) {
			assert_int_equal(ask_mount(&a), 0);
			p.newest = a.root;
		}
		send_something(&a, &p);
	}
	/* Enough of it must have been understood. */
	assert_true(server_stats(a.server)->refused < REQUESTS * 9 / 10);
	ask_stop(&a, fds_before);
}

static void memory_withstands_it(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		size_t before = open_fds();
		struct backend *b;

		assert_int_equal(backend_memory_new(&b), 0);
		harass(b, before, seed);
	}
}

static size_t count_entries(int dirfd)
{
	_cleanup_closedir_ DIR *dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_CLOEXEC));
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n;
}

static void the_host_withstands_it_and_what_is_outside_stays(void **state)
{
	struct folder *f = *state;
	size_t before = open_fds();
	mode_t mask = umask(0);
	struct backend *b;
	struct stat st;

	assert_int_equal(mkdirat(f->fd, "root", 0755), 0);
	assert_int_equal(mkdirat(f->fd, "outside", 0700), 0);
	folder_put(f->fd, "outside/secret", "secret");
	for (int fallback = 0; fallback <= 1; fallback++) {
		struct backend_host_options o = { .no_openat2 = fallback != 0 };
		int root = openat(f->fd, "root", O_RDONLY | O_CLOEXEC);

		assert_int_equal(backend_host_new(root, &o, &b), 0);
		harass(b, before, (uint64_t)fallback + 10);
	}
	umask(mask);
	assert_int_equal(count_entries(f->fd), 4); /* with "." and ".." */
	assert_int_equal(fstatat(f->fd, "outside", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(fstatat(f->fd, "outside/secret", &st, 0), 0);
	assert_int_equal(st.st_nlink, 1);
	_cleanup_free_ char *text = folder_get(f->fd, "outside/secret", NULL);
	assert_string_equal(text, "secret");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_withstands_it),
		cmocka_unit_test_setup_teardown(the_host_withstands_it_and_what_is_outside_stays,
						folder_make, folder_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
