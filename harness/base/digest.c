#include "harness/base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "harness/base/cleanup.h"

static void context_freep(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static int finish(EVP_MD_CTX *c, char ret_hex[DIGEST_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_DigestFinal_ex(c, sum, &n) != 1 || 2 * n != DIGEST_HEX_LEN)
		return -EIO;
	for (unsigned int i = 0; i < n; i++) {
		ret_hex[2 * i] = digits[sum[i] >> 4];
		ret_hex[2 * i + 1] = digits[sum[i] & 15];
	}
	ret_hex[DIGEST_HEX_LEN] = '\0';
	return 0;
}

int digest_fd(int fd, char ret_hex[DIGEST_HEX_LEN + 1], struct hx_error *err)
{
	_cleanup_(context_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char chunk[65536];
	off_t at = 0;

	if (!c || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1)
		return hx_error_set(err, -ENOMEM, "SHA-256 cannot be started");
	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof(chunk), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hx_error_errno(err, -errno, "read");
		if (n == 0)
			break;
		if (EVP_DigestUpdate(c, chunk, (size_t)n) != 1)
			return hx_error_set(err, -EIO, "SHA-256 failed");
		at += n;
	}
	return finish(c, ret_hex) < 0 ? hx_error_set(err, -EIO, "SHA-256 failed") : 0;
}

int digest_bytes(const void *bytes, size_t n, char ret_hex[DIGEST_HEX_LEN + 1])
{
	_cleanup_(context_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (!c || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(c, bytes, n) != 1)
		return -ENOMEM;
	return finish(c, ret_hex);
}
