/* Which Go module a binary was built from: a name that outlives a change of toolchain. */
#ifndef HX_EXECUTE_MODULE_H
#define HX_EXECUTE_MODULE_H

/*
 * "PATH@VERSION" of the main module in the binary's Go build information; of a program that was
 * built in its own tree (no version) the gVisor that it depends on; or NULL where there is none.
 * Source of the fact: Go's runtime/debug.BuildInfo, whose text form ("mod\tPATH\tVERSION\t") stands in
 * the binary as it is.
 */
char *module_of(int fd);

#endif
