/* A client that sends what none should, by hand. The gofer may answer an errno, or close. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "suite/gofer/gofer.h"

#define CLAIMED_KIB_MOST (64 << 10) /* memory that a claim alone may cost */

/* What came back to one frame. */
enum heard {
	HEARD_ERROR,
	HEARD_REPLY,
	HEARD_END,
	HEARD_NOTHING, /* before the deadline */
};

static const char *const heard_names[] = {
	[HEARD_ERROR] = "an errno",
	[HEARD_REPLY] = "a reply as to a good request",
	[HEARD_END] = "the end of the connection",
	[HEARD_NOTHING] = "nothing",
};

static enum heard hear(struct talk *t, struct wire *w, struct wire_frame *frame)
{
	int rc = wire_recv(w, wire_deadline_in(t->deadline_ms), frame);

	if (rc == 0)
		return frame->header.id == LISAFS_ERROR ? HEARD_ERROR : HEARD_REPLY;
	if (rc == -ETIMEDOUT) {
		t->late = true;
		return HEARD_NOTHING;
	}
	t->left = true;
	return HEARD_END;
}

static enum heard ask(struct talk *t, struct wire *w, uint16_t id, const void *payload, uint32_t n)
{
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

	/* an error of sending is the end, which receiving tells */
	(void)wire_send(w, wire_deadline_in(t->deadline_ms), id, payload, n, NULL, 0);
	return hear(t, w, &frame);
}

static int refused(struct talk *t, const char *what, enum heard h)
{
	return talk_check(t, "answer to", what, h == HEARD_ERROR || h == HEARD_END,
			  "an errno, or the end of the connection", heard_names[h]);
}

/* Takes the socket; mounts where it is asked to. false, with a fact, where that fails. */
static bool begin(struct talk *t, struct wire *w, bool mounted, uint64_t *ret_root)
{
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	struct lisafs_message m;
	enum lisafs_dialect d;
	enum heard h;

	if (wire_open(t->socket, w) < 0)
		return false;
	t->socket = -1;
	if (!mounted)
		return true;
	(void)wire_send(w, wire_deadline_in(t->deadline_ms), LISAFS_MOUNT, NULL, 0, NULL, 0);
	h = hear(t, w, &frame);
	if (h == HEARD_REPLY &&
	    lisafs_dialect_detect(frame.payload, frame.header.length, &d, NULL) == 0 &&
	    lisafs_decode(d, LISAFS_MOUNT, LISAFS_REPLY, frame.payload, frame.header.length, &m,
			  NULL, NULL) == 0) {
		*ret_root = m.body.mount_reply.root.control_fd;
		return true;
	}
	talk_saw(t, "mount", NULL, "a Mount reply", heard_names[h]);
	return false;
}

/* A good request after bad ones: it is answered, unless the gofer closed the connection. */
static int still_serves(struct talk *t, struct wire *w, uint64_t root)
{
	enum heard h;

	if (t->left)
		return 0;
	h = ask(t, w, LISAFS_FSTAT, &root, sizeof(root));
	return talk_saw(t, "FStat after that", NULL, heard_names[HEARD_REPLY], heard_names[h]);
}

/* A well-formed request of this kind, into buf; its size, or 0 where its body is empty. */
static size_t request(uint16_t id, uint8_t *buf, size_t cap)
{
	struct lisafs_message m = { .id = id, .direction = LISAFS_REQUEST };
	size_t n;

	return lisafs_encode(&m, buf, cap, &n, NULL) == 0 ? n : 0;
}

int gofer_truncated(struct talk *t, const void *unused)
{
	_cleanup_wire_ struct wire w = WIRE_INIT;
	uint8_t buf[256];
	uint64_t root = 0;
	int rc = 0;

	(void)unused;
	if (!begin(t, &w, true, &root))
		return 0;
	for (uint16_t id = LISAFS_FSTAT; id < LISAFS_ID_N && rc == 0 && !t->left; id++) {
		size_t n = request(id, buf, sizeof(buf));

		if (n == 0)
			continue;
		rc = refused(t, lisafs_name(id), ask(t, &w, id, buf, 0));
		if (rc == 0 && !t->left)
			rc = refused(t, lisafs_name(id), ask(t, &w, id, buf, (uint32_t)n - 1));
	}
	return rc < 0 ? rc : still_serves(t, &w, root);
}

int gofer_unknown(struct talk *t, const void *unused)
{
	static const uint16_t ids[] = { LISAFS_ERROR, LISAFS_ID_N, 200, UINT16_MAX };
	_cleanup_wire_ struct wire w = WIRE_INIT;
	uint8_t payload[16] = { 0 };
	uint64_t root = 0;
	int rc = 0;

	(void)unused;
	if (!begin(t, &w, true, &root))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(ids) && rc == 0 && !t->left; i++) {
		_cleanup_free_ char *what = str_format("message %u", ids[i]);

		rc = refused(t, what, ask(t, &w, ids[i], payload, sizeof(payload)));
	}
	return rc < 0 ? rc : still_serves(t, &w, root);
}

/* A frame whose header claims more than it has: no gofer may wait for it with the memory in hand. */
static int claim(struct talk *t, struct wire *w, uint32_t length)
{
	static const uint8_t some[64];
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	const struct lisafs_header header = { .length = length, .id = LISAFS_PWRITE };
	uint8_t bytes[LISAFS_HEADER_SIZE + sizeof(some)] = { 0 };
	struct wire_out out;
	enum heard h;

	lisafs_header_encode(&header, bytes);
	wire_out_bytes(&out, bytes, sizeof(bytes), NULL, 0);
	(void)wire_push(w, wire_deadline_in(t->deadline_ms), &out);
	h = hear(t, w, &frame);
	return talk_check(t, "answer to", "a frame that claims 4 GiB", h != HEARD_REPLY,
			  "an errno, or the end of the connection", heard_names[h]);
}

int gofer_oversized(struct talk *t, const void *unused)
{
	_cleanup_wire_ struct wire w = WIRE_INIT;
	_cleanup_free_ char *more = NULL;
	uint64_t root = 0;
	long before, after;
	int rc;

	(void)unused;
	if (!begin(t, &w, true, &root))
		return 0;
	before = t->most_kib(t->ctx);
	rc = claim(t, &w, UINT32_MAX);
	after = t->most_kib(t->ctx);
	if (rc < 0 || before < 0 || after < 0) /* it may have ended: then it has none */
		return rc;
	more = str_format("%ld KiB more", after - before);
	return talk_check(t, "memory", "a frame that claims 4 GiB",
			  after - before <= CLAIMED_KIB_MOST, "at most 64 MiB more",
			  more ? more : "");
}

int gofer_early(struct talk *t, const void *unused)
{
	_cleanup_wire_ struct wire w = WIRE_INIT;
	uint64_t id = 1, root;

	(void)unused;
	if (!begin(t, &w, false, &root))
		return 0;
	return refused(t, "FStat before Mount", ask(t, &w, LISAFS_FSTAT, &id, sizeof(id)));
}

/* Arrays that claim more elements than there are bytes. */
int gofer_many_claimed(struct talk *t, const void *unused)
{
	static const struct {
		uint16_t id;
		size_t count_at;
	} arrays[] = {
		{ LISAFS_WALK, 8 }, { LISAFS_WALKSTAT, 8 }, { LISAFS_CLOSE, 0 }, { LISAFS_FSYNC, 0 }
	};
	_cleanup_wire_ struct wire w = WIRE_INIT;
	uint8_t payload[64];
	uint64_t root = 0;
	int rc = 0;

	(void)unused;
	if (!begin(t, &w, true, &root))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(arrays) && rc == 0 && !t->left; i++) {
		memset(payload, 0xff, sizeof(payload));
		if (arrays[i].count_at)
			memcpy(payload, &root, sizeof(root));
		rc = refused(t, lisafs_name(arrays[i].id),
			     ask(t, &w, arrays[i].id, payload, sizeof(payload)));
	}
	return rc < 0 ? rc : still_serves(t, &w, root);
}

int gofer_request_fds(struct talk *t, const void *unused)
{
	_cleanup_wire_ struct wire w = WIRE_INIT;
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int fds[] = { null, null, null };
	_cleanup_free_ char *more = NULL;
	uint64_t root = 0;
	int before, after;

	(void)unused;
	if (null < 0 || !begin(t, &w, true, &root))
		return 0;
	/* once before the count, for what a first request opens for good */
	if (ask(t, &w, LISAFS_FSTAT, &root, sizeof(root)) != HEARD_REPLY)
		return talk_saw(t, "FStat", NULL, "a reply", "none");
	before = t->count_fds(t->ctx);
	for (int i = 0; i < 20 && !t->left; i++) {
		_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

		(void)wire_send(&w, wire_deadline_in(t->deadline_ms), LISAFS_FSTAT, &root,
				sizeof(root), fds, ARRAY_SIZE(fds));
		(void)hear(t, &w, &frame);
	}
	/* answered after the last of them was taken: nothing is on its way */
	if (!t->left)
		(void)ask(t, &w, LISAFS_FSTAT, &root, sizeof(root));
	after = t->count_fds(t->ctx);
	if (before < 0 || after < 0 || t->left)
		return talk_check(t, "FDs of the gofer", NULL, t->left || before < 0, "as before",
				  "not to be told");
	more = str_format("%d more", after - before);
	return talk_check(t, "FDs of the gofer", NULL, after <= before, "as before",
			  more ? more : "");
}
