/* Words on a terminal, for the summary and explain. All text from outside is escaped here. */
#ifndef HX_REPORTS_TERM_H
#define HX_REPORTS_TERM_H

#include "reports/view.h"

struct term {
	struct str out;
	bool colour;
};

enum term_style { STYLE_DIM, STYLE_BOLD, STYLE_GOOD, STYLE_BAD, STYLE_ODD, STYLE_N };

/* Text on one line, in a style. */
void term_styled(struct term *t, enum term_style style, const char *text);
void term_line(struct term *t, struct report_text text);
/* Text of several lines, each after the indent, ended by a newline. */
void term_block(struct term *t, const char *indent, struct report_text text);
/* "  name      text\n", or nothing where there is no text. */
void term_field(struct term *t, const char *name, struct report_text text);
void term_verdict(struct term *t, enum verdict v);
/* "options of /data: expected X, observed Y (source)\n", after the indent. */
void term_fact(struct term *t, const char *indent, const struct report_fact *f);
/* Target, version, digest, profile, the reference notice, the notes. */
void term_head(struct term *t, const struct report_view *v);

#endif
