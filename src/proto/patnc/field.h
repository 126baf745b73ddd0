/* SPDX-License-Identifier: ISC */
/* Fields that several attributes share; private to the room. */
#pragma once

#include "proto/patnc/patnc.h"

/* n bytes of text in place. A NUL in it fails the reader: 4.2 forbids it in every string. */
struct patnc_text patnc_read_text(struct reader *r, size_t n);
void patnc_write_text8(
        struct writer *w, struct patnc_text text); /* length in 8 bits; longer: the writer fails */
void patnc_write_text16(struct writer *w, struct patnc_text text); /* in 16 bits */
static inline struct reader patnc_value(const struct patnc_attribute *a)
{
	return rd_make(a->value, a->length);
}
/* 0 where everything was read and nothing is left. */
int patnc_done(const struct reader *r);
/* -EBADMSG unless the 20 characters are a time as 4.2.5 has it. */
int patnc_read_time(struct reader *r, char ret[PATNC_TIME_SIZE + 1]);
void patnc_write_time(
        struct writer *w, const char *time); /* "" is unknown; anything else must have 20 characters */
