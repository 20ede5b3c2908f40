/* What is tried at each fault point. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "suite/fault/trial.h"

#define VARIANTS_MAX 2048u

/* At requests and replies alike, where they exist and apply. */
static const char *const actions[] = {
	"errno EIO",      "errno ENOSPC",   "errno EDQUOT",  "errno EMFILE", "errno ENOMEM",
	"bad-errno 0",    "bad-errno 4096", "delay sibling", "drop",         "duplicate",
	"reorder",        "truncate 0",     "truncate 1",    "truncate 7",   "truncate 15",
	"cut 0",          "cut 1",          "cut 7",         "cut 8",        "cut 9",
	"split 1",        "split 8",        "split 12",      "flip 0",       "flip any",
	"id Error",       "id 4711",        "length 0",      "length +1",    "length -1",
	"length 2093057", /* one more than the limit */
	"length max",     "short 0",        "short 1",       "stale",        "torn",
	"fd missing",     "fd extra",       "fd pipe",       "fd socket",    "fd file",
	"fd dir",         "fd opath",       "fd closed",     "close",        "half-close",
	"fd dead-fuse", /* where there is FUSE */
	"hang",           "crash SIGKILL",  "crash SIGSEGV", "crash SIGSYS", "crash exit",
};

static const char *const numbers[] = { "0", "max", "+1", "-1" };

/* Of names and targets that a hostile client sends. */
static const char *const names[] = {
	"\"..\"",          "\".\"",       "\"\"",    "\"../outside/secret\"",
	"\"/etc/passwd\"", "\"a\\x00b\"", "\"a/b\"",
};

static const char *const fuse_actions[] = {
	"errno EIO",     "errno ENOSYS", "errno ENOSPC", "hang",
	"crash SIGKILL", "abort",        "size 0",       "size +4096",
};

/* Small: every process of a run gets a copy of them all. */
struct variant {
	struct fault fault; /* of its message, without nth */
	uint8_t place;
	uint16_t id; /* FAULT_ANY = of all */
	char *text;  /* the action */
};

static struct variant *variants;
static size_t n_variants;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What cannot be at this place or of this message is left out. */
static void add(enum fault_place place, uint16_t id, const char *action)
{
	static const char *const places[] = { "request", "reply", "fuse" };
	struct variant *v = &variants[n_variants];
	const char *of = id == FAULT_ANY       ? "any"
			 : place == FAULT_FUSE ? fault_fuse_name(id)
					       : lisafs_name(id);
	_cleanup_free_ char *text = str_format("at %s %s %s", places[place], of, action);
	struct fault_plan alone;

	if (n_variants == VARIANTS_MAX || !text ||
	    fault_plan_parse(text, strlen(text), &alone, NULL) < 0)
		return;
	v->fault = alone.faults[0];
	v->place = (uint8_t)place;
	v->id = id;
	v->text = strdup(action);
	n_variants++;
}

static uint16_t field_id;
static enum fault_place field_place;

static void add_field(const char *field, bool length, void *ctx)
{
	static const char *const seen_as[] = { "", ".length" };
	bool hostile = field_place == FAULT_REQUEST &&
		       (strstr(field, "name") || strcmp(field, "path") == 0 ||
			strcmp(field, "target") == 0) &&
		       !length;

	(void)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(numbers) + (hostile ? ARRAY_SIZE(names) : 0); i++) {
		_cleanup_free_ char *text = str_format(
			"corrupt %s%s %s", field, seen_as[length],
			i < ARRAY_SIZE(numbers) ? numbers[i] : names[i - ARRAY_SIZE(numbers)]);

		if (text)
			add(field_place, field_id, text);
	}
}

static bool is_new(const char *field, bool length, uint16_t id, enum fault_place place)
{
	_cleanup_free_ char *text = str_format("corrupt %s%s 0", field, length ? ".length" : "");

	for (size_t i = 0; text && i < n_variants; i++) {
		if (variants[i].id == id && variants[i].place == place &&
		    strcmp(variants[i].text, text) == 0)
			return false;
	}
	return true;
}

static void add_new_field(const char *field, bool length, void *ctx)
{
	if (is_new(field, length, field_id, field_place))
		add_field(field, length, ctx);
}

static void make(void)
{
	variants = calloc(VARIANTS_MAX, sizeof(*variants));
	if (!variants)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		add(FAULT_REQUEST, FAULT_ANY, actions[i]);
		add(FAULT_REPLY, FAULT_ANY, actions[i]);
	}
	for (uint16_t id = 0; id < LISAFS_ID_N; id++) {
		field_id = id;
		for (field_place = FAULT_REQUEST; field_place <= FAULT_REPLY; field_place++)
			fault_field_each(id, (enum lisafs_direction)field_place, add_new_field,
					 NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fuse_actions); i++)
		add(FAULT_FUSE, FAULT_ANY, fuse_actions[i]);
}

size_t trial_n_variants(void)
{
	pthread_once(&once, make);
	return n_variants;
}

char *trial_point_text(const struct trial_point *p)
{
	static const char *const places[] = { "request", "reply", "fuse" };
	const char *of = p->place == FAULT_FUSE ? fault_fuse_name(p->id) : lisafs_name(p->id);

	if (p->variant >= trial_n_variants())
		return NULL;
	return str_format("at %s %s nth %u %s", places[p->place], of, p->nth,
			  variants[p->variant].text);
}

/* The how-manieth of its kind this one is. */
static uint32_t count(struct trial_points *points, enum fault_place place, uint16_t id)
{
	points->frames++;
	return ++points->seen[place][id];
}

static void put(struct trial_points *points, enum fault_place place, uint16_t id, uint32_t nth,
		size_t variant)
{
	if (points->n == TRIAL_POINTS_MAX) {
		points->full = true;
		return;
	}
	points->at[points->n++] = (struct trial_point){
		.id = id, .place = (uint8_t)place, .variant = (uint16_t)variant, .nth = nth
	};
}

static bool can_fire(const struct variant *v, unsigned int transports)
{
	struct fault_plan alone = { .faults = { v->fault }, .n = 1 };

	return fault_plan_check(&alone, transports, NULL) == 0;
}

void trial_watch_frame(void *ctx, struct fault_injector *f, const struct fault_frame *frame)
{
	struct trial_points *points = ctx;
	enum fault_place place = frame->direction == LISAFS_REQUEST ? FAULT_REQUEST : FAULT_REPLY;
	uint32_t nth;

	if (frame->id >= LISAFS_ID_N)
		return;
	nth = count(points, place, frame->id);
	for (size_t i = 0; i < trial_n_variants(); i++) {
		const struct variant *v = &variants[i];

		if (v->place != place || (v->id != FAULT_ANY && v->id != frame->id) ||
		    !can_fire(v, points->transports))
			continue;
		if (fault_would_apply(f, &v->fault, frame))
			put(points, place, frame->id, nth, i);
	}
}

/* Operations that tell the kernel of a file's attributes. */
static bool finds(enum fault_fuse_op op)
{
	return op == FAULT_FUSE_LOOKUP || op == FAULT_FUSE_GETATTR || op == FAULT_FUSE_SETATTR ||
	       op == FAULT_FUSE_CREATE || op == FAULT_FUSE_MKNOD || op == FAULT_FUSE_LINK;
}

void trial_watch_fuse(void *ctx, enum fault_fuse_op op)
{
	struct trial_points *points = ctx;
	uint32_t nth = count(points, FAULT_FUSE, (uint16_t)op);

	for (size_t i = 0; i < trial_n_variants(); i++) {
		if (variants[i].place == FAULT_FUSE &&
		    (finds(op) || !str_starts(variants[i].text, "size")))
			put(points, FAULT_FUSE, (uint16_t)op, nth, i);
	}
}
