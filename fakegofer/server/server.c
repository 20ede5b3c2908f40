#include "fakegofer/server/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fakegofer/server/handlers.h"

/* Channel is missing on purpose. */
const struct server_row server_rows[LISAFS_ID_N] = {
	[LISAFS_MOUNT] = { server_mount, false },
	[LISAFS_FSTAT] = { server_fstat, false },
	[LISAFS_SETSTAT] = { server_set_stat, true },
	[LISAFS_WALK] = { server_walk, false },
	[LISAFS_WALKSTAT] = { server_walk_stat, false },
	[LISAFS_OPENAT] = { server_open, false }, /* looks at the flags itself */
	[LISAFS_OPENCREATEAT] = { server_create, true },
	[LISAFS_CLOSE] = { server_close, false },
	[LISAFS_FSYNC] = { server_fsync, false },
	[LISAFS_PWRITE] = { server_pwrite, true },
	[LISAFS_PREAD] = { server_pread, false },
	[LISAFS_MKDIRAT] = { server_mkdir, true },
	[LISAFS_MKNODAT] = { server_mknod, true },
	[LISAFS_SYMLINKAT] = { server_symlink, true },
	[LISAFS_LINKAT] = { server_link, true },
	[LISAFS_FSTATFS] = { server_statfs, false },
	[LISAFS_FALLOCATE] = { server_allocate, true },
	[LISAFS_READLINKAT] = { server_read_link, false },
	[LISAFS_FLUSH] = { server_flush, false },
	[LISAFS_CONNECT] = { server_connect, false },
	[LISAFS_UNLINKAT] = { server_unlink, true },
	[LISAFS_RENAMEAT] = { server_rename, true },
	[LISAFS_GETDENTS64] = { server_getdents, false },
	[LISAFS_FGETXATTR] = { server_get_xattr, false },
	[LISAFS_FSETXATTR] = { server_set_xattr, true },
	[LISAFS_FLISTXATTR] = { server_list_xattr, false },
	[LISAFS_FREMOVEXATTR] = { server_remove_xattr, true },
	[LISAFS_BINDAT] = { server_bind, true },
	[LISAFS_LISTEN] = { server_listen, false },
	[LISAFS_ACCEPT] = { server_accept, false },
	[LISAFS_CONNECTWITHCREDS] = { server_connect, false },
	[LISAFS_RENAMEAT2] = { server_rename, true },
};

static uint64_t known(void)
{
	uint64_t ids = 0;

	for (unsigned id = 0; id < LISAFS_ID_N; id++) {
		if (server_rows[id].handle)
			ids |= UINT64_C(1) << id;
	}
	return ids;
}

static uint64_t offered(const struct server_options *o)
{
	uint64_t ids = o->supported;

	if (ids == 0)
		ids = lisafs_dialect_info(o->dialect)->supported;
	return ids == 0 ? known() : ids & known();
}

int server_new(int socket, struct backend *backend, const struct server_options *options,
	       struct server **ret)
{
	_cleanup_server_ struct server *s = NULL;
	int rc;

	if (!lisafs_dialect_info(options->dialect))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->wire = WIRE_INIT;
	s->backend = backend;
	s->options = *options;
	s->supported = offered(options);
	s->reply.payload = malloc(LISAFS_PAYLOAD_MAX);
	rc = s->reply.payload ? server_fds_init(&s->fds, backend) : -ENOMEM;
	if (rc == 0)
		rc = wire_open(socket, &s->wire);
	if (rc < 0)
		return rc;
	s->wire.ahead = true;
	s->wire.spin_us = SERVER_SPIN_US;
	*ret = TAKE_PTR(s);
	return 0;
}

void server_close_reply_fds(struct server_reply *r)
{
	while (r->n_fds > 0)
		close_fd(&r->fds[--r->n_fds]);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	server_close_reply_fds(&s->reply);
	wire_frame_clear(&s->frame);
	wire_close(&s->wire);
	server_fds_clear(&s->fds);
	free(s->reply.payload);
	free(s);
}

void server_freep(struct server **s)
{
	server_free(*s);
}

const struct server_stats *server_stats(const struct server *s)
{
	return &s->stats;
}

/* Runs the handler; 0 or the negative errno to answer. */
static int dispatch(struct server *s, uint16_t id, const void *payload, uint32_t n)
{
	struct server_reply *r = &s->reply;
	struct lisafs_message req;
	size_t used;
	int rc;

	if (id >= LISAFS_ID_N || !(s->supported & (UINT64_C(1) << id)))
		return -EOPNOTSUPP;
	if (server_rows[id].changes && s->options.readonly)
		return -EROFS;
	/* gVisor's decoders allow bytes behind a message. */
	if (lisafs_decode(s->options.dialect, id, LISAFS_REQUEST, payload, n, &req, &used, NULL) <
	    0) {
		server_defect_undecodable(s);
		return -EIO;
	}
	r->msg.id = id;
	r->msg.direction = LISAFS_REPLY;
	r->msg.dialect = (uint8_t)s->options.dialect;
	r->raw = false;
	rc = server_rows[id].handle(s, &req.body, r);
	if (rc == 0 && !r->raw)
		rc = lisafs_encode(&r->msg, r->payload, LISAFS_PAYLOAD_MAX, &r->n, NULL);
	return rc;
}

static void answer_error(struct server *s, int code)
{
	struct server_reply *r = &s->reply;

	server_close_reply_fds(r);
	server_defect_error(s);
	s->stats.refused++;
	r->msg = (struct lisafs_message){ .id = LISAFS_ERROR,
					  .direction = LISAFS_REPLY,
					  .dialect = (uint8_t)s->options.dialect };
	r->msg.body.error.error = (uint32_t)-code;
	(void)lisafs_encode(&r->msg, r->payload, LISAFS_PAYLOAD_MAX, &r->n, NULL);
}

void server_answer(struct server *s, uint16_t id, const void *payload, uint32_t n)
{
	int rc;

	s->stats.requests++;
	rc = dispatch(s, id, payload, n);
	if (rc < 0)
		answer_error(s, rc);
}

int server_handle(struct server *s, uint16_t id, const void *payload, uint32_t n, const int *fds,
		  size_t n_fds, uint16_t *ret_id, const void **ret_payload, uint32_t *ret_n,
		  int ret_fds[LISAFS_FDS_MAX], size_t *ret_n_fds)
{
	struct server_reply *r = &s->reply;

	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	s->stats.stray_fds += n_fds;
	if (s->sending)
		return -EBUSY;
	server_answer(s, id, payload, n);
	*ret_id = r->msg.id;
	*ret_payload = r->payload;
	*ret_n = (uint32_t)r->n;
	memcpy(ret_fds, r->fds, sizeof(int) * r->n_fds);
	*ret_n_fds = r->n_fds;
	r->n_fds = 0;
	return 0;
}

static bool is_pause(int rc)
{
	return rc == -EAGAIN || rc == -ETIMEDOUT || rc == -ECANCELED;
}

/* Receives one request and leaves its reply in s->out. */
static int take_request(struct server *s, int64_t deadline)
{
	struct server_reply *r = &s->reply;
	int rc = wire_recv(&s->wire, deadline, &s->frame);

	if (rc == -EMSGSIZE)
		server_defect_oversize(s);
	if (rc < 0)
		return rc;
	if (server_defect_disturbed(s))
		return -ECONNABORTED;
	s->stats.stray_fds += s->frame.fds.n + s->frame.fds.n_over;
	wire_frame_keep_fds(&s->frame, 0);
	server_answer(s, s->frame.header.id, s->frame.payload, s->frame.header.length);
	wire_out_message(&s->out, r->msg.id, r->payload, (uint32_t)r->n, r->fds, r->n_fds);
	s->sending = true;
	return 0;
}

int server_run(struct server *s, int64_t deadline, int wake_fd)
{
	s->wire.wake_fd = wake_fd;
	while (s->options.faults) {
		int rc = server_take_faulted(s, deadline);

		if (rc < 0)
			return rc == -ENODATA ? 0 : rc;
	}
	for (;;) {
		int rc = s->sending ? 0 : take_request(s, deadline);

		if (rc == -ENODATA)
			return 0;
		if (rc == 0)
			rc = wire_push(&s->wire, deadline, &s->out);
		if (is_pause(rc))
			return rc;
		server_close_reply_fds(&s->reply);
		s->sending = false;
		if (rc < 0)
			return rc;
	}
}
