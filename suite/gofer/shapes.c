/* Cases about what a gofer answers to good requests: the tree, the Mount reply, the FDs beside. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "suite/gofer/gofer.h"
#include "suite/gofer/tree.h"

static bool in_group(const struct tree_row *row, char group)
{
	const char *path = strchr(row->command, ' ');

	/* "mkdir  755" has an empty path: it is about names */
	return path && (path[1] == group || (group == 'n' && path[1] == ' '));
}

int gofer_tree(struct talk *t, const void *group)
{
	char letter = *(const char *)group;
	struct client *c = NULL;
	struct backend *b;
	int rc = client_new(t->socket, t->deadline_ms, &c);

	if (rc < 0)
		return rc;
	t->socket = -1;
	rc = backend_remote_new(c, &b);
	if (rc < 0) {
		rc = talk_saw(t, "mount", NULL, "a Mount reply",
			      client_why(c)[0] ? client_why(c) : talk_errno(rc));
		client_free(c);
		return rc;
	}
	for (size_t i = 0; i < tree_rows_n && rc == 0 && !client_why(c)[0]; i++) {
		const struct tree_row *row = &tree_rows[i];

		if (in_group(row, letter) && (row->needs & ~t->needs) == 0)
			rc = talk_saw(t, "answer", row->command, row->answer,
				      tree_do(b, row->command));
	}
	t->late |= strstr(client_why(c), strerror(ETIMEDOUT)) != NULL;
	if (rc == 0)
		rc = talk_saw(t, "replies", NULL, "", client_why(c));
	if (rc == 0)
		rc = talk_saw(t, "FDs where none is due", NULL, "0",
			      client_stray_fds(c) ? "some" : "0");
	backend_freep(&b);
	return rc;
}

int gofer_mounts(struct talk *t, const void *unused)
{
	struct lisafs_inode root;
	struct client *c = talk_mount(t, &root, NULL);
	int rc;

	(void)unused;
	if (!c)
		return 0;
	rc = talk_check(t, "Statx", "size", client_dialect(c) != LISAFS_DIALECT_152, "144", "152");
	if (rc == 0)
		rc = talk_check(t, "Mount reply", "largest message", client_max_message(c) >= 4096u,
				"4096 or more", "less");
	if (rc == 0)
		rc = talk_check(t, "Mount reply", "root", S_ISDIR(root.stat.mode), "a directory",
				"something else");
	for (uint16_t id = LISAFS_FSTAT; id <= LISAFS_CLOSE && rc == 0; id++)
		rc = talk_check(t, "list of messages", lisafs_name(id), client_supports(c, id),
				"listed", "missing");
	return rc < 0 ? rc : talk_close(t, c);
}

int gofer_donates(struct talk *t, const void *unused)
{
	_cleanup_close_ int fd = -1;
	struct lisafs_inode root;
	struct client *c = talk_mount(t, &root, &fd);
	struct stat st;
	int rc = 0;

	(void)unused;
	if (!c)
		return 0;
	if (fd >= 0)
		rc = talk_check(t, "donated FD", NULL,
				fstat(fd, &st) == 0 && st.st_ino == root.stat.ino,
				"the mount's root", "another file");
	return rc < 0 ? rc : talk_close(t, c);
}

static int opened(struct talk *t, struct client *c, uint64_t control, uint32_t flags)
{
	struct lisafs_message m = { .id = LISAFS_OPENAT,
				    .body.open = { .fd = control, .flags = flags } };
	_cleanup_close_ int fd = -1;
	struct lisafs_statx stat = { 0 };
	struct stat st;
	int rc = client_call(c, &m, &m, &fd, 1);
	int said = talk_saw(t, "OpenAt", NULL, "ok", talk_errno(rc));

	if (rc < 0 || said < 0)
		return said;
	rc = client_close_later(c, m.body.open_reply.open_fd);
	rc = rc < 0 ? rc : talk_fstat(c, control, &stat);
	said = talk_saw(t, "FStat", NULL, "ok", talk_errno(rc));
	if (said == 0 && fd >= 0)
		said = talk_check(t, "FD beside OpenAt", NULL,
				  fstat(fd, &st) == 0 && st.st_ino == stat.ino,
				  "the file that was opened", "another file");
	return said;
}

int gofer_opens(struct talk *t, const void *unused)
{
	struct lisafs_open_create_reply made;
	struct lisafs_inode root;
	struct client *c = talk_mount(t, &root, NULL);
	int rc;

	(void)unused;
	if (!c)
		return 0;
	rc = talk_create(c, root.control_fd, talk_str("f"), &made);
	if (rc < 0) {
		rc = talk_saw(t, "OpenCreateAt", NULL, "ok", talk_errno(rc));
	} else {
		rc = opened(t, c, made.child.control_fd, O_RDONLY);
		if (rc == 0)
			rc = opened(t, c, made.child.control_fd, O_RDWR);
	}
	return rc < 0 ? rc : talk_close(t, c);
}
