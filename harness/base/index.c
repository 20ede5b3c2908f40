#include "harness/base/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/rng.h"

#define INDEX_MIN_CAP 64

static struct index_slot *slot_of(struct index_slot *slots, size_t cap, const char *name)
{
	size_t at = (size_t)rng_hash(0, name) & (cap - 1);

	while (slots[at].name && strcmp(slots[at].name, name))
		at = (at + 1) & (cap - 1);
	return &slots[at];
}

static int grow(struct index *x)
{
	size_t cap = x->cap ? x->cap * 2 : INDEX_MIN_CAP;
	struct index_slot *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < x->cap; i++)
		if (x->slots[i].name)
			*slot_of(slots, cap, x->slots[i].name) = x->slots[i];
	free(x->slots);
	x->slots = slots;
	x->cap = cap;
	return 0;
}

int index_add(struct index *x, const char *name, size_t value)
{
	/* at most half full, so that a search ends soon */
	if (2 * (x->n + 1) > x->cap && grow(x) < 0)
		return -ENOMEM;
	struct index_slot *s = slot_of(x->slots, x->cap, name);
	if (s->name)
		return 0;
	*s = (struct index_slot){ .name = name, .value = value };
	x->n++;
	return 0;
}

size_t index_find(const struct index *x, const char *name)
{
	if (!x->cap)
		return INDEX_NONE;
	const struct index_slot *s = slot_of(x->slots, x->cap, name);
	return s->name ? s->value : INDEX_NONE;
}

void index_clear(struct index *x)
{
	free(x->slots);
	*x = (struct index){ 0 };
}
