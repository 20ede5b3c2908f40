#include "harness/engine/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_MS 100

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool live_wants_colour(int fd)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fd) && !(no && *no);
}

void live_start(struct live *l, bool verbose)
{
	*l = (struct live){
		.terminal = isatty(STDERR_FILENO),
		.colour = live_wants_colour(STDERR_FILENO),
		.verbose = verbose,
		.started_ms = now_ms(),
	};
}

void live_end(struct live *l)
{
	if (l->shown)
		fputs("\r\033[K", stderr);
	l->shown = false;
}

static void draw(struct live *l, const struct engine_progress *p, uint64_t now)
{
	uint64_t spent = now - l->started_ms;
	uint64_t left = p->sandboxes_done ? spent * (p->sandboxes - p->sandboxes_done) /
						    p->sandboxes_done / 1000
					  : 0;

	fprintf(stderr, "\r\033[K%zu/%zu cases  %zu failed  %zu/%zu sandboxes, %zu running",
		p->done, p->cases, p->failed, p->sandboxes_done, p->sandboxes, p->running);
	if (p->sandboxes_done)
		fprintf(stderr, "  about %llu s left", (unsigned long long)left);
	fflush(stderr);
	l->shown = true;
	l->drawn_ms = now;
}

void live_progress(struct live *l, const struct engine_progress *p)
{
	uint64_t now = now_ms();

	if (l->terminal) {
		if (!l->shown || now - l->drawn_ms >= REDRAW_MS)
			draw(l, p, now);
		return;
	}
	size_t tenths = p->sandboxes ? p->sandboxes_done * 10 / p->sandboxes : 0;
	if (tenths > l->announced && p->sandboxes >= 20) {
		l->announced = tenths;
		fprintf(stderr, "%zu/%zu cases, %zu failed, %zu/%zu sandboxes\n", p->done, p->cases,
			p->failed, p->sandboxes_done, p->sandboxes);
	}
}

void live_case(struct live *l, const char *id, enum verdict v, struct json_object *line)
{
	static const char *const colours[VERDICT_N] = {
		[VERDICT_PASS] = "\033[32m",  [VERDICT_FAIL] = "\033[31m",
		[VERDICT_SKIP] = "",          [VERDICT_BROKEN] = "\033[35m",
		[VERDICT_XFAIL] = "\033[33m", [VERDICT_XPASS] = "\033[31m",
	};
	bool bad = v == VERDICT_FAIL || v == VERDICT_BROKEN || v == VERDICT_XPASS;

	if (!bad && !l->verbose)
		return;
	live_end(l);
	fprintf(stderr, "%s%-6s%s %s", l->colour ? colours[v] : "", verdict_name(v),
		l->colour ? "\033[0m" : "", id);
	if (v == VERDICT_SKIP)
		fprintf(stderr, ": %s", json_string_or(line, "reason", ""));
	fputc('\n', stderr);
}
