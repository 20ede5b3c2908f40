/*
 * An outcome: what a sandbox did, or should do. Expectation and observation are this one type, and a
 * verdict is their difference.
 *
 * Plain data: a list of facts. A fact says that PROPERTY (with a KEY, where a property has several) of
 * SUBJECT has VALUE. In an expectation a fact also says which clause demands it and how to compare; in
 * an observation, which sensor saw it.
 */
#ifndef HX_MODEL_OUTCOME_H
#define HX_MODEL_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/error.h"
#include "harness/base/str.h"
#include "harness/model/requirement.h"

enum property {
	PROP_START,    /* container: "ok" or "error" */
	PROP_ERROR,    /* container: the runtime's error text, where it did not start */
	PROP_SERVED,   /* mount: file system type in the guest: "9p", "overlay", "tmpfs" */
	PROP_DIRECTFS, /* mount: "yes" or "no"; under an overlay, of the lower layer */
	PROP_OPTIONS,  /* mount: the other options, sorted; FD numbers left out */
	PROP_CACHE,    /* mount: the cache option of the gofer's layer */
	PROP_REFUSED,  /* hint KEY: the value that the runtime said it refuses, %q-quoted */
	PROP_IGNORED,  /* hint KEY: "yes" where the runtime said it ignores the hint */
	PROP_UNKNOWN,  /* hint KEY: a key that the runtime said it does not know */
	PROP_UNUSED,   /* hint KEY: "yes" where the runtime said that it matched no mount */
	PROP_ANSWER,   /* mount: the guest's answer to operation KEY */
	PROP_EXEC,     /* mount: type and all options as a second process sees them */
	PROP_LINE,     /* mount: type and all options as the first process sees them */
	PROP_LEFT,     /* container: what of kind KEY is left, one a line; "" = nothing */
	PROP_KEPT, /* rootfs: "yes" where a file that the guest made there is in the host's folder */
	PROP_NATIVE,  /* mount: the host's own answer to operation KEY; recorded, never judged */
	PROP_DONATED, /* mount: how many host FDs rode with the reply to its Mount */
	PROP_DONATED_ROOT, /* mount: "yes" where the first of them is the mount's root */
	PROP_HOLDS, /* mount: descriptors of the sentry on open files that were donated for it */
	PROP_LEAKED, /* mount: other programs that have an open file that was donated for it, one a line */
	PROP_GROWN, /* container: files that the sentry has open after an exec and had not before */
	PROP_SWOLLEN, /* container: what KEY is more after an exec, "5 MiB", "500"; "" = nearly nothing */
	PROP_DEATH, /* container: calls for which seccomp killed KEY ("gofer", "sentry"), one a line */
	PROP_TRACED,    /* container: by whom KEY was traced, for its death to be seen */
	PROP_INSTALLED, /* container: when KEY got its first filter; "never" */
	PROP_ISSUED, /* container: "yes" where the gofer issued call KEY after its first answer */
	PROP_FIRED,  /* mount or container: whether the fault of plan's KEY ("line 3") was played */
	PROP_DIED,   /* container: deaths of KEY, see below; "" = none */
	PROP_HUNG,   /* container: "yes" where the deadline came, "no" */
	PROP_AFTER,  /* mount: a second process' answer to operation KEY, after a fault */
	PROP_HELD, /* mount: the first process' answer to operation KEY, restored, by a file it had open */
	PROP_REREAD, /* mount: the host's own answer to operation KEY, after all */
	PROP_FRAMES, /* mount: requests of message KEY on its connection since the guest began; see below */
	PROP_FILTER, /* container: what the live filters allow of KEY, see below */
	PROP_TAKES, /* container: what its mounts, as the guest sees them, take of KEY of a filter */
	PROP_ALIVE, /* container: "yes" where container KEY of the pod ran a second process at the end */
	PROP_ENDED, /* mount: how the command that served it ended, once its connection was closed */
	PROP_MEMORY, /* mount: what a memory checker found in that command */
	PROP_GAINED, /* container: descriptors that KEY has more for each of its failed starts after the first */
	PROP_N,
};

/* Keys of PROP_FIRED: the line of the plan; and that it fired in half of all rounds (FLT-7). */
#define FIRED_KEY "line %lld"
#define FIRED_OFTEN 500
#define FIRED_OFTEN_KEY "line %lld, 500 times"

/* Keys and values of PROP_DEATH, PROP_TRACED and PROP_INSTALLED. */
#define DEATH_GOFER "gofer"
#define DEATH_SENTRY "sentry"
#define INSTALLED_IN_TIME "before its first answer"
#define INSTALLED_LATE "after its first answer"
#define TRACED_GOFER "its shim: TRACEEXIT|TRACECLONE"
#define TRACED_SENTRY "the world's init: TRACEEXIT|TRACECLONE"
#define FRAMES_REPLY " reply" /* behind the message in a key of PROP_FRAMES: replies of it */
#define FRAMES_FUSE "fuse "   /* before an operation that a FUSE source was asked for */

/* Keys of PROP_FILTER. */
#define FILTER_LISAFS "LISAFS syscalls, gofer" /* "all", "none", "else: WHY" */
#define FILTER_UDS "sockets, gofer"            /* "all", "none", "only NAMES"; likewise below */
#define FILTER_DIRECTFS "directfs syscalls, sentry"
#define FILTER_GOFER_KILLS "unknown call, gofer" /* the filter's action: "kill_process", … */
#define FILTER_SENTRY_KILLS "unknown call, sentry"

#define FIRED_KILL "SIGKILL of its gofer" /* a key of PROP_FIRED, of a container of a pod */

/*
 * Keys of PROP_SWOLLEN, and the least that is told. Measured is after 500 rounds, and after 500 more. Resident anonymous
 * memory: a Go runtime has grown to its size by then, and moved by 0.5 MiB at most; 4 MiB are 8 KiB a round. A gofer's
 * files: it keeps one for what the sentry's caches know, and the second process has made some more; 100 are one in 5 rounds.
 */
#define SWOLLEN_SENTRY "sentry's memory"
#define SWOLLEN_GOFER "gofer's memory"
#define SWOLLEN_FILES "gofer's files"
#define SWOLLEN_KIB (4u << 10)
#define SWOLLEN_FILES_LEAST 100u

/* Values of PROP_ENDED, others are "signal 11" and the like; PROP_MEMORY has TOOL_NOTHING. */
#define ENDED_WELL "exit status 0"
#define ENDED_NOT "it does not end"
#define ENDED_UNSTARTED "it was not started"
#define ENDED_LATE "killed at the deadline"

/* Keys of PROP_GAINED. */
#define GAINED_SENTRY "sentry"
#define GAINED_GOFER "gofer of %s" /* the container's id, or "sandbox" */

/* Of the first container; further ones of a pod have subjects of their own, see subject_in. */
/* Keys of PROP_DIED. */
#define DIED_GOFER "gofer" /* "signal 11", "exit 2", one a line */
#define DIED_PANIC "panic" /* what a log says of one */
#define DIED_SECCOMP "seccomp"

#define SUBJECT_CONTAINER (-1)
#define SUBJECT_ROOTFS (-2)
#define SUBJECT_STRIDE 1024 /* above SPEC_MOUNTS_LIMIT */

/* local (SUBJECT_* or a mount's index) of a container of the pod; 0 = the first, where nothing changes. */
static inline int subject_in(size_t container, int local)
{
	return (int)container * SUBJECT_STRIDE + local;
}

static inline size_t subject_container(int subject)
{
	return (size_t)(subject - SUBJECT_ROOTFS) / SUBJECT_STRIDE;
}

static inline int subject_local(int subject)
{
	return subject - (int)subject_container(subject) * SUBJECT_STRIDE;
}

enum match {
	MATCH_IS,        /* equal text */
	MATCH_NAMES,     /* contains every line of the value */
	MATCH_NAMES_ANY, /* contains one line of the value at least */
	MATCH_ONE_OF,    /* equals one line of the value */
	MATCH_SAME,      /* equals the observed value of (ref_subject, ref_property, key) */
	MATCH_SAME_EACH, /* like MATCH_SAME, for every key that the reference has */
	MATCH_ERRNO,     /* anything but ok; the value is not looked at */
	MATCH_UNSEEN,    /* no sensor said so */
	/*
	 * Each key that the reference has, in its order: the same value, or an errno. The value names the errno
	 * that the first other one must be (FAULTED_ANY_ERROR = any), and with FAULTED_OR_NONE there need be
	 * none. Behind the first, only what shares a path with an earlier error may succeed otherwise.
	 */
	MATCH_FAULTED,
	MATCH_ACKED, /* the value's first line, where the answers to its other lines all begin with ok */
	MATCH_N,
};

struct fact {
	enum property property;
	int subject; /* index of a mount in the spec, or SUBJECT_*; see subject_in */
	char *key;   /* NULL = the property has no key */
	char *value;
	/* expectation */
	enum clause clause;
	enum match match;
	int ref_subject;
	enum property ref_property;
	bool wording;  /* rests on quoted wording: judged on runsc-like targets only */
	bool optional; /* judged only where a sensor saw it */
	/* observation */
	const char *sensor; /* "guest", "log", "runtime", "audit"; static text */
};

struct outcome {
	struct fact *facts;
	size_t n;
	size_t cap;
	char *broken; /* observation: why nothing can be said (harness or evidence); NULL = fine */
};

#define FAULTED_ANY_ERROR "an error"
#define FAULTED_OR_NONE " or none"

#define OUTCOME_FACTS_LIMIT (1u << 20)

const char *property_name(enum property p);

/* Appends f with copies of its texts. 0, -ENOMEM, -E2BIG. */
int outcome_add(struct outcome *o, const struct fact *f);
/* The first fact of that property, subject and key, or NULL. */
const struct fact *outcome_find(const struct outcome *o, enum property p, int subject,
				const char *key);
void outcome_clear(struct outcome *o);
#define _cleanup_outcome_ _cleanup_(outcome_clear)

#endif
