/* SPDX-License-Identifier: ISC */
/* Domain names in the wire form of RFC 1035 3.1, without compression, as router advertisements (RFC 8106) and
 * DHCPv6 (RFC 8415 10) carry them. Text has no final dot and only letters, digits, hyphens and underscores,
 * because it ends up in files of the host. */
#pragma once

#include "base/cursor.h"
#include <stdbool.h>

#define DOMAIN_TEXT_SIZE 256

bool domain_is_valid(const char *text);
/* Nothing is written, and w fails, for a text that is not valid. */
void domain_write(struct writer *w, const char *text);
/* One name. False with r failed where it is cut, compressed or too long; false with r behind it for the empty
 * name or one with other characters. */
bool domain_read(struct reader *r, char text[DOMAIN_TEXT_SIZE]);
