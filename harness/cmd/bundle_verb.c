/* bundle: the OCI bundle of a case's first sandbox, to be run by hand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/engine/paths.h"
#include "harness/cmd/verbs.h"
#include "harness/execute/bundle.h"
#include "suite/plan/plan.h"

static void print_flags(const struct spec_flags *f, enum profile profile, const char *folder)
{
	_cleanup_strv_ struct strv flags = STRV_INIT;

	printf("RUNTIME --root %s/root --network none --ignore-cgroups", folder);
	if (spec_runtime_flags(f, profile, &flags) >= 0)
		for (size_t i = 0; i < flags.n; i++)
			printf(" %s", flags.items[i]);
}

/* The second half of its containers is what they are restored as; annotations name the sandbox by its id. */
static void print_restore(const struct spec_sandbox *s, enum profile profile, const char *folder)
{
	printf("# create and start it as " SPEC_CONTAINER_ID
	       " instead, and what else is in its pod; RUNTIME … checkpoint --image-path=%s/image " SPEC_CONTAINER_ID
	       "; delete all; then\n",
	       folder);
	for (size_t k = spec_saved(s); k <= s->n_containers; k++) {
		_cleanup_free_ char *id = spec_container_id(k, 0);

		print_flags(&spec_container(s, k)->flags, profile, folder);
		printf(" restore -detach -bundle %s/bundle-%s --image-path=%s/image %s\n", folder,
		       spec_container(s, k)->id, folder, id ?: "again");
	}
}

static void print_command(const struct spec_sandbox *s, enum profile profile, const char *folder)
{
	print_flags(&s->flags, profile, folder);
	printf(" run -bundle %s/bundle by-hand\n", folder);
	if (spec_is_restored(s))
		print_restore(s, profile, folder);
	else if (s->n_containers)
		printf("# a pod: create and start the sandbox as " SPEC_CONTAINER_ID
		       " instead, then the others from %s/bundle-*\n",
		       folder);
	if (s->lifecycle == SPEC_EXEC)
		printf("# its guest waits for SIGTERM after its report: RUNTIME … kill by-hand TERM\n");
}

int verb_bundle(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_plan_ struct plan plan = { 0 };
	const struct plan_depth depth = options_depth(o);
	_cleanup_free_ char *probe = path_helper("probe");
	const char *to = o->arguments.items[1];

	if (plan_make(o->profile, &depth, &plan, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	const struct plan_case *c = plan_find(&plan, o->arguments.items[0]);
	if (!c)
		return complain(EXIT_USAGE, "there is no case %s; `gofercert list` shows them",
				o->arguments.items[0]);
	if (mkdir(to, 0755) < 0)
		return complain(EXIT_USAGE, "make the folder %s: %s", to, strerror(errno));
	_cleanup_free_ char *folder = realpath(to, NULL);
	_cleanup_close_ int fd = folder ? fs_open_dir(AT_FDCWD, folder) : -1;
	const struct spec_sandbox *s = &plan.sandboxes[c->places[0].sandbox];
	if (!probe || fd < 0)
		return complain(EXIT_BROKEN, "open the folder %s", to);
	const struct bundle_from from = { folder, probe, NULL };
	if (bundle_build(s, fd, &from, -1, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	print_command(s, plan.profile, folder);
	return EXIT_CONFORMS;
}
