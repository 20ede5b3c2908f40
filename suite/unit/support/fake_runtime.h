/*
 * A runtime in small: the test program executing itself under the names that a real one gives its
 * processes. What each does is said by its arguments, so that a test reads as a story.
 */
#ifndef HX_SUITE_UNIT_SUPPORT_FAKE_RUNTIME_H
#define HX_SUITE_UNIT_SUPPORT_FAKE_RUNTIME_H

#include <stdbool.h>

/*
 * For the top of main(): true where this process is one of the runtime's, and *ret is its exit status.
 *
 * argv[0] "runtime": --do=WHAT,… (gofer, sentry, or the name of any other program), in order; --gofer=WORD
 * and --sentry=WORD go on to them; --io=N joins the two by N socket pairs. It execs /proc/self/exe, waits for
 * all, and exits with the gofer's status, or 128 + its signal.
 *
 * argv[0] "runsc-gofer": --io-fds=N…, and one of
 *	--do=serve	answers Mount with a reply of the 2026-09 build beside an FD of DIR (--root=DIR; none
 *			without it), Channel with EOPNOTSUPP, everything else with its own payload; ends with the
 *			last connection
 *	--do=exit:N	ends at once
 *	--do=kill:SIG	kills itself
 *	--do=forbidden	forbids itself all calls but exit_group, and issues that of control.h
 *	--do=calls:WHEN	mkdirat, a filter if WHEN is early, an answer to the first request, linkat, a filter if WHEN is
 *			late; then ends
 *	--do=wait	waits for a signal
 *	--do=close	closes all its FDs and waits for a signal
 *	--do=flood	sends 4 MiB of frames after the first request, then ends
 * --report=N: before that writes a line "argv … | env X=… | fds N N …| exe PATH" there.
 *
 * argv[0] "runsc-sandbox": --do=exit:N, kill:SIG, forbidden or wait as above, or --do=mount: sends Mount on all its --io-fds, keeps the
 * FDs that come, writes "+" to --ready=N, and waits for a signal. --do=ask sends Mount, and ends after the answers.
 * --do=stub clones a process without SIGCHLD, attaches to it, and ends with 0 if that works.
 */
bool fake_runtime_main(int argc, char **argv, int *ret);

/* This program's own path; owned by the caller. */
char *fake_runtime_path(void);

#endif
