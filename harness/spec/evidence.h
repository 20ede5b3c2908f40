/*
 * The evidence folder: all that was seen of one sandbox, raw. The only thing that the privileged
 * executor and the unprivileged judge share.
 *
 * A flat folder of regular files. The executor parses nothing of what a target wrote; the judge opens
 * no path: it is handed the files by descriptor.
 *
 *   spec.json         the sandbox and its cases, as planned (spec_to_json, judge cases); written first
 *   config.json       the OCI configuration as executed; config.ID.json of each further container of a pod
 *   N-VERB.stdout     N = 1, 2, …: step N's output, at most EVIDENCE_OUTPUT_LIMIT bytes
 *   N-VERB.stderr
 *   log.NAME          a debug log file of the runtime, NAME as the runtime called it
 *   before.WHAT       the world before the first step; WHAT = processes, mounts, files, sockets,
 *                     descriptors
 *   after.WHAT        … and after the last one, once every child that was to end had ended
 *   wire.N            what passed between sentry and gofer N = 1, 2, …: lines of JSON, numbered
 *                     (harness/interpose); N-inspect.stdout: the sentry's descriptors, likewise
 *   N-filters.stdout  live seccomp filters of gofers and sentries (harness/spec/filters.h)
 *   N-descriptors.stdout  what gofers and sentries have open: KIND TAB BUNDLE TAB FD TAB TARGET each, then "end"
 *   interposed.json   { "gofers": N, "sentries": N, "stops": N } that the interposer saw start; where deaths
 *                     by seccomp are kept, "deaths": [ { "of", "index", "tid", "signal", "syscall", "args" } … ] and
 *                     "traced": [ { "pid", "signal"?, "exit"? } … ] of the sentries that stayed so
 *   fuse.json         of sources that are FUSE mounts of ours: { "faults": [ { "mount", "line", "fired": N } … ],
 *                     "operations": { ID: { OPERATION: N, … }, … } } since the guest began, with SPEC_BEGUN_SOURCE
 *   gofers.json       of mounts that a command serves: { "command": [ word … ], "gofers": [ { "mount": ID, "pid"? (absent: it was
 *                     not started), "failed"?: why not, "exit"? or "signal"? or "killed"?: "waiting" or "working" where it
 *                     did not end } … ] }; gofer.ID: what it said, tool.ID.PID: what a memory checker reports of each of
 *                     its processes
 *   N-again.stdout    the report of a second process in what was restored, whose first one has reported before
 *   sources           SUBJECT TAB MAJOR:MINOR TAB INODE of each mount's host object, rootfs too
 *   deadline.PID      /proc of one process at the deadline: status, stack, wchan, syscall, FDs
 *   steps.json        argv, status and time of every step; written by the world when it is done
 *   manifest.json     written last; without it the evidence is incomplete
 *
 * before/after files hold one line an object, tab-separated, sorted:
 *   processes  COMM TAB CMDLINE      (blanks for NULs), the world's own init left out
 *   mounts     MOUNTPOINT TAB FSTYPE TAB SOURCE
 *   files      TYPE TAB PATH         TYPE = d f l s p c b; PATH relative to the scratch folder
 *   sockets    PATH                  bound AF_UNIX paths below the scratch folder
 *   descriptors  COMM TAB PATH       what a process has open below the scratch folder
 * with \t, \n and \\ in a field written as those two characters, and SPEC_SCRATCH for the scratch path.
 *
 * manifest.json: { "format": EVIDENCE_FORMAT, "sandbox": ID, "profile": NAME, "scratch": PATH,
 *   "target": { "path", "kind", "version", "sha256" }, "world": "namespaces" | "user-namespace" |
 *   "plain", "ended": "done" | "deadline" | "crashed" | "interrupted", "status": wait status of the
 *   world's init, "note": text or absent, "plant": NAME or absent,
 *   "files": { NAME: bytes, … } of every file but the manifest }
 * steps.json: [ { "verb", "container": N (of a pod, 0 left out), "argv": […], "exit": N or "signal": N, "ms": N,
 *   "stdout_cut": bool, "stderr_cut": bool, "log_cut": bool } … ]
 */
#ifndef HX_SPEC_EVIDENCE_H
#define HX_SPEC_EVIDENCE_H

#define EVIDENCE_FORMAT 2
#define EVIDENCE_NOT_FIRED \
	"the plant did not fire" /* how such a note begins: the run shows nothing */

#define EVIDENCE_OUTPUT_LIMIT (8u << 20) /* bytes kept of one step's stdout or stderr */
#define EVIDENCE_LOG_LIMIT (16u << 20)   /* bytes kept of one log file */
#define EVIDENCE_LOGS_LIMIT 128          /* log files of one sandbox */
#define EVIDENCE_SAID_LIMIT (64u << 10)  /* bytes kept of what one command said */
#define EVIDENCE_FILES_LIMIT 512         /* files in one evidence folder */

#define EVIDENCE_SPEC "spec.json"
#define EVIDENCE_CONFIG "config.json"
#define EVIDENCE_STEPS "steps.json"
#define EVIDENCE_MANIFEST "manifest.json"
#define EVIDENCE_LOG_PREFIX "log."
#define EVIDENCE_DEADLINE_PREFIX "deadline."
#define EVIDENCE_WIRE_PREFIX "wire."
#define EVIDENCE_INTERPOSED "interposed.json"
#define EVIDENCE_SOURCES "sources"
#define EVIDENCE_FUSE "fuse.json"
#define EVIDENCE_COMMANDS "gofers.json"
#define EVIDENCE_SAID_PREFIX "gofer."

#endif
