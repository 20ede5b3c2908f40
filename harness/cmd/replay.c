/* replay: one case of faults again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/cleanup.h"
#include "harness/base/fs.h"
#include "harness/cmd/faults.h"
#include "harness/cmd/verbs.h"

static int read_case(const struct options *o, struct fault_case *ret, struct hx_error *err)
{
	const char *path = o->arguments.items[0];
	_cleanup_str_ struct str text = STR_INIT;
	bool cut = false;
	int rc = fs_read_at(AT_FDCWD, path, CASE_TEXT_MAX, &text, &cut, err);

	if (rc == 0 && cut)
		rc = hx_error_set(err, -E2BIG, "more than %u bytes", CASE_TEXT_MAX);
	if (rc == 0)
		rc = fault_case_parse(str_text(&text), text.len, ret, err);
	if (rc < 0)
		return hx_error_wrap(err, rc, "%s", path);
	if ((ret->spec.backend == TRIAL_COMMAND) != (o->faults.gofer != NULL)) {
		rc = hx_error_set(err, -EINVAL, "%s: --gofer %s", path,
				  o->faults.gofer ? "is for cases of backend command"
						  : "is needed: it is a case of backend command");
		fault_case_clear(ret);
	}
	ret->spec.command = o->faults.gofer;
	return rc;
}

int verb_replay(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_fault_case_ struct fault_case c = { 0 };
	struct trial_result r;
	int rc;

	if (read_case(o, &c, &err) < 0)
		return complain(EXIT_USAGE, "replay: %s", hx_error_text(&err));
	rc = fault_case_replay(&c, &r, &err);
	if (rc < 0)
		return complain(EXIT_BROKEN, "replay: %s", hx_error_text(&err));
	printf("expected %s%s%s\n", verdict_name(c.verdict), c.verdict == VERDICT_FAIL ? " " : "",
	       c.verdict == VERDICT_FAIL ? requirements[c.clause].id : "");
	printf("observed %s%s%s%s%s\n", verdict_name(r.verdict),
	       r.verdict == VERDICT_FAIL ? " " : "",
	       r.verdict == VERDICT_FAIL ? requirements[r.clause].id : "", r.text[0] ? ": " : "",
	       r.text);
	if (r.verdict == VERDICT_BROKEN)
		return EXIT_BROKEN;
	return rc > 0 ? EXIT_CONFORMS : EXIT_DOES_NOT;
}
