#include "harness/spec/row.h"

#include <errno.h>
#include <string.h>

static char long_text[(64u << 10) + 1];

/* Named once; the long one is filled before main so that the table stays a table. */
__attribute__((constructor)) static void fill_long_text(void)
{
	memset(long_text, 'o', sizeof(long_text) - 1);
}

const struct row_value row_values[] = {
	{ "absent", NULL },
	{ "default", "default" },
	{ "off", "off" },
	{ "empty", "" },
	{ "OFF", "OFF" },
	{ "Off", "Off" },
	{ "space-off", " off" },
	{ "off-space", "off " },
	{ "off-newline", "off\n" },
	{ "DEFAULT", "DEFAULT" },
	{ "on", "on" },
	{ "true", "true" },
	{ "false", "false" },
	{ "zero", "0" },
	{ "one", "1" },
	{ "none", "none" },
	{ "disabled", "disabled" },
	{ "quote", "o\"ff\\" },
	{ "cyrillic-o", "\xd0\xbe"
			"ff" },                                  /* U+043E f f */
	{ "fullwidth", "\xef\xbd\x8f\xef\xbd\x86\xef\xbd\x86" }, /* U+FF4F U+FF46 U+FF46 */
	{ "64KiB", long_text },
	{ NULL, NULL },
};

static const char *const flag_slugs[] = {
	[SPEC_UNSET] = "unset",
	[SPEC_ON] = "on",
	[SPEC_OFF] = "off",
};

static const char *const hint_slugs[ROW_HINT_N] = {
	[ROW_HINT_NONE] = "no-hint",        [ROW_HINT_NO_SOURCE] = "no-source",
	[ROW_HINT_NO_TYPE] = "no-type",     [ROW_HINT_NO_SHARE] = "no-share",
	[ROW_HINT_BAD_SHARE] = "bad-share",
};

static const char *const source_slugs[ROW_SOURCE_N] = {
	[ROW_SOURCE_SLASH] = "slash",       [ROW_SOURCE_PREFIX] = "prefix",
	[ROW_SOURCE_LONGER] = "longer",     [ROW_SOURCE_SYMLINK] = "symlink",
	[ROW_SOURCE_RELATIVE] = "relative",
};

static const char *const shape_slugs[ROW_SHAPE_N] = {
	[ROW_SHAPE_FILE] = "file",         [ROW_SHAPE_NESTED] = "nested",
	[ROW_SHAPE_BELOW_RO] = "below-ro", [ROW_SHAPE_TWICE] = "twice",
	[ROW_SHAPE_TMPFS] = "tmpfs",       [ROW_SHAPE_OPTION] = "own-option",
};

const struct row_value *row_value_named(const char *name)
{
	for (const struct row_value *v = row_values; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

bool row_value_invalid(const struct row_value *v)
{
	return v->text && strcmp(v->text, "default") && strcmp(v->text, "off");
}

static void add_part(struct str *s, const char *prefix, const char *part)
{
	if (part)
		str_printf(s, ".%s%s", prefix, part);
}

static const char *unless(const char *text, const char *usual)
{
	return str_eq(text, usual) ? NULL : text;
}

char *row_global_slug(const struct row_global *g)
{
	static const char *const lifecycles[SPEC_LIFECYCLE_N] = {
		[SPEC_CREATE_START] = "create",
		[SPEC_EXEC] = "exec",
		[SPEC_HELD] = "held",
		[SPEC_FAULTED] = "faulted",
		[SPEC_FILTERED] = "filtered",
		[SPEC_POD] = "pod",
		[SPEC_POD_FILTERED] = "pod-filtered",
		[SPEC_WATCHED] = "watched",
		[SPEC_RESTORED] = "restored",
		[SPEC_RESTORED_FILTERED] = "restored-filtered",
	};
	_cleanup_str_ struct str s = STR_INIT;

	str_add(&s, flag_slugs[g->flag]);
	add_part(&s, "flag=", g->flag_annotation);
	add_part(&s, "", g->allow_override ? "override" : NULL);
	/* overlay2=none is how most rows run: it lets the guest see the rootfs' own options. */
	if (!str_eq(g->overlay2, "none"))
		add_part(&s, "overlay2=", g->overlay2 ? g->overlay2 : "default");
	add_part(&s, "file-access=", g->file_access);
	add_part(&s, "mounts=", g->file_access_mounts);
	add_part(&s, "", g->platform);
	add_part(&s, "", lifecycles[g->lifecycle]);
	/* "root:self" names a file, too */
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] == ':')
			s.data[i] = '-';
	return str_take(&s);
}

char *row_slug(const struct row *r)
{
	_cleanup_free_ char *global = row_global_slug(&r->global);
	_cleanup_str_ struct str s = STR_INIT;

	if (!global)
		return NULL;
	str_printf(&s, "%s.%s", global, r->value->name);
	add_part(&s, "", hint_slugs[r->hint]);
	if (r->hint != ROW_HINT_NONE) {
		add_part(&s, "", r->hint == ROW_HINT_NO_SHARE ? NULL : unless(r->share, "shared"));
		add_part(&s, "hint-", r->hint == ROW_HINT_NO_TYPE ? NULL : unless(r->type, "bind"));
	}
	add_part(&s, "", source_slugs[r->source]);
	add_part(&s, "", shape_slugs[r->shape]);
	add_part(&s, "", r->read_only ? "ro" : NULL);
	add_part(&s, "", r->standard ? "standard" : NULL);
	return str_take(&s);
}

bool row_global_equal(const struct row_global *a, const struct row_global *b)
{
	return a->flag == b->flag && a->allow_override == b->allow_override &&
	       a->lifecycle == b->lifecycle && str_eq(a->flag_annotation, b->flag_annotation) &&
	       str_eq(a->overlay2, b->overlay2) && str_eq(a->file_access, b->file_access) &&
	       str_eq(a->file_access_mounts, b->file_access_mounts) &&
	       str_eq(a->platform, b->platform);
}

bool row_equal_but_value(const struct row *a, const struct row *b)
{
	return row_global_equal(&a->global, &b->global) && a->hint == b->hint &&
	       str_eq(a->share, b->share) && str_eq(a->type, b->type) && a->source == b->source &&
	       a->shape == b->shape && a->read_only == b->read_only && a->standard == b->standard;
}

int row_apply_global(const struct row_global *g, struct spec_sandbox *s)
{
	s->flags.directfs = g->flag;
	s->flags.allow_flag_override = g->allow_override;
	s->lifecycle = g->lifecycle;
	s->probe_rootfs = true;
	if (spec_set(&s->flags.overlay2, g->overlay2) < 0 ||
	    spec_set(&s->flags.file_access, g->file_access) < 0 ||
	    spec_set(&s->flags.file_access_mounts, g->file_access_mounts) < 0 ||
	    spec_set(&s->flags.platform, g->platform) < 0)
		return -ENOMEM;
	return g->flag_annotation
		       ? spec_annotate(s, SPEC_FLAG_PREFIX "directfs", g->flag_annotation)
		       : 0;
}

/* The source text of the hint, which is the mount's but for the row's twist. */
static char *hint_source(const struct row *r, const char *id)
{
	switch (r->source) {
	case ROW_SOURCE_SLASH:
		return str_format(SPEC_SCRATCH "/src/%s/", id);
	case ROW_SOURCE_PREFIX:
		return str_format(SPEC_SCRATCH "/src/%s", id); /* the mount is …/ID/sub */
	case ROW_SOURCE_LONGER:
		return str_format(SPEC_SCRATCH "/src/%s-longer", id);
	case ROW_SOURCE_SYMLINK:
		return str_format(SPEC_SCRATCH "/src/%s.target", id);
	case ROW_SOURCE_EXACT:
	case ROW_SOURCE_RELATIVE:
	case ROW_SOURCE_N:
		break;
	}
	return str_format(SPEC_SCRATCH "/src/%s", id);
}

static int add_hint(const struct row *r, const char *id, struct spec_sandbox *s)
{
	_cleanup_free_ char *source = hint_source(r, id);
	const char *share = r->hint == ROW_HINT_BAD_SHARE ? "everyone" : r->share;
	int e = source ? 0 : -ENOMEM;

	if (r->hint == ROW_HINT_NONE)
		return e;
	if (e >= 0 && r->hint != ROW_HINT_NO_SOURCE)
		e = spec_annotatef(s, source, SPEC_MOUNT_PREFIX "%s.source", id);
	if (e >= 0 && r->hint != ROW_HINT_NO_TYPE)
		e = spec_annotatef(s, r->type, SPEC_MOUNT_PREFIX "%s.type", id);
	if (e >= 0 && r->hint != ROW_HINT_NO_SHARE)
		e = spec_annotatef(s, share, SPEC_MOUNT_PREFIX "%s.share", id);
	if (e >= 0 && r->value->text)
		e = spec_annotatef(s, r->value->text, SPEC_MOUNT_PREFIX "%s.directfs", id);
	return e;
}

static int set_source(const struct row *r, const char *id, struct spec_mount *m)
{
	_cleanup_free_ char *text = NULL;

	if (r->source == ROW_SOURCE_RELATIVE) {
		text = str_format("../src/%s", id);
		return text ? spec_set(&m->source, text) : -ENOMEM;
	}
	if (r->source == ROW_SOURCE_SYMLINK)
		m->kind = SPEC_SOURCE_SYMLINK;
	if (r->source != ROW_SOURCE_PREFIX)
		return 0;
	text = str_format("src/%s/sub", id);
	_cleanup_free_ char *source = str_format(SPEC_SCRATCH "/src/%s/sub", id);
	return text && source && spec_set(&m->host, text) >= 0 ? spec_set(&m->source, source)
							       : -ENOMEM;
}

static int set_read_only(struct spec_mount *m)
{
	strv_clear(&m->options);
	return strv_push(&m->options, "rbind") < 0 ? -ENOMEM : strv_push(&m->options, "ro");
}

/* The outer mount of a nested row: ID-p, of which ID's destination is a subfolder. */
static int add_parent(const struct row *r, const char *id, struct spec_sandbox *s)
{
	_cleanup_free_ char *parent_id = str_format("%s-p", id);
	struct spec_mount *p = NULL;
	int e = parent_id ? spec_add_bind(s, parent_id, &p) : -ENOMEM;

	if (e >= 0 && r->shape == ROW_SHAPE_BELOW_RO)
		e = set_read_only(p);
	return e < 0 ? e : spec_set(&p->inside, "in");
}

static int set_shape(const struct row *r, const char *id, struct spec_mount *m)
{
	_cleanup_free_ char *text = NULL;

	switch (r->shape) {
	case ROW_SHAPE_FILE:
		m->kind = SPEC_SOURCE_FILE;
		return 0;
	case ROW_SHAPE_NESTED:
	case ROW_SHAPE_BELOW_RO:
		text = str_format("/%s-p/in", id);
		return text ? spec_set(&m->destination, text) : -ENOMEM;
	case ROW_SHAPE_TMPFS:
		m->kind = SPEC_SOURCE_NONE;
		strv_clear(&m->options);
		if (r->read_only && strv_push(&m->options, "ro") < 0)
			return -ENOMEM;
		return spec_set(&m->type, "tmpfs");
	case ROW_SHAPE_OPTION:
		return strv_push(&m->options, "directfs");
	case ROW_SHAPE_DIR:
	case ROW_SHAPE_TWICE:
	case ROW_SHAPE_N:
		break;
	}
	return 0;
}

/* The second mount of the same source: ID-t. */
static int add_again(const char *id, struct spec_sandbox *s)
{
	_cleanup_free_ char *again = str_format("%s-t", id);
	_cleanup_free_ char *source = str_format(SPEC_SCRATCH "/src/%s", id);
	struct spec_mount *m = NULL;
	int e = again && source ? spec_add_bind(s, again, &m) : -ENOMEM;

	if (e < 0)
		return e;
	m->kind = SPEC_SOURCE_NONE;
	return spec_set(&m->source, source);
}

int row_add(const struct row *r, const char *id, struct spec_sandbox *s)
{
	struct spec_mount *m = NULL;
	int e = 0;

	if (r->shape == ROW_SHAPE_NESTED || r->shape == ROW_SHAPE_BELOW_RO)
		e = add_parent(r, id, s);
	if (e >= 0)
		e = spec_add_bind(s, id, &m);
	if (e >= 0)
		e = set_source(r, id, m);
	if (e >= 0 && r->read_only)
		e = set_read_only(m);
	if (e >= 0)
		e = set_shape(r, id, m);
	if (e >= 0 && r->standard)
		e = spec_set(&m->script, SPEC_STANDARD_SCRIPT);
	if (e >= 0 && r->shape == ROW_SHAPE_TWICE)
		e = add_again(id, s);
	return e < 0 ? e : add_hint(r, id, s);
}

static int describe_annotations(const struct spec_sandbox *s, const char *id, struct strv *ret)
{
	/* of the mount, or, for the container and the rootfs, all that there are */
	_cleanup_free_ char *prefix = spec_find_mount(s, id) < 0
					      ? strdup(SPEC_MOUNT_PREFIX)
					      : str_format(SPEC_MOUNT_PREFIX "%s.", id);

	if (!prefix)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_annotations && ret->n < ROW_DESCRIPTION_LIMIT; i++) {
		const struct spec_annotation *a = &s->annotations[i];
		_cleanup_str_ struct str line = STR_INIT;
		size_t n = strlen(a->value);

		if (str_starts(a->key, SPEC_MOUNT_PREFIX) && !str_starts(a->key, prefix))
			continue;
		str_printf(&line, "%s=", a->key);
		str_go_quote(&line, a->value, n < 80 ? n : 80);
		if (n > 80)
			str_printf(&line, "… (%zu bytes)", n);
		if (str_ok(&line) < 0 || strv_push(ret, str_text(&line)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Of an image: what it is restored with. */
static int describe_restore(const struct spec_sandbox *s, struct strv *ret)
{
	int e = 0;

	for (size_t k = spec_saved(s); k <= s->n_containers && e >= 0; k++) {
		const struct spec_sandbox *again = spec_container(s, k);

		e = k == spec_saved(s) ? strv_push(ret, "saved, and restored with:")
				       : strv_pushf(ret, "and %s with:", again->id);
		if (e >= 0)
			e = spec_runtime_flags(&again->flags, PROFILE_NEWEST, ret);
		if (e >= 0)
			e = describe_annotations(again, "", ret);
	}
	return e;
}

static int describe_command(const struct spec_serving *v, const char *what, struct strv *ret)
{
	if (v->gofer != SPEC_GOFER_COMMAND)
		return 0;
	return strv_pushf(ret, "%s served by a gofer command%s%s", what, v->under ? " under " : "",
			  v->under ? tool_name(v->under) : "");
}

int row_describe(const struct spec_sandbox *s, const char *id, struct strv *ret)
{
	int at = spec_find_mount(s, id);
	int e = spec_runtime_flags(&s->flags, PROFILE_NEWEST, ret);

	if (e >= 0 && spec_is_watched(s))
		e = strv_push(
			ret, "traced for deaths by seccomp: the gofer by its shim, the sentry with "
			     "TRACEEXIT|TRACECLONE");
	if (e >= 0 && s->forbid)
		e = strv_pushf(ret, "a forbidden call is planted in the %s",
			       s->forbid == SPEC_FORBID_GOFER ? "gofer" : "sentry");
	if (e >= 0 && at >= 0) {
		const struct spec_mount *m = &s->mounts[at];
		_cleanup_str_ struct str options = STR_INIT;

		for (size_t i = 0; i < m->options.n; i++)
			str_printf(&options, "%s%s", i ? "," : "", m->options.items[i]);
		e = str_ok(&options);
		if (e >= 0)
			e = strv_pushf(ret, "mount %s type %s source %s options %s", m->destination,
				       m->type, m->source ? m->source : "-", str_text(&options));
	}
	if (e >= 0)
		e = at >= 0 ? describe_command(&s->mounts[at].serving, s->mounts[at].destination,
					       ret)
			    : describe_command(&s->rootfs, "rootfs", ret);
	if (e >= 0)
		e = describe_annotations(s, id, ret);
	return e < 0 || !spec_is_restored(s) ? e : describe_restore(s, ret);
}
