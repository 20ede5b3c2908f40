#include "harness/spec/spec.h"

#include <errno.h>
#include <string.h>

static void mount_clear(struct spec_mount *m)
{
	free(m->id);
	free(m->destination);
	free(m->type);
	free(m->source);
	free(m->host);
	free(m->inside);
	free(m->script);
	free(m->after);
	free(m->last);
	free(m->reread);
	free(m->twin);
	free(m->serving.tamper);
	strv_clear(&m->options);
}

void spec_clear(struct spec_sandbox *s)
{
	for (size_t i = 0; i < s->n_annotations; i++) {
		free(s->annotations[i].key);
		free(s->annotations[i].value);
	}
	for (size_t i = 0; i < s->n_mounts; i++)
		mount_clear(&s->mounts[i]);
	for (size_t i = 0; i < s->n_containers; i++)
		spec_clear(&s->containers[i]);
	free(s->annotations);
	free(s->mounts);
	free(s->containers);
	free(s->id);
	free(s->flags.overlay2);
	free(s->flags.file_access);
	free(s->flags.file_access_mounts);
	free(s->flags.platform);
	free(s->flags.restore_validation);
	free(s->rootfs_script);
	free(s->faults);
	free(s->rootfs.tamper);
	*s = (struct spec_sandbox){ 0 };
}

int spec_set(char **field, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int spec_annotate(struct spec_sandbox *s, const char *key, const char *value)
{
	if (s->n_annotations >= SPEC_ANNOTATIONS_LIMIT || strlen(value) > SPEC_TEXT_LIMIT)
		return -E2BIG;
	if (!str_is_utf8(key) || !str_is_utf8(value))
		return -EILSEQ;
	struct spec_annotation *all =
		reallocarray(s->annotations, s->n_annotations + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	s->annotations = all;
	struct spec_annotation *a = &all[s->n_annotations];
	*a = (struct spec_annotation){ .key = strdup(key), .value = strdup(value) };
	if (!a->key || !a->value) {
		free(a->key);
		free(a->value);
		return -ENOMEM;
	}
	s->n_annotations++;
	return 0;
}

int spec_annotatef(struct spec_sandbox *s, const char *value, const char *key_fmt, ...)
{
	_cleanup_str_ struct str key = STR_INIT;
	va_list ap;

	va_start(ap, key_fmt);
	str_vprintf(&key, key_fmt, ap);
	va_end(ap);
	return str_ok(&key) < 0 ? -ENOMEM : spec_annotate(s, str_text(&key), value);
}

int spec_add_mount(struct spec_sandbox *s, const char *id, struct spec_mount **ret_m)
{
	if (s->n_mounts >= SPEC_MOUNTS_LIMIT)
		return -E2BIG;
	struct spec_mount *all = reallocarray(s->mounts, s->n_mounts + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	s->mounts = all;
	struct spec_mount *m = &all[s->n_mounts];
	*m = (struct spec_mount){ .id = strdup(id) };
	if (!m->id)
		return -ENOMEM;
	s->n_mounts++;
	*ret_m = m;
	return 0;
}

int spec_add_bind(struct spec_sandbox *s, const char *id, struct spec_mount **ret_m)
{
	int r = spec_add_mount(s, id, ret_m);

	if (r < 0)
		return r;
	struct spec_mount *m = *ret_m;
	m->kind = SPEC_SOURCE_DIR;
	m->destination = str_format("/%s", id);
	m->host = str_format("src/%s", id);
	m->source = str_format(SPEC_SCRATCH "/src/%s", id);
	m->type = strdup("bind");
	if (!m->destination || !m->host || !m->source || !m->type)
		return -ENOMEM;
	r = strv_push(&m->options, "rbind");
	return r < 0 ? r : strv_push(&m->options, "rw");
}

int spec_new_container(struct spec_sandbox *s, struct spec_sandbox **ret_c)
{
	if (s->n_containers >= SPEC_CONTAINERS_LIMIT)
		return -E2BIG;
	struct spec_sandbox *all = reallocarray(s->containers, s->n_containers + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	s->containers = all;
	*ret_c = &all[s->n_containers++];
	**ret_c = (struct spec_sandbox){ .lifecycle = SPEC_POD };
	return 0;
}

int spec_add_container(struct spec_sandbox *s, const char *id, struct spec_sandbox **ret_c)
{
	int r = s->n_containers ? 0 : spec_annotate(s, SPEC_POD_TYPE, "sandbox");

	if (r >= 0)
		r = spec_new_container(s, ret_c);
	if (r >= 0)
		r = spec_set(&(*ret_c)->id, id);
	if (r >= 0)
		r = spec_annotate(*ret_c, SPEC_POD_TYPE, "container");
	return r < 0 ? r : spec_annotate(*ret_c, SPEC_POD_SANDBOX, SPEC_CONTAINER_ID);
}

const struct spec_sandbox *spec_container(const struct spec_sandbox *pod, size_t container)
{
	return container ? &pod->containers[container - 1] : pod;
}

size_t spec_saved(const struct spec_sandbox *pod)
{
	size_t n = pod->n_containers + 1;

	return spec_is_restored(pod) ? n / 2 : n;
}

char *spec_bundle(const struct spec_sandbox *pod, size_t container)
{
	return container ? str_format("bundle-%s", spec_container(pod, container)->id)
			 : strdup("bundle");
}

char *spec_container_id(size_t container, unsigned int start)
{
	return start ? str_format("c%zu.%u", container + 1, start)
		     : str_format("c%zu", container + 1);
}

int spec_container_of(const struct spec_sandbox *pod, const char *bundle)
{
	const char *slash = strrchr(bundle, '/');
	const char *name = slash ? slash + 1 : bundle;

	for (size_t k = 0; k <= pod->n_containers; k++) {
		_cleanup_free_ char *its = spec_bundle(pod, k);

		if (str_eq(its, name))
			return (int)k;
	}
	return -1;
}

int spec_find_mount(const struct spec_sandbox *s, const char *id)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (!strcmp(s->mounts[i].id, id))
			return (int)i;
	return -1;
}

int spec_ordinal(const struct spec_sandbox *s, int index)
{
	int n = 0;

	if (index < 0 || (size_t)index >= s->n_mounts || strcmp(s->mounts[index].type, "bind"))
		return -1;
	for (int i = 0; i <= index; i++)
		n += !strcmp(s->mounts[i].type, "bind");
	return n;
}

bool spec_serving_is_ours(const struct spec_serving *v)
{
	return v->gofer != SPEC_GOFER_STOCK || v->tamper;
}

static bool serving_needs_fuse(const struct spec_serving *v)
{
	return v->gofer == SPEC_GOFER_FUSE || (v->tamper && str_starts(v->tamper, "fd-fuse"));
}

bool spec_needs_fuse(const struct spec_sandbox *s)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (serving_needs_fuse(&s->mounts[i].serving) ||
		    s->mounts[i].kind == SPEC_SOURCE_FUSE)
			return true;
	return serving_needs_fuse(&s->rootfs);
}

bool spec_is_pod(const struct spec_sandbox *s)
{
	return s->lifecycle == SPEC_POD || s->lifecycle == SPEC_POD_FILTERED;
}

bool spec_is_restored(const struct spec_sandbox *s)
{
	return s->lifecycle == SPEC_RESTORED || s->lifecycle == SPEC_RESTORED_FILTERED;
}

bool spec_is_watched(const struct spec_sandbox *s)
{
	return s->lifecycle == SPEC_WATCHED || s->watched;
}

bool spec_guest_waits(const struct spec_sandbox *s)
{
	return s->lifecycle == SPEC_EXEC || s->lifecycle == SPEC_HELD ||
	       s->lifecycle == SPEC_FAULTED || s->lifecycle == SPEC_FILTERED ||
	       s->lifecycle == SPEC_WATCHED || spec_is_pod(s) || spec_is_restored(s);
}

const struct spec_sandbox *spec_faulted(const struct spec_sandbox *pod)
{
	for (size_t k = 0; k <= pod->n_containers; k++)
		if (spec_container(pod, k)->faults)
			return spec_container(pod, k);
	return NULL;
}

bool spec_has_last(const struct spec_sandbox *s)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].last)
			return true;
	return false;
}

bool spec_holds_deleted(const struct spec_sandbox *pod)
{
	static const char *const scripts[] = { SPEC_HELD_GONE_SCRIPT, SPEC_HELD_NEW_SCRIPT,
					       SPEC_HELD_LINK_SCRIPT };

	for (size_t k = 0; spec_is_restored(pod) && k < spec_saved(pod); k++)
		for (size_t i = 0; i < spec_container(pod, k)->n_mounts; i++)
			for (size_t j = 0; j < ARRAY_SIZE(scripts); j++)
				if (str_eq(spec_container(pod, k)->mounts[i].script, scripts[j]))
					return true;
	return false;
}

bool spec_has_after(const struct spec_sandbox *s)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].after)
			return true;
	return false;
}

static int copy_serving(struct spec_serving *to, const struct spec_serving *from)
{
	to->gofer = from->gofer;
	to->donate = from->donate;
	to->under = from->under;
	return spec_set(&to->tamper, from->tamper);
}

static int copy_mount(struct spec_sandbox *to, const struct spec_mount *from)
{
	struct spec_mount *m = NULL;
	int r = spec_add_mount(to, from->id, &m);

	if (r < 0)
		return r;
	m->kind = from->kind;
	if (spec_set(&m->destination, from->destination) < 0 ||
	    spec_set(&m->type, from->type) < 0 || spec_set(&m->source, from->source) < 0 ||
	    spec_set(&m->host, from->host) < 0 || spec_set(&m->inside, from->inside) < 0 ||
	    spec_set(&m->script, from->script) < 0 || spec_set(&m->after, from->after) < 0 ||
	    spec_set(&m->last, from->last) < 0 || spec_set(&m->reread, from->reread) < 0 ||
	    spec_set(&m->twin, from->twin) < 0 || copy_serving(&m->serving, &from->serving) < 0)
		return -ENOMEM;
	return strv_copy(&m->options, &from->options);
}

int spec_copy(struct spec_sandbox *to, const struct spec_sandbox *from)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int r = 0;

	s.flags = from->flags;
	s.rootfs_script = NULL;
	s.flags.overlay2 = s.flags.file_access = s.flags.file_access_mounts = s.flags.platform =
		s.flags.restore_validation = NULL;
	s.lifecycle = from->lifecycle;
	s.wire = from->wire;
	s.forbid = from->forbid;
	s.watched = from->watched;
	s.rootfs_readonly = from->rootfs_readonly;
	s.probe_rootfs = from->probe_rootfs;
	s.privileged = from->privileged;
	s.native = from->native;
	s.starts = from->starts;
	s.no_program = from->no_program;
	s.gofer_killed = from->gofer_killed;
	if (spec_set(&s.id, from->id) < 0 || spec_set(&s.rootfs_script, from->rootfs_script) < 0 ||
	    spec_set(&s.faults, from->faults) < 0 || copy_serving(&s.rootfs, &from->rootfs) < 0 ||
	    spec_set(&s.flags.overlay2, from->flags.overlay2) < 0 ||
	    spec_set(&s.flags.file_access, from->flags.file_access) < 0 ||
	    spec_set(&s.flags.file_access_mounts, from->flags.file_access_mounts) < 0 ||
	    spec_set(&s.flags.platform, from->flags.platform) < 0 ||
	    spec_set(&s.flags.restore_validation, from->flags.restore_validation) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_annotations && r >= 0; i++)
		r = spec_annotate(&s, from->annotations[i].key, from->annotations[i].value);
	for (size_t i = 0; i < from->n_mounts && r >= 0; i++)
		r = copy_mount(&s, &from->mounts[i]);
	for (size_t i = 0; i < from->n_containers && r >= 0; i++) {
		struct spec_sandbox *copy = NULL;

		r = spec_new_container(&s, &copy);
		if (r >= 0)
			r = spec_copy(copy, &from->containers[i]);
	}
	if (r < 0)
		return r;
	*to = s;
	s = (struct spec_sandbox){ 0 };
	return 0;
}

char *spec_resolve(const char *text, const char *scratch)
{
	_cleanup_str_ struct str s = STR_INIT;

	for (const char *at; (at = strstr(text, SPEC_SCRATCH)); text = at + strlen(SPEC_SCRATCH)) {
		str_add_n(&s, text, (size_t)(at - text));
		str_add(&s, scratch);
	}
	str_add(&s, text);
	return str_take(&s);
}
