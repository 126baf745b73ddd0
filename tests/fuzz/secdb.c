/* SPDX-License-Identifier: ISC */
/* Alpine's secdb. */
#include "tests/fuzz/load_document.h"

LOAD_DOCUMENT_FUZZ("alpine-secdb")
