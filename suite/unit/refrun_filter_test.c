/* Refrun's gofer: the seccomp filter that it has while it serves, and that each seeded defect of it shows. */
#include "suite/unit/refrun_rig.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "harness/interpose/dump.h"
#include "harness/observe/filter_lisafs.h"
#include "harness/observe/filter_probe.h"

#define OFF_A HINT("x", "@/src/a"), DIRECTFS("x", "off")
#define OFF_B HINT("y", "@/src/b"), DIRECTFS("y", "off")
#define OFF_ROOTFS                       \
	ROOTFS_HINT,                     \
	{                                \
		ROOTFS "directfs", "off" \
	}

/* What is seen of a gofer's filter. */
struct sight {
	size_t programs;
	enum filter_lisafs lisafs;
	uint32_t otherwise; /* what a call gets that no gofer makes */
	bool sockets;
	struct str why;
};

static void sight_clear(struct sight *s)
{
	str_clear(&s->why);
}
#define _cleanup_sight_ _cleanup_(sight_clear)

static pid_t gofer_of(const struct world *w)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_str_ struct str text = STR_INIT;

	assert_int_equal(fs_read_at(w->fd, "root/c1.json", TEXT_LIMIT, &text, NULL, NULL), 0);
	assert_int_equal(json_parse(str_text(&text), text.len, &o, NULL), 0);
	return (pid_t)json_int_or(o, "gofer", 0);
}

/* 0, or why this process may not look: -EACCES, -EPERM. */
static int look(pid_t pid, struct sight *ret)
{
	static const uint64_t none[6];
	_cleanup_dump_ struct dump d = { 0 };
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	const uint32_t arch = filter_native_arch();
	int r = dump_filters(pid, &d, &err);

	if (r == -EACCES || r == -EPERM)
		return r;
	if (r < 0)
		fail_msg("%s", hx_error_text(&err));
	ret->programs = d.filters.n;
	if (!d.filters.n)
		return 0;
	assert_int_equal(bpf_check_stack(&d.filters, &err), 0);
	ret->lisafs = filter_lisafs(&d.filters, arch, PROFILE_NEWEST, &ret->why);
	ret->sockets = filter_allows(&d.filters, arch, SYS_socket, none);
	return filter_result(&d.filters, arch, SYS_ptrace, none, &ret->otherwise);
}

static void see(const struct annotation *a, const char *flags, struct sight *ret)
{
	_cleanup_free_ char *create = str_format("--overlay2=none%s%s create -bundle bundle c1",
						 *flags ? " " : "", flags);
	_cleanup_seen_ struct seen s = { 0 };
	struct world w;

	world_make(&w);
	write_config(&w, a, NULL, true);
	int status = call(&w, create, NULL);
	int r = status ? 0 : look(gofer_of(&w), ret);
	call(&w, "delete --force c1", NULL);
	collect(&w, &s);
	world_clear(&w);
	if (status)
		fail_msg("%s: exit %d: %s", flags, status, str_text(&s.err));
	assert_int_equal(s.left.n, 0);
	if (r < 0) {
		print_message("skipped: dumping filters needs CAP_SYS_ADMIN and no filter here\n");
		skip();
	}
}

static const struct {
	const char *name, *flags;
	struct annotation a[16];
	enum filter_lisafs lisafs;
	bool sockets;
} good[] = {
	{ "nothing off", "", {}, FILTER_LISAFS_NONE, false },
	{ "one off", "", { OFF_A }, FILTER_LISAFS_ALL, false },
	{ "all off", "", { OFF_A, OFF_B, OFF_ROOTFS }, FILTER_LISAFS_ALL, false },
	{ "rootfs off", "", { OFF_ROOTFS }, FILTER_LISAFS_ALL, false },
	{ "flag off", "--directfs=false", {}, FILTER_LISAFS_ALL, false },
	{ "flag off by annotation",
	  "--allow-flag-override",
	  { { "dev.gvisor.flag.directfs", "false" } },
	  FILTER_LISAFS_ALL,
	  false },
	{ "off on a tmpfs, which no gofer serves",
	  "",
	  { HINT_OF("x", "@/src/a", "tmpfs", "container"), DIRECTFS("x", "off") },
	  FILTER_LISAFS_NONE,
	  false },
	{ "host-uds", "--host-uds=all", {}, FILTER_LISAFS_NONE, true },
	{ "host-uds, one off", "--host-uds=all", { OFF_A }, FILTER_LISAFS_ALL, true },
};

static void a_filter_is_as_wide_as_the_clauses_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_sight_ struct sight s = { 0 };

		see(good[i].a, good[i].flags, &s);
		if (s.programs != 1 || s.lisafs != good[i].lisafs ||
		    s.otherwise != SECCOMP_RET_KILL_PROCESS || s.sockets != good[i].sockets)
			fail_msg("%s: %zu programs, lisafs %s, otherwise %#x, sockets %d\n%s",
				 good[i].name, s.programs, filter_lisafs_name(s.lisafs),
				 s.otherwise, s.sockets, str_text(&s.why));
	}
}

static const struct {
	const char *defect;
	struct annotation a[8];
	size_t programs;
	enum filter_lisafs lisafs;
	uint32_t otherwise;
} defects[] = {
	{ "filter-too-narrow", { OFF_A }, 1, FILTER_LISAFS_NONE, SECCOMP_RET_KILL_PROCESS },
	{ "filter-without-argument-check",
	  { OFF_A },
	  1,
	  FILTER_LISAFS_ELSE,
	  SECCOMP_RET_KILL_PROCESS },
	{ "filter-too-wide", {}, 1, FILTER_LISAFS_ALL, SECCOMP_RET_KILL_PROCESS },
	/* what its time is shows to a tracer alone: e2e_defects */
	{ "filter-installed-late", { OFF_A }, 1, FILTER_LISAFS_ALL, SECCOMP_RET_KILL_PROCESS },
	{ "no-filter", {}, 0, FILTER_LISAFS_NONE, 0 },
	{ "filter-returns-errno", {}, 1, FILTER_LISAFS_NONE, SECCOMP_RET_ERRNO | EPERM },
};

static void every_defect_shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(defects); i++) {
		_cleanup_free_ char *flags = str_format("--defect=%s", defects[i].defect);
		_cleanup_sight_ struct sight s = { 0 };

		see(defects[i].a, flags, &s);
		if (s.programs != defects[i].programs || s.lisafs != defects[i].lisafs ||
		    s.otherwise != defects[i].otherwise)
			fail_msg("%s: %zu programs, lisafs %s, otherwise %#x\n%s",
				 defects[i].defect, s.programs, filter_lisafs_name(s.lisafs),
				 s.otherwise, str_text(&s.why));
	}
}

/* Those of --list-defects that are about filters have a row, or the test below. */
static void every_defect_has_a_row(void **state)
{
	_cleanup_strv_ struct strv rows = STRV_INIT;

	(void)state;
	list_defects(&rows);
	for (size_t i = 0; i < rows.n; i++) {
		_cleanup_strv_ struct strv f = STRV_INIT;
		size_t row = 0;

		assert_int_equal(strv_split(&f, rows.items[i], '\t'), 0);
		if (!str_starts(f.items[2], "SEC-") || !strcmp(f.items[0], "filter-forgets-rootfs"))
			continue;
		while (row < ARRAY_SIZE(defects) && strcmp(defects[row].defect, f.items[0]) != 0)
			row++;
		if (row == ARRAY_SIZE(defects))
			fail_msg("no row shows %s", f.items[0]);
	}
}

/* It is killed before the container stands, or nobody asks it anything: where there is no FUSE. */
static void a_forgotten_rootfs_is_not_served(void **state)
{
	static const struct annotation a[] = { OFF_ROOTFS, { 0 } };
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	run(a, "--overlay2=none --defect=filter-forgets-rootfs", NULL, &s);
	if (s.status == 0 && strstr(str_text(&s.log), "served natively"))
		skip();
	assert_int_equal(s.status, 128);
	assert_int_equal(s.left.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_is_as_wide_as_the_clauses_say),
		cmocka_unit_test(every_defect_shows),
		cmocka_unit_test(every_defect_has_a_row),
		cmocka_unit_test(a_forgotten_rootfs_is_not_served),
	};

	return rig_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
