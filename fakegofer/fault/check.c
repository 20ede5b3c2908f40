/* What can be said of a plan before anything starts. */
#include "fakegofer/fault/parts.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "fakegofer/lisafs/layout.h"

static int refuse(const struct fault *f, struct hx_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(const struct fault *f, struct hx_error *err, const char *fmt, ...)
{
	_cleanup_str_ struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(&text, fmt, ap);
	va_end(ap);
	return hx_error_set(err, -EINVAL, "line %u: %s", f->line, str_text(&text));
}

#define CONTROL (1u << FAULT_USE_CONTROL)
#define OPEN_FILE (1u << FAULT_USE_OPEN)
#define SOCKET (1u << FAULT_USE_SOCKET)

uint8_t fault_uses_of(uint16_t id)
{
	static const uint8_t uses[LISAFS_ID_N] = {
		[LISAFS_FSTAT] = CONTROL | OPEN_FILE,
		[LISAFS_SETSTAT] = CONTROL,
		[LISAFS_WALK] = CONTROL,
		[LISAFS_WALKSTAT] = CONTROL,
		[LISAFS_OPENAT] = CONTROL,
		[LISAFS_OPENCREATEAT] = CONTROL,
		[LISAFS_CLOSE] = CONTROL | OPEN_FILE | SOCKET,
		[LISAFS_FSYNC] = OPEN_FILE,
		[LISAFS_PWRITE] = OPEN_FILE,
		[LISAFS_PREAD] = OPEN_FILE,
		[LISAFS_MKDIRAT] = CONTROL,
		[LISAFS_MKNODAT] = CONTROL,
		[LISAFS_SYMLINKAT] = CONTROL,
		[LISAFS_LINKAT] = CONTROL,
		[LISAFS_FSTATFS] = CONTROL,
		[LISAFS_FALLOCATE] = OPEN_FILE,
		[LISAFS_READLINKAT] = CONTROL,
		[LISAFS_FLUSH] = OPEN_FILE,
		[LISAFS_CONNECT] = CONTROL,
		[LISAFS_UNLINKAT] = CONTROL,
		[LISAFS_RENAMEAT] = CONTROL,
		[LISAFS_GETDENTS64] = OPEN_FILE,
		[LISAFS_FGETXATTR] = CONTROL,
		[LISAFS_FSETXATTR] = CONTROL,
		[LISAFS_FLISTXATTR] = CONTROL,
		[LISAFS_FREMOVEXATTR] = CONTROL,
		[LISAFS_BINDAT] = CONTROL,
		[LISAFS_LISTEN] = SOCKET,
		[LISAFS_ACCEPT] = SOCKET,
		[LISAFS_CONNECTWITHCREDS] = CONTROL,
		[LISAFS_RENAMEAT2] = CONTROL,
	};

	return id < LISAFS_ID_N ? uses[id] : 0;
}

static const char *transport_name(unsigned int transports)
{
	switch (transports) {
	case FAULT_IN_GOFER:
		return "a fake gofer";
	case FAULT_IN_CLIENT:
		return "a hostile client";
	case FAULT_IN_FUSE:
		return "the FUSE daemon";
	case FAULT_IN_RELAY:
		return "the shim";
	case FAULT_IN_SOURCE:
		return "a FUSE source";
	default:
		return "what runs here";
	}
}

/* How a frame is sent is the business of who sends it. */
static bool is_about_sending(const struct fault_action *a)
{
	static const char *const names[] = { "cut", "split", "length", "half-close", "fd" };

	return fault_name_index(names, ARRAY_SIZE(names), a->name) >= 0;
}

static bool is_sent_twice(const struct fault_action *a)
{
	return strcmp(a->name, "split") == 0 || strcmp(a->name, "duplicate") == 0;
}

/*
 * Why the shim cannot play it; NULL = it can. Replies go by a channel, where a turn is one packet, but for the two
 * that come before there is one.
 */
static const char *why_not_relayed(const struct fault *f)
{
	if (f->action->argument == FAULT_ARG_EVENT && f->until == FAULT_UNTIL_SIBLING)
		return "between a sentry and a gofer nobody makes another connection be served";
	if (f->place == FAULT_REPLY && is_sent_twice(f->action) && f->id != LISAFS_MOUNT &&
	    f->id != LISAFS_CHANNEL)
		return "a reply by a channel comes whole, and once: only those to Mount and "
		       "Channel do not";
	return NULL;
}

static unsigned int who_plays(const struct fault *f)
{
	unsigned int who = f->action->transports;

	if (f->place == FAULT_FUSE && (who & FAULT_IN_FUSE))
		return FAULT_IN_FUSE | FAULT_IN_SOURCE;
	if (f->place == FAULT_FUSE)
		return 0;
	who &= ~(unsigned int)FAULT_IN_FUSE;
	if (f->place == FAULT_REPLY)
		return who & ~(unsigned int)FAULT_IN_CLIENT;
	if (is_about_sending(f->action))
		who &= ~(unsigned int)FAULT_IN_GOFER;
	return who;
}

static int check_transport(const struct fault *f, unsigned int transports, struct hx_error *err)
{
	const char *why = why_not_relayed(f);
	unsigned int who = who_plays(f) & transports;

	if (f->action->argument == FAULT_ARG_FD && f->fd == FAULT_FD_DEAD_FUSE &&
	    !(transports & (FAULT_IN_FUSE | FAULT_IN_RELAY)))
		return refuse(f, err, "fd dead-fuse: there is no FUSE mount here");
	if (who == FAULT_IN_RELAY && why)
		return refuse(f, err, "%s is nothing that the shim can do: %s", f->action->name,
			      why);
	if (who)
		return 0;
	return refuse(f, err, "%s at a %s is nothing that %s can do: it would never fire",
		      f->action->name, fault_places[f->place], transport_name(transports));
}

static int check_selectors(const struct fault *f, unsigned int transports, struct hx_error *err)
{
	bool wire = f->place != FAULT_FUSE;
	bool given = f->id != FAULT_ANY;

	if (f->nth && f->every)
		return refuse(f, err, "nth and every contradict each other");
	if (f->nth && f->chance)
		return refuse(f, err, "nth with a chance may never fire");
	if (!wire && f->use)
		return refuse(f, err, "use is of messages, not of FUSE");
	if (!wire && f->mount != FAULT_ANY && !(transports & FAULT_IN_SOURCE))
		return refuse(f, err, "mount is of messages, and of FUSE below somebody's gofer");
	if (wire && given && f->place == FAULT_REQUEST && f->id == LISAFS_ERROR)
		return refuse(f, err, "Error is no request: it would never fire");
	if (f->use == FAULT_USE_DONATED && given &&
	    (f->place == FAULT_REQUEST || lisafs_fds_allowed(f->id, LISAFS_REPLY).max == 0))
		return refuse(f, err, "no FD rides beside a %s %s: it would never fire",
			      lisafs_name(f->id), fault_places[f->place]);
	if (f->use && f->use != FAULT_USE_DONATED && given && f->id != LISAFS_ERROR &&
	    !(fault_uses_of(f->id) & (1u << f->use)))
		return refuse(f, err, "no %s FD is named in %s: it would never fire",
			      fault_uses[f->use], lisafs_name(f->id));
	if (f->path && given && wire && f->id != LISAFS_ERROR && f->id != LISAFS_MOUNT &&
	    fault_uses_of(f->id) == 0)
		return refuse(f, err, "%s has no path: it would never fire", lisafs_name(f->id));
	return 0;
}

/* The payload's size where all messages of the kind have one, else SIZE_MAX. */
static size_t fixed_size(const struct fault *f)
{
	const struct lisafs_layout *l;
	struct lisafs_fault unseen;

	if (f->id == FAULT_ANY ||
	    lisafs_layout_of(f->id, (enum lisafs_direction)f->place, &l, &unseen) < 0 || !l->fixed)
		return SIZE_MAX;
	return lisafs_layout_size(l, LISAFS_DIALECT_152);
}

static int check_size(const struct fault *f, struct hx_error *err)
{
	size_t n = fixed_size(f);
	const char *name = f->action->name;

	if (n == SIZE_MAX || f->random || (f->place == FAULT_REPLY && f->id == LISAFS_ERROR))
		return 0;
	if ((strcmp(name, "truncate") == 0 && f->number.n >= n) ||
	    ((strcmp(name, "cut") == 0 || strcmp(name, "split") == 0) &&
	     f->number.n >= n + LISAFS_HEADER_SIZE) ||
	    (strcmp(name, "flip") == 0 && f->number.n / 8 >= n))
		return refuse(f, err, "a %s %s has %zu bytes: it would never fire",
			      lisafs_name(f->id), fault_places[f->place], n);
	return 0;
}

static int check_action(const struct fault *f, struct hx_error *err)
{
	enum lisafs_direction direction = (enum lisafs_direction)f->place;
	const char *name = f->action->name;

	if (f->place == FAULT_FUSE || f->id == FAULT_ANY)
		return 0;
	if (strcmp(name, "short") == 0 && !(f->place == FAULT_REPLY && f->id == LISAFS_PREAD) &&
	    !(f->place == FAULT_REQUEST && f->id == LISAFS_PWRITE))
		return refuse(f, err, "only a PRead reply and a PWrite request can be short");
	if ((strcmp(name, "stale") == 0 || strcmp(name, "torn") == 0) &&
	    !fault_has_statx(f->id, direction))
		return refuse(f, err, "a %s reply has no attributes: it would never fire",
			      lisafs_name(f->id));
	if (strcmp(name, "fd") == 0 && f->fd == FAULT_FD_MISSING &&
	    lisafs_fds_allowed(f->id, direction).max == 0)
		return refuse(f, err, "no FD rides beside a %s %s: it would never fire",
			      lisafs_name(f->id), fault_places[f->place]);
	if (strcmp(name, "split") == 0 && f->number.n == 0)
		return refuse(f, err, "split at 0 is no split");
	if (f->field && f->text && f->place == FAULT_REQUEST && f->id == LISAFS_ERROR)
		return refuse(f, err, "Error is no request: it would never fire");
	return check_size(f, err);
}

/* Whether the two select the very same events, but for which of them fire. */
static bool same_events(const struct fault *a, const struct fault *b)
{
	return a->place == b->place && a->id == b->id && a->mount == b->mount && a->use == b->use &&
	       a->following == b->following && !a->chance && !b->chance &&
	       (a->path == b->path || (a->path && b->path && strcmp(a->path, b->path) == 0));
}

static int check_pair(const struct fault *a, const struct fault *b, struct hx_error *err)
{
	bool same = same_events(a, b) && a->nth == b->nth && a->every == b->every;
	bool drops = strcmp(a->action->name, "drop") == 0 || strcmp(b->action->name, "drop") == 0;

	if (same && (drops || a->action->terminal || b->action->terminal))
		return refuse(b, err, "it contradicts line %u: %s and %s of the same message",
			      a->line, a->action->name, b->action->name);
	if (same && a->action == b->action && !a->field)
		return refuse(b, err, "it repeats line %u", a->line);
	if (same_events(a, b) && a->action->terminal && !a->every && a->place != FAULT_FUSE &&
	    a->mount != FAULT_ANY && (a->nth ? a->nth : 1) < b->nth)
		return refuse(b, err, "after line %u nothing comes: it would never fire", a->line);
	return 0;
}

int fault_plan_check(const struct fault_plan *p, unsigned int transports, struct hx_error *err)
{
	int rc = 0;

	if (p->n == 0)
		return hx_error_set(err, -EINVAL, "a plan without faults");
	for (size_t i = 0; i < p->n && rc == 0; i++) {
		const struct fault *f = &p->faults[i];

		rc = check_selectors(f, transports, err);
		if (rc == 0)
			rc = check_action(f, err);
		if (rc == 0)
			rc = check_transport(f, transports, err);
		for (size_t j = 0; j < i && rc == 0; j++)
			rc = check_pair(&p->faults[j], f, err);
	}
	return rc;
}
