/* SPDX-License-Identifier: ISC */
/* OpenSSL's EVP: everywhere, one packet after the other. The contexts keep their key; a packet brings only
 * its IV. */
#include "proto/esp/esp_private.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

struct openssl_keys {
	struct esp_keys base;
	EVP_CIPHER_CTX *cipher; /* NULL: NULL encryption */
	EVP_MAC_CTX *mac;       /* NULL: an AEAD */
};

static struct openssl_keys *keys_of(const struct esp_job *job)
{
	return (struct openssl_keys *)job->keys;
}

static int start(struct esp_worker *worker, struct error *err)
{
	return 0;
}

static void stop(struct esp_worker *worker)
{
}

static void free_keys(struct esp_keys *keys)
{
	struct openssl_keys *k = (struct openssl_keys *)keys;
	EVP_CIPHER_CTX_free(k->cipher);
	EVP_MAC_CTX_free(k->mac);
	free(k);
}

static bool init_cipher(struct openssl_keys *k, const struct esp_sa *sa)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, sa->suite->cipher, NULL);
	k->cipher = EVP_CIPHER_CTX_new();
	bool good = cipher && k->cipher &&
	        EVP_CipherInit_ex(k->cipher, cipher, NULL, sa->encryption_key, NULL, !sa->inbound) == 1 &&
	        EVP_CIPHER_CTX_set_padding(k->cipher, 0) == 1;
	EVP_CIPHER_free(cipher);
	return good;
}

static bool init_mac(struct openssl_keys *k, const struct esp_sa *sa)
{
	char digest[16];
	OPENSSL_strlcpy(digest, sa->suite->digest, sizeof(digest));
	OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	k->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	return k->mac &&
	        EVP_MAC_init(k->mac, sa->integrity_key, sa->suite->integrity_key_length, parameters) == 1;
}

static struct esp_keys *new_keys(struct esp_worker *worker, const struct esp_sa *sa)
{
	struct openssl_keys *k = xcalloc(1, sizeof(*k));
	if ((!sa->suite->cipher || init_cipher(k, sa)) && (!sa->suite->digest || init_mac(k, sa)))
		return &k->base;
	ERR_clear_error();
	free_keys(&k->base);
	return NULL;
}

/* Sealing writes the tag behind the text; opening compares with what is there. */
static bool run_aead(const struct esp_job *job)
{
	EVP_CIPHER_CTX *ctx = keys_of(job)->cipher;
	uint8_t nonce[ESP_NONCE_LENGTH], aad[ESP_AAD_MAX], *text = esp_job_text(job), *icv = esp_job_icv(job);
	int length = 0, tag = job->sa->suite->icv_length;
	bool inbound = job->sa->inbound;
	esp_job_nonce(job, nonce);
	return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
	        (!inbound || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag, icv) == 1) &&
	        EVP_CipherUpdate(ctx, NULL, &length, aad, (int)esp_job_aad(job, aad)) == 1 &&
	        EVP_CipherUpdate(ctx, text, &length, text, (int)job->text_length) == 1 &&
	        EVP_CipherFinal_ex(ctx, text + job->text_length, &length) == 1 &&
	        (inbound || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, tag, icv) == 1);
}

static bool run_cipher(const struct esp_job *job)
{
	EVP_CIPHER_CTX *ctx = keys_of(job)->cipher;
	uint8_t *text = esp_job_text(job);
	int length;
	return !ctx ||
	        (EVP_CipherInit_ex(ctx, NULL, NULL, NULL, esp_job_iv(job), -1) == 1 &&
	                EVP_CipherUpdate(ctx, text, &length, text, (int)job->text_length) == 1);
}

static bool run_mac(struct esp_job *job)
{
	EVP_MAC_CTX *mac = keys_of(job)->mac;
	size_t length = esp_job_authenticated(job);
	return EVP_MAC_init(mac, NULL, 0, NULL) == 1 && EVP_MAC_update(mac, job->header, length) == 1 &&
	        EVP_MAC_final(mac, job->icv, &length, sizeof(job->icv)) == 1;
}

static bool seal_one(struct esp_job *job)
{
	const struct esp_suite *suite = job->sa->suite;
	if (esp_suite_is_aead(suite))
		return run_aead(job);
	if (!run_cipher(job) || !run_mac(job))
		return false;
	memcpy(esp_job_icv(job), job->icv, suite->icv_length);
	return true;
}

static bool open_one(struct esp_job *job)
{
	const struct esp_suite *suite = job->sa->suite;
	if (esp_suite_is_aead(suite))
		return run_aead(job);
	return run_mac(job) && CRYPTO_memcmp(job->icv, job->received, suite->icv_length) == 0 &&
	        run_cipher(job);
}

static void seal(struct esp_worker *worker)
{
	for (size_t i = 0; i < worker->n_jobs; i++)
		worker->jobs[i].done = seal_one(&worker->jobs[i]);
}

static void open_all(struct esp_worker *worker)
{
	for (size_t i = 0; i < worker->n_jobs; i++)
		worker->jobs[i].done = open_one(&worker->jobs[i]);
}

const struct esp_backend esp_backend_openssl = {
	.name = "openssl",
	.start = start,
	.stop = stop,
	.new_keys = new_keys,
	.free_keys = free_keys,
	.seal = seal,
	.open = open_all,
};
