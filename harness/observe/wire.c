/*
 * The wire: what rode with the Mount replies, and who carries a mount's operations out.
 *
 * A mount without directfs sends its operations, or asks for a channel to send them through; one with
 * directfs does neither. That nothing was sent counts only once the guest's report is whole: its
 * operations came before. Source of the facts: pkg/sentry/fsimpl/gofer (directfs_inode.go, gofer.go).
 */
#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"
#include "harness/observe/wire_log.h"

/*
 * Messages that a directfs mount sends as well, because no FD serves for them: sockets, extended attributes,
 * the root of a file or symlink mount, and the walks that lead there.
 */
static const uint16_t common[] = {
	LISAFS_ERROR,     LISAFS_MOUNT,     LISAFS_CLOSE,      LISAFS_FLUSH,
	LISAFS_CONNECT,   LISAFS_BINDAT,    LISAFS_LISTEN,     LISAFS_CONNECTWITHCREDS,
	LISAFS_ACCEPT,    LISAFS_WALK,      LISAFS_OPENAT,     LISAFS_SETSTAT,
	LISAFS_FGETXATTR, LISAFS_FSETXATTR, LISAFS_FLISTXATTR, LISAFS_FREMOVEXATTR,
	LISAFS_FSYNC,
};

struct seen {
	bool mounted; /* a Mount was answered */
	bool operated;
	size_t donated;
	bool root;     /* the first donated FD is the mount's root */
	bool tampered; /* something was done to the reply */
};

static const struct spec_serving *serving_of(const struct sensing *x, int subject)
{
	return subject == SUBJECT_ROOTFS ? &x->s->rootfs : &x->s->mounts[subject].serving;
}

static bool says_nothing(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (common[i] == id)
			return true;
	return false;
}

/* The line "SUBJECT TAB DEV TAB INO" of the mount's host object. */
static bool is_root(struct sensing *x, int subject, struct json_object *fd)
{
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_free_ char *line = str_format(
		"%s\t%s\t%lld\n", subject_name(subject_in(x->container, subject), x->pod),
		json_string_or(fd, "dev", "?"), (long long)json_int_or(fd, "ino", -1));

	if (!line || evidence_read(x->e, EVIDENCE_SOURCES, EVIDENCE_OUTPUT_LIMIT, &text, NULL) < 0)
		return false;
	const char *at = strstr(str_text(&text), line);
	return at && (at == str_text(&text) || at[-1] == '\n');
}

static int take_mount_reply(struct sensing *x, struct seen *s, int subject,
			    const struct wire_payload *p)
{
	size_t n = p->fds ? json_object_array_length(p->fds) : 0;

	if (s->mounted)
		return 0;
	s->mounted = true;
	s->donated = n;
	s->root = n && is_root(x, subject, json_object_array_get_idx(p->fds, 0));
	return 0;
}

static int take_message(struct sensing *x, const struct wire_log *l, const struct wire_line *line,
			struct seen *seen, struct hx_error *err)
{
	uint16_t id = line->id < 0 ? 0 : (uint16_t)line->id;
	bool to_mount =
		line->reply && (id == LISAFS_MOUNT || (id == LISAFS_ERROR && !seen->mounted));
	_cleanup_wire_payload_ struct wire_payload p = { 0 };
	int r = line->o || to_mount ? wire_payload_of(line, &p, err) : 0;

	if (r < 0)
		return r;
	if (to_mount)
		return take_mount_reply(x, seen, l->subjects[line->conn], &p);
	if (!line->reply && !says_nothing(id))
		seen->operated = true;
	return 0;
}

static int conclude(struct sensing *x, const struct wire_log *l, size_t conn,
		    const struct seen *seen, struct hx_error *err)
{
	int subject = l->subjects[conn];
	char count[24];
	int r;

	if (subject == WIRE_NO_SUBJECT || !seen->mounted)
		return 0;
	if (serving_of(x, subject)->tamper && !seen->tampered)
		return hx_error_set(err, -EBADMSG, "nothing was done to the reply for %s",
				    subject_name(subject_in(x->container, subject), x->pod));
	snprintf(count, sizeof(count), "%zu", seen->donated);
	r = sensed(x, PROP_DONATED, subject, NULL, count, SENSOR_WIRE);
	if (r >= 0 && seen->donated)
		r = sensed(x, PROP_DONATED_ROOT, subject, NULL, seen->root ? "yes" : "no",
			   SENSOR_WIRE);
	if (r >= 0 && seen->operated)
		r = sensed(x, PROP_DIRECTFS, subject, NULL, "no", SENSOR_WIRE);
	else if (r >= 0 && x->complete[x->container] && subject != SUBJECT_ROOTFS)
		r = sensed(x, PROP_DIRECTFS, subject, NULL, "yes", SENSOR_WIRE);
	return r;
}

static int sense_gofer(struct sensing *x, const struct wire_log *l, bool *ret_tampered,
		       struct hx_error *err)
{
	_cleanup_free_ struct seen *seen = calloc(l->n_conns + 1, sizeof(*seen));
	int r = seen ? 0 : -ENOMEM;

	for (size_t i = 0; i < l->n && r >= 0; i++) {
		const struct wire_line *line = &l->lines[i];

		if (!strcmp(line->type, "message") && line->conn >= 0)
			r = take_message(x, l, line, &seen[line->conn], err);
		if (!strcmp(line->type, "tamper") && line->conn >= 0)
			seen[line->conn].tampered = *ret_tampered = true;
	}
	if (r < 0)
		return r;
	if (l->cut)
		return hx_error_set(err, -EBADMSG, "wire.%u: cut at its limit", l->index);
	for (size_t i = 0; i < l->n_conns && r >= 0; i++)
		r = conclude(x, l, i, &seen[i], err);
	return r;
}

/* A gofer that nothing stood before sent what nobody saw. */
static int check_interposed(struct sensing *x, unsigned int gofers, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;
	int r = evidence_read_json(x->e, EVIDENCE_INTERPOSED, &o, err);

	if (r == -ENOENT)
		return hx_error_set(err, -EBADMSG, EVIDENCE_INTERPOSED ": missing");
	if (r < 0)
		return r;
	if (json_int_or(o, "gofers", -1) != gofers)
		return hx_error_set(err, -EBADMSG,
				    "%lld gofers were started, %u of them left a record",
				    (long long)json_int_or(o, "gofers", -1), gofers);
	return sense_sentry_deaths(x, o, err);
}

int sense_wire(struct sensing *x, struct hx_error *err)
{
	bool tampered = false;
	int r;

	if (x->pod->wire == SPEC_WIRE_UNSEEN)
		return 0;
	r = wire_logs_read(x->wires, x->e, x->pod);
	for (size_t i = 0; i < x->wires->n && r >= 0; i++) {
		const struct wire_log *l = &x->wires->logs[i];

		if (l->container != x->container)
			continue;
		r = sense_gofer(x, l, &tampered, err);
		if (r >= 0)
			r = sense_gofer_death(x, l, err);
		if (r >= 0)
			r = sense_inspections(x, l, err);
	}
	if (r >= 0 && x->wires->why.code < 0)
		r = hx_error_set(err, x->wires->why.code, "%s", hx_error_text(&x->wires->why));
	if (r < 0)
		return r;
	if (x->planted_tamper && !tampered && !x->pod->n_containers)
		return hx_error_set(err, -EBADMSG, EVIDENCE_NOT_FIRED ": no reply to such a Mount");
	return check_interposed(x, (unsigned int)x->wires->n, err);
}
