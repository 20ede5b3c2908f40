#include "suite/fault/sandboxes.h"

#include <errno.h>
#include <string.h>

#include "harness/model/outcome.h"
#include "suite/plan/building.h"

/* One operation, one line. */
/* clang-format off */
#define DATA                   \
	SPEC_BEGUN ";"         \
	FAULT_SCRIPT_DATA      \
	"stat .probe-fd;"      \
	"read .probe-fa 0 64;" \
	"unlink .probe-fd"

const struct fault_workload fault_workloads[FAULT_WORKLOADS] = {
	/* a gofer that donates nothing is asked for every byte; the stock one hands opened files over */
	{ "data", DATA, SPEC_GOFER_HOST, true, "PWrite" },
	{ "opened", DATA, SPEC_GOFER_STOCK, true, "OpenCreateAt" },
	{ "names",
	  SPEC_BEGUN ";"
		     "mkdir .probe-fn 0755;"
		     "create .probe-fn/a 0600;"
		     "symlink a .probe-fn/s;"
		     "readlink .probe-fn/s;"
		     "link .probe-fn/a .probe-fn/b;"
		     "rename .probe-fn/b .probe-fn/c;"
		     "mkdir .probe-fn/d;"
		     "getdents .probe-fn;"
		     "stat .probe-fn/c;"
		     "unlink .probe-fn/c;"
		     "unlink .probe-fn/s;"
		     "unlink .probe-fn/a;"
		     "rmdir .probe-fn/d;"
		     "mknod .probe-fn/m reg 0600;"
		     "write .probe-fn/m 0 x;"
		     "unlink .probe-fn/m;"
		     "rmdir .probe-fn",
	  SPEC_GOFER_STOCK, false, "MkdirAt" },
	{ "attributes",
	  SPEC_BEGUN ";"
		     "create .probe-fm 0644;"
		     "chmod .probe-fm 0600;"
		     "utimes .probe-fm 11 22;"
		     "times .probe-fm;"
		     "stat .probe-fm;"
		     "statfs .;"
		     "setxattr .probe-fm user.f v;"
		     "getxattr .probe-fm user.f;"
		     "listxattr .probe-fm;"
		     "removexattr .probe-fm user.f;"
		     "unlink .probe-fm",
	  SPEC_GOFER_STOCK, false, "SetStat" },
};
/* clang-format on */

static int add_mount(struct spec_sandbox *s, const char *id, const struct fault_workload *w,
		     bool hit)
{
	struct spec_mount *m = NULL;
	int r = spec_add_bind(s, id, &m);

	if (r >= 0)
		r = spec_set(&m->script, w->script);
	if (r >= 0)
		m->serving.gofer = w->gofer;
	if (r >= 0 && w->acked && hit)
		r = spec_set(&m->reread, SPEC_ACKED_READ);
	return r;
}

int fault_build(struct spec_sandbox *s, const struct fault_workload *w, size_t hit,
		const char *faults, enum spec_lifecycle lifecycle, bool looks)
{
	const struct row_global global = { .flag = SPEC_OFF,
					   .overlay2 = "none",
					   .lifecycle = lifecycle };
	int r = row_apply_global(&global, s);

	s->wire = SPEC_WIRE_RELAYED;
	if (r >= 0)
		r = spec_set(&s->faults, faults);
	if (r >= 0)
		r = add_mount(s, "first", w, false);
	for (size_t i = 0; i < hit && r >= 0; i++) {
		char id[32];

		snprintf(id, sizeof(id), "f%zu", i + 1);
		r = add_mount(s, id, w, true);
	}
	if (r >= 0)
		r = add_mount(s, "last", w, false);
	if (r >= 0 && looks)
		r = spec_set(&s->mounts[s->n_mounts - 1].after, SPEC_AFTER_SCRIPT);
	return r;
}

int fault_add(struct plan *p, struct spec_sandbox *s, const char *slug, const enum clause *own)
{
	const struct naming naming = { .sandbox = p->n_sandboxes, .container = slug, .own = own };
	int r = s->id ? 0 : spec_set(&s->id, slug);

	if (r >= 0)
		r = plan_add_sandbox(p, s);
	return r < 0 ? r : plan_add_cases(p, &naming);
}

#define CLEAN(index, name)                                                              \
	static int clean_##name(struct spec_sandbox *s, size_t instance)                \
	{                                                                               \
		(void)instance;                                                         \
		return fault_build(s, &fault_workloads[index], 0, "", SPEC_RUN, false); \
	}
CLEAN(0, data)
CLEAN(1, opened)
CLEAN(2, names)
CLEAN(3, attributes)

const struct sandbox_source fault_clean_sandboxes[] = {
	{ .slug = "off.data.clean", .build = clean_data },
	{ .slug = "off.opened.clean", .build = clean_opened },
	{ .slug = "off.names.clean", .build = clean_names },
	{ .slug = "off.attributes.clean", .build = clean_attributes },
	{ .slug = NULL },
};

int fault_read_points(struct plan_points *points, const char *slug, struct json_object *frames)
{
	for (size_t i = 0; i < FAULT_WORKLOADS; i++) {
		if (strcmp(slug, fault_clean_sandboxes[i].slug) != 0)
			continue;
		for (uint16_t id = 0; id < LISAFS_ID_N; id++) {
			char reply[64];

			snprintf(reply, sizeof(reply), "%s" FRAMES_REPLY, lisafs_name(id));
			points->n[i][LISAFS_REQUEST][id] =
				(unsigned int)json_int_or(frames, lisafs_name(id), 0);
			points->n[i][LISAFS_REPLY][id] =
				(unsigned int)json_int_or(frames, reply, 0);
		}
		return 0;
	}
	return -ENOENT;
}
