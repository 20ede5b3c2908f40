#include "harness/interpose/shim/tamper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "harness/interpose/shim/fake.h"

#define COPIES 32
#define UNKNOWN_ID 4711
#define GARBAGE 64
#define ROOT_FDID 8u /* bytes before the root's Statx */
#define LIST_HEAD 6u /* bytes behind it: the message limit, and the list's count */

struct row;

struct tampering {
	const struct row *row;
	int fds[TAMPER_FDS]; /* the first is what is sent, the other keeps it alive */
	uint8_t *payload;
};

struct row {
	const char *name;
	int (*prepare)(struct shim *s, const struct conn *c, struct tampering *t,
		       struct hx_error *err);
	/* 0 = done; negative = it does not apply to this reply. */
	int (*fire)(struct tampering *t, struct tamper_reply *r);
};

/* Getting ready ----------------------------------------------------------------------------------- */

static int open_named(const char *path, const char *what, int flags, struct tampering *t,
		      struct hx_error *err)
{
	if (!path)
		return hx_error_set(err, -EINVAL, "it needs \"%s\"", what);
	t->fds[0] = open(path, flags | O_CLOEXEC);
	return t->fds[0] < 0 ? hx_error_errno(err, -errno, "open %s", path) : 0;
}

static int open_root(struct shim *s, const struct conn *c, struct tampering *t,
		     struct hx_error *err)
{
	(void)s;
	return open_named(c->plan->root, "root", O_RDONLY | O_NOFOLLOW, t, err);
}

static int open_opath(struct shim *s, const struct conn *c, struct tampering *t,
		      struct hx_error *err)
{
	(void)s;
	return open_named(c->plan->root, "root", O_PATH | O_NOFOLLOW, t, err);
}

static int open_other(struct shim *s, const struct conn *c, struct tampering *t,
		      struct hx_error *err)
{
	(void)s;
	return open_named(c->plan->argument, "argument", O_RDONLY | O_DIRECTORY, t, err);
}

static int open_pipe(struct shim *s, const struct conn *c, struct tampering *t,
		     struct hx_error *err)
{
	(void)s;
	(void)c;
	return pipe2(t->fds, O_CLOEXEC) < 0 ? hx_error_errno(err, -errno, "pipe") : 0;
}

static int open_closed(struct shim *s, const struct conn *c, struct tampering *t,
		       struct hx_error *err)
{
	int r = open_pipe(s, c, t, err);

	close_fd(&t->fds[1]);
	return r;
}

static int open_socket(struct shim *s, const struct conn *c, struct tampering *t,
		       struct hx_error *err)
{
	(void)s;
	(void)c;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t->fds) < 0)
		return hx_error_errno(err, -errno, "socketpair");
	return 0;
}

static int open_file(struct shim *s, const struct conn *c, struct tampering *t,
		     struct hx_error *err)
{
	(void)c;
	t->fds[0] = openat(s->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return t->fds[0] < 0 ? hx_error_errno(err, -errno, "make a file") : 0;
}

static int open_dir(struct shim *s, const struct conn *c, struct tampering *t, struct hx_error *err)
{
	char name[32];

	snprintf(name, sizeof(name), "tamper.%u", c->index);
	if (mkdirat(s->dir, name, 0755) < 0 && errno != EEXIST)
		return hx_error_errno(err, -errno, "make %s", name);
	t->fds[0] = openat(s->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return t->fds[0] < 0 ? hx_error_errno(err, -errno, "open %s", name) : 0;
}

static int open_inherited(struct shim *s, const struct conn *c, struct tampering *t,
			  struct hx_error *err)
{
	char *end;
	long fd = c->plan->argument ? strtol(c->plan->argument, &end, 10) : -1;

	(void)s;
	if (fd < 0 || fd > INT32_MAX || *end)
		return hx_error_set(err, -EINVAL, "its argument is no descriptor");
	t->fds[0] = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
	return t->fds[0] < 0 ? hx_error_errno(err, -errno, "descriptor %ld", fd) : 0;
}

static int open_fuse(struct shim *s, const struct conn *c, struct tampering *t,
		     struct hx_error *err)
{
	return fake_fuse_root(s, c->index, true, &t->fds[0], err);
}

static int open_dead_fuse(struct shim *s, const struct conn *c, struct tampering *t,
			  struct hx_error *err)
{
	return fake_fuse_root(s, c->index, false, &t->fds[0], err);
}

/* FDs --------------------------------------------------------------------------------------------- */

static int fire_drop(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	if (r->n_fds == 0)
		return -ENOENT;
	r->n_fds = 0;
	return 0;
}

static int copies(struct tamper_reply *r, size_t n)
{
	if (r->n_fds == 0)
		return -ENOENT;
	for (size_t i = 0; i < n; i++)
		r->fds[i] = r->fds[0];
	r->n_fds = n;
	return 0;
}

static int fire_double(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	return copies(r, 2);
}

static int fire_many(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	return copies(r, COPIES);
}

/* In place of the donated one, or as the only one. */
static int fire_put(struct tampering *t, struct tamper_reply *r)
{
	r->fds[0] = t->fds[0];
	r->n_fds = 1;
	return 0;
}

static int fire_add(struct tampering *t, struct tamper_reply *r)
{
	return r->n_fds > 0 ? -EEXIST : fire_put(t, r);
}

/* Payloads ---------------------------------------------------------------------------------------- */

static int set_length(struct tamper_reply *r, size_t n)
{
	r->n = n;
	r->length = (uint32_t)n;
	return 0;
}

static int fire_empty(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	return set_length(r, 0);
}

static int fire_truncated(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	return set_length(r, r->n / 2);
}

/* The payload with its root's Statx made `size` bytes long, zeros behind. */
static int resize_statx(struct tampering *t, struct tamper_reply *r, size_t size)
{
	enum lisafs_dialect dialect;
	size_t from, rest, common;

	if (lisafs_dialect_detect(r->payload, r->n, &dialect, NULL) < 0)
		return -EPROTO;
	from = lisafs_dialect_info(dialect)->statx_size;
	rest = r->n - ROOT_FDID - from;
	common = from < size ? from : size;
	t->payload = calloc(1, ROOT_FDID + size + rest);
	if (!t->payload)
		return -ENOMEM;
	memcpy(t->payload, r->payload, ROOT_FDID + common);
	memcpy(t->payload + ROOT_FDID + size, r->payload + ROOT_FDID + from, rest);
	r->payload = t->payload;
	return set_length(r, ROOT_FDID + size + rest);
}

static int fire_152(struct tampering *t, struct tamper_reply *r)
{
	return resize_statx(t, r, 152);
}

static int fire_136(struct tampering *t, struct tamper_reply *r)
{
	return resize_statx(t, r, 136);
}

static int fire_no_list(struct tampering *t, struct tamper_reply *r)
{
	enum lisafs_dialect dialect;
	size_t end;
	int code;

	if (lisafs_dialect_detect(r->payload, r->n, &dialect, NULL) < 0)
		return -EPROTO;
	code = resize_statx(t, r, lisafs_dialect_info(dialect)->statx_size); /* a copy */
	if (code < 0)
		return code;
	end = ROOT_FDID + lisafs_dialect_info(dialect)->statx_size + LIST_HEAD;
	memset(t->payload + end - sizeof(uint16_t), 0, sizeof(uint16_t));
	return set_length(r, end);
}

static int fire_garbage(struct tampering *t, struct tamper_reply *r)
{
	t->payload = malloc(GARBAGE);
	if (!t->payload)
		return -ENOMEM;
	memset(t->payload, 0xff, GARBAGE);
	r->payload = t->payload;
	return set_length(r, GARBAGE);
}

static int fire_error(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	r->id = LISAFS_ERROR;
	r->n_fds = 0;
	return set_length(r, 0);
}

static int fire_huge(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	r->length = UINT32_MAX;
	return 0;
}

static int fire_unknown(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	r->id = UNKNOWN_ID;
	return 0;
}

static int fire_close(struct tampering *t, struct tamper_reply *r)
{
	(void)t;
	r->close = true;
	return 0;
}

/* The table --------------------------------------------------------------------------------------- */

static const struct row rows[] = {
	{ "fd-drop", NULL, fire_drop },
	{ "fd-double", NULL, fire_double },
	{ "fd-32", NULL, fire_many },
	{ "fd-add", open_root, fire_add },            /* the root's, where none is donated */
	{ "fd-pipe", open_pipe, fire_put },           /* its read end */
	{ "fd-socket", open_socket, fire_put },       /* one end of a pair */
	{ "fd-file", open_file, fire_put },           /* an empty regular file */
	{ "fd-dir", open_dir, fire_put },             /* an empty directory */
	{ "fd-other", open_other, fire_put },         /* the directory of the argument */
	{ "fd-opath", open_opath, fire_put },         /* the root's, O_PATH */
	{ "fd-closed", open_closed, fire_put },       /* a pipe that nobody writes to */
	{ "fd-fuse", open_fuse, fire_put },           /* the root of a live FUSE mount */
	{ "fd-fuse-dead", open_dead_fuse, fire_put }, /* the same, its server killed */
	{ "fd-inherited", open_inherited, fire_put }, /* the gofer's FD of this number */
	{ "mount-empty", NULL, fire_empty },
	{ "mount-truncated", NULL, fire_truncated },
	{ "list-empty", NULL, fire_no_list },
	{ "statx-152", NULL, fire_152 },
	{ "statx-136", NULL, fire_136 },
	{ "undecodable-fd", NULL, fire_garbage }, /* FDs as they came */
	{ "error-empty", NULL, fire_error },      /* an Error without its errno */
	{ "length-huge", NULL, fire_huge },       /* the header claims 4 GiB - 1 */
	{ "unknown-id", NULL, fire_unknown },
	{ "closed", NULL, fire_close },
};

const char *tamper_name(size_t i)
{
	return i < ARRAY_SIZE(rows) ? rows[i].name : NULL;
}

int tamper_prepare(struct shim *s, struct conn *c, struct hx_error *err)
{
	const char *name = c->plan->tamper;
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		c->tampering = calloc(1, sizeof(*c->tampering));
		if (!c->tampering)
			return hx_error_set(err, -ENOMEM, "out of memory");
		*c->tampering = (struct tampering){ .row = &rows[i], .fds = { -1, -1 } };
		r = rows[i].prepare ? rows[i].prepare(s, c, c->tampering, err) : 0;
		return r < 0 ? hx_error_wrap(err, r, "tampering %s", name) : 0;
	}
	return hx_error_set(err, r, "no tampering \"%s\"", name);
}

bool tamper_fire(struct conn *c, struct tamper_reply *r)
{
	return c->tampering->row->fire(c->tampering, r) == 0;
}

int tamper_fd(const struct conn *c, size_t i)
{
	return c->tampering ? c->tampering->fds[i] : -1;
}

void tamper_free(struct conn *c)
{
	struct tampering *t = TAKE_PTR(c->tampering);

	if (!t)
		return;
	for (size_t i = 0; i < TAMPER_FDS; i++)
		close_fd(&t->fds[i]);
	free(t->payload);
	free(t);
}
