/*
 * usage: seeds MESSAGES FOLDER
 *
 * Writes first inputs of the fuzzing targets: from the golden messages (fixtures/golden/lisafs) to
 * FOLDER/decode and FOLDER/client, a conversation to FOLDER/server, a filter to FOLDER/filters. The folders must be there; how a
 * target reads its input is said in its file. Exit status: 0 written, 1 not.
 */
#include "suite/fuzz/seeds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/cleanup.h"
#include "harness/base/fs.h"

#define MESSAGES_LIMIT (1u << 20)
#define CLIENT_OPERATIONS 20

struct golden {
	uint16_t id;
	enum lisafs_direction direction;
	struct str payload;
};

int seed_write(const char *folder, const char *target, const char *name, const struct str *seed)
{
	_cleanup_free_ char *path = str_format("%s/%s/%s", folder, target, name);

	if (!path || str_ok(seed) < 0)
		return -ENOMEM;
	return fs_write_at(AT_FDCWD, path, seed->data, seed->len, 0644, NULL);
}

static int write_golden(const char *folder, const char *target, const struct golden *g,
			const struct str *seed)
{
	_cleanup_free_ char *name =
		str_format("%s-%s", lisafs_name(g->id), lisafs_direction_name(g->direction));

	return name ? seed_write(folder, target, name, seed) : -ENOMEM;
}

void seed_add_size(struct str *s, size_t n)
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
	return write_golden(folder, "decode", g, &s);
}

/* A chunk of the client's input: the frame, with as many FDs as its row has at least. */
static void add_frame(struct str *s, const struct golden *g)
{
	const struct lisafs_header h = { .length = (uint32_t)g->payload.len, .id = g->id };
	uint8_t bytes[LISAFS_HEADER_SIZE];

	lisafs_header_encode(&h, bytes);
	str_add_char(s, (char)lisafs_fds_allowed(g->id, g->direction).min);
	seed_add_size(s, sizeof(bytes) + g->payload.len);
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
	return write_golden(folder, "client", g, &s);
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
			ret[n++].direction =
				str_eq(direction, "reply") ? LISAFS_REPLY : LISAFS_REQUEST;
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
	}
	if (r == 0)
		r = seed_server(argv[2]);
	if (r == 0)
		r = seed_filters(argv[2]);
	for (size_t i = 0; i < n; i++)
		str_clear(&golden[i].payload);
	return r == 0 ? 0 : 1;
}
