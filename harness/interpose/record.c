#include "harness/interpose/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "harness/interpose/line.h"

#define PAGE ((off_t)4096)

int record_open(int dirfd, struct record *ret)
{
	for (unsigned int i = 1; i <= RECORD_FILES_LIMIT; i++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "wire.%u", i);
		fd = openat(dirfd, name,
			    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return -errno;
		*ret = (struct record){ .fd = fd };
		return 0;
	}
	return -EMFILE;
}

void record_close(struct record *r)
{
	str_clear(&r->line);
	close_fd(&r->fd);
}

void record_begin(struct record *r, const char *type)
{
	r->line.len = 0;
	str_printf(&r->line, "{\"n\":%" PRIu64 ",\"type\":\"%s\"", r->n + 1, type);
}

void record_int(struct record *r, const char *key, int64_t v)
{
	str_printf(&r->line, ",\"%s\":%" PRId64, key, v);
}

void record_bool(struct record *r, const char *key, bool v)
{
	str_printf(&r->line, ",\"%s\":%s", key, v ? "true" : "false");
}

void record_text(struct record *r, const char *key, const char *text)
{
	if (!text)
		return;
	str_printf(&r->line, ",\"%s\":", key);
	line_quote(&r->line, text);
}

void record_hex(struct record *r, const char *key, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;
	char chunk[512];

	str_printf(&r->line, ",\"%s\":\"", key);
	for (size_t done = 0; done < n;) {
		size_t k = 0;

		for (; k + 2 <= sizeof(chunk) && done < n; done++) {
			chunk[k++] = digits[from[done] >> 4];
			chunk[k++] = digits[from[done] & 15];
		}
		str_add_n(&r->line, chunk, k);
	}
	str_add_char(&r->line, '"');
}

/* Room for one short line, at the price of the last page of those before. */
static void write_lost(struct record *r, int error)
{
	struct stat st;
	char text[96];
	int n = snprintf(text, sizeof(text),
			 "\n{\"n\":%" PRIu64 ",\"type\":\"lost\",\"errno\":%d}\n", r->n + 2,
			 -error);

	r->failed = true;
	if (fstat(r->fd, &st) < 0 || st.st_size == 0 ||
	    ftruncate(r->fd, (st.st_size - 1) / PAGE * PAGE) < 0)
		return;
	(void)!write(r->fd, text, (size_t)n);
}

uint64_t record_end(struct record *r)
{
	ssize_t n;

	if (r->failed || r->fd < 0)
		return 0;
	str_add(&r->line, "}\n");
	if (str_ok(&r->line) < 0 || r->line.len > RECORD_LINE_LIMIT) {
		write_lost(r, -ENOMEM);
		return 0;
	}
	do {
		n = write(r->fd, r->line.data, r->line.len);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)r->line.len) {
		write_lost(r, n < 0 ? -errno : -ENOSPC);
		return 0;
	}
	r->bytes += r->line.len;
	return ++r->n;
}

uint64_t record_end_message(struct record *r)
{
	if (r->cut)
		return 0;
	if (r->bytes + r->line.len <= RECORD_FILE_LIMIT)
		return record_end(r);
	r->cut = true;
	record_begin(r, "cut");
	record_end(r);
	return 0;
}
