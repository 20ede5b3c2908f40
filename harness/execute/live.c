/* A world's life, from the bundle to the last line of evidence. */
#include <errno.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/execute/clock.h"
#include "harness/execute/commanded.h"
#include "harness/execute/inside.h"
#include "harness/execute/interposed.h"
#include "harness/execute/sources.h"
#include "harness/spec/evidence.h"

static struct json_object *step_json(const struct world *w, const struct step *s)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "verb", s->verb) < 0 ||
	    (s->container && json_add_int(o, "container", (int64_t)s->container) < 0) ||
	    json_add_strv(o, "argv", &s->argv) < 0 ||
	    (s->ended && WIFEXITED(s->status) &&
	     json_add_int(o, "exit", WEXITSTATUS(s->status)) < 0) ||
	    (s->ended && WIFSIGNALED(s->status) &&
	     json_add_int(o, "signal", WTERMSIG(s->status)) < 0) ||
	    json_add_int(o, "ms", s->ms) < 0 ||
	    json_add_bool(o, "stdout_cut", s->streams[0].cut) < 0 ||
	    json_add_bool(o, "stderr_cut", s->streams[1].cut) < 0 ||
	    json_add_bool(o, "log_cut", w->log_cut) < 0)
		return NULL;
	return TAKE_PTR(o);
}

static int write_steps(struct world *w, struct hx_error *err)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();
	size_t n = 0;

	if (!list)
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < w->n_steps; i++)
		if (json_push(list, step_json(w, &w->steps[i])) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	const char *text = json_object_to_json_string_length(
		list, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
	return fs_write_at(w->evidence_fd, EVIDENCE_STEPS, text, n, 0644, err);
}

/* Waits for what is ending anyway; what is still there after EXECUTE_SETTLE_MS was left behind. */
static int settle(struct world *w, struct hx_error *err)
{
	w->timed_out = false;
	if (clock_arm(w->timer_fd, EXECUTE_SETTLE_MS, 0) < 0)
		return hx_error_errno(err, -errno, "timer");
	int r = step_wait(w, STEP_ALONE, err);
	clock_arm(w->timer_fd, 0, 0);
	return r;
}

static int run(struct world *w, struct hx_error *err)
{
	int r = bundle_make(w, err);

	if (r >= 0)
		r = interposed_begin(w, err);
	if (r >= 0)
		r = planted_before(w, err);
	if (r >= 0)
		r = residue_take(w, "before", err);
	if (r >= 0)
		sources_announce(w);
	if (r >= 0)
		r = driver_run(w, err);
	if (r >= 0)
		r = planted_after(w, err);
	if (r >= 0)
		r = commanded_settle(w, err);
	if (r >= 0)
		r = settle(w, err);
	return r < 0 ? r : residue_take(w, "after", err);
}

int world_live(struct world *w, struct hx_error *err)
{
	w->began = clock_ms();
	int r = run(w, err);

	/* Told to stop at the deadline: what is unfinished dies here, so that each step has an end. */
	if (r == -EINTR)
		r = step_kill_all(w, err);
	if (r >= 0 || r == -EINTR)
		r = step_close_all(w, err);
	if (r >= 0)
		r = sources_end(w, err);
	if (r >= 0)
		r = interposed_end(w, err);
	if (r >= 0)
		r = commanded_end(w, err);
	if (r >= 0)
		r = logs_copy(w, err);
	if (r >= 0)
		r = planted_output(w, err);
	return r < 0 ? r : write_steps(w, err);
}
