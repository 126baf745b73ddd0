/* SPDX-License-Identifier: ISC */
#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_SECOND 253402300799 /* 9999-12-31T23:59:59Z */

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

static char *put_digits(char *at, unsigned value, int n)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + n;
}

/* The day of the proleptic Gregorian calendar, days after 1970-01-01. Years begin in March here, so that the
 * day that is not in every year is the last one; an era is 400 years. */
static char *put_day(char *at, int64_t days)
{
	const unsigned day = (unsigned)(days + 719468), era = day / 146097, of_era = day % 146097;
	const unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	const unsigned month = (5 * of_year + 2) / 153;
	at = put_digits(at, year + era * 400 + (month >= 10), 4);
	*at++ = '-';
	at = put_digits(at, month < 10 ? month + 3 : month - 9, 2);
	*at++ = '-';
	return put_digits(at, of_year - (153 * month + 2) / 5 + 1, 2);
}

/* Before 1970, and where years have more digits. */
static const char *format_far(time_ms wall, char text[CLOCK_TEXT_SIZE])
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm tm;
	if (!gmtime_r(&seconds, &tm) || strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(text, CLOCK_TEXT_SIZE, "(no time)");
	return text;
}

/* Answers have thousands of times in them: strftime() would take most of their making. */
const char *clock_format(time_ms wall, char text[CLOCK_TEXT_SIZE])
{
	const int64_t seconds = wall / 1000;
	if (wall < 0 || seconds > LAST_SECOND)
		return format_far(wall, text);
	const unsigned of_day = (unsigned)(seconds % 86400);
	char *at = put_day(text, seconds / 86400);
	*at++ = 'T';
	at = put_digits(at, of_day / 3600, 2);
	*at++ = ':';
	at = put_digits(at, of_day / 60 % 60, 2);
	*at++ = ':';
	at = put_digits(at, of_day % 60, 2);
	memcpy(at, "Z", 2);
	return text;
}

const char *clock_format_ms(time_ms wall, char text[CLOCK_TEXT_SIZE])
{
	const int ms = (int)(wall % 1000);
	char *z = strchr(clock_format(wall, text), 'Z');
	if (ms > 0 && z && (size_t)(z - text) + sizeof(".000Z") <= CLOCK_TEXT_SIZE)
		snprintf(z, sizeof(".000Z"), ".%03dZ", ms);
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

/* timegm() makes March 2 of February 30. */
static bool is_day(const struct tm *tm)
{
	struct tm day = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday };
	(void)timegm(&day);
	return day.tm_mday == tm->tm_mday;
}

/* Digits after the third one say nothing. */
static const char *parse_fraction(const char *p, int *ret_ms)
{
	for (int unit = 100; *p >= '0' && *p <= '9'; p++, unit /= 10)
		*ret_ms += unit * (*p - '0');
	return p;
}

int clock_parse(const char *text, time_ms *ret_wall)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%d", &tm);
	long offset = 0;
	int ms = 0;
	if (!p || !is_day(&tm))
		return -EINVAL;
	if (*p) {
		if (*p != 'T' && *p != 't' && *p != ' ')
			return -EINVAL;
		p = strptime(p + 1, "%H:%M:%S", &tm);
		if (!p)
			return -EINVAL;
		if (*p == '.')
			p = parse_fraction(p + 1, &ms);
		if (parse_offset(p, &offset) < 0)
			return -EINVAL;
	}
	time_t seconds = timegm(&tm);
	*ret_wall = ((int64_t)seconds - offset) * 1000 + ms;
	return 0;
}
