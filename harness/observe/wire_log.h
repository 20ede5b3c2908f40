/*
 * What the shim between sentry and gofer wrote (harness/interpose): one file a gofer, JSON lines, numbered
 * without a gap. Read whole, checked, and given out line by line. Private to observe/.
 */
#ifndef HX_OBSERVE_WIRE_LOG_H
#define HX_OBSERVE_WIRE_LOG_H

#include "fakegofer/lisafs/lisafs.h"
#include "harness/observe/files.h"
#include "harness/spec/spec.h"

#define WIRE_LOG_LIMIT (40u << 20) /* bytes of one file; the shim cuts itself before */
#define WIRE_CONNS_LIMIT 512u      /* connections of one gofer */
#define WIRE_FILES_LIMIT 32u       /* gofers of one sandbox */

#define WIRE_NO_SUBJECT (-3) /* a connection of no mount that the spec knows */

struct wire_line {
	const char *
		type; /* "message", "original", "closed", "death", "tamper", "cut", "end", "gofer" */
	uint64_t n;
	int conn;   /* -1 = of none */
	bool reply; /* of a message, … */
	int64_t id; /* … and its id; -1 = none */
	uint32_t length;
	bool cut;
	const char *hex; /* its payload, in the log's text or in o */
	size_t n_hex;
	struct json_object *o; /* NULL: a message with no more to tell; its hex is good */
};

struct wire_log {
	unsigned int index;          /* N of wire.N */
	size_t container;            /* of the pod, whose gofer it is */
	struct str text;             /* owns the lines without an object, … */
	struct json_object *objects; /* … and this those with one */
	struct wire_line *lines;
	size_t n;
	int subjects
		[WIRE_CONNS_LIMIT]; /* connection → a subject of that container, or WIRE_NO_SUBJECT */
	size_t n_conns;
	bool cut; /* the shim stopped recording at its limit */
};

/* wire.N of the evidence. -ENOENT where there is none; -EBADMSG names the line: a gap, or no JSON. */
int wire_log_read(const struct evidence *e, unsigned int index, const struct spec_sandbox *s,
		  struct wire_log *ret, struct hx_error *err);
void wire_log_clear(struct wire_log *l);
#define _cleanup_wire_log_ _cleanup_(wire_log_clear)

/* The wires of one sandbox, read when they are asked for first: they are long, and many ask. */
struct wire_logs {
	bool read;
	struct wire_log logs[WIRE_FILES_LIMIT];
	size_t n;            /* those that could be read, up to the first that could not */
	struct hx_error why; /* it could not be; no code = all were */
};

/* 0 also where one could not be read, which is in ret->why; -ENOMEM. */
int wire_logs_read(struct wire_logs *ret, const struct evidence *e, const struct spec_sandbox *s);
void wire_logs_clear(struct wire_logs *l);
#define _cleanup_wire_logs_ _cleanup_(wire_logs_clear)

/* A message line: is it a reply, its id, and its payload as far as it was kept (malloc'ed). */
struct wire_payload {
	uint8_t *data;
	size_t n;
	uint32_t length; /* as the header claimed */
	bool cut;
	uint16_t id;
	bool reply;
	struct json_object *fds; /* array, borrowed; NULL = none */
};

int wire_payload_of(const struct wire_line *l, struct wire_payload *ret, struct hx_error *err);
void wire_payload_clear(struct wire_payload *p);
#define _cleanup_wire_payload_ _cleanup_(wire_payload_clear)

#endif
