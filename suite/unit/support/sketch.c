#include "suite/unit/support/sketch.h"

#include <stdio.h>

#include "suite/unit/support/unit.h"

static void set_serving(struct spec_serving *to, const struct spec_serving *from)
{
	to->gofer = from->gofer;
	to->donate = from->donate;
	to->under = from->under;
	assert_int_equal(spec_set(&to->tamper, from->tamper), 0);
}

static void add_piece(const struct sketch *k, const struct piece *p, const char *id,
		      struct spec_sandbox *s)
{
	const struct row row = {
		.global = k->global,
		.value = row_value_named(p->value),
		.hint = p->hint,
		.share = p->share ? p->share : "shared",
		.type = p->type ? p->type : "bind",
		.source = p->source,
		.shape = p->shape,
		.read_only = p->read_only,
	};

	assert_non_null(row.value);
	assert_int_equal(row_add(&row, id, s), 0);
	assert_int_equal(spec_set(&s->mounts[spec_find_mount(s, id)].twin, p->twin), 0);
	assert_int_equal(spec_set(&s->mounts[spec_find_mount(s, id)].script, p->script), 0);
	set_serving(&s->mounts[spec_find_mount(s, id)].serving, &p->serving);
}

void sketch_build(const struct sketch *k, struct spec_sandbox *ret)
{
	*ret = (struct spec_sandbox){ 0 };
	assert_int_equal(spec_set(&ret->id, "sketch"), 0);
	assert_int_equal(row_apply_global(&k->global, ret), 0);
	ret->rootfs_readonly = k->rootfs_readonly;
	ret->wire = k->wire;
	ret->forbid = k->forbid;
	ret->flags.host_uds = k->host_uds;
	set_serving(&ret->rootfs, &k->rootfs);
	for (size_t i = 0; i < SKETCH_MOUNTS && k->mounts[i].value; i++) {
		const char id[2] = { (char)('a' + i), '\0' };

		add_piece(k, &k->mounts[i], id, ret);
	}
	for (size_t i = 0; i < SKETCH_EXTRAS && k->extra[i].key; i++)
		assert_int_equal(spec_annotate(ret, k->extra[i].key, k->extra[i].value), 0);
}

void sketch_full(struct spec_sandbox *ret)
{
	static const struct sketch k = {
		.global = {
			.flag = SPEC_OFF,
			.flag_annotation = "true",
			.allow_override = true,
			.overlay2 = "all:memory",
			.file_access = "shared",
			.file_access_mounts = "exclusive",
			.platform = "kvm",
			.lifecycle = SPEC_EXEC,
		},
		.rootfs_readonly = true,
		.wire = SPEC_WIRE_WHOLE,
		.forbid = SPEC_FORBID_SENTRY,
		.rootfs = { SPEC_GOFER_COMMAND, true, (char *)"fd-32", TOOL_VALGRIND },
		.mounts = {
			{ "off-newline", .twin = "b" },
			{ "absent", .hint = ROW_HINT_NO_TYPE, .shape = ROW_SHAPE_NESTED },
			{ "quote", .shape = ROW_SHAPE_FILE, .share = "pod", .twin = "a" },
			{ "cyrillic-o", .source = ROW_SOURCE_SYMLINK,
			  .serving = { SPEC_GOFER_FUSE, true, (char *)"fd-drop" } },
		},
	};

	sketch_build(&k, ret);
	ret->flags.host_uds = true;
	ret->privileged = true;
	ret->watched = true;
	ret->native = true;
	assert_int_equal(spec_set(&ret->rootfs_script, SPEC_KEEP_SCRIPT), 0);
	assert_int_equal(spec_set(&ret->mounts[0].inside, "in"), 0);
	assert_int_equal(spec_set(&ret->mounts[0].script, "stat .; read f"), 0);
}

#define COMPARE(a, b, field)                  \
	do {                                  \
		if ((a)->field != (b)->field) \
			return #field;        \
	} while (0)

#define COMPARE_TEXT(a, b, field)                    \
	do {                                         \
		if (!str_eq((a)->field, (b)->field)) \
			return #field;               \
	} while (0)

static bool same_serving(const struct spec_serving *a, const struct spec_serving *b)
{
	return a->gofer == b->gofer && a->donate == b->donate && str_eq(a->tamper, b->tamper) &&
	       a->under == b->under;
}

static const char *mount_difference(const struct spec_mount *a, const struct spec_mount *b)
{
	COMPARE_TEXT(a, b, id);
	COMPARE_TEXT(a, b, destination);
	COMPARE_TEXT(a, b, type);
	COMPARE_TEXT(a, b, source);
	COMPARE_TEXT(a, b, host);
	COMPARE(a, b, kind);
	COMPARE_TEXT(a, b, inside);
	COMPARE_TEXT(a, b, script);
	COMPARE_TEXT(a, b, twin);
	if (!same_serving(&a->serving, &b->serving))
		return "serving";
	COMPARE(a, b, options.n);
	for (size_t i = 0; i < a->options.n; i++)
		COMPARE_TEXT(a, b, options.items[i]);
	return NULL;
}

static const char *scalar_difference(const struct spec_sandbox *a, const struct spec_sandbox *b)
{
	COMPARE_TEXT(a, b, id);
	COMPARE(a, b, flags.directfs);
	COMPARE(a, b, flags.allow_flag_override);
	COMPARE_TEXT(a, b, flags.overlay2);
	COMPARE_TEXT(a, b, flags.file_access);
	COMPARE_TEXT(a, b, flags.file_access_mounts);
	COMPARE_TEXT(a, b, flags.platform);
	COMPARE(a, b, flags.host_uds);
	COMPARE(a, b, lifecycle);
	COMPARE(a, b, wire);
	COMPARE(a, b, forbid);
	COMPARE(a, b, watched);
	if (!same_serving(&a->rootfs, &b->rootfs))
		return "rootfs";
	COMPARE(a, b, rootfs_readonly);
	COMPARE(a, b, probe_rootfs);
	COMPARE(a, b, privileged);
	COMPARE(a, b, native);
	COMPARE_TEXT(a, b, rootfs_script);
	COMPARE(a, b, n_annotations);
	COMPARE(a, b, n_mounts);
	return NULL;
}

const char *spec_difference(const struct spec_sandbox *a, const struct spec_sandbox *b)
{
	static char where[128];
	const char *field = scalar_difference(a, b);

	if (field)
		return field;
	for (size_t i = 0; i < a->n_annotations; i++)
		if (strcmp(a->annotations[i].key, b->annotations[i].key) ||
		    strcmp(a->annotations[i].value, b->annotations[i].value)) {
			snprintf(where, sizeof(where), "annotations[%zu]", i);
			return where;
		}
	for (size_t i = 0; i < a->n_mounts; i++) {
		field = mount_difference(&a->mounts[i], &b->mounts[i]);
		if (field) {
			snprintf(where, sizeof(where), "mounts[%zu].%s", i, field);
			return where;
		}
	}
	return NULL;
}
