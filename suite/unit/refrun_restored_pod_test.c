/* refrun's images of pods: who is restored as whom, what is refused, and each seeded defect of them. */
#include "suite/unit/refrun_rig.h"

#include <sys/syscall.h>

#include "harness/interpose/dump.h"
#include "harness/observe/filter_probe.h"

#define POD "io.kubernetes.cri."
#define OFF_A HINT("x", "@/src/a"), DIRECTFS("x", "off")
#define DEFAULT_A HINT("x", "@/src/a"), DIRECTFS("x", "default")
#define SANDBOX                                 \
	{                                       \
		POD "container-type", "sandbox" \
	}
#define IN(sandbox)                            \
	{ POD "container-type", "container" }, \
	{                                      \
		POD "sandbox-id", sandbox      \
	}

/* The sandbox's annotations, and those of two further containers, before and after. */
struct specs {
	struct annotation sandbox[8], second[12], third[12];
};

static int ask(const struct world *w, const char *words)
{
	_cleanup_free_ char *all = str_format("--overlay2=none %s", words);
	int status = call(w, all, NULL);

	renameat(w->fd, "out", w->fd, "out-of-guests");
	reap_ended();
	return status;
}

/* Bundles one, two and three, of the rig's one. */
static void write_bundles(const struct world *w, const struct specs *s)
{
	const struct annotation *const a[] = { s->sandbox, s->second, s->third };
	static const char *const bundles[] = { "one", "two", "three" };

	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++) {
		_cleanup_free_ char *rootfs = str_format("%s/rootfs", bundles[i]);
		_cleanup_free_ char *to = str_format("%s/probe", rootfs);
		_cleanup_free_ char *config = str_format("%s/config.json", bundles[i]);

		write_config(w, a[i], NULL, true);
		assert_int_equal(fs_mkdirs_at(w->fd, rootfs, 0755, NULL), 0);
		if (faccessat(w->fd, to, F_OK, 0) < 0)
			assert_int_equal(fs_copy_at(AT_FDCWD, probe, w->fd, to, 0755, NULL), 0);
		assert_int_equal(renameat(w->fd, "bundle/config.json", w->fd, config), 0);
	}
}

/* c1 with c2 and c3 in it go into an image, and are gone. */
static void save(struct world *w, const struct specs *s)
{
	static const char *const words[] = {
		"create -bundle one c1",
		"start c1",
		"create -bundle two c2",
		"start c2",
		"create -bundle three c3",
		"start c3",
		"checkpoint --image-path=image c1",
		"delete --force c3",
		"delete --force c2",
		"delete c1",
	};

	world_make(w);
	write_bundles(w, s);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (ask(w, words[i]))
			fail_msg("%s", words[i]);
}

static int restore(const struct world *w, const char *flags, const char *bundle, const char *id)
{
	_cleanup_free_ char *words =
		str_format("%s%srestore -detach -bundle %s --image-path=image %s", flags,
			   *flags ? " " : "", bundle, id);

	return ask(w, words);
}

static void end(struct world *w)
{
	static const char *const ids[] = { "c7", "c6", "c5", "c4" };
	_cleanup_seen_ struct seen s = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		_cleanup_free_ char *words = str_format("delete --force %s", ids[i]);

		ask(w, words);
	}
	collect(w, &s);
	assert_int_equal(s.left.n, 0);
	world_clear(w);
}

/* What the first further container shows; status: of the first call that failed, or 0. */
struct shown {
	int status;
	bool a, lisafs;
	struct str err;
};

static void shown_clear(struct shown *s)
{
	str_clear(&s->err);
}
#define _cleanup_shown_ _cleanup_(shown_clear)

static bool gofer_has_calls(const struct world *w, const char *id)
{
	static const uint64_t args[6] = { 3 };
	_cleanup_free_ char *path = str_format("root/%s.json", id);
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_dump_ struct dump d = { 0 };

	assert_int_equal(fs_read_at(w->fd, path, TEXT_LIMIT, &text, NULL, NULL), 0);
	assert_int_equal(json_parse(str_text(&text), text.len, &o, NULL), 0);
	if (dump_filters((pid_t)json_int_or(o, "gofer", 0), &d, NULL) < 0)
		return false;
	return filter_allows(&d.filters, filter_native_arch(), SYS_mkdirat, args);
}

/* The status of a second process; *ret: /a has directfs. */
static int look(const struct world *w, const char *id, bool *ret)
{
	_cleanup_free_ char *words = str_format("--overlay2=none exec %s /probe -- /a /b", id);
	_cleanup_seen_ struct seen s = { 0 };
	_cleanup_json_ struct json_object *o = NULL;
	int status = call(w, words, NULL);

	reap_ended();
	read_once(w->fd, "out", &s.out);
	if (json_parse(str_text(&s.out), s.out.len, &o, NULL) == 0)
		str_add(&s.mounts, json_string_or(o, "mounts", ""));
	_cleanup_free_ char *options = options_of(&s, "/a");
	*ret = options && strstr(options, ",directfs");
	return status;
}

static void put(const char *defect, const struct specs *before, const struct specs *after,
		const char *flags, struct shown *ret)
{
	static const char *const bundles[] = { "one", "two", "three" };
	static const char *const ids[] = { "c4", "c5", "c6" };
	struct world w;

	assert_int_equal(setenv("REFRUN_DEFECT", defect, 1), 0);
	save(&w, before);
	write_bundles(&w, after);
	for (size_t i = 0; i < ARRAY_SIZE(ids) && !ret->status; i++)
		ret->status = restore(&w, flags, bundles[i], ids[i]);
	if (!ret->status) {
		ret->lisafs = gofer_has_calls(&w, "c5");
		ret->status = look(&w, "c5", &ret->a);
	}
	read_once(w.fd, "err", &ret->err);
	end(&w);
	assert_int_equal(setenv("REFRUN_DEFECT", "", 1), 0);
}

static const struct {
	const char *name;
	struct specs before, after;
	const char *flags;
	const char *error; /* named by a refusal; NULL = all are restored, and of the second … */
	bool a, lisafs;    /* … /a has directfs, and its gofer the calls */
	const char *defect;
} rows[] = {
	{ "as they were",
	  { { SANDBOX, OFF_A }, { IN("c1"), OFF_A }, { IN("c1") } },
	  { { SANDBOX, OFF_A }, { IN("c4"), OFF_A }, { IN("c4") } },
	  "",
	  NULL,
	  false,
	  true,
	  "restored-pod-of-one-kind" },
	{ "a changed value of the second",
	  { { SANDBOX, OFF_A }, { IN("c1"), OFF_A }, { IN("c1") } },
	  { { SANDBOX, OFF_A }, { IN("c4"), DEFAULT_A }, { IN("c4") } },
	  "",
	  MOUNT "x.directfs",
	  false,
	  false,
	  NULL },
	{ "… that is ignored",
	  { { SANDBOX, OFF_A }, { IN("c1"), OFF_A }, { IN("c1") } },
	  { { SANDBOX, OFF_A }, { IN("c4"), DEFAULT_A }, { IN("c4") } },
	  "--restore-spec-validation=ignore",
	  NULL,
	  false,
	  true,
	  "restored-container-mounts-by-new-spec" },
	{ "another flag",
	  { { SANDBOX }, { IN("c1") }, { IN("c1") } },
	  { { SANDBOX }, { IN("c4") }, { IN("c4") } },
	  "--directfs=false",
	  "--directfs",
	  false,
	  false,
	  NULL },
	{ "the sandbox's mode is not theirs",
	  { { SANDBOX, OFF_A }, { IN("c1"), OFF_A }, { IN("c1") } },
	  { { SANDBOX, OFF_A }, { IN("c4"), OFF_A }, { IN("c4") } },
	  "",
	  NULL,
	  false,
	  true,
	  "restored-container-has-sandboxs-filter" },
};

/* Without CAP_SYS_ADMIN no filter can be looked at. */
static bool is_as(size_t row, const struct shown *s)
{
	bool lisafs = geteuid() == 0 ? rows[row].lisafs : s->lisafs;

	if (rows[row].error)
		return s->status && strstr(str_text(&s->err), rows[row].error);
	return !s->status && s->a == rows[row].a && s->lisafs == lisafs;
}

static void each_is_as_the_one_in_its_place_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_shown_ struct shown s = { 0 };

		put("", &rows[i].before, &rows[i].after, rows[i].flags, &s);
		if (!is_as(i, &s))
			fail_msg("%s: %d, directfs %d, calls %d\n%s", rows[i].name, s.status, s.a,
				 s.lisafs, str_text(&s.err));
	}
}

static void defects_show(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_shown_ struct shown s = { 0 };

		if (!rows[i].defect ||
		    (geteuid() != 0 &&
		     !strcmp(rows[i].defect, "restored-container-has-sandboxs-filter")))
			continue;
		put(rows[i].defect, &rows[i].before, &rows[i].after, rows[i].flags, &s);
		if (is_as(i, &s))
			fail_msg("%s does not show", rows[i].defect);
	}
}

static bool says(const struct world *w, const char *text)
{
	_cleanup_str_ struct str err = STR_INIT;

	read_once(w->fd, "err", &err);
	if (!strstr(str_text(&err), text))
		print_message("%s\n", str_text(&err));
	return strstr(str_text(&err), text) != NULL;
}

/* A container of a pod has no image of its own, and a sandbox no more containers than its image. */
static void who_does_not_belong_is_refused(void **state)
{
	static const struct specs before = { { SANDBOX }, { IN("c1") }, { IN("c1") } };
	static const struct specs after = { { SANDBOX }, { IN("c4") }, { IN("c4") } };
	struct world w;

	(void)state;
	save(&w, &before);
	write_bundles(&w, &after);
	assert_int_equal(restore(&w, "", "one", "c4"), 0);
	assert_int_equal(restore(&w, "", "two", "c5"), 0);
	assert_int_equal(ask(&w, "checkpoint --image-path=other c5"), 128);
	assert_true(says(&w, "\"c5\" is a container of the pod of \"c4\""));
	assert_int_equal(restore(&w, "", "three", "c6"), 0);
	assert_int_equal(restore(&w, "", "three", "c7"), 128);
	assert_true(says(&w, "there are 2 of its pod, and all are restored"));
	end(&w);
}

static void a_sandbox_that_was_not_restored_takes_none(void **state)
{
	static const struct specs before = { { SANDBOX }, { IN("c1") }, { IN("c1") } };
	static const struct specs after = { { SANDBOX }, { IN("c4") }, { IN("c4") } };
	struct world w;

	(void)state;
	save(&w, &before);
	write_bundles(&w, &after);
	assert_int_equal(ask(&w, "create -bundle one c4"), 0);
	assert_int_equal(ask(&w, "start c4"), 0);
	assert_int_equal(restore(&w, "", "two", "c5"), 128);
	assert_true(says(&w, "sandbox \"c4\" was not restored"));
	end(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_as_the_one_in_its_place_was),
		cmocka_unit_test(defects_show),
		cmocka_unit_test(who_does_not_belong_is_refused),
		cmocka_unit_test(a_sandbox_that_was_not_restored_takes_none),
	};

	(void)argc;
	(void)argv;
	return rig_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
