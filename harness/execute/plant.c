#include "harness/execute/plant.h"

#include <errno.h>
#include <string.h>

#include "fakegofer/fault/fault.h"
#include "harness/base/cleanup.h"
#include "harness/base/str.h"

static const struct {
	const char *name;
	const char *argument; /* what it is called; NULL = the kind takes none */
} plant_kinds[PLANT_N] = {
	[PLANT_ANNOTATION] = { "annotation", "KEY[=VALUE]" },
	[PLANT_MOUNT_LINE] = { "mount-line", "PATH" },
	[PLANT_GUEST_LINE] = { "guest-line", "PATH" },
	[PLANT_LEAVE_PROCESS] = { "leave-process", NULL },
	[PLANT_LEAVE_MOUNT] = { "leave-mount", NULL },
	[PLANT_LEAVE_FILE] = { "leave-file", NULL },
	[PLANT_LEAVE_SOCKET] = { "leave-socket", NULL },
	[PLANT_HOLD_FILE] = { "hold-file", NULL },
	[PLANT_TAMPER] = { "tamper", "MOUNT=NAME" },
	[PLANT_LEAK_FD] = { "leak-fd", "MOUNT" },
	[PLANT_FORBID_GOFER] = { "forbid-gofer", NULL },
	[PLANT_FORBID_SENTRY] = { "forbid-sentry", NULL },
	[PLANT_LOSE_CONTAINER] = { "lose-container", "ID" },
	[PLANT_GAIN_DESCRIPTOR] = { "gain-descriptor", NULL },
	[PLANT_BLIND] = { "blind", NULL },
	[PLANT_FAULTS] = { "faults", "PLAN" },
	[PLANT_LOSE_FILE] = { "lose-file", "PATH" },
	[PLANT_HANG] = { "hang", NULL },
	[PLANT_CANARY] = { "canary", "DIR" },
};

const char *plant_name(enum plant_kind kind)
{
	return plant_kinds[kind].name;
}

static int refuse(const char *text, struct hx_error *err)
{
	_cleanup_str_ struct str kinds = STR_INIT;

	for (size_t i = 0; i < PLANT_N; i++) {
		str_printf(&kinds, "%s%s", i ? ", " : "", plant_kinds[i].name);
		if (plant_kinds[i].argument)
			str_printf(&kinds, ":%s", plant_kinds[i].argument);
	}
	return hx_error_set(err, -EINVAL, "plant \"%s\": want one of %s", text, str_text(&kinds));
}

static int find_kind(const char *name, size_t n)
{
	for (size_t i = 0; i < PLANT_N; i++)
		if (strlen(plant_kinds[i].name) == n && !memcmp(plant_kinds[i].name, name, n))
			return (int)i;
	return -1;
}

int plant_parse(const char *text, struct plant *ret, struct hx_error *err)
{
	size_t n = strcspn(text, ":");
	const char *argument = text[n] ? text + n + 1 : NULL;
	int kind = find_kind(text, n);

	if (kind < 0 || !plant_kinds[kind].argument != !argument || (argument && !*argument))
		return refuse(text, err);
	if (kind == PLANT_ANNOTATION && *argument == '=')
		return refuse(text, err);
	if ((kind == PLANT_MOUNT_LINE || kind == PLANT_GUEST_LINE || kind == PLANT_CANARY) &&
	    *argument != '/')
		return hx_error_set(err, -EINVAL, "plant \"%s\": want an absolute path", text);
	if (kind == PLANT_FAULTS) {
		/* whoever may play it: which sandbox it goes to is not known yet */
		const unsigned int anyone = FAULT_IN_RELAY | FAULT_IN_FUSE | FAULT_IN_SOURCE;
		_cleanup_fault_plan_ struct fault_plan plan = { .n = 0 };
		int r = fault_plan_parse(argument, strlen(argument), &plan, err);

		if (r >= 0 && plan.n) /* none at all: an injector that is off */
			r = fault_plan_check(&plan, anyone, err);
		if (r < 0)
			return hx_error_wrap(err, r, "plant faults");
	}
	struct plant p = { .kind = (enum plant_kind)kind };
	p.argument = argument ? strdup(argument) : NULL;
	if (argument && !p.argument)
		return hx_error_set(err, -ENOMEM, "out of memory");
	*ret = p;
	return 0;
}

void plant_clear(struct plant *p)
{
	free(p->argument);
	*p = (struct plant){ 0 };
}
