/*
 * LISAFS on its socket: framed messages with host FDs beside them.
 *
 * The socket is a Unix SOCK_STREAM one: runsc creates it so for every gofer-served mount. A frame
 * is the 8-byte header and its payload; FDs ride in SCM_RIGHTS and belong to the frame whose bytes
 * they came with. gVisor sends them with the header's first byte; FDs that come later are counted,
 * because gVisor's own receiver would drop them.
 *
 * Nothing a peer sends can make this allocate more than the limit, keep an FD without
 * close-on-exec, or lose an FD unnoticed. Receiving never reads beyond the frame, unless ahead is set.
 * Functions return 0 or:
 *	-EAGAIN		no deadline was given and it is not done; call again to go on
 *	-ETIMEDOUT	the deadline passed; likewise
 *	-ECANCELED	wake_fd became readable; likewise
 *	-ENODATA	the peer closed between two frames
 *	-EBADMSG	the peer closed in the middle of a frame
 *	-EMSGSIZE	a payload over the limit is claimed; nothing was allocated
 *	-ETOOMANYREFS	FDs did not fit (MSG_CTRUNC); those that came are closed
 *	-ENOMEM, or what the socket answered (-ECONNRESET, -EPIPE, …)
 * From -ENODATA on the direction is done for: the same answer comes again, and the FDs of the
 * unfinished frame are closed.
 * Source of the fact: gVisor, pkg/lisafs/sock.go, pkg/unet, runsc/container/container.go.
 */
#ifndef FAKEGOFER_WIRE_WIRE_H
#define FAKEGOFER_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakegofer/lisafs/lisafs.h"
#include "harness/base/cleanup.h"

#define WIRE_FDS_MAX 253u /* what the kernel lets one sendmsg carry (SCM_MAX_FD) */

/* Deadlines: milliseconds of CLOCK_MONOTONIC, or one of these. */
#define WIRE_NO_WAIT INT64_C(0)
#define WIRE_FOREVER INT64_C(-1)

/* The deadline that is ms milliseconds from now. */
int64_t wire_deadline_in(int64_t ms);

/* FDs that came with a frame, in order, all close-on-exec, owned by the frame. */
struct wire_fds {
	int fd[WIRE_FDS_MAX]; /* -1 once taken */
	size_t n;
	size_t n_late; /* how many of them came behind the first byte's read */
	size_t n_over; /* more than fit here; closed */
};

struct wire_frame {
	struct lisafs_header header;
	const uint8_t *payload; /* header.length bytes, in the wire until its next wire_recv */
	struct wire_fds fds;
};

void wire_frame_clear(struct wire_frame *frame);
#define _cleanup_wire_frame_ _cleanup_(wire_frame_clear)
#define WIRE_FRAME_INIT ((struct wire_frame){ 0 })

/* Hands FD i on; -1 where there is none. */
int wire_frame_take_fd(struct wire_frame *frame, size_t i);
/* Closes all but the first keep FDs; returns how many were closed. */
size_t wire_frame_keep_fds(struct wire_frame *frame, size_t keep);

#define WIRE_AHEAD_SIZE 16384u
#define WIRE_SPIN_OFF_MAX 4096u

/* What is being received. Private. */
struct wire_in {
	uint8_t header[LISAFS_HEADER_SIZE];
	struct lisafs_header decoded;
	size_t got; /* bytes of header and payload */
	uint8_t *payload;
	size_t cap;
	struct wire_fds fds;
	uint8_t *ahead; /* WIRE_AHEAD_SIZE bytes, where they are used */
	size_t ahead_at;
	size_t ahead_n;
	uint32_t spin_off; /* receives that will sleep at once */
	uint32_t spin_off_next;
	int broken;
};

/* One end of a connection. limit, fd_room, wake_fd, ahead and spin_us may be changed between calls. */
struct wire {
	int fd;         /* owned */
	int wake_fd;    /* -1, or an FD that interrupts waiting when readable; borrowed */
	uint32_t limit; /* most payload bytes; LISAFS_PAYLOAD_MAX at first */
	size_t fd_room; /* FDs one read has room for, WIRE_FDS_MAX at first and at most */
	/*
	 * Nobody else ever reads the socket: whole requests are read at once. FDs then belong to the
	 * frame that was being received when they came, which may be one too early. Not to be unset.
	 */
	bool ahead;
	/*
	 * Before a receive sleeps it looks again for this long, in microseconds (0 = not at all):
	 * waking a sleeper takes longer than most requests. Looking in vain is given up for a while,
	 * and for longer each time. Deadlines and wake_fd are seen that much later.
	 */
	uint32_t spin_us;
	struct wire_in in;
};

#define WIRE_INIT ((struct wire){ .fd = -1, .wake_fd = -1 })

/* Takes fd, a Unix stream socket, on success; -EPROTOTYPE for anything else. */
int wire_open(int fd, struct wire *ret);
/* Closes the socket and the FDs of an unfinished frame. */
void wire_close(struct wire *w);
#define _cleanup_wire_ _cleanup_(wire_close)

/* Receives one frame. What is in *ret is cleared first. */
int wire_recv(struct wire *w, int64_t deadline, struct wire_frame *ret);

/*
 * Something to send: a message, or any bytes a fault plan asks for. Payload and FDs are borrowed
 * until it is sent; the FDs go with the first byte.
 */
struct wire_out {
	uint8_t header[LISAFS_HEADER_SIZE];
	size_t header_size;
	const void *payload;
	size_t n;
	const int *fds;
	size_t n_fds;
	size_t sent;
};

void wire_out_message(struct wire_out *out, uint16_t id, const void *payload, uint32_t n,
		      const int *fds, size_t n_fds);
void wire_out_bytes(struct wire_out *out, const void *bytes, size_t n, const int *fds,
		    size_t n_fds);

/* Sends what is left of out. -EINVAL: too many FDs, or FDs without a byte. Never raises SIGPIPE. */
int wire_push(struct wire *w, int64_t deadline, struct wire_out *out);

/* wire_out_message and wire_push in one; a message cut off by the deadline cannot be resumed. */
int wire_send(struct wire *w, int64_t deadline, uint16_t id, const void *payload, uint32_t n,
	      const int *fds, size_t n_fds);

#endif
