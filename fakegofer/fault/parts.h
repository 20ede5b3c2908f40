/* What the files of the plan share. Private to this folder. */
#ifndef FAKEGOFER_FAULT_PARTS_H
#define FAKEGOFER_FAULT_PARTS_H

#include "fakegofer/fault/fault.h"
#include "fakegofer/fault/inject.h"

struct fault_word {
	char *text;
	size_t n; /* it may hold NULs where it was quoted */
	unsigned int column;
	bool quoted;
};

#define FAULT_LINE_WORDS_MAX 32u

/* A line taken apart, and how far it was read. */
struct fault_line {
	struct fault_word words[FAULT_LINE_WORDS_MAX];
	size_t n;
	size_t at;
	unsigned int number;
	unsigned int end_column;
	struct hx_error *err;
};

/* -EINVAL with line and column of the word that is next, or of the last one read. */
int fault_wrong_next(struct fault_line *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int fault_wrong_last(struct fault_line *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The next word; NULL and an error where the line ends: what names what is missing. */
const struct fault_word *fault_next(struct fault_line *l, const char *what);
int fault_next_number(struct fault_line *l, const char *what, uint64_t most, uint64_t *ret);
/* Reads the arguments of f->action. */
int fault_parse_arguments(struct fault_line *l, struct fault *f);
void fault_print_arguments(const struct fault *f, struct str *to);
/* A word, quoted where it must be. */
void fault_print_word(const char *text, size_t n, struct str *to);

extern const char *const fault_whens[FAULT_WHEN_N];
extern const char *const fault_uses[FAULT_USE_N];
extern const char *const fault_places[FAULT_PLACE_N];

/* Index of word in names, -1 where it is none of them. */
int fault_name_index(const char *const *names, size_t n, const char *word);
/* The bits of enum fault_when that the action knows at this place. */
uint8_t fault_whens_at(const struct fault_action *a, enum fault_place place);
/* What a message's FD id names: bits (1 << enum fault_use). */
uint8_t fault_uses_of(uint16_t id);
/* Whether the layout holds attributes. */
bool fault_has_statx(uint16_t id, enum lisafs_direction direction);

#endif
