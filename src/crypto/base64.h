/* SPDX-License-Identifier: ISC */
/*
 * Base64 (RFC 4648) in both alphabets. Decoding is strict: one text for each byte string, so that a signed
 * text cannot be changed without changing what it says.
 */
#pragma once

#include "base/defs.h"

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* RFC 4648 5, without padding. text has room for BASE64_SIZE(length); returns the length of the text. */
size_t base64url_encode(const void *data, size_t length, char *text);
/* -EINVAL for padding, other characters, non-zero trailing bits or a result longer than size. */
int base64url_decode(const char *text, size_t text_length, uint8_t *data, size_t size, size_t *ret_length);
/* RFC 4648 4, with padding, one line. */
size_t base64_encode(const void *data, size_t length, char *text);
/* Skips white space between characters (RFC 7030 4: transfer encoding base64 as in RFC 2045), otherwise as
 * strict. */
int base64_decode(const char *text, size_t text_length, uint8_t *data, size_t size, size_t *ret_length);
