/*
 * The server on any requests, over a tree in memory: whatever it answers decodes, an error is an
 * errno, no FD stays open that rode in or was donated, and nothing leaks.
 * Input: two bytes of options; then requests, until it ends: id, the number of FDs, the size (two
 * bytes), the payload.
 */
#include "suite/fuzz/fuzz.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakegofer/server/server.h"

#define ERRNO_MAX 4095u
#define REQUESTS 256 /* of one input: time */

static void check_reply(enum lisafs_dialect dialect, uint16_t asked, uint16_t id,
			const void *payload, uint32_t n, size_t n_fds)
{
	const struct lisafs_fds fds = lisafs_fds_allowed(id, LISAFS_REPLY);
	struct lisafs_message reply;

	fuzz_check(id == asked || id == LISAFS_ERROR);
	fuzz_check(lisafs_decode(dialect, id, LISAFS_REPLY, payload, n, &reply, NULL, NULL) == 0);
	fuzz_check(n_fds >= fds.min && n_fds <= fds.max);
	if (id == LISAFS_ERROR)
		fuzz_check(reply.body.error.error - 1 < ERRNO_MAX);
}

static void handle(struct server *s, enum lisafs_dialect dialect, struct fuzz_input *in)
{
	uint16_t asked = fuzz_byte(in) % (LISAFS_ID_N + 2), id = 0;
	int fds[FUZZ_FDS_MAX], ret_fds[LISAFS_FDS_MAX];
	size_t n_fds = fuzz_stuff_fds(in, fds), ret_n_fds = 0;
	const uint8_t *bytes;
	size_t n = fuzz_bytes(in, fuzz_size(in), &bytes);
	uint8_t *payload = malloc(n + 1); /* of exactly its size: reading past it shows */
	const void *reply = NULL;
	uint32_t ret_n = 0;

	fuzz_check(payload);
	memcpy(payload, bytes, n);
	int r = server_handle(s, asked, payload, (uint32_t)n, fds, n_fds, &id, &reply, &ret_n,
			      ret_fds, &ret_n_fds);
	free(payload);
	fuzz_check(r == 0);
	check_reply(dialect, asked, id, reply, ret_n, ret_n_fds);
	for (size_t i = 0; i < ret_n_fds; i++)
		fuzz_check(close(ret_fds[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz_input in = { data, n };
	uint8_t dialect = fuzz_byte(&in) % LISAFS_DIALECT_N, flags = fuzz_byte(&in);
	const struct server_options options = {
		.dialect = dialect,
		.donate = flags & 1,
		.readonly = flags & 2,
	};
	struct backend *tree = NULL;
	struct server *s = NULL;
	int sockets[2], before = fuzz_count_fds();

	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
	fuzz_check(backend_memory_new(&tree) == 0);
	fuzz_check(server_new(sockets[0], tree, &options, &s) == 0);
	for (int i = 0; in.n && i < REQUESTS; i++)
		handle(s, dialect, &in);
	server_free(s);
	backend_freep(&tree);
	close(sockets[1]);
	fuzz_check(fuzz_count_fds() == before);
	return 0;
}
