#include "harness/model/hints.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* A relative source, joined to the bundle: longer ones are no paths. */
#define RELATIVE_SOURCE_LIMIT (2 * PATH_MAX)

struct word {
	const char *text;
	int value;
};

static const struct word share_words[] = {
	{ "container", SHARE_CONTAINER },
	{ "pod", SHARE_POD },
	{ "shared", SHARE_SHARED },
	{ NULL, SHARE_NONE },
};

static const struct word directfs_words[] = {
	{ "default", HINT_DEFAULT },
	{ "off", HINT_OFF },
	{ NULL, HINT_INVALID },
};

static int look_up(const struct word *w, const char *text)
{
	while (w->text && strcmp(w->text, text))
		w++;
	return w->value;
}

void hints_clear(struct hints *h)
{
	for (size_t i = 0; i < h->n_mounts; i++)
		free(h->mounts[i].name);
	free(h->mounts);
	free(h->error_names);
	*h = (struct hints){ 0 };
}

bool hint_complete(const struct hint *h)
{
	return h->source && h->type && h->share != SHARE_NONE;
}

const struct hint *hints_named(const struct hints *h, const char *name)
{
	for (size_t i = 0; i < h->n_mounts; i++)
		if (!strcmp(h->mounts[i].name, name))
			return &h->mounts[i];
	return NULL;
}

/* The first error stands: a runtime may meet another one first, but each is a start error. */
static int demand_error(struct hints *h, enum clause clause, const char *fmt, const char *a,
			const char *b)
{
	if (h->error_clause != CLAUSE_NONE)
		return 0;
	h->error_clause = clause;
	h->error_names = str_format(fmt, a, b);
	return h->error_names ? 0 : -ENOMEM;
}

static struct hint *get_hint(struct hints *h, const char *name, size_t len)
{
	for (size_t i = 0; i < h->n_mounts; i++)
		if (strlen(h->mounts[i].name) == len && !memcmp(h->mounts[i].name, name, len))
			return &h->mounts[i];
	struct hint *all = reallocarray(h->mounts, h->n_mounts + 1, sizeof(*all));
	if (!all)
		return NULL;
	h->mounts = all;
	all[h->n_mounts] = (struct hint){ .name = strndup(name, len) };
	return all[h->n_mounts].name ? &all[h->n_mounts++] : NULL;
}

static void set_key(struct hint *m, const char *key, const char *value, enum profile profile)
{
	if (!strcmp(key, "source")) {
		if (*value)
			m->source = value;
	} else if (!strcmp(key, "type")) {
		if (!strcmp(value, "bind") || !strcmp(value, "tmpfs"))
			m->type = value;
	} else if (!strcmp(key, "share")) {
		int share = look_up(share_words, value);

		m->share = share == SHARE_NONE ? m->share : (enum hint_share)share;
	} else if (!strcmp(key, "directfs") && profile >= PROFILE_OPT_OUT) {
		m->directfs = (enum hint_directfs)look_up(directfs_words, value);
		m->refused = m->directfs == HINT_INVALID ? value : NULL;
	} else if (strcmp(key, "options")) {
		m->unknown_key = key;
	}
}

static int parse_mount(struct hints *h, const struct spec_annotation *a, enum profile profile)
{
	const char *name = a->key + strlen(SPEC_MOUNT_PREFIX);
	const char *dot = strchr(name, '.');

	if (!dot || dot == name || strchr(dot + 1, '.'))
		return demand_error(h, CLAUSE_ANN_9, "%s%s",
				    dot == name ? "invalid mount name" : a->key, "");
	struct hint *m = get_hint(h, name, (size_t)(dot - name));
	if (!m)
		return -ENOMEM;
	set_key(m, dot + 1, a->value, profile);
	return 0;
}

static int parse_rootfs(struct hints *h, const struct spec_annotation *a, enum profile profile)
{
	if (profile < PROFILE_ROOTFS_OPT_OUT)
		return 0;
	h->rootfs_present = true;
	if (strcmp(a->key + strlen(SPEC_ROOTFS_PREFIX), "directfs"))
		return 0;
	h->rootfs_directfs = (enum hint_directfs)look_up(directfs_words, a->value);
	if (h->rootfs_directfs == HINT_INVALID)
		return demand_error(h, CLAUSE_ROOT_3, "%s%s", "directfs", "");
	return 0;
}

static int parse_flag(struct hints *h, const struct spec_annotation *a, const struct spec_flags *f)
{
	if (strcmp(a->key + strlen(SPEC_FLAG_PREFIX), "directfs"))
		return 0;
	if (!f->allow_flag_override)
		return demand_error(h, CLAUSE_CFG_1, "%s%s", "directfs", "");
	h->flag_on = !strcmp(a->value, "true");
	return 0;
}

static int refuse_twins(struct hints *h)
{
	for (size_t i = 0; i < h->n_mounts; i++) {
		for (size_t j = i + 1; j < h->n_mounts; j++) {
			const struct hint *a = &h->mounts[i], *b = &h->mounts[j];

			if (hint_complete(a) && hint_complete(b) && !strcmp(a->source, b->source))
				return demand_error(h, CLAUSE_ANN_8, "\"%s\"\n\"%s\"", a->name,
						    b->name);
		}
	}
	return 0;
}

/* Lexical cleaning, as a join to the bundle does: "a/./b/../c//d" → "a/c/d". path is absolute. */
static void clean_path(char *path)
{
	char *out = path;

	for (char *in = path; *in;) {
		in += strspn(in, "/");
		size_t n = strcspn(in, "/");

		if (n == 0 || (n == 1 && in[0] == '.')) {
			in += n;
			continue;
		}
		if (n == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
			in += n;
			continue;
		}
		*out++ = '/';
		memmove(out, in, n);
		out += n;
		in += n;
	}
	*out = '\0';
}

char *mount_source(const struct spec_mount *m)
{
	if (!m->source || m->source[0] == '/' || str_starts(m->source, SPEC_SCRATCH))
		return strdup(m->source ? m->source : "");
	/* SPEC_SCRATCH stands for an absolute path; a slash before it lets it be cleaned as one. */
	char *joined = str_format("/" SPEC_BUNDLE "/%s", m->source);
	if (!joined)
		return NULL;
	clean_path(joined);
	memmove(joined, joined + 1, strlen(joined));
	return joined;
}

/* As mount_source, without memory: into buf where it is joined. NULL where it has no room there. */
static const char *source_in(const struct spec_mount *m, char *buf, size_t cap)
{
	int n;

	if (!m->source || m->source[0] == '/' || str_starts(m->source, SPEC_SCRATCH))
		return m->source ? m->source : "";
	n = snprintf(buf, cap, "/" SPEC_BUNDLE "/%s", m->source);
	if (n < 0 || (size_t)n >= cap)
		return NULL;
	clean_path(buf);
	return buf + 1;
}

const struct hint *hints_find(const struct hints *h, const struct spec_mount *m)
{
	char joined[RELATIVE_SOURCE_LIMIT];
	const char *source = source_in(m, joined, sizeof(joined));

	for (size_t i = 0; source && i < h->n_mounts; i++)
		if (hint_complete(&h->mounts[i]) && !strcmp(h->mounts[i].source, source))
			return &h->mounts[i];
	return NULL;
}

bool mount_gofer_served(const struct spec_mount *m, const struct hint *h)
{
	if (strcmp(m->type, "bind"))
		return false;
	return !h || strcmp(h->type, "tmpfs") || h->share == SHARE_SHARED;
}

static int mark_matches(struct hints *h, const struct spec_sandbox *s)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		_cleanup_free_ char *source = mount_source(&s->mounts[i]);

		if (!source)
			return -ENOMEM;
		for (size_t j = 0; j < h->n_mounts; j++)
			if (str_eq(h->mounts[j].source, source))
				h->mounts[j].matched = true;
	}
	return 0;
}

int hints_parse(const struct spec_sandbox *s, enum profile profile, struct hints *ret)
{
	_cleanup_hints_ struct hints h = {
		.error_clause = CLAUSE_NONE,
		/* runsc's --directfs is on by default since the profile directfs */
		.flag_on = profile >= PROFILE_DIRECTFS && s->flags.directfs != SPEC_OFF,
	};
	int r = 0;

	for (size_t i = 0; i < s->n_annotations && r >= 0; i++) {
		const struct spec_annotation *a = &s->annotations[i];

		if (str_starts(a->key, SPEC_MOUNT_PREFIX))
			r = parse_mount(&h, a, profile);
		else if (str_starts(a->key, SPEC_ROOTFS_PREFIX))
			r = parse_rootfs(&h, a, profile);
		else if (str_starts(a->key, SPEC_FLAG_PREFIX) && profile >= PROFILE_DIRECTFS)
			r = parse_flag(&h, a, &s->flags);
	}
	if (r >= 0)
		r = refuse_twins(&h);
	for (size_t k = 0; k <= s->n_containers && r >= 0; k++)
		r = mark_matches(&h, spec_container(s, k));
	h.pod_flag_on = h.flag_on;
	if (r < 0)
		return r;
	*ret = h;
	h = (struct hints){ 0 };
	return 0;
}

int hints_parse_pod(const struct spec_sandbox *pod, const struct hints *own, enum profile profile,
		    struct hints *ret)
{
	_cleanup_hints_ struct hints h = { 0 };
	int r = hints_parse(pod, profile, &h);

	if (r < 0)
		return r;
	free(h.error_names);
	h.error_names = NULL;
	h.error_clause = CLAUSE_NONE;
	h.rootfs_present = own->rootfs_present;
	h.rootfs_directfs = own->rootfs_directfs;
	h.pod_flag_on = h.flag_on;
	h.flag_on = own->flag_on;
	for (size_t i = 0; i < h.n_mounts; i++)
		h.mounts[i].matched = true; /* that it did not is said of the sandbox */
	*ret = h;
	h = (struct hints){ 0 };
	return 0;
}
