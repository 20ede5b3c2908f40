/* refrun's pods: a further container in a sandbox that runs, and each seeded defect of them. */
#include "suite/unit/refrun_rig.h"

#define POD "io.kubernetes.cri."
#define OFF_A HINT("x", "@/src/a"), DIRECTFS("x", "off")
#define FAILED_STARTS 3

struct pod {
	struct world w;
	struct seen second; /* of a second process in the container; or why it did not start */
	int status;         /* of its start */
	bool sandbox_lives;
	long gained; /* descriptors of the sentry, by failed starts */
};

static void pod_clear(struct pod *p)
{
	seen_clear(&p->second);
}
#define _cleanup_pod_ _cleanup_(pod_clear)

/* The bundle that world_make made is the sandbox's then, and there is a new one. */
static void make_bundles(const struct world *w, const struct annotation *sandbox,
			 const struct annotation *own)
{
	write_config(w, sandbox, NULL, true);
	assert_int_equal(renameat(w->fd, "bundle", w->fd, "sandbox"), 0);
	assert_int_equal(fs_mkdirs_at(w->fd, "bundle/rootfs", 0755, NULL), 0);
	assert_int_equal(fs_copy_at(AT_FDCWD, probe, w->fd, "bundle/rootfs/probe", 0755, NULL), 0);
	write_config(w, own, NULL, true);
	/* the same container without a program */
	assert_int_equal(fs_mkdirs_at(w->fd, "empty/rootfs", 0755, NULL), 0);
	assert_int_equal(
		fs_copy_at(w->fd, "bundle/config.json", w->fd, "empty/config.json", 0644, NULL), 0);
}

static int ask(const struct world *w, const char *flags, const char *words)
{
	_cleanup_free_ char *all =
		str_format("--overlay2=none%s%s %s", *flags ? " " : "", flags, words);
	int status = call(w, all, NULL);

	reap_ended();
	return status;
}

static bool answers(const struct world *w, const char *id)
{
	_cleanup_free_ char *words = str_format("exec %s /probe -- /a /b", id);

	renameat(w->fd, "out", w->fd, "out-of-guests");
	return ask(w, "", words) == 0;
}

static long descriptors(const struct world *w)
{
	_cleanup_json_ struct json_object *state = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv fds = STRV_INIT;

	assert_int_equal(fs_read_at(w->fd, "root/c1.json", TEXT_LIMIT, &text, NULL, NULL), 0);
	assert_int_equal(json_parse(str_text(&text), text.len, &state, NULL), 0);
	_cleanup_free_ char *path = str_format("/proc/%d/fd", (int)json_int_or(state, "pid", 0));
	list(AT_FDCWD, path, &fds);
	return (long)fds.n;
}

static void fail_once(const struct pod *p, const char *flags, int id)
{
	_cleanup_free_ char *create = str_format("create -bundle empty c%d", id);
	_cleanup_free_ char *start = str_format("start c%d", id);
	_cleanup_free_ char *delete = str_format("delete --force c%d", id);

	assert_int_equal(ask(&p->w, flags, create), 0);
	assert_int_not_equal(ask(&p->w, flags, start), 0);
	ask(&p->w, flags, delete);
}

/*
 * Starts of the empty bundle, each with an id of its own. The end of a failed one is waited for, so behind the
 * first one the sentry is done with all that came before.
 */
static void fail_again(struct pod *p, const char *flags)
{
	fail_once(p, flags, 3);
	long before = descriptors(&p->w);
	for (int i = 4; i < 4 + FAILED_STARTS; i++)
		fail_once(p, flags, i);
	p->gained = descriptors(&p->w) - before;
}

static void put(const char *defect, const struct annotation *sandbox, const struct annotation *own,
		const char *flags, bool fails, struct pod *p)
{
	assert_int_equal(setenv("REFRUN_DEFECT", defect, 1), 0);
	world_make(&p->w);
	make_bundles(&p->w, sandbox, own);
	assert_int_equal(ask(&p->w, "", "create -bundle sandbox c1"), 0);
	assert_int_equal(ask(&p->w, "", "start c1"), 0);
	p->status = ask(&p->w, flags, "create -bundle bundle c2");
	if (p->status == 0)
		p->status = ask(&p->w, flags, "start c2");
	if (fails)
		fail_again(p, flags);
	p->sandbox_lives = answers(&p->w, "c1");
	p->status = p->status ?: !answers(&p->w, "c2");
	ask(&p->w, flags, "delete --force c2");
	ask(&p->w, "", "delete --force c1");
	collect(&p->w, &p->second);
	world_clear(&p->w);
	assert_int_equal(p->second.left.n, 0);
	assert_int_equal(setenv("REFRUN_DEFECT", "", 1), 0);
}

#define SANDBOX                                 \
	{                                       \
		POD "container-type", "sandbox" \
	}
#define CONTAINER                              \
	{ POD "container-type", "container" }, \
	{                                      \
		POD "sandbox-id", "c1"         \
	}

/* What a pod shows, and which defect changes it. */
static const struct {
	const char *name;
	struct annotation sandbox[8], own[12];
	const char *flags;
	const char *error; /* named by the error of its start; NULL = it starts … */
	bool a, b;         /* … and /a and /b have directfs */
	const char *defect;
} rows[] = {
	{ "nothing off", { SANDBOX }, { CONTAINER }, "", NULL, true, true, NULL },
	{ "the sandbox's spec says off",
	  { SANDBOX, OFF_A },
	  { CONTAINER },
	  "",
	  NULL,
	  false,
	  true,
	  "forgets-the-sandboxs-hints" },
	{ "… and nothing of /b",
	  { SANDBOX, OFF_A },
	  { CONTAINER, OFF_A },
	  "",
	  NULL,
	  false,
	  true,
	  "off-leaks-to-containers" },
	{ "only its own says off", { SANDBOX }, { CONTAINER, OFF_A }, "", NULL, true, true, NULL },
	{ "a flag of its own",
	  { SANDBOX },
	  { CONTAINER },
	  "--directfs=false",
	  NULL,
	  false,
	  false,
	  "container-flag-ignored" },
	{ "a bad key",
	  { SANDBOX },
	  { CONTAINER, { MOUNT "directfs", "off" } },
	  "",
	  MOUNT "directfs",
	  false,
	  false,
	  "annotation-error-swallowed" },
	{ "no such sandbox",
	  { SANDBOX },
	  { { POD "container-type", "container" }, { POD "sandbox-id", "c9" } },
	  "",
	  "sandbox \"c9\"",
	  false,
	  false,
	  NULL },
};

static bool has_directfs(const struct seen *s, const char *dest)
{
	_cleanup_free_ char *options = options_of(s, dest);

	return options && strstr(options, ",directfs");
}

static bool is_as(size_t row, const struct pod *p)
{
	if (rows[row].error)
		return p->status && strstr(str_text(&p->second.err), rows[row].error);
	return !p->status && has_directfs(&p->second, "/a") == rows[row].a &&
	       has_directfs(&p->second, "/b") == rows[row].b;
}

static void a_container_is_as_the_clauses_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_pod_ struct pod p = { 0 };

		put("", rows[i].sandbox, rows[i].own, rows[i].flags, false, &p);
		if (!is_as(i, &p) || !p.sandbox_lives)
			fail_msg("%s: %d, sandbox lives: %d\n%s%s", rows[i].name, p.status,
				 p.sandbox_lives, str_text(&p.second.mounts),
				 str_text(&p.second.err));
	}
}

static void defects_show(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_pod_ struct pod p = { 0 };

		if (!rows[i].defect)
			continue;
		put(rows[i].defect, rows[i].sandbox, rows[i].own, rows[i].flags, false, &p);
		if (is_as(i, &p))
			fail_msg("%s does not show", rows[i].defect);
	}
}

static void failed_starts_leave_nothing_and_harm_nobody(void **state)
{
	static const struct annotation sandbox[] = { SANDBOX, { NULL, NULL } };
	static const struct annotation own[] = { CONTAINER, { NULL, NULL } };
	_cleanup_pod_ struct pod good = { 0 }, leaks = { 0 }, kills = { 0 };

	(void)state;
	put("", sandbox, own, "", true, &good);
	assert_int_equal(good.gained, 0);
	assert_int_equal(good.status, 0);
	assert_true(good.sandbox_lives);
	put("leaks-fd-per-failed-start", sandbox, own, "", true, &leaks);
	assert_int_equal(leaks.gained, FAILED_STARTS);
	put("failed-start-kills-another", sandbox, own, "", true, &kills);
	assert_true(kills.sandbox_lives);
	assert_int_not_equal(kills.status, 0); /* the one that ran gives no answer any more */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_is_as_the_clauses_say),
		cmocka_unit_test(defects_show),
		cmocka_unit_test(failed_starts_leave_nothing_and_harm_nobody),
	};

	(void)argc;
	(void)argv;
	return rig_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
