/* SPDX-License-Identifier: ISC */
/*
 * The header of a ClamAV signature database (.cvd, .cld): 512 bytes of text,
 * "ClamAV-VDB:date:version:signatures:level:md5:signature:builder:time", padded with blanks.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"

#define CVD_HEADER_SIZE 512

struct cvd_header {
	time_ms made;
	uint32_t version;
};

/* text: at most CVD_HEADER_SIZE bytes are looked at. -EBADMSG for what is no header. */
int cvd_read_header(const char *text, size_t length, struct cvd_header *ret);
