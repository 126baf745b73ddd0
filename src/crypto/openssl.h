/* SPDX-License-Identifier: ISC */
/* How OpenSSL's objects and its error queue meet ours. For the files of this room and of net. */
#pragma once

#include "base/error.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static inline void bio_free_pointer(BIO **bio)
{
	BIO_free(*bio);
}
static inline void md_free_pointer(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}
static inline void certificate_free_pointer(X509 **certificate)
{
	X509_free(*certificate);
}
static inline void request_free_pointer(X509_REQ **request)
{
	X509_REQ_free(*request);
}
static inline void crl_free_pointer(X509_CRL **crl)
{
	X509_CRL_free(*crl);
}

/* Sets the text, followed by the oldest reason in OpenSSL's error queue if there is one; empties the queue.
 * Returns code. */
int openssl_error(struct error *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Empties the queue, where a failure was expected and is reported otherwise. */
void openssl_forget_errors(void);
