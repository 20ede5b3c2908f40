#include "harness/base/digest.h"

#include <errno.h>
#include <sha2.h>
#include <stdint.h>
#include <unistd.h>

int digest_fd(int fd, char ret_hex[DIGEST_HEX_LEN + 1], struct hx_error *err)
{
	SHA2_CTX ctx;
	uint8_t chunk[65536];
	off_t at = 0;

	SHA256Init(&ctx);
	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof(chunk), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hx_error_errno(err, -errno, "read");
		if (n == 0)
			break;
		SHA256Update(&ctx, chunk, (size_t)n);
		at += n;
	}
	SHA256End(&ctx, ret_hex);
	return 0;
}

void digest_bytes(const void *bytes, size_t n, char ret_hex[DIGEST_HEX_LEN + 1])
{
	SHA256Data(bytes, n, ret_hex);
}
