/* SPDX-License-Identifier: ISC */
/* Ubuntu's notices. */
#include "tests/fuzz/load_document.h"

LOAD_DOCUMENT_FUZZ("ubuntu-usn")
