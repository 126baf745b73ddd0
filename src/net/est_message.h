/* SPDX-License-Identifier: ISC */
/* What EST puts into HTTP bodies: DER in base64, and certificates in a CMS/PKCS#7 without signers (RFC
 * 5272 4.1). */
#pragma once

#include "crypto/bundle.h"

#define EST_BODY_MAX 16384

#define EST_CRLS_MAX (2u << 20) /* of revocation lists, in base64 */

/* Certs-only PKCS#7 in base64. Caller frees. */
int est_certificates_encode(X509 *const *certificates, size_t n, char **ret_text, struct error *err);
/* The only certificate of a certs-only message; -EBADMSG for anything else. */
int est_certificate_decode(const char *text, size_t length, X509 **ret, struct error *err);
/* All of its certificates as PEM, one after the other; caller frees. */
int est_bundle_decode(const char *text, size_t length, char **ret_pem, struct error *err);
/* The same with revocation lists in the place of certificates (RFC 8295). -EFBIG above EST_CRLS_MAX. */
int est_crls_encode(const struct bundle_crls *crls, char **ret_text, struct error *err);
int est_crls_decode(const char *text, size_t length, char **ret_pem, struct error *err);
