/* Sandboxes that are cases by themselves, and groups that must come out alike. */
#include <errno.h>
#include <string.h>

#include "harness/base/rng.h"
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "suite/plan/building.h"

static void shuffle_annotations(struct spec_sandbox *s, uint64_t seed)
{
	struct rng rng = rng_seeded(seed);

	for (size_t i = s->n_annotations; i > 1; i--) {
		size_t j = rng_below(&rng, i);
		struct spec_annotation t = s->annotations[i - 1];

		s->annotations[i - 1] = s->annotations[j];
		s->annotations[j] = t;
	}
}

/* One instance. Its own cases are those of instance 0, or the same would be judged often. */
static int add_instance(struct plan *p, const struct sandbox_source *src, size_t instance,
			uint64_t seed)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	struct naming naming = { .sandbox = p->n_sandboxes,
				 .container = src->slug,
				 .own = src->own };
	int r = src->build(&s, instance);

	if (r >= 0 && src->instances)
		s.id = str_format("%s.%zu", src->slug, instance);
	else if (r >= 0)
		s.id = strdup(src->slug);
	if (r >= 0 && !s.id)
		r = -ENOMEM;
	if (r >= 0 && src->shuffle && instance) /* instance 0 keeps the written order */
		shuffle_annotations(&s, rng_hash(seed + instance, src->slug));
	if (r >= 0)
		r = plan_add_sandbox(p, &s);
	return r < 0 || (instance && !src->own) ? r : plan_add_cases(p, &naming);
}

/* The group's own cases: the container, the rootfs and each mount, alike in every instance. */
static int add_group_case(struct plan *p, const struct sandbox_source *src, size_t first,
			  const char *subject)
{
	bool container = !strcmp(subject, SUBJECT_CONTAINER_NAME);
	_cleanup_free_ char *slug =
		container ? strdup(src->slug) : str_format("%s:%s", src->slug, subject);
	struct plan_case *c = slug ? plan_get_case(p, src->clause, slug) : NULL;
	const char *why = NULL;
	int r = c ? 0 : -ENOMEM;

	for (size_t i = 0; i < src->instances && r >= 0; i++)
		r = plan_add_place(p, c, first + i, subject);
	if (r < 0)
		return r;
	c->same = src->same;
	c->judged = requirements[src->clause].since <= p->profile &&
		    model_feasible(p->profile, &p->sandboxes[first], &why);
	return 0;
}

static int add_group(struct plan *p, const struct sandbox_source *src, size_t first)
{
	const struct spec_sandbox *s = &p->sandboxes[first];
	int r = add_group_case(p, src, first, SUBJECT_CONTAINER_NAME);

	if (r >= 0)
		r = add_group_case(p, src, first, SUBJECT_ROOTFS_NAME);
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		r = add_group_case(p, src, first, p->sandboxes[first].mounts[i].id);
	return r;
}

int plan_add_whole(struct plan *p, const struct sandbox_source *src, uint64_t seed,
		   struct hx_error *err)
{
	size_t first = p->n_sandboxes;
	int r = 0;

	for (size_t i = 0; i < (src->instances ? src->instances : 1) && r >= 0; i++)
		r = add_instance(p, src, i, seed);
	if (r >= 0 && src->instances && src->clause != CLAUSE_NONE)
		r = add_group(p, src, first);
	return r < 0 ? hx_error_errno(err, r, "sandbox %s", src->slug) : 0;
}
