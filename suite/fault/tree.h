/*
 * A tree as a model holds it, and as it is found: few small files.
 *
 * tree_apply() is what a script's operation does to it; a set of trees (struct tree_states) is what the answers
 * so far allow. An answered operation goes on with those trees in which it answers so; one
 * without an answer happened wholly or not at all, a write as any prefix.
 */
#ifndef HX_SUITE_FAULT_TREE_H
#define HX_SUITE_FAULT_TREE_H

#include "suite/fault/script.h"

#define TREE_ENTRIES_MAX 40u
#define TREE_FILE_MAX 256u
#define TREE_STATES_MAX 80u

struct tree_file {
	char kind; /* 'd', 'f', 'l', 's'; 0 = free */
	uint32_t mode;
	uint32_t links;
	uint32_t n;
	uint8_t bytes[TREE_FILE_MAX]; /* content, or a symlink's target */
	uint32_t synced_n;
	uint8_t synced[TREE_FILE_MAX];
	bool dirty;                      /* synced is not bytes */
	char xattr[SCRIPT_WORD_MAX + 1]; /* its name, "" = none */
	char value[SCRIPT_WORD_MAX + 1];
};

struct tree_entry {
	char path[2 * SCRIPT_WORD_MAX + 2];
	uint8_t file;
};

/* Nothing behind the counts is ever looked at: few entries are there, and trees are copied for each answer. */
struct tree {
	size_t n;
	size_t n_files; /* with free ones between them */
	struct tree_entry entries[TREE_ENTRIES_MAX];
	struct tree_file files[TREE_ENTRIES_MAX];
};

#define TREE_VALUE_MAX 1024u

/* What an operation answers: 0 or a negative errno, and what is read. */
struct tree_answer {
	int code;
	char value[TREE_VALUE_MAX];
};

/* Nothing at all; to be filled by tree_add. */
void tree_clear(struct tree *t);
/* The root alone, with its mode. */
void tree_init(struct tree *t, uint32_t root_mode);
void tree_copy(struct tree *to, const struct tree *from);
/* Adds what was found; a file that has other names gets same >= 0, the index of its file. */
int tree_add(struct tree *t, const char *path, char kind, uint32_t mode, const void *bytes,
	     size_t n, int same, int *ret_file);
void tree_apply(struct tree *t, const struct script_op *op, struct tree_answer *ret);
/*
 * Whether found is what t says, but for what may be lost where the gofer died (dirty data). *why says what
 * differs first.
 */
bool tree_matches(const struct tree *t, const struct tree *found, bool lost, struct str *why);

struct tree_states {
	struct tree *trees; /* TREE_STATES_MAX */
	size_t n;
};

int tree_states_init(struct tree_states *s, const struct tree *first);
void tree_states_clear(struct tree_states *s);
/* Goes on with what the answer allows: false where nothing does (s is as it was); *why names one. */
bool tree_states_answered(struct tree_states *s, const struct script_op *op,
			  const struct tree_answer *answer, bool value_counts, struct str *why);
/* Adds what may have happened. */
void tree_states_unanswered(struct tree_states *s, const struct script_op *op);
bool tree_states_match(const struct tree_states *s, const struct tree *found, bool lost,
		       struct str *why);

#endif
