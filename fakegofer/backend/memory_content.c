/* What regular files hold: pages, with holes between them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fakegofer/backend/memory.h"

#define DAY 86400

/* The position of the first page whose index is at least this. */
static size_t page_position(const struct backend_node *n, uint64_t index)
{
	size_t low = 0;
	size_t high = n->n_pages;

	if (high > 0 && n->pages[high - 1].index < index)
		return high;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (n->pages[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint8_t *page_get(const struct backend_node *n, uint64_t index)
{
	size_t at = page_position(n, index);

	return at < n->n_pages && n->pages[at].index == index ? n->pages[at].bytes : NULL;
}

static int page_list_grow(struct backend_node *n)
{
	size_t cap = n->cap_pages ? n->cap_pages * 2 : 4;
	struct memory_page *pages;

	if (n->n_pages < n->cap_pages)
		return 0;
	pages = reallocarray(n->pages, cap, sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	n->pages = pages;
	n->cap_pages = cap;
	return 0;
}

/* The page, made of zeros where there was a hole. */
static int page_make(struct memory *m, struct backend_node *n, uint64_t index, uint8_t **ret)
{
	size_t at = page_position(n, index);
	uint8_t *bytes;
	int rc;

	if (at < n->n_pages && n->pages[at].index == index) {
		*ret = n->pages[at].bytes;
		return 0;
	}
	rc = page_list_grow(n);
	if (rc == 0)
		rc = memory_charge(m, MEMORY_PAGE);
	if (rc < 0)
		return rc;
	bytes = calloc(1, MEMORY_PAGE);
	if (!bytes) {
		memory_release(m, MEMORY_PAGE);
		return -ENOMEM;
	}
	memmove(&n->pages[at + 1], &n->pages[at], (n->n_pages - at) * sizeof(n->pages[0]));
	n->pages[at] = (struct memory_page){ .index = index, .bytes = bytes };
	n->n_pages++;
	*ret = bytes;
	return 0;
}

/* Drops the pages from first on, up to but without last. */
static void pages_drop(struct memory *m, struct backend_node *n, uint64_t first, uint64_t last)
{
	size_t from = page_position(n, first);
	size_t to = page_position(n, last);

	if (from == to)
		return;
	for (size_t i = from; i < to; i++)
		free(n->pages[i].bytes);
	memmove(&n->pages[from], &n->pages[to], (n->n_pages - to) * sizeof(n->pages[0]));
	n->n_pages -= to - from;
	memory_release(m, (uint64_t)MEMORY_PAGE * (to - from));
}

void memory_drop_content(struct memory *m, struct backend_node *n)
{
	pages_drop(m, n, 0, UINT64_MAX);
	free(n->pages);
	n->pages = NULL;
	n->cap_pages = 0;
}

/* Bytes of [offset, end) that lie in the page at offset. */
static size_t in_page(uint64_t offset, uint64_t end)
{
	uint64_t room = MEMORY_PAGE - offset % MEMORY_PAGE;

	return (size_t)(end - offset < room ? end - offset : room);
}

/* relatime, the default of mounts. */
static void note_read(struct backend_node *n)
{
	struct lisafs_stamp now = memory_now();
	const struct lisafs_stamp *a = &n->atime;

#define NOT_AFTER(t) (a->sec < (t).sec || (a->sec == (t).sec && a->nsec <= (t).nsec))
	if (NOT_AFTER(n->mtime) || NOT_AFTER(n->ctime) || now.sec - a->sec >= DAY)
		n->atime = now;
#undef NOT_AFTER
}

ssize_t memory_read(struct backend *b, struct backend_file *f, void *buf, size_t n, uint64_t offset)
{
	struct backend_node *node = f->node;
	uint8_t *to = buf;
	uint64_t end;

	(void)b;
	if (!f->readable)
		return -EBADF;
	if (S_ISDIR(node->mode))
		return -EISDIR;
	if (offset > INT64_MAX || n > INT64_MAX - offset)
		return -EINVAL;
	if (n == 0 || offset >= node->size)
		return 0;
	end = node->size - offset < n ? node->size : offset + n;
	for (uint64_t at = offset; at < end;) {
		size_t part = in_page(at, end);
		const uint8_t *page = page_get(node, at / MEMORY_PAGE);

		if (page)
			memcpy(to, page + at % MEMORY_PAGE, part);
		else
			memset(to, 0, part);
		to += part;
		at += part;
	}
	note_read(node);
	return (ssize_t)(end - offset);
}

ssize_t memory_write(struct backend *b, struct backend_file *f, const void *buf, size_t n,
		     uint64_t offset)
{
	struct memory *m = memory_of(b);
	struct backend_node *node = f->node;
	const uint8_t *from = buf;
	uint64_t at = offset;
	uint64_t end;
	int rc = 0;

	if (!f->writable)
		return -EBADF;
	if (offset > INT64_MAX || n > INT64_MAX - offset)
		return -EINVAL;
	if (n == 0)
		return 0;
	if (offset >= BACKEND_FILE_LIMIT)
		return -EFBIG;
	end = BACKEND_FILE_LIMIT - offset < n ? BACKEND_FILE_LIMIT : offset + n;
	while (at < end) {
		size_t part = in_page(at, end);
		uint8_t *page;

		rc = page_make(m, node, at / MEMORY_PAGE, &page);
		if (rc < 0)
			break;
		memcpy(page + at % MEMORY_PAGE, from, part);
		from += part;
		at += part;
	}
	if (at == offset)
		return rc;
	if (at > node->size)
		node->size = at;
	memory_touch(node, true);
	return (ssize_t)(at - offset);
}

/* Zeros the rest of the page behind size, so that growing again shows no old bytes. */
static void zero_part(struct backend_node *n, uint64_t from, uint64_t to)
{
	uint8_t *page = from < to ? page_get(n, from / MEMORY_PAGE) : NULL;

	if (page)
		memset(page + from % MEMORY_PAGE, 0, in_page(from, to));
}

int memory_resize(struct memory *m, struct backend_node *n, uint64_t size)
{
	if (size > INT64_MAX)
		return -EINVAL;
	if (size > BACKEND_FILE_LIMIT)
		return -EFBIG;
	if (size < n->size) {
		uint64_t page_end = (size + MEMORY_PAGE - 1) / MEMORY_PAGE * MEMORY_PAGE;

		zero_part(n, size, page_end);
	}
	/* Pages that were allocated beyond the end go, too; a file that grows keeps them. */
	if (size <= n->size)
		pages_drop(m, n, (size + MEMORY_PAGE - 1) / MEMORY_PAGE, UINT64_MAX);
	n->size = size;
	memory_touch(n, true);
	return 0;
}

static void punch(struct memory *m, struct backend_node *n, uint64_t offset, uint64_t end)
{
	uint64_t first = (offset + MEMORY_PAGE - 1) / MEMORY_PAGE;
	uint64_t last = end / MEMORY_PAGE;

	if (first > last) { /* inside one page */
		zero_part(n, offset, end);
		return;
	}
	zero_part(n, offset, first * MEMORY_PAGE);
	zero_part(n, last * MEMORY_PAGE, end);
	if (first < last)
		pages_drop(m, n, first, last);
}

/* All pages of the range, or none of those that were not there. */
static int fill(struct memory *m, struct backend_node *n, uint64_t offset, uint64_t end)
{
	uint64_t first = offset / MEMORY_PAGE;
	uint64_t last = (end + MEMORY_PAGE - 1) / MEMORY_PAGE;
	size_t there = page_position(n, last) - page_position(n, first);

	if ((last - first - there) > (BACKEND_BYTES_LIMIT - m->bytes) / MEMORY_PAGE)
		return -ENOSPC;
	for (uint64_t i = first; i < last; i++) {
		uint8_t *page;
		int rc = page_make(m, n, i, &page);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int memory_allocate(struct backend *b, struct backend_file *f, uint64_t mode, uint64_t offset,
		    uint64_t length)
{
	struct memory *m = memory_of(b);
	struct backend_node *n = f->node;
	uint64_t end = offset + length;
	int rc = 0;

	if (offset > INT64_MAX || length > INT64_MAX || length == 0)
		return -EINVAL;
	if (mode & ~(uint64_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) ||
	    mode == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if (!f->writable)
		return -EBADF;
	if (end > BACKEND_FILE_LIMIT)
		return -EFBIG;
	if (mode & FALLOC_FL_PUNCH_HOLE)
		punch(m, n, offset, end);
	else
		rc = fill(m, n, offset, end);
	if (rc < 0)
		return rc;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > n->size)
		n->size = end;
	memory_touch(n, true);
	return 0;
}
