/* SPDX-License-Identifier: ISC */
/* The arithmetic of CHAP-MD5 (RFC 1994) and MS-CHAPv2 (RFC 2759). Private to the room. */
#pragma once

#include "base/defs.h"
#include <stdbool.h>

#define PPP_MSCHAP_CHALLENGE_SIZE 16
#define PPP_MSCHAP_PROOF_SIZE 20

/* MD5(id, secret, challenge). False where the cryptographic library refuses. */
bool ppp_chap_md5(uint8_t id, const char *secret, const uint8_t *challenge, size_t length, uint8_t ret[16]);

/* The Response field (section 4) for a challenge of the authenticator and one of our own, and the proof that
 * the authenticator owes for it. A domain in front of the user name ("DOMAIN\user") is not hashed. False for
 * a password that is not UTF-8 or too long, or where the cryptographic library refuses. */
bool ppp_mschapv2_respond(const char *user, const char *password, const uint8_t authenticator[16],
        const uint8_t peer[16], uint8_t ret_response[49], uint8_t ret_proof[PPP_MSCHAP_PROOF_SIZE]);
/* Is "S=..." of a Success (section 5) that proof? */
bool ppp_mschapv2_check(const uint8_t proof[PPP_MSCHAP_PROOF_SIZE], const char *message, size_t length);
/* The message of a Success with that proof: "S=" and 40 digits, NUL-terminated. */
#define PPP_MSCHAP_MESSAGE_SIZE 43
void ppp_mschapv2_message(const uint8_t proof[PPP_MSCHAP_PROOF_SIZE], char ret[PPP_MSCHAP_MESSAGE_SIZE]);

/* Well-formed UTF-8 without control characters. */
bool ppp_is_text(const char *text);

/* Section 8.3: MD4 of the password in UTF-16. */
bool ppp_nt_password_hash(const char *password, uint8_t ret[16]);
