/*
 * Which of the plan's calls the real gofer issues, and when it installs its filters. A filter of ours, from before its exec on, stops it at
 * those calls alone (SECCOMP_RET_TRACE): stopping it at every call would cost a hundred times as many stops. What
 * the gofer's own filters refuse still kills it, because the kernel takes the strictest answer.
 * Source of the facts: seccomp(2), ptrace(2), kernel/seccomp.c (seccomp_run_filters) of Linux.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "harness/interpose/arch.h"
#include "harness/interpose/shim/shim.h"
#include "harness/interpose/tracee.h"

#define INSTALLS SHIM_PLAN_ISSUED_LIMIT /* the word of a stop at which a filter is installed */

int issued_begin(const struct shim_plan *p)
{
	static const struct sock_filter end[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | INSTALLS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_filter code[2 * SHIM_PLAN_ISSUED_LIMIT + 1 + ARRAY_SIZE(end)];
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < p->n_issued; i++) {
		code[n++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, p->issued[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							 SECCOMP_RET_TRACE | (uint32_t)i);
	}
	memcpy(code + n, end, sizeof(end));
	n = (unsigned short)(n + ARRAY_SIZE(end));
	const struct sock_fprog program = { .len = n, .filter = code };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	/* without CAP_SYS_ADMIN; the gofer execs nothing that would gain rights */
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

/* It stands still: what it has answered is here already, or waits to be read. */
static bool has_answered(const struct shim *s)
{
	bool answered = s->answered;

	for (size_t i = 0; i < s->n_conns && !answered; i++) {
		struct pollfd p = { .fd = s->conns[i].gofer.fd, .events = POLLIN };

		answered = s->conns[i].kind == SHIM_GOFER_STOCK && poll(&p, 1, 0) > 0 &&
			   (p.revents & POLLIN) != 0;
	}
	return answered;
}

/* Libraries ask what the kernel knows by calls that install nothing: they have no program. */
static bool installs(pid_t tid)
{
	struct user_regs_struct regs;
	uint64_t args[6] = { 0 };

	if (tracee_get_regs(tid, &regs) < 0)
		return false;
	arch_syscall(&regs, args);
	return args[2] != 0 && (args[0] == SECCOMP_SET_MODE_FILTER || args[0] == PR_SET_SECCOMP);
}

/* Before its first answer it sets itself up, which is nobody's operation. */
void issued_stop(struct shim *s, pid_t tid)
{
	unsigned long i = 0;

	if (syscall(SYS_tgkill, s->gofer, tid, 0) < 0 ||
	    tracee_do(PTRACE_GETEVENTMSG, tid, 0, (uint64_t)(uintptr_t)&i) < 0)
		return;
	if (i == INSTALLS) {
		if (!installs(tid))
			return;
		record_begin(&s->record, "filter");
		record_bool(&s->record, "late", has_answered(s));
		record_end(&s->record);
		return;
	}
	if (i >= s->plan.n_issued || s->issued[i] || !has_answered(s))
		return;
	s->issued[i] = true;
	record_begin(&s->record, "issued");
	record_int(&s->record, "syscall", s->plan.issued[i]);
	record_end(&s->record);
}
