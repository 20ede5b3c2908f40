/* Running the built program from end-to-end tests: argv in, exit code, output and record out. */
#ifndef HX_SUITE_E2E_GOFERCERT_H
#define HX_SUITE_E2E_GOFERCERT_H

#include <stdbool.h>

#include "harness/base/str.h"
#include "reports/record.h"

#define ARGUMENTS_LIMIT 24

struct ran {
	int exit;             /* exit code; 128 + signal if it was killed */
	struct str out;       /* stdout */
	struct str err;       /* stderr */
	char *folder;         /* the --out folder, where it was asked for */
	struct record record; /* read from it; run = NULL where there is none */
};

/* A test's own folder, removed by scene_end with all that is in it. */
struct scene {
	char *folder;
	unsigned int runs;
};

void scene_begin(struct scene *s);
void scene_end(struct scene *s);
/* FOLDER/name; owned by the caller. */
char *scene_path(const struct scene *s, const char *name);
/* Writes an executable script of these lines; returns its path, owned by the caller. */
char *scene_script(const struct scene *s, const char *name, const char *text);

/*
 * Runs gofercert with the arguments (up to a NULL). "--out" and a fresh folder are appended where verb
 * is "run" and none is given. Fails the test if it cannot be started or outlives its deadline.
 */
void gofercert(struct scene *s, const char *const *argv, struct ran *ret);
/* The same as another user (uid and gid 65534, no groups). */
void gofercert_as_nobody(struct scene *s, const char *const *argv, struct ran *ret);
/* The signal is sent once somebody (a runtime or a gofer that the test wrote) has written to the FIFO. */
void gofercert_signalled(struct scene *s, const char *const *argv, int signal, const char *fifo,
			 struct ran *ret);
void ran_clear(struct ran *r);

/* No mount and no process of this machine names the scene's folder. */
void assert_nothing_left(const struct scene *s);

/* Paths from the environment that `make check` sets, with the build tree's as defaults. Static. */
const char *runtime_path(const char *name); /* "opt-out", "directfs", "lisafs", "refrun" */
bool runtime_usable(const char *name);      /* it is there, and this user may run it */

/* Prints, a line each, the cases (30 at most) that failed the run, with what was seen instead. */
void print_failed(const struct ran *r);
/* The case's verdict in the record, or NULL. */
const char *verdict_of(const struct ran *r, const char *case_id);
struct json_object *case_of(const struct ran *r, const char *case_id);
/* What its record shows of what was said; "" = nothing. */
const char *log_of(const struct ran *r, const char *case_id);
/* A fact of this property is why it failed. */
bool fails_by(const struct ran *r, const char *case_id, const char *property);

#endif
