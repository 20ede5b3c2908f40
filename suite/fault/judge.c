/* Answers and trees, held against the model. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/cleanup.h"
#include "suite/fault/operate.h"
#include "suite/fault/trial_parts.h"

#define MEMORY_ROOT_MODE 0755
#define FOLDER_MODE 0755

static bool is_named(const struct fault *f, const char *name)
{
	return strcmp(f->action->name, name) == 0;
}

/* What a fault means for the operation it hit. */
enum effect {
	EFFECT_NONE,       /* it answers as ever */
	EFFECT_ERRNO,      /* it answers the fault's errno */
	EFFECT_BREAKS,     /* it answers an errno, with a text */
	EFFECT_ATTRIBUTES, /* what is read may be anything */
	EFFECT_MAYBE,      /* what it answers is true; an error is as good */
	EFFECT_WILD,       /* nothing can be said any more */
};

static enum effect of_fuse(const struct fault *f)
{
	/* The kernel remembers ENOSYS, and never asks again. */
	return is_named(f, "errno") && f->error != ENOSYS ? EFFECT_MAYBE : EFFECT_WILD;
}

/* What our own client sends is not what it was asked for: only the gofer is judged. */
static enum effect of_hostile(const struct fault *f)
{
	static const char *const honest[] = {
		"drop", "cut", "close", "half-close", "hang", "split"
	};

	for (size_t i = 0; i < ARRAY_SIZE(honest); i++) {
		if (is_named(f, honest[i]))
			return strcmp(honest[i], "split") == 0 ? EFFECT_NONE : EFFECT_MAYBE;
	}
	return EFFECT_WILD;
}

static enum effect effect_of(const struct trial *t, const struct fault *f)
{
	if (f->place == FAULT_FUSE)
		return of_fuse(f);
	if (t->spec->side == TRIAL_CLIENT)
		return of_hostile(f);
	/* What was opened is closed behind the answer, which does not wait for it. */
	if (f->id == LISAFS_CLOSE && f->action->outcome != FAULT_LIES &&
	    f->action->outcome != FAULT_HARMLESS)
		return EFFECT_MAYBE;
	switch (f->action->outcome) {
	case FAULT_HARMLESS:
		return EFFECT_NONE;
	case FAULT_ERRS:
		return EFFECT_ERRNO;
	case FAULT_BREAKS:
		/* Another message, or none that decodes: the gofer answers an Error by itself. */
		return f->place == FAULT_REQUEST && !f->action->terminal && !is_named(f, "drop") &&
				       !is_named(f, "reorder")
			       ? (is_named(f, "id") ? EFFECT_WILD : EFFECT_MAYBE)
			       : EFFECT_BREAKS;
	case FAULT_KILLS:
		return EFFECT_BREAKS;
	case FAULT_LIES:
		break;
	}
	if (is_named(f, "stale") || is_named(f, "torn") || is_named(f, "fd") ||
	    is_named(f, "short"))
		return EFFECT_ATTRIBUTES;
	return EFFECT_WILD;
}

static void note_fault(struct trial *t, const struct fault *f)
{
	struct judging *j = &t->judge;

	j->on_fuse = j->on_fuse || f->place == FAULT_FUSE;
	if (f->action->outcome == FAULT_KILLS || (f->place == FAULT_FUSE && is_named(f, "hang")))
		j->killed = f;
}

static void op_text(const struct script_op *op, char ret[TRIAL_TEXT_MAX / 2])
{
	_cleanup_str_ struct str text = STR_INIT;

	if (op)
		script_print_op(op, &text);
	snprintf(ret, TRIAL_TEXT_MAX / 2, "%s", op ? str_text(&text) : "mount");
}

/* FLT-1: what broke, or had to answer an errno, did, and says what. */
static void check_error(struct trial *t, const struct script_op *op, const struct fault *f,
			enum effect effect, int code, const char *why)
{
	char text[TRIAL_TEXT_MAX / 2];

	op_text(op, text);
	if (effect == EFFECT_ERRNO && code != -(int)f->error)
		trial_fail(t, CLAUSE_FLT_1, "%s: answered %s, where the gofer said %s", text,
			   code == 0 ? "ok" : strerrorname_np(-code),
			   strerrorname_np((int)f->error));
	if (effect == EFFECT_BREAKS && code == 0)
		trial_fail(t, CLAUSE_FLT_1, "%s: answered ok, although its answer was lost", text);
	if (effect == EFFECT_BREAKS && code != 0 && why[0] == '\0')
		trial_fail(t, CLAUSE_FLT_1, "%s: answered %s, with no text", text,
			   strerrorname_np(-code));
}

bool judge_is_hang(const char *why)
{
	return strstr(why, strerror(ETIMEDOUT)) != NULL;
}

static void judge_answer(struct trial *t, const struct script_op *op, const struct fault *f,
			 const struct tree_answer *answer, const char *why)
{
	enum effect effect = f ? effect_of(t, f) : EFFECT_NONE;
	struct judging *j = &t->judge;
	_cleanup_str_ struct str differs = STR_INIT;
	char text[TRIAL_TEXT_MAX / 2];

	op_text(op, text);
	if (judge_is_hang(why))
		trial_fail(t, CLAUSE_FLT_3, "%s: %s", text, why);
	/* A lie that was seen through is none. */
	if (effect >= EFFECT_ATTRIBUTES && why[0] != '\0')
		effect = EFFECT_MAYBE;
	if (f)
		check_error(t, op, f, effect, answer->code, why);
	j->wild = j->wild || effect == EFFECT_WILD;
	if (j->wild || op->whatever)
		return;
	if (effect == EFFECT_NONE || (effect == EFFECT_MAYBE && answer->code == 0)) {
		if (!tree_states_answered(&j->states, op, answer, true, &differs))
			trial_fail(t, CLAUSE_FLT_5, "%s: %s", text, str_text(&differs));
		return;
	}
	tree_states_unanswered(&j->states, op);
}

/* Once the connection is given up, nothing is sent. */
static void judge_after(struct trial *t, const struct script_op *op,
			const struct tree_answer *answer)
{
	char text[TRIAL_TEXT_MAX / 2];

	op_text(op, text);
	if (answer->code == 0)
		trial_fail(t, CLAUSE_FLT_1, "%s: answered ok by a connection that was given up",
			   text);
}

static int mount_it(struct trial *t, struct client *c)
{
	uint64_t before[FAULT_PLAN_MAX] = { 0 };
	const struct fault *f;
	int rc = backend_remote_new(c, &t->remote);

	f = trial_hit_since(t, before);
	if (f) {
		enum effect effect = effect_of(t, f);

		note_fault(t, f);
		if (effect >= EFFECT_ATTRIBUTES && client_why(c)[0] != '\0')
			effect = EFFECT_MAYBE;
		check_error(t, NULL, f, effect, rc, client_why(c));
		t->judge.wild = t->judge.wild || effect == EFFECT_WILD;
		t->judge.no_tree = f->place == FAULT_FUSE && rc < 0;
	} else if (rc < 0) {
		trial_fail(t, judge_is_hang(client_why(c)) ? CLAUSE_FLT_3 : CLAUSE_FLT_1,
			   "mount: %s", client_why(c)[0] ? client_why(c) : strerror(-rc));
	}
	return rc;
}

void judge_script(struct trial *t, struct client *c)
{
	struct tree first;
	int rc;

	tree_init(&first, t->spec->backend == TRIAL_MEMORY || t->spec->backend == TRIAL_FUSE
				  ? MEMORY_ROOT_MODE
				  : FOLDER_MODE);
	rc = tree_states_init(&t->judge.states, &first);
	if (rc < 0) {
		trial_broken(t, "out of memory");
		client_free(c);
		return;
	}
	if (mount_it(t, c) < 0) {
		client_free(c);
		return;
	}
	for (size_t i = 0; i < t->script->n; i++) {
		const struct script_op *op = &t->script->ops[i];
		uint64_t before[FAULT_PLAN_MAX];
		struct tree_answer answer;
		const struct fault *f;

		if (client_why(c)[0] != '\0') {
			operate(t->remote, op, &answer);
			judge_after(t, op, &answer);
			continue;
		}
		memcpy(before, t->stats->hits, sizeof(before));
		operate(t->remote, op, &answer);
		/* What it opened it closes: a fault of Close is this operation's. */
		rc = client_close_flush(c);
		if (answer.code == 0 && rc < 0)
			answer.code = rc;
		f = trial_hit_since(t, before);
		if (f)
			note_fault(t, f);
		judge_answer(t, op, f, &answer, client_why(c));
	}
}

/* The tree -------------------------------------------------------------------------------------- */

static void compare(struct trial *t, const struct tree *found, const char *by)
{
	_cleanup_str_ struct str why = STR_INIT;
	bool lost = t->judge.killed != NULL;

	if (!tree_states_match(&t->judge.states, found, lost, &why))
		trial_fail(t, CLAUSE_FLT_5, "afterwards, %s: %s", by, str_text(&why));
}

static void settle(struct backend *b)
{
	struct backend_node *root;
	struct lisafs_statx stat;

	if (b->ops->root(b, &root, &stat) == 0)
		b->ops->put(b, root);
}

/* By another connection of the same process: it also shows that others are served. */
static void reread(struct trial *t)
{
	struct backend *b = NULL;
	struct client *c = NULL;
	struct tree found;
	int rc = client_new(t->gofer.verify, t->spec->deadline_ms, &c);

	if (rc < 0) {
		trial_broken(t, "a client: %s", strerror(-rc));
		return;
	}
	(void)TAKE_FD(t->gofer.verify);
	client_wake_on(c, -1);
	rc = backend_remote_new(c, &b);
	if (rc < 0) {
		trial_fail_unless_dead(t,
				       judge_is_hang(client_why(c)) ? CLAUSE_FLT_3 : CLAUSE_FLT_6,
				       "another connection is not served afterwards",
				       client_why(c)[0] ? client_why(c) : strerror(-rc));
		client_free(c);
		return;
	}
	/* Once more is answered, the FDs that rode beside the first reply are closed. */
	settle(b);
	trial_cost(t);
	rc = operate_read_tree(b, &found);
	if (rc < 0 && client_why(c)[0] != '\0')
		trial_fail_unless_dead(t,
				       judge_is_hang(client_why(c)) ? CLAUSE_FLT_3 : CLAUSE_FLT_6,
				       "another connection afterwards", client_why(c));
	else if (!t->judge.wild && rc < 0)
		trial_fail(t, CLAUSE_FLT_5, "afterwards the tree cannot be read: %s",
			   strerror(-rc));
	else if (!t->judge.wild)
		compare(t, &found, "by another connection");
	backend_freep(&b);
}

void judge_tree(struct trial *t)
{
	struct tree found;
	_cleanup_close_ int dir = -1;
	int rc;

	if (!t->judge.states.trees || t->result->verdict == VERDICT_BROKEN)
		return;
	if (!t->judge.killed && !t->judge.no_tree && t->gofer.verify >= 0)
		reread(t);
	if (t->spec->backend != TRIAL_HOST && t->spec->backend != TRIAL_COMMAND)
		return;
	if (t->judge.wild)
		return;
	dir = openat(t->world->dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = dir < 0 ? -errno : operate_read_folder(dir, &found);
	if (rc < 0)
		trial_fail(t, CLAUSE_FLT_5, "afterwards the folder cannot be read: %s",
			   strerror(-rc));
	else
		compare(t, &found, "natively");
}

void judge_free(struct trial *t)
{
	tree_states_clear(&t->judge.states);
	t->judge.killed = NULL;
}
