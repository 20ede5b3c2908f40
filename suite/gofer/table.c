#include "suite/gofer/gofer.h"

const struct gofer_clause gofer_clauses[] = {
	{ "ABI-G1",
	  "the Mount reply has the published Statx of 144 bytes, and a limit that can be met" },
	{ "FD-G1", "an FD beside the Mount reply is the mount's root, and one at most" },
	{ "FD-G2", "an FD beside an OpenAt reply is the file that was opened" },
	{ "FD-G3", "FDs that a request carries are closed" },
	{ "PROTO-G1", "operations answer as Linux does, in replies of the published shape" },
	{ "PROTO-G2", "a name that is no single component is refused: nothing outside is reached" },
	{ "PROTO-G3",
	  "malformed, oversized, early and unknown requests are answered with an errno or end the "
	  "connection; never a crash, a hang or memory for what was only claimed" },
	{ "PROTO-G4", "FD ids that were never given, or are closed, are EBADF" },
	{ "PROTO-G5", "no reply is larger than was asked for" },
	{ "PROTO-G6", "what was closed is given back: nothing grows with the number of requests" },
	{ NULL, NULL },
};

#define ID(id)            \
	&(const uint16_t) \
	{                 \
		id        \
	}

const struct gofer_case gofer_cases[] = {
	{ "ABI-G1", "mount", gofer_mounts, NULL },
	{ "FD-G1", "donated", gofer_donates, NULL },
	{ "FD-G2", "opened", gofer_opens, NULL },
	{ "FD-G3", "requests-with-fds", gofer_request_fds, NULL },
	{ "PROTO-G1", "names", gofer_tree, "n" },
	{ "PROTO-G1", "modes", gofer_tree, "m" },
	{ "PROTO-G1", "owners", gofer_tree, "o" },
	{ "PROTO-G1", "content", gofer_tree, "c" },
	{ "PROTO-G1", "links", gofer_tree, "l" },
	{ "PROTO-G1", "removing", gofer_tree, "u" },
	{ "PROTO-G1", "renaming", gofer_tree, "r" },
	{ "PROTO-G1", "whiteouts", gofer_tree, "w" },
	{ "PROTO-G1", "xattrs", gofer_tree, "x" },
	{ "PROTO-G2", "Walk", gofer_refuses_names, ID(LISAFS_WALK) },
	{ "PROTO-G2", "WalkStat", gofer_refuses_names, ID(LISAFS_WALKSTAT) },
	{ "PROTO-G2", "MkdirAt", gofer_refuses_names, ID(LISAFS_MKDIRAT) },
	{ "PROTO-G2", "OpenCreateAt", gofer_refuses_names, ID(LISAFS_OPENCREATEAT) },
	{ "PROTO-G2", "MknodAt", gofer_refuses_names, ID(LISAFS_MKNODAT) },
	{ "PROTO-G2", "SymlinkAt", gofer_refuses_names, ID(LISAFS_SYMLINKAT) },
	{ "PROTO-G2", "LinkAt", gofer_refuses_names, ID(LISAFS_LINKAT) },
	{ "PROTO-G2", "UnlinkAt", gofer_refuses_names, ID(LISAFS_UNLINKAT) },
	{ "PROTO-G2", "RenameAt-from", gofer_refuses_names, ID(LISAFS_RENAMEAT) },
	{ "PROTO-G2", "RenameAt2-to", gofer_refuses_names, ID(LISAFS_RENAMEAT2) },
	{ "PROTO-G3", "truncated", gofer_truncated, NULL },
	{ "PROTO-G3", "unknown", gofer_unknown, NULL },
	{ "PROTO-G3", "oversized", gofer_oversized, NULL },
	{ "PROTO-G3", "early", gofer_early, NULL },
	{ "PROTO-G3", "many-claimed", gofer_many_claimed, NULL },
	{ "PROTO-G4", "never-given", gofer_bad_ids, NULL },
	{ "PROTO-G4", "closed", gofer_closed_ids, NULL },
	{ "PROTO-G5", "bounds", gofer_bounds, NULL },
	{ "PROTO-G6", "growth", gofer_growth, NULL },
};

const size_t gofer_cases_n = ARRAY_SIZE(gofer_cases);
