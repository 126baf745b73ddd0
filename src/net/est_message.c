/* SPDX-License-Identifier: ISC */
#include "net/est_message.h"

#include "crypto/base64.h"
#include "crypto/openssl.h"

#include <errno.h>
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

int est_certificates_encode(X509 *certificate, char **ret_text, struct error *err)
{
	PKCS7 *p7 = PKCS7_new();
	unsigned char *der = NULL;
	int length = -1;
	if (p7 && PKCS7_set_type(p7, NID_pkcs7_signed) == 1 && PKCS7_content_new(p7, NID_pkcs7_data) == 1 &&
	        PKCS7_set_detached(p7, 1) == 1 && PKCS7_add_certificate(p7, certificate) == 1)
		length = i2d_PKCS7(p7, &der);
	PKCS7_free(p7);
	if (length <= 0)
		return openssl_error(err, -EIO, "cannot encode the certificate");
	char *text FREE_ON_EXIT = xmalloc(BASE64_SIZE((size_t)length));
	size_t n = base64_encode(der, (size_t)length, text);
	*ret_text = in_lines(text, n);
	OPENSSL_free(der);
	return 0;
}

int est_certificate_decode(const char *text, size_t length, X509 **ret, struct error *err)
{
	uint8_t der[EST_BODY_MAX];
	size_t size;
	const unsigned char *at = der;
	if (base64_decode(text, length, der, sizeof(der), &size) < 0)
		return error_set(err, -EBADMSG, "the answer is not base64 of at most %d bytes", EST_BODY_MAX);
	PKCS7 *p7 = d2i_PKCS7(NULL, &at, (long)size);
	STACK_OF(X509) *certificates =
	        p7 && at == der + size && PKCS7_type_is_signed(p7) ? p7->d.sign->cert : NULL;
	int r = -EBADMSG;
	if (certificates && sk_X509_num(certificates) == 1) {
		*ret = sk_X509_value(certificates, 0);
		X509_up_ref(*ret);
		r = 0;
	}
	PKCS7_free(p7);
	return r < 0 ? openssl_error(err, r, "the answer is not one certificate in PKCS#7") : 0;
}
