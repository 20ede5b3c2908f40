/*
 * A stopped tracee: its memory, its registers, and how it goes on. Negative errnos; -ESRCH: it was killed
 * meanwhile. Private to this folder. Source of the facts: ptrace(2).
 */
#ifndef HX_INTERPOSE_TRACEE_H
#define HX_INTERPOSE_TRACEE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define TRACEE_WORD sizeof(long)

/* ptrace's arguments are words. */
int tracee_do(int request, pid_t pid, uint64_t addr, uint64_t data);
int tracee_peek(pid_t pid, uint64_t addr, long *ret);
int tracee_poke(pid_t pid, uint64_t addr, const long *words, size_t n);
int tracee_get_regs(pid_t pid, struct user_regs_struct *ret);
int tracee_set_regs(pid_t pid, struct user_regs_struct *r);
/* As if it were not traced: signals reach it, a group-stop holds. status: what waitpid gave. */
int tracee_go_on(pid_t pid, int status);

#endif
