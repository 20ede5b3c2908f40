/* Names that are no single component, in every request that has a name. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "suite/gofer/gofer.h"

static char too_long[LISAFS_NAME_MAX + 1];

static const struct {
	const char *what;
	const char *text;
	uint32_t n;
} names[] = {
	{ "..", "..", 2 },
	{ ".", ".", 1 },
	{ "nothing", "", 0 },
	{ "a/b", "a/b", 3 },
	{ "../f", "../f", 4 },
	{ "/", "/", 1 },
	{ "a NUL inside", "a\0b", 3 },
	{ "256 bytes", too_long, sizeof(too_long) },
};

/* What the requests are about: a folder d and a file f in the root. */
struct scene {
	uint64_t root, dir, file;
};

static void fill(struct lisafs_message *m, const struct scene *s, const struct lisafs_str *name)
{
	const struct lisafs_create create = {
		.dir_fd = s->dir, .uid = LISAFS_NO_ID, .gid = LISAFS_NO_ID, .mode = 0755
	};

	switch (m->id) {
	case LISAFS_WALK:
	case LISAFS_WALKSTAT:
		m->body.walk = (struct lisafs_walk_request){ .dir_fd = s->dir,
							     .path = { .items = name, .n = 1 } };
		return;
	case LISAFS_MKDIRAT:
		m->body.mkdir = (struct lisafs_mkdir_request){ create, *name };
		return;
	case LISAFS_OPENCREATEAT:
		m->body.open_create = (struct lisafs_open_create_request){ create, O_RDWR, *name };
		return;
	case LISAFS_MKNODAT:
		m->body.mknod = (struct lisafs_mknod_request){ create, 0, 0, *name };
		m->body.mknod.create.mode = S_IFREG | 0644;
		return;
	case LISAFS_SYMLINKAT:
		m->body.symlink =
			(struct lisafs_symlink_request){ s->dir, LISAFS_NO_ID, LISAFS_NO_ID, *name,
							 talk_str("f") };
		return;
	case LISAFS_LINKAT:
		m->body.link = (struct lisafs_link_request){ s->dir, s->file, *name };
		return;
	case LISAFS_UNLINKAT:
		m->body.unlink = (struct lisafs_unlink_request){ s->dir, AT_REMOVEDIR, *name };
		return;
	case LISAFS_RENAMEAT:
		m->body.rename = (struct lisafs_rename_request){ s->dir, s->root, *name,
								 talk_str("moved"), 0 };
		return;
	default:
		m->body.rename =
			(struct lisafs_rename_request){ s->root, s->dir, talk_str("f"), *name, 0 };
	}
}

/* WalkStat may ask for the folder itself by an empty first name. */
static bool is_allowed(uint16_t id, size_t i)
{
	return id == LISAFS_WALKSTAT && names[i].n == 0;
}

/* A walk may also answer that there is no such thing. */
static bool is_refused(uint16_t id, int rc, const struct lisafs_message *reply)
{
	if (rc < 0)
		return true;
	return (id == LISAFS_WALK && reply->body.walk_reply.inodes.n == 0) ||
	       (id == LISAFS_WALKSTAT && reply->body.walkstat_reply.stats.n == 0);
}

static int refuses(struct talk *t, struct client *c, uint16_t id, const struct scene *s)
{
	int said = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && said == 0 && !client_why(c)[0]; i++) {
		struct lisafs_message m = { .id = id };
		struct lisafs_str name = { names[i].text, names[i].n };
		int rc;

		if (is_allowed(id, i))
			continue;
		fill(&m, s, &name);
		rc = client_call(c, &m, &m, NULL, 0);
		said = talk_check(t, lisafs_name(id), names[i].what, is_refused(id, rc, &m),
				  "refused", "done");
	}
	/* the gofer still serves, and the file is where it was */
	if (said == 0)
		said = talk_saw(t, "FStat after that", NULL, "ok",
				talk_errno(talk_fstat(c, s->file, NULL)));
	return said;
}

int gofer_refuses_names(struct talk *t, const void *message_id)
{
	uint16_t id = *(const uint16_t *)message_id;
	struct lisafs_open_create_reply made;
	struct lisafs_inode root, dir, found;
	struct client *c = talk_mount(t, &root, NULL);
	int rc, said;

	if (!c)
		return 0;
	memset(too_long, 'n', sizeof(too_long));
	rc = talk_mkdir(c, root.control_fd, talk_str("d"), &dir);
	if (rc == 0)
		rc = talk_create(c, root.control_fd, talk_str("f"), &made);
	said = talk_saw(t, "a folder and a file", NULL, "ok", talk_errno(rc));
	if (rc == 0 && said == 0 && client_supports(c, id)) {
		said = refuses(
			t, c, id,
			&(struct scene){ root.control_fd, dir.control_fd, made.child.control_fd });
		if (said == 0)
			said = talk_saw(
				t, "f is still there", NULL, "ok",
				talk_errno(talk_walk(c, root.control_fd, talk_str("f"), &found)));
	}
	return said < 0 ? said : talk_close(t, c);
}
