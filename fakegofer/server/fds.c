#include "fakegofer/server/fds.h"

#include <errno.h>
#include <stdlib.h>

#include "fakegofer/server/server.h"

int server_fds_init(struct server_fds *t, struct backend *backend)
{
	struct server_fd **buckets = calloc(SERVER_FD_BUCKETS, sizeof(struct server_fd *));

	if (!buckets)
		return -ENOMEM;
	*t = (struct server_fds){ .backend = backend,
				  .buckets = buckets,
				  .n_buckets = SERVER_FD_BUCKETS,
				  .next_id = LISAFS_FDID_NONE + 1 };
	return 0;
}

void server_fds_clear(struct server_fds *t)
{
	for (size_t i = 0; t->buckets && i < t->n_buckets; i++) {
		while (t->buckets[i])
			server_fds_remove(t, t->buckets[i]->id);
	}
	free(t->buckets);
	*t = (struct server_fds){ 0 };
}

int server_fd_new(struct server_fds *t, enum server_fd_kind kind, struct server_fd *control,
		  struct server_fd **ret)
{
	struct server_fd *fd;

	if (t->n >= SERVER_FDS_LIMIT)
		return -EMFILE;
	fd = malloc(sizeof(*fd));
	if (!fd)
		return -ENOMEM;
	*fd = (struct server_fd){ .table = t, .control = control, .refs = 1, .kind = kind };
	if (control)
		control->refs++;
	t->n++;
	*ret = fd;
	return 0;
}

static struct server_fd **bucket_of(const struct server_fds *t, uint64_t id)
{
	return &t->buckets[id & (t->n_buckets - 1)];
}

/* Without memory it stays as it is, and is slower. */
static void grow(struct server_fds *t)
{
	struct server_fds grown = { .n_buckets = 2 * t->n_buckets };

	grown.buckets = calloc(grown.n_buckets, sizeof(struct server_fd *));
	if (!grown.buckets)
		return;
	for (size_t i = 0; i < t->n_buckets; i++) {
		while (t->buckets[i]) {
			struct server_fd *fd = t->buckets[i];
			struct server_fd **to = bucket_of(&grown, fd->id);

			t->buckets[i] = fd->next;
			fd->next = *to;
			*to = fd;
		}
	}
	free(t->buckets);
	t->buckets = grown.buckets;
	t->n_buckets = grown.n_buckets;
}

uint64_t server_fd_publish(struct server_fd *fd)
{
	struct server_fd **bucket;

	if (fd->table->n > fd->table->n_buckets)
		grow(fd->table);
	bucket = bucket_of(fd->table, fd->table->next_id);
	fd->id = fd->table->next_id++;
	fd->next = *bucket;
	*bucket = fd;
	return fd->id;
}

static void give_back(struct server_fd *fd)
{
	struct backend *b = fd->table->backend;

	if (fd->file)
		b->ops->close(b, fd->file);
	if (fd->socket)
		b->ops->put_socket(b, fd->socket);
	if (fd->node)
		b->ops->put(b, fd->node);
}

void server_fd_put(struct server_fd *fd)
{
	while (fd && --fd->refs == 0) {
		struct server_fd *control = fd->control;

		give_back(fd);
		fd->table->n--;
		free(fd);
		fd = control;
	}
}

void server_fd_putp(struct server_fd **fd)
{
	server_fd_put(*fd);
}

struct server_fd *server_fds_get(const struct server_fds *t, uint64_t id)
{
	struct server_fd *fd = *bucket_of(t, id);

	while (fd && fd->id != id)
		fd = fd->next;
	return fd;
}

int server_fds_find(const struct server_fds *t, uint64_t id, enum server_fd_kind kind,
		    struct server_fd **ret)
{
	struct server_fd *fd = server_fds_get(t, id);

	if (!fd)
		return -EBADF;
	if (fd->kind != kind)
		return -EINVAL;
	*ret = fd;
	return 0;
}

void server_fds_remove(struct server_fds *t, uint64_t id)
{
	struct server_fd **at = bucket_of(t, id);

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	if (*at) {
		struct server_fd *fd = *at;

		*at = fd->next;
		server_fd_put(fd);
	}
}
