#include <errno.h>
#include <string.h>

#include "fakegofer/lisafs/layout.h"

struct check {
	const struct lisafs_message *msg;
	struct lisafs_fault *fault;
	size_t index; /* of the element being checked */
};

static bool is(const struct lisafs_str *s, const char *text)
{
	return s->n == strlen(text) && memcmp(s->data, text, s->n) == 0;
}

static bool has_byte(const struct lisafs_str *s, char c)
{
	return s->n > 0 && memchr(s->data, c, s->n);
}

static int check_text(const struct lisafs_str *s, uint32_t most)
{
	if (s->n == 0 || has_byte(s, '\0'))
		return -EINVAL;
	return s->n > most ? -ENAMETOOLONG : 0;
}

static int check_name(const struct lisafs_str *s)
{
	if (has_byte(s, '/') || is(s, ".") || is(s, ".."))
		return -EINVAL;
	return check_text(s, LISAFS_NAME_MAX);
}

static int check_number(uint8_t rule, const void *member)
{
	uint64_t fdid;

	if (rule == LISAFS_RULE_FDID) {
		memcpy(&fdid, member, sizeof(fdid));
		return fdid == LISAFS_FDID_NONE ? -EBADF : 0;
	}
	if (rule == LISAFS_RULE_WALK_STATUS)
		return *(const uint8_t *)member > LISAFS_WALK_SYMLINK ? -EINVAL : 0;
	return 0;
}

static int check_str(const struct check *c, uint8_t rule, const struct lisafs_str *s)
{
	switch ((enum lisafs_rule)rule) {
	case LISAFS_RULE_NAME:
		return check_name(s);
	case LISAFS_RULE_WALK:
		if (s->n == 0 && c->index == 0 && c->msg->id == LISAFS_WALKSTAT)
			return 0;
		return check_name(s);
	case LISAFS_RULE_TARGET:
		return check_text(s, LISAFS_PATH_MAX);
	case LISAFS_RULE_XATTR_NAME:
		return check_text(s, LISAFS_NAME_MAX);
	default:
		return 0;
	}
}

static int check_rows(struct check *c, const struct lisafs_layout *l, const void *base);

static int check_array(struct check *c, const struct lisafs_row *row, const struct lisafs_array *a)
{
	struct lisafs_cursor at = { 0 };
	union lisafs_item item;

	for (c->index = 0; lisafs_next(a, row->of, &at, &item); c->index++) {
		int rc = check_rows(c, row->of, &item);

		if (rc < 0) {
			c->fault->outer = row->name;
			c->fault->index = c->index;
			c->fault->indexed = true;
			return rc;
		}
	}
	return 0;
}

static int check_row(struct check *c, const struct lisafs_row *row, const void *member)
{
	int rc = 0;

	switch ((enum lisafs_wire)row->wire) {
	case LISAFS_WIRE_NUMBER:
		rc = check_number(row->rule, member);
		break;
	case LISAFS_WIRE_STR:
		rc = check_str(c, row->rule, member);
		break;
	case LISAFS_WIRE_STRUCT:
		rc = check_rows(c, row->of, member);
		if (rc < 0 && !c->fault->outer)
			c->fault->outer = row->name;
		return rc;
	case LISAFS_WIRE_ARRAY:
		return check_array(c, row, member);
	default:
		break;
	}
	if (rc < 0) {
		c->fault->code = rc;
		c->fault->field = row->name;
	}
	return rc;
}

static int check_rows(struct check *c, const struct lisafs_layout *l, const void *base)
{
	for (const struct lisafs_row *row = l->rows; row->name; row++) {
		int rc = check_row(c, row, (const uint8_t *)base + row->offset);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int lisafs_validate(const struct lisafs_message *msg, struct lisafs_fault *fault)
{
	struct lisafs_fault unseen = { 0 };
	struct check c = { .msg = msg, .fault = fault ? fault : &unseen };
	const struct lisafs_layout *l;
	int rc = lisafs_layout_of(msg->id, msg->direction, &l, c.fault);

	return rc < 0 ? rc : check_rows(&c, l, &msg->body);
}
