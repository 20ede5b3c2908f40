/* What the shim does in a gofer's place: tampering with its Mount reply, and serving a mount itself. */
#include "suite/unit/shim_rig.h"

/* Tampering ---------------------------------------------------------------------------------------- */

/* What the sentry must see; -1 = as the gofer sent it. */
struct tamper_row {
	const char *name;
	bool donated; /* the gofer donates an FD */
	int n_fds;    /* that arrive */
	mode_t type;  /* of the first; 0 = none, or not told by fstat */
	int id;
	int length;
	int result; /* of wire_recv */
};

#define SENT 222 /* bytes of the Mount reply of the gofer in small */

static const struct tamper_row tamper_rows[] = {
	{ "fd-drop", true, 0, 0, 1, SENT, 0 },
	{ "fd-double", true, 2, S_IFDIR, 1, SENT, 0 },
	{ "fd-32", true, 32, S_IFDIR, 1, SENT, 0 },
	{ "fd-add", false, 1, S_IFDIR, 1, SENT, 0 },
	{ "fd-pipe", true, 1, S_IFIFO, 1, SENT, 0 },
	{ "fd-socket", true, 1, S_IFSOCK, 1, SENT, 0 },
	{ "fd-file", true, 1, S_IFREG, 1, SENT, 0 },
	{ "fd-dir", false, 1, S_IFDIR, 1, SENT, 0 },
	{ "fd-other", true, 1, S_IFDIR, 1, SENT, 0 },
	{ "fd-opath", true, 1, S_IFDIR, 1, SENT, 0 },
	{ "fd-closed", true, 1, S_IFIFO, 1, SENT, 0 },
	{ "fd-inherited", true, 1, S_IFSOCK, 1, SENT, 0 },
	{ "mount-empty", true, 1, S_IFDIR, 1, 0, 0 },
	{ "mount-truncated", true, 1, S_IFDIR, 1, SENT / 2, 0 },
	{ "list-empty", true, 1, S_IFDIR, 1, 8 + 144 + 6, 0 },
	{ "statx-152", true, 1, S_IFDIR, 1, SENT + 8, 0 },
	{ "statx-136", true, 1, S_IFDIR, 1, SENT - 8, 0 },
	{ "undecodable-fd", true, 1, S_IFDIR, 1, 64, 0 },
	{ "error-empty", true, 0, 0, 0, 0, 0 },
	{ "unknown-id", true, 1, S_IFDIR, 4711, SENT, 0 },
	{ "length-huge", true, 0, 0, 0, 0, -EMSGSIZE },
	{ "closed", true, 0, 0, 0, 0, -ENODATA },
};

static void start_tampered(struct rig *g, void **state, const char *name, bool donated)
{
	struct shim_plan_mount *m;

	rig_init(g, state);
	m = rig_mount_plan(g, 1, SHIM_GOFER_STOCK);
	m->tamper = strdup(name);
	m->root = strdup(g->folder->path);
	m->argument = strdup(strcmp(name, "fd-inherited") ? "/proc" : "60");
	if (donated)
		rig_start(g, 2, "serve");
	else
		rig_start_in(g, 0, 2, "serve", NULL);
}

static void check_tampered(struct rig *g, const struct tamper_row *row)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct stat st;

	assert_int_equal(call(g, 0, LISAFS_MOUNT, NULL, 0, &f), 0); /* a neighbour is left alone */
	assert_int_equal(f.header.length, SENT);
	assert_int_equal(f.fds.n, row->donated);
	assert_int_equal(call(g, 1, LISAFS_MOUNT, NULL, 0, &f), row->result);
	if (row->result < 0)
		return;
	assert_int_equal(f.header.id, row->id);
	assert_int_equal(f.header.length, row->length);
	assert_int_equal(f.fds.n, row->n_fds);
	if (row->n_fds == 0)
		return;
	assert_int_equal(fstat(f.fds.fd[0], &st), 0);
	assert_int_equal(st.st_mode & S_IFMT, row->type);
	assert_int_equal((fcntl(f.fds.fd[0], F_GETFL) & O_PATH) != 0,
			 !strcmp(row->name, "fd-opath"));
	if (!strcmp(row->name, "fd-closed"))
		assert_int_equal(read(f.fds.fd[0], &st, 1), 0);
}

static void every_tampering_does_what_its_row_says(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(tamper_rows); i++) {
		const struct tamper_row *row = &tamper_rows[i];
		struct rig g;

		start_tampered(&g, state, row->name, row->donated);
		print_message("  %s\n", row->name);
		check_tampered(&g, row);
		rig_end(&g);
		struct json_object *fired = line(&g, "tamper", "name", row->name, 0);
		assert_non_null(fired);
		assert_int_equal(json_int_or(fired, "conn", -1), 1);
		assert_non_null(line(&g, "message", "tampered", row->name, 0));
		struct json_object *original = line(&g, "original", NULL, NULL, 0);
		assert_int_equal(json_int_or(original, "length", 0), SENT);
		assert_int_equal(fd_of(original, 0) != NULL, row->donated);
		rig_done(&g);
	}
}

static void a_tampering_that_does_not_apply_is_not_told_as_fired(void **state)
{
	static const struct {
		const char *name;
		bool donated;
	} rows[] = {
		{ "fd-drop", false }, { "fd-double", false }, { "fd-32", false }, { "fd-add", true }
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
		struct rig g;

		start_tampered(&g, state, rows[i].name, rows[i].donated);
		assert_int_equal(call(&g, 1, LISAFS_MOUNT, NULL, 0, &f), 0);
		assert_int_equal(f.fds.n, rows[i].donated);
		wire_frame_clear(&f);
		rig_end(&g);
		assert_null(line(&g, "tamper", NULL, NULL, 0));
		rig_done(&g);
	}
}

/* Fake gofers -------------------------------------------------------------------------------------- */

static void check_served(struct rig *g, const char *name, bool has_fd)
{
	_cleanup_client_ struct client *c = NULL;
	union lisafs_body unused = { 0 };
	struct lisafs_message reply;
	struct lisafs_message request = { .id = LISAFS_MKDIRAT, .direction = LISAFS_REQUEST };
	struct lisafs_inode root;
	int fd = -1;

	(void)unused;
	assert_int_equal(client_new(g->sentry[0].fd, 0, &c), 0);
	g->sentry[0] = WIRE_INIT;
	assert_int_equal(client_mount(c, &root, &fd), 0);
	assert_int_equal(fd >= 0, has_fd);
	close_fd(&fd);
	request.body.mkdir = (struct lisafs_mkdir_request){
		.create = { .dir_fd = root.control_fd,
			    .mode = 0755,
			    .uid = LISAFS_NO_ID,
			    .gid = LISAFS_NO_ID },
		.name = { name, (uint32_t)strlen(name) },
	};
	assert_int_equal(client_call(c, &request, &reply, NULL, 0), 0);
	assert_int_equal(reply.body.inode_reply.child.stat.mode & S_IFMT, S_IFDIR);
}

static void a_fake_gofer_serves_and_the_real_one_idles(void **state)
{
	static const struct {
		enum shim_gofer gofer;
		bool donate;
	} rows[] = { { SHIM_GOFER_MEMORY, true },
		     { SHIM_GOFER_HOST, true },
		     { SHIM_GOFER_HOST, false } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *name = str_format("made-%zu", i);
		_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
		struct shim_plan_mount *m;
		struct rig g;

		rig_init(&g, state);
		m = rig_mount_plan(&g, 0, rows[i].gofer);
		m->root = strdup(g.folder->path);
		m->donate = rows[i].donate;
		rig_start(&g, 2, "serve");
		assert_int_equal(call(&g, 1, LISAFS_MOUNT, NULL, 0, &f), 0); /* the real one's */
		wire_frame_clear(&f);
		check_served(&g, name, rows[i].donate && rows[i].gofer == SHIM_GOFER_HOST);
		rig_end(&g);
		assert_int_equal(g.status, 0);
		assert_int_equal(faccessat(g.folder->fd, name, F_OK, 0) == 0,
				 rows[i].gofer == SHIM_GOFER_HOST);
		assert_non_null(line(&g, "message", "dir", "reply", 2));
		rig_done(&g);
	}
}

static void fuse_serves_as_well(void **state)
{
	struct shim_plan_mount *m;
	struct rig g;

	if (!can_mount_fuse())
		skip();
	mount_private();
	rig_init(&g, state);
	m = rig_mount_plan(&g, 0, SHIM_GOFER_FUSE);
	m->donate = false;
	rig_start_in(&g, CLONE_NEWNS, 1, "serve", NULL);
	check_served(&g, "made", false);
	rig_end(&g);
	assert_int_equal(g.status, 0);
	rig_done(&g);
}

static void fds_on_fuse_are_told_without_asking_it(void **state)
{
	static const char *const names[] = { "fd-fuse", "fd-fuse-dead" };

	if (!can_mount_fuse())
		skip();
	mount_private();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
		struct shim_plan_mount *m;
		struct stat st;
		struct rig g;

		rig_init(&g, state);
		m = rig_mount_plan(&g, 0, SHIM_GOFER_STOCK);
		m->tamper = strdup(names[i]);
		rig_start_in(&g, CLONE_NEWNS, 1, "serve", NULL);
		assert_int_equal(call(&g, 0, LISAFS_MOUNT, NULL, 0, &f), 0);
		assert_int_equal(f.fds.n, 1);
		if (i == 0)
			assert_int_equal(faccessat(f.fds.fd[0], "none", F_OK, 0), -1);
		else
			assert_int_equal(fstatat(f.fds.fd[0], "none", &st, 0), -1);
		assert_int_equal(errno, i == 0 ? ENOENT : ENOTCONN);
		wire_frame_clear(&f);
		rig_end(&g);
		struct json_object *sent = line(&g, "message", "tampered", names[i], 0);
		assert_string_equal(json_string_or(fd_of(sent, 0), "type", ""), "dir");
		rig_done(&g);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_drop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(every_tampering_does_what_its_row_says),
		T(a_tampering_that_does_not_apply_is_not_told_as_fired),
		T(a_fake_gofer_serves_and_the_real_one_idles),
		T(fuse_serves_as_well),
		T(fds_on_fuse_are_told_without_asking_it),
	};
	int status;

	if (fake_runtime_main(argc, argv, &status))
		return status;
	alarm(STUCK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
