/* SPDX-License-Identifier: ISC */
/*
 * What the index knows of a source: struct vuln_source, and the mark of what was loaded from it. In the
 * index:
 *
 *   u8 format, u32 precedence, u8 trust, u8 bits (1 required, 2 partial), i64 freshness, i64 loaded,
 *   i64 newest, u64 generation, u64 records, u8 counted, u64 unmapped, u64 refused,
 *   strings kind, origin, licence, mark
 */
#pragma once

#include "base/cursor.h"
#include "vuln/index.h"

#define SOURCE_FORMAT 2
#define SOURCE_TEXT_MAX 1024 /* bytes of kind, origin, licence, mark each, without the NUL */

/* mark: what vuln_update_mark_source() noted; "" = none. */
struct source {
	struct vuln_source v;
	const char *mark;
};
extern const struct vuln_source source_default; /* of a source that says nothing of itself; without a name */

void source_write(struct writer *w, const struct source *s);
/* Strings point into the bytes, but for the name, which is the caller's. -EBADMSG for other bytes. */
int source_read(const void *bytes, size_t length, const char *name, struct source *ret);
