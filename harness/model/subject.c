#include "harness/model/subject.h"

#include <errno.h>
#include <string.h>

/* The mount of any container of the pod, or SUBJECT_CONTAINER. */
static int find_mount(const struct spec_sandbox *pod, const char *id)
{
	for (size_t k = 0; k <= pod->n_containers; k++) {
		int mount = spec_find_mount(spec_container(pod, k), id);

		if (mount >= 0)
			return subject_in(k, mount);
	}
	return SUBJECT_CONTAINER;
}

int fact_case_subject(const struct fact *f, const struct spec_sandbox *s)
{
	size_t k = subject_container(f->subject);
	int local = subject_local(f->subject);

	/* a fault is the sandbox's: who suffers is what is judged */
	if (f->clause != CLAUSE_NONE && spec_faulted(s))
		return SUBJECT_CONTAINER;
	if (k && local == SUBJECT_ROOTFS)
		return subject_in(k, SUBJECT_CONTAINER);
	if (local != SUBJECT_CONTAINER || !f->key)
		return f->subject;
	int mount = spec_find_mount(spec_container(s, k), f->key);
	return mount >= 0 ? subject_in(k, mount) : f->subject;
}

const char *subject_name(int subject, const struct spec_sandbox *s)
{
	size_t k = subject_container(subject);
	const struct spec_sandbox *c = spec_container(s, k);
	int local = subject_local(subject);

	if (local >= 0)
		return c->mounts[local].id;
	if (k)
		return c->id;
	return local == SUBJECT_CONTAINER ? SUBJECT_CONTAINER_NAME : SUBJECT_ROOTFS_NAME;
}

int subject_parse(const char *name, const struct spec_sandbox *s, int *ret_subject)
{
	int subject = !strcmp(name, SUBJECT_CONTAINER_NAME) ? SUBJECT_CONTAINER
		      : !strcmp(name, SUBJECT_ROOTFS_NAME)  ? SUBJECT_ROOTFS
							    : find_mount(s, name);

	for (size_t k = 1; k <= s->n_containers && subject == SUBJECT_CONTAINER; k++)
		if (!strcmp(name, spec_container(s, k)->id))
			subject = subject_in(k, SUBJECT_CONTAINER);
	if (subject == SUBJECT_CONTAINER && strcmp(name, SUBJECT_CONTAINER_NAME))
		return -ENOENT;
	*ret_subject = subject;
	return 0;
}
