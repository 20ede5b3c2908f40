/* A hash index from names to numbers: how a list of thousands is searched by id. */
#ifndef HX_BASE_INDEX_H
#define HX_BASE_INDEX_H

#include <stddef.h>

#define INDEX_NONE ((size_t)-1)

/* Names are borrowed: they must stay as long as the index is used. */
struct index {
	struct index_slot {
		const char *name; /* NULL = free */
		size_t value;
	} * slots;
	size_t n;
	size_t cap; /* a power of two, or 0 */
};

/* 0 or -ENOMEM. A name that is there already keeps its value. */
int index_add(struct index *x, const char *name, size_t value);
/* INDEX_NONE where name is not there. */
size_t index_find(const struct index *x, const char *name);
void index_clear(struct index *x);

#endif
