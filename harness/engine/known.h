/*
 * Known defects: wrong outcomes of real targets that are listed with exactly what is wrong. One that
 * shows is xfail; one that does not is xpass and fails the run; any other failure is a fail.
 *
 * File: { "defects": [ { "cases": [GLOB…], "targets": [TARGET…], "link": text, "note": text,
 *   "sometimes"?: text, "wrong": [ { "property", "key"?, "observed": GLOB } … ] } … ] }
 * TARGET: "sha256:HEX" of the binary, or "module:PATH@VERSION" of a Go build. "wrong" lists the facts
 * that fail, all of them and no other. "sometimes" says when it shows, where that is not always: then a pass is a pass.
 */
#ifndef HX_ENGINE_KNOWN_H
#define HX_ENGINE_KNOWN_H

#include "harness/base/json.h"
#include "harness/base/verdict.h"
#include "harness/execute/target.h"

#define KNOWN_DEFECTS_LIMIT 1024

struct known_defect {
	struct strv cases;
	const char *link; /* borrowed from the document */
	const char *note;
	bool sometimes;
	struct json_object *wrong; /* borrowed */
};

struct known {
	struct json_object *document;
	struct known_defect *defects; /* those of this target only */
	size_t n;
};

/* Reads FILE and keeps the defects of target. Errors name the file and the entry. */
int known_read(const char *path, const struct target *target, struct known *ret,
	       struct hx_error *err);
/* The list that comes with gofercert; -ENOENT with an error that says what to do where it is missing. */
int known_read_own(const struct target *target, struct known *ret, struct hx_error *err);
void known_clear(struct known *k);

/*
 * The defect that the list has for this case, or NULL; *v becomes xfail or xpass where the list says
 * so: fail with exactly the listed facts → xfail, pass → xpass.
 */
const struct known_defect *known_apply(const struct known *k, const char *case_id,
				       struct json_object *facts, enum verdict *v);

#endif
