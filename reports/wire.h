/*
 * The messages of a case ("wire" of its record line) in aligned columns, FDs and notes on lines of
 * their own:
 *
 *    n  mount      message
 *   12  m3     ->  Mount request
 *   13  m3     <-  Mount reply root={control_fd=1 …} fd[0]
 *                  fd[0]  dir  O_PATH|O_DIRECTORY  mnt 123  /srv/data  kept: sentry:7
 *                  ! the shim took fd[0] out
 *
 * An arrow to the right goes to the gofer. A cell wider than WIRE_CELL_LIMIT moves its own line only.
 */
#ifndef HX_REPORTS_WIRE_H
#define HX_REPORTS_WIRE_H

#include "reports/term.h"

#define WIRE_CELL_LIMIT 32 /* characters */

/* Whether the case has messages, listed or left out. */
bool report_has_wire(const struct report_case *c);
void report_wire(struct term *t, const struct report_case *c);

#endif
