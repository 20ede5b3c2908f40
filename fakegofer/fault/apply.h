/* One function per action: what it does to the frame in hand. Private to this folder. */
#ifndef FAKEGOFER_FAULT_APPLY_H
#define FAKEGOFER_FAULT_APPLY_H

#include "fakegofer/fault/inject.h"

#define FAULT_MADE_MAX 4u

/* The frame in hand while the faults that fire at it are done. */
struct fault_work {
	struct fault_injector *injector;
	struct fault_frame frame;
	uint8_t **buffer; /* the injector's room for an altered payload */
	size_t *buffer_size;
	int *made; /* FAULT_MADE_MAX FDs that the injector closes, -1 = none */
	uint64_t random;
	bool dry; /* only whether it applies: nothing is opened */
	unsigned int copies;
	bool answer;
	bool wait;
	uint64_t hold; /* frames that pass it */
	size_t cut;
	size_t split;
	struct fault_step end; /* a terminal step, or a signal; SEND = none */
};

int fault_apply_none(struct fault_work *w, const struct fault *f);
int fault_apply_errno(struct fault_work *w, const struct fault *f);
int fault_apply_delay(struct fault_work *w, const struct fault *f);
int fault_apply_drop(struct fault_work *w, const struct fault *f);
int fault_apply_duplicate(struct fault_work *w, const struct fault *f);
int fault_apply_reorder(struct fault_work *w, const struct fault *f);
int fault_apply_truncate(struct fault_work *w, const struct fault *f);
int fault_apply_cut(struct fault_work *w, const struct fault *f);
int fault_apply_split(struct fault_work *w, const struct fault *f);
int fault_apply_corrupt(struct fault_work *w, const struct fault *f);
int fault_apply_flip(struct fault_work *w, const struct fault *f);
int fault_apply_id(struct fault_work *w, const struct fault *f);
int fault_apply_length(struct fault_work *w, const struct fault *f);
int fault_apply_short(struct fault_work *w, const struct fault *f);
int fault_apply_stale(struct fault_work *w, const struct fault *f);
int fault_apply_torn(struct fault_work *w, const struct fault *f);
int fault_apply_fd(struct fault_work *w, const struct fault *f);
int fault_apply_close(struct fault_work *w, const struct fault *f);
int fault_apply_half_close(struct fault_work *w, const struct fault *f);
int fault_apply_hang(struct fault_work *w, const struct fault *f);
int fault_apply_crash(struct fault_work *w, const struct fault *f);
int fault_apply_signal(struct fault_work *w, const struct fault *f);

/* The injector's memory of attributes: those that the file had at first, NULL = unknown. */
const uint8_t *fault_first_statx(const struct fault_injector *f, uint64_t ino);
enum lisafs_dialect fault_dialect(const struct fault_injector *f);
bool fault_is_holding(const struct fault_injector *f);
int fault_dead_fuse(struct fault_injector *f);

/* Calls fn with the offset of each Statx of a payload. */
typedef void (*fault_statx_fn)(size_t offset, void *ctx);
void fault_each_statx(enum lisafs_dialect dialect, enum lisafs_direction direction, uint16_t id,
		      const void *payload, size_t n, fault_statx_fn fn, void *ctx);

#endif
