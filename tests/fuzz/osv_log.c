/* SPDX-License-Identifier: ISC */
/* Logs of changes of OSV records. */
#include "tests/fuzz/load_document.h"

LOAD_DOCUMENT_FUZZ("osv-log")
