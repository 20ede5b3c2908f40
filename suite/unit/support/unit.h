/* cmocka with the headers it needs, and asserts that show the text they are about. */
#ifndef HX_SUITE_UNIT_SUPPORT_UNIT_H
#define HX_SUITE_UNIT_SUPPORT_UNIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/base/cleanup.h"
#include "harness/base/error.h"
#include "harness/base/str.h"

#define _cleanup_error_ _cleanup_(hx_error_clear)

/* text contains part. */
#define assert_has(text, part)                                                    \
	do {                                                                      \
		const char *_text = (text), *_part = (part);                      \
		if (!strstr(_text, _part))                                        \
			fail_msg("\"%s\" does not contain \"%s\"", _text, _part); \
	} while (0)

/* A call with an error argument worked. */
#define assert_works(call, err)                                                   \
	do {                                                                      \
		int _r = (call);                                                  \
		if (_r < 0)                                                       \
			fail_msg("%s: %d: %s", #call, _r, hx_error_text(&(err))); \
	} while (0)

/* Two texts are equal; name says which row of a table they belong to. */
#define assert_text(name, seen, wanted)                                              \
	do {                                                                         \
		const char *_seen = (seen), *_wanted = (wanted);                     \
		if (strcmp(_seen, _wanted))                                          \
			fail_msg("%s: \"%s\", wanted \"%s\"", name, _seen, _wanted); \
	} while (0)

#endif
