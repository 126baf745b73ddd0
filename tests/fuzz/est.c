/* SPDX-License-Identifier: ISC */
/* What an enrolment server answers: base64 of a PKCS#7 with certificates or revocation lists. Whatever
 * decodes from base64 must encode to the same bytes. */
#include "crypto/base64.h"
#include "crypto/openssl.h"
#include "net/est_message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	(void)est_certificate_decode((const char *)data, size, &certificate, &err);
	char *pem FREE_ON_EXIT = NULL, *crls FREE_ON_EXIT = NULL;
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	if (est_bundle_decode((const char *)data, size, &pem, &err) == 0)
		(void)bundle_parse(pem, strlen(pem), &trusted, &err);
	(void)est_crls_decode((const char *)data, size, &crls, &err);
	uint8_t bytes[256];
	char text[BASE64_SIZE(sizeof(bytes))];
	size_t length;
	if (base64url_decode((const char *)data, size, bytes, sizeof(bytes), &length) == 0 &&
	        (base64url_encode(bytes, length, text) != size || memcmp(text, data, size) != 0))
		abort();
	return 0;
}
