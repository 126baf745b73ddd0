/* SPDX-License-Identifier: ISC */
/*
 * The content coding of an answer (RFC 9110 8.4, 12.5.3; zstd: RFC 8878). The index keeps its texts as zstd
 * frames, which are sent as they are to who takes zstd: an answer is then many small frames in a row. For
 * gzip the whole answer is compressed, quickly, where that is worth it.
 */
#pragma once

#include "base/cursor.h"

enum coding { CODING_IDENTITY, CODING_ZSTD, CODING_GZIP };

#define CODING_WORTH 1024 /* bytes of an answer below which it is sent as it is */

/* The one of these that the client likes best, by the value of Accept-Encoding (NULL: none was given). */
enum coding coding_choose(const char *accept);
const char *coding_name(enum coding c); /* of Content-Encoding; NULL for identity */

struct coder;
struct coder *coder_new(void);
struct coder *coder_free(struct coder *c); /* NULL in, NULL out */

/* Text as a frame of its own, not compressed. */
void coder_put_raw(struct writer *w, const void *text, size_t length);
/* Text as a frame. */
void coder_put_frame(struct coder *c, struct writer *w, const void *text, size_t length);
/* What a frame of the index unpacks to; SIZE_MAX for no such frame. */
size_t coder_frame_size(const void *frame, size_t length);
/* Appends what it unpacks to. False, with nothing appended, where it does not. */
bool coder_unpack(struct coder *c, struct writer *w, const void *frame, size_t length);
/* Appends text as one gzip member. */
bool coder_gzip(struct coder *c, struct writer *w, const void *text, size_t length);
