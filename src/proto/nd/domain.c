/* SPDX-License-Identifier: ISC */
#include "proto/nd/domain.h"

#include <string.h>

#define LABEL_MAX 63
#define WIRE_MAX 255

static bool is_label_character(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	        c == '_';
}

/* The length of the label at text, 0 where it is none. */
static size_t label_length(const char *text)
{
	size_t n = 0;
	while (is_label_character((uint8_t)text[n]))
		n++;
	return n <= LABEL_MAX && (text[n] == '.' || !text[n]) && *text != '-' ? n : 0;
}

bool domain_is_valid(const char *text)
{
	if (strlen(text) > WIRE_MAX - 2)
		return false;
	for (size_t n;; text += n + 1) {
		n = label_length(text);
		if (!n)
			return false;
		if (!text[n])
			return true;
	}
}

void domain_write(struct writer *w, const char *text)
{
	if (!domain_is_valid(text)) {
		w->failed = true;
		return;
	}
	for (size_t n;; text += n + 1) {
		n = label_length(text);
		wr_u8(w, (uint8_t)n);
		wr_bytes(w, text, n);
		if (!text[n])
			break;
	}
	wr_u8(w, 0);
}

bool domain_read(struct reader *r, char text[DOMAIN_TEXT_SIZE])
{
	size_t used = 0;
	bool dotted = false; /* a dot inside a label would look like two labels */
	char name[DOMAIN_TEXT_SIZE];
	for (;;) {
		uint8_t n = rd_u8(r);
		const uint8_t *label = rd_bytes(r, n);
		if (!rd_failed(r) && (n > LABEL_MAX || used + n + 2 > WIRE_MAX))
			rd_fail(r);
		if (rd_failed(r))
			return false;
		if (!n)
			break;
		if (used)
			name[used++] = '.';
		dotted |= memchr(label, '.', n) != NULL;
		memcpy(name + used, label, n);
		used += n;
	}
	name[used] = '\0';
	if (dotted || strlen(name) != used || !domain_is_valid(name))
		return false;
	memcpy(text, name, used + 1);
	return true;
}
