/* SPDX-License-Identifier: ISC */
#include "vuln/tree/fields.h"

#include "vuln/tree/metadata.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

json_t *fields_parse(const void *bytes, size_t length, const char *what, struct error *err)
{
	json_error_t why;
	json_t *json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		error_set(err, -EINVAL, "%s: not JSON: %s (line %d)", what, why.text, why.line);
	return json;
}

struct fields fields_begin(const json_t *object, const char *what, struct error *err)
{
	struct fields f = { .object = object, .what = what, .err = err };
	if (!json_is_object(object))
		fields_fail(&f, "it is no JSON object");
	return f;
}

void fields_fail(struct fields *f, const char *format, ...)
{
	char text[256];
	va_list ap;
	if (f->failed)
		return;
	f->failed = true;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	error_set(f->err, -EINVAL, "%s: %s", f->what, text);
}

static const json_t *take(struct fields *f, const char *name)
{
	const json_t *value = f->failed ? NULL : json_object_get(f->object, name);
	if (!value)
		fields_fail(f, "there is no \"%s\"", name);
	else
		f->taken++;
	return value;
}

bool fields_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

static const char *take_text(struct fields *f, const char *name, size_t *ret_length)
{
	const json_t *value = take(f, name);
	if (!json_is_string(value)) {
		fields_fail(f, "\"%s\" is no text", name);
		return NULL;
	}
	*ret_length = json_string_length(value);
	return json_string_value(value);
}

void fields_text(struct fields *f, const char *name, char *ret, size_t size, bool may_be_empty)
{
	size_t n = 0;
	const char *text = take_text(f, name, &n);
	ret[0] = '\0';
	if (!text)
		return;
	if (n >= size || (n == 0 && !may_be_empty) || !fields_printable(text, n))
		fields_fail(f, "\"%s\" is empty, longer than %zu bytes, or holds control characters", name,
		        size - 1);
	else
		memcpy(ret, text, n + 1);
}

uint64_t fields_number(struct fields *f, const char *name, uint64_t least)
{
	const json_t *value = take(f, name);
	json_int_t n = json_integer_value(value);
	if (json_is_integer(value) && n >= 0 && (uint64_t)n >= least && (uint64_t)n < TREE_NUMBER_MAX)
		return (uint64_t)n;
	fields_fail(f, "\"%s\" is no whole number from %llu up to 2^53", name, (unsigned long long)least);
	return 0;
}

bool fields_flag(struct fields *f, const char *name)
{
	if (!fields_has(f, name))
		return false;
	const json_t *value = take(f, name);
	if (!json_is_boolean(value))
		fields_fail(f, "\"%s\" is neither true nor false", name);
	return json_is_true(value);
}

time_ms fields_time(struct fields *f, const char *name)
{
	char text[64];
	time_ms t = 0;
	fields_text(f, name, text, sizeof(text), false);
	if (!f->failed && (!strchr(text, 'T') || clock_parse(text, &t) < 0 || t < 0))
		fields_fail(f, "\"%s\" is no time as RFC 3339 has it", name);
	return f->failed ? 0 : t;
}

void fields_hex(struct fields *f, const char *name, uint8_t *ret, size_t size)
{
	size_t n = 0;
	const char *text = take_text(f, name, &n);
	memset(ret, 0, size);
	if (text && !hex_parse(text, ret, size))
		fields_fail(f, "\"%s\" is not %zu bytes in lower-case hexadecimal", name, size);
}

const json_t *fields_object(struct fields *f, const char *name)
{
	const json_t *value = take(f, name);
	if (json_is_object(value))
		return value;
	fields_fail(f, "\"%s\" is no object", name);
	return NULL;
}

const json_t *fields_array(struct fields *f, const char *name, size_t most)
{
	const json_t *value = take(f, name);
	if (!json_is_array(value))
		fields_fail(f, "\"%s\" is no array", name);
	else if (json_array_size(value) > most)
		fields_fail(f, "\"%s\" has more than %zu elements", name, most);
	return f->failed ? NULL : value;
}

bool fields_has(const struct fields *f, const char *name)
{
	return !f->failed && json_object_get(f->object, name);
}

bool fields_end(struct fields *f)
{
	if (!f->failed && f->taken != json_object_size(f->object))
		fields_fail(f, "it has members that format %d does not know", TREE_FORMAT);
	return !f->failed;
}

const char *hex_format(const uint8_t *bytes, size_t size, char *text)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * size] = '\0';
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_parse(const char *text, uint8_t *ret, size_t size)
{
	if (strlen(text) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
