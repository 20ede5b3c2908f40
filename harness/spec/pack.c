#include "harness/spec/pack.h"
#include "harness/base/array.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ID_FLAGS_LIMIT 64 /* bytes of a sandbox id that tell its flags */

/* One sandbox being filled, and the rows that are in it. */
struct bin {
	size_t sandbox;
	bool off; /* opened for a row that opts out: PACK_APART keeps the others away */
	struct {
		struct row row;
		char id[16];
	} in[SPEC_MOUNTS_LIMIT];
	size_t n;
};

struct packing {
	struct pack pack;
	struct bin *bins;
	size_t n_bins;
	const char *prefix;
	enum pack_kind kind;
};

void pack_clear(struct pack *p)
{
	for (size_t i = 0; i < p->n_sandboxes; i++)
		spec_clear(&p->sandboxes[i]);
	free(p->sandboxes);
	free(p->placements);
	*p = (struct pack){ 0 };
}

static bool opts_out(const struct row *r)
{
	return str_eq(r->value->text, "off");
}

/* PREFIX.FLAGS.N, which the number makes unique; what of the flags is no file name is replaced. */
static char *sandbox_id(const char *prefix, const char *flags, size_t n)
{
	char *id = str_format("%s.%.*s.%zu", prefix, ID_FLAGS_LIMIT, flags, n);

	for (char *c = id; c && *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '_')
			*c = '-';
	return id;
}

static struct bin *open_bin(struct packing *p, const struct row *r)
{
	_cleanup_free_ char *global = row_global_slug(&r->global);
	size_t at = p->pack.n_sandboxes;
	struct bin *bins = array_grow(p->bins, p->n_bins, sizeof(*bins));

	if (bins)
		p->bins = bins;
	struct spec_sandbox *all = array_grow(p->pack.sandboxes, at, sizeof(*all));
	if (all)
		p->pack.sandboxes = all;
	if (!bins || !all || !global)
		return NULL;
	all[at] = (struct spec_sandbox){
		.id = sandbox_id(p->prefix, global, at),
	};
	p->pack.n_sandboxes++;
	if (!all[at].id || row_apply_global(&r->global, &all[at]) < 0)
		return NULL;
	struct bin *b = &bins[p->n_bins++];
	b->sandbox = at;
	b->off = opts_out(r);
	b->n = 0;
	return b;
}

/* Mounts that a row and its baseline may need at most: both nested or both twice. */
#define ROW_MOUNTS_MOST 4

static struct bin *find_bin(struct packing *p, const struct row *r)
{
	for (size_t i = p->n_bins; i-- > 0;) {
		struct bin *b = &p->bins[i];
		const struct row *first = &b->in[0].row;

		if (!row_global_equal(&first->global, &r->global))
			continue;
		if (p->kind == PACK_APART && b->off != opts_out(r))
			continue;
		if (p->pack.sandboxes[b->sandbox].n_mounts + ROW_MOUNTS_MOST <= PACK_MOUNTS_LIMIT)
			return b;
	}
	return open_bin(p, r);
}

static int put(struct packing *p, struct bin *b, const struct row *r, char ret_id[16])
{
	struct spec_sandbox *s = &p->pack.sandboxes[b->sandbox];

	snprintf(b->in[b->n].id, sizeof(b->in[b->n].id), "m%zu", b->n);
	b->in[b->n].row = *r;
	size_t first = s->n_mounts;
	int e = row_add(r, b->in[b->n].id, s);

	for (size_t i = first; i < s->n_mounts && e >= 0; i++)
		if (!s->mounts[i].script)
			e = spec_set(&s->mounts[i].script, SPEC_SHORT_SCRIPT);
	memcpy(ret_id, b->in[b->n].id, sizeof(b->in[b->n].id));
	b->n++;
	return e;
}

/* The value that the baseline of r has; NULL = r needs none. */
static const struct row_value *baseline_value(const struct row *r)
{
	if (r->hint == ROW_HINT_NONE || !r->value->text)
		return NULL;
	return row_value_named(opts_out(r) ? "default" : "absent");
}

/* Where r is in b already, as a row or as somebody's baseline; NULL = nowhere. */
static const char *find_in(const struct bin *b, const struct row *r)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->in[i].row.value == r->value && row_equal_but_value(&b->in[i].row, r))
			return b->in[i].id;
	return NULL;
}

/* Mounts r unless it is there: a row that came in as a baseline is not mounted twice. */
static int put_once(struct packing *p, struct bin *b, const struct row *r, char ret_id[16])
{
	const char *there = find_in(b, r);

	if (!there)
		return put(p, b, r, ret_id);
	memcpy(ret_id, there, sizeof(b->in[0].id));
	return 0;
}

static int place(struct packing *p, const struct row *r, size_t index)
{
	struct bin *b = find_bin(p, r);
	struct placement *at = &p->pack.placements[index];
	struct row baseline = *r;
	char twin[16] = "";
	int e = b ? 0 : -ENOMEM;

	baseline.value = baseline_value(r);
	if (e >= 0 && baseline.value)
		e = put_once(p, b, &baseline, twin);
	if (e < 0)
		return e;
	*at = (struct placement){ .row = index, .sandbox = b->sandbox };
	e = put_once(p, b, r, at->id);
	if (e < 0 || !*twin)
		return e;
	struct spec_sandbox *s = &p->pack.sandboxes[b->sandbox];
	int mount = spec_find_mount(s, at->id);
	return mount < 0 ? -ENOENT : spec_set(&s->mounts[mount].twin, twin);
}

int pack_rows(const struct row *rows, size_t n, enum pack_kind kind, const char *prefix,
	      struct pack *ret)
{
	struct packing p = { .prefix = prefix, .kind = kind };
	int e = 0;

	p.pack.placements = calloc(n ? n : 1, sizeof(*p.pack.placements));
	p.pack.n_placements = n;
	if (!p.pack.placements)
		return -ENOMEM;
	for (size_t i = 0; i < n && e >= 0; i++) {
		size_t index = kind == PACK_APART ? n - 1 - i : i;

		e = place(&p, &rows[index], index);
	}
	free(p.bins);
	if (e < 0)
		pack_clear(&p.pack);
	else
		*ret = p.pack;
	return e;
}
