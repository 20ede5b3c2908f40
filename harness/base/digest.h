/* SHA-256 of a file: how a target is named in records, plans and known defects. */
#ifndef HX_BASE_DIGEST_H
#define HX_BASE_DIGEST_H

#include <stddef.h>

#include "harness/base/error.h"

#define DIGEST_HEX_LEN 64

/* 64 hex digits and a NUL. */
int digest_fd(int fd, char ret_hex[DIGEST_HEX_LEN + 1], struct hx_error *err);

/* Of n bytes in memory: 0 or a negative errno. */
int digest_bytes(const void *bytes, size_t n, char ret_hex[DIGEST_HEX_LEN + 1]);

#endif
