/*
 * The container's OCI configuration and the runtime's global flags.
 * Source of the facts: the OCI runtime specification 1.0.2; runsc's `runsc flags` per profile.
 */
#include "harness/spec/spec.h"

#include <errno.h>

static int add_option(struct strv *ret, const char *option, const char *path, const char *script)
{
	int r = script ? strv_push(ret, option) : 0;

	return r < 0 || !script ? r : strv_pushf(ret, "%s=%s", path, script);
}

static int add_script(struct strv *ret, const char *path, const char *script)
{
	return add_option(ret, "--script", path, script);
}

int spec_guest_argv(const struct spec_sandbox *s, bool wait, struct strv *ret)
{
	int r = strv_push(ret, s->no_program ? "/no-such-program" : "/probe");

	/* the brief script answers for most rows; a mount that needs another one names it */
	if (r >= 0)
		r = strv_push(ret, "--brief");
	if (r >= 0 && wait)
		r = strv_push(ret, "--wait");
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		r = add_script(ret, s->mounts[i].destination,
			       s->mounts[i].last && !wait ? s->mounts[i].after
							  : s->mounts[i].script);
	for (size_t i = 0; i < s->n_mounts && wait && r >= 0; i++)
		r = add_option(ret, "--last", s->mounts[i].destination, s->mounts[i].last);
	if (r >= 0 && s->probe_rootfs)
		r = add_script(ret, "/", s->rootfs_script);
	if (r >= 0)
		r = strv_push(ret, "--");
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		r = strv_push(ret, s->mounts[i].destination);
	if (r >= 0 && s->probe_rootfs)
		r = strv_push(ret, "/");
	return r;
}

/* Behind the options; nothing where there is no target. */
static int add_targets(struct strv *ret, const struct strv *targets)
{
	int r = targets->n ? strv_push(ret, "--") : 0;

	for (size_t i = 0; i < targets->n && r >= 0; i++)
		r = strv_push(ret, targets->items[i]);
	return r;
}

int spec_reread_argv(const struct spec_sandbox *s, const char *probe, const char *scratch,
		     struct strv *ret)
{
	_cleanup_strv_ struct strv targets = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < s->n_mounts && r >= 0; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (!m->reread || !m->host)
			continue;
		if (!targets.n)
			r = strv_push(ret, probe);
		if (r >= 0)
			r = strv_push(ret, "--at");
		if (r >= 0)
			r = strv_pushf(ret, "%s=%s/%s%s", m->destination, scratch, m->host,
				       m->kind == SPEC_SOURCE_FUSE ? SPEC_BEHIND : "");
		if (r >= 0)
			r = add_script(ret, m->destination, m->reread);
		if (r >= 0)
			r = strv_push(&targets, m->destination);
	}
	return r < 0 ? r : add_targets(ret, &targets);
}

int spec_after_argv(const struct spec_sandbox *s, struct strv *ret)
{
	_cleanup_strv_ struct strv targets = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < s->n_mounts && r >= 0; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (!m->after)
			continue;
		if (!targets.n)
			r = strv_push(ret, "/probe");
		if (r >= 0)
			r = add_script(ret, m->destination, m->after);
		if (r >= 0)
			r = strv_push(&targets, m->destination);
	}
	return r < 0 ? r : add_targets(ret, &targets);
}

static const struct {
	const char *option;
	enum profile since;
	size_t offset;
} text_flags[] = {
	{ "overlay2", PROFILE_LISAFS, offsetof(struct spec_flags, overlay2) },
	{ "file-access", PROFILE_LISAFS, offsetof(struct spec_flags, file_access) },
	{ "file-access-mounts", PROFILE_LISAFS, offsetof(struct spec_flags, file_access_mounts) },
	{ "platform", PROFILE_LISAFS, offsetof(struct spec_flags, platform) },
	{ "restore-spec-validation", PROFILE_DIRECTFS,
	  offsetof(struct spec_flags, restore_validation) },
};

int spec_runtime_flags(const struct spec_flags *f, enum profile profile, struct strv *ret)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(text_flags) && r >= 0; i++) {
		const char *value = *(char *const *)((const char *)f + text_flags[i].offset);

		if (value && profile >= text_flags[i].since)
			r = strv_pushf(ret, "--%s=%s", text_flags[i].option, value);
	}
	if (r >= 0 && f->directfs != SPEC_UNSET && profile >= PROFILE_DIRECTFS)
		r = strv_pushf(ret, "--directfs=%s", f->directfs == SPEC_ON ? "true" : "false");
	if (r >= 0 && f->allow_flag_override)
		r = strv_push(ret, "--allow-flag-override");
	if (r >= 0 && f->host_uds)
		r = strv_push(ret, "--host-uds=all");
	return r;
}

static struct json_object *parse_static(const char *text)
{
	struct json_object *o = NULL;

	return json_parse(text, __builtin_strlen(text), &o, NULL) < 0 ? NULL : o;
}

/* CAP_SYS_ADMIN unmounts; the others are root's usual rights, which an explicit list takes away. */
static int add_capabilities(struct json_object *process)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	struct json_object *all = json_object_new_object();

	if (json_add(process, "capabilities", all) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		struct json_object *list = parse_static(
			"[\"CAP_SYS_ADMIN\",\"CAP_DAC_OVERRIDE\",\"CAP_CHOWN\",\"CAP_FOWNER\"]");

		if (json_add(all, sets[i], list) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_process(struct json_object *o, const struct spec_sandbox *s)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	struct json_object *p = parse_static("{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},"
					     "\"env\":[\"PATH=/\"],\"cwd\":\"/\"}");

	if (json_add(o, "process", p) < 0)
		return -ENOMEM;
	if (s->privileged && add_capabilities(p) < 0)
		return -ENOMEM;
	int r = spec_guest_argv(s, spec_guest_waits(s), &argv);
	return r < 0 ? r : json_add_strv(p, "args", &argv);
}

static struct json_object *mount_oci(const struct spec_mount *m, const char *scratch)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_free_ char *source = m->source ? spec_resolve(m->source, scratch) : NULL;

	if (!o || (m->source && !source) || json_add_string(o, "destination", m->destination) < 0 ||
	    json_add_string(o, "type", m->type) < 0 || json_add_string(o, "source", source) < 0 ||
	    json_add_strv(o, "options", &m->options) < 0)
		return NULL;
	return TAKE_PTR(o);
}

static int add_mounts(struct json_object *o, const struct spec_sandbox *s, const char *scratch)
{
	struct json_object *list =
		parse_static("[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}]");

	if (json_add(o, "mounts", list) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_mounts; i++)
		if (json_push(list, mount_oci(&s->mounts[i], scratch)) < 0)
			return -ENOMEM;
	return 0;
}

/* json-c objects keep insertion order, so the annotations are written in the spec's order. */
static int add_annotations(struct json_object *o, const struct spec_sandbox *s, const char *scratch)
{
	struct json_object *a = json_object_new_object();

	if (json_add(o, "annotations", a) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_annotations; i++) {
		_cleanup_free_ char *value = spec_resolve(s->annotations[i].value, scratch);

		if (!value || json_add_string(a, s->annotations[i].key, value) < 0)
			return -ENOMEM;
	}
	return 0;
}

int spec_to_oci(const struct spec_sandbox *s, const char *scratch, struct json_object **ret,
		struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = parse_static("{\"ociVersion\":\"1.0.2\"}");
	/* owned by o one after the other: made only once the one before is in its place */
	struct json_object *root = NULL;

	if (!o || json_add(o, "root", root = parse_static("{\"path\":\"rootfs\"}")) < 0 ||
	    json_add(o, "linux",
		     parse_static("{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},"
				  "{\"type\":\"uts\"},{\"type\":\"mount\"},"
				  "{\"type\":\"network\"}]}")) < 0 ||
	    json_add_bool(root, "readonly", s->rootfs_readonly) < 0 ||
	    json_add_string(o, "hostname", "gofercert") < 0 || add_process(o, s) < 0 ||
	    add_mounts(o, s, scratch) < 0 || add_annotations(o, s, scratch) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	*ret = TAKE_PTR(o);
	return 0;
}
