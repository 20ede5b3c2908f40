/*
 * `gofercert gofer`: good gofers conform; each thing that can be wrong with one is planted, and the
 * case that is about it must fail. The planted gofers are this program itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fakegofer/backend/host.h"
#include "fakegofer/server/server.h"
#include "suite/e2e/support/gofercert.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN true
#else
#define HAS_ASAN false
#endif

/* The planted gofers ---------------------------------------------------------------------------- */

#define GREED (128u << 20)

struct reply {
	uint16_t id;
	const void *payload;
	uint32_t n;
	int fds[LISAFS_FDS_MAX];
	size_t n_fds;
};

static volatile size_t past = 8;
static void *volatile kept;

#define PLANTED __attribute__((noinline, noclone)) static

PLANTED void plant_overflow(void)
{
	char *volatile bytes = calloc(1, past);

	if (bytes && bytes[past] == 'x')
		abort();
	free(bytes);
}

PLANTED void plant_leak(void)
{
	kept = malloc(past);
	kept = NULL;
}

PLANTED void plant_fd(void)
{
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
		abort(); /* and no tail call, which would leave this function out of the stack */
}

static void plant_greed(void)
{
	char *bytes = malloc(GREED);

	if (bytes)
		memset(bytes, 'x', GREED);
	kept = bytes;
}

static void error_reply(struct reply *r, uint32_t code)
{
	static struct lisafs_error_reply error;

	error.error = code;
	r->id = LISAFS_ERROR;
	r->payload = &error;
	r->n = sizeof(error);
}

static void replace_fds(struct reply *r)
{
	for (size_t i = 0; i < r->n_fds; i++) {
		close(r->fds[i]);
		r->fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

/* What the plant makes of a reply to message id; false: it is not sent. */
static bool tamper(const char *plant, uint16_t id, struct reply *r)
{
	static uint8_t grown[4096];

	if (!strcmp(plant, "overflow") && id == LISAFS_FSTAT)
		plant_overflow();
	else if (!strcmp(plant, "leak") && id == LISAFS_FSTAT)
		plant_leak();
	else if (!strcmp(plant, "fd") && id == LISAFS_FSTAT)
		plant_fd();
	else if (!strcmp(plant, "fd-growth") && id == LISAFS_UNLINKAT)
		plant_fd();
	else if (!strcmp(plant, "other-fd"))
		replace_fds(r);
	else if (!strcmp(plant, "wrong-errno") && r->id == LISAFS_ERROR)
		error_reply(r, EXDEV);
	else if (!strcmp(plant, "any-name") && id == LISAFS_UNLINKAT && r->id == LISAFS_ERROR)
		*r = (struct reply){ .id = id };
	else if (!strcmp(plant, "silence") && id >= LISAFS_ID_N)
		return false;
	else if (!strcmp(plant, "crash") && r->id == LISAFS_ERROR)
		raise(SIGKILL); /* as any signal, and with no report of a sanitizer's */
	else if (!strcmp(plant, "long-read") && id == LISAFS_PREAD && r->n > 8) {
		memcpy(grown, r->payload, r->n);
		grown[0]++;
		grown[r->n] = 'x';
		r->payload = grown;
		r->n++;
	}
	return true;
}

static int answer(const char *plant, struct server *s, struct wire *w, struct wire_frame *frame)
{
	int fds[WIRE_FDS_MAX];
	size_t n_fds = frame->fds.n;
	struct reply r = { 0 };
	int rc;

	for (size_t i = 0; i < n_fds; i++)
		fds[i] = wire_frame_take_fd(frame, i);
	if (!strcmp(plant, "keep-fds"))
		n_fds = 0; /* not handed to the server, which would close them */
	rc = server_handle(s, frame->header.id, frame->payload, frame->header.length, fds, n_fds,
			   &r.id, &r.payload, &r.n, r.fds, &r.n_fds);
	if (rc < 0 || !tamper(plant, frame->header.id, &r))
		return rc;
	rc = wire_send(w, WIRE_FOREVER, r.id, r.payload, r.n, r.fds, r.n_fds);
	for (size_t i = 0; i < r.n_fds; i++)
		close(r.fds[i]);
	return rc;
}

/* --plant=WHAT --fd=N --root=DIR */
static int gofer_main(char **argv)
{
	const char *plant = argv[1] + strlen("--plant=");
	const struct server_options options = {
		.dialect = strcmp(plant, "statx") ? LISAFS_DIALECT_2026_09 : LISAFS_DIALECT_152,
		.supported = UINT64_MAX,
		.donate = true,
	};
	_cleanup_close_ int root = open(argv[3] + strlen("--root="), O_RDONLY | O_CLOEXEC);
	_cleanup_backend_ struct backend *b = NULL;
	_cleanup_server_ struct server *s = NULL;
	_cleanup_wire_ struct wire w = WIRE_INIT;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	int fd = atoi(argv[2] + strlen("--fd=")), rc;

	if (backend_host_new(root, NULL, &b) < 0)
		return 3;
	root = -1;
	if (server_new(fcntl(fd, F_DUPFD_CLOEXEC, 0), b, &options, &s) < 0 || wire_open(fd, &w) < 0)
		return 3;
	do {
		rc = wire_recv(&w, WIRE_FOREVER, &frame);
		if (rc == 0)
			rc = answer(plant, s, &w, &frame);
	} while (rc == 0);
	if (rc == -EMSGSIZE && !strcmp(plant, "greed")) {
		struct reply r = { 0 };

		plant_greed();
		error_reply(&r, EMSGSIZE);
		(void)wire_send(&w, WIRE_FOREVER, r.id, r.payload, r.n, NULL, 0);
		(void)wire_recv(&w, WIRE_FOREVER,
				&frame); /* the same again; then the peer leaves */
		pause();
	}
	if (!strcmp(plant, "end"))
		pause();
	return rc == -ENODATA || rc == -ECONNRESET || rc == -EPIPE ? 0 : 1;
}

/* The tests --------------------------------------------------------------------------------------- */

static char self[4096];

struct red {
	const char *name;
	const char *plant;
	const char *filter;
	const char *under; /* NULL = no tool */
	const char *property;
	const char *stack; /* that the log has to name; NULL = none */
};

static const struct red reds[] = {
	{ "a Statx of another size", "statx", "ABI-G1/mount", NULL, "Statx", NULL },
	{ "another file donated", "other-fd", "FD-G1/donated", NULL, "donated FD", NULL },
	{ "another file opened", "other-fd", "FD-G2/opened", NULL, "FD beside OpenAt", NULL },
	{ "FDs of requests kept", "keep-fds", "FD-G3/requests-with-fds", NULL, "FDs of the gofer",
	  NULL },
	{ "a wrong errno", "wrong-errno", "PROTO-G1/names", NULL, "answer", NULL },
	{ "a path for a name", "any-name", "PROTO-G2/UnlinkAt", NULL, "UnlinkAt", NULL },
	{ "no answer", "silence", "PROTO-G3/unknown", NULL, "answer to", NULL },
	{ "a crash", "crash", "PROTO-G3/truncated", NULL, "end of the gofer", NULL },
	{ "memory for a claim", "greed", "PROTO-G3/oversized", NULL, "memory", NULL },
	{ "a wrong errno for an id", "wrong-errno", "PROTO-G4/never-given", NULL, "answer", NULL },
	{ "more than was asked for", "long-read", "PROTO-G5/bounds", NULL, "PRead", NULL },
	{ "FDs that are not given back", "fd-growth", "PROTO-G6/growth", NULL, "FDs of the gofer",
	  NULL },
	{ "a gofer that stays", "end", "ABI-G1/mount", NULL, "end of the gofer", NULL },
	{ "an overflow, under valgrind", "overflow", "PROTO-G2/Walk", "valgrind", "memory",
	  "plant_overflow" },
	{ "a leak, under valgrind", "leak", "PROTO-G2/Walk", "valgrind", "memory", "plant_leak" },
	{ "an FD leak, under valgrind", "fd", "PROTO-G2/Walk", "valgrind", "memory", "plant_fd" },
	{ "an overflow, under asan", "overflow", "PROTO-G2/Walk", "asan", "memory",
	  "plant_overflow" },
	{ "a leak, under asan", "leak", "PROTO-G2/Walk", "asan", "memory", "plant_leak" },
};

static void run_gofer(struct scene *s, const char *under, const char *filter, const char *plant,
		      struct ran *ret)
{
	_cleanup_free_ char *out = str_format("%s/gofer-%u", s->folder, s->runs++);
	_cleanup_free_ char *word = str_format("--plant=%s", plant);
	const char *argv[] = { "gofer",    "--out", out,         "--timeout",     "20",
			       "--filter", filter,  "--under",   under,           "--",
			       self,       word,    "--fd={fd}", "--root={root}", NULL };
	const char *bare[] = { "gofer",     "--out",         out,  "--timeout", "2",
			       "--filter",  filter,          "--", self,        word,
			       "--fd={fd}", "--root={root}", NULL };

	gofercert(s, under ? argv : bare, ret);
}

static const char *log_of(const struct ran *r, const char *id)
{
	struct json_object *c = case_of(r, id);

	return c ? json_string_or(c, "log", "") : "";
}

static bool fails_by(const struct ran *r, const char *id, const char *property)
{
	struct json_object *facts = NULL;

	if (!case_of(r, id) || json_get_array(case_of(r, id), "facts", &facts, NULL) < 0)
		return false;
	for (size_t i = 0; i < json_object_array_length(facts); i++)
		if (!strcmp(json_string_or(json_object_array_get_idx(facts, i), "property", ""),
			    property))
			return true;
	return false;
}

static bool is_there(const char *tool)
{
	if (!tool)
		return true;
	if (!strcmp(tool, "asan"))
		return HAS_ASAN;
	/* what the sanitizers are built into does not run under valgrind */
	return !HAS_ASAN && access("/usr/bin/valgrind", X_OK) == 0;
}

static void test_red(void **state)
{
	const struct red *x = *state;
	struct scene s;
	struct ran r;

	if (!is_there(x->under)) {
		print_message("%s is not here\n", x->under);
		skip();
	}
	scene_begin(&s);
	run_gofer(&s, x->under, x->filter, x->plant, &r);
	if (r.exit != 1 || !fails_by(&r, x->filter, x->property) ||
	    (x->stack && !strstr(log_of(&r, x->filter), x->stack)))
		fail_msg("%s: exit %d, or nothing of %s\n%s%s%s", x->name, r.exit, x->property,
			 str_text(&r.out), str_text(&r.err), log_of(&r, x->filter));
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

static void conforms(struct scene *s, const char *const *argv)
{
	struct ran r;

	gofercert(s, argv, &r);
	if (r.exit != 0)
		fail_msg("exit %d:\n%s%s", r.exit, str_text(&r.out), str_text(&r.err));
	assert_true(r.record.n_cases > 25);
	assert_int_equal(r.record.counts[VERDICT_BROKEN] + r.record.counts[VERDICT_FAIL], 0);
	ran_clear(&r);
}

static void test_good_gofers(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	_cleanup_free_ char *host = scene_path(&s, "host"), *memory = scene_path(&s, "memory");
	_cleanup_free_ char *stock = scene_path(&s, "stock"), *plain = scene_path(&s, "plain");
	const char *program = getenv("GOFERCERT") ? getenv("GOFERCERT") : "build/gofercert";
	const char *on_host[] = { "gofer",     "--out",     host,   "--",     program,
				  "fakegofer", "--backend", "host", "--root", "{root}",
				  "--donate",  "--fd",      "{fd}", NULL };
	const char *in_memory[] = { "gofer",     "--out", memory, "--", program,
				    "fakegofer", "--fd",  "{fd}", NULL };
	const char *unplanted[] = { "gofer",           "--out",     plain,           "--", self,
				    "--plant=nothing", "--fd={fd}", "--root={root}", NULL };

	conforms(&s, on_host);
	conforms(&s, in_memory);
	conforms(&s, unplanted);
	_cleanup_free_ char *peer =
		str_format("%s/gvisor-peer/gvisor-peer",
			   getenv("RUNTIMES") ? getenv("RUNTIMES") : "build/runtimes");
	const char *of_gvisor[] = { "gofer", "--known", "fixtures/known/known.json",
				    "--out", stock,     "--",
				    peer,    "gofer",   "--donate",
				    "--fd",  "{fd}",    "{root}",
				    NULL };
	if (access(peer, X_OK) == 0)
		conforms(&s, of_gvisor);
	assert_nothing_left(&s);
	scene_end(&s);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[ARRAY_SIZE(reds) + 1];

	if (argc == 4 && !strncmp(argv[1], "--plant=", 8))
		return gofer_main(argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	memset(tests, 0, sizeof(tests));
	tests[0] = (struct CMUnitTest)cmocka_unit_test(test_good_gofers);
	for (size_t i = 0; i < ARRAY_SIZE(reds); i++)
		tests[i + 1] = (struct CMUnitTest){
			.name = reds[i].name,
			.test_func = test_red,
			.initial_state = (void *)&reds[i],
		};
	return _cmocka_run_group_tests("gofers", tests, ARRAY_SIZE(tests), NULL, NULL);
}
