/*
 * A spec row's literal form: one sandbox, exactly as it will be put to a runtime.
 *
 * Plain data. The texts are those of the OCI config.json and of the command line; the one thing left
 * open is the scratch folder, written SPEC_SCRATCH, because it is chosen at execution. The model reads
 * this and nothing else, so whatever a runtime can see, the model can see.
 */
#ifndef HX_SPEC_SPEC_H
#define HX_SPEC_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/base/json.h"
#include "harness/base/str.h"
#include "harness/spec/profile.h"
#include "harness/spec/tool.h"

#define SPEC_SCRATCH "@SCRATCH@"           /* stands for the scratch folder's absolute path */
#define SPEC_BUNDLE SPEC_SCRATCH "/bundle" /* where config.json and rootfs/ are */
#define SPEC_MOUNTS_LIMIT 512
#define SPEC_ANNOTATIONS_LIMIT 8192
#define SPEC_CONTAINERS_LIMIT 16     /* further ones of a pod */
#define SPEC_STARTS_LIMIT 16         /* of one container */
#define SPEC_TEXT_LIMIT (128u << 10) /* bytes of one annotation value */
#define SPEC_ID_LIMIT 96 /* bytes of a sandbox id: it is a file name and a container id */

#define SPEC_MOUNT_PREFIX "dev.gvisor.spec.mount."
#define SPEC_ROOTFS_PREFIX "dev.gvisor.spec.rootfs."
#define SPEC_FLAG_PREFIX "dev.gvisor.flag."

/* A tri-state command-line flag. */
enum spec_flag {
	SPEC_UNSET,
	SPEC_ON,
	SPEC_OFF,
};

/* What the executor makes at a mount's host path before the run. */
enum spec_source {
	SPEC_SOURCE_NONE,    /* nothing: no host source (tmpfs), or another mount makes it */
	SPEC_SOURCE_DIR,     /* an empty directory, 0755 */
	SPEC_SOURCE_FILE,    /* a regular file, 0644, with SPEC_FILE_TEXT */
	SPEC_SOURCE_SYMLINK, /* a symlink to a directory made beside it ("HOST.target") */
	SPEC_SOURCE_FUSE, /* a FUSE mount of ours that shows one made beside it ("HOST.behind") */
	SPEC_SOURCE_N,
};

#define SPEC_FILE_TEXT "gofercert\n"
#define SPEC_BEHIND ".behind" /* what a FUSE source shows */

/* Scripts that clauses speak of; the operations whose answers they judge are spelled the same there. */
#define SPEC_STANDARD_SCRIPT "@standard"
#define SPEC_SHORT_SCRIPT "stat .; statfs ." /* that it is served; for rows about the mount table */
#define SPEC_UNMOUNT_SEEN "exists .probe-u"
#define SPEC_UNMOUNT_SCRIPT "create .probe-u; umount .; " SPEC_UNMOUNT_SEEN
/* How a faulted script begins, with a message that nothing sends before: FStatFS. */
#define SPEC_BEGUN "statfs ."
/*
 * Likewise in FUSE mounts that are sources: a mkdir. A statfs is what the runtime itself asks for while it starts.
 */
#define SPEC_BEGUN_SOURCE "mkdir .probe-fb 0755"
/* What faulted scripts write and sync, and how it is found again. All that they make begins so. */
#define SPEC_FAULTED_FILE ".probe-f"
#define SPEC_ACKED_WRITE "write .probe-fa 0 acknowledged"
#define SPEC_ACKED_SYNC "fsync .probe-fa"
#define SPEC_ACKED_READ "read .probe-fa 0 64"
#define SPEC_ACKED_ANSWER "ok: 12 acknowledged"
/* What a second process does on a clean mount after a fault. */
#define SPEC_AFTER_READ "read .probe-fz 0 64"
#define SPEC_AFTER_ANSWER "ok: 5 alive"
#define SPEC_AFTER_SCRIPT \
	"create .probe-fz; write .probe-fz 0 alive; " SPEC_AFTER_READ "; unlink .probe-fz"
/* What only a gofer can do on a mount without directfs. */
#define SPEC_GOFER_CALL "statfs ."
/*
 * A file that is open while an image is made: opened, and read up to an offset; after the restore it is as it was, to
 * who opens it as well as by what is open, from where it is read and written on.
 */
#define SPEC_HELD_FILE ".probe-h"
#define SPEC_HELD_SCRIPT                                                                  \
	"open " SPEC_HELD_FILE " O_WRONLY|O_CREAT; write " SPEC_HELD_FILE " 0 abcdefgh; " \
	"hold " SPEC_HELD_FILE " O_RDWR; held-read 3"
#define SPEC_HELD_SAVED "ok: 8 abcdefgh"
#define SPEC_HELD_AT "held-at"
#define SPEC_HELD_READ "held-read 2"
#define SPEC_HELD_WRITE "held-write XY"
#define SPEC_HELD_REREAD "read " SPEC_HELD_FILE " 0 64"
#define SPEC_HELD_LAST SPEC_HELD_AT ";" SPEC_HELD_READ ";" SPEC_HELD_WRITE ";" SPEC_HELD_REREAD
#define SPEC_HELD_CHANGED "ok: 8 abcdeXYh"
/*
 * … which has lost its name before that; whose name another file has by then; and which has another name. What is left
 * of it is read, too.
 */
#define SPEC_HELD_GONE_SCRIPT SPEC_HELD_SCRIPT "; unlink " SPEC_HELD_FILE
#define SPEC_HELD_NEW_SCRIPT                                                                      \
	SPEC_HELD_GONE_SCRIPT "; open " SPEC_HELD_FILE " O_WRONLY|O_CREAT; write " SPEC_HELD_FILE \
			      " 0 another"
#define SPEC_HELD_NEW "ok: 7 another"
#define SPEC_HELD_LINK ".probe-l"
#define SPEC_HELD_LINK_SCRIPT \
	SPEC_HELD_SCRIPT "; link " SPEC_HELD_FILE " " SPEC_HELD_LINK "; unlink " SPEC_HELD_FILE
#define SPEC_HELD_LINK_REREAD "read " SPEC_HELD_LINK " 0 64"
#define SPEC_HELD_REST "held-read 8"
#define SPEC_HELD_ALL SPEC_HELD_AT ";" SPEC_HELD_READ ";" SPEC_HELD_WRITE ";" SPEC_HELD_REST ";"
#define SPEC_KEPT_FILE ".probe-kept" /* what the rootfs script leaves, to see where writes go */
#define SPEC_KEEP_SCRIPT "stat .; statfs .; create " SPEC_KEPT_FILE

/* The order of runtime verbs that a sandbox goes through. */
enum spec_lifecycle {
	SPEC_RUN,          /* run; then delete is not needed: run removes the container */
	SPEC_CREATE_START, /* create, start, wait for the guest, state, delete */
	SPEC_EXEC,         /* as above with a waiting guest; exec a second probe; kill; delete */
	SPEC_HELD, /* as SPEC_EXEC, with an inspection of descriptors before and after the exec */
	SPEC_FAULTED, /* create, start; once the report is whole or a fault leaves somebody waiting: exec, delete */
	SPEC_FILTERED, /* create, start, dump the filters of gofer and sentry; kill; delete */
	/*
	 * The sandbox, then its further containers one after the other, each to its guest's report; exec of a
	 * second probe in each; delete.
	 */
	SPEC_POD,
	SPEC_POD_FILTERED, /* … with a dump of the filters before the delete */
	SPEC_WATCHED, /* as SPEC_FILTERED, but traced for deaths by seccomp in place of a dump */
	/*
	 * The first half of all containers (spec_saved): a sandbox, or a pod, to their guests' reports, and into an
	 * image. From that the second half, in the same order: the same containers, with the annotations and flags
	 * that they are restored with. A second probe in each reports for it; where its first process has something
	 * to do at its end, it is told to; delete.
	 */
	SPEC_RESTORED,
	SPEC_RESTORED_FILTERED, /* … with a dump of the filters before the delete */
	SPEC_LIFECYCLE_N,
};

/* What is seen of the messages between sentry and gofer (harness/interpose). */
enum spec_wire {
	SPEC_WIRE_UNSEEN,  /* nothing stands between them */
	SPEC_WIRE_RELAYED, /* all: channels end in the shim, their messages go on over the socket */
	SPEC_WIRE_WHOLE,   /* what is on the socket: channels are on, and counted */
	SPEC_WIRE_N,
};

/* Whom a watched sandbox's positive control makes issue the call of forbidden.h, after the guest's report. */
enum spec_forbid {
	SPEC_FORBID_NOBODY,
	SPEC_FORBID_GOFER,
	SPEC_FORBID_SENTRY,
	SPEC_FORBID_N,
};

/* Who answers for a mount. */
enum spec_gofer {
	SPEC_GOFER_STOCK,   /* the runtime's own */
	SPEC_GOFER_MEMORY,  /* fakegofer: a tree in RAM; has no FD to donate */
	SPEC_GOFER_HOST,    /* fakegofer: the mount's source */
	SPEC_GOFER_FUSE,    /* fakegofer: a FUSE mount of its own; never donates */
	SPEC_GOFER_COMMAND, /* somebody's command over the mount's source; is to donate nothing */
	SPEC_GOFER_N,
};

struct spec_serving {
	enum spec_gofer gofer;
	bool donate; /* a host gofer of ours donates the FD of the mount's root */
	char *tamper; /* what is done to the Mount reply: a row of interpose's table; NULL = nothing */
	enum tool under; /* the memory checker that a command runs under */
};

struct spec_annotation {
	char *key;
	char *value; /* UTF-8: config.json can carry nothing else */
};

struct spec_mount {
	char *id;          /* unique in the sandbox: names the mount in cases and findings */
	char *destination; /* absolute path in the container */
	char *type;        /* "bind", "tmpfs" */
	char *source;      /* the literal text; may be relative to the bundle */
	char *host;        /* path below the scratch folder that the executor makes; NULL = none */
	enum spec_source kind;
	char *inside;        /* a folder made in the fresh source directory; NULL = none */
	struct strv options; /* the mount's own options, in order */
	char *script;        /* guest operations, or @standard; NULL = the brief script */
	char *after; /* what a second process does there once a fault was; NULL = it keeps away */
	/* what the first process of what is restored does there when told to end, a second one having done after */
	char *last;   /* NULL = nothing, and the second one does what the first did */
	char *reread; /* what is read at its host path after the last step; NULL = nothing */
	char *twin;   /* id of the mount that is this one's baseline; NULL = none */
	struct spec_serving serving; /* of a bind mount */
};

struct spec_flags {
	enum spec_flag directfs;
	bool allow_flag_override;
	char *overlay2;           /* NULL = not given; likewise below */
	char *file_access;        /* "exclusive", "shared" */
	char *file_access_mounts; /* "exclusive", "shared" */
	char *platform;           /* "systrap", "kvm", "ptrace" */
	bool host_uds;            /* --host-uds=all */
	char *restore_validation; /* --restore-spec-validation: "enforce", "warning", "ignore" */
};

struct spec_sandbox {
	char *id; /* unique in a plan; [a-zA-Z0-9._-]+ */
	struct spec_flags flags;
	enum spec_lifecycle lifecycle;
	enum spec_wire wire;
	enum spec_forbid forbid;
	bool watched; /* a pod is traced as SPEC_WATCHED is; something must stand in between */
	char *faults; /* a fault plan (fakegofer/fault/fault.h), its mounts as spec_ordinal; NULL = none */
	struct spec_serving rootfs; /* memory and fuse: not, for nothing is in them */
	bool rootfs_readonly;
	bool probe_rootfs;   /* the guest runs its script on "/" too */
	bool privileged;     /* the guest has the capabilities that unmounting takes */
	bool native;         /* the guest's standard script also runs on the host, for comparison */
	char *rootfs_script; /* operations for "/"; NULL = the brief script */
	struct spec_annotation *annotations; /* in the order in which config.json lists them */
	size_t n_annotations;
	struct spec_mount *mounts; /* in the order of config.json */
	size_t n_mounts;
	/*
	 * Further containers of the pod, in the order in which they start; mounts' ids and destinations are
	 * unique in the pod. Of a container's lifecycle and wire nothing is looked at, and it has none of its own.
	 */
	struct spec_sandbox *containers;
	size_t n_containers;
	unsigned int
		starts;  /* of a further container: how often it is created and started; 0 = once */
	bool no_program; /* of a further container: its program is not there, so no start succeeds */
	bool gofer_killed; /* of a further container: SIGKILL, once all of the pod runs */
};

#define SPEC_CONTAINER_ID \
	"c1" /* the first container's, for the runtime; the others' are c2, c3, … */
#define SPEC_POD_TYPE "io.kubernetes.cri.container-type"
#define SPEC_POD_SANDBOX "io.kubernetes.cri.sandbox-id"

void spec_clear(struct spec_sandbox *s);
#define _cleanup_spec_ _cleanup_(spec_clear)

/* Builders; 0, -ENOMEM, -E2BIG past a limit, -EILSEQ for what is no UTF-8. Texts are copied. */
int spec_annotate(struct spec_sandbox *s, const char *key, const char *value);
int spec_annotatef(struct spec_sandbox *s, const char *value, const char *key_fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Appends an empty mount with this id; *ret_m stays valid until the next call. */
int spec_add_mount(struct spec_sandbox *s, const char *id, struct spec_mount **ret_m);
/* A bind mount of a fresh directory: id → /id, source SPEC_SCRATCH/src/id. */
int spec_add_bind(struct spec_sandbox *s, const char *id, struct spec_mount **ret_m);
/*
 * Appends a further container with this id, and to it and to the sandbox the annotations that make a pod of
 * them; *ret_c stays valid until the next call.
 */
int spec_add_container(struct spec_sandbox *s, const char *id, struct spec_sandbox **ret_c);
bool spec_is_pod(const struct spec_sandbox *s);
bool spec_is_restored(const struct spec_sandbox *s);
/* Appends an empty one, without annotations; likewise. */
int spec_new_container(struct spec_sandbox *s, struct spec_sandbox **ret_c);
/* How many containers, the sandbox included, are made of their bundles: all, or of an image the first half. */
size_t spec_saved(const struct spec_sandbox *pod);
/* Container 0 is the sandbox itself; of an image, spec_saved is the first that is restored, from it. */
const struct spec_sandbox *spec_container(const struct spec_sandbox *pod, size_t container);
/* The bundle's folder below the scratch folder; owned by the caller. */
char *spec_bundle(const struct spec_sandbox *pod, size_t container);
/* The runtime's id of its start-th start, from 0: a container manager takes a new one each time. */
char *spec_container_id(size_t container, unsigned int start);
/*
 * The container whose bundle this path ends in, or -1. Every gofer and sentry has its bundle on its command
 * line, where only newer ones have the id.
 */
int spec_container_of(const struct spec_sandbox *pod, const char *bundle);
/* Sets a text field to a copy. */
int spec_set(char **field, const char *text);
/*
 * What the runtime's gofer calls the mount: 0 is the rootfs, n the n-th bind mount. -1 = it serves no
 * such mount. Source of the fact: runsc/container/container.go (gofer confs).
 */
int spec_ordinal(const struct spec_sandbox *s, int index);
/* "stock", "memory", "host", "fuse", "command". */
const char *spec_gofer_name(enum spec_gofer gofer);
/* The gofer is one of ours, or its reply is tampered with: something must stand in between. */
bool spec_serving_is_ours(const struct spec_serving *v);
/* The mount called id, or -1. */
int spec_find_mount(const struct spec_sandbox *s, const char *id);
int spec_copy(struct spec_sandbox *to, const struct spec_sandbox *from);

/* text with SPEC_SCRATCH replaced; NULL without memory. */
char *spec_resolve(const char *text, const char *scratch);

/* The spec as JSON and back: the form it has in evidence. Errors name the place. */
int spec_to_json(const struct spec_sandbox *s, struct json_object **ret, struct hx_error *err);
int spec_from_json(struct json_object *o, struct spec_sandbox *ret, struct hx_error *err);

/* The OCI runtime configuration of a container. */
int spec_to_oci(const struct spec_sandbox *s, const char *scratch, struct json_object **ret,
		struct hx_error *err);
/* Its gofers and its sentry are traced for deaths by seccomp. */
bool spec_is_watched(const struct spec_sandbox *s);
/* A gofer or a reply of it takes a FUSE mount of ours. */
bool spec_needs_fuse(const struct spec_sandbox *s);
/* Whether the guest stays after its report, for the verbs that come then. */
bool spec_guest_waits(const struct spec_sandbox *s);
/* The argv of a probe at such host paths, all below scratch; empty where there are none. */
int spec_reread_argv(const struct spec_sandbox *s, const char *probe, const char *scratch,
		     struct strv *ret);
/* The container of the pod, the sandbox first, that has a fault plan; NULL = none. */
const struct spec_sandbox *spec_faulted(const struct spec_sandbox *pod);
/* Whether any mount has something for its first process' end. */
bool spec_has_last(const struct spec_sandbox *s);
/* Whether a file of any mount of what is saved is open then, and has no name any more. */
bool spec_holds_deleted(const struct spec_sandbox *pod);
/* Whether any mount has. */
bool spec_has_after(const struct spec_sandbox *s);
/* The argv of a second process after a fault. */
int spec_after_argv(const struct spec_sandbox *s, struct strv *ret);
/* The guest's argv: the probe over every mount, then "/" where asked. wait = stay after the report. */
int spec_guest_argv(const struct spec_sandbox *s, bool wait, struct strv *ret);
/* The runtime's global flags for this sandbox, those only that the profile's runtimes know. */
int spec_runtime_flags(const struct spec_flags *f, enum profile profile, struct strv *ret);

#endif
