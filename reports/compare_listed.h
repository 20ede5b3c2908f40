/* Why a difference is listed (see compare.h): the part of a comparison that knows findings. Pure. */
#ifndef HX_REPORTS_COMPARE_LISTED_H
#define HX_REPORTS_COMPARE_LISTED_H

#include "reports/compare.h"

/* Fills in d->listed where one of the records, or the departures (NULL = none), say why it differs. */
void compare_list(const struct record *const records[COMPARE_SIDES], struct json_object *departures,
		  struct difference *d);

#endif
