/* SPDX-License-Identifier: ISC */
/*
 * Which ids are one vulnerability. A record that names another id as its alias says that the two are one;
 * what hangs together so is one vulnerability, and is known by its CVE, or by the first of its ids where it
 * has none. `related` and `upstream` say no such thing: an advisory that fixes several CVEs names them there.
 *
 * Aliases join what sources say, and so could be used to excuse a vulnerability by what is said of another.
 * So:
 *
 *   - two CVEs are never one. Where aliases would join them (a chain, or a record that names several), each
 * record belongs to its own CVE, or to the one that it is directly joined with, or else to none but itself;
 *   - more than ALIAS_IDS_MAX ids that hang together are not one: then too;
 *   - what a source says of a record of another one that has a lower precedence does not count for that
 * record.
 */
#pragma once

#include "vuln/commit.h"

#define ALIAS_IDS_MAX 64      /* of one vulnerability */
#define ALIAS_NAMED_MAX 65536 /* records that name one id and are looked at */

/* Before the update's records are stored, and after: notes in c->regroup which ids may be known otherwise
 * than they were, because this record is changed. LMDB's codes. */
int alias_note_change(struct commit *c, const struct record *record);
/* Between the two: what was found is found anew. */
void alias_forget(struct commit *c);
/* What the vulnerability of this record is known by; valid until alias_forget(). */
const char *alias_group(struct commit *c, const char *id, const char *source);
