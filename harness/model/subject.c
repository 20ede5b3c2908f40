#include "harness/model/subject.h"

#include <errno.h>
#include <string.h>

int fact_case_subject(const struct fact *f, const struct spec_sandbox *s)
{
	if (f->subject != SUBJECT_CONTAINER || !f->key)
		return f->subject;
	int mount = spec_find_mount(s, f->key);
	return mount >= 0 ? mount : SUBJECT_CONTAINER;
}

const char *subject_name(int subject, const struct spec_sandbox *s)
{
	if (subject == SUBJECT_CONTAINER)
		return SUBJECT_CONTAINER_NAME;
	if (subject == SUBJECT_ROOTFS)
		return SUBJECT_ROOTFS_NAME;
	return s->mounts[subject].id;
}

int subject_parse(const char *name, const struct spec_sandbox *s, int *ret_subject)
{
	int subject = !strcmp(name, SUBJECT_CONTAINER_NAME) ? SUBJECT_CONTAINER
		      : !strcmp(name, SUBJECT_ROOTFS_NAME)  ? SUBJECT_ROOTFS
							    : spec_find_mount(s, name);

	if (subject == -1 && strcmp(name, SUBJECT_CONTAINER_NAME))
		return -ENOENT;
	*ret_subject = subject;
	return 0;
}
