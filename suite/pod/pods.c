/*
 * Each row of a table is one further container with at most one mount; rows of one table are one pod, in the
 * order in which they start. Where an annotation stands is part of the row: in the sandbox's spec, in the
 * container's, or in both.
 */
#include <errno.h>

#include "suite/pod/pod.h"

#define FAILED_STARTS 11 /* one that may warm up what is kept anyway, and ten that are counted */

/* What a container manager writes into the container's spec: all but the source. */
enum hint_kind { FULL, WITHOUT_SOURCE };

struct container {
	const char *id;
	const char *source;    /* a folder below src/, and the name of its hints; NULL = no mount */
	const char *pod;       /* directfs in the hint of the sandbox's spec; NULL = it has none */
	const char *own;       /* likewise, of the container's own */
	enum hint_kind kind;   /* of its own hint */
	const char *rootfs;    /* its rootfs' directfs; NULL = no rootfs hint */
	enum spec_flag flag;   /* SPEC_UNSET = as the sandbox's */
	const char *annotated; /* its flag annotation; NULL = none */
	bool override;         /* it may have one */
	const char *twin;      /* a second hint of this name with the same source */
	const char *key;       /* a bare annotation after the prefix of mounts' */
	unsigned int many;     /* so many mounts, each of a source of its own */
	unsigned int starts;
	bool no_program;
};

static int annotate_hint(struct spec_sandbox *s, const char *name, const char *source,
			 enum hint_kind kind, const char *value)
{
	_cleanup_free_ char *path = str_format(SPEC_SCRATCH "/src/%s", source);
	int r = path ? 0 : -ENOMEM;

	if (r >= 0 && kind == FULL)
		r = spec_annotatef(s, path, SPEC_MOUNT_PREFIX "%s.source", name);
	if (r >= 0)
		r = spec_annotatef(s, "bind", SPEC_MOUNT_PREFIX "%s.type", name);
	if (r >= 0)
		r = spec_annotatef(s, "shared", SPEC_MOUNT_PREFIX "%s.share", name);
	return r < 0 ? r : spec_annotatef(s, value, SPEC_MOUNT_PREFIX "%s.directfs", name);
}

static int annotate_rootfs(struct spec_sandbox *c, const char *value)
{
	_cleanup_free_ char *path = str_format(SPEC_SCRATCH "/bundle-%s/rootfs", c->id);
	int r = path ? spec_annotate(c, SPEC_ROOTFS_PREFIX "source", path) : -ENOMEM;

	if (r >= 0)
		r = spec_annotate(c, SPEC_ROOTFS_PREFIX "type", "bind");
	return r < 0 ? r : spec_annotate(c, SPEC_ROOTFS_PREFIX "directfs", value);
}

/* SOURCE-CONTAINER at a place of the same name. */
static int add_mount(const struct container *row, const char *source, struct spec_sandbox *c)
{
	_cleanup_free_ char *id = str_format("%s-%s", source, row->id);
	struct spec_mount *m = NULL;
	int r = id ? spec_add_bind(c, id, &m) : -ENOMEM;

	if (r < 0)
		return r;
	free(m->host);
	free(m->source);
	m->host = str_format("src/%s", source);
	m->source = str_format(SPEC_SCRATCH "/src/%s", source);
	return m->host && m->source ? 0 : -ENOMEM;
}

static int add_many(const struct container *row, struct spec_sandbox *c)
{
	int r = 0;

	for (unsigned int i = 0; i < row->many && r >= 0; i++) {
		_cleanup_free_ char *source = str_format("m%u", i);

		r = source ? add_mount(row, source, c) : -ENOMEM;
		if (r >= 0)
			r = spec_set(&c->mounts[i].script, SPEC_SHORT_SCRIPT);
	}
	return r;
}

static int annotate(const struct container *row, struct spec_sandbox *c)
{
	int r = 0;

	if (row->own)
		r = annotate_hint(c, row->source, row->source, row->kind, row->own);
	if (r >= 0 && row->twin)
		r = annotate_hint(c, row->twin, row->source, FULL, row->own);
	if (r >= 0 && row->key)
		r = spec_annotatef(c, "off", SPEC_MOUNT_PREFIX "%s", row->key);
	if (r >= 0 && row->rootfs)
		r = annotate_rootfs(c, row->rootfs);
	if (r >= 0 && row->annotated)
		r = spec_annotate(c, SPEC_FLAG_PREFIX "directfs", row->annotated);
	return r;
}

static int add(const struct container *row, struct spec_sandbox *s)
{
	struct spec_sandbox *c = NULL;
	int r = spec_add_container(s, row->id, &c);

	if (r < 0)
		return r;
	c->flags.directfs = row->flag == SPEC_UNSET ? s->flags.directfs : row->flag;
	c->flags.allow_flag_override = row->override;
	c->probe_rootfs = true;
	c->starts = row->starts;
	c->no_program = row->no_program;
	r = spec_set(&c->flags.overlay2, s->flags.overlay2);
	if (r >= 0 && row->source)
		r = add_mount(row, row->source, c);
	if (r >= 0)
		r = add_many(row, c);
	if (r >= 0)
		r = annotate(row, c);
	return r < 0 || !row->pod ? r : annotate_hint(s, row->source, row->source, FULL, row->pod);
}

/* What is looked at beside reports and exit statuses. */
enum look { NOTHING, FILTERS, RELAYED, WHOLE };

static int build(struct spec_sandbox *s, enum spec_flag flag, enum look look,
		 const struct container *rows, size_t n)
{
	int r = spec_set(&s->flags.overlay2, "none");

	s->flags.directfs = flag;
	s->lifecycle = look == FILTERS ? SPEC_POD_FILTERED : SPEC_POD;
	s->wire = look == RELAYED ? SPEC_WIRE_RELAYED
		  : look == WHOLE ? SPEC_WIRE_WHOLE
				  : SPEC_WIRE_UNSEEN;
	s->probe_rootfs = true;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = add(&rows[i], s);
	return r;
}

#define POD(name, flag, look, ...)                                      \
	static int name(struct spec_sandbox *s, size_t instance)        \
	{                                                               \
		static const struct container rows[] = { __VA_ARGS__ }; \
		(void)instance;                                         \
		return build(s, flag, look, rows, ARRAY_SIZE(rows));    \
	}
#define ROW(...)            \
	{                   \
		__VA_ARGS__ \
	}

POD(bare, SPEC_UNSET, FILTERS, ROW(.id = "two", .source = "x"), ROW(.id = "three"))
POD(one_on, SPEC_ON, FILTERS, ROW(.id = "two", .source = "x", .pod = "off", .own = "off"))
POD(one_off, SPEC_OFF, FILTERS, ROW(.id = "two", .source = "x", .pod = "off", .own = "off"))

/* Both sides of an opt-out in time, the same source again, one that is started anew, and what only its own spec says. */
POD(eight, SPEC_ON, FILTERS, ROW(.id = "before", .source = "p"),
    ROW(.id = "both", .source = "x", .pod = "off", .own = "off"),
    ROW(.id = "default", .source = "y", .pod = "default", .own = "default"),
    ROW(.id = "again", .source = "x", .own = "off"), ROW(.id = "own", .source = "o", .own = "off"),
    ROW(.id = "unlike", .source = "u", .pod = "default", .own = "off"),
    ROW(.id = "root", .rootfs = "off"), ROW(.id = "anew", .source = "r", .starts = 3))

/* What the sandbox's spec says holds where the container's is silent, says less, or says otherwise. */
POD(sandbox_says, SPEC_ON, FILTERS, ROW(.id = "plain", .source = "p"),
    ROW(.id = "silent", .source = "x", .pod = "off"),
    ROW(.id = "manager", .source = "y", .pod = "off", .own = "off", .kind = WITHOUT_SOURCE),
    ROW(.id = "unlike", .source = "u", .pod = "off", .own = "default"))

POD(wire_on, SPEC_ON, RELAYED, ROW(.id = "two", .source = "x", .pod = "off", .own = "off"),
    ROW(.id = "three", .source = "y", .pod = "default", .own = "default"))
POD(wire_off, SPEC_OFF, WHOLE, ROW(.id = "two", .source = "x", .pod = "off", .own = "off"),
    ROW(.id = "three", .source = "y", .pod = "default", .own = "default"))

#define FALSE_ANNOTATED .annotated = "false", .override = true
#define TRUE_ANNOTATED .annotated = "true", .override = true

POD(flag_on, SPEC_ON, NOTHING, ROW(.id = "same", .source = "p"),
    ROW(.id = "off", .source = "x", .flag = SPEC_OFF),
    ROW(.id = "annotated", .source = "y", FALSE_ANNOTATED),
    ROW(.id = "refused", .source = "z", .annotated = "false"))
/* one container each: its end may be the sandbox's */
POD(flag_off, SPEC_OFF, NOTHING, ROW(.id = "same", .source = "p"),
    ROW(.id = "on", .source = "x", .flag = SPEC_ON))
POD(flag_off_annotated, SPEC_OFF, NOTHING, ROW(.id = "same", .source = "p"),
    ROW(.id = "annotated", .source = "y", TRUE_ANNOTATED))

POD(errors, SPEC_ON, NOTHING, ROW(.id = "plain", .source = "p"),
    ROW(.id = "invalid", .source = "x", .own = "OFF"),
    ROW(.id = "twins", .source = "y", .own = "off", .twin = "z"),
    ROW(.id = "key", .source = "u", .key = "directfs"),
    ROW(.id = "root", .source = "v", .rootfs = "OFF"))

POD(failed, SPEC_UNSET, NOTHING, ROW(.id = "plain", .source = "p"),
    ROW(.id = "failed", .source = "x", .starts = FAILED_STARTS, .no_program = true))
POD(failed_rootfs, SPEC_ON, NOTHING, ROW(.id = "plain", .source = "p"),
    ROW(.id = "root", .source = "v", .rootfs = "OFF", .starts = FAILED_STARTS))
POD(failed_twins, SPEC_ON, NOTHING, ROW(.id = "plain", .source = "p"),
    ROW(.id = "twins", .source = "y", .own = "off", .twin = "z", .starts = FAILED_STARTS))

POD(many, SPEC_ON, NOTHING, ROW(.id = "two", .many = 130))
/* Traced: one that seccomp kills shows as "cannot allocate memory" or "EOF" elsewhere, and as what it was here. */
static int watch(struct spec_sandbox *s, int r)
{
	s->lifecycle = SPEC_POD; /* who is traced has no filters dumped */
	s->wire = SPEC_WIRE_WHOLE;
	s->watched = true;
	return r;
}

static int watched_says(struct spec_sandbox *s, size_t instance)
{
	return watch(s, sandbox_says(s, instance));
}

static int watched_flag(struct spec_sandbox *s, size_t instance)
{
	return watch(s, flag_off(s, instance));
}

/* What these pods are about; other clauses have sandboxes of their own. */
static const enum clause decided[] = {
	CLAUSE_POD_1, CLAUSE_POD_2, CLAUSE_MNT_1, CLAUSE_ROOT_2, CLAUSE_SEC_1,
	CLAUSE_SEC_3, CLAUSE_SEC_4, CLAUSE_FD_7,  CLAUSE_LIFE_1, CLAUSE_NONE,
};
static const enum clause unharmed[] = { CLAUSE_SEC_2, CLAUSE_NONE };
static const enum clause alike[] = { CLAUSE_POD_1, CLAUSE_POD_2, CLAUSE_FD_7, CLAUSE_NONE };
static const enum clause donated[] = { CLAUSE_POD_1, CLAUSE_MNT_1, CLAUSE_FD_1,
				       CLAUSE_FD_2,  CLAUSE_FD_7,  CLAUSE_NONE };
static const enum clause shaped[] = { CLAUSE_MNT_6, CLAUSE_FD_7, CLAUSE_NONE };
static const enum clause flags[] = { CLAUSE_POD_3, CLAUSE_CFG_1, CLAUSE_FD_7, CLAUSE_NONE };
static const enum clause refused[] = { CLAUSE_ANN_13, CLAUSE_FD_7, CLAUSE_NONE };
static const enum clause counted[] = { CLAUSE_FD_8, CLAUSE_FD_7, CLAUSE_NONE };

const struct sandbox_source pod_sandboxes[] = {
	{ .slug = "unset.pod-bare", .build = bare, .own = decided },
	{ .slug = "on.pod-one", .build = one_on, .own = decided },
	{ .slug = "off.pod-one", .build = one_off, .own = decided },
	{ .slug = "on.pod-eight", .build = eight, .own = decided },
	{ .slug = "on.pod-sandbox-says", .build = sandbox_says, .own = alike },
	{ .slug = "on.pod-watch-says", .build = watched_says, .own = unharmed },
	{ .slug = "off.pod-watch-flag", .build = watched_flag, .own = unharmed },
	{ .slug = "on.pod-wire", .build = wire_on, .own = donated },
	{ .slug = "off.pod-wire", .build = wire_off, .own = donated },
	{ .slug = "on.pod-many", .build = many, .own = shaped },
	{ .slug = "on.pod-flag", .build = flag_on, .own = flags },
	{ .slug = "off.pod-flag", .build = flag_off, .own = flags },
	{ .slug = "off.pod-flag-annotated", .build = flag_off_annotated, .own = flags },
	{ .slug = "on.pod-errors", .build = errors, .own = refused },
	{ .slug = "unset.pod-failed", .build = failed, .own = counted },
	{ .slug = "on.pod-failed-rootfs", .build = failed_rootfs, .own = counted },
	{ .slug = "on.pod-failed-twins", .build = failed_twins, .own = counted },
	{ .slug = NULL },
};
