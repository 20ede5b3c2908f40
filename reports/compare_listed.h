/* Why a difference is listed (see compare.h): the part of a comparison that knows findings. Pure. */
#ifndef HX_REPORTS_COMPARE_LISTED_H
#define HX_REPORTS_COMPARE_LISTED_H

#include "reports/compare.h"

/* What is asked of two records for each of their differences, of which there are tens of thousands. Borrows all. */
struct listing {
	struct listing_side {
		struct json_object **by_row; /* the cases, sorted by row */
		size_t n;
		struct json_object **defects; /* the cases that are known defects */
		size_t n_defects;
		bool is_reference;
	} sides[COMPARE_SIDES];
	struct json_object *departures; /* an array; NULL = none */
};

/* departures: as compare_records has them. -ENOMEM. */
int listing_init(struct listing *l, const struct record *const records[COMPARE_SIDES],
		 struct json_object *departures);
void listing_clear(struct listing *l);
/* Fills in d->listed where one of the records, or the departures, say why it differs. */
void listing_explain(const struct listing *l, struct difference *d);

#endif
