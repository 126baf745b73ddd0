/* SPDX-License-Identifier: ISC */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return code;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

int error_prefix(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return code;
	char before[sizeof(err->text)];
	memcpy(before, err->text, sizeof(before));
	va_list args;
	va_start(args, format);
	int n = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(err->text))
		return code;
	snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %.*s", (int)(sizeof(before) - 1), before);
	return code;
}

void error_report_add(struct error_report *r, const char *format, ...)
{
	struct error e;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(e.text, sizeof(e.text), format, args);
	va_end(args);
	if (r->report)
		r->report(e.text);
	error_report_note(r, &e);
}

void error_report_note(struct error_report *r, const struct error *e)
{
	if (r->result == 0 && r->err)
		*r->err = *e;
	r->result = -EINVAL;
}
