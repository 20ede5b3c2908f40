/*
 * The n-th allocation failed, and the n-th system call, for every n: linked with --wrap (Makefile), every call
 * that our objects make of the functions below comes here first. What libraries do among themselves is
 * theirs. Blocks are counted, so that one that is not given back shows without a tool; what only a
 * library frees (JSON) is left to LeakSanitizer and valgrind, under which these tests run, too.
 */
#ifndef HX_SUITE_UNIT_NTH_RIG_H
#define HX_SUITE_UNIT_NTH_RIG_H

#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "harness/base/json.h"
#include "suite/unit/support/open_fds.h"
#include "suite/unit/support/unit.h"

enum nth_kind {
	NTH_ALLOCATION,
	NTH_SYSCALL,
};

#define NTH_FRAMES 6

static struct {
	enum nth_kind kind;
	long left; /* calls until the one that fails; 0 = none does */
	bool fired;
	void *at[NTH_FRAMES]; /* where that was */
	int frames;
	long blocks; /* that are not given back */
} nth;

/* Whether this call is the one. errno is set. */
static inline bool nth_fails(enum nth_kind kind)
{
	if (nth.left == 0 || nth.kind != kind || --nth.left > 0)
		return false;
	nth.fired = true;
	nth.frames = backtrace(nth.at, NTH_FRAMES);
	errno = kind == NTH_ALLOCATION ? ENOMEM : EIO;
	return true;
}

static inline void *nth_block(void *p)
{
	nth.blocks += p != NULL;
	return p;
}

#define NTH(kind, type, name, none, parameters, arguments)                 \
	type __real_##name parameters;                                     \
	type __wrap_##name parameters;                                     \
	type __wrap_##name parameters                                      \
	{                                                                  \
		return nth_fails(kind) ? (none) : __real_##name arguments; \
	}
#define NTH_BLOCK(type, name, parameters, arguments)                               \
	type __real_##name parameters;                                             \
	type __wrap_##name parameters;                                             \
	type __wrap_##name parameters                                              \
	{                                                                          \
		return nth_fails(NTH_ALLOCATION)                                   \
			       ? NULL                                              \
			       : (type)nth_block((void *)__real_##name arguments); \
	}

NTH_BLOCK(void *, malloc, (size_t n), (n))
NTH_BLOCK(void *, calloc, (size_t n, size_t size), (n, size))
NTH_BLOCK(char *, strdup, (const char *s), (s))
NTH_BLOCK(char *, strndup, (const char *s, size_t n), (s, n))
NTH_BLOCK(char *, getcwd, (char *buf, size_t n), (buf, n))

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
	void *grown = nth_fails(NTH_ALLOCATION) ? NULL : __real_realloc(p, n);

	return p ? grown : nth_block(grown);
}

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	void *grown = nth_fails(NTH_ALLOCATION) ? NULL : __real_reallocarray(p, n, size);

	return p ? grown : nth_block(grown);
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	nth.blocks -= p != NULL;
	__real_free(p);
}

int __wrap_vasprintf(char **ret, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
int __wrap_vasprintf(char **ret, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	*ret = n < 0 ? NULL : __wrap_malloc((size_t)n + 1);
	return *ret ? vsnprintf(*ret, (size_t)n + 1, fmt, ap) : -1;
}

int __wrap___vasprintf_chk(char **ret, int flag, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
int __wrap___vasprintf_chk(char **ret, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	return __wrap_vasprintf(ret, fmt, ap);
}

/* asprintf is vasprintf with the arguments spelled out. */
int __wrap_asprintf(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = __wrap_vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}

int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = __wrap_vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}

#define NTH_JSON(type, name, none, parameters, arguments) \
	NTH(NTH_ALLOCATION, type, name, none, parameters, arguments)

NTH_JSON(struct json_object *, json_object_new_object, NULL, (void), ())
NTH_JSON(struct json_object *, json_object_new_array, NULL, (void), ())
NTH_JSON(struct json_object *, json_object_new_string, NULL, (const char *s), (s))
NTH_JSON(struct json_object *, json_object_new_string_len, NULL, (const char *s, int n), (s, n))
NTH_JSON(struct json_object *, json_object_new_int64, NULL, (int64_t i), (i))
NTH_JSON(struct json_object *, json_object_new_boolean, NULL, (json_bool b), (b))
NTH_JSON(int, json_object_object_add, -1,
	 (struct json_object * o, const char *key, struct json_object *v), (o, key, v))
NTH_JSON(int, json_object_array_add, -1, (struct json_object * o, struct json_object *v), (o, v))
NTH_JSON(struct json_tokener *, json_tokener_new_ex, NULL, (int depth), (depth))
NTH_JSON(const char *, json_object_to_json_string_ext, NULL, (struct json_object * o, int flags),
	 (o, flags))
NTH_JSON(DIR *, fdopendir, NULL, (int fd), (fd))

NTH(NTH_SYSCALL, ssize_t, read, -1, (int fd, void *buf, size_t n), (fd, buf, n))
NTH(NTH_SYSCALL, ssize_t, write, -1, (int fd, const void *buf, size_t n), (fd, buf, n))
NTH(NTH_SYSCALL, ssize_t, sendmsg, -1, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
NTH(NTH_SYSCALL, ssize_t, recvmsg, -1, (int fd, struct msghdr *m, int flags), (fd, m, flags))
NTH(NTH_SYSCALL, int, fstat, -1, (int fd, struct stat *st), (fd, st))
NTH(NTH_SYSCALL, int, openat, -1, (int dir, const char *path, int flags, mode_t mode),
    (dir, path, flags, mode))
NTH(NTH_SYSCALL, int, open, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))
NTH(NTH_SYSCALL, int, fcntl, -1, (int fd, int op, long arg), (fd, op, arg))
NTH(NTH_SYSCALL, int, socketpair, -1, (int domain, int type, int protocol, int fds[2]),
    (domain, type, protocol, fds))
NTH(NTH_SYSCALL, void *, mmap, MAP_FAILED,
    (void *at, size_t n, int protection, int flags, int fd, off_t offset),
    (at, n, protection, flags, fd, offset))
NTH(NTH_SYSCALL, long, syscall, -1, (long number, long a, long b, long c, long d, long e, long f),
    (number, a, b, c, d, e, f))

/* The call that failed, and who made it: addresses for addr2line(1). */
static inline void nth_tell(void)
{
	fflush(NULL);
	backtrace_symbols_fd(nth.at, nth.frames, STDERR_FILENO);
}

#define nth_fail(...)                  \
	do {                           \
		nth_tell();            \
		fail_msg(__VA_ARGS__); \
	} while (0)

/* LeakSanitizer stops the world to look: it does so once in that many calls, and names the stack itself. */
#define NTH_LEAKS_EVERY 64

#if defined(__SANITIZE_ADDRESS__)
int __lsan_do_recoverable_leak_check(void);
#define nth_leaks() __lsan_do_recoverable_leak_check()
#else
#define nth_leaks() 0
#endif

/* What is put to the test: everything that it makes it gives back, whatever it returns. */
typedef int (*nth_fn)(void *ctx);

/*
 * f(ctx) with every n-th call failing until none does, which must succeed. Each time nothing may be left,
 * and f returns -ENOMEM (an allocation) or any error (a system call), or, where may_do_without says
 * so, succeeds without it.
 */
static inline void nth_each(enum nth_kind kind, nth_fn f, void *ctx, bool may_do_without)
{
	size_t fds = open_fds();

	for (long n = 1;; n++) {
		long blocks = nth.blocks;
		int rc;

		nth.kind = kind;
		nth.fired = false;
		nth.left = n;
		rc = f(ctx);
		nth.left = 0;
		if (open_fds() != fds)
			nth_fail("n = %ld: %zu FDs, before there were %zu", n, open_fds(), fds);
		if (nth.blocks != blocks)
			nth_fail("n = %ld: %ld blocks are left", n, nth.blocks - blocks);
		if ((n % NTH_LEAKS_EVERY == 0 || !nth.fired) && nth_leaks())
			nth_fail("n = %ld, or one of the %d before: a leak", n, NTH_LEAKS_EVERY);
		if (!nth.fired) {
			assert_int_equal(rc, 0);
			assert_true(n > 1);
			print_message("%ld calls\n", n - 1);
			return;
		}
		if (rc >= 0 ? !may_do_without : kind == NTH_ALLOCATION && rc != -ENOMEM)
			nth_fail("n = %ld: %d (%s)", n, rc, rc < 0 ? strerror(-rc) : "succeeds");
	}
}

#endif
