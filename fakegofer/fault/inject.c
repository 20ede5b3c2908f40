#include "fakegofer/fault/inject.h"

#include <errno.h>
#include <string.h>

#include "fakegofer/fault/apply.h"
#include "fakegofer/fault/track.h"
#include "harness/base/cleanup.h"
#include "harness/base/rng.h"

#define STATX_MEMORY 512u /* files whose first attributes are remembered */
#define STATX_INO 32u

struct first_statx {
	uint64_t ino;
	uint8_t bytes[LISAFS_STATX_SIZE];
};

/* A frame that others pass. */
struct held {
	struct fault_frame frame;
	uint8_t *payload;
	uint64_t left; /* frames that must go first; 0 = none is held */
};

struct fault_injector {
	const struct fault_plan *plan;
	struct fault_owner owner;
	struct fault_stats own_stats;
	struct fault_stats *stats;
	struct fault_memory memory[FAULT_PLAN_MAX];
	struct fault_track *tracks[FAULT_MOUNTS_MAX];
	struct first_statx *first;
	size_t n_first;
	uint8_t *buffer; /* an altered payload */
	size_t buffer_size;
	struct held held;
	int made[FAULT_MADE_MAX];
	struct rng rng;
};

int fault_injector_new(const struct fault_plan *plan, const struct fault_owner *owner,
		       struct fault_injector **ret)
{
	struct fault_injector *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->first = malloc(STATX_MEMORY * sizeof(*f->first)); /* few are ever touched */
	if (!f->first) {
		free(f);
		return -ENOMEM;
	}
	f->plan = plan;
	f->owner = *owner;
	f->stats = owner->stats ? owner->stats : &f->own_stats;
	f->rng = rng_seeded(plan->seed);
	for (size_t i = 0; i < FAULT_MADE_MAX; i++)
		f->made[i] = -1;
	*ret = f;
	return 0;
}

static void close_made(struct fault_injector *f)
{
	for (size_t i = 0; i < FAULT_MADE_MAX; i++)
		close_fd(&f->made[i]);
}

void fault_injector_free(struct fault_injector *f)
{
	if (!f)
		return;
	close_made(f);
	for (size_t i = 0; i < FAULT_MOUNTS_MAX; i++) {
		if (f->tracks[i])
			fault_track_clear(f->tracks[i]);
		free(f->tracks[i]);
	}
	free(f->first);
	free(f->buffer);
	free(f->held.payload);
	free(f);
}

void fault_injector_freep(struct fault_injector **f)
{
	fault_injector_free(*f);
}

const struct fault_stats *fault_injector_stats(const struct fault_injector *f)
{
	return f->stats;
}

/* What actions ask for -------------------------------------------------------------------------- */

const uint8_t *fault_first_statx(const struct fault_injector *f, uint64_t ino)
{
	for (size_t i = 0; i < f->n_first; i++) {
		if (f->first[i].ino == ino)
			return f->first[i].bytes;
	}
	return NULL;
}

enum lisafs_dialect fault_dialect(const struct fault_injector *f)
{
	return f->owner.dialect;
}

bool fault_is_holding(const struct fault_injector *f)
{
	return f->held.left > 0;
}

int fault_dead_fuse(struct fault_injector *f)
{
	return f->owner.dead_fuse ? f->owner.dead_fuse(f->owner.ctx) : -EOPNOTSUPP;
}

struct remembering {
	struct fault_injector *f;
	const uint8_t *payload;
	size_t n;
};

static void remember(size_t offset, void *ctx)
{
	struct remembering *r = ctx;
	struct fault_injector *f = r->f;
	struct first_statx *s = &f->first[f->n_first];
	uint64_t ino;

	if (f->n_first == STATX_MEMORY || offset + LISAFS_STATX_SIZE > r->n)
		return;
	memcpy(&ino, r->payload + offset + STATX_INO, sizeof(ino));
	if (fault_first_statx(f, ino))
		return;
	s->ino = ino;
	memcpy(s->bytes, r->payload + offset, LISAFS_STATX_SIZE);
	f->n_first++;
}

static void remember_statx(struct fault_injector *f, const struct fault_frame *frame)
{
	struct remembering r = { .f = f, .payload = frame->payload, .n = frame->n };

	fault_each_statx(f->owner.dialect, frame->direction, frame->id, frame->payload, frame->n,
			 remember, &r);
}

static struct fault_track *track_of(struct fault_injector *f, uint16_t mount)
{
	if (mount >= FAULT_MOUNTS_MAX)
		return NULL;
	if (!f->tracks[mount])
		f->tracks[mount] = calloc(1, sizeof(struct fault_track));
	return f->tracks[mount];
}

/* Steps ----------------------------------------------------------------------------------------- */

static struct fault_work work_on(struct fault_injector *f, const struct fault_frame *frame)
{
	return (struct fault_work){
		.injector = f,
		.frame = *frame,
		.buffer = &f->buffer,
		.buffer_size = &f->buffer_size,
		.made = f->made,
		.copies = 1,
		.cut = SIZE_MAX,
		.end = { .kind = FAULT_STEP_SEND },
	};
}

static struct fault_step *add(struct fault_steps *s, enum fault_step_kind kind)
{
	struct fault_step *step = &s->step[s->n++];

	*step = (struct fault_step){ .kind = kind, .cut = SIZE_MAX };
	return step;
}

static int hold_back(struct fault_injector *f, const struct fault_work *w)
{
	uint8_t *copy = malloc(w->frame.n + 1);

	if (!copy)
		return -ENOMEM;
	if (w->frame.n > 0)
		memcpy(copy, w->frame.payload, w->frame.n);
	free(f->held.payload);
	f->held = (struct held){ .frame = w->frame, .payload = copy, .left = w->hold };
	f->held.frame.payload = copy;
	return 0;
}

/* Another frame went the way of the one that is held. */
static void let_pass(struct fault_injector *f, const struct fault_frame *frame,
		     struct fault_steps *ret)
{
	struct held *h = &f->held;

	if (h->left == 0 || h->frame.direction != frame->direction ||
	    h->frame.mount != frame->mount || --h->left > 0)
		return;
	add(ret, FAULT_STEP_SEND)->frame = h->frame;
}

static int compose(struct fault_injector *f, const struct fault_work *w,
		   const struct fault_frame *came, struct fault_steps *ret)
{
	bool incomplete = w->frame.length > w->frame.n;
	bool closes = w->end.kind == FAULT_STEP_CLOSE || w->end.kind == FAULT_STEP_HALF_CLOSE ||
		      w->end.kind == FAULT_STEP_CRASH;

	ret->n = 0;
	if (w->hold > 0) {
		int rc = hold_back(f, w);

		add(ret, FAULT_STEP_QUIET);
		return rc;
	}
	if (w->wait)
		add(ret, FAULT_STEP_WAIT);
	for (unsigned int i = 0; i < w->copies; i++) {
		struct fault_step *s = add(ret, w->answer ? FAULT_STEP_ANSWER : FAULT_STEP_SEND);

		s->frame = w->frame;
		s->cut = w->cut;
		s->split = w->split;
	}
	let_pass(f, came, ret);
	if (!closes && (w->copies == 0 || incomplete))
		add(ret, FAULT_STEP_QUIET);
	if (w->end.kind != FAULT_STEP_SEND) {
		struct fault_step *s = add(ret, w->end.kind);

		s->frame = w->frame;
		s->signal = w->end.signal;
		s->process = w->end.process;
	}
	return 0;
}

static int fire(struct fault_injector *f, const struct fault_event *e, struct fault_work *w)
{
	for (size_t i = 0; i < f->plan->n; i++) {
		const struct fault *fault = &f->plan->faults[i];
		int rc;

		if (!fault_match(fault, i, f->plan->seed, e, &f->memory[i]))
			continue;
		w->random = rng_next(&f->rng);
		rc = fault->action->apply(w, fault);
		if (rc == 0)
			f->stats->hits[i]++;
		else if (rc != -ENOENT)
			return rc;
	}
	return 0;
}

int fault_inject(struct fault_injector *f, const struct fault_frame *frame, struct fault_steps *ret)
{
	struct fault_event e = { .place = frame->direction == LISAFS_REQUEST ? FAULT_REQUEST
									     : FAULT_REPLY,
				 .id = frame->id,
				 .mount = frame->mount };
	struct fault_track *track = track_of(f, frame->mount);
	struct fault_work w = work_on(f, frame);
	int rc = 0;

	close_made(f);
	if (track)
		fault_track_frame(track, frame, f->owner.dialect, &e);
	if (!f->stats->off) {
		f->stats->frames++;
		if (f->owner.watch)
			f->owner.watch(f->owner.ctx, f, frame);
		rc = fire(f, &e, &w);
	}
	remember_statx(f, frame);
	return rc < 0 ? rc : compose(f, &w, frame, ret);
}

bool fault_would_apply(struct fault_injector *f, const struct fault *fault,
		       const struct fault_frame *frame)
{
	struct fault_work w = work_on(f, frame);
	uint8_t *buffer = NULL;
	size_t size = 0;
	int rc;

	w.buffer = &buffer;
	w.buffer_size = &size;
	w.dry = true;
	rc = fault->action->apply(&w, fault);
	free(buffer);
	return rc == 0;
}

/* FUSE ------------------------------------------------------------------------------------------ */

static enum fault_fuse_do fuse_action(const struct fault *fault)
{
	static const struct {
		const char *name;
		enum fault_fuse_do what;
	} rows[] = {
		{ "errno", FAULT_FUSE_ERRNO }, { "hang", FAULT_FUSE_HANG },
		{ "crash", FAULT_FUSE_KILL },  { "abort", FAULT_FUSE_ABORT },
		{ "size", FAULT_FUSE_SIZE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(fault->action->name, rows[i].name) == 0)
			return rows[i].what;
	}
	return FAULT_FUSE_NOTHING;
}

void fault_fuse(struct fault_injector *f, enum fault_fuse_op op, const char *path,
		struct fault_fuse *ret)
{
	struct fault_event e = {
		.place = FAULT_FUSE, .id = (uint16_t)op, .mount = f->owner.fuse_mount, .path = path
	};

	*ret = (struct fault_fuse){ .what = FAULT_FUSE_NOTHING };
	if (f->stats->off)
		return;
	f->stats->frames++;
	if (f->owner.watch_fuse)
		f->owner.watch_fuse(f->owner.ctx, op);
	for (size_t i = 0; i < f->plan->n; i++) {
		const struct fault *fault = &f->plan->faults[i];

		if (!fault_match(fault, i, f->plan->seed, &e, &f->memory[i]) ||
		    ret->what != FAULT_FUSE_NOTHING)
			continue;
		f->stats->hits[i]++;
		*ret = (struct fault_fuse){ .what = fuse_action(fault),
					    .error = fault->error,
					    .signal = fault->signal,
					    .size = fault->number };
	}
}
