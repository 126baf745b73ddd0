/* SPDX-License-Identifier: ISC */
#include "vuln/plain.h"

/* U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069, U+061C. */
static bool turns_direction(const unsigned char *c)
{
	if (c[0] == 0xd8)
		return c[1] == 0x9c;
	if (c[0] != 0xe2)
		return false;
	if (c[1] == 0x80)
		return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xaa && c[2] <= 0xae);
	return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

/* What is shown otherwise begins here: with that byte alone, or with others behind it. */
static bool begins_unplain(const unsigned char *c)
{
	const bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
	return *c < ' ' || *c == 0x7f || c1 || turns_direction(c);
}

bool text_is_plain(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (begins_unplain(c))
			return false;
	return true;
}

void text_make_plain(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (begins_unplain(c))
			for (*c = '?'; c[1] >= 0x80 && c[1] < 0xc0; c++)
				c[1] = '?';
}
