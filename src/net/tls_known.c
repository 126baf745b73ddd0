/* SPDX-License-Identifier: ISC */
#include "net/tls_known.h"

#include "base/defs.h"
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define DIGEST 32

struct known {
	uint8_t digest[DIGEST]; /* of the certificate, in DER */
	time_t from, until;     /* 0, 0: nobody */
};

struct tls_known {
	pthread_mutex_t lock;
	size_t most;
	time_t until;
	struct known *certificates; /* each at the place that its digest says; NULL: none yet */
};

static int known_number = -1;

static void known_free(void *parent, void *data, CRYPTO_EX_DATA *ad, int index, long number, void *pointer)
{
	struct tls_known *k = data;
	if (!k)
		return;
	(void)pthread_mutex_destroy(&k->lock);
	free(k->certificates);
	free(k);
}

static void make_number(void)
{
	known_number = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, known_free);
}

struct tls_known *tls_known_new(SSL_CTX *ssl_ctx, size_t most, time_t until)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
	if (CRYPTO_THREAD_run_once(&once, make_number) != 1 || known_number < 0)
		return NULL;
	struct tls_known *k = xcalloc(1, sizeof(*k));
	if (pthread_mutex_init(&k->lock, NULL) != 0) {
		free(k);
		return NULL;
	}
	k->most = most;
	k->until = until;
	if (SSL_CTX_set_ex_data(ssl_ctx, known_number, k) != 1) {
		known_free(NULL, k, NULL, 0, 0, NULL);
		return NULL;
	}
	return k;
}

static bool digest_of(const X509 *certificate, uint8_t ret[DIGEST])
{
	unsigned length = 0;
	return certificate && X509_digest(certificate, EVP_sha256(), ret, &length) == 1 && length == DIGEST;
}

static struct known *place_of(struct tls_known *k, const uint8_t digest[DIGEST])
{
	uint64_t n;
	memcpy(&n, digest, sizeof(n));
	return &k->certificates[n & (k->most - 1)];
}

bool tls_known_has(struct tls_known *k, X509 *certificate, time_t now)
{
	uint8_t digest[DIGEST];
	if (!digest_of(certificate, digest))
		return false;
	(void)pthread_mutex_lock(&k->lock);
	const struct known *known = k->certificates ? place_of(k, digest) : NULL;
	const bool has = known && memcmp(known->digest, digest, DIGEST) == 0 && known->from <= now &&
	        now < known->until;
	(void)pthread_mutex_unlock(&k->lock);
	return has;
}

static bool time_of(const ASN1_TIME *time, time_t *ret)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret = timegm(&tm);
	return true;
}

/* When all of the chain is valid. */
static bool limit_to_chain(const STACK_OF(X509) * chain, struct known *known)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		time_t from, until;
		if (!time_of(X509_get0_notBefore(sk_X509_value(chain, i)), &from) ||
		        !time_of(X509_get0_notAfter(sk_X509_value(chain, i)), &until))
			return false;
		known->from = MAX(known->from, from);
		known->until = MIN(known->until, until);
	}
	return sk_X509_num(chain) > 0;
}

void tls_known_note(struct tls_known *k, X509_STORE_CTX *verified)
{
	struct known known = { .until = k->until };
	if (!digest_of(X509_STORE_CTX_get0_cert(verified), known.digest) ||
	        !limit_to_chain(X509_STORE_CTX_get0_chain(verified), &known))
		return;
	(void)pthread_mutex_lock(&k->lock);
	if (!k->certificates)
		k->certificates = xcalloc(k->most, sizeof(*k->certificates));
	*place_of(k, known.digest) = known;
	(void)pthread_mutex_unlock(&k->lock);
}
