/*
 * Descriptor numbers of a shim that an inspector may rely on. Numbers, because an inspector must not parse
 * what a target had a hand in (the wire records).
 *
 * FD i (from 0) of connection k's Mount reply is kept open as SHIM_HELD_FIRST + k * SHIM_HELD_FDS + i.
 */
#ifndef HX_INTERPOSE_HELD_H
#define HX_INTERPOSE_HELD_H

#define SHIM_CONNECTIONS_LIMIT 256 /* served by one shim; a gofer with more is refused */
#define SHIM_HELD_FDS 32           /* FDs kept of one Mount reply; further ones are not */
#define SHIM_GOFER_FD 4094         /* a pidfd of the real gofer */
#define SHIM_WIRE_FD 4095          /* DIR/wire.N, for appending */
#define SHIM_HELD_FIRST 4096
#define SHIM_HELD_END (SHIM_HELD_FIRST + SHIM_CONNECTIONS_LIMIT * SHIM_HELD_FDS)

static inline int shim_held(unsigned int conn, unsigned int i)
{
	return SHIM_HELD_FIRST + (int)(conn * SHIM_HELD_FDS + i);
}

#endif
