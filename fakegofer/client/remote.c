/* The tree of a gofer as a backend: what is done to nodes. */
#include "fakegofer/client/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int remote_call(struct backend *b, struct lisafs_message *req, struct lisafs_message *ret_reply,
		int *ret_fd)
{
	struct client *c = remote_of(b)->client;
	int rc;

	remote_of(b)->fresh = NULL;
	rc = client_call(c, req, ret_reply, ret_fd, ret_fd ? 1 : 0);
	return rc < 0 && client_why(c)[0] != '\0' ? -EIO : rc;
}

struct lisafs_str remote_str(const char *text)
{
	return (struct lisafs_str){ .data = text, .n = (uint32_t)strlen(text) };
}

static struct backend_node *new_node(uint64_t fdid, const struct lisafs_statx *stat)
{
	struct backend_node *n = malloc(sizeof(*n));

	if (n)
		*n = (struct backend_node){ .fdid = fdid, .type = stat->mode & S_IFMT };
	return n;
}

int remote_child(struct backend *b, const struct lisafs_inode *child, struct backend_node **ret,
		 struct lisafs_statx *ret_stat)
{
	struct lisafs_statx stat = child->stat;
	struct backend_node *n = new_node(child->control_fd, &stat);

	if (!n) {
		client_close_later(remote_of(b)->client, child->control_fd);
		return -ENOMEM;
	}
	*ret = n;
	if (ret_stat)
		*ret_stat = stat;
	remote_of(b)->fresh = n;
	remote_of(b)->fresh_stat = stat;
	return 0;
}

struct lisafs_create remote_create(const struct backend_node *dir, const struct backend_create *c)
{
	return (struct lisafs_create){
		.dir_fd = dir->fdid, .uid = c->uid, .gid = c->gid, .mode = (uint16_t)c->mode
	};
}

static void remote_destroy(struct backend *b)
{
	struct remote *r = remote_of(b);

	close_fd(&r->donated);
	client_free(r->client);
	free(r);
}

static int fstat_fdid(struct backend *b, uint64_t fdid, struct lisafs_statx *ret)
{
	struct lisafs_message msg = { .id = LISAFS_FSTAT, .body.fd.fd = fdid };
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc == 0)
		*ret = msg.body.stat_reply;
	return rc;
}

static int remote_root(struct backend *b, struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	uint64_t fdid = remote_of(b)->root.control_fd;
	struct lisafs_statx stat;
	struct backend_node *n;
	int rc = fstat_fdid(b, fdid, &stat);

	if (rc < 0)
		return rc;
	n = new_node(fdid, &stat);
	if (!n)
		return -ENOMEM;
	*ret = n;
	if (ret_stat)
		*ret_stat = stat;
	return 0;
}

static int remote_donate(struct backend *b, int *ret_fd)
{
	struct remote *r = remote_of(b);

	if (r->donated < 0)
		return -EOPNOTSUPP;
	*ret_fd = TAKE_FD(r->donated);
	return 0;
}

/* The root's FD id is the connection's: it stays open. */
void remote_put(struct backend *b, struct backend_node *n)
{
	struct remote *r = remote_of(b);

	if (n == r->fresh)
		r->fresh = NULL;
	if (n->fdid != r->root.control_fd)
		client_close_later(r->client, n->fdid);
	free(n);
}

/* Once only: who asks again wants to know what has become of it. */
static bool take_fresh(struct remote *r, const struct backend_node *n, struct lisafs_statx *ret)
{
	if (!r->reuse || r->fresh != n)
		return false;
	*ret = r->fresh_stat;
	r->fresh = NULL;
	return true;
}

static int remote_stat(struct backend *b, struct backend_node *n, struct lisafs_statx *ret)
{
	return take_fresh(remote_of(b), n, ret) ? 0 : fstat_fdid(b, n->fdid, ret);
}

static int remote_set(struct backend *b, struct backend_node *n, const struct backend_attr *a,
		      uint32_t *ret_failed, uint32_t *ret_error)
{
	struct lisafs_message msg = {
		.id = LISAFS_SETSTAT,
		.body.setstat = { .fd = n->fdid,
				  .mask = a->mask,
				  .mode = a->mode,
				  .uid = a->uid,
				  .gid = a->gid,
				  .size = a->size,
				  .atime_sec = a->atime.sec,
				  .atime_nsec = a->atime.nsec,
				  .mtime_sec = a->mtime.sec,
				  .mtime_nsec = a->mtime.nsec },
	};
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc < 0)
		return rc;
	*ret_failed = msg.body.setstat_reply.failure_mask;
	*ret_error = msg.body.setstat_reply.failure_error;
	return 0;
}

int remote_lookup(struct backend *b, struct backend_node *dir, const char *name,
		  struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	struct lisafs_str path = remote_str(name);
	struct lisafs_message msg = {
		.id = LISAFS_WALK,
		.body.walk = { .dir_fd = dir->fdid, .path = { .items = &path, .n = 1 } },
	};
	struct lisafs_cursor at = { 0 };
	struct lisafs_inode child;
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc < 0)
		return rc;
	if (!lisafs_next_inode(&msg.body.walk_reply.inodes, &at, &child))
		return -ENOENT;
	return remote_child(b, &child, ret, ret_stat);
}

static int remote_readlink(struct backend *b, struct backend_node *n, char *buf, size_t cap,
			   size_t *ret_n)
{
	struct lisafs_message msg = { .id = LISAFS_READLINKAT, .body.fd.fd = n->fdid };
	const struct lisafs_str *text = &msg.body.text_reply.text;
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc < 0)
		return rc;
	*ret_n = text->n < cap ? text->n : cap;
	memcpy(buf, text->data, *ret_n);
	return 0;
}

static int remote_statfs(struct backend *b, struct backend_node *n, struct lisafs_statfs_reply *ret)
{
	struct lisafs_message msg = { .id = LISAFS_FSTATFS, .body.fd.fd = n->fdid };
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc == 0)
		*ret = msg.body.statfs_reply;
	return rc;
}

/* MkdirAt, MknodAt, SymlinkAt and LinkAt answer alike. */
static int make(struct backend *b, struct lisafs_message *msg, struct backend_node **ret,
		struct lisafs_statx *ret_stat)
{
	int rc = remote_call(b, msg, msg, NULL);

	return rc < 0 ? rc : remote_child(b, &msg->body.inode_reply.child, ret, ret_stat);
}

static int remote_mkdir(struct backend *b, struct backend_node *dir, const char *name,
			const struct backend_create *c, struct backend_node **ret,
			struct lisafs_statx *ret_stat)
{
	struct lisafs_message msg = {
		.id = LISAFS_MKDIRAT,
		.body.mkdir = { .create = remote_create(dir, c), .name = remote_str(name) },
	};

	return make(b, &msg, ret, ret_stat);
}

static int remote_mknod(struct backend *b, struct backend_node *dir, const char *name,
			const struct backend_create *c, uint32_t major, uint32_t minor,
			struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	struct lisafs_message msg = {
		.id = LISAFS_MKNODAT,
		.body.mknod = { .create = remote_create(dir, c),
				.minor = minor,
				.major = major,
				.name = remote_str(name) },
	};

	return make(b, &msg, ret, ret_stat);
}

static int remote_symlink(struct backend *b, struct backend_node *dir, const char *name,
			  const char *target, const struct backend_create *c,
			  struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	struct lisafs_message msg = {
		.id = LISAFS_SYMLINKAT,
		.body.symlink = { .dir_fd = dir->fdid,
				  .uid = c->uid,
				  .gid = c->gid,
				  .name = remote_str(name),
				  .target = remote_str(target) },
	};

	return make(b, &msg, ret, ret_stat);
}

static int remote_link(struct backend *b, struct backend_node *dir, const char *name,
		       struct backend_node *target, struct backend_node **ret,
		       struct lisafs_statx *ret_stat)
{
	struct lisafs_message msg = {
		.id = LISAFS_LINKAT,
		.body.link = { .dir_fd = dir->fdid,
			       .target_fd = target->fdid,
			       .name = remote_str(name) },
	};

	return make(b, &msg, ret, ret_stat);
}

static int remote_unlink(struct backend *b, struct backend_node *dir, const char *name,
			 uint32_t flags)
{
	struct lisafs_message msg = {
		.id = LISAFS_UNLINKAT,
		.body.unlink = { .dir_fd = dir->fdid, .flags = flags, .name = remote_str(name) },
	};

	return remote_call(b, &msg, &msg, NULL);
}

/* As gVisor's client: RenameAt where it is enough, EINVAL for flags that the gofer does not know. */
static int remote_rename(struct backend *b, struct backend_node *old_dir, const char *old_name,
			 struct backend_node *new_dir, const char *new_name, uint32_t flags)
{
	const struct client *c = remote_of(b)->client;
	bool plain = flags == 0 && client_supports(c, LISAFS_RENAMEAT);
	struct lisafs_message msg = {
		.id = plain ? LISAFS_RENAMEAT : LISAFS_RENAMEAT2,
		.body.rename = { .old_dir_fd = old_dir->fdid,
				 .new_dir_fd = new_dir->fdid,
				 .old_name = remote_str(old_name),
				 .new_name = remote_str(new_name),
				 .flags = flags },
	};

	if (flags != 0 && !client_supports(c, LISAFS_RENAMEAT2))
		return -EINVAL;
	return remote_call(b, &msg, &msg, NULL);
}

static ssize_t remote_get_xattr(struct backend *b, struct backend_node *n, const char *name,
				void *buf, size_t cap)
{
	struct lisafs_message msg = {
		.id = LISAFS_FGETXATTR,
		.body.get_xattr = { .fd = n->fdid,
				    .buf_size =
					    (uint32_t)(cap < LISAFS_XATTR_MAX ? cap
									      : LISAFS_XATTR_MAX),
				    .name = remote_str(name) },
	};
	const struct lisafs_str *text = &msg.body.text_reply.text;
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc < 0)
		return rc;
	if (cap > 0 && text->n > 0)
		memcpy(buf, text->data, text->n);
	return (ssize_t)text->n;
}

static int remote_set_xattr(struct backend *b, struct backend_node *n, const char *name,
			    const void *value, size_t size, uint32_t flags)
{
	struct lisafs_message msg = {
		.id = LISAFS_FSETXATTR,
		.body.set_xattr = { .fd = n->fdid,
				    .flags = flags,
				    .name = remote_str(name),
				    .value = { .data = value, .n = (uint32_t)size } },
	};

	if (size > LISAFS_XATTR_MAX)
		return -E2BIG;
	return remote_call(b, &msg, &msg, NULL);
}

static ssize_t remote_list_xattr(struct backend *b, struct backend_node *n, char *buf, size_t cap)
{
	struct lisafs_message msg = { .id = LISAFS_FLISTXATTR,
				      .body.list_xattr = { .fd = n->fdid, .size = cap } };
	struct lisafs_cursor at = { 0 };
	struct lisafs_str name;
	size_t used = 0;
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc < 0)
		return rc;
	while (lisafs_next_str(&msg.body.list_xattr_reply.names, &at, &name)) {
		if (cap > 0) {
			memcpy(buf + used, name.data, name.n);
			buf[used + name.n] = '\0';
		}
		used += name.n + 1;
	}
	return (ssize_t)used;
}

static int remote_remove_xattr(struct backend *b, struct backend_node *n, const char *name)
{
	struct lisafs_message msg = {
		.id = LISAFS_FREMOVEXATTR,
		.body.remove_xattr = { .fd = n->fdid, .name = remote_str(name) },
	};

	return remote_call(b, &msg, &msg, NULL);
}

static const struct backend_ops remote_ops = {
	.name = "remote",
	.destroy = remote_destroy,
	.root = remote_root,
	.donate = remote_donate,
	.put = remote_put,
	.stat = remote_stat,
	.set = remote_set,
	.lookup = remote_lookup,
	.readlink = remote_readlink,
	.statfs = remote_statfs,
	.mkdir = remote_mkdir,
	.mknod = remote_mknod,
	.symlink = remote_symlink,
	.link = remote_link,
	.unlink = remote_unlink,
	.rename = remote_rename,
	.get_xattr = remote_get_xattr,
	.set_xattr = remote_set_xattr,
	.list_xattr = remote_list_xattr,
	.remove_xattr = remote_remove_xattr,
	.open = remote_open,
	.create = remote_open_create,
	.close = remote_close,
	.fstat = remote_fstat,
	.read = remote_read,
	.write = remote_write,
	.sync = remote_sync,
	.flush = remote_flush,
	.allocate = remote_allocate,
	.getdents = remote_getdents,
	.connect = remote_connect,
	.bind = remote_bind,
	.listen = remote_listen,
	.accept = remote_accept,
	.put_socket = remote_put_socket,
};

void backend_remote_reuse(struct backend *b)
{
	remote_of(b)->reuse = true;
}

int backend_remote_new(struct client *c, struct backend **ret)
{
	struct remote *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	r->head.ops = &remote_ops;
	rc = client_mount(c, &r->root, &r->donated);
	if (rc < 0) {
		free(r);
		return rc;
	}
	r->client = c;
	*ret = &r->head;
	return 0;
}
