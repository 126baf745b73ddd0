/* SPDX-License-Identifier: ISC */
/* Records as their sources wrote them: OSV JSON, kept compressed (one zstd frame each) and given back whole.
 */
#pragma once

#include "base/cursor.h"
#include "base/error.h"

#define TEXT_LEVEL 3 /* of zstd */

/* What compressing needs, kept from one text to the next; NULL at first, and freed with text_press_free(). */
struct ZSTD_CCtx_s;
void text_press_free(struct ZSTD_CCtx_s *press);
/* Appends the frame. */
void text_compress(struct ZSTD_CCtx_s **press, struct writer *w, const char *text, size_t length);
/* The text with a NUL behind it; caller frees. -EBADMSG for what is no frame of ours, or one that says that
 * it is larger than OSV_RECORD_MAX. */
int text_decompress(const void *frame, size_t length, char **ret_text, size_t *ret_length, struct error *err);
