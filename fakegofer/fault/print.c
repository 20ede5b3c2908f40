/* Plan to text. */
#include "fakegofer/fault/parts.h"

#include <inttypes.h>
#include <string.h>

static void print_what(const struct fault *f, struct str *to)
{
	const char *name = f->place == FAULT_FUSE ? fault_fuse_name(f->id) : lisafs_name(f->id);

	str_printf(to, "at %s %s", fault_places[f->place], f->id == FAULT_ANY ? "any" : name);
}

void fault_print(const struct fault *f, struct str *to)
{
	print_what(f, to);
	if (f->nth)
		str_printf(to, " nth %" PRIu64, f->nth);
	if (f->every)
		str_printf(to, " every %" PRIu64, f->every);
	if (f->following != FAULT_ANY)
		str_printf(to, " following %s",
			   f->place == FAULT_FUSE ? fault_fuse_name(f->following)
						  : lisafs_name(f->following));
	if (f->mount != FAULT_ANY)
		str_printf(to, " mount %u", f->mount);
	if (f->path) {
		str_add(to, " path ");
		fault_print_word(f->path, strlen(f->path), to);
	}
	if (f->use != FAULT_USE_ANY)
		str_printf(to, " use %s", fault_uses[f->use]);
	if (f->chance)
		str_printf(to, " chance %" PRIu32 "%%", f->chance);
	str_printf(to, " %s %s", fault_whens[f->when], f->action->name);
	fault_print_arguments(f, to);
	str_add_char(to, '\n');
}

void fault_plan_print(const struct fault_plan *p, struct str *to)
{
	str_printf(to, "seed %" PRIu64 "\n", p->seed);
	for (size_t i = 0; i < p->n; i++)
		fault_print(&p->faults[i], to);
}
