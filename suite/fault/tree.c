#include "suite/fault/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->entries[i].path, path) == 0)
			return (int)i;
	}
	return -1;
}

static struct tree_file *file_at(struct tree *t, int entry)
{
	return &t->files[t->entries[entry].file];
}

static struct tree_file *look(struct tree *t, const char *path)
{
	int entry = find(t, path);

	return entry < 0 ? NULL : file_at(t, entry);
}

int tree_add(struct tree *t, const char *path, char kind, uint32_t mode, const void *bytes,
	     size_t n, int same, int *ret_file)
{
	struct tree_entry *e = &t->entries[t->n];
	uint8_t file = (uint8_t)same;

	if (t->n == TREE_ENTRIES_MAX || n > TREE_FILE_MAX || strlen(path) >= sizeof(e->path))
		return -E2BIG;
	if (same < 0) {
		for (file = 0; file < t->n_files && t->files[file].kind; file++)
			;
		t->n_files += file == t->n_files;
		memset(&t->files[file], 0, sizeof(t->files[file]));
		t->files[file].kind = kind;
		t->files[file].mode = mode;
		t->files[file].n = (uint32_t)n;
		if (n > 0)
			memcpy(t->files[file].bytes, bytes, n);
	}
	memset(e, 0, sizeof(*e));
	strcpy(e->path, path);
	e->file = file;
	t->files[file].links++;
	t->n++;
	if (ret_file)
		*ret_file = file;
	return 0;
}

void tree_clear(struct tree *t)
{
	t->n = t->n_files = 0;
}

void tree_copy(struct tree *to, const struct tree *from)
{
	to->n = from->n;
	to->n_files = from->n_files;
	memcpy(to->entries, from->entries, from->n * sizeof(from->entries[0]));
	memcpy(to->files, from->files, from->n_files * sizeof(from->files[0]));
}

void tree_init(struct tree *t, uint32_t root_mode)
{
	tree_clear(t);
	(void)tree_add(t, ".", 'd', root_mode, NULL, 0, -1, NULL);
}

static void drop(struct tree *t, int entry)
{
	struct tree_file *f = file_at(t, entry);

	if (--f->links == 0)
		f->kind = '\0';
	t->entries[entry] = t->entries[--t->n];
}

static void parent_of(const char *path, char ret[2 * SCRIPT_WORD_MAX + 2])
{
	const char *slash = strrchr(path, '/');

	snprintf(ret, 2 * SCRIPT_WORD_MAX + 2, "%.*s", slash ? (int)(slash - path) : 1,
		 slash ? path : ".");
}

static bool is_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strcmp(dir, ".") == 0)
		return strcmp(path, ".") != 0;
	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool has_children(const struct tree *t, const char *dir)
{
	for (size_t i = 0; i < t->n; i++) {
		if (is_in(t->entries[i].path, dir))
			return true;
	}
	return false;
}

/* The errno of a walk to path: each component but the last must be a directory. */
static int walk(struct tree *t, const char *path)
{
	char dir[2 * SCRIPT_WORD_MAX + 2];
	const struct tree_file *f;
	int rc;

	if (strcmp(path, ".") == 0)
		return 0;
	parent_of(path, dir);
	rc = walk(t, dir);
	if (rc < 0)
		return rc;
	f = look(t, dir);
	if (!f)
		return -ENOENT;
	return f->kind == 'd' ? 0 : -ENOTDIR;
}

/* Operations ------------------------------------------------------------------------------------ */

static int make(struct tree *t, const char *path, char kind, uint32_t mode, const char *target)
{
	int rc = walk(t, path);

	if (rc < 0)
		return rc;
	if (find(t, path) >= 0)
		return -EEXIST;
	return tree_add(t, path, kind, mode, target, target ? strlen(target) : 0, -1, NULL);
}

static void change(struct tree_file *f)
{
	if (f->dirty)
		return;
	f->dirty = true;
	f->synced_n = f->n;
	memcpy(f->synced, f->bytes, sizeof(f->synced));
}

static void grow(struct tree_file *f, uint32_t n)
{
	if (n > f->n) {
		memset(f->bytes + f->n, 0, n - f->n);
		f->n = n;
	}
}

static void write_to(struct tree_file *f, const struct script_op *op)
{
	uint32_t n = (uint32_t)strlen(op->text);

	change(f);
	grow(f, op->number + n);
	memcpy(f->bytes + op->number, op->text, n);
}

static int rename_to(struct tree *t, const struct script_op *op)
{
	int from = find(t, op->path);
	int to = find(t, op->other);
	int rc = walk(t, op->other);
	size_t n = strlen(op->path);

	if (rc < 0)
		return rc;
	if (is_in(op->other, op->path))
		return -EINVAL;
	if (from == to || (to >= 0 && t->entries[from].file == t->entries[to].file))
		return 0;
	if (to >= 0 && file_at(t, from)->kind == 'd' && file_at(t, to)->kind != 'd')
		return -ENOTDIR;
	if (to >= 0 && file_at(t, from)->kind != 'd' && file_at(t, to)->kind == 'd')
		return -EISDIR;
	if (to >= 0 && has_children(t, op->other))
		return -ENOTEMPTY;
	if (to >= 0)
		drop(t, to);
	for (size_t i = 0; i < t->n; i++) {
		struct tree_entry *e = &t->entries[i];
		char was[sizeof(e->path)];

		if (strcmp(e->path, op->path) != 0 && !is_in(e->path, op->path))
			continue;
		strcpy(was, e->path + n);
		if (strlen(op->other) + strlen(was) >= sizeof(e->path))
			return -ENAMETOOLONG;
		strcpy(stpcpy(e->path, op->other), was);
	}
	return 0;
}

static int remove_name(struct tree *t, const struct script_op *op, bool dir)
{
	int entry = find(t, op->path);
	char kind = file_at(t, entry)->kind;

	if (dir && kind != 'd')
		return -ENOTDIR;
	if (!dir && kind == 'd')
		return -EISDIR;
	if (has_children(t, op->path))
		return -ENOTEMPTY;
	drop(t, entry);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_names(const struct tree *t, const char *dir, char value[TREE_VALUE_MAX])
{
	const char *names[TREE_ENTRIES_MAX] = { NULL };
	size_t n = 0;
	size_t skip = strcmp(dir, ".") == 0 ? 0 : strlen(dir) + 1;

	for (size_t i = 0; i < t->n; i++) {
		const char *path = t->entries[i].path;

		if (is_in(path, dir) && !strchr(path + skip, '/'))
			names[n++] = path + skip;
	}
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		strcat(value, names[i]);
		strcat(value, " ");
	}
	return 0;
}

static int set_xattr(struct tree_file *f, const struct script_op *op)
{
	strcpy(f->xattr, op->other);
	strcpy(f->value, op->text);
	return 0;
}

static int get_xattr(struct tree_file *f, const struct script_op *op, bool take,
		     char value[TREE_VALUE_MAX])
{
	if (strcmp(f->xattr, op->other) != 0)
		return -ENODATA;
	if (take)
		f->xattr[0] = '\0';
	else
		strcpy(value, f->value);
	return 0;
}

static int on_content(struct tree_file *f, const struct script_op *op, char value[TREE_VALUE_MAX])
{
	if (f->kind == 'd' && (op->kind != SCRIPT_READ && op->kind != SCRIPT_SYNC))
		return -EISDIR;
	if (f->kind != 'f')
		return f->kind == 'd' ? (op->kind == SCRIPT_SYNC ? 0 : -EISDIR) : -ELOOP;
	switch (op->kind) {
	case SCRIPT_WRITE:
		write_to(f, op);
		return 0;
	case SCRIPT_TRUNCATE:
		change(f);
		grow(f, op->number);
		f->n = op->number;
		return 0;
	case SCRIPT_ALLOC:
		if (op->length == 0)
			return -EINVAL;
		change(f);
		grow(f, op->number + op->length);
		return 0;
	case SCRIPT_SYNC:
		f->dirty = false;
		return 0;
	default:
		for (uint32_t i = 0; i < f->n; i++)
			sprintf(value + 2 * i, "%02x", f->bytes[i]);
		return 0;
	}
}

static int on_file(struct tree *t, struct tree_file *f, const struct script_op *op,
		   char value[TREE_VALUE_MAX])
{
	switch (op->kind) {
	case SCRIPT_STAT:
		if (f->kind == 'f')
			sprintf(value, "%c %o %u", f->kind, f->mode, f->n);
		else if (f->kind == 'd')
			sprintf(value, "%c %o", f->kind, f->mode);
		else
			sprintf(value, "%c", f->kind);
		return 0;
	case SCRIPT_LIST:
		return f->kind == 'd' ? list_names(t, op->path, value) : -ENOTDIR;
	case SCRIPT_RENAME:
		return rename_to(t, op);
	case SCRIPT_UNLINK:
	case SCRIPT_RMDIR:
		return remove_name(t, op, op->kind == SCRIPT_RMDIR);
	case SCRIPT_READLINK:
		sprintf(value, "%.*s", (int)f->n, (const char *)f->bytes);
		return f->kind == 'l' ? 0 : -EINVAL;
	case SCRIPT_LINK:
		if (f->kind == 'd')
			return -EPERM;
		if (walk(t, op->other) < 0)
			return walk(t, op->other);
		if (find(t, op->other) >= 0)
			return -EEXIST;
		return tree_add(t, op->other, 0, 0, NULL, 0, (int)(f - t->files), NULL);
	case SCRIPT_CHMOD:
		f->mode = op->number;
		return 0;
	case SCRIPT_SETX:
		return set_xattr(f, op);
	case SCRIPT_GETX:
	case SCRIPT_REMOVEX:
		return get_xattr(f, op, op->kind == SCRIPT_REMOVEX, value);
	case SCRIPT_LISTX:
		strcpy(value, f->xattr);
		return 0;
	case SCRIPT_STATFS:
		return 0;
	case SCRIPT_CONNECT:
		return f->kind == 's' ? -ECONNREFUSED : -ENOTSOCK;
	default:
		return on_content(f, op, value);
	}
}

void tree_apply(struct tree *t, const struct script_op *op, struct tree_answer *ret)
{
	struct tree_file *f;

	*ret = (struct tree_answer){ 0 };
	switch (op->kind) {
	case SCRIPT_MKDIR:
		ret->code = make(t, op->path, 'd', 0755, NULL);
		return;
	case SCRIPT_CREATE:
		ret->code = make(t, op->path, 'f', 0644, NULL);
		return;
	case SCRIPT_SYMLINK:
		ret->code = make(t, op->path, 'l', 0777, op->other);
		return;
	case SCRIPT_BIND:
		ret->code = make(t, op->path, 's', 0755, NULL);
		return;
	default:
		break;
	}
	ret->code = walk(t, op->path);
	f = ret->code == 0 ? look(t, op->path) : NULL;
	if (ret->code == 0)
		ret->code = f ? on_file(t, f, op, ret->value) : -ENOENT;
}
