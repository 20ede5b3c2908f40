#include "harness/engine/expected.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "harness/base/fs.h"

int expected_read(const char *path, struct strv *ret, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	bool cut = false;
	char *save = NULL;
	int r = fs_read_at(AT_FDCWD, path, EXPECTED_LIMIT, &text, &cut, err);

	if (r < 0)
		return r;
	if (cut)
		return hx_error_set(err, -EFBIG, "%s: more than %u bytes", path, EXPECTED_LIMIT);
	for (char *line = strtok_r(text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (*line != '#' && strv_push(ret, line) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	return ret->n ? 0 : hx_error_set(err, -EBADMSG, "%s: lists no case", path);
}

int expected_missing(const struct strv *ids, const struct index *judged, struct str *ret)
{
	size_t missing = 0;

	for (size_t i = 0; i < ids->n; i++) {
		if (index_find(judged, ids->items[i]) != INDEX_NONE)
			continue;
		if (missing++ < EXPECTED_NAMED)
			str_printf(ret, "%s%s",
				   missing == 1 ? "expected cases were not judged: " : ", ",
				   ids->items[i]);
	}
	if (missing > EXPECTED_NAMED)
		str_printf(ret, " and %zu more", missing - EXPECTED_NAMED);
	return str_ok(ret);
}
