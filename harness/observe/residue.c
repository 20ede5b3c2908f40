/* What the container left behind: after minus before, minus what may stay. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "harness/observe/sensors.h"

#define LEFT_LINES_LIMIT 20 /* lines of one kind that a fact names; more are counted */

/* What may stay. field = which tab-separated field of a line is matched. Why it may: the note. */
struct may_stay {
	const char *kind;
	unsigned int field;
	const char *pattern;
	const char *note;
};

static const struct may_stay may_stay[] = {
	{ "mounts", 0, SPEC_SCRATCH "/root/null-netns",
	  "--network none pins one namespace per root" },
	{ "files", 1, "root/null-netns", "the file under that mount" },
	{ "files", 1, "bundle/rootfs/" SPEC_KEPT_FILE, "the guest was told to make it" },
	{ "files", 1, "src/*/.probe-u", "likewise, by SPEC_UNMOUNT_SCRIPT" },
	{ "files", 1, "src/*/" SPEC_HELD_FILE, "likewise, by SPEC_HELD_SCRIPT" },
	{ "files", 1, "src/*/" SPEC_HELD_LINK, "likewise, by SPEC_HELD_LINK_SCRIPT" },
	{ "files", 1, "root", "the runtime's own root folder" },
	{ "files", 1, "bundle*/rootfs/proc", "mountpoints that had to be created" },
	{ "files", 1, "bundle*/rootfs/sys", "likewise" },
	{ "files", 1, "bundle*/rootfs/dev", "likewise" },
	{ "files", 1, "bundle*/rootfs/tmp", "likewise" },
	{ "files", 1, "interpose/*", "what stands between sentry and gofer wrote it" },
};

/* The same, where the sandbox has faults: a script that one hit cannot remove what it made. */
static const struct may_stay may_stay_faulted[] = {
	{ "files", 1, "src/*/" SPEC_FAULTED_FILE "*", "the script of a mount" },
	{ "files", 1, "bundle*/rootfs/.probe*", "the script on /" },
};

static bool listed(const struct may_stay *list, size_t n_list, const char *kind,
		   const struct strv *fields)
{
	for (size_t i = 0; i < n_list; i++)
		if (!strcmp(kind, list[i].kind) && list[i].field < fields->n &&
		    !fnmatch(list[i].pattern, fields->items[list[i].field], 0))
			return true;
	return false;
}

/* path is that of below, or of a folder above it; names are compared whole. */
static bool is_above(const char *path, const char *below)
{
	size_t n = strlen(path);

	return n && !strncmp(below, path, n) && (below[n] == '/' || !below[n]);
}

/* A mountpoint of the spec, or a folder above one, below the rootfs or below another mount's source. */
static bool is_mountpoint(const struct spec_sandbox *s, const char *bundle, const char *path)
{
	_cleanup_free_ char *rootfs = bundle ? str_format("%s/rootfs", bundle) : NULL;

	for (size_t i = 0; i < s->n_mounts; i++) {
		const char *destination = s->mounts[i].destination;
		const char *tail = NULL;

		if (rootfs && str_starts(path, rootfs) && path[strlen(rootfs)] == '/')
			tail = path + strlen(rootfs);
		for (size_t j = 0; j < s->n_mounts && !tail; j++) {
			const struct spec_mount *m = &s->mounts[j];
			size_t n = m->host ? strlen(m->host) : 0;

			/* nested: the outer mount's source gets the inner mount's mountpoint */
			if (n && !strncmp(path, m->host, n) && path[n] == '/' &&
			    str_starts(destination, m->destination) &&
			    is_above(path + n, destination + strlen(m->destination)))
				return true;
		}
		if (tail && is_above(tail, destination))
			return true;
	}
	return false;
}

static bool may_remain(const struct sensing *x, const char *kind, const char *line)
{
	_cleanup_strv_ struct strv fields = STRV_INIT;

	if (strv_split(&fields, line, '\t') < 0)
		return false;
	if (listed(may_stay, ARRAY_SIZE(may_stay), kind, &fields) ||
	    (spec_faulted(x->pod) &&
	     listed(may_stay_faulted, ARRAY_SIZE(may_stay_faulted), kind, &fields)))
		return true;
	for (size_t k = 0; k <= x->pod->n_containers; k++) {
		_cleanup_free_ char *bundle = spec_bundle(x->pod, k);

		if (!strcmp(kind, "files") && fields.n == 2 &&
		    is_mountpoint(spec_container(x->pod, k), bundle, fields.items[1]))
			return true;
	}
	return false;
}

static int read_lines(struct sensing *x, const char *when, const char *kind, struct strv *ret,
		      struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_free_ char *name = str_format("%s.%s", when, kind);
	int r = name ? evidence_read(x->e, name, EVIDENCE_OUTPUT_LIMIT, &text, err) : -ENOMEM;

	if (r < 0)
		return r == -ENOENT ? hx_error_set(err, -EBADMSG, "%s.%s: missing", when, kind) : r;
	if (strlen(str_text(&text)) != text.len || text.len >= EVIDENCE_OUTPUT_LIMIT)
		return hx_error_set(err, -EBADMSG, "%s: holds a NUL byte or is too long", name);
	if (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	if (text.len && strv_split(ret, text.data, '\n') < 0)
		return -ENOMEM;
	strv_sort(ret);
	return 0;
}

/* Sorted lists with repeats: a line that stands once more than before is left once. */
static int list_left(struct sensing *x, const char *kind, const struct strv *before,
		     const struct strv *after, struct str *ret)
{
	size_t b = 0, shown = 0, more = 0;

	for (size_t a = 0; a < after->n; a++) {
		while (b < before->n && strcmp(before->items[b], after->items[a]) < 0)
			b++;
		if (b < before->n && !strcmp(before->items[b], after->items[a])) {
			b++;
			continue;
		}
		if (may_remain(x, kind, after->items[a]))
			continue;
		if (shown++ < LEFT_LINES_LIMIT)
			str_printf(ret, "%s%s", ret->len ? "\n" : "", after->items[a]);
		else
			more++;
	}
	if (more)
		str_printf(ret, "\nand %zu more", more);
	return str_ok(ret);
}

static int sense_kind(struct sensing *x, const char *kind, struct hx_error *err)
{
	_cleanup_strv_ struct strv before = STRV_INIT;
	_cleanup_strv_ struct strv after = STRV_INIT;
	_cleanup_str_ struct str left = STR_INIT;
	int r = 0;

	if (!strcmp(x->ended, "deadline")) {
		str_add(&left, "not audited: the world was killed at the deadline");
	} else {
		r = read_lines(x, "before", kind, &before, err);
		if (r >= 0)
			r = read_lines(x, "after", kind, &after, err);
		if (r >= 0)
			r = list_left(x, kind, &before, &after, &left);
	}
	if (r >= 0)
		r = sensed(x, PROP_LEFT, SUBJECT_CONTAINER, kind, str_text(&left), SENSOR_AUDIT);
	return r;
}

/* Where the guest's writes to the rootfs went. */
static int sense_kept(struct sensing *x, struct hx_error *err)
{
	_cleanup_strv_ struct strv after = STRV_INIT;
	int r = 0;

	if (!str_eq(x->s->rootfs_script, SPEC_KEEP_SCRIPT) || !strcmp(x->ended, "deadline"))
		return 0;
	r = read_lines(x, "after", "files", &after, err);
	if (r < 0)
		return r;
	bool kept = strv_has(&after, "f\tbundle/rootfs/" SPEC_KEPT_FILE);
	return sensed(x, PROP_KEPT, SUBJECT_ROOTFS, NULL, kept ? "yes" : "no", SENSOR_AUDIT);
}

int sense_residue(struct sensing *x, struct hx_error *err)
{
	static const char *const kinds[] = { "processes", "mounts", "files", "sockets",
					     "descriptors" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r = sense_kind(x, kinds[i], err);
		if (r < 0)
			return r;
	}
	return sense_kept(x, err);
}
