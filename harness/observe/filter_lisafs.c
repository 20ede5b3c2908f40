#include "harness/observe/filter_lisafs.h"

#include "harness/observe/filter_probe.h"

const char *filter_lisafs_name(enum filter_lisafs v)
{
	static const char *const names[] = {
		[FILTER_LISAFS_NONE] = "none",
		[FILTER_LISAFS_ALL] = "all",
		[FILTER_LISAFS_ELSE] = "else",
	};

	return names[v];
}

struct tally {
	size_t allowed, wrong;
};

static void put(const struct filter_stack *s, uint32_t arch, const struct lisafs_syscall *call,
		const uint64_t args[6], bool wanted, struct tally *t, struct str *why)
{
	bool allowed = filter_allows(s, arch, call->nr, args);

	t->allowed += allowed;
	if (allowed == wanted)
		return;
	t->wrong++;
	str_printf(why, "%s(", call->name);
	for (size_t i = 0; i < 6; i++)
		str_printf(why, "%s%#llx", i ? ", " : "", (unsigned long long)args[i]);
	str_printf(why, "): %s\n", allowed ? "allowed" : "refused");
}

enum filter_lisafs filter_lisafs(const struct filter_stack *s, uint32_t arch, enum profile p,
				 struct str *why)
{
	_cleanup_str_ struct str text = STR_INIT;
	struct tally t = { 0 };
	size_t n = 0;
	const struct lisafs_syscall *calls = lisafs_syscalls(&n);

	for (size_t i = 0; i < n; i++) {
		if (!lisafs_syscall_in(&calls[i], p))
			continue;
		for (size_t j = 0; j < calls[i].n_must; j++)
			put(s, arch, &calls[i], calls[i].must[j], true, &t, &text);
		for (size_t j = 0; j < calls[i].n_must_not; j++)
			put(s, arch, &calls[i], calls[i].must_not[j], false, &t, &text);
	}
	if (t.allowed == 0)
		return FILTER_LISAFS_NONE;
	if (t.wrong == 0)
		return FILTER_LISAFS_ALL;
	if (why)
		str_add(why, str_text(&text));
	return FILTER_LISAFS_ELSE;
}
