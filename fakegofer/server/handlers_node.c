/* Requests about a file that its control FD names: Mount, walks, attributes. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fakegofer/server/handlers.h"

#define SETTABLE (STATX_MODE | STATX_UID | STATX_GID | STATX_SIZE | STATX_ATIME | STATX_MTIME)

int server_name(const struct lisafs_str *from, char ret[LISAFS_NAME_MAX + 1])
{
	if (from->n == 0 || memchr(from->data, '/', from->n) || memchr(from->data, '\0', from->n))
		return -EINVAL;
	if (from->data[0] == '.' && (from->n == 1 || (from->n == 2 && from->data[1] == '.')))
		return -EINVAL;
	if (from->n > LISAFS_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ret, from->data, from->n);
	ret[from->n] = '\0';
	return 0;
}

int server_find_dir(struct server *s, uint64_t id, struct server_fd **ret)
{
	struct server_fd *fd;
	int rc = server_fds_find(&s->fds, id, SERVER_FD_CONTROL, &fd);

	if (rc < 0)
		return rc;
	if (fd->type != S_IFDIR)
		return -ENOTDIR;
	*ret = fd;
	return 0;
}

bool server_is_gone(struct server *s, struct server_fd *control)
{
	struct lisafs_statx stat;

	return server_call(s, stat, control->node, &stat) == 0 && stat.nlink == 0;
}

void server_reply_fd(struct server_reply *reply, int fd)
{
	if (fd >= 0)
		reply->fds[reply->n_fds++] = fd;
}

void server_show_inode(struct server_fd *fd, const struct lisafs_statx *stat,
		       struct lisafs_inode *ret)
{
	fd->type = stat->mode & S_IFMT;
	ret->control_fd = server_fd_publish(fd);
	ret->stat = *stat;
}

static uint16_t list_ids(uint64_t supported, uint16_t ids[LISAFS_ID_N])
{
	uint16_t n = 0;

	for (uint16_t id = 0; id < LISAFS_ID_N; id++) {
		if (supported & (UINT64_C(1) << id))
			ids[n++] = id;
	}
	return n;
}

/* A second Mount is answered like the first, with a control FD of its own. */
int server_mount(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	_cleanup_server_fd_ struct server_fd *fd = NULL;
	struct lisafs_mount_reply *r = &reply->msg.body.mount_reply;
	uint16_t ids[LISAFS_ID_N];
	struct lisafs_statx stat;
	int host_fd = -1;
	int rc = server_fd_new(&s->fds, SERVER_FD_CONTROL, NULL, &fd);

	(void)req;
	if (rc == 0)
		rc = server_call(s, root, &fd->node, &stat);
	if (rc < 0)
		return rc;
	if (s->options.donate) {
		rc = server_call(s, donate, &host_fd);
		if (rc < 0 && rc != -EOPNOTSUPP)
			return rc;
		server_reply_fd(reply, host_fd);
	}
	server_show_inode(TAKE_PTR(fd), &stat, &r->root);
	r->max_message_size = LISAFS_PAYLOAD_MAX;
	r->supported = (struct lisafs_array){ .items = ids, .n = list_ids(s->supported, ids) };
	rc = lisafs_encode(&reply->msg, reply->payload, LISAFS_PAYLOAD_MAX, &reply->n, NULL);
	reply->raw = true; /* ids live no longer than this */
	return rc;
}

int server_fstat(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct server_fd *fd = server_fds_get(&s->fds, req->fd.fd);

	if (!fd)
		return -EBADF;
	if (fd->kind == SERVER_FD_CONTROL)
		return server_call(s, stat, fd->node, &reply->msg.body.stat_reply);
	if (fd->kind == SERVER_FD_OPEN)
		return server_call(s, fstat, fd->file, &reply->msg.body.stat_reply);
	return -EREMOTEIO; /* gVisor panics here and answers so */
}

static struct lisafs_stamp to_stamp(int64_t sec, int64_t nsec)
{
	bool fits = nsec >= 0 && nsec < UINT32_MAX;

	/* What does not fit is refused by the backend, as the kernel would. */
	return (struct lisafs_stamp){ .sec = sec, .nsec = fits ? (uint32_t)nsec : UINT32_MAX };
}

int server_set_stat(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_setstat_request *r = &req->setstat;
	struct lisafs_setstat_reply failed = { 0 };
	struct backend_attr a = { .mask = r->mask,
				  .mode = r->mode & 07777,
				  .uid = r->uid,
				  .gid = r->gid,
				  .size = r->size,
				  .atime = to_stamp(r->atime_sec, r->atime_nsec),
				  .mtime = to_stamp(r->mtime_sec, r->mtime_nsec) };
	struct server_fd *fd;
	int rc = server_fds_find(&s->fds, r->fd, SERVER_FD_CONTROL, &fd);

	if (rc < 0)
		return rc;
	if (r->mask & ~(uint32_t)SETTABLE)
		return -EPERM;
	rc = server_call(s, set, fd->node, &a, &failed.failure_mask, &failed.failure_error);
	reply->msg.body.setstat_reply = failed;
	return rc;
}

/* What a walk has written behind the head of its payload. */
struct walked {
	struct server *s;
	uint8_t *at;
	uint16_t n;
	struct server_fd *fds[]; /* not published yet */
};

static void walked_freep(struct walked **w)
{
	for (uint16_t i = 0; *w && i < (*w)->n; i++)
		server_fd_put((*w)->fds[i]);
	free(*w);
}

/* One step: looks name up in dir. 1 = there, 0 = missing. */
static int walk_step(struct walked *w, struct server_fd *dir, const struct lisafs_str *component,
		     struct lisafs_statx *stat)
{
	_cleanup_server_fd_ struct server_fd *fd = NULL;
	char name[LISAFS_NAME_MAX + 1];
	int rc = server_name(component, name);

	if (rc == 0)
		rc = server_fd_new(&w->s->fds, SERVER_FD_CONTROL, NULL, &fd);
	if (rc == 0)
		rc = server_call(w->s, lookup, dir->node, name, &fd->node, stat);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	fd->type = stat->mode & S_IFMT;
	w->fds[w->n++] = TAKE_PTR(fd);
	return 1;
}

int server_walk(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_array *path = &req->walk.path;
	size_t each = sizeof(uint64_t) + lisafs_dialect_info(s->options.dialect)->statx_size;
	_cleanup_(walked_freep) struct walked *w = NULL;
	_cleanup_free_ struct lisafs_inode *inodes = NULL;
	struct lisafs_walk_reply *r = &reply->msg.body.walk_reply;
	struct lisafs_cursor cursor = { 0 };
	struct lisafs_str component;
	struct server_fd *dir;
	uint8_t status = LISAFS_WALK_OK;
	int rc = server_find_dir(s, req->walk.dir_fd, &dir);

	if (rc < 0)
		return rc;
	if (3 + path->n * each > LISAFS_PAYLOAD_MAX)
		return -EIO;
	w = calloc(1, sizeof(*w) + sizeof(struct server_fd *) * path->n);
	inodes = malloc(sizeof(*inodes) * (path->n + 1u));
	if (!w || !inodes)
		return -ENOMEM;
	w->s = s;
	while (status == LISAFS_WALK_OK && lisafs_next_str(path, &cursor, &component)) {
		if (dir->type == S_IFLNK) {
			char name[LISAFS_NAME_MAX + 1];

			rc = server_name(&component, name);
			status = LISAFS_WALK_SYMLINK;
		} else {
			rc = walk_step(w, dir, &component, &inodes[w->n].stat);
			status = rc == 0 ? LISAFS_WALK_MISSING : LISAFS_WALK_OK;
		}
		if (rc < 0)
			return rc;
		if (w->n > 0)
			dir = w->fds[w->n - 1];
	}
	for (uint16_t i = 0; i < w->n; i++)
		inodes[i].control_fd = server_fd_publish(w->fds[i]);
	r->status = status;
	r->inodes = (struct lisafs_array){ .items = inodes, .n = w->n };
	w->n = 0;
	reply->raw = true;
	return lisafs_encode(&reply->msg, reply->payload, LISAFS_PAYLOAD_MAX, &reply->n, NULL);
}

/* The stat of every component there is, as lisafs_statx items. */
static int walk_stats(struct server *s, struct server_fd *start, const struct lisafs_array *path,
		      struct lisafs_statx *stats, uint16_t *ret_n)
{
	const struct backend_ops *ops = s->backend->ops;
	struct backend_node *dir = start->node;
	struct lisafs_cursor cursor = { 0 };
	struct lisafs_str component;
	char name[LISAFS_NAME_MAX + 1];
	uint16_t n = 0;
	int rc = 0;

	while (rc == 0 && lisafs_next_str(path, &cursor, &component)) {
		bool last = cursor.index == path->n;
		struct backend_node *next = NULL;

		if (component.n == 0 && cursor.index == 1) {
			rc = server_call(s, stat, dir, &stats[n++]);
			continue;
		}
		rc = server_name(&component, name);
		if (rc == 0 && last && ops->stat_at)
			rc = ops->stat_at(s->backend, dir, name, &stats[n]);
		else if (rc == 0)
			rc = server_call(s, lookup, dir, name, &next, &stats[n]);
		if (rc == 0 && dir != start->node)
			ops->put(s->backend, dir);
		if (rc == 0)
			dir = next ? next : start->node;
		if (rc == 0 && S_ISLNK(stats[n++].mode))
			break;
	}
	if (dir != start->node)
		ops->put(s->backend, dir);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	*ret_n = n;
	return 0;
}

static int check_names(const struct lisafs_array *path)
{
	struct lisafs_cursor cursor = { 0 };
	struct lisafs_str component;
	char name[LISAFS_NAME_MAX + 1];

	while (lisafs_next_str(path, &cursor, &component)) {
		int rc = server_name(&component, name);

		if (rc < 0 && !(component.n == 0 && cursor.index == 1))
			return rc;
	}
	return 0;
}

int server_walk_stat(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_array *path = &req->walk.path;
	size_t each = lisafs_dialect_info(s->options.dialect)->statx_size;
	_cleanup_free_ struct lisafs_statx *many = NULL;
	struct lisafs_statx few[8];
	struct lisafs_statx *stats = few;
	struct lisafs_cursor cursor = { 0 };
	struct lisafs_str first = { 0 };
	struct server_fd *start;
	uint16_t n = 0;
	int rc = server_fds_find(&s->fds, req->walk.dir_fd, SERVER_FD_CONTROL, &start);

	if (rc < 0)
		return rc;
	(void)lisafs_next_str(path, &cursor, &first);
	if (start->type != S_IFDIR && (path->n > 1 || first.n > 0))
		return -ENOTDIR;
	rc = check_names(path);
	if (rc < 0)
		return rc;
	if (2 + path->n * each > LISAFS_PAYLOAD_MAX)
		return -EIO;
	if (path->n > ARRAY_SIZE(few)) {
		stats = many = malloc(sizeof(*many) * path->n);
		if (!many)
			return -ENOMEM;
	}
	rc = walk_stats(s, start, path, stats, &n);
	if (rc < 0)
		return rc;
	reply->msg.body.walkstat_reply.stats = (struct lisafs_array){ .items = stats, .n = n };
	reply->raw = true; /* stats live no longer than this */
	return lisafs_encode(&reply->msg, reply->payload, LISAFS_PAYLOAD_MAX, &reply->n, NULL);
}

int server_statfs(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct server_fd *fd;
	int rc = server_fds_find(&s->fds, req->fd.fd, SERVER_FD_CONTROL, &fd);

	return rc < 0 ? rc : server_call(s, statfs, fd->node, &reply->msg.body.statfs_reply);
}

/* Text and values are put straight behind their length. */
#define TEXT_AT sizeof(uint16_t)

static int finish_text(struct server_reply *reply, size_t n)
{
	uint16_t length = htole16((uint16_t)n);

	if (n > LISAFS_STR_MAX)
		return -ERANGE;
	memcpy(reply->payload, &length, sizeof(length));
	reply->n = TEXT_AT + n;
	reply->raw = true;
	return 0;
}

/* The target of a symlink that was removed is "": so says gVisor. */
int server_read_link(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct server_fd *fd;
	size_t n = 0;
	int rc = server_fds_find(&s->fds, req->fd.fd, SERVER_FD_CONTROL, &fd);

	if (rc < 0)
		return rc;
	if (fd->type != S_IFLNK)
		return -EINVAL;
	rc = server_call(s, readlink, fd->node, (char *)reply->payload + TEXT_AT, LISAFS_STR_MAX,
			 &n);
	return rc < 0 ? rc : finish_text(reply, n);
}

static int xattr_name(const struct lisafs_str *from, char ret[LISAFS_NAME_MAX + 1])
{
	if (from->n == 0 || from->n > LISAFS_NAME_MAX)
		return -ERANGE;
	if (memchr(from->data, '\0', from->n))
		return -EINVAL;
	memcpy(ret, from->data, from->n);
	ret[from->n] = '\0';
	return 0;
}

/* The control FD whose attributes are meant. */
static int find_for_xattr(struct server *s, uint64_t id, struct server_fd **ret)
{
	int rc = server_fds_find(&s->fds, id, SERVER_FD_CONTROL, ret);

	return rc == 0 && server_is_gone(s, *ret) ? -EINVAL : rc;
}

/* A size of 0 asks for the value, too: the sentry counts it. */
int server_get_xattr(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_get_xattr_request *r = &req->get_xattr;
	size_t cap =
		r->buf_size == 0 || r->buf_size > LISAFS_XATTR_MAX ? LISAFS_XATTR_MAX : r->buf_size;
	char name[LISAFS_NAME_MAX + 1];
	struct server_fd *fd;
	ssize_t n;
	int rc = find_for_xattr(s, r->fd, &fd);

	if (rc == 0)
		rc = xattr_name(&r->name, name);
	if (rc < 0)
		return rc;
	n = server_call(s, get_xattr, fd->node, name, reply->payload + TEXT_AT, cap);
	return n < 0 ? (int)n : finish_text(reply, (size_t)n);
}

int server_set_xattr(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_set_xattr_request *r = &req->set_xattr;
	char name[LISAFS_NAME_MAX + 1];
	struct server_fd *fd;
	int rc = find_for_xattr(s, r->fd, &fd);

	(void)reply;
	if (rc == 0)
		rc = xattr_name(&r->name, name);
	return rc < 0 ? rc
		      : server_call(s, set_xattr, fd->node, name, r->value.data, r->value.n,
				    r->flags);
}

/* The list of a file that was removed is empty: so says gVisor. */
int server_list_xattr(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_list_xattr_request *r = &req->list_xattr;
	size_t cap = r->size == 0 || r->size > LISAFS_XATTR_MAX ? LISAFS_XATTR_MAX : r->size;
	_cleanup_free_ struct lisafs_str *names = NULL;
	_cleanup_free_ char *list = NULL;
	struct server_fd *fd;
	ssize_t n = 0;
	uint16_t count = 0;
	int rc = server_fds_find(&s->fds, r->fd, SERVER_FD_CONTROL, &fd);

	if (rc < 0)
		return rc;
	list = malloc(LISAFS_XATTR_MAX);
	if (!list)
		return -ENOMEM;
	if (!server_is_gone(s, fd))
		n = server_call(s, list_xattr, fd->node, list, cap);
	if (n < 0)
		return (int)n;
	names = malloc(sizeof(*names) * ((size_t)n / 2 + 1)); /* a name has a byte and its NUL */
	if (!names)
		return -ENOMEM;
	for (ssize_t at = 0; at < n; count++) {
		names[count] = (struct lisafs_str){ list + at, (uint32_t)strlen(list + at) };
		at += names[count].n + 1;
	}
	reply->msg.body.list_xattr_reply.names =
		(struct lisafs_array){ .items = names, .n = count };
	reply->raw = true; /* names live no longer than this */
	return lisafs_encode(&reply->msg, reply->payload, LISAFS_PAYLOAD_MAX, &reply->n, NULL);
}

int server_remove_xattr(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	char name[LISAFS_NAME_MAX + 1];
	struct server_fd *fd;
	int rc = find_for_xattr(s, req->remove_xattr.fd, &fd);

	(void)reply;
	if (rc == 0)
		rc = xattr_name(&req->remove_xattr.name, name);
	return rc < 0 ? rc : server_call(s, remove_xattr, fd->node, name);
}
