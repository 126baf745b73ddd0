/* SPDX-License-Identifier: ISC */
/* The sentences that the server itself says to nodes, in the languages that it has. */
#pragma once

#include "base/defs.h"

enum language_sentence {
	SAY_ADMITTED, /* segment */
	SAY_KEPT,     /* segment, number of findings */
	SAY_REJECTED, /* segment */
	SAY_WATCHED,  /* segment, that it would be in */
	SAY_STAYS,    /* segment, that it would be in */
	SAY_DELAYED,  /* segment, until when, then where */
	SAY_UNSIGNED, /* */
	SAY_NO_PLACE, /* */
	SAY_UPGRADE,  /* package, installed, fixed */
	SAY_NO_FIX,   /* package, installed, advisory */
	SAY_MORE,     /* how many more */
	SAY_N
};

struct language {
	const char *tag;              /* RFC 5646 */
	const char *sentences[SAY_N]; /* printf formats; the arguments are strings in the order above */
};

/* The language that an Accept-Language value (RFC 9110 12.5.4) likes best among those that there are; English
 * where it likes none or says nothing. Longer values than 256 bytes are taken for nothing. */
const struct language *language_choose(const char *accept_language);
