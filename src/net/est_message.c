/* SPDX-License-Identifier: ISC */
#include "net/est_message.h"

#include "crypto/base64.h"
#include "crypto/openssl.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <string.h>

#define EST_LINE 64

/* Lines of 64 characters (RFC 2045 6.8 allows 76 at most). */
static char *in_lines(const char *text, size_t length)
{
	char *out = xmalloc(length + length / EST_LINE + 2), *at = out;
	for (size_t i = 0; i < length; i += EST_LINE) {
		size_t n = MIN(length - i, (size_t)EST_LINE);
		memcpy(at, text + i, n);
		at += n;
		*at++ = '\n';
	}
	*at = '\0';
	return out;
}

static PKCS7 *new_message(void)
{
	PKCS7 *p7 = PKCS7_new();
	if (p7 && PKCS7_set_type(p7, NID_pkcs7_signed) == 1 && PKCS7_content_new(p7, NID_pkcs7_data) == 1 &&
	        PKCS7_set_detached(p7, 1) == 1)
		return p7;
	PKCS7_free(p7);
	return NULL;
}

/* Frees p7, which may be NULL. */
static int encode(PKCS7 *p7, size_t most, char **ret_text, struct error *err)
{
	unsigned char *der = NULL;
	int length = p7 ? i2d_PKCS7(p7, &der) : -1;
	PKCS7_free(p7);
	if (length <= 0)
		return openssl_error(err, -EIO, "cannot encode the answer");
	int r = 0;
	if (BASE64_SIZE((size_t)length) + (size_t)length / EST_LINE > most) {
		r = error_set(err, -EFBIG, "the answer has more than %zu bytes", most);
	} else {
		char *text FREE_ON_EXIT = xmalloc(BASE64_SIZE((size_t)length));
		size_t n = base64_encode(der, (size_t)length, text);
		*ret_text = in_lines(text, n);
	}
	OPENSSL_free(der);
	return r;
}

int est_certificates_encode(X509 *const *certificates, size_t n, char **ret_text, struct error *err)
{
	PKCS7 *p7 = new_message();
	bool good = p7 != NULL;
	for (size_t i = 0; good && i < n; i++)
		good = PKCS7_add_certificate(p7, certificates[i]) == 1;
	if (!good)
		PKCS7_free(TAKE_POINTER(p7));
	return encode(p7, EST_BODY_MAX, ret_text, err);
}

int est_crls_encode(const struct bundle_crls *crls, char **ret_text, struct error *err)
{
	PKCS7 *p7 = new_message();
	bool good = p7 != NULL;
	for (size_t i = 0; good && i < crls->n; i++)
		good = PKCS7_add_crl(p7, crls->lists[i]) == 1;
	if (!good)
		PKCS7_free(TAKE_POINTER(p7));
	return encode(p7, EST_CRLS_MAX, ret_text, err);
}

/* NULL with the reason; the caller frees. */
static PKCS7 *decode(const char *text, size_t length, size_t most, struct error *err)
{
	size_t size;
	if (length > most) {
		(void)error_set(err, -EBADMSG, "the answer has more than %zu bytes", most);
		return NULL;
	}
	uint8_t *der FREE_ON_EXIT = xmalloc(length + 1);
	const unsigned char *at = der;
	if (base64_decode(text, length, der, length, &size) < 0) {
		(void)error_set(err, -EBADMSG, "the answer is not base64");
		return NULL;
	}
	PKCS7 *p7 = d2i_PKCS7(NULL, &at, (long)size);
	if (p7 && at == der + size && PKCS7_type_is_signed(p7) && p7->d.sign)
		return p7;
	PKCS7_free(p7);
	(void)openssl_error(err, -EBADMSG, "the answer is not PKCS#7");
	return NULL;
}

int est_certificate_decode(const char *text, size_t length, X509 **ret, struct error *err)
{
	PKCS7 *p7 = decode(text, length, EST_BODY_MAX, err);
	if (!p7)
		return -EBADMSG;
	int r = -EBADMSG;
	if (p7->d.sign->cert && sk_X509_num(p7->d.sign->cert) == 1) {
		*ret = sk_X509_value(p7->d.sign->cert, 0);
		X509_up_ref(*ret);
		r = 0;
	}
	PKCS7_free(p7);
	return r < 0 ? openssl_error(err, r, "the answer is not one certificate in PKCS#7") : 0;
}

static int take_pem(BIO *bio, bool good, char **ret_pem, struct error *err)
{
	char *text;
	long length = bio && good ? BIO_get_mem_data(bio, &text) : 0;
	if (length > 0)
		*ret_pem = xstrndup(text, (size_t)length);
	return length > 0 ? 0 : openssl_error(err, -EBADMSG, "the answer has nothing in it");
}

int est_bundle_decode(const char *text, size_t length, char **ret_pem, struct error *err)
{
	PKCS7 *p7 = decode(text, length, EST_BODY_MAX, err);
	if (!p7)
		return -EBADMSG;
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new(BIO_s_mem());
	STACK_OF(X509) *all = p7->d.sign->cert;
	bool good = bio != NULL;
	for (int i = 0; good && all && i < sk_X509_num(all); i++)
		good = PEM_write_bio_X509(bio, sk_X509_value(all, i)) == 1;
	PKCS7_free(p7);
	return take_pem(bio, good, ret_pem, err);
}

int est_crls_decode(const char *text, size_t length, char **ret_pem, struct error *err)
{
	PKCS7 *p7 = decode(text, length, EST_CRLS_MAX, err);
	if (!p7)
		return -EBADMSG;
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new(BIO_s_mem());
	STACK_OF(X509_CRL) *all = p7->d.sign->crl;
	bool good = bio != NULL;
	for (int i = 0; good && all && i < sk_X509_CRL_num(all); i++)
		good = PEM_write_bio_X509_CRL(bio, sk_X509_CRL_value(all, i)) == 1;
	PKCS7_free(p7);
	return take_pem(bio, good, ret_pem, err);
}
