#include "harness/cmd/begin.h"

#include <time.h>

#include "reports/record.h"

struct json_object *begin_line(const struct begin *b)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *target = NULL;
	char started[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!o || json_add_string(o, "type", "run") < 0 ||
	    json_add_int(o, "schema", RECORD_SCHEMA) < 0 ||
	    json_add_string(o, "tool", "gofercert " GOFERCERT_VERSION) < 0 ||
	    json_add(o, "target", target = json_object_new_object()) < 0 ||
	    json_add_string(target, "path", b->target->path) < 0 ||
	    json_add_string(target, "version", b->version) < 0 ||
	    json_add_string(target, "module", b->target->module) < 0 ||
	    json_add_string(target, "sha256", b->target->sha256) < 0 ||
	    json_add_bool(target, "reference", b->target->reference) < 0 ||
	    json_add_string(o, "profile", b->profile) < 0 ||
	    json_add_bool(o, "strict", b->options->strict) < 0 ||
	    json_add_int(o, "seed", (int64_t)b->seed) < 0 ||
	    json_add_int(o, "planned", (int64_t)b->planned) < 0 ||
	    json_add_strv(o, "filters", &b->options->filters) < 0 ||
	    json_add_string(o, "started", started) < 0)
		return NULL;
	return TAKE_PTR(o);
}
