/* SPDX-License-Identifier: ISC */
/* A decision in words: for the node that it is about, for the store, and for PB-TNC's reasons and
 * remediation. */
#pragma once

#include "server/site.h"
#include <jansson.h>

#define VERDICT_FINDINGS_MAX \
	(8u << 20) /* bytes of JSON that are stored; what does not fit is counted in a last finding */
#define VERDICT_DECISION_MAX (900u << 10) /* bytes of JSON that a node is sent */
#define VERDICT_REASONS_MAX 64            /* reason strings, and remediation strings, in one RESULT */
#define VERDICT_TEXT_MAX 1024             /* bytes of one of them */

/* The findings as a JSON array; caller frees. */
char *verdict_findings(const struct site_outcome *o);
/* The decision as the node is sent it: {node, segment, level, compliant, rejected, would_be, kept_by,
 * kept_until, rule, expires, next_inspection, note, findings, findings_left_out}; times are RFC 3339 or null.
 * Caller frees. */
char *verdict_decision(const struct site_outcome *o, const char *node);

struct verdict_text {
	const char *text, *language;
};
typedef void (*verdict_fn)(const struct verdict_text *text, void *context);
/* accept_language: as in HTTP; NULL = English. The first reason is the decision in one sentence. */
void verdict_each_reason(
        const struct site_outcome *o, const char *accept_language, verdict_fn fn, void *context);
/* What to do about each finding. */
void verdict_each_remedy(
        const struct site_outcome *o, const char *accept_language, verdict_fn fn, void *context);
