/* SPDX-License-Identifier: ISC */
/*
 * What a served record says besides its publisher's words, in database_specific.pratique: which source it is
 * from, which others hold the same id or see the vulnerability otherwise, and why this one stands
 * (quarantine draft, 7.4 and 9.8).
 */
#pragma once

#include "base/cursor.h"
#include "vuln/vuln.h"
#include <jansson.h>

/* As JSON, which the caller frees; NULL where there is nothing to say. */
char *osv_note_of_match(const struct vuln_match *m);
json_t *osv_note_of_view(const struct vuln_view *v);
/* Puts the note into the record that w holds from `at` on. A record that cannot be read as JSON stays. */
void osv_note_add(struct writer *w, size_t at, const char *note);
