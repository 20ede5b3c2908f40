#include "harness/execute/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "harness/base/fs.h"
#include "harness/spec/evidence.h"

static const char *const ended_names[] = {
	[EXECUTE_DONE] = "done",
	[EXECUTE_DEADLINE] = "deadline",
	[EXECUTE_CRASHED] = "crashed",
	[EXECUTE_INTERRUPTED] = "interrupted",
};

static struct json_object *target_json(const struct target *t)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "path", t->path) < 0 ||
	    json_add_string(o, "kind", t->reference ? "reference" : "runtime") < 0 ||
	    json_add_string(o, "version", t->version) < 0 ||
	    json_add_string(o, "sha256", t->sha256) < 0)
		return NULL;
	return TAKE_PTR(o);
}

/* How long each file is: one that is cut later is seen to be. */
static struct json_object *sizes_json(int evidence_fd)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_close_ int fd = openat(evidence_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!o || !dir)
		return NULL;
	(void)TAKE_FD(fd);
	while ((e = readdir(dir))) {
		struct stat st;

		if (fstatat(evidence_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return NULL;
		if (S_ISREG(st.st_mode) && json_add_int(o, e->d_name, st.st_size) < 0)
			return NULL;
	}
	return TAKE_PTR(o);
}

int manifest_write(const struct world_plan *plan, enum execute_ended ended, int status,
		   const char *note, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	const struct plant *plant = plan->job->plant;
	size_t n = 0;

	if (!o || json_add_int(o, "format", EVIDENCE_FORMAT) < 0 ||
	    json_add_string(o, "sandbox", plan->job->spec->id) < 0 ||
	    json_add_string(o, "profile", profile_name(plan->options->profile)) < 0 ||
	    json_add_string(o, "scratch", plan->scratch) < 0 ||
	    json_add(o, "target", target_json(plan->options->target)) < 0 ||
	    json_add_string(o, "world", world_name(plan->kind)) < 0 ||
	    json_add_string(o, "ended", ended_names[ended]) < 0 ||
	    json_add_int(o, "status", status) < 0 ||
	    json_add(o, "files", sizes_json(plan->evidence_fd)) < 0 ||
	    json_add_string(o, "note", note) < 0 ||
	    json_add_string(o, "plant", plant ? plant_name(plant->kind) : NULL) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	const char *text = json_object_to_json_string_length(
		o,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE,
		&n);
	return fs_write_at(plan->evidence_fd, EVIDENCE_MANIFEST, text, n, 0644, err);
}
