/* FD ids, bounds of replies, and what is given back. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "suite/gofer/gofer.h"

#define ROUNDS 200
#define FILE_SIZE 100u

/* Requests about one id, for ids that are none. */
static int about(struct client *c, uint16_t id, uint64_t fd)
{
	struct lisafs_message m = { .id = id };

	switch (id) {
	case LISAFS_OPENAT:
		m.body.open = (struct lisafs_open_request){ fd, O_RDONLY };
		break;
	case LISAFS_PREAD:
		m.body.pread = (struct lisafs_pread_request){ 0, fd, 16 };
		break;
	case LISAFS_PWRITE:
		m.body.pwrite =
			(struct lisafs_pwrite_request){ 0, fd, { (const uint8_t *)"x", 1 } };
		break;
	case LISAFS_GETDENTS64:
		m.body.getdents = (struct lisafs_getdents_request){ fd, 4096 };
		break;
	default:
		m.body.fd.fd = fd;
	}
	return client_call(c, &m, &m, NULL, 0);
}

static const uint16_t messages[] = { LISAFS_FSTAT,     LISAFS_OPENAT, LISAFS_PREAD,
				     LISAFS_PWRITE,    LISAFS_FLUSH,  LISAFS_GETDENTS64,
				     LISAFS_READLINKAT };

static int all_say_ebadf(struct talk *t, struct client *c, uint64_t fd, const char *which)
{
	int said = 0;

	for (size_t i = 0; i < ARRAY_SIZE(messages) && said == 0 && !client_why(c)[0]; i++) {
		_cleanup_free_ char *what = str_format("%s of %s", lisafs_name(messages[i]), which);

		if (client_supports(c, messages[i]))
			said = talk_saw(t, "answer", what, "EBADF",
					talk_errno(about(c, messages[i], fd)));
	}
	return said;
}

int gofer_bad_ids(struct talk *t, const void *unused)
{
	static const uint64_t never[] = { 0, 1000000, UINT32_MAX, UINT64_MAX };
	struct lisafs_inode root;
	struct client *c = talk_mount(t, &root, NULL);
	int said = 0;

	(void)unused;
	if (!c)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(never) && said == 0; i++) {
		_cleanup_free_ char *which = str_format("%llu", (unsigned long long)never[i]);

		said = all_say_ebadf(t, c, never[i], which ? which : "");
	}
	if (said == 0)
		said = talk_saw(t, "FStat of the root after that", NULL, "ok",
				talk_errno(talk_fstat(c, root.control_fd, NULL)));
	return said < 0 ? said : talk_close(t, c);
}

static int close_now(struct client *c, uint64_t fd)
{
	struct lisafs_message m = { .id = LISAFS_CLOSE,
				    .body.fds = { .fds = { .items = &fd, .n = 1 } } };

	return client_call(c, &m, &m, NULL, 0);
}

int gofer_closed_ids(struct talk *t, const void *unused)
{
	struct lisafs_open_create_reply made;
	struct lisafs_inode root;
	struct client *c = talk_mount(t, &root, NULL);
	int rc, said;

	(void)unused;
	if (!c)
		return 0;
	rc = talk_create(c, root.control_fd, talk_str("f"), &made);
	rc = rc < 0 ? rc : close_now(c, made.open_fd);
	said = talk_saw(t, "create and close", NULL, "ok", talk_errno(rc));
	if (rc == 0 && said == 0)
		said = all_say_ebadf(t, c, made.open_fd, "a closed file");
	if (rc == 0 && said == 0) {
		(void)close_now(c, made.open_fd); /* again: any answer, and no harm */
		said = talk_saw(t, "FStat of its control FD", NULL, "ok",
				talk_errno(talk_fstat(c, made.child.control_fd, NULL)));
	}
	if (rc == 0 && said == 0)
		said = talk_saw(t, "Close of its control FD", NULL, "ok",
				talk_errno(close_now(c, made.child.control_fd)));
	if (rc == 0 && said == 0)
		said = talk_saw(t, "FStat of it then", NULL, "EBADF",
				talk_errno(talk_fstat(c, made.child.control_fd, NULL)));
	return said < 0 ? said : talk_close(t, c);
}

static int fill(struct client *c, uint64_t fd)
{
	uint8_t bytes[FILE_SIZE];
	struct lisafs_message m = { .id = LISAFS_PWRITE,
				    .body.pwrite = { 0, fd, { bytes, sizeof(bytes) } } };

	memset(bytes, 'x', sizeof(bytes));
	return client_call(c, &m, &m, NULL, 0);
}

static int read_bounds(struct talk *t, struct client *c, uint64_t fd)
{
	static const uint32_t counts[] = { 0, 1, FILE_SIZE, UINT32_MAX };
	int said = 0;

	for (size_t i = 0; i < ARRAY_SIZE(counts) && said == 0; i++) {
		struct lisafs_message m = { .id = LISAFS_PREAD,
					    .body.pread = { 0, fd, counts[i] } };
		uint32_t most = counts[i] < FILE_SIZE ? counts[i] : FILE_SIZE;
		_cleanup_free_ char *what = str_format("%u bytes of %u", counts[i], FILE_SIZE);
		int rc = client_call(c, &m, &m, NULL, 0);

		/* a count that no reply has room for may be refused */
		if (rc < 0 && counts[i] > FILE_SIZE && !client_why(c)[0])
			said = talk_check(t, "PRead", what, true, "", "");
		else
			said = talk_check(t, "PRead", what,
					  rc == 0 && m.body.pread_reply.data.n == most,
					  "what there is, and no more", talk_errno(rc));
	}
	return said;
}

int gofer_bounds(struct talk *t, const void *unused)
{
	static const int32_t counts[] = { 0, 1, INT32_MAX, INT32_MIN };
	struct lisafs_open_create_reply made;
	struct lisafs_inode root;
	struct client *c = talk_mount(t, &root, NULL);
	struct lisafs_message open = { .id = LISAFS_OPENAT };
	int rc, said;

	(void)unused;
	if (!c)
		return 0;
	rc = talk_create(c, root.control_fd, talk_str("f"), &made);
	rc = rc < 0 ? rc : fill(c, made.open_fd);
	said = talk_saw(t, "a file", NULL, "ok", talk_errno(rc));
	if (rc == 0 && said == 0)
		said = read_bounds(t, c, made.open_fd);
	open.body.open = (struct lisafs_open_request){ root.control_fd, O_RDONLY | O_DIRECTORY };
	if (said == 0 && client_call(c, &open, &open, NULL, 0) == 0) {
		uint64_t dir = open.body.open_reply.open_fd;

		/* any answer that is well-formed and fits: the client checks it */
		for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
			struct lisafs_message m = { .id = LISAFS_GETDENTS64,
						    .body.getdents = { dir, counts[i] } };

			(void)client_call(c, &m, &m, NULL, 0);
		}
	}
	return said < 0 ? said : talk_close(t, c);
}

/* Every kind of request that gives an FD id, and all given back. */
static int round_trip(struct client *c, uint64_t root)
{
	struct lisafs_open_create_reply made;
	struct lisafs_inode found, dir;
	int rc = talk_create(c, root, talk_str("f"), &made);

	rc = rc < 0 ? rc : talk_walk(c, root, talk_str("f"), &found);
	rc = rc < 0 ? rc : close_now(c, made.open_fd);
	rc = rc < 0 ? rc : close_now(c, found.control_fd);
	rc = rc < 0 ? rc : close_now(c, made.child.control_fd);
	rc = rc < 0 ? rc : talk_unlink(c, root, talk_str("f"), 0);
	rc = rc < 0 ? rc : talk_mkdir(c, root, talk_str("d"), &dir);
	rc = rc < 0 ? rc : close_now(c, dir.control_fd);
	rc = rc < 0 ? rc : talk_unlink(c, root, talk_str("d"), AT_REMOVEDIR);
	(void)talk_walk(c, root, talk_str("no"), &found);
	return rc;
}

int gofer_growth(struct talk *t, const void *unused)
{
	struct lisafs_inode root;
	struct client *c = talk_mount(t, &root, NULL);
	_cleanup_free_ char *more = NULL;
	int before, after, rc, said;

	(void)unused;
	if (!c)
		return 0;
	rc = round_trip(c, root.control_fd); /* once, for what is opened for good */
	before = t->count_fds(t->ctx);
	for (int i = 0; i < ROUNDS && rc == 0; i++)
		rc = round_trip(c, root.control_fd);
	after = t->count_fds(t->ctx);
	said = talk_saw(t, "requests", NULL, "ok", talk_errno(rc));
	more = str_format("%d more", after - before);
	if (rc == 0 && said == 0 && before >= 0)
		said = talk_check(t, "FDs of the gofer", NULL, after <= before,
				  "as before 200 rounds", more ? more : "");
	return said < 0 ? said : talk_close(t, c);
}
