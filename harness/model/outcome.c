#include "harness/model/outcome.h"

#include <errno.h>
#include <string.h>

static const char *const names[PROP_N] = {
	[PROP_START] = "start",
	[PROP_ERROR] = "error text",
	[PROP_SERVED] = "served as",
	[PROP_DIRECTFS] = "directfs",
	[PROP_OPTIONS] = "other options",
	[PROP_CACHE] = "cache",
	[PROP_REFUSED] = "refused",
	[PROP_IGNORED] = "ignored",
	[PROP_UNKNOWN] = "unknown key",
	[PROP_UNUSED] = "unused",
	[PROP_ANSWER] = "answer",
	[PROP_EXEC] = "line in exec",
	[PROP_LINE] = "line",
	[PROP_LEFT] = "left behind",
	[PROP_KEPT] = "written to the host",
	[PROP_NATIVE] = "native answer",
	[PROP_DONATED] = "donated FDs",
	[PROP_DONATED_ROOT] = "donates its root",
	[PROP_HOLDS] = "donated FDs that the sentry has",
	[PROP_LEAKED] = "donated FDs that others have",
	[PROP_DEATH] = "killed by seccomp",
	[PROP_TRACED] = "traced by",
	[PROP_INSTALLED] = "filter installed",
	[PROP_ISSUED] = "issued",
	[PROP_FILTER] = "filter allows",
	[PROP_FIRED] = "fault fired",
	[PROP_DIED] = "deaths",
	[PROP_HUNG] = "hung",
	[PROP_AFTER] = "answer afterwards",
	[PROP_HELD] = "answer by an open file",
	[PROP_REREAD] = "on the host",
	[PROP_FRAMES] = "frames",
	[PROP_GROWN] = "open after an exec",
	[PROP_SWOLLEN] = "grown after an exec",
	[PROP_TAKES] = "mounts take",
	[PROP_ALIVE] = "alive",
	[PROP_ENDED] = "end of the gofer",
	[PROP_MEMORY] = "memory",
	[PROP_GAINED] = "descriptors gained a start",
};

const char *property_name(enum property p)
{
	return names[p];
}

int outcome_add(struct outcome *o, const struct fact *f)
{
	if (o->n >= OUTCOME_FACTS_LIMIT)
		return -E2BIG;
	if (o->n == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 64;
		struct fact *facts = reallocarray(o->facts, cap, sizeof(*facts));
		if (!facts)
			return -ENOMEM;
		o->facts = facts;
		o->cap = cap;
	}
	struct fact copy = *f;
	copy.key = f->key ? strdup(f->key) : NULL;
	copy.value = f->value ? strdup(f->value) : NULL;
	if ((f->key && !copy.key) || (f->value && !copy.value)) {
		free(copy.key);
		free(copy.value);
		return -ENOMEM;
	}
	o->facts[o->n++] = copy;
	return 0;
}

const struct fact *outcome_find(const struct outcome *o, enum property p, int subject,
				const char *key)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct fact *f = &o->facts[i];

		if (f->property == p && f->subject == subject && str_eq(f->key, key))
			return f;
	}
	return NULL;
}

void outcome_clear(struct outcome *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->facts[i].key);
		free(o->facts[i].value);
	}
	free(o->facts);
	free(o->broken);
	*o = (struct outcome){ 0 };
}
