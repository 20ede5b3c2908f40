/*
 * Red cases: for every clause the thing that is sensed is corrupted, and the case must fail. A suite
 * whose detectors were not seen detecting says nothing by being green.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "suite/e2e/support/gofercert.h"

struct red {
	const char *case_id;
	const char *plant;
	const char *verdict;
	const char
		*property; /* of the fact that must show it; NULL = the run's positive controls */
};

#define A_DIRECTFS "annotation:dev.gvisor.spec.mount.a.directfs"

#define ONE "faults:at reply PWrite nth 1 following FStatFS mount 2 "

static const struct red reds[] = {
	{ "ANN-1/on.one-off:a", A_DIRECTFS "=default", "fail", "directfs" },
	{ "ANN-1/on.one-off:b", "mount-line:/b", "fail", "directfs" },
	{ "ANN-2/on.only-invalid:a", A_DIRECTFS "=default", "fail", "refused" },
	{ "ANN-2/on.only-invalid:a", A_DIRECTFS "=off", "fail", "directfs" },
	{ "ANN-4/on.one-off:c", "mount-line:/c", "fail", "directfs" },
	{ "ANN-5/on.default", "annotation:dev.gvisor.spec.mount.m1.directfs=off", "fail",
	  "directfs" },
	{ "MNT-1/on.bare:a", "mount-line:/a", "fail", "directfs" },
	{ "MNT-1/on.one-off:a", A_DIRECTFS, "fail", "directfs" },
	{ "MNT-2/off.one-off:a", "mount-line:/a", "fail", "directfs" },
	{ "ROOT-1/on.one-off", "mount-line:/", "fail", "directfs" },
	{ "FD-7/on.one-off", "leave-process", "fail", "left behind" },
	{ "FD-7/on.one-off", "leave-mount", "fail", "left behind" },
	{ "FD-7/on.one-off", "leave-file", "fail", "left behind" },
	{ "FD-7/on.one-off", "leave-socket", "fail", "left behind" },
	{ "FD-7/on.one-off", "hang", "fail", "start" },
	/* start errors: what they are about is taken away, and the container starts */
	{ "ANN-8/on.two-off", "annotation:dev.gvisor.spec.mount.z.source", "fail", "start" },
	{ "ANN-9/on.key-without-dot", "annotation:dev.gvisor.spec.mount.directfs", "fail",
	  "start" },
	{ "ROOT-3/on.rootfs-OFF", "annotation:dev.gvisor.spec.rootfs.directfs=off", "fail",
	  "start" },
	{ "CFG-1/off.override-refused", "annotation:dev.gvisor.flag.directfs", "fail", "start" },
	/* what a hint lacks is put there; what a key says is changed */
	{ "ANN-6/on.classes:no-type", "annotation:dev.gvisor.spec.mount.no-type.type=bind", "fail",
	  "directfs" },
	{ "CFG-1/off.override-on:b", "annotation:dev.gvisor.flag.directfs=false", "fail",
	  "directfs" },
	{ "ROOT-2/on.rootfs-off", "annotation:dev.gvisor.spec.rootfs.directfs=default", "fail",
	  "directfs" },
	{ "MNT-5/on.equal-container:a", A_DIRECTFS "=default", "fail", "directfs" },
	{ "MNT-6/on.mounts-64:m1", "mount-line:/m1", "fail", "directfs" },
	/* an FD dropped, doubled, swapped, added behind the model's back; one leaked into the sentry */
	{ "FD-1/on.wire:b", "tamper:b=fd-drop", "fail", "start" },
	{ "FD-1/on.wire:b", "tamper:b=fd-double", "fail", "donated FDs" },
	{ "FD-1/on.wire:b", "tamper:b=fd-other", "fail", "donates its root" },
	{ "FD-2/off.wire:b", "tamper:b=fd-add", "fail", "donated FDs" },
	{ "FD-3/on.wire:a", "tamper:a=fd-drop", "fail", "donated FDs" },
	{ "FD-3/on.wire:a", "leak-fd:a", "fail", "donated FDs that the sentry has" },
	{ "FD-4/on.no-fd-memory-default", "tamper:a=fd-add", "fail", "start" },
	{ "FD-5/on.no-fd:m", "annotation:dev.gvisor.spec.mount.m.directfs=default", "fail",
	  "start" },
	{ "FD-6/on.fd-pipe", "hang", "fail", "error text" },
	{ "PROTO-1/on.mount-empty", "hang", "fail", "error text" },
	{ "ABI-1/on.statx-136.off", "tamper:a=fd-drop", "fail", "start" },
	{ "MNT-5/on.wire-local:b", "annotation:dev.gvisor.spec.mount.b.directfs=off", "fail",
	  "directfs" },
	{ "FD-7/on.wire", "hold-file", "fail", "left behind" },
	/* what is off is not, and the other way round: the filter is as the gofer needs it */
	{ "SEC-1/on.filter-one", A_DIRECTFS "=default", "fail", "filter allows" },
	{ "SEC-3/on.filter-nothing", A_DIRECTFS "=off", "fail", "filter allows" },
	{ "SEC-6/on.filter-uds-nothing", A_DIRECTFS "=off", "fail", "filter allows" },
	/* of a pod: what one of its specs says is changed, one of it dies, somebody has more open */
	{ "POD-1/on.pod-one:x-two", "annotation:dev.gvisor.spec.mount.x.directfs=default", "fail",
	  "directfs" },
	{ "POD-2/on.pod-eight:p-before", "mount-line:/p-before", "fail", "directfs" },
	{ "POD-3/on.pod-flag:off", "lose-container:same", "fail", "alive" },
	{ "POD-3/on.pod-flag:x-off", "mount-line:/x-off", "fail", "directfs" },
	{ "ANN-13/on.pod-errors:root", "annotation:dev.gvisor.spec.rootfs.directfs", "fail",
	  "start" },
	{ "FD-8/on.pod-failed-rootfs:root", "gain-descriptor", "fail",
	  "descriptors gained a start" },
	{ "FD-8/on.pod-failed-rootfs:root", "lose-container:plain", "fail", "alive" },
	{ "FD-8/on.pod-failed-rootfs:root", "lose-container:nobody", "broken", "alive" },
	/* what is saved, or restored, is another container; one of a pod dies that was not to */
	{ "LIFE-2/restore.watch-one:first-again",
	  "annotation:dev.gvisor.spec.mount.first.directfs=default", "fail", "directfs" },
	{ "LIFE-2/restore.watch-one", "hang", "fail", "start" },
	{ "LIFE-2/restore.watch-one", "leave-file", "fail", "left behind" },
	{ "LIFE-2/restore.pod-watch-mixed:x-two-again",
	  "annotation:dev.gvisor.spec.mount.x.directfs=default", "fail", "directfs" },
	{ "LIFE-2/restore.pod-watch-mixed:three-again", "lose-container:three-again", "fail",
	  "start" },
	{ "LIFE-2/restore.deleted-new:first-again", "lose-file:src/first/.probe-h", "fail",
	  "on the host" },
	{ "LIFE-3/on.pod-gofer-killed:killed", "lose-container:sibling", "fail", "alive" },
	{ "LIFE-3/on.pod-gofer-killed:killed", "lose-container:killed", "broken", "fault fired" },
	{ "LIFE-3/off.gofer.killed", "faults:#", "broken", "fault fired" },
	{ "LIFE-4/restore.filter-one:restored",
	  "annotation:dev.gvisor.spec.mount.first.directfs=default", "fail", "filter allows" },
	{ "LIFE-4/restore.pod-filter-mixed:two-again",
	  "annotation:dev.gvisor.spec.mount.x.directfs=default", "fail", "filter allows" },
	/* kills are seen, whoever dies; a watch that is blind makes all that SEC says broken */
	{ "SEC-2/on.watch-one", "forbid-gofer", "fail", "killed by seccomp" },
	{ "SEC-2/on.watch-one", "forbid-sentry", "fail", "killed by seccomp" },
	{ "SEC-5/unset.control-gofer", "blind", "broken", "killed by seccomp" },
	{ "SEC-5/unset.control-sentry", "blind", "broken", "killed by seccomp" },
	{ "SEC-2/on.watch-one", "blind", "broken", NULL },
	{ "SEC-1/on.filter-one", "blind", "broken", NULL },
	{ "FD-1/on.wire:b", "tamper:nowhere=fd-drop", "broken", "donated FDs" },
	/* other faults than the model knows of; none at all; what was synced is lost */
	{ "FLT-1/off.one.write", ONE "errno ENOSPC", "fail", "answer" },
	{ "FLT-2/off.one.write", ONE "crash SIGKILL", "fail", "deaths" },
	{ "FLT-3/off.one.write", "hang", "fail", "hung" },
	{ "FLT-4/off.rounds.write", "forbid-gofer", "fail", "deaths" },
	{ "FLT-5/off.one.split-request", "lose-file:src/f1/.probe-fa", "fail", "on the host" },
	{ "FLT-6/off.one.write",
	  "faults:at reply PWrite nth 1 following FStatFS mount 3 errno EDQUOT", "fail", "answer" },
	{ "FLT-8/off.one.write", "leave-file", "fail", "left behind" },
	{ "FLT-1/off.one.write", "faults:#", "broken", "fault fired" },
	{ "FLT-3/off.sentry.stopped", "faults:#", "broken", "fault fired" },
	{ "FLT-5/off.one.split-request", "lose-file:nowhere", "broken", "on the host" },
	/* of FUSE mounts that are mounts' sources: another errno, none, what is behind, a sibling that hangs */
	{ "FLT-1/on.source-one.failed",
	  "faults:at fuse fsync nth 2 following mkdir mount 2 errno ENOSPC", "fail", "answer" },
	{ "FLT-5/out.source-one.failed", "lose-file:src/f1.behind/.probe-fa", "fail",
	  "on the host" },
	{ "FLT-6/out.source-mkdir.hung", "faults:at fuse mkdir nth 1 following fsync mount 1 hang",
	  "fail", "answer afterwards" },
	{ "FLT-1/on.source-one.failed", "faults:#", "broken", "fault fired" },
	/* a corruption that finds nothing to corrupt shows nothing */
	{ "MNT-1/on.bare:a", "mount-line:/nowhere", "broken", "directfs" },
	/* one sensor corrupted, the other not: never settled by precedence */
	{ "MNT-1/on.bare:a", "guest-line:/a", "broken", "directfs" },
};

static const char *const runtimes[] = { "opt-out", "refrun" };

static bool shows(struct json_object *c, const struct red *red)
{
	struct json_object *facts = NULL;

	if (!red->property)
		return strstr(json_string_or(c, "reason", ""), "planted forbidden call") != NULL;
	if (json_get_array(c, "facts", &facts, NULL) < 0)
		return false;
	for (size_t i = 0; i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if (!strcmp(json_string_or(f, "state", ""), red->verdict) &&
		    !strcmp(json_string_or(f, "property", ""), red->property))
			return true;
	}
	return false;
}

/* The deadline of a sandbox, in seconds: short where the case is that it passes. */
static const char *deadline_of(const struct red *red)
{
	return strstr(red->plant, "hang") ? "3" : "30";
}

/* False where the case is skipped here, for the reason printed. */
static bool check_red(struct scene *s, const struct red *red, const char *runtime)
{
	const char *argv[] = { "run",      "--runtime",  runtime_path(runtime),
			       "--filter", red->case_id, "--plant",
			       red->plant, "--timeout",  deadline_of(red),
			       NULL };
	bool broken = !strcmp(red->verdict, "broken");
	struct ran r;

	gofercert(s, argv, &r);
	const char *verdict = verdict_of(&r, red->case_id);
	if (verdict && !strcmp(verdict, "skip")) {
		print_message("%s on %s: %s\n", red->case_id, runtime,
			      json_string_or(case_of(&r, red->case_id), "reason", "skipped"));
		ran_clear(&r);
		return false;
	}
	if (!verdict || strcmp(verdict, red->verdict) || !shows(case_of(&r, red->case_id), red))
		fail_msg("%s on %s with %s: %s\n%s%s", red->case_id, runtime, red->plant,
			 verdict ? verdict : "not judged", str_text(&r.out), str_text(&r.err));
	assert_int_equal(r.exit, broken ? 3 : 1);
	ran_clear(&r);
	return true;
}

/* Without FUSE the reference runtime sends nothing that could be faulted. */
static bool lacks_fuse(const struct red *red, const char *runtime)
{
	return !strcmp(runtime, "refrun") && str_starts(red->case_id, "FLT-") &&
	       access("/dev/fuse", R_OK | W_OK) < 0;
}

static void test_red(void **state)
{
	const struct red *red = *state;
	struct scene s;
	size_t checked = 0;

	scene_begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (runtime_usable(runtimes[i]) && !lacks_fuse(red, runtimes[i]))
			checked += check_red(&s, red, runtimes[i]);
	assert_nothing_left(&s);
	scene_end(&s);
	if (!checked)
		skip();
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(reds)];
	char names[ARRAY_SIZE(reds)][160];

	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < ARRAY_SIZE(reds); i++) {
		snprintf(names[i], sizeof(names[i]), "%s is %s with %s planted", reds[i].case_id,
			 reds[i].verdict, reds[i].plant);
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = test_red,
			.initial_state = (void *)&reds[i],
		};
	}
	return _cmocka_run_group_tests("red", tests, ARRAY_SIZE(tests), NULL, NULL);
}
