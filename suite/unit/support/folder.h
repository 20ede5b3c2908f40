/* A folder of the test's own. As fixture: cmocka_unit_test_setup_teardown(t, folder_make, folder_drop). */
#ifndef HX_SUITE_UNIT_SUPPORT_FOLDER_H
#define HX_SUITE_UNIT_SUPPORT_FOLDER_H

#include <stddef.h>

struct folder {
	char *path; /* absolute */
	int fd;
};

/* *state becomes a struct folder. Both return 0, or -1 with a message. */
int folder_make(void **state);
int folder_drop(void **state);

/* Writes a file in dirfd anew, replacing one that is there. */
void folder_put(int dirfd, const char *name, const char *text);
void folder_put_n(int dirfd, const char *name, const void *bytes, size_t n);
/* The whole text of a file; owned by the caller. *ret_n may be NULL. */
char *folder_get(int dirfd, const char *name, size_t *ret_n);

#endif
