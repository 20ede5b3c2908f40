#include "fakegofer/fault/track.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL (1u << FAULT_USE_CONTROL)
#define OPEN_FILE (1u << FAULT_USE_OPEN)
#define SOCKET (1u << FAULT_USE_SOCKET)

struct fault_tracked {
	struct fault_tracked *next;
	uint64_t fdid;
	uint8_t use;
	char path[];
};

static struct fault_tracked *find(const struct fault_track *t, uint64_t fdid)
{
	struct fault_tracked *e = t->buckets[fdid % FAULT_TRACK_BUCKETS];

	while (e && e->fdid != fdid)
		e = e->next;
	return e;
}

/* Ids are never used again; what does not fit has no path. */
static void add(struct fault_track *t, uint64_t fdid, uint8_t use, const char *path)
{
	size_t n = strlen(path) + 1;
	struct fault_tracked *e;

	if (t->n == FAULT_TRACK_MAX || find(t, fdid))
		return;
	e = malloc(sizeof(*e) + n);
	if (!e)
		return;
	*e = (struct fault_tracked){ .next = t->buckets[fdid % FAULT_TRACK_BUCKETS],
				     .fdid = fdid,
				     .use = use };
	memcpy(e->path, path, n);
	t->buckets[fdid % FAULT_TRACK_BUCKETS] = e;
	t->n++;
}

static void drop(struct fault_track *t, uint64_t fdid)
{
	struct fault_tracked **at = &t->buckets[fdid % FAULT_TRACK_BUCKETS];

	while (*at && (*at)->fdid != fdid)
		at = &(*at)->next;
	if (*at) {
		struct fault_tracked *gone = *at;

		*at = gone->next;
		free(gone);
		t->n--;
	}
}

void fault_track_clear(struct fault_track *t)
{
	for (size_t i = 0; i < FAULT_TRACK_BUCKETS; i++) {
		while (t->buckets[i])
			drop(t, t->buckets[i]->fdid);
	}
}

/* Requests -------------------------------------------------------------------------------------- */

static void append(struct fault_track *t, const struct lisafs_str *name)
{
	size_t at = strcmp(t->path, ".") == 0 ? 0 : strlen(t->path);

	if (name->n == 0)
		return;
	if (name->n > LISAFS_STR_MAX || memchr(name->data, '\0', name->n) ||
	    at + 1 + name->n >= sizeof(t->path)) {
		t->known = false;
		return;
	}
	snprintf(t->path + at, sizeof(t->path) - at, "%s%.*s", at > 0 ? "/" : "", (int)name->n,
		 name->data);
}

/* The FD id that a request is about, and the name below it (n 0 = none). */
static bool subject(const struct lisafs_message *m, uint64_t *ret_fdid, struct lisafs_str *ret_name)
{
	const union lisafs_body *b = &m->body;
	struct lisafs_cursor at = { 0 };

	*ret_name = (struct lisafs_str){ 0 };
	switch (m->id) {
	case LISAFS_MOUNT:
	case LISAFS_CHANNEL:
		return false;
	case LISAFS_CLOSE:
	case LISAFS_FSYNC:
		return lisafs_next_u64(&b->fds.fds, &at, ret_fdid);
	case LISAFS_PWRITE:
		*ret_fdid = b->pwrite.fd;
		return true;
	case LISAFS_PREAD:
		*ret_fdid = b->pread.fd;
		return true;
	case LISAFS_OPENCREATEAT:
		*ret_name = b->open_create.name;
		break;
	case LISAFS_MKDIRAT:
		*ret_name = b->mkdir.name;
		break;
	case LISAFS_MKNODAT:
		*ret_name = b->mknod.name;
		break;
	case LISAFS_BINDAT:
		*ret_name = b->bind.name;
		break;
	case LISAFS_SYMLINKAT:
		*ret_name = b->symlink.name;
		break;
	case LISAFS_LINKAT:
		*ret_name = b->link.name;
		break;
	case LISAFS_UNLINKAT:
		*ret_name = b->unlink.name;
		break;
	case LISAFS_RENAMEAT:
	case LISAFS_RENAMEAT2:
		*ret_name = b->rename.old_name;
		break;
	default:
		break;
	}
	*ret_fdid = b->fd.fd; /* all others begin with it */
	return true;
}

static void see_request(struct fault_track *t, const struct lisafs_message *m)
{
	const struct fault_tracked *e;
	struct lisafs_cursor at = { 0 };
	struct lisafs_str name;
	uint64_t fdid = 0;

	t->id = m->id;
	t->uses = 0;
	t->known = m->id == LISAFS_MOUNT;
	strcpy(t->path, ".");
	if (!subject(m, &fdid, &name))
		return;
	e = find(t, fdid);
	if (!e)
		return;
	t->known = true;
	t->uses = e->use;
	strcpy(t->path, e->path);
	append(t, &name);
	t->components = 0;
	if (m->id == LISAFS_WALK || m->id == LISAFS_WALKSTAT) {
		t->components = m->body.walk.path.n;
		while (lisafs_next_str(&m->body.walk.path, &at, &name))
			append(t, &name);
	}
}

static void see_closed(struct fault_track *t, const struct lisafs_message *m)
{
	struct lisafs_cursor at = { 0 };
	uint64_t fdid;

	while (lisafs_next_u64(&m->body.fds.fds, &at, &fdid))
		drop(t, fdid);
}

/* Replies --------------------------------------------------------------------------------------- */

/* Cuts the last n components off. */
static void shorten(char *path, unsigned int n)
{
	for (; n > 0; n--) {
		char *slash = strrchr(path, '/');

		if (!slash) {
			strcpy(path, ".");
			return;
		}
		*slash = '\0';
	}
}

/* What was walked through lies on the way to the request's path. */
static void see_walked(struct fault_track *t, const struct lisafs_message *m)
{
	struct lisafs_cursor at = { 0 };
	struct lisafs_inode inode;
	char path[FAULT_PATH_MAX];

	while (lisafs_next_inode(&m->body.walk_reply.inodes, &at, &inode) &&
	       at.index <= t->components) {
		strcpy(path, t->path);
		shorten(path, t->components - at.index);
		add(t, inode.control_fd, CONTROL, path);
	}
}

static void see_reply(struct fault_track *t, const struct lisafs_message *m)
{
	const union lisafs_body *b = &m->body;

	switch (m->id) {
	case LISAFS_MOUNT:
		add(t, b->mount_reply.root.control_fd, CONTROL, ".");
		break;
	case LISAFS_WALK:
		see_walked(t, m);
		break;
	case LISAFS_OPENAT:
		add(t, b->open_reply.open_fd, OPEN_FILE, t->path);
		break;
	case LISAFS_OPENCREATEAT:
		add(t, b->open_create_reply.child.control_fd, CONTROL, t->path);
		add(t, b->open_create_reply.open_fd, OPEN_FILE, t->path);
		break;
	case LISAFS_BINDAT:
		add(t, b->bind_reply.child.control_fd, CONTROL, t->path);
		add(t, b->bind_reply.bound_socket_fd, SOCKET, t->path);
		break;
	case LISAFS_MKDIRAT:
	case LISAFS_MKNODAT:
	case LISAFS_SYMLINKAT:
	case LISAFS_LINKAT:
		add(t, b->inode_reply.child.control_fd, CONTROL, t->path);
		break;
	default:
		break;
	}
}

void fault_track_frame(struct fault_track *t, const struct fault_frame *frame,
		       enum lisafs_dialect dialect, struct fault_event *ret)
{
	struct lisafs_message m;
	size_t used;
	bool decoded = lisafs_decode(dialect, frame->id, frame->direction, frame->payload, frame->n,
				     &m, &used, NULL) == 0;

	if (frame->direction == LISAFS_REQUEST && decoded) {
		see_request(t, &m);
		if (m.id == LISAFS_CLOSE)
			see_closed(t, &m);
	} else if (frame->direction == LISAFS_REQUEST) {
		t->id = frame->id;
		t->uses = 0;
		t->known = false;
	} else if (decoded && frame->id == t->id && t->known) {
		see_reply(t, &m);
	}
	*ret = (struct fault_event){
		.place = frame->direction == LISAFS_REQUEST ? FAULT_REQUEST : FAULT_REPLY,
		.id = frame->id,
		.mount = frame->mount,
		.path = t->known ? t->path : NULL,
		.uses = t->uses,
	};
	if (frame->n_fds > 0)
		ret->uses |= 1u << FAULT_USE_DONATED;
}
