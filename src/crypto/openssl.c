/* SPDX-License-Identifier: ISC */
#include "crypto/openssl.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

int openssl_error(struct error *err, int code, const char *format, ...)
{
	unsigned long reason = ERR_get_error();
	ERR_clear_error();
	if (!err)
		return code;
	char text[sizeof(err->text)];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	const char *words = reason ? ERR_reason_error_string(reason) : NULL;
	return words ? error_set(err, code, "%s: %s", text, words) : error_set(err, code, "%s", text);
}

void openssl_forget_errors(void)
{
	ERR_clear_error();
}
