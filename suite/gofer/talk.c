#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "suite/gofer/gofer.h"

int talk_check(struct talk *t, const char *property, const char *key, bool ok, const char *what,
	       const char *observed)
{
	_cleanup_json_ struct json_object *f = NULL;

	t->compared++;
	if (ok)
		return 0;
	t->failed++;
	f = json_object_new_object();
	if (!f || json_add_string(f, "property", property) < 0 ||
	    json_add_string(f, "key", key) < 0 || json_add_string(f, "subject", "the gofer") < 0 ||
	    json_add_string(f, "expected", what) < 0 ||
	    json_add_string(f, "observed", observed) < 0 ||
	    json_add_string(f, "state", "fail") < 0 ||
	    json_add_string(f, "source", "the connection") < 0)
		return -ENOMEM;
	return json_push(t->facts, TAKE_PTR(f));
}

int talk_saw(struct talk *t, const char *property, const char *key, const char *expected,
	     const char *observed)
{
	return talk_check(t, property, key, !strcmp(expected, observed), expected, observed);
}

const char *talk_errno(int rc)
{
	const char *name = rc < 0 ? strerrorname_np(-rc) : "ok";

	return name ? name : "an unknown errno";
}

struct client *talk_mount(struct talk *t, struct lisafs_inode *ret_root, int *ret_fd)
{
	struct lisafs_inode root;
	struct client *c = NULL;
	int fd = -1;
	int rc = client_new(t->socket, t->deadline_ms, &c);

	if (rc < 0)
		return NULL;
	t->socket = -1;
	rc = client_mount(c, &root, &fd);
	if (rc < 0) {
		t->late |= rc == -ETIMEDOUT;
		talk_saw(t, "mount", NULL, "a Mount reply",
			 client_why(c)[0] ? client_why(c) : talk_errno(rc));
		client_free(c);
		return NULL;
	}
	if (ret_root)
		*ret_root = root;
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	close_fd(&fd);
	return c;
}

int talk_close(struct talk *t, struct client *c)
{
	_cleanup_free_ char *stray = NULL;
	int rc;

	(void)client_close_flush(c);
	t->late |= strstr(client_why(c), strerror(ETIMEDOUT)) != NULL;
	rc = talk_saw(t, "replies", NULL, "", client_why(c));
	stray = str_format("%llu", (unsigned long long)client_stray_fds(c));
	if (rc == 0)
		rc = stray ? talk_saw(t, "FDs where none is due", NULL, "0", stray) : -ENOMEM;
	client_free(c);
	return rc;
}

/* Requests ------------------------------------------------------------------------------------ */

struct lisafs_str talk_str(const char *text)
{
	return (struct lisafs_str){ text, (uint32_t)strlen(text) };
}

static struct lisafs_create create_in(uint64_t dir, uint16_t mode)
{
	return (struct lisafs_create){
		.dir_fd = dir, .uid = LISAFS_NO_ID, .gid = LISAFS_NO_ID, .mode = mode
	};
}

int talk_walk(struct client *c, uint64_t dir, struct lisafs_str name, struct lisafs_inode *ret)
{
	struct lisafs_message m = {
		.id = LISAFS_WALK,
		.body.walk = { .dir_fd = dir, .path = { .items = &name, .n = 1 } },
	};
	struct lisafs_cursor at = { 0 };
	int rc = client_call(c, &m, &m, NULL, 0);

	if (rc < 0)
		return rc;
	return lisafs_next_inode(&m.body.walk_reply.inodes, &at, ret) ? 0 : -ENOENT;
}

int talk_create(struct client *c, uint64_t dir, struct lisafs_str name,
		struct lisafs_open_create_reply *ret)
{
	struct lisafs_message m = {
		.id = LISAFS_OPENCREATEAT,
		.body.open_create = { .create = create_in(dir, 0644),
				      .flags = O_RDWR,
				      .name = name },
	};
	int rc = client_call(c, &m, &m, NULL, 0);

	if (rc == 0)
		*ret = m.body.open_create_reply;
	return rc;
}

int talk_mkdir(struct client *c, uint64_t dir, struct lisafs_str name, struct lisafs_inode *ret)
{
	struct lisafs_message m = {
		.id = LISAFS_MKDIRAT,
		.body.mkdir = { .create = create_in(dir, 0755), .name = name },
	};
	int rc = client_call(c, &m, &m, NULL, 0);

	if (rc == 0)
		*ret = m.body.inode_reply.child;
	return rc;
}

int talk_fstat(struct client *c, uint64_t fd, struct lisafs_statx *ret)
{
	struct lisafs_message m = { .id = LISAFS_FSTAT, .body.fd.fd = fd };
	int rc = client_call(c, &m, &m, NULL, 0);

	if (rc == 0 && ret)
		*ret = m.body.stat_reply;
	return rc;
}

int talk_unlink(struct client *c, uint64_t dir, struct lisafs_str name, uint32_t flags)
{
	struct lisafs_message m = {
		.id = LISAFS_UNLINKAT,
		.body.unlink = { .dir_fd = dir, .flags = flags, .name = name },
	};

	return client_call(c, &m, &m, NULL, 0);
}
