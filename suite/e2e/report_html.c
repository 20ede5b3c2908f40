/*
 * The HTML page in a real browser: headless Chromium loads a generated page and prints the document
 * as its script left it. Skipped, with the reason, where there is no Chromium.
 */
#include "suite/unit/report_golden_test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define BROWSER_DEADLINE_MS 120000
#define MANY_CASES 10000
#define MANY_MESSAGES 1000

struct place {
	char dir[64];
	char browser[4096];
};

static int set_up(void **state)
{
	static const char *const names[] = { "chromium-headless-shell", "chromium",
					     "chromium-browser", "google-chrome", "chrome" };
	static struct place place;

	/* The browser's helpers outlive it; as their reaper, the test can wait until all are gone. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	for (size_t i = 0; !*place.browser && i < ARRAY_SIZE(names); i++)
		if (!find_program(names[i], place.browser))
			*place.browser = '\0';
	snprintf(place.dir, sizeof(place.dir), "/tmp/gofercert-html.XXXXXX");
	*state = &place;
	return mkdtemp(place.dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	_cleanup_close_ int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fs_remove_tree(tmp, p->dir + strlen("/tmp/"), NULL);
}

/* Waits for pid, then ends what is left of its group; 128 + signal; -1 if it did not end in time. */
static int reap(pid_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int status = 0, ended = poll(&wait, 1, BROWSER_DEADLINE_MS);

	kill(-pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || ended != 1)
		return -1;
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Opens page.html with the fragment; out receives the document, err what the browser said. */
static int start_browser(const struct place *p, const char *fragment, int out, int err)
{
	_cleanup_free_ char *url = str_format("file://%s/page.html%s", p->dir, fragment);
	_cleanup_free_ char *profile = str_format("--user-data-dir=%s/profile", p->dir);
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const char *const argv[] = { p->browser,
				     "--headless",
				     "--no-sandbox",
				     "--disable-gpu",
				     "--disable-quic",
				     "--no-first-run",
				     "--disable-background-networking",
				     "--disable-component-update",
				     "--disable-sync",
				     profile,
				     "--dump-dom",
				     url,
				     NULL };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setpgid(0, 0) == 0 && setenv("HOME", p->dir, 1) == 0 && dup2(null, 0) == 0 &&
		    dup2(out, 1) == 1 && dup2(err, 2) == 2)
			execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	setpgid(pid, pid);
	return reap(pid);
}

/*
 * The document that the browser makes of page.html. A browser now and then dies of a signal at its
 * start, whatever the page; a page that kills the browser kills the second one, too.
 */
static void browse(const struct place *p, const char *fragment, struct str *ret_dom)
{
	_cleanup_close_ int out = fd_of("", 0), err = fd_of("", 0);
	_cleanup_str_ struct str said = STR_INIT;
	int status = start_browser(p, fragment, out, err);

	if (status > 128) {
		print_message("%s ended with %d: once more\n", p->browser, status);
		assert_int_equal(ftruncate(out, 0), 0);
		assert_int_equal(lseek(out, 0, SEEK_SET), 0);
		status = start_browser(p, fragment, out, err);
	}
	if (status != 0 && lseek(err, 0, SEEK_SET) == 0 &&
	    fs_read_fd(err, 1u << 20, &said, NULL, NULL) == 0)
		fail_msg("%s ended with %d: %s", p->browser, status, str_text(&said));
	assert_int_equal(status, 0);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	assert_int_equal(fs_read_fd(out, 256u << 20, ret_dom, NULL, NULL), 0);
}

/* Writes the record's page and opens it. */
static void open_page(void **state, const struct record *r, const char *fragment,
		      struct str *ret_dom)
{
	const struct place *p = *state;
	_cleanup_free_ char *path = str_format("%s/page.html", p->dir);
	_cleanup_str_ struct str page = STR_INIT;

	if (!*p->browser) {
		print_message("skipped: there is no chromium on PATH\n");
		skip();
	}
	report_in("html", r, &page);
	if (unlink(path) < 0)
		assert_int_equal(errno, ENOENT);
	assert_int_equal(fs_write_at(AT_FDCWD, path, page.data, page.len, 0600, NULL), 0);
	browse(p, fragment, ret_dom);
	assert_has(str_text(ret_dom), " data-rendered=\""); /* the script ran to its end */
}

/* The characters of the element that begins at open, without tags, up to close. */
static char *inner_text(const char *dom, const char *open, const char *close)
{
	struct str s = STR_INIT;
	const char *p = strstr(dom, open), *end = p ? strstr(p, close) : NULL;
	bool tag = true;

	assert_non_null(end);
	for (; p < end; p++) {
		if (*p == '<' || *p == '>')
			tag = *p == '<';
		else if (!tag)
			str_add_char(&s, *p);
	}
	return str_take(&s);
}

static void the_matrix_holds_every_case(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str dom = STR_INIT;

	golden_record(&r);
	open_page(state, &r, "", &dom);
	for (int v = 0; v < VERDICT_N; v++) {
		_cleanup_free_ char *cell = str_format("class=\"cell v v%d\"", v);

		assert_int_equal(count_of(str_text(&dom), cell), golden_counts[v]);
	}
	assert_int_equal(count_of(str_text(&dom), "<section class=\"family\">"), 3);
	assert_int_equal(count_of(str_text(&dom), "class=\"clause\""), 10);
	assert_has(str_text(&dom), "aria-label=\"MNT-1/on.off: fail\"");
	assert_has(str_text(&dom), ">13 cases</output>");
	assert_has(str_text(&dom), "id=\"panel\" aria-label=\"One case\" tabindex=\"-1\" hidden");
}

static void a_link_opens_one_case_with_its_replay_command(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str dom = STR_INIT;

	golden_record(&r);
	open_page(state, &r, "#case=MNT-1%2Fon.off", &dom);
	_cleanup_free_ char *replay = inner_text(str_text(&dom), "<pre id=\"replay\">", "</pre>");
	assert_string_equal(replay,
			    "gofercert run --runtime build/runtimes/opt-out/runsc --seed 42 "
			    "--filter 'MNT-1/on.off'");
	_cleanup_free_ char *panel = inner_text(str_text(&dom), "<aside ", "</aside>");
	assert_has(panel, "the mount kept directfs");
	assert_has(panel, "options[directfs] of /data seen by guest");
	assert_has(panel, "annotation: dev.gvisor.spec.mount.data.directfs=off");
	assert_has(panel, "mount hint data: directfs off");
	assert_has(str_text(&dom), "<mark class=\"got\">directfs</mark>");
	assert_has(str_text(&dom), "<a href=\"./evidence/s0003/\">");
	assert_int_equal(count_of(str_text(&dom), " aria-current=\"true\""), 1);
}

static void the_panel_shows_the_messages(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str dom = STR_INIT, none = STR_INIT;

	golden_record(&r);
	open_page(state, &r, "#case=MNT-1%2Fon.off", &dom);
	assert_int_equal(count_of(str_text(&dom), "<tr class=\"message\">"), 4);
	assert_int_equal(count_of(str_text(&dom), "<td class=\"fd\">"), 3);
	assert_int_equal(count_of(str_text(&dom), "<td class=\"tampered\">"), 1);
	_cleanup_free_ char *table = inner_text(str_text(&dom), "<div class=\"wire\"", "</div>");
	assert_has(table, "2data\xe2\x86\x90Mount reply root={control_fd=1}");
	assert_has(table, "fd[0] dir  O_PATH|O_DIRECTORY  mnt 123  /srv/data  kept: sentry:7");
	assert_has(table, "fd[1] socket");
	assert_has(table, "tampered: a second FD was added");
	assert_has(str_text(&dom), "8 more, which the evidence holds");

	open_page(state, &r, "#case=MNT-1%2Fon.default", &none);
	assert_has(str_text(&none), "<aside ");
	assert_null(strstr(str_text(&none), "class=\"wire\""));
}

/* A thousand lines, with markup in every text that a line may have. */
static void many_messages_are_shown_as_text(void **state)
{
	static const char attack[] = "<img src=x onerror=\\\"document.body.dataset.ran=1\\\">";
	_cleanup_str_ struct str text = STR_INIT, dom = STR_INIT;
	_cleanup_record_ struct record r = { 0 };

	str_add(&text,
		"{\"type\":\"run\",\"schema\":1,\"target\":{},\"profile\":\"p\"}\n{\"type\":\"case\","
		"\"id\":\"x\",\"clause\":\"c\",\"family\":\"f\",\"verdict\":\"fail\",\"wire\":[");
	for (int i = 0; i < MANY_MESSAGES; i++)
		str_printf(
			&text,
			"%s{\"n\":%d,\"mount\":\"%s\",\"dir\":\"%s\",\"text\":\"%s\",\"note\":\"%s\","
			"\"fds\":[{\"name\":\"%s\",\"type\":\"%s\",\"target\":\"%s\",\"kept\":\"%s\"}]}",
			i ? "," : "", i, attack, attack, attack, attack, attack, attack, attack,
			attack);
	str_add(&text, "]}\n{\"type\":\"end\",\"exit\":1}\n");
	record_of_text(str_text(&text), &r);
	open_page(state, &r, "#case=x", &dom);
	assert_int_equal(count_of(str_text(&dom), "<tr class=\"message\">"), MANY_MESSAGES);
	assert_null(strstr(str_text(&dom), "data-ran"));
	assert_null(strstr(str_text(&dom), "<img"));
	assert_has(str_text(&dom), "&lt;img src=x");
}

static void the_head_names_the_target(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str dom = STR_INIT;

	record_of_text(
		"{\"type\":\"run\",\"schema\":1,\"target\":{\"path\":\"build/refrun\",\"version\":"
		"\"refrun 0.1.0\",\"sha256\":\"abab\",\"reference\":true},\"profile\":\"opt-out\"}\n"
		"{\"type\":\"end\",\"exit\":4}\n",
		&r);
	open_page(state, &r, "", &dom);
	_cleanup_free_ char *head = inner_text(str_text(&dom), "<header>", "</header>");
	assert_has(head, "nothing ran");
	assert_has(head, "this is refrun, the reference runtime");
	assert_has(head, "build/refrun");
	assert_has(head, "abab");
	assert_has(str_text(&dom), "No case was judged.");
}

/* Script in a record's texts stays text, opened or not. */
static void nothing_in_a_record_runs(void **state)
{
	static const char attack[] = "<img src=x onerror=\\\"document.body.dataset.ran=1\\\">"
				     "</script><script>document.body.dataset.ran=1</script>\\u2028";
	_cleanup_str_ struct str text = STR_INIT, dom = STR_INIT;
	_cleanup_record_ struct record r = { 0 };

	str_add(&text, "{\"type\":\"run\",\"schema\":1,\"target\":{\"path\":\"");
	str_add(&text, attack);
	str_printf(
		&text,
		"\"},\"profile\":\"p\"}\n{\"type\":\"case\",\"id\":\"x\",\"clause\":\"%s\",\"family\":\"%s\","
		"\"row\":\"%s\",\"reason\":\"%s\",\"log\":\"%s\",\"replay\":\"%s\",\"spec\":[\"%s\"],"
		"\"evidence\":[\"javascript:%s\",\"../%s\"],\"known\":{\"link\":\"javascript:%s\"},"
		"\"facts\":[{\"property\":\"%s\",\"expected\":\"%s\",\"observed\":\"%s\",\"state\":\"fail\"}],"
		"\"verdict\":\"fail\"}\n{\"type\":\"end\",\"exit\":1}\n",
		attack, attack, attack, attack, attack, attack, attack, attack, attack, attack,
		attack, attack, attack);
	record_of_text(str_text(&text), &r);
	open_page(state, &r, "#case=x", &dom);
	assert_null(strstr(str_text(&dom), "data-ran"));
	assert_null(strstr(str_text(&dom), "<img"));
	assert_null(strstr(str_text(&dom), "href=\"javascript:"));
	assert_null(strstr(str_text(&dom), "href=\"./../"));
	assert_has(str_text(&dom), "class=\"cell v v1\"");
	assert_has(str_text(&dom), "&lt;img src=x");
}

/* Cells far below the window are not made before they are needed; the measure is printed. */
static void many_cases_render_lazily(void **state)
{
	_cleanup_str_ struct str text = STR_INIT, dom = STR_INIT;
	_cleanup_record_ struct record r = { 0 };

	str_add(&text, "{\"type\":\"run\",\"schema\":1,\"target\":{},\"profile\":\"p\"}\n");
	for (int i = 0; i < MANY_CASES; i++)
		str_printf(
			&text,
			"{\"type\":\"case\",\"id\":\"F%d-%d/row%d\",\"clause\":\"F%d-%d\",\"family\":\"F%d\","
			"\"row\":\"row%d\",\"verdict\":\"%s\",\"reason\":\"why\",\"spec\":[\"global: on\","
			"\"mount: bind /srv on /data\"],\"replay\":\"gofercert run --filter row%d\"}\n",
			i % 9, i % 5, i, i % 9, i % 5, i % 9, i, i % 50 ? "pass" : "fail", i);
	str_add(&text, "{\"type\":\"end\",\"exit\":1}\n");
	record_of_text(str_text(&text), &r);
	open_page(state, &r, "#case=F4-4%2Frow9994", &dom);
	assert_has(str_text(&dom), ">10000 cases</output>");
	assert_in_range(count_of(str_text(&dom), "class=\"cell v "), 1, MANY_CASES / 2);
	_cleanup_free_ char *replay = inner_text(str_text(&dom), "<pre id=\"replay\">", "</pre>");
	assert_string_equal(replay, "gofercert run --filter row9994");
	const char *ms = strstr(str_text(&dom), "data-rendered=\"") + strlen("data-rendered=\"");
	print_message("%d cases rendered %lu ms after the page was opened\n", MANY_CASES,
		      strtoul(ms, NULL, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_matrix_holds_every_case),
		cmocka_unit_test(a_link_opens_one_case_with_its_replay_command),
		cmocka_unit_test(the_panel_shows_the_messages),
		cmocka_unit_test(many_messages_are_shown_as_text),
		cmocka_unit_test(the_head_names_the_target),
		cmocka_unit_test(nothing_in_a_record_runs),
		cmocka_unit_test(many_cases_render_lazily),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
