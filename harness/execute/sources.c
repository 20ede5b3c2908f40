#include "harness/execute/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "fakegofer/backend/fuse.h"
#include "fakegofer/fault/inject.h"
#include "harness/base/fs.h"
#include "harness/execute/faulted.h"
#include "harness/spec/evidence.h"

/* What its daemon writes; a killed one has written it, too. */
struct source_seen {
	struct fault_stats stats;
	uint64_t
		operations[FAULT_FUSE_OP_N]; /* since the guest has begun, with SPEC_BEGUN_SOURCE */
	bool begun;
};

struct source {
	const struct spec_mount *mount;
	struct fuse_mount fuse;
	struct source_seen *seen;
	struct fault_injector *injector;
};

/* It lives as long as the world. */
struct world_sources {
	struct fault_plan plan;
	int quiet;
	size_t n;
	struct source list[];
};

static void count(void *ctx, enum fault_fuse_op op)
{
	struct source_seen *seen = ctx;

	seen->operations[op] += seen->begun;
	seen->begun = seen->begun || op == FAULT_FUSE_MKDIR;
}

static int prepare(struct world_sources *all, struct source *s, int ordinal, struct hx_error *err)
{
	struct fault_owner owner = { .watch_fuse = count,
				     .dialect = LISAFS_DIALECT_144,
				     .fuse_mount = (uint16_t)ordinal };

	s->seen = mmap(NULL, sizeof(*s->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (s->seen == MAP_FAILED)
		return hx_error_errno(err, -errno, "mmap");
	owner.stats = &s->seen->stats;
	owner.ctx = s->seen;
	int r = fault_injector_new(&all->plan, &owner, &s->injector);
	return r < 0 ? hx_error_errno(err, r, "injector") : 0;
}

static int show(struct world *w, struct world_sources *all, struct source *s, struct hx_error *err)
{
	const struct fuse_mount_options options = { .faults = s->injector, .quiet_fd = all->quiet };
	_cleanup_free_ char *behind = str_format("%s" SPEC_BEHIND, s->mount->host);
	_cleanup_free_ char *path = str_format("%s/%s", w->plan->scratch, s->mount->host);
	_cleanup_close_ int root = -1;
	struct backend *tree = NULL;

	if (!behind || !path)
		return hx_error_set(err, -ENOMEM, "out of memory");
	root = openat(w->scratch_fd, behind, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0)
		return hx_error_errno(err, -errno, "open %s", behind);
	int r = backend_host_new(root, &(struct backend_host_options){ 0 }, &tree);
	if (r < 0)
		return hx_error_errno(err, r, "host tree");
	root = -1;
	return fuse_mount_start(tree, path, &options, &s->fuse, err);
}

static size_t count_sources(const struct spec_sandbox *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_mounts; i++)
		n += s->mounts[i].kind == SPEC_SOURCE_FUSE;
	return n;
}

/* The runtime, and this process, look at sources before there is a guest, and must not wait for them. */
static int check_faults(const struct fault_plan *p, struct hx_error *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct fault *f = &p->faults[i];

		if (f->place == FAULT_FUSE && f->following == FAULT_ANY)
			return hx_error_set(err, -EINVAL,
					    "line %u: of a FUSE source it must name what of the "
					    "guest's it is following",
					    f->line);
	}
	return 0;
}

static int read_plan(const struct world *w, struct fault_plan *ret, struct hx_error *err)
{
	_cleanup_free_ char *text = faulted_text(w);

	if (!w->plan->job->spec->faults)
		return 0;
	if (!text)
		return hx_error_set(err, -ENOMEM, "out of memory");
	int r = fault_plan_parse(text, strlen(text), ret, err);
	if (r >= 0)
		r = check_faults(ret, err);
	return r < 0 ? hx_error_wrap(err, r, "fault plan") : 0;
}

static int begin_all(struct world *w, struct world_sources *all, struct hx_error *err)
{
	const struct spec_sandbox *s = w->plan->job->spec;
	int r = read_plan(w, &all->plan, err);

	for (size_t i = 0; i < s->n_mounts && r >= 0; i++) {
		struct source *source = &all->list[all->n];

		if (s->mounts[i].kind != SPEC_SOURCE_FUSE)
			continue;
		*source = (struct source){ .mount = &s->mounts[i], .fuse = FUSE_MOUNT_INIT };
		all->n++;
		r = prepare(all, source, spec_ordinal(s, (int)i), err);
		if (r >= 0)
			r = show(w, all, source, err);
		if (r < 0)
			hx_error_wrap(err, r, "mount %s", s->mounts[i].id);
	}
	return r;
}

int sources_begin(struct world *w, struct hx_error *err)
{
	size_t n = count_sources(w->plan->job->spec);
	struct world_sources *all;

	if (!n)
		return 0;
	if (w->plan->kind == WORLD_PLAIN) /* nobody would take the mounts away with the world */
		return hx_error_set(err, -ENOTSUP,
				    "FUSE sources take a world with mounts of its own");
	all = calloc(1, sizeof(*all) + n * sizeof(all->list[0]));
	if (!all)
		return hx_error_set(err, -ENOMEM, "out of memory");
	w->sources = all;
	all->quiet = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->quiet < 0)
		return hx_error_errno(err, -errno, "eventfd");
	return begin_all(w, all, err);
}

void sources_announce(const struct world *w)
{
	for (size_t i = 0; w->sources && faulted_at_start(w) && i < w->sources->n; i++) {
		const struct source *s = &w->sources->list[i];
		_cleanup_free_ char *path = str_format("%s/%s", w->plan->scratch, s->mount->host);

		if (path)
			(void)lremovexattr(path, "user.gofercert.start");
	}
}

int sources_quiet_fd(const struct world *w)
{
	return w->sources ? w->sources->quiet : -1;
}

/* One that a fault has killed was reaped with the runtime's orphans. */
static void forget_dead(struct fuse_mount *m)
{
	struct pollfd p = { .fd = m->pidfd, .events = POLLIN };

	if (m->pidfd >= 0 && poll(&p, 1, 0) == 1)
		m->pid = -1;
}

void sources_release(struct world *w)
{
	for (size_t i = 0; w->sources && i < w->sources->n; i++) {
		forget_dead(&w->sources->list[i].fuse);
		fuse_mount_stop(&w->sources->list[i].fuse);
	}
}

static int add_faults(const struct world_sources *all, const struct source *s,
		      struct json_object *list)
{
	int r = 0;

	for (size_t i = 0; i < all->plan.n && r >= 0; i++) {
		struct json_object *o = s->seen->stats.hits[i] ? json_object_new_object() : NULL;

		if (!s->seen->stats.hits[i])
			continue;
		r = json_push(list, o);
		if (r >= 0)
			r = json_add_string(o, "mount", s->mount->id);
		if (r >= 0)
			r = json_add_int(o, "line", all->plan.faults[i].line);
		if (r >= 0)
			r = json_add_int(o, "fired", (int64_t)s->seen->stats.hits[i]);
	}
	return r;
}

static int add_operations(const struct source *s, struct json_object *all)
{
	struct json_object *o = json_object_new_object();
	int r = json_add(all, s->mount->id, o);

	for (uint16_t op = 0; op < FAULT_FUSE_OP_N && r >= 0; op++)
		if (s->seen->operations[op])
			r = json_add_int(o, fault_fuse_name(op), (int64_t)s->seen->operations[op]);
	return r;
}

int sources_end(struct world *w, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *faults, *operations;
	int r;

	if (!w->sources)
		return 0;
	sources_release(w);
	o = json_object_new_object();
	faults = json_object_new_array();
	operations = json_object_new_object();
	r = o && json_add(o, "faults", faults) >= 0 && json_add(o, "operations", operations) >= 0
		    ? 0
		    : -ENOMEM;
	for (size_t i = 0; i < w->sources->n && r >= 0; i++) {
		r = add_faults(w->sources, &w->sources->list[i], faults);
		if (r >= 0)
			r = add_operations(&w->sources->list[i], operations);
	}
	if (r < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_SPACED);
	return fs_write_at(w->evidence_fd, EVIDENCE_FUSE, text, strlen(text), 0644, err);
}
