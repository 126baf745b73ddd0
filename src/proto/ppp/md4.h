/* SPDX-License-Identifier: ISC */
/* MD4 (RFC 1320), for the NT password hash of MS-CHAPv2 and nothing else: OpenSSL has it in a provider that
 * many hosts do not load. Private to the room. */
#pragma once

#include "base/defs.h"

#define MD4_INPUT_MAX 1024
/* length is at most MD4_INPUT_MAX. */
void md4(const uint8_t *bytes, size_t length, uint8_t ret[16]);
