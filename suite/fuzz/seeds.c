/*
 * usage: seeds MESSAGES FOLDER
 *
 * Writes first inputs of the fuzzing targets from the golden messages (fixtures/golden/lisafs):
 * FOLDER/decode, FOLDER/client, FOLDER/server, which must be there; how each target reads its input
 * is said in its file. Exit status: 0 written, 1 not.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fakegofer/lisafs/lisafs.h"
#include "harness/base/cleanup.h"
#include "harness/base/fs.h"
#include "harness/base/str.h"

#define MESSAGES_LIMIT (1u << 20)
#define CLIENT_OPERATIONS 20

struct golden {
	uint16_t id;
	enum lisafs_direction direction;
	struct str payload;
};

static int write_seed(const char *folder, const char *target, const struct golden *g,
		      const struct str *seed)
{
	_cleanup_free_ char *path = str_format("%s/%s/%s-%s", folder, target, lisafs_name(g->id),
					       lisafs_direction_name(g->direction));

	if (!path || str_ok(seed) < 0)
		return -1;
	return fs_write_at(AT_FDCWD, path, seed->data, seed->len, 0644, NULL);
}

/* Two bytes of the size, as the targets read it. */
static void add_size(struct str *s, size_t n)
{
	str_add_char(s, (char)(n & 0xff));
	str_add_char(s, (char)(n >> 8));
}

static int decode_seed(const char *folder, const struct golden *g)
{
	_cleanup_str_ struct str s = STR_INIT;

	str_add_char(&s, (char)(g->direction * LISAFS_DIALECT_N));
	str_add_char(&s, (char)g->id);
	str_add_n(&s, g->payload.data, g->payload.len);
	return write_seed(folder, "decode", g, &s);
}

/* A chunk of the client's input: the frame, with as many FDs as its row has at least. */
static void add_frame(struct str *s, const struct golden *g)
{
	const struct lisafs_header h = { .length = (uint32_t)g->payload.len, .id = g->id };
	uint8_t bytes[LISAFS_HEADER_SIZE];

	lisafs_header_encode(&h, bytes);
	str_add_char(s, (char)lisafs_fds_allowed(g->id, g->direction).min);
	add_size(s, sizeof(bytes) + g->payload.len);
	str_add_n(s, bytes, sizeof(bytes));
	str_add_n(s, g->payload.data, g->payload.len);
}

/* Every operation is asked for; Mount, FStat and Walk come first, then the message, a few times. */
static int client_seed(const char *folder, const struct golden *mount, const struct golden *stat,
		       const struct golden *walk, const struct golden *g)
{
	_cleanup_str_ struct str s = STR_INIT;

	if (g->direction != LISAFS_REPLY)
		return 0;
	str_add_char(&s, CLIENT_OPERATIONS);
	for (int i = 0; i < CLIENT_OPERATIONS; i++)
		str_add_char(&s, (char)i);
	add_frame(&s, mount);
	add_frame(&s, stat);
	add_frame(&s, walk);
	add_frame(&s, g);
	return write_seed(folder, "client", g, &s);
}

/* Mount, and the request. */
static int server_seed(const char *folder, const struct golden *g)
{
	_cleanup_str_ struct str s = STR_INIT;

	if (g->direction != LISAFS_REQUEST)
		return 0;
	add_size(&s, 0); /* options */
	str_add_n(&s, "\x01\0\0\0", 4);
	str_add_char(&s, (char)g->id);
	str_add_char(&s, 0);
	add_size(&s, g->payload.len);
	str_add_n(&s, g->payload.data, g->payload.len);
	return write_seed(folder, "server", g, &s);
}

static void add_hex(struct str *s, const char *line)
{
	unsigned int byte;

	for (; sscanf(line, "%2x", &byte) == 1; line += 2)
		str_add_char(s, (char)byte);
}

/* "@ NAME DIRECTION", then lines of hex. */
static size_t read_golden(const struct strv *lines, struct golden *ret, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++) {
		const char *line = lines->items[i];
		char name[32], direction[16];

		if (sscanf(line, "@ %31s %15s", name, direction) == 2 && n < cap &&
		    lisafs_id(name, &ret[n].id) == 0)
			ret[n++].direction = str_eq(direction, "reply") ? LISAFS_REPLY
									: LISAFS_REQUEST;
		else if (n && strspn(line, "0123456789abcdef") == strlen(line))
			add_hex(&ret[n - 1].payload, line);
	}
	return n;
}

static const struct golden *find(const struct golden *g, size_t n, uint16_t id)
{
	for (size_t i = 0; i < n; i++)
		if (g[i].id == id && g[i].direction == LISAFS_REPLY)
			return &g[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static struct golden golden[LISAFS_ID_N * LISAFS_DIRECTION_N];
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	size_t n = 0;
	int r = 0;

	if (argc != 3 || fs_read_at(AT_FDCWD, argv[1], MESSAGES_LIMIT, &text, NULL, NULL) < 0 ||
	    strv_split(&lines, str_text(&text), '\n') < 0)
		return 1;
	n = read_golden(&lines, golden, ARRAY_SIZE(golden));
	const struct golden *mount = find(golden, n, LISAFS_MOUNT);
	const struct golden *stat = find(golden, n, LISAFS_FSTAT);
	const struct golden *walk = find(golden, n, LISAFS_WALK);
	if (!mount || !stat || !walk)
		return 1;
	for (size_t i = 0; i < n && r == 0; i++) {
		r = decode_seed(argv[2], &golden[i]);
		if (r == 0)
			r = client_seed(argv[2], mount, stat, walk, &golden[i]);
		if (r == 0)
			r = server_seed(argv[2], &golden[i]);
	}
	for (size_t i = 0; i < n; i++)
		str_clear(&golden[i].payload);
	return r == 0 ? 0 : 1;
}
