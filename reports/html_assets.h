/* The page's parts, embedded as they are: reports/html/page.html, page.css and the scripts. */
#ifndef HX_REPORTS_HTML_ASSETS_H
#define HX_REPORTS_HTML_ASSETS_H

#include "reports/text.h"

enum html_asset {
	ASSET_PAGE,
	ASSET_STYLE,
	ASSET_SCRIPT, /* matrix.js, case.js and page.js, one after the other */
	ASSET_N,
};

struct report_text html_asset(enum html_asset which);

#endif
