/* Which path and kind an FD id has, as the messages tell. Private to this folder. */
#ifndef FAKEGOFER_FAULT_TRACK_H
#define FAKEGOFER_FAULT_TRACK_H

#include "fakegofer/fault/inject.h"

#define FAULT_TRACK_BUCKETS 256u
#define FAULT_TRACK_MAX 65536u /* ids of one connection that are remembered */
#define FAULT_PATH_MAX 4096u

struct fault_tracked;

struct fault_track {
	struct fault_tracked *buckets[FAULT_TRACK_BUCKETS];
	size_t n;
	/* The last request, whose reply comes next. */
	uint16_t id;
	uint8_t uses;
	bool known;
	uint16_t components; /* of a walk */
	char path[FAULT_PATH_MAX];
};

/* Looks into the frame, and fills in the event's id, path and uses; the path lives in t. */
void fault_track_frame(struct fault_track *t, const struct fault_frame *frame,
		       enum lisafs_dialect dialect, struct fault_event *ret);
void fault_track_clear(struct fault_track *t);

#endif
