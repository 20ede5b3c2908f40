/* probe: what a runtime is and can do. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/engine/paths.h"
#include "harness/cmd/probing.h"
#include "harness/cmd/run.h"
#include "harness/cmd/verbs.h"

int verb_probe(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_(target_clear) struct target t = { 0 };
	_cleanup_free_ char *probe = path_helper("probe");
	enum profile found = PROFILE_LISAFS;

	if (run_open_target(o, &t, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	printf("runtime  %s\nversion  %s\nsha256   %s\n", t.path, t.version, t.sha256);
	if (t.module)
		printf("module   %s\n", t.module);
	printf("kind     %s\n", t.reference ? "refrun, the reference runtime" : "a real runtime");
	fflush(stdout);
	if (!probe || probing_profile(o, &t, probe, &found, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	printf("profile  %s%s\n", profile_name(found),
	       found < PROFILE_NEWEST ? " (behaves like it; a certificate needs the newest)" : "");
	return EXIT_CONFORMS;
}
