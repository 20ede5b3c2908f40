/*
 * The messages around what a case is about, as a person reads them: the record's "wire" member
 * (reports/record.h). Private to observe/.
 */
#ifndef HX_OBSERVE_TRANSCRIPT_H
#define HX_OBSERVE_TRANSCRIPT_H

#include "harness/observe/files.h"
#include "harness/observe/wire_log.h"
#include "harness/spec/spec.h"

#define TRANSCRIPT_LINES 64 /* of a case that did not pass */
#define TRANSCRIPT_BRIEF 8  /* of one that did */

/*
 * At most `most` lines about subject (SUBJECT_CONTAINER: about every mount, Mount and what is no message
 * only), from the start and from the end alike, as an array; NULL where no wire was seen. *ret_left_out
 * counts what is not listed. Unreadable wires give what could be read. 0 or -ENOMEM.
 */
int transcript_make(struct wire_logs *from, const struct evidence *e, const struct spec_sandbox *s,
		    int subject, size_t most, struct json_object **ret, int64_t *ret_left_out);

#endif
