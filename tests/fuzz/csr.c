/* SPDX-License-Identifier: ISC */
/* Certificate requests, and certificates as a TLS peer sends them: DER from strangers. The first byte says
 * which. */
#include "crypto/openssl.h"
#include "crypto/x509.h"

#include <openssl/evp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	if (size == 0)
		return 0;
	if (data[0] & 1) {
		(void)request_check(data + 1, size - 1, &err);
		return 0;
	}
	const unsigned char *at = data + 1;
	struct identity who;
	X509 *certificate CLEANUP(certificate_free_pointer) = d2i_X509(NULL, &at, (long)size - 1);
	if (certificate && certificate_identity(certificate, &who, &err) == 0 &&
	        identity_check_name(who.name, &err) < 0)
		abort();
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	(void)key_from_der(data + 1, size - 1, &key, &err);
	openssl_forget_errors();
	return 0;
}
