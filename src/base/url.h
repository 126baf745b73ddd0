/* SPDX-License-Identifier: ISC */
/*
 * The one form of an http or https URL, so that two can be compared byte by byte (RFC 3986, 6.2.2 and 6.2.3):
 * scheme and host in lower case, no default port, a path, percent-encoding in capitals and only where it is
 * needed. What different programs read differently is not brought into a form, but refused: user names,
 * fragments, dot segments, empty ports, hosts that are neither names nor plain addresses, bytes that must be
 * encoded.
 */
#pragma once

#include "base/error.h"

#define URL_MAX 511 /* bytes */

/* -EINVAL with the reason for anything but such a URL. */
int url_canonical(const char *text, char ret[URL_MAX + 1], struct error *err);
