/* SPDX-License-Identifier: ISC */
#include "vis/json_text.h"

#include <stdio.h>
#include <string.h>

void json_put(struct writer *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

/* Bytes of the character at s (RFC 3629 4); 0 where there is none. */
static size_t character_length(const unsigned char *s)
{
	const size_t n = s[0] < 0x80 ? 1
	        : s[0] < 0xc2        ? 0
	        : s[0] < 0xe0        ? 2
	        : s[0] < 0xf0        ? 3
	        : s[0] < 0xf5        ? 4
	                             : 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	        (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool stands_for_itself(unsigned char c)
{
	return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

static void put_escape(struct writer *w, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	const char escape[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
	wr_bytes(w, escape, sizeof(escape));
}

void json_put_string(struct writer *w, const char *text)
{
	if (!text) {
		json_put(w, "null");
		return;
	}
	wr_u8(w, '"');
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		size_t n = 0;
		while (stands_for_itself(s[n]))
			n++;
		wr_bytes(w, s, n);
		s += n;
		if (*s == '\0')
			break;
		n = character_length(s);
		if (n > 1)
			wr_bytes(w, s, n);
		else if (n == 1)
			put_escape(w, *s);
		else
			wr_u8(w, '?');
		s += MAX(n, (size_t)1);
	}
	wr_u8(w, '"');
}

void json_put_member(struct writer *w, bool first, const char *name, const char *text)
{
	json_put(w, first ? "\"" : ",\"");
	json_put(w, name);
	json_put(w, "\":");
	json_put_string(w, text);
}

void json_put_time(struct writer *w, time_ms t)
{
	char text[CLOCK_TEXT_SIZE];
	if (t == 0)
		json_put(w, "null");
	else
		json_put_string(w, clock_format_ms(t, text));
}
