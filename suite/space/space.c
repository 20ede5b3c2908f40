#include "suite/space/space.h"

#include <errno.h>
#include <string.h>

enum factor {
	F_FLAG,
	F_OVERLAY2,
	F_FILE_ACCESS,
	F_MOUNTS_ACCESS,
	F_GLOBAL_N, /* those before are one sandbox's, those after one mount's */
	F_VALUE = F_GLOBAL_N,
	F_HINT,
	F_SHARE,
	F_TYPE,
	F_SOURCE,
	F_SHAPE,
	F_READ_ONLY,
	F_N,
};

/* How the flag is set: on the command line, or by an annotation that is allowed to. */
static const struct {
	enum spec_flag flag;
	const char *annotation;
} flags[] = {
	{ SPEC_ON, NULL },    { SPEC_OFF, NULL },   { SPEC_UNSET, NULL },
	{ SPEC_OFF, "true" }, { SPEC_ON, "false" },
};

static const char *const flag_names[] = { "on", "off", "unset", "off+annotation=true",
					  "on+annotation=false" };
static const char *const overlay2_names[] = { "none", "root:self", "all:memory", "all:self" };
static const char *const access_names[] = { "default", "exclusive", "shared" };
static const char *const value_names[] = {
	"absent",    "default",     "off",      "empty", "OFF",        "Off",       "space-off",
	"off-space", "off-newline", "DEFAULT",  "on",    "true",       "false",     "zero",
	"one",       "none",        "disabled", "quote", "cyrillic-o", "fullwidth", "64KiB",
};
static const char *const hint_names[] = { "full",    "none",     "no-source",
					  "no-type", "no-share", "bad-share" };
static const char *const share_names[] = { "shared", "container", "pod" };
static const char *const type_names[] = { "bind", "tmpfs" };
static const char *const source_names[] = { "exact",  "slash",   "prefix",
					    "longer", "symlink", "relative" };
static const char *const shape_names[] = { "dir",   "file",  "nested",    "below-ro",
					   "twice", "tmpfs", "own-option" };
static const char *const read_only_names[] = { "rw", "ro" };

#define FACTOR(text, names)                                                       \
	{                                                                         \
		.name = text, .n_levels = ARRAY_SIZE(names), .level_names = names \
	}

static const struct cover_factor factors[F_N] = {
	[F_FLAG] = FACTOR("flag", flag_names),
	[F_OVERLAY2] = FACTOR("overlay2", overlay2_names),
	[F_FILE_ACCESS] = FACTOR("file-access", access_names),
	[F_MOUNTS_ACCESS] = FACTOR("file-access-mounts", access_names),
	[F_VALUE] = FACTOR("directfs", value_names),
	[F_HINT] = FACTOR("hint", hint_names),
	[F_SHARE] = FACTOR("share", share_names),
	[F_TYPE] = FACTOR("hint type", type_names),
	[F_SOURCE] = FACTOR("source", source_names),
	[F_SHAPE] = FACTOR("shape", shape_names),
	[F_READ_ONLY] = FACTOR("read-only", read_only_names),
};

/* Levels that make a row negative; a row has at most one of them. */
static const struct {
	enum factor factor;
	int first, last;
} negatives[] = {
	{ F_VALUE, 3, 20 },
	{ F_HINT, ROW_HINT_NO_SOURCE, ROW_HINT_BAD_SHARE },
	{ F_SOURCE, ROW_SOURCE_SLASH, ROW_SOURCE_SYMLINK },
};

static bool within(int level, int first, int last)
{
	return level >= first && level <= last;
}

/*
 * With the flag off, what an overlay hides is told by nothing but the wire; a row without a value has
 * nothing else that is judged.
 */
static const char *forbid_unseen(const int *l)
{
	bool off = l[F_FLAG] == 1 || l[F_FLAG] == 4;
	bool overlaid =
		within(l[F_SHARE], 1, 2) || (within(l[F_OVERLAY2], 2, 3) && l[F_READ_ONLY] == 0);
	bool gofer = l[F_SHAPE] != COVER_OPEN && l[F_SHAPE] != ROW_SHAPE_TMPFS;

	return off && overlaid && gofer && l[F_VALUE] == 0
		       ? "nothing of it can be seen from the guest"
		       : NULL;
}

static const char *forbid_two_negatives(const int *l)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(negatives); i++)
		n += within(l[negatives[i].factor], negatives[i].first, negatives[i].last);
	return n > 1 ? "one invalid factor a row: two would hide each other" : NULL;
}

/* If factor `if_factor` has a level of [first, last], then `then` must have level `only`. */
static const struct {
	enum factor if_factor;
	int first, last;
	enum factor then;
	int only;
	const char *why;
} rules[] = {
	{ F_HINT, ROW_HINT_NONE, ROW_HINT_NONE, F_VALUE, 0, "a mount without a hint has no value" },
	{ F_HINT, ROW_HINT_NONE, ROW_HINT_NONE, F_SHARE, 0, "a mount without a hint has no share" },
	{ F_HINT, ROW_HINT_NONE, ROW_HINT_NONE, F_TYPE, 0,
	  "a mount without a hint has no hint type" },
	{ F_HINT, ROW_HINT_NONE, ROW_HINT_NONE, F_SOURCE, 0,
	  "a mount without a hint has no hint source" },
	{ F_HINT, ROW_HINT_NO_SOURCE, ROW_HINT_NO_SOURCE, F_SOURCE, 0,
	  "a hint without source has none" },
	{ F_HINT, ROW_HINT_NO_TYPE, ROW_HINT_NO_TYPE, F_TYPE, 0, "a hint without type has none" },
	{ F_HINT, ROW_HINT_NO_SHARE, ROW_HINT_NO_SHARE, F_SHARE, 0,
	  "a hint without share has none" },
	{ F_HINT, ROW_HINT_BAD_SHARE, ROW_HINT_BAD_SHARE, F_SHARE, 0,
	  "the share is the invalid one" },
	{ F_SHAPE, ROW_SHAPE_TMPFS, ROW_SHAPE_TMPFS, F_SOURCE, 0,
	  "a tmpfs mount has no host source" },
	{ F_SHAPE, ROW_SHAPE_TMPFS, ROW_SHAPE_TMPFS, F_READ_ONLY, 0, "a tmpfs is for writing" },
	{ F_SHAPE, ROW_SHAPE_FILE, ROW_SHAPE_FILE, F_SOURCE, 0, "near misses are of folders" },
	{ F_SHAPE, ROW_SHAPE_TWICE, ROW_SHAPE_TWICE, F_SOURCE, 0,
	  "a source in two places is one text" },
	{ F_SHARE, 1, 2, F_READ_ONLY, 0,
	  "a read-only mount with a self overlay has sandboxes of its own: some runtimes do not start it" },
	{ F_TYPE, 1, 1, F_SHAPE, ROW_SHAPE_DIR,
	  "a hint of type tmpfs over other shapes says nothing new" },
};

/* Pairs of ranges that exclude each other. */
static const struct {
	enum factor a;
	int a_first, a_last;
	enum factor b;
	int b_first, b_last;
	const char *why;
} exclusions[] = {
	{ F_OVERLAY2, 1, 3, F_FILE_ACCESS, 2, 2,
	  "runsc refuses an overlay over a rootfs with shared file access" },
	{ F_SHAPE, ROW_SHAPE_TWICE, ROW_SHAPE_TWICE, F_SHARE, 1, 2,
	  "a self overlay on one source twice has sandboxes of its own: it may be refused" },
	{ F_SHAPE, ROW_SHAPE_TWICE, ROW_SHAPE_TWICE, F_OVERLAY2, 3, 3,
	  "a self overlay on one source twice has sandboxes of its own: it may be refused" },
	{ F_SOURCE, ROW_SOURCE_SYMLINK, ROW_SOURCE_SYMLINK, F_OVERLAY2, 3, 3,
	  "a self overlay behind a symlink has sandboxes of its own: some runtimes do not start it" },
};

static const char *forbids(void *ctx, const int *l, size_t n)
{
	(void)ctx;
	(void)n;
	for (size_t i = 0; i < ARRAY_SIZE(exclusions); i++)
		if (within(l[exclusions[i].a], exclusions[i].a_first, exclusions[i].a_last) &&
		    within(l[exclusions[i].b], exclusions[i].b_first, exclusions[i].b_last))
			return exclusions[i].why;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		bool applies = within(l[rules[i].if_factor], rules[i].first, rules[i].last);

		if (applies && l[rules[i].then] != COVER_OPEN && l[rules[i].then] != rules[i].only)
			return rules[i].why;
	}
	const char *why = forbid_unseen(l);
	return why ? why : forbid_two_negatives(l);
}

const struct cover_space space = { .factors = factors, .n_factors = F_N, .forbids = forbids };

static const char *unless_first(const char *const *names, int level)
{
	return level ? names[level] : NULL;
}

static struct row row_of(const int *l)
{
	return (struct row){
		.global = {
			.flag = flags[l[F_FLAG]].flag,
			.flag_annotation = flags[l[F_FLAG]].annotation,
			.allow_override = flags[l[F_FLAG]].annotation != NULL,
			.overlay2 = overlay2_names[l[F_OVERLAY2]],
			.file_access = unless_first(access_names, l[F_FILE_ACCESS]),
			.file_access_mounts = unless_first(access_names, l[F_MOUNTS_ACCESS]),
		},
		.value = row_value_named(value_names[l[F_VALUE]]),
		.hint = (enum row_hint)l[F_HINT],
		.share = share_names[l[F_SHARE]],
		.type = type_names[l[F_TYPE]],
		.source = (enum row_source)l[F_SOURCE],
		.shape = (enum row_shape)l[F_SHAPE],
		.read_only = l[F_READ_ONLY] != 0,
	};
}

static int level_of(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(names[i], text))
			return (int)i;
	return COVER_OPEN;
}

#define LEVEL_OF(names, text) level_of(names, ARRAY_SIZE(names), text)

static int flag_level(const struct row_global *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].flag == g->flag && str_eq(flags[i].annotation, g->flag_annotation) &&
		    g->allow_override == (flags[i].annotation != NULL))
			return (int)i;
	return COVER_OPEN;
}

bool space_levels(const struct row *r, int *l)
{
	const struct row_global *g = &r->global;

	l[F_FLAG] = flag_level(g);
	l[F_OVERLAY2] = LEVEL_OF(overlay2_names, g->overlay2);
	l[F_FILE_ACCESS] = g->file_access ? LEVEL_OF(access_names, g->file_access) : 0;
	l[F_MOUNTS_ACCESS] =
		g->file_access_mounts ? LEVEL_OF(access_names, g->file_access_mounts) : 0;
	l[F_VALUE] = LEVEL_OF(value_names, r->value->name);
	l[F_HINT] = (int)r->hint;
	l[F_SHARE] = LEVEL_OF(share_names, r->share);
	l[F_TYPE] = LEVEL_OF(type_names, r->type);
	l[F_SOURCE] = (int)r->source;
	l[F_SHAPE] = (int)r->shape;
	l[F_READ_ONLY] = r->read_only;
	for (int i = 0; i < F_N; i++)
		if (l[i] == COVER_OPEN)
			return false;
	return !g->platform && g->lifecycle == SPEC_RUN && !r->standard;
}

/* The space of the flags alone: a part of a row, all else open. */
static const char *forbids_flags(void *ctx, const int *l, size_t n)
{
	int all[F_N];

	for (size_t i = 0; i < F_N; i++)
		all[i] = i < n ? l[i] : COVER_OPEN;
	return forbids(ctx, all, F_N);
}

/*
 * Packing wants few settings of the flags with many rows each. Any two flags meet in every way in a
 * covering array of the flags alone, and with it rows cover all pairs that any rows could. For triples that
 * does not hold (two flags may leave a mount's factor no room in the one setting that has them): there all
 * settings are used.
 */
static const char *forbids_unpacked(void *ctx, const int *l, size_t n)
{
	const struct cover *settings = ctx;

	for (size_t i = 0; i < settings->n_rows; i++) {
		const int *setting = cover_row(settings, i);
		bool fits = true;

		for (size_t f = 0; f < F_GLOBAL_N && fits; f++)
			fits = l[f] == COVER_OPEN || l[f] == setting[f];
		if (fits)
			return forbids(NULL, l, n);
	}
	return "not one of the settings of the flags that rows are packed under";
}

/* The rows that are in the plan anyway, as levels. */
static int given_rows(const struct row_list *l, struct cover *settings, cover_forbids_fn *part,
		      int **ret_levels, size_t *ret_n)
{
	int *levels = calloc(l->n ? l->n : 1, F_N * sizeof(*levels));
	size_t n = 0;

	if (!levels)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		int *at = levels + n * F_N;

		n += space_levels(&l->rows[i], at) && !part(settings, at, F_N);
	}
	*ret_levels = levels;
	*ret_n = n;
	return 0;
}

/*
 * Rows in which the key can act: the flag on by itself, nothing invalid, no near miss. They are covered by
 * themselves, or a pair like (off, nested) would be met only where something else keeps off from acting.
 */
static const char *forbids_inert(void *ctx, const int *l, size_t n)
{
	if (l[F_FLAG] != COVER_OPEN && l[F_FLAG] != 0)
		return "the flag is off, or not by itself";
	for (size_t i = 0; i < ARRAY_SIZE(negatives); i++)
		if (within(l[negatives[i].factor], negatives[i].first, negatives[i].last))
			return "a negative row";
	return forbids_unpacked(ctx, l, n);
}

static int cover_flags(const struct plan_depth *depth, struct cover *ret)
{
	const struct cover_space flags_space = {
		.factors = factors,
		.n_factors = F_GLOBAL_N,
		.forbids = forbids_flags,
	};
	const struct cover_request request = {
		.strength = depth->strength > PLAN_STRENGTH ? F_GLOBAL_N : depth->strength,
		.seed = depth->seed,
	};

	return cover_generate(&flags_space, &request, ret, NULL);
}

/* Adds the rows that cover a part of the space; those in ret already that lie in it count as given. */
static int cover_part(const struct plan_depth *depth, struct cover *settings,
		      cover_forbids_fn *part, struct row_list *ret)
{
	_cleanup_cover_ struct cover cover = { 0 };
	_cleanup_free_ int *given = NULL;
	size_t n_given = 0;
	const struct cover_space packed = {
		.factors = factors,
		.n_factors = F_N,
		.forbids = part,
		.ctx = settings,
	};
	int r = given_rows(ret, settings, part, &given, &n_given);

	if (r < 0)
		return r;
	const struct cover_request request = {
		.strength = depth->strength,
		.seed = depth->seed,
		.given = given,
		.n_given = n_given,
	};
	r = cover_generate(&packed, &request, &cover, NULL);
	for (size_t i = n_given; i < cover.n_rows && r >= 0; i++) {
		const struct row row = row_of(cover_row(&cover, i));

		r = row_list_add(ret, &row);
	}
	return r;
}

int space_rows(const struct plan_depth *depth, struct row_list *ret)
{
	_cleanup_cover_ struct cover settings = { 0 };
	int r = cover_flags(depth, &settings);

	if (r >= 0)
		r = cover_part(depth, &settings, forbids_inert, ret);
	return r < 0 ? r : cover_part(depth, &settings, forbids_unpacked, ret);
}
