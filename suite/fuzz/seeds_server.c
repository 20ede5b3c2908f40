/* A conversation in which every request of the server succeeds on a tree in memory. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "harness/base/cleanup.h"
#include "suite/fuzz/seeds.h"

#define TEXT(s)                    \
	{                          \
		(s), sizeof(s) - 1 \
	}
#define IN_ROOT                              \
	{                                    \
		.dir_fd = ROOT, .mode = 0644 \
	}
#define ONE(type, ...)                                         \
	{                                                      \
		.items = (const type[]){ __VA_ARGS__ }, .n = 1 \
	}

/* FD ids in the order in which the server gives them out. */
enum {
	ROOT = 1,
	FILE_F,
	OPEN_F,
	DIR_D,
	LINK_L,
	HARD_K,
	PIPE_P,
	SOCKET_S,
	BOUND_S,
	WALKED_F,
	OPEN_D
};

static const struct lisafs_message script[] = {
	{ .id = LISAFS_MOUNT },
	{ .id = LISAFS_OPENCREATEAT, .body.open_create = { IN_ROOT, O_RDWR, TEXT("f") } },
	{ .id = LISAFS_MKDIRAT, .body.mkdir = { IN_ROOT, TEXT("d") } },
	{ .id = LISAFS_SYMLINKAT, .body.symlink = { ROOT, 1, 2, TEXT("l"), TEXT("target") } },
	{ .id = LISAFS_LINKAT, .body.link = { ROOT, FILE_F, TEXT("k") } },
	{ .id = LISAFS_MKNODAT,
	  .body.mknod = { { .dir_fd = ROOT, .mode = S_IFIFO | 0600 }, 0, 0, TEXT("p") } },
	{ .id = LISAFS_BINDAT, .body.bind = { IN_ROOT, SOCK_STREAM, TEXT("s") } },
	{ .id = LISAFS_LISTEN, .body.listen = { BOUND_S, 1 } },
	{ .id = LISAFS_CONNECT, .body.connect = { .fd = SOCKET_S, .sock_type = SOCK_STREAM } },
	{ .id = LISAFS_ACCEPT, .body.fd = { BOUND_S } },
	{ .id = LISAFS_WALK, .body.walk = { ROOT, ONE(struct lisafs_str, TEXT("f")) } },
	{ .id = LISAFS_WALKSTAT, .body.walk = { ROOT, ONE(struct lisafs_str, TEXT("d")) } },
	{ .id = LISAFS_OPENAT, .body.open = { ROOT, O_RDONLY | O_DIRECTORY } },
	{ .id = LISAFS_GETDENTS64, .body.getdents = { OPEN_D, 4096 } },
	{ .id = LISAFS_READLINKAT, .body.fd = { LINK_L } },
	{ .id = LISAFS_PWRITE, .body.pwrite = { 3, OPEN_F, TEXT((const uint8_t *)"some bytes") } },
	{ .id = LISAFS_PREAD, .body.pread = { 0, OPEN_F, 100 } },
	{ .id = LISAFS_FALLOCATE, .body.allocate = { OPEN_F, 0, 0, 5000 } },
	{ .id = LISAFS_FSYNC, .body.fds = { ONE(uint64_t, OPEN_F) } },
	{ .id = LISAFS_FLUSH, .body.fd = { OPEN_F } },
	{ .id = LISAFS_FSTAT, .body.fd = { OPEN_F } },
	{ .id = LISAFS_FSTATFS, .body.fd = { ROOT } },
	{ .id = LISAFS_SETSTAT,
	  .body.setstat = { .fd = FILE_F,
			    .mask = STATX_MODE | STATX_UID | STATX_GID | STATX_SIZE | STATX_ATIME |
				    STATX_MTIME,
			    .mode = 0600,
			    .size = 7 } },
	{ .id = LISAFS_FSETXATTR, .body.set_xattr = { FILE_F, 0, TEXT("user.x"), TEXT("value") } },
	{ .id = LISAFS_FGETXATTR, .body.get_xattr = { FILE_F, 100, TEXT("user.x") } },
	{ .id = LISAFS_FLISTXATTR, .body.list_xattr = { FILE_F, 100 } },
	{ .id = LISAFS_FREMOVEXATTR, .body.remove_xattr = { FILE_F, TEXT("user.x") } },
	{ .id = LISAFS_RENAMEAT2, .body.rename = { ROOT, DIR_D, TEXT("f"), TEXT("g"), 0 } },
	{ .id = LISAFS_RENAMEAT, .body.rename = { ROOT, ROOT, TEXT("k"), TEXT("p"), 0 } },
	{ .id = LISAFS_UNLINKAT, .body.unlink = { ROOT, 0, TEXT("l") } },
	{ .id = LISAFS_CLOSE, .body.fds = { ONE(uint64_t, OPEN_D) } },
};

static int add_request(struct str *s, const struct lisafs_message *msg)
{
	uint8_t payload[256];
	size_t n = 0;
	int r = lisafs_encode(msg, payload, sizeof(payload), &n, NULL);

	if (r < 0)
		return r;
	str_add_char(s, (char)msg->id);
	str_add_char(s, 0); /* no FDs */
	seed_add_size(s, n);
	str_add_n(s, payload, n);
	return 0;
}

int seed_server(const char *folder)
{
	_cleanup_str_ struct str s = STR_INIT;
	int r = 0;

	seed_add_size(&s, 0); /* options */
	for (size_t i = 0; i < ARRAY_SIZE(script) && r == 0; i++)
		r = add_request(&s, &script[i]);
	return r < 0 ? r : seed_write(folder, "server", "script", &s);
}
