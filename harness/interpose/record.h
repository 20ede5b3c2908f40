/*
 * DIR/wire.N: what went over the wire, as JSON lines numbered from 1 without a gap.
 *
 * Each line is one write(), made before what it tells of is passed on, so whatever a peer received is
 * in the file even where the shim is killed (stock runtimes kill their gofers when the sandbox is gone;
 * the line "end" is then missing). On a write error the last page is given back and the line "lost" ends the
 * file: its number does not follow the one before.
 *
 *	{"n":1,"type":"gofer","argv":[…],"pid":P,"conns":[{"conn":0,"ordinal":0,"conf":"lisafs:self",
 *	  "gofer":"stock"}…],"traced":bool,"telling":bool}	telling: of issued calls
 *	{"n","type":"message","conn","dir":"request"|"reply","id","length","data":hex,"cut":bool,
 *	  "fds":[…],…} and where they apply: "late":FDs that came behind the first byte,"via":"channel",
 *	  "own":true (the shim's answer),"faulted":true (by the plan),"tampered":"NAME","channel":"added"|"removed"|"unreadable" (what
 *	  became of Channel in the Mount reply's list)
 *	{"n","type":"original","conn","of":n,"id","length","data","cut","fds"}	what came instead
 *	{"n","type":"tamper","name","conn","fired":1}
 *	{"n","type":"fault","conn","line":L,"fired":1,"id","dir"}	line L of the fault plan fired; "played":false
 *					where a channel has no way to do it. The messages behind it are as they went
 *	{"n","type":"closed","conn","side":"sentry"|"gofer","why","half":bool}
 *	{"n","type":"death","of":"gofer"|"fake","conn","signal"|"exit"} and, of a gofer that seccomp killed
 *	  while its plan has "deaths": "tid","syscall":N,"args":["0x…" six times]
 *	{"n","type":"issued","syscall":N}	the gofer's first such call since it answered a message
 *	{"n","type":"filter","late":bool}	it installs one; late: after its first answer. If "telling"
 *	{"n","type":"cut"}		the file is full; no message follows
 *	{"n","type":"failed","error"}	the shim could not begin
 *	{"n","type":"end"}
 * FDs: {"type","dev":"maj:min","ino","flags":octal text of F_GETFL,"mnt","target","held"}.
 */
#ifndef HX_INTERPOSE_RECORD_H
#define HX_INTERPOSE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/str.h"

#define RECORD_FILES_LIMIT 512        /* wire.1 to wire.512 in one folder */
#define RECORD_FILE_LIMIT (32u << 20) /* bytes of message lines in one file */
#define RECORD_DATA_LIMIT 4096u       /* payload bytes shown of a message */
#define RECORD_LINE_LIMIT (5u << 20)  /* one line: a Mount reply is shown whole */

struct record {
	int fd;     /* -1 = none */
	uint64_t n; /* of the last line */
	size_t bytes;
	bool cut;
	bool failed;
	struct str line; /* the one being composed */
};

#define RECORD_INIT ((struct record){ .fd = -1 })

/* Creates the first free wire.N below dirfd. 0 or a negative errno. */
int record_open(int dirfd, struct record *ret);
void record_close(struct record *r);

/* One line: begin, any number of adds, end. End returns the line's number, 0 where it was not written. */
void record_begin(struct record *r, const char *type);
void record_int(struct record *r, const char *key, int64_t v);
void record_bool(struct record *r, const char *key, bool v);
void record_text(struct record *r, const char *key, const char *text); /* NULL adds nothing */
void record_hex(struct record *r, const char *key, const void *bytes, size_t n);
uint64_t record_end(struct record *r);
/* The same for a line that falls away when the file is full. */
uint64_t record_end_message(struct record *r);

#endif
