/* SPDX-License-Identifier: ISC */
/* The JSON of Debian's security tracker. */
#include "tests/fuzz/load_document.h"

LOAD_DOCUMENT_FUZZ("debian-tracker")
