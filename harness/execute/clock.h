/* The monotonic clock in milliseconds: durations and bounds, never evidence. */
#ifndef HX_EXECUTE_CLOCK_H
#define HX_EXECUTE_CLOCK_H

#include <limits.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>

static inline uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Milliseconds until `until`, as poll takes them; 0 when it is past. */
static inline int clock_left(uint64_t until)
{
	uint64_t now = clock_ms();

	if (until <= now)
		return 0;
	return until - now > INT_MAX ? INT_MAX : (int)(until - now);
}

/* Arms a timerfd once, ms from now (0 disarms it); every_ms > 0 repeats. Returns 0 or -1 with errno. */
static inline int clock_arm(int timerfd, unsigned int ms, unsigned int every_ms)
{
	struct itimerspec t = {
		.it_value = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 },
		.it_interval = { .tv_sec = every_ms / 1000,
				 .tv_nsec = (long)(every_ms % 1000) * 1000000 },
	};

	return timerfd_settime(timerfd, 0, &t, NULL);
}

#endif
