/* SPDX-License-Identifier: ISC */
/* What EST puts into HTTP bodies: DER in base64, and certificates in a CMS/PKCS#7 without signers (RFC
 * 5272 4.1). */
#pragma once

#include "crypto/x509.h"

#define EST_BODY_MAX 16384

/* Certs-only PKCS#7 in base64. Caller frees. */
int est_certificates_encode(X509 *certificate, char **ret_text, struct error *err);
/* The only certificate of a certs-only message; -EBADMSG for anything else. */
int est_certificate_decode(const char *text, size_t length, X509 **ret, struct error *err);
