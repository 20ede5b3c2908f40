/* The spec in evidence: one table of text fields, read and written alike. */
#include "harness/spec/spec.h"

#include <errno.h>
#include <string.h>

static const char *const flag_names[] = {
	[SPEC_UNSET] = "unset",
	[SPEC_ON] = "on",
	[SPEC_OFF] = "off",
};

static const char *const source_names[SPEC_SOURCE_N] = {
	[SPEC_SOURCE_NONE] = "none",       [SPEC_SOURCE_DIR] = "dir",   [SPEC_SOURCE_FILE] = "file",
	[SPEC_SOURCE_SYMLINK] = "symlink", [SPEC_SOURCE_FUSE] = "fuse",
};

static const char *const lifecycle_names[SPEC_LIFECYCLE_N] = {
	[SPEC_RUN] = "run",
	[SPEC_CREATE_START] = "create-start",
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

static const char *const forbid_names[SPEC_FORBID_N] = {
	[SPEC_FORBID_NOBODY] = "nobody",
	[SPEC_FORBID_GOFER] = "gofer",
	[SPEC_FORBID_SENTRY] = "sentry",
};

static const char *const wire_names[SPEC_WIRE_N] = {
	[SPEC_WIRE_UNSEEN] = "unseen",
	[SPEC_WIRE_RELAYED] = "relayed",
	[SPEC_WIRE_WHOLE] = "whole",
};

static const char *const gofer_names[SPEC_GOFER_N] = {
	[SPEC_GOFER_STOCK] = "stock", [SPEC_GOFER_MEMORY] = "memory",   [SPEC_GOFER_HOST] = "host",
	[SPEC_GOFER_FUSE] = "fuse",   [SPEC_GOFER_COMMAND] = "command",
};

const char *spec_gofer_name(enum spec_gofer gofer)
{
	return gofer_names[gofer];
}

struct text_field {
	const char *key;
	size_t offset;
};

static const struct text_field sandbox_texts[] = {
	{ "id", offsetof(struct spec_sandbox, id) },
	{ "overlay2", offsetof(struct spec_sandbox, flags.overlay2) },
	{ "file-access", offsetof(struct spec_sandbox, flags.file_access) },
	{ "file-access-mounts", offsetof(struct spec_sandbox, flags.file_access_mounts) },
	{ "platform", offsetof(struct spec_sandbox, flags.platform) },
	{ "restore-spec-validation", offsetof(struct spec_sandbox, flags.restore_validation) },
	{ "faults", offsetof(struct spec_sandbox, faults) },
	{ "rootfs-script", offsetof(struct spec_sandbox, rootfs_script) },
};

static const struct text_field mount_texts[] = {
	{ "id", offsetof(struct spec_mount, id) },
	{ "destination", offsetof(struct spec_mount, destination) },
	{ "type", offsetof(struct spec_mount, type) },
	{ "source", offsetof(struct spec_mount, source) },
	{ "host", offsetof(struct spec_mount, host) },
	{ "inside", offsetof(struct spec_mount, inside) },
	{ "script", offsetof(struct spec_mount, script) },
	{ "after", offsetof(struct spec_mount, after) },
	{ "last", offsetof(struct spec_mount, last) },
	{ "reread", offsetof(struct spec_mount, reread) },
	{ "twin", offsetof(struct spec_mount, twin) },
};

static const struct text_field sandbox_bools[] = {
	{ "allow-flag-override", offsetof(struct spec_sandbox, flags.allow_flag_override) },
	{ "host-uds", offsetof(struct spec_sandbox, flags.host_uds) },
	{ "rootfs-readonly", offsetof(struct spec_sandbox, rootfs_readonly) },
	{ "probe-rootfs", offsetof(struct spec_sandbox, probe_rootfs) },
	{ "privileged", offsetof(struct spec_sandbox, privileged) },
	{ "watched", offsetof(struct spec_sandbox, watched) },
	{ "native", offsetof(struct spec_sandbox, native) },
};

static int put_texts(struct json_object *o, const void *base, const struct text_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = *(char *const *)((const char *)base + f[i].offset);
		int r = json_add_string(o, f[i].key, text);
		if (r < 0)
			return r;
	}
	return 0;
}

static int get_texts(struct json_object *o, void *base, const struct text_field *f, size_t n,
		     struct hx_error *err)
{
	for (size_t i = 0; i < n; i++) {
		char **field = (char **)((char *)base + f[i].offset);
		struct json_object *v = NULL;
		const char *text = NULL;

		if (!json_object_object_get_ex(o, f[i].key, &v))
			continue;
		int r = json_get_string(o, f[i].key, &text, err);
		if (r < 0)
			return r;
		if (spec_set(field, text) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int put_serving(struct json_object *o, const char *key, const struct spec_serving *v)
{
	struct json_object *serving = NULL;

	if (!spec_serving_is_ours(v))
		return 0;
	serving = json_object_new_object();
	if (json_add(o, key, serving) < 0 ||
	    json_add_string(serving, "gofer", gofer_names[v->gofer]) < 0 ||
	    json_add_bool(serving, "donate", v->donate) < 0 ||
	    json_add_string(serving, "tamper", v->tamper) < 0 ||
	    (v->under && json_add_string(serving, "under", tool_name(v->under)) < 0))
		return -ENOMEM;
	return 0;
}

static struct json_object *mount_json(const struct spec_mount *m)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || put_texts(o, m, mount_texts, ARRAY_SIZE(mount_texts)) < 0 ||
	    json_add_string(o, "kind", source_names[m->kind]) < 0 ||
	    json_add_strv(o, "options", &m->options) < 0 ||
	    put_serving(o, "serving", &m->serving) < 0)
		return NULL;
	return TAKE_PTR(o);
}

static struct json_object *annotation_json(const struct spec_annotation *a)
{
	_cleanup_json_ struct json_object *o = json_object_new_array();

	if (!o || json_push_string(o, a->key) < 0 || json_push_string(o, a->value) < 0)
		return NULL;
	return TAKE_PTR(o);
}

static int put_lists(struct json_object *o, const struct spec_sandbox *s)
{
	/* owned by o one after the other: made only once the one before is in its place */
	struct json_object *mounts = NULL, *annotations = NULL;

	if (json_add(o, "mounts", mounts = json_object_new_array()) < 0 ||
	    json_add(o, "annotations", annotations = json_object_new_array()) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_mounts; i++)
		if (json_push(mounts, mount_json(&s->mounts[i])) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < s->n_annotations; i++)
		if (json_push(annotations, annotation_json(&s->annotations[i])) < 0)
			return -ENOMEM;
	return 0;
}

/* Only where there are any: a container by itself looks as it always did. */
static int put_pod(struct json_object *o, const struct spec_sandbox *s, struct hx_error *err)
{
	struct json_object *list = s->n_containers ? json_object_new_array() : NULL;

	if ((s->starts && json_add_int(o, "starts", s->starts) < 0) ||
	    (s->no_program && json_add_bool(o, "no-program", true) < 0) ||
	    (s->gofer_killed && json_add_bool(o, "gofer-killed", true) < 0) ||
	    (s->n_containers && json_add(o, "containers", list) < 0))
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n_containers; i++) {
		struct json_object *container = NULL;
		int r = spec_to_json(&s->containers[i], &container, err);

		if (r < 0)
			return r;
		if (json_push(list, container) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

int spec_to_json(const struct spec_sandbox *s, struct json_object **ret, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	int r = o ? put_texts(o, s, sandbox_texts, ARRAY_SIZE(sandbox_texts)) : -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(sandbox_bools) && r >= 0; i++)
		r = json_add_bool(o, sandbox_bools[i].key,
				  *(const bool *)((const char *)s + sandbox_bools[i].offset));
	if (r < 0 || json_add_string(o, "directfs", flag_names[s->flags.directfs]) < 0 ||
	    json_add_string(o, "lifecycle", lifecycle_names[s->lifecycle]) < 0 ||
	    json_add_string(o, "wire", wire_names[s->wire]) < 0 ||
	    (s->forbid && json_add_string(o, "forbid", forbid_names[s->forbid]) < 0) ||
	    put_serving(o, "rootfs-serving", &s->rootfs) < 0 || put_lists(o, s) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	r = put_pod(o, s, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

static int get_enum(struct json_object *o, const char *key, const char *const *names, size_t n,
		    unsigned int *ret, struct hx_error *err)
{
	const char *text = NULL;
	int r = json_get_string(o, key, &text, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(text, names[i])) {
			*ret = (unsigned int)i;
			return 0;
		}
	}
	return hx_error_set(err, -EBADMSG, "%s: unknown value \"%s\"", key, text);
}

/* Absent = the stock gofer. */
static int get_serving(struct json_object *o, const char *key, struct spec_serving *ret,
		       struct hx_error *err)
{
	struct json_object *serving = NULL;
	unsigned int gofer = 0;

	if (!json_object_object_get_ex(o, key, NULL))
		return 0;
	int r = json_get_object(o, key, &serving, err);
	if (r >= 0)
		r = get_enum(serving, "gofer", gofer_names, SPEC_GOFER_N, &gofer, err);
	if (r >= 0)
		r = json_get_bool(serving, "donate", &ret->donate, err);
	ret->gofer = (enum spec_gofer)gofer;
	if (r >= 0 && json_object_object_get_ex(serving, "under", NULL) &&
	    tool_parse(json_string_or(serving, "under", ""), &ret->under) < 0)
		r = hx_error_set(err, -EBADMSG, "under: unknown value");
	if (r >= 0 && spec_set(&ret->tamper, json_string_or(serving, "tamper", NULL)) < 0)
		r = hx_error_set(err, -ENOMEM, "out of memory");
	return r < 0 ? hx_error_wrap(err, r, "%s", key) : 0;
}

static int get_mount(struct json_object *o, struct spec_sandbox *s, struct hx_error *err)
{
	struct spec_mount *m = NULL;
	const char *id = NULL;
	unsigned int kind = 0;
	int r = json_get_string(o, "id", &id, err);

	if (r < 0)
		return r;
	if (spec_find_mount(s, id) >= 0)
		return hx_error_set(err, -EBADMSG, "id: \"%s\" stands twice", id);
	r = spec_add_mount(s, id, &m);
	if (r < 0)
		return hx_error_errno(err, r, "add");
	r = get_texts(o, m, mount_texts, ARRAY_SIZE(mount_texts), err);
	if (r < 0)
		return r;
	if (!m->destination || !m->type)
		return hx_error_set(err, -EBADMSG, "%s: missing",
				    m->destination ? "type" : "destination");
	r = get_enum(o, "kind", source_names, SPEC_SOURCE_N, &kind, err);
	if (r < 0)
		return r;
	m->kind = (enum spec_source)kind;
	r = get_serving(o, "serving", &m->serving, err);
	return r < 0 ? r : json_get_strv(o, "options", &m->options, err);
}

static int get_annotation(struct json_object *o, struct spec_sandbox *s, struct hx_error *err)
{
	struct json_object *key = NULL, *value = NULL;

	if (json_object_is_type(o, json_type_array) && json_object_array_length(o) == 2) {
		key = json_object_array_get_idx(o, 0);
		value = json_object_array_get_idx(o, 1);
	}
	if (!json_object_is_type(key, json_type_string) ||
	    !json_object_is_type(value, json_type_string))
		return hx_error_set(err, -EBADMSG, "not a pair of strings");
	int r = spec_annotate(s, json_object_get_string(key), json_object_get_string(value));
	return r < 0 ? hx_error_errno(err, r, "annotation") : 0;
}

static int get_list(struct json_object *o, const char *key, struct spec_sandbox *s,
		    int (*get)(struct json_object *, struct spec_sandbox *, struct hx_error *),
		    struct hx_error *err)
{
	struct json_object *list = NULL;
	int r = json_get_array(o, key, &list, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		r = get(json_object_array_get_idx(list, i), s, err);
		if (r < 0)
			return hx_error_wrap(err, r, "%s[%zu]", key, i);
	}
	return 0;
}

/* What can name a file and a container. */
static bool is_id(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = text ? strlen(text) : 0;

	return n && n <= SPEC_ID_LIMIT && text[0] != '.' && strspn(text, allowed) == n;
}

static int get_scalars(struct json_object *o, struct spec_sandbox *s, struct hx_error *err)
{
	unsigned int directfs = 0, lifecycle = 0, wire = 0, forbid = 0;
	int r = get_texts(o, s, sandbox_texts, ARRAY_SIZE(sandbox_texts), err);

	if (r < 0)
		return r;
	if (!is_id(s->id))
		return hx_error_set(err, -EBADMSG,
				    "id: missing or not a file name of 1 to %d bytes",
				    SPEC_ID_LIMIT);
	for (size_t i = 0; i < ARRAY_SIZE(sandbox_bools); i++) {
		r = json_get_bool(o, sandbox_bools[i].key,
				  (bool *)((char *)s + sandbox_bools[i].offset), err);
		if (r < 0)
			return r;
	}
	r = get_enum(o, "directfs", flag_names, ARRAY_SIZE(flag_names), &directfs, err);
	if (r >= 0)
		r = get_enum(o, "lifecycle", lifecycle_names, SPEC_LIFECYCLE_N, &lifecycle, err);
	if (r >= 0 && json_object_object_get_ex(o, "wire", NULL))
		r = get_enum(o, "wire", wire_names, SPEC_WIRE_N, &wire, err);
	if (r >= 0 && json_object_object_get_ex(o, "forbid", NULL))
		r = get_enum(o, "forbid", forbid_names, SPEC_FORBID_N, &forbid, err);
	if (r >= 0)
		r = get_serving(o, "rootfs-serving", &s->rootfs, err);
	s->forbid = (enum spec_forbid)forbid;
	s->wire = (enum spec_wire)wire;
	s->flags.directfs = (enum spec_flag)directfs;
	s->lifecycle = (enum spec_lifecycle)lifecycle;
	return r;
}

/* One container, without its "containers". */
static int get_one(struct json_object *o, struct spec_sandbox *s, struct hx_error *err)
{
	int64_t starts = json_int_or(o, "starts", 0);
	int r = get_scalars(o, s, err);

	if (r >= 0)
		r = get_list(o, "mounts", s, get_mount, err);
	if (r >= 0)
		r = get_list(o, "annotations", s, get_annotation, err);
	if (r >= 0 && (starts < 0 || starts > SPEC_STARTS_LIMIT))
		r = hx_error_set(err, -EBADMSG, "starts: not 0 to %d", SPEC_STARTS_LIMIT);
	s->starts = (unsigned int)starts;
	s->no_program = json_bool_or(o, "no-program", false);
	s->gofer_killed = json_bool_or(o, "gofer-killed", false);
	return r;
}

/* What is looked up by its name in a pod is there once, and is none of the first container's own names. */
static int check_unique(const struct spec_sandbox *pod, const struct spec_sandbox *c,
			struct hx_error *err)
{
	static const char *const taken[] = { "container", "rootfs", "sandbox" };

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (!strcmp(c->id, taken[i]))
			return hx_error_set(err, -EBADMSG, "id: \"%s\" is taken", c->id);
	for (size_t k = 0; spec_container(pod, k) != c; k++) {
		const struct spec_sandbox *other = spec_container(pod, k);

		if (k && !strcmp(other->id, c->id))
			return hx_error_set(err, -EBADMSG, "id: \"%s\" stands twice", c->id);
		for (size_t i = 0; i < c->n_mounts; i++)
			for (size_t j = 0; j < other->n_mounts; j++)
				if (!strcmp(c->mounts[i].id, other->mounts[j].id) ||
				    (!spec_is_restored(pod) &&
				     !strcmp(c->mounts[i].destination,
					     other->mounts[j].destination)))
					return hx_error_set(
						err, -EBADMSG,
						"mount \"%s\": its id or destination stands twice",
						c->mounts[i].id);
	}
	return 0;
}

static int get_container(struct json_object *o, struct spec_sandbox *s, struct hx_error *err)
{
	struct spec_sandbox *c = NULL;
	int r = spec_new_container(s, &c);

	if (r < 0)
		return hx_error_errno(err, r, "add");
	if (json_object_object_get_ex(o, "containers", NULL))
		return hx_error_set(err, -EBADMSG, "containers: it is one of a pod itself");
	r = get_one(o, c, err);
	return r < 0 ? r : check_unique(s, c, err);
}

int spec_from_json(struct json_object *o, struct spec_sandbox *ret, struct hx_error *err)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int r = get_one(o, &s, err);

	if (r >= 0 && json_object_object_get_ex(o, "containers", NULL))
		r = get_list(o, "containers", &s, get_container, err);
	if (r >= 0 && spec_is_restored(&s) && s.n_containers % 2 == 0)
		r = hx_error_set(
			err, -EBADMSG,
			"containers: half of all, with the sandbox, are restored: want an odd number");
	if (r < 0)
		return hx_error_wrap(err, r, "spec");
	*ret = s;
	s = (struct spec_sandbox){ 0 };
	return 0;
}
