/* SPDX-License-Identifier: ISC */
/*
 * Records in a file, one after the other, each with its length and a checksum. What was cut short by a crash,
 * or is damaged, ends the file. Used by the journals of aaa.
 */
#pragma once

#include "base/cursor.h"
#include "base/error.h"
#include <sys/types.h>

#define AAA_RECORD_MAX 4096

/* Appends it to w, in the form in which it stands in a file. -EMSGSIZE above AAA_RECORD_MAX. */
int aaa_record_encode(struct writer *w, const void *payload, size_t length);
/* Writes what was encoded at *end and moves it on. On failure (-ENOSPC, ...) the file is as it was. */
int aaa_record_write(int fd, off_t *end, const struct writer *w);
/* Both for one record. Writes at *end and moves it on. On failure (-ENOSPC, ...) the file is as it was. */
int aaa_record_append(int fd, off_t *end, const void *payload, size_t length);
/* Reads at *at and moves it on. -ENODATA where there is no whole, undamaged record. */
int aaa_record_read(int fd, off_t *at, uint8_t ret[AAA_RECORD_MAX], size_t *ret_length);
/* Makes names in a directory durable. */
int aaa_record_sync_directory(const char *directory, struct error *err);
