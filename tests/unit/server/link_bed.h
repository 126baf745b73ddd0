/* SPDX-License-Identifier: ISC */
/* What links to enforcers need of the program around them, where there is none. */
#pragma once

#include "net/stream.h"

/* They take everything and do nothing. */
extern const struct stream_handlers link_bed_handlers;
