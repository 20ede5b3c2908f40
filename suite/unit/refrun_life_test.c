/* refrun's images: what is paused, saved and restored, what is refused, and each seeded defect of them. */
#include "suite/unit/refrun_rig.h"

#define OFF_A HINT("x", "@/src/a"), DIRECTFS("x", "off")
#define DEFAULT_A HINT("x", "@/src/a"), DIRECTFS("x", "default")

/* A container c1 of the bundle is made and started; then what it is restored from may have another bundle. */
static void begin(struct world *w, const struct annotation *a, const char *flags)
{
	_cleanup_free_ char *create = str_format("%s create -bundle bundle c1", flags);

	world_make(w);
	write_config(w, a, NULL, true);
	assert_int_equal(call(w, create, NULL), 0);
	assert_int_equal(call(w, "start c1", NULL), 0);
	reap_ended();
}

static int ask(const struct world *w, const char *words)
{
	int status = call(w, words, NULL);

	reap_ended();
	return status;
}

/* What the last call said goes to its own text. */
static bool says(const struct world *w, const char *text)
{
	_cleanup_str_ struct str err = STR_INIT;

	read_once(w->fd, "err", &err);
	if (strstr(str_text(&err), text))
		return true;
	print_message("%s\n", str_text(&err));
	return false;
}

static void state_is(const struct world *w, const char *id, const char *status)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_free_ char *words = str_format("state %s", id);

	renameat(w->fd, "out", w->fd, "out-of-guests");
	assert_int_equal(ask(w, words), 0);
	read_once(w->fd, "out", &text);
	assert_int_equal(json_parse(str_text(&text), text.len, &o, NULL), 0);
	assert_string_equal(json_string_or(o, "status", ""), status);
}

static void end(struct world *w)
{
	_cleanup_seen_ struct seen s = { 0 };

	ask(w, "delete --force c1");
	ask(w, "delete --force c2");
	collect(w, &s);
	assert_int_equal(s.left.n, 0);
	assert_false(s.process);
	world_clear(w);
}

static void what_is_paused_goes_on(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, "--overlay2=none");
	assert_int_not_equal(ask(&w, "resume c1"), 0);
	assert_true(says(&w, "in state running, want paused"));
	assert_int_equal(ask(&w, "pause c1"), 0);
	state_is(&w, "c1", "paused");
	assert_int_not_equal(ask(&w, "pause c1"), 0);
	assert_int_equal(ask(&w, "resume c1"), 0);
	state_is(&w, "c1", "running");
	assert_int_equal(ask(&w, "exec c1 /probe -- /a"), 0);
	assert_int_equal(ask(&w, "pause c1"), 0); /* who is paused can be saved and deleted, too */
	assert_int_equal(ask(&w, "checkpoint --leave-running --image-path=image c1"), 0);
	state_is(&w, "c1", "paused");
	end(&w);
}

static void what_is_saved_ends_unless_it_is_left_running(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL, "--overlay2=none");
	assert_int_equal(ask(&w, "checkpoint --leave-running --image-path=image c1"), 0);
	state_is(&w, "c1", "running");
	assert_int_not_equal(ask(&w, "checkpoint --image-path=image c1"), 0);
	assert_true(says(&w, "checkpoint.json: File exists"));
	assert_int_equal(ask(&w, "checkpoint --image-path=second c1"), 0);
	state_is(&w, "c1", "stopped");
	assert_int_not_equal(ask(&w, "checkpoint --image-path=third c1"), 0);
	assert_true(says(&w, "\"c1\" is stopped"));
	end(&w);
}

static void bad_words_and_images_are_named(void **state)
{
	static const struct {
		const char *image, *words, *said;
	} bad[] = {
		{ NULL, "checkpoint c1", "image-path flag must be provided" },
		{ NULL, "checkpoint --image-path=image nobody", "loading container \"nobody\"" },
		{ NULL, "restore -bundle bundle c2", "image-path flag must be provided" },
		{ NULL, "restore --image-path=none -bundle bundle c2", "none/checkpoint.json" },
		{ "{", "restore --image-path=. -bundle bundle c2", "checkpoint.json" },
		{ "{\"format\":1}", "restore --image-path=. -bundle bundle c2",
		  "annotations: missing" },
		{ "{\"format\":2,\"directfs\":\"true\",\"annotations\":{}}",
		  "restore --image-path=. -bundle bundle c2", "format: not 1" },
		{ NULL, "--restore-spec-validation=maybe restore --image-path=. c2",
		  "want enforce, warning or ignore" },
	};
	struct world w;

	(void)state;
	begin(&w, NULL, "--overlay2=none");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		unlinkat(w.fd, "checkpoint.json", 0);
		if (bad[i].image)
			assert_int_equal(fs_write_at(w.fd, "checkpoint.json", bad[i].image,
						     strlen(bad[i].image), 0644, NULL),
					 0);
		assert_int_equal(ask(&w, bad[i].words), 128);
		if (!says(&w, bad[i].said))
			fail_msg("%s: \"%s\" is not said", bad[i].words, bad[i].said);
	}
	end(&w);
}

/* What is restored from an image, and which defect changes that. */
static const struct {
	const char *name;
	struct annotation image[8], own[8];
	const char *before, *after; /* flags */
	const char *error;          /* named by its refusal; NULL = it is restored … */
	bool a, b;                  /* … and /a and /b have directfs */
	const char *defect;
} rows[] = {
	{ "nothing off", { { 0 } }, { { 0 } }, "", "", NULL, true, true, NULL },
	{ "as it was", { OFF_A }, { OFF_A }, "", "", NULL, false, true, "restore-forgets-hints" },
	{ "without the flag",
	  { OFF_A },
	  { OFF_A },
	  "--directfs=false",
	  "--directfs=false",
	  NULL,
	  false,
	  false,
	  NULL },
	{ "a changed value",
	  { OFF_A },
	  { DEFAULT_A },
	  "",
	  "",
	  MOUNT "x.directfs",
	  false,
	  false,
	  "restore-refusal-names-nothing" },
	{ "a hint more", { { 0 } }, { OFF_A }, "", "", MOUNT "x.source", false, false, NULL },
	{ "a hint less", { OFF_A }, { { 0 } }, "", "", MOUNT "x.share", false, false, NULL },
	{ "a change that is told",
	  { OFF_A },
	  { DEFAULT_A },
	  "",
	  "--restore-spec-validation=warning",
	  NULL,
	  false,
	  true,
	  NULL },
	{ "a change that is ignored",
	  { { 0 } },
	  { OFF_A },
	  "",
	  "--restore-spec-validation=ignore",
	  NULL,
	  true,
	  true,
	  NULL },
	{ "another flag",
	  { { 0 } },
	  { { 0 } },
	  "",
	  "--directfs=false --restore-spec-validation=ignore",
	  "--directfs",
	  false,
	  false,
	  NULL },
};

static void restore(size_t row, const char *defect, struct seen *ret)
{
	_cleanup_free_ char *before =
		str_format("--overlay2=none%s%s", *rows[row].before ? " " : "", rows[row].before);
	_cleanup_free_ char *words = str_format(
		"--overlay2=none%s%s restore -detach -bundle bundle --image-path=image c2",
		*rows[row].after ? " " : "", rows[row].after);
	struct world w;

	assert_int_equal(setenv("REFRUN_DEFECT", defect, 1), 0);
	begin(&w, rows[row].image, before);
	assert_int_equal(ask(&w, "checkpoint --image-path=image c1"), 0);
	assert_int_equal(ask(&w, "delete c1"), 0);
	write_config(&w, rows[row].own, NULL, true);
	ret->status = call(&w, words, NULL);
	renameat(w.fd, "out", w.fd, "out-of-guests");
	if (ret->status == 0) {
		state_is(&w, "c2", "running");
		ret->status = ask(&w, "exec c2 /probe -- /a /b");
		assert_int_equal(ask(&w, "kill c2 TERM"), 0);
		assert_int_equal(ask(&w, "wait c2"), 0);
		assert_int_equal(ask(&w, "delete c2"), 0);
	}
	collect(&w, ret);
	world_clear(&w);
	assert_int_equal(ret->left.n, 0);
	assert_int_equal(setenv("REFRUN_DEFECT", "", 1), 0);
}

static bool has_directfs(const struct seen *s, const char *dest)
{
	_cleanup_free_ char *options = options_of(s, dest);

	return options && strstr(options, ",directfs");
}

static bool is_as(size_t row, const struct seen *s)
{
	if (rows[row].error)
		return s->status && strstr(str_text(&s->err), rows[row].error);
	return !s->status && has_directfs(s, "/a") == rows[row].a &&
	       has_directfs(s, "/b") == rows[row].b;
}

static void a_restored_container_is_as_its_image(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_seen_ struct seen s = { 0 };

		restore(i, "", &s);
		if (!is_as(i, &s))
			fail_msg("%s: %d\n%s%s", rows[i].name, s.status, str_text(&s.mounts),
				 str_text(&s.err));
	}
}

static void defects_show(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_seen_ struct seen s = { 0 };

		if (!rows[i].defect)
			continue;
		restore(i, rows[i].defect, &s);
		if (is_as(i, &s))
			fail_msg("%s does not show", rows[i].defect);
	}
}

/* One that is restored against its own annotations is saved again as what it is. */
static void an_image_of_what_was_restored_is_the_first_one(void **state)
{
	static const struct annotation image[] = { OFF_A, { NULL, NULL } };
	_cleanup_str_ struct str first = STR_INIT, second = STR_INIT;
	struct world w;

	(void)state;
	begin(&w, image, "--overlay2=none");
	assert_int_equal(ask(&w, "checkpoint --image-path=image c1"), 0);
	write_config(&w, NULL, NULL, true);
	assert_int_equal(ask(&w, "--overlay2=none --restore-spec-validation=ignore restore -detach "
				 "-bundle bundle --image-path=image c2"),
			 0);
	assert_int_equal(ask(&w, "checkpoint --image-path=again c2"), 0);
	read_once(w.fd, "image/checkpoint.json", &first);
	read_once(w.fd, "again/checkpoint.json", &second);
	assert_string_equal(str_text(&first), str_text(&second));
	end(&w);
}

/* An image of a guest that had a file open, and what it does with that at its end; or which defect changes it. */
#define AT(at, data) "[\"held-at\",\"" at "\"],[\"held-read 2\",\"" data "\"]"
static const struct {
	const char *defect;
	bool deleted; /* it was, and another one has its name */
	const char *says;
	bool left; /* … and is there under another one */
} opened[] = {
	{ "", false, AT("ok: 3", "ok: 2 de"), false },
	{ "restore-loses-offset", false, AT("ok: 0", "ok: 2 ab"), false },
	{ "restore-truncates-files", false, AT("ok: 3", "ok: 0"), false },
	{ "restore-closes-files", false, AT("EBADF", "EBADF"), false },
	{ "", true, AT("ok: 3", "ok: 2 45"), false },
	{ "restore-empties-deleted-files", true, AT("ok: 3", "ok: 0"), false },
	{ "restore-opens-deleted-by-name", true, AT("ok: 3", "ok: 2 de"), false },
	{ "restore-revives-deleted-files", true, AT("ok: 3", "ok: 2 45"), true },
};

static void set_args(const struct world *w)
{
	_cleanup_strv_ struct strv args = STRV_INIT;
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	struct json_object *process = NULL;

	read_once(w->fd, "bundle/config.json", &text);
	assert_int_equal(json_parse(str_text(&text), text.len, &o, NULL), 0);
	assert_int_equal(json_get_object(o, "process", &process, NULL), 0);
	assert_int_equal(
		strv_split(&args, "/probe|--wait|--last|/a=held-at; held-read 2|--|/a", '|'), 0);
	json_object_object_del(process, "args");
	assert_int_equal(json_add_strv(process, "args", &args), 0);
	assert_int_equal(fs_write_at(w->fd, "bundle/config.json", json_line(o),
				     strlen(json_line(o)), 0644, NULL),
			 0);
}

static void restore_open(size_t row, bool *ret_left, struct str *ret)
{
	_cleanup_free_ char *image = str_format(
		"{\"format\":1,\"directfs\":\"true\",\"annotations\":{},\"held\":[{\"fd\":100,"
		"\"path\":\"/a/file\",\"offset\":3,\"flags\":2%s}]}",
		opened[row].deleted ? ",\"content\":\"12345678\"" : "");
	_cleanup_strv_ struct strv files = STRV_INIT;
	struct world w;

	assert_int_equal(setenv("REFRUN_DEFECT", opened[row].defect, 1), 0);
	world_make(&w);
	write_config(&w, NULL, NULL, true);
	set_args(&w);
	assert_int_equal(fs_write_at(w.fd, "src/a/file", "abcdefgh", 8, 0644, NULL), 0);
	assert_int_equal(fs_write_at(w.fd, "checkpoint.json", image, strlen(image), 0644, NULL), 0);
	assert_int_equal(
		call(&w, "--overlay2=none restore -detach -bundle bundle --image-path=. c2", NULL),
		0);
	renameat(w.fd, "out", w.fd, "out-of-guest");
	assert_int_equal(ask(&w, "kill c2 TERM"), 0);
	assert_int_equal(ask(&w, "wait c2"), 0);
	assert_int_equal(ask(&w, "delete c2"), 0);
	read_once(w.fd, "out-of-guest", ret);
	list(w.fd, "src/a", &files);
	*ret_left = files.n != 2; /* "below" is the other one */
	world_clear(&w);
	assert_int_equal(setenv("REFRUN_DEFECT", "", 1), 0);
}

static void open_files_come_back(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* the image has the guest's own paths, which take a mount namespace */
	for (size_t i = 0; i < ARRAY_SIZE(opened); i++) {
		_cleanup_str_ struct str text = STR_INIT;
		bool left = false;

		restore_open(i, &left, &text);
		if (!strstr(str_text(&text), opened[i].says) || left != opened[i].left)
			fail_msg("%s: left %d, %s", opened[i].defect, left, str_text(&text));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_paused_goes_on),
		cmocka_unit_test(what_is_saved_ends_unless_it_is_left_running),
		cmocka_unit_test(bad_words_and_images_are_named),
		cmocka_unit_test(a_restored_container_is_as_its_image),
		cmocka_unit_test(defects_show),
		cmocka_unit_test(open_files_come_back),
		cmocka_unit_test(an_image_of_what_was_restored_is_the_first_one),
	};

	(void)argc;
	(void)argv;
	return rig_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
