/* SPDX-License-Identifier: ISC */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t now_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

time_ms clock_wall_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000;
}

time_ms clock_monotonic_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

const char *clock_format(time_ms wall, char text[CLOCK_TEXT_SIZE])
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm tm;
	if (!gmtime_r(&seconds, &tm) || strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(text, CLOCK_TEXT_SIZE, "(no time)");
	return text;
}

/* [Z | +hh:mm | -hh:mm] to seconds east of UTC. */
static int parse_offset(const char *p, long *ret_seconds)
{
	int hours, minutes, used = 0;
	if (strcmp(p, "Z") == 0 || strcmp(p, "z") == 0) {
		*ret_seconds = 0;
		return 0;
	}
	/* NOLINTNEXTLINE(cert-err34-c): two digits cannot overflow */
	if ((*p != '+' && *p != '-') || sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 ||
	        p[1 + used] || hours > 23 || minutes > 59 || hours < 0 || minutes < 0)
		return -EINVAL;
	*ret_seconds = (hours * 3600L + minutes * 60L) * (*p == '-' ? -1 : 1);
	return 0;
}

int clock_parse(const char *text, time_ms *ret_wall)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%d", &tm);
	long offset = 0;
	if (!p)
		return -EINVAL;
	if (*p) {
		if (*p != 'T' && *p != 't' && *p != ' ')
			return -EINVAL;
		p = strptime(p + 1, "%H:%M:%S", &tm);
		if (!p)
			return -EINVAL;
		if (*p == '.')
			p += 1 + strspn(p + 1, "0123456789");
		if (parse_offset(p, &offset) < 0)
			return -EINVAL;
	}
	time_t seconds = timegm(&tm);
	*ret_wall = ((int64_t)seconds - offset) * 1000;
	return 0;
}
