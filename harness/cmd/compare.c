/* compare: two runtimes or two records by one plan; the rows whose outcomes differ, judged or not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/engine/paths.h"
#include "harness/cmd/run.h"
#include "harness/cmd/verbs.h"
#include "reports/compare.h"

#define SCRATCH "/tmp/gofercert-compare-XXXXXX"

struct comparing {
	const struct options *o;
	struct record records[COMPARE_SIDES];
	struct json_object *departures;
	struct comparison result;
	char scratch[sizeof(SCRATCH)]; /* "" = none was made */
	int cancel;
};

static void comparing_clear(struct comparing *c)
{
	_cleanup_close_ int tmp = *c->scratch ? fs_open_dir(AT_FDCWD, "/tmp") : -1;

	for (int s = 0; s < COMPARE_SIDES; s++)
		record_clear(&c->records[s]);
	json_object_put(c->departures);
	comparison_clear(&c->result);
	if (tmp >= 0)
		fs_remove_tree(tmp, strrchr(c->scratch, '/') + 1, NULL);
	close_fd(&c->cancel);
}

/* A folder that was --out of a run, or the record in it, is read; what can be executed is run. */
static bool is_record(const char *path, const struct stat *st)
{
	return S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && access(path, X_OK) < 0);
}

static int read_record(const char *path, bool folder, struct record *ret, struct hx_error *err)
{
	_cleanup_free_ char *file = folder ? str_format("%s/" RECORD_NAME, path) : strdup(path);
	_cleanup_close_ int fd = file ? open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

	if (fd < 0)
		return hx_error_set(err, -ENOENT,
				    "%s: no record of a run (" RECORD_NAME
				    "): give a folder that was --out of `gofercert run`, a record, "
				    "or a runtime",
				    path);
	int r = record_read(fd, ret, err);
	if (r < 0)
		return hx_error_wrap(err, r, "%s", path);
	return ret->seen ? 0
			 : hx_error_set(err, -ENODATA,
					"%s: its record holds nothing that was seen: it is of an "
					"older gofercert, or no sandbox ran",
					path);
}

/* The folder for what is run here: --out, which stays, or one that goes. */
static int make_folder(struct comparing *c, int side, char **ret, struct hx_error *err)
{
	const char *base = c->o->out;

	if (base && mkdir(base, 0755) < 0 && errno != EEXIST)
		return hx_error_errno(err, -errno, "make the output folder %s", base);
	if (!base && !*c->scratch) {
		memcpy(c->scratch, SCRATCH, sizeof(SCRATCH));
		if (!mkdtemp(c->scratch)) {
			*c->scratch = '\0';
			return hx_error_errno(err, -errno, "make a folder in /tmp");
		}
	}
	*ret = str_format("%s/%c", base ? base : c->scratch, "ab"[side]);
	return *ret ? 0 : hx_error_set(err, -ENOMEM, "out of memory");
}

static int run_here(struct comparing *c, int side, const char *path, struct hx_error *err)
{
	_cleanup_free_ char *folder = NULL;
	int r = make_folder(c, side, &folder, err);

	if (r < 0)
		return r;
	fprintf(stderr, "%c: running %s\n", "AB"[side], path);
	r = run_quietly(c->o, path, folder, c->cancel, err);
	return r < 0 ? r : read_record(folder, true, &c->records[side], err);
}

/* In what the reference runtime departs from real ones, by nature. */
static int read_departures(struct comparing *c, struct hx_error *err)
{
	_cleanup_free_ char *path = path_data("known/refrun.json");
	_cleanup_str_ struct str text = STR_INIT;

	if (c->o->no_known || !path || access(path, F_OK) < 0)
		return 0;
	int r = fs_read_at(AT_FDCWD, path, JSON_TEXT_LIMIT, &text, NULL, err);
	if (r >= 0)
		r = json_parse(str_text(&text), text.len, &c->departures, err);
	if (r >= 0)
		r = compare_check_departures(c->departures, err);
	return r < 0 ? hx_error_wrap(err, r, "%s", path) : 0;
}

static int load_side(struct comparing *c, int side, struct hx_error *err)
{
	const char *path = c->o->arguments.items[side];
	struct stat st;
	bool there = stat(path, &st) == 0;

	if (there && is_record(path, &st))
		return read_record(path, S_ISDIR(st.st_mode), &c->records[side], err);
	return run_here(c, side, path, err);
}

static int print(const struct comparing *c, struct hx_error *err)
{
	const struct record *const records[] = { &c->records[0], &c->records[1] };
	_cleanup_str_ struct str text = STR_INIT;
	int r = c->o->format ? compare_json(records, &c->result, &text, err)
			     : compare_text(records, &c->result, c->o->verbose, &text, err);

	if (r >= 0)
		fwrite(str_text(&text), 1, text.len, stdout);
	return r;
}

static enum exit_code code_of(int r)
{
	switch (r) {
	case -ENODATA:
		return EXIT_NOTHING_RAN;
	case -EINVAL:
	case -ENOENT:
	case -EACCES:
	case -ENOEXEC:
	case -EEXIST:
	case -EBADMSG:
	case -ENOTSUP:
		return EXIT_USAGE;
	default:
		return EXIT_BROKEN;
	}
}

int verb_compare(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_(comparing_clear) struct comparing c = { .o = o, .cancel = -1 };
	const struct record *const records[] = { &c.records[0], &c.records[1] };
	int r;

	if (o->format && strcmp(o->format, "json"))
		return complain(EXIT_USAGE, "--format: \"%s\" is not json", o->format);
	if (o->profile_auto)
		return complain(EXIT_USAGE, "--profile auto: one plan for both takes one profile");
	c.cancel = run_cancel_fd();
	if (c.cancel < 0)
		return complain(EXIT_BROKEN, "signalfd: %s", strerror(-c.cancel));
	r = read_departures(&c, &err);
	for (int s = 0; s < COMPARE_SIDES && r >= 0; s++)
		r = load_side(&c, s, &err);
	if (r >= 0)
		r = compare_records(records, c.departures, &c.result, &err);
	if (r >= 0)
		r = print(&c, &err);
	if (r < 0)
		return complain(code_of(r), "%s",
				r == -ECANCELED ? "interrupted" : hx_error_text(&err));
	if (!c.result.compared)
		return complain(EXIT_NOTHING_RAN, "no row is in both");
	return c.result.differ > (o->strict ? 0 : c.result.listed) ? EXIT_DOES_NOT : EXIT_CONFORMS;
}
