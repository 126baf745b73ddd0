/* SPDX-License-Identifier: ISC */
/* updateinfo.xml. */
#include "tests/fuzz/load_document.h"

LOAD_DOCUMENT_FUZZ("updateinfo")
