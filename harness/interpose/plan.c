#include "harness/interpose/plan.h"

#include <errno.h>
#include <string.h>

#include "harness/base/fs.h"

static const char *const gofers[SHIM_GOFER_N] = {
	[SHIM_GOFER_STOCK] = "stock", [SHIM_GOFER_MEMORY] = "memory",   [SHIM_GOFER_HOST] = "host",
	[SHIM_GOFER_FUSE] = "fuse",   [SHIM_GOFER_COMMAND] = "command",
};

static const char *const channels_names[SHIM_CHANNELS_N] = {
	[SHIM_CHANNELS_RELAY] = "relay",
	[SHIM_CHANNELS_KEEP] = "keep",
	[SHIM_CHANNELS_STRIP] = "strip",
};

const char *shim_channels_name(enum shim_channels channels)
{
	return channels_names[channels];
}

const char *shim_gofer_name(enum shim_gofer gofer)
{
	return gofers[gofer];
}

void shim_plan_clear(struct shim_plan *p)
{
	for (size_t i = 0; i < p->n_mounts; i++) {
		free(p->mounts[i].root);
		free(p->mounts[i].tamper);
		free(p->mounts[i].argument);
	}
	free(p->mounts);
	free(p->runtime);
	free(p->faults);
	*p = (struct shim_plan){ 0 };
}

int shim_plan_add(struct shim_plan *p, unsigned int ordinal, enum shim_gofer gofer,
		  struct shim_plan_mount **ret)
{
	struct shim_plan_mount *mounts;

	if (p->n_mounts == SHIM_PLAN_MOUNTS_LIMIT)
		return -E2BIG;
	mounts = realloc(p->mounts, (p->n_mounts + 1) * sizeof(*mounts));
	if (!mounts)
		return -ENOMEM;
	p->mounts = mounts;
	mounts[p->n_mounts] = (struct shim_plan_mount){ .ordinal = ordinal, .gofer = gofer };
	*ret = &mounts[p->n_mounts++];
	return 0;
}

const struct shim_plan_mount *shim_plan_find(const struct shim_plan *p, unsigned int ordinal)
{
	for (size_t i = 0; i < p->n_mounts; i++)
		if (p->mounts[i].ordinal == ordinal)
			return &p->mounts[i];
	return NULL;
}

/* Writing ---------------------------------------------------------------------------------------- */

static struct json_object *mount_json(const struct shim_plan_mount *m)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_int(o, "ordinal", m->ordinal) < 0 ||
	    json_add_string(o, "gofer", shim_gofer_name(m->gofer)) < 0 ||
	    json_add_string(o, "root", m->root) < 0 || json_add_bool(o, "donate", m->donate) < 0 ||
	    json_add_string(o, "tamper", m->tamper) < 0 ||
	    json_add_string(o, "argument", m->argument) < 0)
		return NULL;
	return TAKE_PTR(o);
}

int shim_plan_write(const struct shim_plan *p, int dirfd, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *mounts = json_object_new_array();
	struct json_object *issued = json_object_new_array();
	const char *text;

	if (!o || json_add(o, "mounts", mounts) < 0 ||
	    json_add_string(o, "runtime", p->runtime) < 0 ||
	    json_add_string(o, "channels", shim_channels_name(p->channels)) < 0 ||
	    json_add_bool(o, "deaths", p->deaths) < 0 || json_add_bool(o, "blind", p->blind) < 0 ||
	    json_add(o, "issued", issued) < 0 || json_add_string(o, "faults", p->faults) < 0 ||
	    json_add_bool(o, "special_files", p->special_files) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < p->n_issued; i++)
		if (json_push(issued, json_object_new_int64(p->issued[i])) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < p->n_mounts; i++)
		if (json_push(mounts, mount_json(&p->mounts[i])) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	text = json_line(o);
	if (!text)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return fs_write_at(dirfd, SHIM_PLAN_FILE, text, strlen(text), 0644, err);
}

/* Reading ---------------------------------------------------------------------------------------- */

/* The index of KEY's text in names. */
static int get_name(struct json_object *o, const char *key, const char *const *names, size_t n,
		    size_t *ret, struct hx_error *err)
{
	const char *name = NULL;
	int r = json_get_string(o, key, &name, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], name)) {
			*ret = i;
			return 0;
		}
	}
	return hx_error_set(err, -EINVAL, "%s: \"%s\" is none", key, name);
}

/* An absent key leaves NULL. */
static int get_text(struct json_object *o, const char *key, char **ret, struct hx_error *err)
{
	const char *text = json_string_or(o, key, NULL);

	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : hx_error_set(err, -ENOMEM, "out of memory");
}

static int read_mount(struct json_object *o, struct shim_plan *p, struct hx_error *err)
{
	struct shim_plan_mount *m = NULL;
	size_t gofer = 0;
	int64_t ordinal = 0;
	int r = json_get_int(o, "ordinal", &ordinal, err);

	if (r >= 0 && (ordinal < 0 || ordinal > SHIM_PLAN_MOUNTS_LIMIT))
		r = hx_error_set(err, -ERANGE, "ordinal: out of range");
	if (r >= 0)
		r = get_name(o, "gofer", gofers, SHIM_GOFER_N, &gofer, err);
	if (r >= 0 && shim_plan_find(p, (unsigned int)ordinal))
		r = hx_error_set(err, -EEXIST, "ordinal %u: twice", (unsigned int)ordinal);
	if (r >= 0) {
		r = shim_plan_add(p, (unsigned int)ordinal, (enum shim_gofer)gofer, &m);
		if (r < 0)
			return hx_error_errno(err, r, "keep it");
	}
	if (r >= 0)
		r = json_get_bool(o, "donate", &m->donate, err);
	if (r >= 0)
		r = get_text(o, "root", &m->root, err);
	if (r >= 0)
		r = get_text(o, "tamper", &m->tamper, err);
	return r < 0 ? r : get_text(o, "argument", &m->argument, err);
}

/* Absent = none. */
static int read_issued(struct json_object *o, struct shim_plan *p, struct hx_error *err)
{
	struct json_object *list = NULL;

	if (!json_object_object_get_ex(o, "issued", NULL))
		return 0;
	int r = json_get_array(o, "issued", &list, err);
	if (r < 0)
		return r;
	if (json_object_array_length(list) > SHIM_PLAN_ISSUED_LIMIT)
		return hx_error_set(err, -E2BIG, "issued: more than %u", SHIM_PLAN_ISSUED_LIMIT);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		int64_t nr = json_object_get_int64(json_object_array_get_idx(list, i));

		if (nr < 0 || nr > UINT32_MAX)
			return hx_error_set(err, -ERANGE, "issued[%zu]: out of range", i);
		p->issued[p->n_issued++] = (uint32_t)nr;
	}
	return 0;
}

static int read_document(struct json_object *o, struct shim_plan *p, struct hx_error *err)
{
	struct json_object *mounts = NULL;
	const char *runtime = NULL;
	size_t channels = 0;
	int r = json_get_string(o, "runtime", &runtime, err);

	if (r >= 0)
		r = get_text(o, "runtime", &p->runtime, err);
	if (r >= 0)
		r = get_name(o, "channels", channels_names, SHIM_CHANNELS_N, &channels, err);
	if (r >= 0)
		p->channels = (enum shim_channels)channels;
	if (r >= 0)
		r = get_text(o, "faults", &p->faults, err);
	p->deaths = json_bool_or(o, "deaths", false);
	p->blind = json_bool_or(o, "blind", false);
	if (r >= 0)
		r = read_issued(o, p, err);
	p->special_files = json_bool_or(o, "special_files", false);
	if (r >= 0)
		r = json_get_array(o, "mounts", &mounts, err);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(mounts); i++) {
		r = read_mount(json_object_array_get_idx(mounts, i), p, err);
		if (r < 0)
			hx_error_wrap(err, r, "mounts[%zu]", i);
	}
	return r;
}

int shim_plan_read(int dirfd, struct shim_plan *ret, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_shim_plan_ struct shim_plan p = { 0 };
	bool cut = false;
	int r = fs_read_at(dirfd, SHIM_PLAN_FILE, SHIM_PLAN_TEXT_LIMIT, &text, &cut, err);

	if (r >= 0 && cut)
		r = hx_error_set(err, -EFBIG, "over the limit");
	if (r >= 0)
		r = json_parse(str_text(&text), text.len, &o, err);
	if (r >= 0)
		r = read_document(o, &p, err);
	if (r < 0)
		return hx_error_wrap(err, r, "plan.json");
	*ret = p;
	p = (struct shim_plan){ 0 };
	return 0;
}
