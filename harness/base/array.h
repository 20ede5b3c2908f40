/* Arrays that grow by one at their end. */
#ifndef HX_BASE_ARRAY_H
#define HX_BASE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>

/*
 * Room for one more after n items of so many bytes, for an array that only ever grew here: it has room for the next
 * power of two. NULL: out of memory, and the array is as it was.
 */
static inline void *array_grow(void *items, size_t n, size_t size)
{
	return n & (n - 1) ? items : reallocarray(items, n ? 2 * n : 1, size);
}

#endif
