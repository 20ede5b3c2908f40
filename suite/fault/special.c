/*
 * Faults with a sandbox to themselves: at the messages that make a mount, and on processes. The faulted mount is
 * f1, of ordinal 2, but where the table says otherwise.
 */
#include <errno.h>

#include "suite/fault/sandboxes.h"

enum workload {
	DATA,
	OPENED,
};

/* X(name, slug, workload, plan, lifecycle, whether a second process looks at a sibling afterwards) */
/* One sandbox, one row. */
/* clang-format off */
#define SPECIALS(X)                                                                                \
	/* the smallest ones */                                                                    \
	X(one_write, "off.one.write", DATA,                                                        \
	  "at reply PWrite nth 1 following FStatFS mount 2 errno EDQUOT", SPEC_RUN, false)         \
	X(one_split, "off.one.split-request", DATA,                                                \
	  "at request PWrite nth 1 following FStatFS mount 2 split 9", SPEC_RUN, false)            \
	X(one_sync, "off.one.fsync", DATA, "at request FSync following FStatFS mount 2 errno EIO", \
	  SPEC_RUN, false)                                                                         \
	X(one_no_errno, "off.one.no-errno", DATA,                                                  \
	  "at reply PWrite nth 2 following FStatFS mount 2 bad-errno 0", SPEC_RUN, false)          \
	X(one_bad_errno, "off.one.bad-errno", DATA,                                                \
	  "at reply PWrite nth 2 following FStatFS mount 2 bad-errno 5000", SPEC_RUN, false)       \
	X(one_long_write, "off.one.long-write", DATA,                                              \
	  "at reply PWrite nth 1 following FStatFS mount 2 corrupt count 0x10000000", SPEC_RUN,    \
	  false)                                                                                   \
	X(one_long_read, "off.one.long-read", DATA,                                                \
	  "at reply PRead nth 1 following FStatFS mount 2 corrupt data.length 0x10000000",         \
	  SPEC_RUN, false)                                                                         \
	/* the reply to Mount, and the request */                                                  \
	X(mount_errno, "off.mount.errno", DATA, "at reply Mount mount 2 errno EDQUOT", SPEC_RUN,   \
	  false)                                                                                   \
	X(mount_refused, "off.mount.refused", DATA, "at request Mount mount 2 errno EACCES",       \
	  SPEC_RUN, false)                                                                         \
	X(mount_no_errno, "off.mount.no-errno", DATA, "at reply Mount mount 2 bad-errno 0",        \
	  SPEC_RUN, false)                                                                         \
	X(mount_truncated, "off.mount.truncated", DATA, "at reply Mount mount 2 truncate 100",     \
	  SPEC_RUN, false)                                                                         \
	X(mount_cut, "off.mount.cut", DATA, "at reply Mount mount 2 cut 6", SPEC_RUN, false)       \
	X(mount_split, "off.mount.split", DATA, "at reply Mount mount 2 split 3", SPEC_RUN, false) \
	X(mount_twice, "off.mount.duplicate", DATA, "at reply Mount mount 2 duplicate", SPEC_RUN,  \
	  false)                                                                                   \
	X(mount_id, "off.mount.wrong-id", DATA, "at reply Mount mount 2 id Walk", SPEC_RUN, false) \
	X(mount_closed, "off.mount.closed", DATA, "at reply Mount mount 2 close", SPEC_RUN, false) \
	X(mount_crashed, "off.mount.crashed", DATA, "at reply Mount mount 2 crash SIGKILL",        \
	  SPEC_RUN, false)                                                                         \
	X(mount_dropped, "off.mount.dropped", DATA, "at reply Mount mount 2 drop", SPEC_FAULTED,   \
	  false)                                                                                   \
	X(mount_hung, "off.mount.hung", DATA, "at request Mount mount 2 hang", SPEC_FAULTED,       \
	  false)                                                                                   \
	/* the stock gofer's own mount, likewise */                                                \
	X(stock_errno, "off.mount.stock-errno", OPENED, "at reply Mount mount 2 errno EDQUOT",     \
	  SPEC_RUN, false)                                                                         \
	X(stock_crashed, "off.mount.stock-crashed", OPENED,                                        \
	  "at reply Mount mount 2 crash SIGSEGV", SPEC_RUN, false)                                 \
	/* what follows it */                                                                      \
	X(channel_errno, "off.channel.errno", DATA, "at reply Channel mount 2 errno EDQUOT",       \
	  SPEC_RUN, false)                                                                         \
	X(channel_fd, "off.channel.no-fd", DATA, "at reply Channel nth 1 mount 2 fd missing",      \
	  SPEC_RUN, false)                                                                         \
	X(channel_truncated, "off.channel.truncated", DATA,                                        \
	  "at reply Channel nth 1 mount 2 truncate 4", SPEC_RUN, false)                            \
	X(channel_dropped, "off.channel.dropped", DATA, "at reply Channel nth 1 mount 2 drop",     \
	  SPEC_FAULTED, false)                                                                     \
	X(stat_errno, "off.stat.errno", DATA, "at reply WalkStat nth 1 mount 2 errno EDQUOT",      \
	  SPEC_RUN, false)                                                                         \
	X(stat_closed, "off.stat.closed", DATA, "at reply WalkStat nth 1 mount 2 close", SPEC_RUN, \
	  false)                                                                                   \
	/* processes, once data was written and synced */                                          \
	X(sentry_killed, "off.sentry.killed", DATA,                                                \
	  "at request PRead nth 1 following FSync mount 2 signal sentry SIGKILL", SPEC_FAULTED,    \
	  false)                                                                                   \
	X(sentry_killed_late, "off.sentry.killed-late", DATA,                                      \
	  "at reply UnlinkAt nth 1 following FSync mount 2 signal sentry SIGKILL", SPEC_FAULTED,   \
	  false)                                                                                   \
	X(sentry_stopped, "off.sentry.stopped", DATA,                                              \
	  "at reply PRead nth 1 following FSync mount 2 signal sentry SIGSTOP", SPEC_FAULTED,      \
	  true)                                                                                    \
	X(gofer_killed, "off.gofer.killed", DATA,                                                  \
	  "at request PRead nth 1 following FSync mount 2 signal gofer SIGKILL", SPEC_FAULTED,     \
	  false)                                                                                   \
	X(gofer_stopped, "off.gofer.stopped", OPENED,                                              \
	  "at request UnlinkAt nth 1 following FStatFS mount 2 signal gofer SIGSTOP",              \
	  SPEC_FAULTED, false)                                                                     \
	X(runtime_killed, "off.runtime.killed", DATA,                                              \
	  "at reply Mount mount 2 signal runtime SIGKILL", SPEC_FAULTED, false)                    \
	X(runtime_stopped, "off.runtime.stopped", DATA,                                            \
	  "at reply Mount mount 2 signal runtime SIGSTOP", SPEC_FAULTED, true)
/* clang-format on */

#define BUILD(name, slug, workload, plan, lifecycle, looks)                                        \
	static int name(struct spec_sandbox *s, size_t instance)                                   \
	{                                                                                          \
		(void)instance;                                                                    \
		return fault_build(s, &fault_workloads[workload], 1, plan "\n", lifecycle, looks); \
	}
SPECIALS(BUILD)

#define ROW(name, slug_text, workload, plan, lifecycle, looks) { .slug = slug_text, .build = name },

/*
 * An opted-out mount is faulted; its siblings have directfs. plan NULL = none: f1 is their equal.
 */
static int build_opted_out(struct spec_sandbox *s, const char *plan, enum spec_lifecycle lifecycle)
{
	int r = fault_build(s, &fault_workloads[OPENED], 1, plan, lifecycle, false);

	s->flags.directfs = SPEC_ON;
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		s->mounts[i].serving.gofer = SPEC_GOFER_STOCK;
	if (r >= 0)
		r = spec_annotate(s, SPEC_MOUNT_PREFIX "f1.source", s->mounts[1].source);
	if (r >= 0)
		r = spec_annotate(s, SPEC_MOUNT_PREFIX "f1.type", "bind");
	if (r >= 0)
		r = spec_annotate(s, SPEC_MOUNT_PREFIX "f1.share", "shared");
	return r < 0 ? r : spec_annotate(s, SPEC_MOUNT_PREFIX "f1.directfs", "off");
}

/* X(name, slug, plan, lifecycle) */
#define OPTED_OUT(X)                                                                      \
	X(out_create, "on.opted-out.create",                                              \
	  "at reply OpenCreateAt nth 1 following FStatFS mount 2 errno EDQUOT", SPEC_RUN) \
	X(out_unlink, "on.opted-out.unlink",                                              \
	  "at request UnlinkAt nth 1 following FStatFS mount 2 errno EACCES", SPEC_RUN)   \
	X(out_closed, "on.opted-out.closed",                                              \
	  "at reply OpenCreateAt nth 2 following FStatFS mount 2 close", SPEC_RUN)        \
	X(out_truncated, "on.opted-out.truncated",                                        \
	  "at reply SetStat nth 1 following FStatFS mount 2 truncate 1", SPEC_RUN)        \
	X(out_killed, "on.opted-out.gofer-killed",                                        \
	  "at reply OpenCreateAt nth 1 following FStatFS mount 2 signal gofer SIGKILL",   \
	  SPEC_FAULTED)

#define BUILD_OUT(name, slug, plan, lifecycle)                   \
	static int name(struct spec_sandbox *s, size_t instance) \
	{                                                        \
		(void)instance;                                  \
		return build_opted_out(s, plan "\n", lifecycle); \
	}
OPTED_OUT(BUILD_OUT)
#define ROW_OUT(name, slug_text, plan, lifecycle) { .slug = slug_text, .build = name },

/*
 * FLT-7: the same failure again and again; what sentry and gofer have is compared before and after the second time.
 */
#define ROUNDS 500

static int build_rounds(struct spec_sandbox *s, enum workload workload, const char *operation,
			const char *plan)
{
	_cleanup_str_ struct str script = STR_INIT;
	int r = fault_build(s, &fault_workloads[workload], 1, plan, SPEC_HELD, false);

	str_add(&script, SPEC_BEGUN "; create .probe-fr 0644");
	for (unsigned int i = 0; i < ROUNDS; i++)
		str_printf(&script, "; %s", operation);
	str_add(&script, "; unlink .probe-fr");
	if (r >= 0 && str_ok(&script) < 0)
		r = -ENOMEM;
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		r = spec_set(&s->mounts[i].script, str_text(&script));
	free(s->mounts[1].reread);
	s->mounts[1].reread = NULL;
	return r;
}

/* X(name, slug, workload, the operation, the plan): the sentry's own failures, and the stock gofer's */
#define REPEATED(X)                                                                 \
	X(rounds_write, "off.rounds.write", DATA, "append .probe-fr x",             \
	  "at reply PWrite every 1 following FStatFS mount 2 errno EDQUOT")         \
	X(rounds_open, "off.rounds.open", DATA, "open .probe-fr O_RDWR|O_CREAT",    \
	  "at request OpenCreateAt every 1 following FStatFS mount 2 errno EDQUOT") \
	X(rounds_stock, "off.rounds.stock", OPENED, "truncate .probe-fr 1",         \
	  "at request SetStat every 1 following FStatFS mount 2 truncate 2")

#define BUILD_ROUNDS(name, slug, workload, operation, plan)             \
	static int name(struct spec_sandbox *s, size_t instance)        \
	{                                                               \
		(void)instance;                                         \
		return build_rounds(s, workload, operation, plan "\n"); \
	}
REPEATED(BUILD_ROUNDS)
#define ROW_ROUNDS(name, slug_text, workload, operation, plan) { .slug = slug_text, .build = name },

const struct sandbox_source fault_sandboxes[] = {
	SPECIALS(ROW) OPTED_OUT(ROW_OUT) REPEATED(ROW_ROUNDS){ .slug = NULL },
};
