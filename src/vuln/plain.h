/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

/* Whether UTF-8 is shown as what it is, on one line: no control characters (C0, DEL, C1, of which terminals
 * obey the last ones too), and none that turn the direction of writing (UAX #9). */
bool text_is_plain(const char *text);
/* What is not becomes question marks, in place. */
void text_make_plain(char *text);
