/* SPDX-License-Identifier: ISC */
/*
 * Pratique's own PA subtype and attributes, for what the standards lack. PRATIQUE_PEN is the enterprise
 * number under which they go, a build option (enterprise_number): 32473 is the number that RFC 5612 keeps for
 * documentation, and stays until IANA has assigned one. A peer that does not know them ignores them: none
 * carries NOSKIP.
 *
 * An inspection: the server's SDATA brings a Nonce; the node's CDATA brings its posture in any number of PA
 * messages and, last, one message of our subtype with the Posture Signature alone. The signature binds the
 * posture to the node's key, to this TLS connection (RFC 9266) and to the nonce, so that a healthy host's
 * posture cannot be relayed by a sick one.
 */
#pragma once

#include "proto/patnc/patnc.h"

#include <openssl/evp.h>

#define PRATIQUE_SUBTYPE 1 /* PA subtype under PRATIQUE_PEN */
#define PRATIQUE_NONCE_SIZE 32
#define PRATIQUE_EXPORTER_SIZE 32
#define PRATIQUE_EXPORTER_LABEL "EXPORTER-Channel-Binding" /* RFC 9266 2: no context, 32 bytes */
#define PRATIQUE_DIGEST_SIZE 32
#define PRATIQUE_SIGNATURE_MAX 512
#define PRATIQUE_CERTIFICATE_MAX 4096
#define PRATIQUE_JSON_MAX (1u << 20)
/* SWIMA data model under PRATIQUE_PEN: the software identifier is a purl, with upstream=SOURCE@VERSION where
 * the source package is another (posture/purl.h). */
#define PRATIQUE_MODEL_PURL 1

enum pratique_type {                         /* under PRATIQUE_PEN */
	PRATIQUE_NONCE = 1,                  /* server to node: 32 bytes */
	PRATIQUE_POSTURE_SIGNATURE = 2,      /* node to server: scheme, echo of the nonce, signature */
	PRATIQUE_QUARANTINE_CERTIFICATE = 3, /* both ways: JWT text */
	PRATIQUE_SYSTEM = 4,                 /* JSON text, as 5 to 7 */
	PRATIQUE_NETWORK_CONFIGURATION = 5,
	PRATIQUE_SECURITY_CONFIGURATION = 6,
	PRATIQUE_DECISION = 7,           /* server to node: segment, expiry, next inspection, findings */
	PRATIQUE_POSTURE_DIGEST = 8,     /* node to server, with a certificate: "nothing has changed" */
	PRATIQUE_PREVENTION_SOURCES = 9, /* JSON text, as 4 */
	PRATIQUE_N_TYPES,
};

enum pratique_scheme { PRATIQUE_SCHEME_ES256 = 1, PRATIQUE_SCHEME_ED25519 = 2 };

struct pratique_signature {
	uint8_t scheme;
	uint8_t nonce[PRATIQUE_NONCE_SIZE];
	const uint8_t *bytes; /* raw r||s, or Ed25519's */
	size_t length;
};

void pratique_put_nonce(struct writer *w, const uint8_t nonce[PRATIQUE_NONCE_SIZE]);
int pratique_get_nonce(const struct patnc_attribute *a, uint8_t ret[PRATIQUE_NONCE_SIZE]);
void pratique_put_signature(struct writer *w, const struct pratique_signature *signature);
int pratique_get_signature(const struct patnc_attribute *a, struct pratique_signature *ret);
void pratique_put_digest(struct writer *w, const uint8_t digest[PRATIQUE_DIGEST_SIZE]);
int pratique_get_digest(const struct patnc_attribute *a, uint8_t ret[PRATIQUE_DIGEST_SIZE]);
/* Types 3 to 7, and 9. A text above its type's limit, an empty one, and one with a NUL are refused on both
 * sides. */
void pratique_put_text(struct writer *w, enum pratique_type type, const char *text, size_t length);
int pratique_get_text(const struct patnc_attribute *a, struct patnc_text *ret);

/*
 * What the node signs:
 *   "pratique posture v1" NUL, 32-byte exporter, 32-byte nonce, SHA-256 over its other PA messages
 * Each PA message of the node in this assessment, in the order in which it sent them and except the one that
 * carries the signature, goes into the hash as vendor (32 bits), subtype (32 bits), length of the body (32
 * bits), body: so that nothing can be moved from one message to another.
 */
#define PATNC_SIGNATURE_LABEL "pratique posture v1"
#define PATNC_SIGNATURE_INPUT_SIZE \
	(sizeof(PATNC_SIGNATURE_LABEL) + PRATIQUE_EXPORTER_SIZE + PRATIQUE_NONCE_SIZE + PRATIQUE_DIGEST_SIZE)

struct patnc_signature_input {
	EVP_MD_CTX *hash;
};
void patnc_signature_input_begin(struct patnc_signature_input *s);
void patnc_signature_input_add(
        struct patnc_signature_input *s, uint32_t vendor, uint32_t subtype, const void *body, size_t n);
/* Writes the bytes to sign or verify; the input may then be begun anew. */
void patnc_signature_input_end(struct patnc_signature_input *s,
        const uint8_t exporter[PRATIQUE_EXPORTER_SIZE], const uint8_t nonce[PRATIQUE_NONCE_SIZE],
        uint8_t ret[PATNC_SIGNATURE_INPUT_SIZE]);
/* NULL-safe on a zeroed input. */
void patnc_signature_input_free(struct patnc_signature_input *s);
