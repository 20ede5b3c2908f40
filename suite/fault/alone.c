/* One run in a process of its own: whatever becomes of it, a result comes of it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "harness/base/cleanup.h"
#include "suite/fault/sweep.h"

static void broken(struct trial_result *r, const char *text)
{
	*r = (struct trial_result){ .verdict = VERDICT_BROKEN, .clause = CLAUSE_NONE };
	snprintf(r->text, sizeof(r->text), "%s", text);
}

static void child(const struct trial_spec *spec, const struct script *script,
		  const struct fault_plan *plan, struct trial_result *r)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	struct fault_plan none = { .seed = 1 };
	struct trial_world *w = NULL;

	if (trial_world_new(spec, &w, &err) < 0) {
		broken(r, hx_error_text(&err));
		return;
	}
	trial_run(w, spec, script, &none, NULL, r);
	if (r->verdict == VERDICT_PASS && plan->n > 0)
		trial_run(w, spec, script, plan, NULL, r);
	if (trial_world_free(w, &err) < 0 && r->verdict == VERDICT_PASS) {
		r->verdict = VERDICT_FAIL;
		r->clause = CLAUSE_FLT_8;
		snprintf(r->text, sizeof(r->text), "%s", hx_error_text(&err));
	}
}

int trial_alone(const struct trial_spec *spec, const struct script *script,
		const struct fault_plan *plan, struct trial_result *ret, struct hx_error *err)
{
	struct trial_result *r =
		mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid();
	int status = 0;
	pid_t pid;

	if (r == MAP_FAILED)
		return hx_error_errno(err, -errno, "shared memory");
	broken(r, "nothing was run");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			child(spec, script, plan, r);
		_exit(EXIT_SUCCESS);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && status != 0) {
		r->verdict = VERDICT_FAIL;
		r->clause = CLAUSE_FLT_2;
		snprintf(r->text, sizeof(r->text), "the client died: status 0x%x",
			 (unsigned int)status);
	}
	*ret = *r;
	munmap(r, sizeof(*r));
	return pid < 0 ? hx_error_errno(err, -errno, "fork") : 0;
}
