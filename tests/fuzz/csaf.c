/* SPDX-License-Identifier: ISC */
/* CSAF documents. */
#include "tests/fuzz/load_document.h"

LOAD_DOCUMENT_FUZZ("csaf")
