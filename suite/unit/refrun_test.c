/* The reference runtime: what the guest sees, what fails a start, what is left, and that each seeded defect shows. */
#include "fixtures/refrun/defects.h"
#include "suite/unit/refrun_rig.h"

static const struct table_row {
	const char *name, *flags;
	struct annotation a[12];
	const char *directfs; /* the mounts that have it, of: / a b */
} table[] = {
	{ "no annotation", "", {}, "/ a b" },
	{ "off", "", { HINT("x", "@/src/a"), DIRECTFS("x", "off") }, "/ b" },
	{ "off first", "", { DIRECTFS("x", "off"), HINT("x", "@/src/a") }, "/ b" },
	{ "default", "", { HINT("x", "@/src/a"), DIRECTFS("x", "default") }, "/ a b" },
	{ "relative source", "", { HINT("x", "@/src/b"), DIRECTFS("x", "off") }, "/ a" },
	{ "trailing slash", "", { HINT("x", "@/src/a/"), DIRECTFS("x", "off") }, "/ a b" },
	{ "prefix", "", { HINT("x", "@/src"), DIRECTFS("x", "off") }, "/ a b" },
	{ "OFF", "", { HINT("x", "@/src/a"), DIRECTFS("x", "OFF") }, "/ a b" },
	{ "blank off", "", { HINT("x", "@/src/a"), DIRECTFS("x", " off") }, "/ a b" },
	{ "off newline", "", { HINT("x", "@/src/a"), DIRECTFS("x", "off\n") }, "/ a b" },
	{ "empty", "", { HINT("x", "@/src/a"), DIRECTFS("x", "") }, "/ a b" },
	{ "no source",
	  "",
	  { { MOUNT "x.type", "bind" }, { MOUNT "x.share", "shared" }, DIRECTFS("x", "off") },
	  "/ a b" },
	{ "bad type",
	  "",
	  { HINT_OF("x", "@/src/a", "floppy", "shared"), DIRECTFS("x", "off") },
	  "/ a b" },
	{ "bad share",
	  "",
	  { HINT_OF("x", "@/src/a", "bind", "all"), DIRECTFS("x", "off") },
	  "/ a b" },
	{ "incomplete duplicate",
	  "",
	  { HINT("x", "@/src/a"), DIRECTFS("x", "off"), { MOUNT "y.source", "@/src/a" } },
	  "/ b" },
	{ "names share a prefix",
	  "",
	  { HINT("x", "@/src/a"), HINT("x-y", "@/src/b"), DIRECTFS("x", "off") },
	  "/ b" },
	{ "unknown key",
	  "",
	  { HINT("x", "@/src/a"), { MOUNT "x.foo", "1" }, { MOUNT "x.", "1" } },
	  "/ a b" },
	{ "tmpfs hint, shared",
	  "",
	  { HINT_OF("x", "@/src/a", "tmpfs", "shared"), DIRECTFS("x", "off") },
	  "/ b" },
	{ "rootfs off", "", { ROOTFS_HINT, { ROOTFS "directfs", "off" } }, "a b" },
	{ "rootfs default", "", { ROOTFS_HINT, { ROOTFS "directfs", "default" } }, "/ a b" },
	{ "flag off", "--directfs=false", { HINT("x", "@/src/a"), DIRECTFS("x", "default") }, "" },
	{ "flag by annotation",
	  "--allow-flag-override",
	  { { "dev.gvisor.flag.directfs", "false" } },
	  "" },
	{ "flag on by annotation",
	  "-directfs=0 -allow-flag-override",
	  { { "dev.gvisor.flag.directfs", "1" } },
	  "/ a b" },
};

static void directfs_is_where_the_clauses_put_it(void **state)
{
	static const char *const dests[][2] = { { "/", "/" }, { "a", "/a" }, { "b", "/b" } };

	(void)state;
	for (const struct table_row *row = table; row < table + ARRAY_SIZE(table); row++) {
		_cleanup_seen_ struct seen s = { 0 };
		_cleanup_free_ char *flags =
			str_format("--overlay2 none%s%s", *row->flags ? " " : "", row->flags);

		run(row->a, flags, NULL, &s);
		if (s.status != 0)
			fail_msg("%s: exit %d: %s", row->name, s.status, str_text(&s.err));
		for (size_t i = 0; i < ARRAY_SIZE(dests); i++) {
			_cleanup_free_ char *options = options_of(&s, dests[i][1]);
			bool want = strstr(row->directfs, dests[i][0]) != NULL;

			if (!options || !str_starts(options, "9p ") ||
			    want != !!strstr(options, ",directfs"))
				fail_msg("%s: %s: %s", row->name, dests[i][1],
					 options ? options : "no mount");
		}
		assert_int_equal(s.left.n, 0);
		assert_false(s.process);
	}
}

static const struct {
	const char *flags;
	struct annotation a[8];
	const char *dest, *options;
} line_rows[] = {
	{ "--overlay2=none",
	  {},
	  "/",
	  "9p rw,trans=fd,rfdno=4,wfdno=4,aname=/,dfltuid=4294967294,dfltgid=4294967294,dcache=1000,"
	  "cache=fscache,disable_fifo_open,overlayfs_stale_read,directfs" },
	{ "--overlay2=none",
	  {},
	  "/b",
	  "9p ro,nosuid,trans=fd,rfdno=6,wfdno=6,aname=/,dfltuid=4294967294,dfltgid=4294967294,dcache=1000,"
	  "cache=remote_revalidating,disable_fifo_open,directfs" },
	{ "--file-access-mounts=exclusive --directfs=false",
	  {},
	  "/a",
	  "9p rw,trans=fd,rfdno=5,wfdno=5,aname=/,dfltuid=4294967294,dfltgid=4294967294,dcache=1000,"
	  "cache=fscache,disable_fifo_open" },
	{ "--file-access-mounts exclusive",
	  { HINT("x", "@/src/a"), DIRECTFS("x", "off") },
	  "/a",
	  "9p rw,trans=fd,rfdno=5,wfdno=5,aname=/,dfltuid=4294967294,dfltgid=4294967294,dcache=1000,"
	  "cache=remote_revalidating,disable_fifo_open" },
	{ "", {}, "/", "overlay rw" },
	{ "", { HINT_OF("x", "@/src/a", "bind", "pod") }, "/a", "overlay rw" },
	{ "", { HINT_OF("x", "@/src/a", "tmpfs", "container") }, "/a", "tmpfs rw" },
	{ "--overlay2=all:memory", {}, "/a", "overlay rw" },
	{ "--overlay2=none", { { "dev.gvisor.flag.overlay2", "all:memory" } }, "/a", "overlay rw" },
	{ "", {}, "/t", "tmpfs rw" },
	{ "", {}, "/proc", "proc rw,dentry_cache_limit=1000" },
	{ "", {}, "/tmp", "tmpfs rw,mode=01777" },
};

static const struct extra tmpfs = { "/t", "tmpfs", "tmpfs", "size=1m", 0 };

static void mount_lines_are_those_of_runsc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(line_rows); i++) {
		_cleanup_seen_ struct seen s = { 0 };

		run(line_rows[i].a, line_rows[i].flags, &tmpfs, &s);
		assert_int_equal(s.status, 0);
		_cleanup_free_ char *options = options_of(&s, line_rows[i].dest);
		assert_non_null(options);
		assert_string_equal(options, line_rows[i].options);
	}
}

static const struct {
	const char *flags, *said;
	struct annotation a[8];
} errors[] = {
	{ "",
	  "mounts \"d\" and \"e\" have the same mount source",
	  { HINT("e", "@/src/a"), HINT("d", "@/src/a") } },
	{ "",
	  "invalid mount annotation: " MOUNT "d.x.directfs=off",
	  { { MOUNT "d.x.directfs", "off" } } },
	{ "", "invalid mount annotation: " MOUNT "d=off", { { MOUNT "d", "off" } } },
	{ "", "invalid mount name: ", { { MOUNT ".directfs", "off" } } },
	{ "",
	  "error creating rootfs hint: invalid rootfs annotation (key = \"directfs\", value = \"OFF\"): "
	  "invalid directfs value \"OFF\", want \"default\" or \"off\"",
	  { ROOTFS_HINT, { ROOTFS "directfs", "OFF" } } },
	{ "", "rootfs annotations missing required field(s)", { { ROOTFS "directfs", "off" } } },
	{ "",
	  "error setting flag directfs=\"false\": flag override disabled, use --allow-flag-override",
	  { { "dev.gvisor.flag.directfs", "false" } } },
	{ "--allow-flag-override",
	  "error setting flag directfs=\"maybe\": parse error",
	  { { "dev.gvisor.flag.directfs", "maybe" } } },
	{ "--bogus", "bogus", {} },
	{ "--directfs=maybe", "directfs", {} },
	{ "--defect=nothing-such", "nothing-such", {} },
};

static void start_errors_are_clear_and_leave_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		_cleanup_seen_ struct seen s = { 0 };

		run(errors[i].a, errors[i].flags, NULL, &s);
		if (s.status != 128 || !strstr(str_text(&s.err), errors[i].said))
			fail_msg("%s: exit %d: %s", errors[i].said, s.status, str_text(&s.err));
		assert_int_equal(s.out.len, 0);
		assert_int_equal(s.left.n, 0);
	}
}

static void warnings_are_worded_as_quoted(void **state)
{
	static const struct annotation a[] = { HINT("b", "@/src/b"),
					       DIRECTFS("b", "OFF"),
					       { MOUNT "d.type", "bind" },
					       HINT("u", "/nowhere"),
					       { 0 } };
	static const char *const said[] = {
		"W ignoring invalid mount annotation (name = \"b\", key = \"directfs\", value = \"OFF\"): "
		"invalid directfs value \"OFF\", want \"default\" or \"off\"\n",
		"I Mount annotation found, name: b, source: \"@",
		"/src/b\", type: bind, share: shared, suppress_directfs: false\n",
		"W ignoring mount annotations for \"d\" because of missing required field(s)\n",
		"/src/b\" to \"/b\" type: bind, internal-options: "
		"\"trans=fd,rfdno=6,wfdno=6,cache=remote_revalidating,directfs,disable_fifo_open\"\n",
		"W mount annotation \"u\" matched no mount: unused\n",
	};
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	run(a, "--overlay2=none", NULL, &s);
	for (size_t i = 0; i < ARRAY_SIZE(said); i++)
		if (!strstr(str_text(&s.log), said[i]))
			fail_msg("not in the log: %s\n%s", said[i], str_text(&s.log));
}

/* create, start, exec, state, kill, wait, delete. */
static void a_created_container_lives_and_goes(void **state)
{
	static const char *const id[] = { "c1", NULL };
	struct world w;
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	world_make(&w);
	write_config(&w, NULL, &tmpfs, true);
	assert_int_equal(call(&w, "create -bundle bundle c1", NULL), 0);
	assert_int_equal(call(&w, "create -bundle bundle c1", NULL), 128);
	assert_int_equal(
		call(&w, "exec", (const char *const[]){ "c1", "/probe", "--", "/a", NULL }), 128);
	assert_int_equal(call(&w, "start", id), 0);
	assert_int_equal(call(&w, "start", id), 128);
	assert_int_equal(call(&w, "delete", id), 128);
	assert_int_equal(
		call(&w, "exec", (const char *const[]){ "c1", "/probe", "--", "/a", NULL }), 0);
	assert_int_equal(call(&w, "exec", (const char *const[]){ "c1", "/probe", "--bad", NULL }),
			 2);
	assert_int_equal(call(&w, "state", id), 0);
	assert_int_equal(call(&w, "kill", (const char *const[]){ "c1", "NONE", NULL }), 128);
	assert_int_equal(call(&w, "kill", (const char *const[]){ "c1", "KILL", NULL }), 0);
	assert_int_equal(call(&w, "wait", id), 0);
	assert_int_equal(call(&w, "delete", id), 0);
	assert_int_equal(call(&w, "state", id), 128);
	assert_int_equal(call(&w, "delete --force", id), 0);
	end_left_processes(); /* the guest is ours to reap */
	collect(&w, &s);
	assert_int_equal(s.left.n, 0);
	assert_non_null(strstr(str_text(&s.out), "\"status\":\"running\""));
	assert_non_null(strstr(str_text(&s.out), "[\"/a\"") ?: strstr(str_text(&s.out), "\"/a\""));
	world_clear(&w);
}

static void tmpfs_begins_empty_and_is_one_for_a_container(void **state)
{
	struct world w;
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	world_make(&w);
	write_config(&w, NULL, &tmpfs, true);
	assert_int_equal(call(&w, "create -bundle bundle c1", NULL), 0);
	assert_int_equal(call(&w, "start c1", NULL), 0);
	assert_int_equal(call(&w, "exec",
			      (const char *const[]){ "c1", "/probe", "-e", "create f 0600", "--",
						     "/t", NULL }),
			 0);
	assert_int_equal(call(&w, "exec",
			      (const char *const[]){ "c1", "/probe", "-e", "create f 0600", "--",
						     "/t", NULL }),
			 0);
	assert_int_equal(call(&w, "delete --force c1", NULL), 0);
	collect(&w, &s);
	assert_non_null(strstr(str_text(&s.out), "EEXIST"));
	assert_int_equal(s.left.n, 0);
	world_clear(&w);
}

/* The log is the only sight of an overlaid mount's mode. */
static void an_overlaid_mount_shows_in_the_log(void **state)
{
	static const struct annotation a[] = { HINT_OF("a", "@/src/a", "bind", "pod"),
					       DIRECTFS("a", "off"),
					       { 0 } };
	static const char said[] =
		"I Adding overlay on top of mount \"/a\"\n"
		"W Mount RPC returned a host FD to mount point without directfs, we didn't ask for it\n"
		"I Mounted \"";
	_cleanup_seen_ struct seen on = { 0 }, off = { 0 };

	(void)state;
	run(a, "--overlay2=none", NULL, &on);
	run(a, "--overlay2=none --directfs=false", NULL, &off);
	assert_non_null(strstr(str_text(&on.log), " / Directfs: true / Overlay: none\n"));
	assert_non_null(strstr(str_text(&on.log), said));
	assert_non_null(
		strstr(str_text(&on.log), "to \"/a\" type: bind, internal-options: \"\"\n"));
	assert_non_null(strstr(str_text(&off.log), " / Directfs: false / Overlay: none\n"));
	assert_non_null(strstr(str_text(&off.log), "Adding overlay on top of mount \"/a\""));
	assert_null(strstr(str_text(&off.log), "Mount RPC"));
}

/* Mounts are real where namespaces are to be had: read-only ones refuse, and can be unmounted. */
static void mounts_are_real_where_namespaces_are(void **state)
{
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	run(NULL, "", NULL, &s);
	assert_int_equal(s.status, 0);
	if (strstr(str_text(&s.out), NOT_REAL))
		skip();
	assert_non_null(
		strstr(str_text(&s.out), "[\"umount .\",\"ok\"],[\"exists .u\",\"ok: no\"]"));
	assert_non_null(strstr(str_text(&s.out), "[\"create .u\",\"EROFS\"]"));
}

/* For each defect a spec that shows it. */
static const struct shows {
	const char *defect, *flags;
	struct annotation a[12];
	struct extra extra;
	const char *mode; /* NULL = run */
	bool real;        /* shows on real mounts only */
} shows[] = {
#define OFF_A HINT("x", "@/src/a"), DIRECTFS("x", "off")
#define INVALID_A HINT("x", "@/src/a"), DIRECTFS("x", "no")
	{ .defect = "default-refused", .a = { HINT("x", "@/src/a"), DIRECTFS("x", "default") } },
	{ .defect = "invalid-treated-as-off", .a = { INVALID_A } },
	{ .defect = "invalid-aborts", .a = { INVALID_A } },
	{ .defect = "no-warning", .a = { INVALID_A } },
	{ .defect = "case-insensitive-off", .a = { HINT("x", "@/src/a"), DIRECTFS("x", "OFF") } },
	{ .defect = "trims-spaces", .a = { HINT("x", "@/src/a"), DIRECTFS("x", " off") } },
	{ .defect = "invalid-drops-hint",
	  .a = { HINT_OF("x", "@/src/a", "bind", "pod"), DIRECTFS("x", "no") } },
	{ .defect = "default-treated-as-off",
	  .a = { HINT("x", "@/src/a"), DIRECTFS("x", "default") } },
	{ .defect = "bad-key-tolerated", .a = { { MOUNT "d", "off" } } },
	{ .defect = "empty-name-tolerated", .a = { { MOUNT ".directfs", "off" } } },
	{ .defect = "unknown-key-aborts", .a = { HINT("x", "@/src/a"), { MOUNT "x.foo", "1" } } },
	{ .defect = "incomplete-counts",
	  .a = { { MOUNT "x.source", "@/src/a" },
		 { MOUNT "x.type", "bind" },
		 DIRECTFS("x", "off") } },
	{ .defect = "type-optional",
	  .a = { { MOUNT "x.source", "@/src/a" },
		 { MOUNT "x.share", "pod" },
		 DIRECTFS("x", "off") } },
	{ .defect = "incomplete-is-a-twin", .a = { OFF_A, { MOUNT "y.source", "@/src/a" } } },
	{ .defect = "incomplete-in-silence", .a = { { MOUNT "x.source", "@/src/a" } } },
	{ .defect = "prefix-match", .a = { HINT("x", "@/src"), DIRECTFS("x", "off") } },
	{ .defect = "cleans-trailing-slash", .a = { HINT("x", "@/src/a/"), DIRECTFS("x", "off") } },
	{ .defect = "follows-symlinks", .a = { HINT("x", "@/src/link"), DIRECTFS("x", "off") } },
	{ .defect = "relative-not-joined", .a = { HINT("x", "@/src/b"), DIRECTFS("x", "off") } },
	{ .defect = "duplicates-accepted", .a = { HINT("x", "@/src/a"), HINT("y", "@/src/a") } },
	{ .defect = "unlike-duplicates-accepted", .a = { OFF_A, HINT("y", "@/src/a") } },
	{ .defect = "duplicate-error-names-one",
	  .a = { HINT("x", "@/src/a"), HINT("y", "@/src/a") } },
	{ .defect = "unused-in-silence", .a = { HINT("x", "/nowhere") } },
	{ .defect = "order-matters", .a = { DIRECTFS("x", "off"), HINT("x", "@/src/a") } },
	{ .defect = "decides-by-chance", .a = { OFF_A } },
	{ .defect = "off-ignored", .a = { OFF_A } },
	{ .defect = "off-affects-siblings", .a = { OFF_A } },
	{ .defect = "invalid-affects-siblings", .a = { INVALID_A } },
	{ .defect = "enables-when-global-off",
	  .flags = "--directfs=false",
	  .a = { HINT("x", "@/src/a") } },
	{ .defect = "drops-another-option", .a = { OFF_A } },
	{ .defect = "tmpfs-gets-directfs", .extra = { "/t", "tmpfs", "tmpfs", "rw", 0 } },
	{ .defect = "off-tmpfs-is-served",
	  .a = { HINT_OF("x", "@/src/a", "tmpfs", "container"), DIRECTFS("x", "off") } },
	{ .defect = "shared-tmpfs-hint-ignores-off",
	  .a = { HINT_OF("x", "@/src/a", "tmpfs", "shared"), DIRECTFS("x", "off") } },
	{ .defect = "overlay-ignores-off",
	  .a = { HINT_OF("x", "@/src/a", "bind", "container"), DIRECTFS("x", "off") } },
	{ .defect = "file-ignores-off",
	  .a = { HINT("x", "@/src/file"), DIRECTFS("x", "off") },
	  .extra = { "/f", "bind", "@/src/file", "rw", 0 } },
	{ .defect = "nested-ignores-off",
	  .a = { HINT("x", "@/src/a/below"), DIRECTFS("x", "off") },
	  .extra = { "/a/below", "bind", "@/src/a/below", "rw", 0 } },
	{ .defect = "ignores-off-after-64",
	  .a = { OFF_A },
	  .extra = { "/x", "bind", "@/src/a", "rw", 70 } },
	{ .defect = "unmounted-source-visible", .a = { OFF_A }, .real = true },
	{ .defect = "second-place-ignores-off",
	  .a = { OFF_A },
	  .extra = { "/x", "bind", "@/src/a", "rw", 1 } },
	{ .defect = "own-option-enables", .a = { HINT("x", "@/src/b"), DIRECTFS("x", "off") } },
	{ .defect = "off-changes-cache", .a = { OFF_A } },
	{ .defect = "flag-decides-caching",
	  .flags = "--file-access-mounts=exclusive",
	  .a = { HINT("x", "@/src/a") } },
	{ .defect = "symlinks-dead-when-off", .a = { OFF_A }, .real = true },
	{ .defect = "off-leaks-to-rootfs", .a = { OFF_A } },
	{ .defect = "rootfs-off-ignored", .a = { ROOTFS_HINT, { ROOTFS "directfs", "off" } } },
	{ .defect = "rootfs-off-leaks-to-mounts",
	  .a = { ROOTFS_HINT, { ROOTFS "directfs", "off" } } },
	{ .defect = "rootfs-invalid-tolerated",
	  .a = { ROOTFS_HINT, { ROOTFS "directfs", "OFF" } } },
	{ .defect = "rootfs-off-changes-overlay",
	  .flags = "--overlay2=root:self",
	  .a = { ROOTFS_HINT, { ROOTFS "directfs", "off" } } },
	{ .defect = "override-unchecked", .a = { { "dev.gvisor.flag.directfs", "false" } } },
	{ .defect = "override-ignored",
	  .flags = "--allow-flag-override",
	  .a = { { "dev.gvisor.flag.directfs", "false" } } },
	{ .defect = "exec-forgets-hints", .a = { OFF_A }, .mode = "exec" },
	{ .defect = "leaves-process", .mode = "exec" },
	{ .defect = "leaves-file" },
	{ .defect = "leaves-socket" },
	{ .defect = "failed-start-leaves-file", .a = { { MOUNT "d", "off" } } },
};

/* What decides by chance shows in one of so many runs, or it does not decide at all. */
#define CHANCES 64

static char *description(const struct shows *row, const char *flag)
{
	_cleanup_seen_ struct seen s = { 0 };
	_cleanup_free_ char *flags = str_format("--overlay2=none%s%s%s%s", row->flags ? " " : "",
						row->flags ?: "", *flag ? " --defect=" : "", flag);
	_cleanup_str_ struct str t = STR_INIT;

	run_as(row->mode ?: "run", row->a, flags, &row->extra, &s);
	str_printf(&t, "exit %d\n%s\n%s\n%s\nprocess %d\n", s.status, str_text(&s.out),
		   str_text(&s.err), str_text(&s.log), s.process);
	for (size_t i = 0; i < s.left.n; i++)
		str_printf(&t, "left %s\n", s.left.items[i]);
	return str_take(&t);
}

static void defect_shows(const struct shows *row)
{
	_cleanup_free_ char *good = description(row, ""), *again = description(row, "");

	assert_string_equal(good, again);
	if (row->real && strstr(good, NOT_REAL))
		return;
	for (size_t i = 0; i < CHANCES; i++) {
		_cleanup_free_ char *bad = description(row, row->defect);

		if (strcmp(good, bad) != 0)
			return;
	}
	fail_msg("%s shows nothing:\n%s", row->defect, good);
}

static void every_defect_shows(void **state)
{
	_cleanup_strv_ struct strv rows = STRV_INIT;
	size_t n = 0;

	(void)state;
	list_defects(&rows);
	for (size_t i = 0; i < rows.n; i++) {
		_cleanup_strv_ struct strv f = STRV_INIT;
		const struct shows *row = shows;

		strv_split(&f, rows.items[i], '\t');
		assert_int_equal(f.n, 4); /* name, what, where, clause */
		while (row < shows + ARRAY_SIZE(shows) && strcmp(row->defect, f.items[0]) != 0)
			row++;
		if (row == shows + ARRAY_SIZE(shows) &&
		    (str_starts(f.items[3], "FD-") || str_starts(f.items[3], "PROTO-") ||
		     str_starts(f.items[3], "ABI-") || str_starts(f.items[3], "SEC-") ||
		     str_starts(f.items[3], "POD-") || str_starts(f.items[3], "LIFE-") ||
		     !strcmp(f.items[3], "ANN-13")))
			continue; /* refrun_{fd,filter,pod,life}_test.c, or a run */
		if (row == shows + ARRAY_SIZE(shows) && str_starts(f.items[3], "FLT-"))
			continue; /* it takes a shim: make mutants */
		if (row == shows + ARRAY_SIZE(shows))
			fail_msg("no spec shows %s", f.items[0]);
		defect_shows(row);
		n++;
	}
	assert_int_equal(n, ARRAY_SIZE(shows));
}

/* The table says in which file each defect bites. */
static void every_defect_is_where_the_table_says(void **state)
{
	static const struct {
		const char *id, *where;
	} places[] = {
#define PLACE(id, name, what, where, clause) { "D_" #id, where },
		REFRUN_DEFECTS(PLACE)
#undef PLACE
	};
	const char *folder = access("fixtures/refrun", F_OK) == 0 ? "fixtures/refrun" : NULL;

	(void)state;
	if (!folder) {
		print_message("the sources are not there: run it at the top of the tree\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = str_format("%s/%s", folder, places[i].where);
		_cleanup_str_ struct str text = STR_INIT;

		assert_int_equal(fs_read_at(AT_FDCWD, path, 1u << 20, &text, NULL, NULL), 0);
		if (!strstr(str_text(&text), places[i].id))
			fail_msg("%s is not in %s", places[i].id, path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_defect_is_where_the_table_says),
		cmocka_unit_test(directfs_is_where_the_clauses_put_it),
		cmocka_unit_test(mount_lines_are_those_of_runsc),
		cmocka_unit_test(start_errors_are_clear_and_leave_nothing),
		cmocka_unit_test(warnings_are_worded_as_quoted),
		cmocka_unit_test(an_overlaid_mount_shows_in_the_log),
		cmocka_unit_test(mounts_are_real_where_namespaces_are),
		cmocka_unit_test(a_created_container_lives_and_goes),
		cmocka_unit_test(tmpfs_begins_empty_and_is_one_for_a_container),
		cmocka_unit_test(every_defect_shows),
	};

	return rig_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
