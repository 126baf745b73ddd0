/* SPDX-License-Identifier: ISC */
/*
 * The two orders of VERS that are of no packager: "lexicographic", UTF-8 byte by byte without normalisation,
 * and "datetime", an instant of RFC 3339 (5.6), whatever its offset.
 *
 * Keys: the bytes; seconds since year 0 (eight bytes), then the digits of the fraction without trailing
 * zeros.
 */
#include "vuln/version_key.h"

int version_lexicographic_key(struct version_text t, struct version_key *ret, struct error *err)
{
	for (const char *c = t.at; c < t.end; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return error_set(err, -EINVAL, "a control character");
	version_put_text(ret, t);
	return 0;
}

static bool take_number(struct version_text *t, size_t digits, int min, int max, int *ret)
{
	*ret = 0;
	for (size_t i = 0; i < digits; i++) {
		if (!version_is_digit(version_peek(t)))
			return false;
		*ret = *ret * 10 + (*t->at++ - '0');
	}
	return *ret >= min && *ret <= max;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 0000-01-01 in the calendar of today. */
static int64_t count_days(int year, int month, int day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t days = (int64_t)year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
	return days + before[month - 1] + (month > 2 && is_leap(year)) + day - 1;
}

static bool take_day(struct version_text *t, int64_t *ret)
{
	static const int lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day;
	if (!take_number(t, 4, 0, 9999, &year) || !version_take(t, '-') ||
	        !take_number(t, 2, 1, 12, &month) || !version_take(t, '-') ||
	        !take_number(t, 2, 1, lengths[month - 1], &day))
		return false;
	if (month == 2 && day == 29 && !is_leap(year))
		return false;
	*ret = count_days(year, month, day);
	return true;
}

static bool take_time_of_day(struct version_text *t, int64_t *ret, struct version_text *ret_fraction)
{
	int hour, minute, second;
	if (!take_number(t, 2, 0, 23, &hour) || !version_take(t, ':') || !take_number(t, 2, 0, 59, &minute) ||
	        !version_take(t, ':') || !take_number(t, 2, 0, 60, &second))
		return false;
	*ret = hour * 3600 + minute * 60 + second;
	*ret_fraction = (struct version_text){ t->at, t->at };
	if (version_take(t, '.')) {
		*ret_fraction = version_take_digits(t);
		return version_length(*ret_fraction) > 0;
	}
	return true;
}

static bool take_offset(struct version_text *t, int64_t *ret)
{
	int hour, minute;
	*ret = 0;
	if (version_take(t, 'Z') || version_take(t, 'z'))
		return true;
	bool west = version_take(t, '-');
	if ((!west && !version_take(t, '+')) || !take_number(t, 2, 0, 23, &hour) || !version_take(t, ':') ||
	        !take_number(t, 2, 0, 59, &minute))
		return false;
	*ret = (west ? -1 : 1) * (hour * 3600 + minute * 60);
	return true;
}

int version_datetime_key(struct version_text t, struct version_key *ret, struct error *err)
{
	int64_t day, time, offset;
	struct version_text fraction;
	bool good = take_day(&t, &day) && (version_take(&t, 'T') || version_take(&t, 't')) &&
	        take_time_of_day(&t, &time, &fraction) && take_offset(&t, &offset) && t.at == t.end;
	if (!good)
		return error_set(err, -EINVAL, "it is not a time as 2026-11-22T08:00:00Z (RFC 3339)");
	while (fraction.end > fraction.at && fraction.end[-1] == '0')
		fraction.end--;
	uint64_t instant = (uint64_t)((day + 1) * 86400 + time - offset); /* above 0 with any offset */
	for (int shift = 56; shift >= 0; shift -= 8)
		version_put(ret, (uint8_t)(instant >> shift));
	version_put_text(ret, fraction);
	return 0;
}
