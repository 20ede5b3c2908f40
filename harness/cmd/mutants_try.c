/* One seeded defect: which cases fail with it. Runs in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fakegofer/fault/fault.h"
#include "harness/base/fs.h"
#include "harness/engine/engine.h"
#include "harness/cmd/mutants.h"
#include "harness/engine/output.h"
#include "harness/model/expect.h"

/* What stops a try. */
enum until {
	UNTIL_CLAUSE, /* a case of the defect's clause failed */
	UNTIL_ANY,    /* any case failed */
	UNTIL_END,    /* nothing does */
};

struct trying {
	const struct mutants *m;
	const struct seeded *d;
	struct plan *plan; /* m's; whose selection is this process' own */
	struct output out;
	int cancel_fd;
	enum until until;
	bool *red;    /* by case */
	size_t first; /* the first red case of the defect's clause, else of any; n_cases = none */
	size_t last;  /* sandbox whose judgements came last */
	size_t sandboxes; /* that ran */
	bool *ran;        /* by sandbox */
	size_t *order;    /* room for every sandbox */
	bool stopped;     /* by what was seen, not by a signal */
};

static size_t index_of(const struct trying *t, const struct plan_case *c)
{
	return (size_t)(c - t->plan->cases);
}

static bool is_named(const struct trying *t, size_t c)
{
	return t->plan->cases[c].clause == t->d->clause;
}

static int take_red(struct trying *t, size_t c)
{
	bool better = t->first == t->plan->n_cases || (is_named(t, c) && !is_named(t, t->first));

	t->red[c] = true;
	if (better)
		t->first = c;
	return 0;
}

static int judgement(void *ctx, const struct plan_case *c, size_t sandbox, enum verdict v)
{
	struct trying *t = ctx;

	t->last = sandbox;
	return v == VERDICT_FAIL ? take_red(t, index_of(t, c)) : 0;
}

static int sandbox_end(void *ctx, size_t sandbox)
{
	struct trying *t = ctx;
	bool any = t->first < t->plan->n_cases;

	t->sandboxes += !t->ran[sandbox];
	t->ran[sandbox] = true;
	t->stopped = t->until == UNTIL_ANY      ? any
		     : t->until == UNTIL_CLAUSE ? any && is_named(t, t->first)
						: false;
	return t->stopped ? -ECANCELED : 0;
}

static int result(void *ctx, const struct plan_case *c, struct json_object *line, enum verdict v)
{
	(void)ctx;
	(void)c;
	(void)line;
	(void)v;
	return 0;
}

/* Order ------------------------------------------------------------------------------------------ */

/* It has a fault, and that one is before its guest has begun. */
static bool fails_at_start(const struct spec_sandbox *s)
{
	_cleanup_fault_plan_ struct fault_plan plan = { .n = 0 };
	const char *text = s->faults ?: "";

	return fault_plan_parse(text, strlen(text), &plan, NULL) == 0 && plan.n &&
	       fault_at_start(&plan.faults[0]);
}

/* What a sandbox is like, so that of many the most different come first. */
static uint64_t kind_of(const struct spec_sandbox *s)
{
	uint64_t kind = (uint64_t)s->lifecycle;

	kind = kind * 4 + s->wire;
	kind = kind * 4 + s->flags.directfs;
	kind = kind * 2 + (s->n_mounts > 0);
	kind = kind * 2 + (s->n_mounts > 8);
	kind = kind * 4 + s->rootfs.gofer;
	kind = kind * 2 + spec_needs_fuse(s);
	kind = kind * 2 + fails_at_start(s);
	return kind * 4 + (s->n_mounts ? s->mounts[0].serving.gofer : 0);
}

struct candidate {
	size_t sandbox;
	size_t cases; /* of the clause, judged there */
	uint64_t kind;
	size_t turn; /* so many of its kind come before it */
	size_t cost;
};

/* Cheap ones that judge much first. */
static int by_worth(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	size_t wa = a->cases * b->cost, wb = b->cases * a->cost;

	return wa != wb ? (wa < wb ? 1 : -1)
			: (a->sandbox > b->sandbox) - (a->sandbox < b->sandbox);
}

static int by_turn(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;

	return a->turn != b->turn ? (a->turn > b->turn) - (a->turn < b->turn) : by_worth(x, y);
}

/*
 * The sandboxes where a case of the clause is judged (clause CLAUSE_NONE: all), those that can see most
 * for least first, one of each kind before the second of any.
 */
static size_t order_for(const struct plan *p, enum clause clause, size_t *ret)
{
	struct candidate *all = calloc(p->n_sandboxes + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < p->n_cases && all; i++) {
		const struct plan_case *c = &p->cases[i];

		for (size_t j = 0; j < c->n_places && !c->skip; j++)
			if (clause == CLAUSE_NONE || c->clause == clause)
				all[c->places[j].sandbox].cases++;
	}
	for (size_t s = 0; s < p->n_sandboxes && all; s++) {
		if (!all[s].cases)
			continue;
		all[n++] = (struct candidate){
			.sandbox = s,
			.cases = all[s].cases,
			.kind = kind_of(&p->sandboxes[s]),
			.cost = 8 + p->sandboxes[s].n_mounts,
		};
	}
	if (all)
		qsort(all, n, sizeof(*all), by_worth);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			all[i].turn += all[j].kind == all[i].kind;
	if (all)
		qsort(all, n, sizeof(*all), by_turn);
	for (size_t i = 0; i < n; i++)
		ret[i] = all[i].sandbox;
	free(all);
	return n;
}

/* Running ---------------------------------------------------------------------------------------- */

/* Every case that has a place among them is judged there. */
static void select_for(struct plan *p, const size_t *order, size_t n)
{
	for (size_t i = 0; i < p->n_cases; i++) {
		struct plan_case *c = &p->cases[i];

		c->selected = false;
		for (size_t j = 0; j < c->n_places && !c->selected && !c->skip; j++)
			for (size_t k = 0; k < n && !c->selected; k++)
				c->selected = c->places[j].sandbox == order[k];
	}
}

static int run_order(struct trying *t, const size_t *order, size_t n, enum until until,
		     struct hx_error *err)
{
	const unsigned int most = MUTANTS_DEADLINE_S;
	const unsigned int asked = t->m->o->timeout_s;
	const struct engine_options e = {
		.target = &t->m->target,
		.out = t->out.path,
		.out_fd = t->out.fd,
		.probe = t->m->probe,
		.shim = t->m->shim,
		.jobs = 1,
		.timeout_ms = (asked < most ? asked : most) * 1000,
		.cancel_fd = t->cancel_fd,
		.replay_prefix = "'",
		.order = order,
		.n_order = n,
		.once = true,
		.judgement = judgement,
		.sandbox_end = sandbox_end,
		.result = result,
		.ctx = t,
	};
	_cleanup_(hx_error_clear) struct hx_error why = HX_ERROR_INIT;

	t->until = until;
	t->stopped = false;
	select_for(t->plan, order, n);
	int r = n ? engine_run(t->plan, &e, &why) : 0;
	if (r >= 0 || t->stopped)
		return 0;
	return hx_error_set(err, r, "%s", r == -ECANCELED ? "interrupted" : hx_error_text(&why));
}

/* A fresh output folder: evidence of an earlier run would be in the way. */
static int renew(struct trying *t, const char *folder, unsigned int round, struct hx_error *err)
{
	_cleanup_free_ char *path = str_format("%s/%u", folder, round);

	output_clear(&t->out);
	return path ? output_create(path, &t->out, err)
		    : hx_error_set(err, -ENOMEM, "out of memory");
}

/* The case that failed must not fail without the defect, in the sandboxes where it did. */
static int control(struct trying *t, bool *ret_red, struct hx_error *err)
{
	const struct plan_case *c = &t->plan->cases[t->first];
	_cleanup_free_ size_t *order = calloc(c->n_places + 1, sizeof(*order));
	_cleanup_free_ bool *red = calloc(t->plan->n_cases + 1, sizeof(*red));
	struct trying again = *t;
	size_t n = 0;

	if (!order || !red)
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_places; i++)
		if (t->ran[c->places[i].sandbox])
			order[n++] = c->places[i].sandbox;
	again.red = red;
	again.first = t->plan->n_cases;
	if (setenv(MUTANTS_VARIABLE, "", 1) < 0)
		return hx_error_errno(err, -errno, "setenv");
	int r = run_order(&again, order, n, UNTIL_END, err);
	*ret_red = red[t->first];
	return r;
}

/* Verdict ---------------------------------------------------------------------------------------- */

static int64_t elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static int describe(const struct trying *t, const char *caught, struct json_object *o)
{
	struct json_object *red = json_object_new_array();

	if (json_add(o, "red", red) < 0 || json_add_string(o, "defect", seeded_name(t->d)) < 0 ||
	    json_add_string(o, "caught", caught) < 0 ||
	    json_add_int(o, "sandboxes", (int64_t)t->sandboxes) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < t->plan->n_cases; i++)
		if (t->red[i] && json_push_string(red, t->plan->cases[i].id) < 0)
			return -ENOMEM;
	return t->first < t->plan->n_cases ? json_add_string(o, "case", t->plan->cases[t->first].id)
					   : 0;
}

/* The parts without which it would not have been seen, from the evidence of the sandbox that saw it. */
static int ask_parts(struct trying *t, struct json_object *o, struct hx_error *err)
{
	_cleanup_free_ char *path = str_format("evidence/%s", t->plan->sandboxes[t->last].id);
	_cleanup_close_ int dir = path ? fs_open_dir(t->out.fd, path) : -ENOMEM;

	/* what is wrong only in being unlike another sandbox is no single one's to judge */
	if (t->plan->cases[t->first].same != PLAN_SAME_NOT)
		return 0;
	if (dir < 0)
		return hx_error_errno(err, dir, "%s", path ? path : "");
	return mutants_without_parts(dir, t->d->clause, o, err);
}

static int hunt(struct trying *t, const char *folder, struct json_object *o,
		const char **ret_caught, struct hx_error *err)
{
	const size_t none = t->plan->n_cases;
	bool full = t->m->o->whole, red = false;
	size_t n = order_for(t->plan, t->d->clause, t->order);
	int r = renew(t, folder, 0, err);

	if (r >= 0)
		r = run_order(t, t->order, n, UNTIL_CLAUSE, err);
	if (r >= 0 && t->first < none && is_named(t, t->first))
		r = ask_parts(t, o, err);
	if (r >= 0 && (full || t->first == none || !is_named(t, t->first))) {
		n = order_for(t->plan, CLAUSE_NONE, t->order);
		r = renew(t, folder, 1, err);
		if (r >= 0)
			r = run_order(t, t->order, n, full ? UNTIL_END : UNTIL_ANY, err);
	}
	if (r < 0)
		return r;
	*ret_caught = t->first == none ? "none" : is_named(t, t->first) ? "clause" : "other";
	if (t->first == none)
		return 0;
	r = renew(t, folder, 2, err);
	if (r >= 0)
		r = control(t, &red, err);
	if (r >= 0 && red)
		*ret_caught = "broken";
	return r;
}

int mutants_try(const struct mutants *m, const struct seeded *d, const char *folder, int cancel_fd,
		struct json_object **ret, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_free_ bool *red = calloc(m->plan.n_cases + 1, sizeof(*red));
	_cleanup_free_ bool *ran = calloc(m->plan.n_sandboxes + 1, sizeof(*ran));
	_cleanup_free_ size_t *order = calloc(m->plan.n_sandboxes + 1, sizeof(*order));
	struct plan plan = m->plan; /* selection is written to its cases, which are this process' */
	struct trying t = { .m = m, .d = d, .plan = &plan, .cancel_fd = cancel_fd };
	const char *caught = "none";
	struct timespec started;

	t.out = (struct output){ .fd = -1, .record = -1 };
	t.red = red;
	t.ran = ran;
	t.order = order;
	t.first = plan.n_cases;
	if (!o || !red || !ran || !order)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (setenv(MUTANTS_VARIABLE, seeded_value(d), 1) < 0)
		return hx_error_errno(err, -errno, "setenv");
	clock_gettime(CLOCK_MONOTONIC, &started);
	int r = hunt(&t, folder, o, &caught, err);
	output_clear(&t.out);
	if (r < 0)
		return r;
	if (describe(&t, caught, o) < 0 || json_add_int(o, "ms", elapsed_ms(&started)) < 0 ||
	    (!strcmp(caught, "broken") &&
	     json_add_string(o, "why", "the case fails without the defect, too") < 0))
		return hx_error_set(err, -ENOMEM, "out of memory");
	*ret = TAKE_PTR(o);
	return 0;
}
