#include "harness/engine/engine_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/base/array.h"

int engine_place(struct engine *e, size_t sandbox, size_t index)
{
	struct engine_cases *here = &e->here[sandbox];

	if (here->n && here->list[here->n - 1] == index)
		return 0;
	size_t *list = array_grow(here->list, here->n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	here->list = list;
	here->list[here->n++] = index;
	return 0;
}

static size_t case_index(const struct engine *e, const struct plan_case *c)
{
	return (size_t)(c - e->plan->cases);
}

/* Evidence goes once every case of the sandbox is done and none needs it; else it is kept. */
static int settle_evidence(struct engine *e, size_t sandbox)
{
	const char *id = e->plan->sandboxes[sandbox].id;

	if (!e->o->target || !e->judged[sandbox])
		return 0;
	if (e->waiting[sandbox] && !store_is_tight(&e->store))
		return 0;
	return e->waiting[sandbox] || e->o->keep || e->dirty[sandbox]
		       ? store_keep(&e->store, id, &e->error)
		       : store_drop(&e->store, id, &e->error);
}

/* What a case about filters or kills comes to where its detector was not seen detecting in this run. */
static const char *why_undetected(const struct engine *e, const struct plan_case *c)
{
	if (c->skip || !plan_is_about_kills(c) || plan_is_control(e->plan, c))
		return NULL;
	if (e->control == VERDICT_BROKEN)
		return "a planted forbidden call killed and was not seen, or could not be planted: "
		       "nothing that this run says of seccomp counts";
	return e->control == VERDICT_FAIL && c->clause == CLAUSE_SEC_2
		       ? "a planted forbidden call killed nobody (SEC-5): no kill was seen detected"
		       : NULL;
}

/* The last of them frees who waited for them. */
static int take_control(struct engine *e, const struct plan_case *c, enum verdict v)
{
	int r = 0;

	if (c->skip || !plan_is_control(e->plan, c))
		return 0;
	if (v != VERDICT_PASS && e->control != VERDICT_BROKEN)
		e->control = v == VERDICT_BROKEN ? VERDICT_BROKEN : VERDICT_FAIL;
	if (--e->controls)
		return 0;
	for (size_t i = 0; i < e->n_held && r >= 0; i++)
		r = engine_finish_case(e, &e->plan->cases[e->held[i]]);
	e->n_held = 0;
	return r;
}

int engine_finish_case(struct engine *e, struct plan_case *c)
{
	struct case_state *state = &e->states[case_index(e, c)];
	_cleanup_json_ struct json_object *line = NULL;
	_cleanup_free_ char *replay = str_format("%s%s'", e->o->replay_prefix, c->id);
	enum verdict v = VERDICT_BROKEN;
	const char *undetected = why_undetected(e, c);
	int r = undetected ? case_state_break(state, undetected) : 0;

	if (r >= 0)
		r = replay ? case_state_finish(state, c, e->o->known, replay, &line, &v) : -ENOMEM;

	if (r < 0)
		return hx_error_set(&e->error, r, "out of memory");
	e->progress.done++;
	e->progress.failed += v == VERDICT_FAIL || v == VERDICT_XPASS || v == VERDICT_BROKEN;
	r = e->o->result(e->o->ctx, c, line, v);
	if (r < 0)
		return hx_error_errno(&e->error, r, "write the record");
	for (size_t i = 0; i < c->n_places && !c->skip; i++) {
		size_t s = c->places[i].sandbox;

		e->waiting[s] -= e->waiting[s] > 0;
		e->dirty[s] = e->dirty[s] || (v != VERDICT_PASS && v != VERDICT_SKIP);
	}
	for (size_t i = 0; i < c->n_places && !c->skip; i++) {
		r = settle_evidence(e, c->places[i].sandbox);
		if (r < 0)
			return r;
	}
	case_state_clear(state);
	return take_control(e, c, v);
}

/* A packed case that failed is put alone, to tell whether its neighbours matter. */
static bool wants_alone(const struct engine *e, const struct plan_case *c)
{
	const struct case_state *state = &e->states[case_index(e, c)];

	return e->o->target && !e->o->once && c->packed && !e->second &&
	       state->per_verdict[VERDICT_FAIL] && e->n_again < ENGINE_AGAIN_LIMIT;
}

static int keep_for_later(struct engine *e, const struct plan_case *c)
{
	e->again[e->n_again++] = case_index(e, c);
	return 0;
}

static int add_judgement(struct engine *e, struct plan_case *c, size_t sandbox,
			 struct json_object *line, const char *reason, unsigned int ms)
{
	struct case_state *state = &e->states[case_index(e, c)];

	state->ms += ms;
	if (case_state_add(state, c, e->plan->sandboxes[sandbox].id, line, reason) < 0)
		return hx_error_set(&e->error, -ENOMEM, "out of memory");
	if (e->o->judgement) {
		int r = e->o->judgement(e->o->ctx, c, sandbox,
					state->n_kinds > 1 ? VERDICT_FAIL : state->last);
		if (r < 0)
			return r;
	}
	if (state->judged < state->places)
		return 0;
	if (e->controls && plan_is_about_kills(c) && !plan_is_control(e->plan, c)) {
		e->held[e->n_held++] = case_index(e, c);
		return 0;
	}
	return wants_alone(e, c) ? keep_for_later(e, c) : engine_finish_case(e, c);
}

/* The row that a subject of a sandbox is; one without cases is named after its place. */
static char *row_of(const struct engine *e, size_t sandbox, const char *subject)
{
	const struct engine_cases *here = &e->here[sandbox];

	for (size_t i = 0; i < here->n; i++) {
		const struct plan_case *c = &e->plan->cases[here->list[i]];

		for (size_t p = 0; p < c->n_places && c->same == PLAN_SAME_NOT; p++)
			if (c->places[p].sandbox == sandbox &&
			    !strcmp(c->places[p].subject, subject))
				return strdup(c->slug);
	}
	return str_format("%s:%s", e->plan->sandboxes[sandbox].id, subject);
}

static int take_seen(struct engine *e, size_t sandbox, struct json_object *seen)
{
	_cleanup_json_ struct json_object *line = json_object_new_object();

	if (e->second || !e->o->seen)
		return 0;
	for (size_t i = 0; i < json_object_array_length(seen); i++) {
		struct json_object *o = json_object_array_get_idx(seen, i);
		_cleanup_free_ char *row = row_of(e, sandbox, json_string_or(o, "subject", ""));

		if (!row || json_add_string(o, "row", row) < 0)
			return hx_error_set(&e->error, -ENOMEM, "out of memory");
	}
	if (!line || json_add_string(line, "type", "seen") < 0 ||
	    json_add_string(line, "sandbox", e->plan->sandboxes[sandbox].id) < 0 ||
	    json_add(line, "subjects", json_object_get(seen)) < 0)
		return hx_error_set(&e->error, -ENOMEM, "out of memory");
	int r = e->o->seen(e->o->ctx, line);
	return r < 0 ? hx_error_errno(&e->error, r, "write the record") : 0;
}

/* One line of the judge. Lines about no case of this sandbox are not the judge's to write. */
static int take_line(struct engine *e, size_t sandbox, const char *text, size_t n, unsigned int ms,
		     struct strv *done, char **error)
{
	_cleanup_json_ struct json_object *line = NULL;
	struct json_object *seen = NULL;

	if (json_parse(text, n, &line, NULL) < 0)
		return 0;
	if (json_get_array(line, "seen", &seen, NULL) >= 0)
		return take_seen(e, sandbox, seen);
	const char *id = json_string_or(line, "case", NULL);
	if (json_string_or(line, "error", NULL) && !*error)
		*error = strdup(json_string_or(line, "error", ""));
	struct plan_case *c = id ? plan_find(e->plan, id) : NULL;
	if (!c || !c->selected || c->skip || strv_has(done, id))
		return 0;
	if (strv_push(done, id) < 0)
		return hx_error_set(&e->error, -ENOMEM, "out of memory");
	return add_judgement(e, c, sandbox, line, NULL, ms);
}

static const char *why_unjudged(enum execute_ended ended, int status, const char *error)
{
	if (error)
		return error;
	if (ended == EXECUTE_INTERRUPTED)
		return "interrupted";
	if (WIFSIGNALED(status))
		return "the judge was killed: the evidence made it do what its filter forbids, or it crashed";
	return "the judge did not speak of this case";
}

int engine_take(struct engine *e, size_t sandbox, enum execute_ended ended, unsigned int ms,
		const char *text, size_t n, int status)
{
	const struct engine_cases *here = &e->here[sandbox];
	_cleanup_strv_ struct strv done = STRV_INIT;
	_cleanup_free_ char *error = NULL;
	int r = 0;

	e->judged[sandbox] = true;
	for (const char *at = text, *end = text + n; at < end && r >= 0;) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((eol ? eol : end) - at);

		r = take_line(e, sandbox, at, len, ms, &done, &error);
		at += len + 1;
	}
	for (size_t i = 0; i < here->n && r >= 0; i++) {
		struct plan_case *c = &e->plan->cases[here->list[i]];

		if (c->selected && !c->skip && !strv_has(&done, c->id))
			r = add_judgement(e, c, sandbox, NULL, why_unjudged(ended, status, error),
					  ms);
	}
	e->progress.sandboxes_done++;
	if (r >= 0 && e->o->sandbox_end)
		r = e->o->sandbox_end(e->o->ctx, sandbox);
	return r < 0 ? r : settle_evidence(e, sandbox);
}
