/* The files that the kernel knows, by address and by inode number. */
#include "fakegofer/backend/fuse_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUCKETS_FIRST 256u

struct fuse_node *fuse_node_of(struct fuse_daemon *d, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &d->root : (struct fuse_node *)(uintptr_t)ino;
}

struct backend_node *fuse_backend_node(fuse_req_t req, fuse_ino_t ino)
{
	return fuse_node_of(fuse_daemon_of(req), ino)->node;
}

static struct fuse_node **bucket_of(const struct fuse_nodes *nodes, uint64_t ino)
{
	uint64_t mixed = ino * UINT64_C(0x9e3779b97f4a7c15);

	return &nodes->buckets[(mixed >> 32) & (nodes->n_buckets - 1)];
}

static int grow(struct fuse_nodes *nodes)
{
	struct fuse_nodes grown = {
		.n_buckets = nodes->n_buckets > 0 ? nodes->n_buckets * 2 : BUCKETS_FIRST,
		.n = nodes->n,
	};

	grown.buckets = calloc(grown.n_buckets, sizeof(struct fuse_node *));
	if (!grown.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < nodes->n_buckets; i++) {
		while (nodes->buckets[i]) {
			struct fuse_node *node = nodes->buckets[i];
			struct fuse_node **at = bucket_of(&grown, node->ino);

			nodes->buckets[i] = node->next;
			node->next = *at;
			*at = node;
		}
	}
	free(nodes->buckets);
	*nodes = grown;
	return 0;
}

static struct fuse_node *find(const struct fuse_nodes *nodes, const struct lisafs_statx *stat)
{
	struct fuse_node *node = nodes->n > 0 ? *bucket_of(nodes, stat->ino) : NULL;

	while (node && (node->ino != stat->ino || node->dev_major != stat->dev_major ||
			node->dev_minor != stat->dev_minor))
		node = node->next;
	return node;
}

static int add(struct fuse_nodes *nodes, const struct lisafs_statx *stat, struct fuse_node **ret)
{
	struct fuse_node *node;
	struct fuse_node **at;

	if (nodes->n == FUSE_NODES_LIMIT)
		return -ENFILE;
	if (nodes->n == nodes->n_buckets && grow(nodes) < 0)
		return -ENOMEM;
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->ino = stat->ino;
	node->dev_major = stat->dev_major;
	node->dev_minor = stat->dev_minor;
	at = bucket_of(nodes, node->ino);
	node->next = *at;
	*at = node;
	nodes->n++;
	*ret = node;
	return 0;
}

int fuse_intern(struct fuse_daemon *d, struct backend_node *node, const struct lisafs_statx *stat,
		struct fuse_entry_param *ret)
{
	struct fuse_node *known = find(&d->nodes, stat);

	if (!known) {
		int rc = add(&d->nodes, stat, &known);

		if (rc < 0) {
			d->backend->ops->put(d->backend, node);
			return rc;
		}
	}
	if (known->node)
		d->backend->ops->put(d->backend, known->node);
	known->node = node;
	known->is_dir = S_ISDIR(stat->mode);
	known->lookups++;
	if (d->faults && !known->path && d->faults->asked[0] != '\0')
		known->path = strdup(d->faults->asked);
	*ret = (struct fuse_entry_param){
		.ino = (fuse_ino_t)(uintptr_t)known,
		.attr_timeout = fuse_timeout(d->attributes),
		.entry_timeout = fuse_timeout(d->cache),
	};
	fuse_stat_of(d, stat, &ret->attr);
	return 0;
}

void fuse_forget_node(struct fuse_daemon *d, fuse_ino_t ino, uint64_t lookups)
{
	struct fuse_node *node = fuse_node_of(d, ino);
	struct fuse_node **at;

	if (node == &d->root)
		return;
	node->lookups -= lookups < node->lookups ? lookups : node->lookups;
	if (node->lookups > 0)
		return;
	at = bucket_of(&d->nodes, node->ino);
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	d->nodes.n--;
	d->backend->ops->put(d->backend, node->node);
	free(node->path);
	free(node);
}

void fuse_forget_all(struct fuse_daemon *d)
{
	for (size_t i = 0; i < d->nodes.n_buckets; i++) {
		while (d->nodes.buckets[i]) {
			struct fuse_node *node = d->nodes.buckets[i];

			d->nodes.buckets[i] = node->next;
			d->backend->ops->put(d->backend, node->node);
			free(node->path);
			free(node);
		}
	}
	free(d->nodes.buckets);
	d->nodes = (struct fuse_nodes){ 0 };
}
