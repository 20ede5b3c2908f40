/* What a person sees while a run goes on: one live line on a terminal, plain lines elsewhere. */
#ifndef HX_ENGINE_LIVE_H
#define HX_ENGINE_LIVE_H

#include <stdint.h>

#include "harness/engine/engine.h"

struct live {
	bool terminal; /* stderr is one */
	bool colour;
	bool verbose;
	bool shown; /* a live line stands there now */
	uint64_t started_ms;
	uint64_t drawn_ms;
	size_t announced; /* tenths of the way that plain lines have told */
};

void live_start(struct live *l, bool verbose);
void live_progress(struct live *l, const struct engine_progress *p);
/* One finished case: a line if it is worth one. */
void live_case(struct live *l, const char *id, enum verdict v, struct json_object *line);
/* Takes the live line away. */
void live_end(struct live *l);

/* Colour is for terminals, and not where NO_COLOR is set. */
bool live_wants_colour(int fd);

#endif
