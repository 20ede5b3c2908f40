/* FD-7: what is left of the container as a whole. */
#include "harness/model/clauses.h"

void demand_nothing_left(struct expect *e)
{
	static const char *const kinds[] = { "processes", "mounts", "files", "sockets",
					     "descriptors" };

	/* what a pod leaves is seen once all of it has ended */
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !e->container; i++)
		demand_key(e, PROP_LEFT, SUBJECT_CONTAINER, kinds[i], MATCH_IS, "", false);
}

/* FD-7: nothing is left. Failed starts are judged by the clause that demands the error, too. */
static void fd_7(struct expect *e)
{
	demand_nothing_left(e);
}

/* … of a second process neither: its start and end leave the sentry's descriptors as they were. */
static void fd_7_exec(struct expect *e)
{
	fd_7(e);
	if (e->s->lifecycle == SPEC_HELD)
		demand_if_started(e, PROP_GROWN, SUBJECT_CONTAINER, MATCH_IS, "");
}

const struct clause_row container_clauses[] = {
	{ CLAUSE_FD_7, .sandbox = fd_7_exec, .error = fd_7 },
	{ CLAUSE_NONE, .mount = NULL },
};
