/* The shim: what it passes on, how it ends, and that its record has all of it. */
#include "suite/unit/shim_rig.h"

/* Forwarding --------------------------------------------------------------------------------------- */

static void frames_and_fds_go_both_ways(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct stat here, there;
	struct rig g;
	int fd;

	rig_init(&g, state);
	rig_start(&g, 2, "serve");
	assert_int_equal(call(&g, 0, LISAFS_MOUNT, NULL, 0, &f), 0);
	assert_int_equal(f.header.id, LISAFS_MOUNT);
	assert_int_equal(f.fds.n, 1);
	assert_int_equal(fstat(f.fds.fd[0], &there), 0);
	assert_int_equal(fstat(g.folder->fd, &here), 0);
	assert_int_equal(here.st_ino, there.st_ino);
	assert_int_equal(call(&g, 1, LISAFS_WALK, "some bytes", 10, &f), 0);
	assert_memory_equal(f.payload, "some bytes", 10);
	fd = some_fd();
	assert_int_equal(wire_send(&g.sentry[1], WIRE_FOREVER, 77, "x", 1, &fd, 1), 0);
	assert_int_equal(wire_recv(&g.sentry[1], WIRE_FOREVER, &f), 0);
	assert_int_equal(f.fds.n, 1);
	assert_true(same_file(f.fds.fd[0], fd));
	close(fd);
	wire_frame_clear(&f);
	rig_end(&g);
	assert_int_equal(g.status, 0);
	struct json_object *mount = line(&g, "message", "dir", "reply", 0);
	assert_string_equal(json_string_or(fd_of(mount, 0), "type", ""), "dir");
	assert_string_equal(json_string_or(fd_of(mount, 0), "target", ""), g.folder->path);
	assert_int_equal(json_int_or(fd_of(mount, 0), "ino", 0), here.st_ino);
	assert_string_equal(json_string_or(fd_of(mount, 0), "flags", "?"), "100000");
	assert_true(json_int_or(fd_of(mount, 0), "mnt", 0) > 0);
	assert_int_equal(json_int_or(fd_of(mount, 0), "held", 0), 4096);
	struct json_object *other = line(&g, "message", "dir", "request", 1);
	assert_string_equal(json_string_or(other, "data", ""), "736f6d65206279746573");
	assert_int_equal(json_int_or(other, "conn", -1), 1);
	assert_string_equal(
		json_string_or(fd_of(line(&g, "message", "dir", "request", 2), 0), "type", ""),
		"anon");
	assert_non_null(line(&g, "closed", "side", "sentry", 1));
	assert_non_null(line(&g, "death", "of", "gofer", 0));
	assert_ptr_equal(line(&g, "end", NULL, NULL, 0), g.lines[g.n_lines - 1]);
	rig_done(&g);
}

static void large_frames_wait_for_their_reader(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	_cleanup_free_ uint8_t *big = malloc(LISAFS_PAYLOAD_MAX);
	struct rig g;

	rig_init(&g, state);
	memset(big, 0x5a, LISAFS_PAYLOAD_MAX);
	rig_start(&g, 1, "serve");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(call(&g, 0, LISAFS_PWRITE, big, LISAFS_PAYLOAD_MAX, &f), 0);
		assert_int_equal(f.header.length, LISAFS_PAYLOAD_MAX);
		assert_memory_equal(f.payload, big, LISAFS_PAYLOAD_MAX);
	}
	rig_end(&g);
	struct json_object *o = line(&g, "message", "dir", "reply", 2);
	assert_int_equal(json_int_or(o, "length", 0), LISAFS_PAYLOAD_MAX);
	assert_true(json_bool_or(o, "cut", false));
	assert_int_equal(strlen(json_string_or(o, "data", "")), 2 * RECORD_DATA_LIMIT);
	rig_done(&g);
}

static void an_oversized_frame_closes_its_connection_alone(void **state)
{
	static const uint8_t huge[LISAFS_HEADER_SIZE] = { 0xff, 0xff, 0xff, 0x7f, 3 };
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct wire_out out;
	struct rig g;

	rig_init(&g, state);
	rig_start(&g, 2, "serve");
	wire_out_bytes(&out, huge, sizeof(huge), NULL, 0);
	assert_int_equal(wire_push(&g.sentry[0], WIRE_FOREVER, &out), 0);
	assert_int_equal(wire_recv(&g.sentry[0], WIRE_FOREVER, &f), -ENODATA);
	assert_int_equal(call(&g, 1, LISAFS_WALK, "on", 2, &f), 0);
	rig_end(&g);
	assert_string_equal(json_string_or(line(&g, "closed", NULL, NULL, 0), "why", ""),
			    "frame over the limit");
	rig_done(&g);
}

static void read_flood(struct rig *g)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;

	for (uint32_t i = 0; i < 64; i++) {
		uint32_t number;

		assert_int_equal(wire_recv(&g->sentry[0], WIRE_FOREVER, &f), 0);
		memcpy(&number, f.payload, sizeof(number));
		assert_int_equal(number, i);
	}
	assert_int_equal(wire_recv(&g->sentry[0], WIRE_FOREVER, &f), -ENODATA);
}

/* The gofer is dead long before its words are read. */
static void a_dead_gofers_last_words_arrive(void **state)
{
	struct rig g;

	rig_init(&g, state);
	g.plan.channels = SHIM_CHANNELS_KEEP;
	rig_start(&g, 1, "flood");
	ask(&g, 0, LISAFS_PREAD, "go", 2);
	read_flood(&g);
	rig_end(&g);
	rig_done(&g);
}

static void a_half_closed_sentry_still_gets_its_replies(void **state)
{
	struct rig g;

	rig_init(&g, state);
	g.plan.channels = SHIM_CHANNELS_KEEP;
	rig_start(&g, 1, "flood");
	ask(&g, 0, LISAFS_PREAD, "go", 2);
	assert_int_equal(shutdown(g.sentry[0].fd, SHUT_WR), 0);
	read_flood(&g);
	rig_end(&g);
	rig_done(&g);
}

static void a_gofers_death_is_told_before_its_closing(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct rig g;

	rig_init(&g, state);
	rig_start(&g, 1, "kill:31");
	assert_true(wire_recv(&g.sentry[0], WIRE_FOREVER, &f) < 0);
	rig_end(&g);
	assert_true(WIFSIGNALED(g.status));
	assert_int_equal(WTERMSIG(g.status), SIGSYS);
	struct json_object *death = line(&g, "death", "of", "gofer", 0);
	assert_int_equal(json_int_or(death, "signal", 0), SIGSYS);
	assert_true(json_int_or(death, "n", 0) <
		    json_int_or(line(&g, "closed", "side", "gofer", 0), "n", 0));
	rig_done(&g);
}

/* PID 1 of a namespace cannot raise a signal against itself. */
static void even_as_pid_1_it_dies_of_sigsys(void **state)
{
	static const struct {
		const char *what;
		int sig, exit;
	} rows[] = { { "kill:31", SIGSYS, 0 },
		     { "kill:15", 0, 128 + SIGTERM },
		     { "exit:9", 0, 9 } };

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig g;

		rig_init(&g, state);
		rig_start_in(&g, CLONE_NEWPID, 1, rows[i].what, NULL);
		rig_end(&g);
		assert_int_equal(WIFSIGNALED(g.status) ? WTERMSIG(g.status) : 0, rows[i].sig);
		if (!rows[i].sig)
			assert_int_equal(WEXITSTATUS(g.status), rows[i].exit);
		rig_done(&g);
	}
}

static void signals_go_on_to_the_gofer(void **state)
{
	struct rig g;

	rig_init(&g, state);
	rig_start(&g, 1, "close");
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	assert_int_equal(wire_recv(&g.sentry[0], WIRE_FOREVER, &f), -ENODATA); /* it is up */
	kill(g.pid, SIGTERM);
	rig_end(&g);
	assert_int_equal(WTERMSIG(g.status), SIGTERM);
	rig_done(&g);
}

static void it_drops_what_it_does_not_serve(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct rig g;
	int p[2];
	char c;

	rig_init(&g, state);
	assert_int_equal(pipe2(p, 0), 0); /* inherited by the shim and the gofer */
	rig_start(&g, 1, "close");
	close(p[1]);
	assert_int_equal(wire_recv(&g.sentry[0], WIRE_FOREVER, &f), -ENODATA);
	assert_int_equal(read(p[0], &c, 1), 0); /* neither has it any more, and both live */
	assert_int_equal(waitpid(g.pid, NULL, WNOHANG), 0);
	kill(g.pid, SIGTERM);
	close(p[0]);
	rig_end(&g);
	rig_done(&g);
}

/* Beginnings that fail ----------------------------------------------------------------------------- */

static void what_cannot_begin_says_so(void **state)
{
	static const struct {
		const char *tamper, *root, *runtime, *why;
		enum shim_gofer gofer;
	} rows[] = {
		{ "no-such", NULL, NULL, "no tampering \\\"no-such\\\"", SHIM_GOFER_STOCK },
		{ "fd-add", NULL, NULL, "it needs \\\"root\\\"", SHIM_GOFER_STOCK },
		{ "fd-add", "/no/such", NULL, "open /no/such: No such file", SHIM_GOFER_STOCK },
		{ "fd-other", NULL, NULL, "it needs \\\"argument\\\"", SHIM_GOFER_STOCK },
		{ NULL, NULL, "/no/such", "open /no/such: No such file", SHIM_GOFER_STOCK },
		{ NULL, "/no/such", NULL, "the host gofer of connection 0: open /no/such",
		  SHIM_GOFER_HOST },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct shim_plan_mount *m;
		struct rig g;

		rig_init(&g, state);
		m = rig_mount_plan(&g, 0, rows[i].gofer);
		m->tamper = rows[i].tamper ? strdup(rows[i].tamper) : NULL;
		m->root = rows[i].root ? strdup(rows[i].root) : NULL;
		if (rows[i].runtime) {
			free(g.plan.runtime);
			g.plan.runtime = strdup(rows[i].runtime);
		}
		rig_start(&g, 1, "serve");
		rig_end(&g);
		assert_int_equal(WEXITSTATUS(g.status), 125);
		assert_int_equal(g.n_lines, 1);
		_cleanup_free_ char *text = folder_get(g.folder->fd, "wire.1", NULL);
		assert_has(text, "\"type\":\"failed\"");
		assert_has(text, rows[i].why);
		rig_done(&g);
	}
}

/* Channels ----------------------------------------------------------------------------------------- */

static bool lists(const struct wire_frame *f, uint16_t wanted)
{
	struct lisafs_cursor at = { 0 };
	enum lisafs_dialect dialect;
	struct lisafs_message m;
	uint16_t id;

	assert_int_equal(lisafs_dialect_detect(f->payload, f->header.length, &dialect, NULL), 0);
	assert_int_equal(lisafs_decode(dialect, LISAFS_MOUNT, LISAFS_REPLY, f->payload,
				       f->header.length, &m, NULL, NULL),
			 0);
	while (lisafs_next_u16(&m.body.mount_reply.supported, &at, &id))
		if (id == wanted)
			return true;
	return false;
}

static void the_list_is_changed_as_planned(void **state)
{
	static const struct {
		enum shim_channels channels;
		enum shim_gofer gofer;
		bool listed;
		const char *change;
	} rows[] = {
		{ SHIM_CHANNELS_RELAY, SHIM_GOFER_STOCK, true, NULL },
		{ SHIM_CHANNELS_KEEP, SHIM_GOFER_STOCK, true, NULL },
		{ SHIM_CHANNELS_STRIP, SHIM_GOFER_STOCK, false, "removed" },
		{ SHIM_CHANNELS_RELAY, SHIM_GOFER_MEMORY, true, "added" },
		{ SHIM_CHANNELS_KEEP, SHIM_GOFER_MEMORY, true, "added" },
		{ SHIM_CHANNELS_STRIP, SHIM_GOFER_MEMORY, false, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
		struct rig g;

		rig_init(&g, state);
		g.plan.channels = rows[i].channels;
		rig_mount_plan(&g, 0, rows[i].gofer);
		rig_start(&g, 1, "serve");
		assert_int_equal(call(&g, 0, LISAFS_MOUNT, NULL, 0, &f), 0);
		assert_int_equal(lists(&f, LISAFS_CHANNEL), rows[i].listed);
		assert_true(lists(&f, LISAFS_WALK));
		wire_frame_clear(&f);
		rig_end(&g);
		struct json_object *o = line(&g, "message", "dir", "reply", 0);
		assert_string_equal(json_string_or(o, "channel", "-"),
				    rows[i].change ? rows[i].change : "-");
		assert_int_equal(line(&g, "original", NULL, NULL, 0) != NULL,
				 rows[i].change != NULL);
		rig_done(&g);
	}
}

static void a_kept_channel_is_the_gofers_affair(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct rig g;

	rig_init(&g, state);
	g.plan.channels = SHIM_CHANNELS_KEEP;
	rig_start(&g, 1, "serve");
	assert_int_equal(call(&g, 0, LISAFS_CHANNEL, NULL, 0, &f), 0);
	assert_int_equal(f.header.id, LISAFS_ERROR); /* the gofer in small has none */
	rig_end(&g);
	assert_null(line(&g, "message", "via", "channel", 0));
	rig_done(&g);
}

/* The record --------------------------------------------------------------------------------------- */

static void a_full_disk_stops_the_record_and_nothing_else(void **state)
{
	_cleanup_free_ uint8_t *big = calloc(1, RECORD_DATA_LIMIT);
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct folder *folder = *state, small = *folder;
	void *inner = &small;
	struct rig g;

	if (geteuid() != 0 ||
	    !getenv("PROBE")) /* where the shim is: rig_init would skip, too late */
		skip();
	mount_private();
	assert_int_equal(mount("none", folder->path, "tmpfs", 0, "size=64k"), 0);
	small.fd = fs_open_dir(AT_FDCWD, folder->path);
	rig_init(&g, &inner);
	rig_start_in(&g, 0, 1, "serve", NULL);
	for (int i = 0; i < 20; i++)
		assert_int_equal(call(&g, 0, LISAFS_PWRITE, big, RECORD_DATA_LIMIT, &f), 0);
	wire_close(&g.sentry[0]);
	assert_int_equal(waitpid(g.pid, &g.status, 0), g.pid);
	assert_int_equal(g.status, 0);
	_cleanup_free_ char *text = folder_get(small.fd, "wire.1", NULL);
	assert_has(text, "\"type\":\"lost\",\"errno\":28}\n");
	assert_null(strstr(text, "\"type\":\"end\""));
	rig_done(&g);
	close(small.fd);
	assert_int_equal(umount2(folder->path, MNT_DETACH), 0);
}

static void a_record_is_cut_at_its_limit_without_a_gap(void **state)
{
	_cleanup_free_ uint8_t *big = calloc(1, RECORD_DATA_LIMIT);
	struct folder *f = *state;
	struct record r = RECORD_INIT;
	uint64_t n = 0, last = 0;

	assert_int_equal(record_open(f->fd, &r), 0);
	do {
		record_begin(&r, "message");
		record_hex(&r, "data", big, RECORD_DATA_LIMIT);
		last = n;
		n = record_end_message(&r);
	} while (n > 0);
	assert_int_equal(r.n, last + 1); /* the line "cut" */
	assert_true(r.bytes <= RECORD_FILE_LIMIT + 64);
	record_begin(&r, "end");
	assert_int_equal(record_end(&r), last + 2);
	record_close(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_drop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(frames_and_fds_go_both_ways),
		T(large_frames_wait_for_their_reader),
		T(a_dead_gofers_last_words_arrive),
		T(an_oversized_frame_closes_its_connection_alone),
		T(a_half_closed_sentry_still_gets_its_replies),
		T(a_gofers_death_is_told_before_its_closing),
		T(even_as_pid_1_it_dies_of_sigsys),
		T(signals_go_on_to_the_gofer),
		T(it_drops_what_it_does_not_serve),
		T(what_cannot_begin_says_so),
		T(the_list_is_changed_as_planned),
		T(a_kept_channel_is_the_gofers_affair),
		T(a_full_disk_stops_the_record_and_nothing_else),
		T(a_record_is_cut_at_its_limit_without_a_gap),
	};
	int status;

	if (fake_runtime_main(argc, argv, &status))
		return status;
	alarm(STUCK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
