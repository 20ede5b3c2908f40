/* Directories: names, links, renames, listings. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fakegofer/backend/memory.h"
#include "harness/base/cleanup.h"

#define OFF_FIRST 3u /* 1 and 2 are "." and ".." of who shows the listing */

static struct memory_entry **bucket_of(const struct memory *m, uint64_t ino, const char *name)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ ino; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(1099511628211);
	return &m->buckets[(h ^ (h >> 32)) & (m->n_buckets - 1)];
}

/* Without memory it stays as it is, and is slower. */
static void grow(struct memory *m)
{
	struct memory grown = { .n_buckets = 2 * m->n_buckets };

	grown.buckets = calloc(grown.n_buckets, sizeof(struct memory_entry *));
	if (!grown.buckets)
		return;
	for (size_t i = 0; i < m->n_buckets; i++) {
		while (m->buckets[i]) {
			struct memory_entry *e = m->buckets[i];
			struct memory_entry **to = bucket_of(&grown, e->dir->ino, e->name);

			m->buckets[i] = e->in_bucket;
			e->in_bucket = *to;
			*to = e;
		}
	}
	free(m->buckets);
	m->buckets = grown.buckets;
	m->n_buckets = grown.n_buckets;
}

struct memory_entry *memory_find(struct memory *m, const struct backend_node *dir, const char *name)
{
	struct memory_entry *e = *bucket_of(m, dir->ino, name);

	while (e && (e->dir != dir || strcmp(e->name, name) != 0))
		e = e->in_bucket;
	return e;
}

static struct memory_entry *entry_new(const char *name)
{
	size_t n = strlen(name) + 1;
	struct memory_entry *e = calloc(1, sizeof(*e) + n);

	if (e)
		memcpy(e->name, name, n);
	return e;
}

/* Puts a filled entry behind the others; a directory below counts as a link to this one. */
static void insert(struct memory *m, struct backend_node *dir, struct memory_entry *e,
		   struct backend_node *node)
{
	struct memory_entry **bucket;

	if (m->n_names > m->n_buckets)
		grow(m);
	bucket = bucket_of(m, dir->ino, e->name);
	e->dir = dir;
	e->node = node;
	e->in_bucket = *bucket;
	*bucket = e;
	e->off = OFF_FIRST + dir->next_off++;
	e->prev = dir->last;
	*(dir->last ? &dir->last->next : &dir->first) = e;
	dir->last = e;
	dir->size += MEMORY_ENTRY_SIZE;
	if (S_ISDIR(node->mode)) {
		dir->nlink++;
		node->parent = dir;
	}
	m->n_names++;
	memory_touch(dir, true);
}

static void take_out(struct memory *m, struct memory_entry *e)
{
	struct backend_node *dir = e->dir;
	struct memory_entry **at = bucket_of(m, dir->ino, e->name);

	while (*at != e)
		at = &(*at)->in_bucket;
	*at = e->in_bucket;
	*(e->prev ? &e->prev->next : &dir->first) = e->next;
	*(e->next ? &e->next->prev : &dir->last) = e->prev;
	dir->size -= MEMORY_ENTRY_SIZE;
	if (S_ISDIR(e->node->mode))
		dir->nlink--;
	m->n_names--;
	memory_touch(dir, true);
	free(e);
}

/* The node has lost a name. */
static void drop_link(struct memory *m, struct backend_node *n)
{
	n->nlink = S_ISDIR(n->mode) ? 0 : n->nlink - 1;
	if (S_ISDIR(n->mode))
		n->parent = NULL;
	memory_touch(n, false);
	memory_ref(n);
	memory_unref(m, n);
}

void memory_empty(struct memory *m, struct backend_node *dir)
{
	struct backend_node *at = dir;

	/* Down to a leaf, then up again: depth is the peer's to choose, so no recursion. */
	while (at->first || at != dir) {
		struct backend_node *child = at->first ? at->first->node : NULL;

		if (child && S_ISDIR(child->mode) && child->first) {
			at = child;
			continue;
		}
		if (child) {
			take_out(m, at->first);
			drop_link(m, child);
		}
		if (!at->first && at != dir)
			at = at->parent;
	}
}

/* What every new name needs: a living directory, a free name, room for it. */
static int check_new(struct memory *m, struct backend_node *dir, const char *name)
{
	int rc = backend_check_name(name);

	if (rc < 0)
		return rc;
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	if (memory_find(m, dir, name))
		return -EEXIST;
	if (dir->nlink == 0)
		return -ENOENT;
	return m->n_names >= MEMORY_NAMES_LIMIT ? -ENOSPC : 0;
}

int memory_make(struct memory *m, struct backend_node *dir, const char *name, uint32_t mode,
		const struct backend_create *c, struct backend_node **ret)
{
	_cleanup_free_ struct memory_entry *e = NULL;
	struct backend_node *n;
	int rc = check_new(m, dir, name);

	if (rc < 0)
		return rc;
	e = entry_new(name);
	if (!e)
		return -ENOMEM;
	rc = memory_node_new(m, mode, &n);
	if (rc < 0)
		return rc;
	if (dir->mode & S_ISGID) {
		n->gid = dir->gid;
		if (S_ISDIR(mode))
			n->mode |= S_ISGID;
	}
	n->nlink = S_ISDIR(mode) ? 2 : 1;
	memory_chown(n, c->uid, c->gid);
	insert(m, dir, TAKE_PTR(e), n);
	*ret = n;
	return 0;
}

void memory_unmake(struct memory *m, struct backend_node *dir, const char *name)
{
	struct memory_entry *e = memory_find(m, dir, name);
	struct backend_node *n = e->node;

	take_out(m, e);
	drop_link(m, n);
}

static int find_in(struct memory *m, struct backend_node *dir, const char *name,
		   struct memory_entry **ret)
{
	struct memory_entry *e;
	int rc = backend_check_name(name);

	if (rc < 0)
		return rc;
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	e = memory_find(m, dir, name);
	if (!e)
		return -ENOENT;
	*ret = e;
	return 0;
}

int memory_lookup(struct backend *b, struct backend_node *dir, const char *name,
		  struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	struct memory_entry *e;
	int rc = find_in(memory_of(b), dir, name, &e);

	if (rc < 0)
		return rc;
	memory_ref(e->node);
	memory_stat(e->node, ret_stat);
	*ret = e->node;
	return 0;
}

int memory_stat_at(struct backend *b, struct backend_node *dir, const char *name,
		   struct lisafs_statx *ret)
{
	struct memory_entry *e;
	int rc = find_in(memory_of(b), dir, name, &e);

	if (rc == 0)
		memory_stat(e->node, ret);
	return rc;
}

int memory_link(struct backend *b, struct backend_node *dir, const char *name,
		struct backend_node *target, struct backend_node **ret,
		struct lisafs_statx *ret_stat)
{
	struct memory *m = memory_of(b);
	struct memory_entry *e;
	int rc = check_new(m, dir, name);

	if (rc < 0)
		return rc;
	if (S_ISDIR(target->mode))
		return -EPERM;
	if (target->nlink == 0)
		return -ENOENT;
	if (target->nlink >= MEMORY_LINKS_LIMIT)
		return -EMLINK;
	e = entry_new(name);
	if (!e)
		return -ENOMEM;
	target->nlink++;
	memory_touch(target, false);
	insert(m, dir, e, target);
	memory_ref(target);
	memory_stat(target, ret_stat);
	*ret = target;
	return 0;
}

int memory_unlink(struct backend *b, struct backend_node *dir, const char *name, uint32_t flags)
{
	struct memory *m = memory_of(b);
	struct memory_entry *e;
	struct backend_node *n;
	int rc;

	if (flags & ~(uint32_t)AT_REMOVEDIR)
		return -EINVAL;
	rc = find_in(m, dir, name, &e);
	if (rc < 0)
		return rc;
	n = e->node;
	if ((flags & AT_REMOVEDIR) && !S_ISDIR(n->mode))
		return -ENOTDIR;
	if (!(flags & AT_REMOVEDIR) && S_ISDIR(n->mode))
		return -EISDIR;
	if (S_ISDIR(n->mode) && n->first)
		return -ENOTEMPTY;
	take_out(m, e);
	drop_link(m, n);
	return 0;
}

/* Whether n is dir or lies above it. */
static bool is_above(const struct backend_node *n, const struct backend_node *dir)
{
	while (dir && dir != n)
		dir = dir->parent;
	return dir == n;
}

static void exchange(struct memory_entry *a, struct memory_entry *b)
{
	struct backend_node *node = a->node;

	a->dir->nlink += (uint32_t)S_ISDIR(b->node->mode) - (uint32_t)S_ISDIR(node->mode);
	b->dir->nlink += (uint32_t)S_ISDIR(node->mode) - (uint32_t)S_ISDIR(b->node->mode);
	a->node = b->node;
	b->node = node;
	if (S_ISDIR(a->node->mode))
		a->node->parent = a->dir;
	if (S_ISDIR(b->node->mode))
		b->node->parent = b->dir;
	memory_touch(a->node, false);
	memory_touch(b->node, false);
	memory_touch(a->dir, true);
	memory_touch(b->dir, true);
}

/* The kernel's checks, in its order: the first that fails is what the caller sees. */
static int check_rename(const struct memory_entry *from, const struct memory_entry *to,
			const struct backend_node *new_dir, uint32_t flags)
{
	if (to && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (!to && (flags & RENAME_EXCHANGE))
		return -ENOENT;
	if (S_ISDIR(from->node->mode) && is_above(from->node, new_dir))
		return -EINVAL;
	if (to && S_ISDIR(to->node->mode) && is_above(to->node, from->dir))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (!to || to->node == from->node || (flags & RENAME_EXCHANGE))
		return 0;
	if (S_ISDIR(from->node->mode) && !S_ISDIR(to->node->mode))
		return -ENOTDIR;
	if (!S_ISDIR(from->node->mode) && S_ISDIR(to->node->mode))
		return -EISDIR;
	return S_ISDIR(to->node->mode) && to->node->first ? -ENOTEMPTY : 0;
}

/* Moves what from names to new_dir/name, where nothing is any more. */
static void move(struct memory *m, struct memory_entry *from, struct memory_entry *to,
		 struct backend_node *new_dir, struct memory_entry *fresh)
{
	struct backend_node *node = from->node;

	if (to) {
		struct backend_node *replaced = to->node;

		take_out(m, to);
		drop_link(m, replaced);
	}
	take_out(m, from);
	insert(m, new_dir, fresh, node);
	memory_touch(node, false);
}

/* What an overlay puts where a name was moved away: a character device 0:0 of mode 0. */
static int whiteout_new(struct memory *m, const char *name, struct memory_entry **ret,
			struct backend_node **ret_node)
{
	_cleanup_free_ struct memory_entry *e = entry_new(name);
	int rc;

	if (!e)
		return -ENOMEM;
	if (m->n_names >= MEMORY_NAMES_LIMIT)
		return -ENOSPC;
	rc = memory_node_new(m, S_IFCHR, ret_node);
	if (rc < 0)
		return rc;
	(*ret_node)->nlink = 1;
	*ret = TAKE_PTR(e);
	return 0;
}

int memory_rename(struct backend *b, struct backend_node *old_dir, const char *old_name,
		  struct backend_node *new_dir, const char *new_name, uint32_t flags)
{
	struct memory *m = memory_of(b);
	struct memory_entry *from;
	struct memory_entry *to = NULL;
	struct memory_entry *fresh;
	struct memory_entry *white = NULL;
	struct backend_node *white_node;
	int rc;

	if (flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) ||
	    (flags & RENAME_EXCHANGE && flags != RENAME_EXCHANGE))
		return -EINVAL;
	rc = find_in(m, old_dir, old_name, &from);
	if (rc < 0)
		return rc;
	rc = find_in(m, new_dir, new_name, &to);
	if (rc == 0 || (rc == -ENOENT && new_dir->nlink > 0))
		rc = check_rename(from, to, new_dir, flags);
	if (rc < 0 || (to && to->node == from->node))
		return rc;
	if (flags & RENAME_EXCHANGE) {
		exchange(from, to);
		return 0;
	}
	fresh = entry_new(new_name);
	if (!fresh)
		return -ENOMEM;
	rc = flags & RENAME_WHITEOUT ? whiteout_new(m, old_name, &white, &white_node) : 0;
	if (rc < 0) {
		free(fresh);
		return rc;
	}
	move(m, from, to, new_dir, fresh);
	if (white) {
		insert(m, old_dir, white, white_node);
		memory_unref(m, white_node);
	}
	return 0;
}

int memory_getdents(struct backend *b, struct backend_file *f, uint64_t offset,
		    backend_dirent_fn fn, void *ctx)
{
	struct backend_node *dir = f->node;
	const struct memory_entry *e = dir->first;

	(void)b;
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	if (dir->nlink == 0)
		return -ENOENT;
	while (e && e->off <= offset)
		e = e->next;
	for (; e; e = e->next) {
		struct backend_dirent d = { .ino = e->node->ino,
					    .off = e->off,
					    .dev_minor = MEMORY_DEV_MINOR,
					    .type = (uint8_t)IFTODT(e->node->mode),
					    .name = e->name };

		if (!fn(ctx, &d))
			break;
	}
	dir->atime = memory_now();
	return 0;
}
