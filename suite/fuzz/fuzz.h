/*
 * What the fuzzing targets share. A target is one NAME_fuzz.c with LLVMFuzzerTestOneInput(); it takes
 * its input apart with fuzz_byte() and fuzz_bytes(), which give zeros and nothing once it has ended.
 */
#ifndef HX_SUITE_FUZZ_FUZZ_H
#define HX_SUITE_FUZZ_FUZZ_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_FDS_MAX 4 /* that are stuffed beside a message */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A property that every input must keep: the fuzzer saves the one that does not. */
#define fuzz_check(holds)                                                           \
	do {                                                                        \
		if (!(holds)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds); \
			abort();                                                    \
		}                                                                   \
	} while (0)

struct fuzz_input {
	const uint8_t *data;
	size_t n;
};

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->data++;
}

/* The next bytes, at most n: how many. */
static inline size_t fuzz_bytes(struct fuzz_input *in, size_t n, const uint8_t **ret)
{
	if (n > in->n)
		n = in->n;
	*ret = in->data;
	in->data += n;
	in->n -= n;
	return n;
}

static inline size_t fuzz_size(struct fuzz_input *in)
{
	size_t low = fuzz_byte(in);

	return low | (size_t)fuzz_byte(in) << 8;
}

/* Open FDs among the first 128: more are never open here unless some leak. */
static inline int fuzz_count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 128; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* As many new FDs as the next byte asks for. */
static inline size_t fuzz_stuff_fds(struct fuzz_input *in, int ret[FUZZ_FDS_MAX])
{
	size_t n = fuzz_byte(in) % (FUZZ_FDS_MAX + 1);

	for (size_t i = 0; i < n; i++) {
		ret[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		fuzz_check(ret[i] >= 0);
	}
	return n;
}

#endif
