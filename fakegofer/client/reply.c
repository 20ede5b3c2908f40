#include "fakegofer/client/reply.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ERRNO_MAX 4095u
#define DIRENT_HEAD 19u /* struct linux_dirent64 up to its name */
#define DIRENT_ALIGN 8u

typedef const char *(*breach_fn)(const union lisafs_body *asked, const union lisafs_body *got);

static const char *error_breach(const struct lisafs_error_reply *e)
{
	return e->error == 0 || e->error > ERRNO_MAX ? "error: no errno" : NULL;
}

static const char *setstat_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	const struct lisafs_setstat_reply *r = &got->setstat_reply;

	if (r->failure_mask & ~asked->setstat.mask)
		return "failure_mask: more than was asked for";
	if (r->failure_mask != 0 && (r->failure_error == 0 || r->failure_error > ERRNO_MAX))
		return "failure_error: no errno";
	return NULL;
}

static const char *walk_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	const struct lisafs_walk_reply *r = &got->walk_reply;
	struct lisafs_cursor at = { 0 };
	struct lisafs_inode inode = { 0 };
	uint16_t wanted = asked->walk.path.n;

	if (r->inodes.n > wanted)
		return "inodes: more than names were asked for";
	if (r->status == LISAFS_WALK_OK)
		return r->inodes.n < wanted ? "inodes: fewer than names, and no reason" : NULL;
	if (r->inodes.n == wanted)
		return "status: not the end, but every name has its inode";
	if (r->status != LISAFS_WALK_SYMLINK)
		return NULL;
	while (lisafs_next_inode(&r->inodes, &at, &inode))
		continue;
	return S_ISLNK(inode.stat.mode) ? NULL : "status: a symlink, but the last inode is none";
}

static const char *walkstat_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	return got->walkstat_reply.stats.n > asked->walk.path.n
		       ? "stats: more than names were asked for"
		       : NULL;
}

static const char *pwrite_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	return got->pwrite_reply.count > asked->pwrite.data.n ? "count: more than was sent" : NULL;
}

static const char *pread_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	return got->pread_reply.data.n > asked->pread.count ? "data: more than was asked for"
							    : NULL;
}

static const char *readlink_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	const struct lisafs_str *text = &got->text_reply.text;

	(void)asked;
	if (text->n == 0 || memchr(text->data, '\0', text->n))
		return "text: no symlink has this target";
	return text->n > LISAFS_PATH_MAX ? "text: longer than a path" : NULL;
}

static const char *name_breach(const struct lisafs_str *name)
{
	if (name->n == 0 || name->n > LISAFS_NAME_MAX || memchr(name->data, '/', name->n) ||
	    memchr(name->data, '\0', name->n))
		return "dirents: no file has this name";
	return NULL;
}

/* The count is of bytes as getdents64(2) lays entries out. */
static const char *getdents_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	struct lisafs_cursor at = { 0 };
	struct lisafs_dirent d;
	uint64_t room = (uint64_t)llabs((long long)asked->getdents.count);
	uint64_t used = 0;

	while (lisafs_next_dirent(&got->getdents_reply.dirents, &at, &d)) {
		const char *breach = name_breach(&d.name);

		if (breach)
			return breach;
		used += (DIRENT_HEAD + d.name.n + 1 + DIRENT_ALIGN - 1) / DIRENT_ALIGN *
			DIRENT_ALIGN;
	}
	return used > room ? "dirents: more than there was room for" : NULL;
}

/* A size of 0 asks for all. */
static const char *get_xattr_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	uint32_t room = asked->get_xattr.buf_size;

	return room > 0 && got->text_reply.text.n > room ? "text: more than there was room for"
							 : NULL;
}

static const char *list_xattr_breach(const union lisafs_body *asked, const union lisafs_body *got)
{
	uint64_t room = asked->list_xattr.size;
	uint64_t used = 0;
	struct lisafs_cursor at = { 0 };
	struct lisafs_str name;

	while (lisafs_next_str(&got->list_xattr_reply.names, &at, &name)) {
		if (name.n == 0 || name.n > LISAFS_NAME_MAX || memchr(name.data, '\0', name.n))
			return "names: no attribute has this name";
		used += name.n + 1;
	}
	return room > 0 && used > room ? "names: more than there was room for" : NULL;
}

static const breach_fn breaches[LISAFS_ID_N] = {
	[LISAFS_SETSTAT] = setstat_breach,       [LISAFS_WALK] = walk_breach,
	[LISAFS_WALKSTAT] = walkstat_breach,     [LISAFS_PWRITE] = pwrite_breach,
	[LISAFS_PREAD] = pread_breach,           [LISAFS_READLINKAT] = readlink_breach,
	[LISAFS_GETDENTS64] = getdents_breach,   [LISAFS_FGETXATTR] = get_xattr_breach,
	[LISAFS_FLISTXATTR] = list_xattr_breach,
};

const char *reply_breach(const struct lisafs_message *request, const struct lisafs_message *reply)
{
	if (reply->id == LISAFS_ERROR)
		return error_breach(&reply->body.error);
	if (!breaches[reply->id])
		return NULL;
	return breaches[reply->id](&request->body, &reply->body);
}
