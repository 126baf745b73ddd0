/* SPDX-License-Identifier: ISC */
/*
 * Intel's multi-buffer library: AES-GCM by its direct calls, the others as jobs, of which it runs several at
 * a time in the lanes of the vector unit. A manager belongs to one worker and has no job left over between
 * two batches.
 */
#include "proto/esp/esp_private.h"

#include <errno.h>
#include <openssl/crypto.h>
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>

#define ROUND_KEYS_LENGTH (15 * ESP_AES_BLOCK)
#define HMAC_STATE_LENGTH 64 /* of SHA-512, the longest */
#define HMAC_BLOCK_MAX 128
#define HMAC_INNER 0x36
#define HMAC_OUTER 0x5c

struct mb_state {
	IMB_MGR *manager;
	struct gcm_context_data gcm;
};

struct mb_keys {
	struct esp_keys base;
	struct gcm_key_data gcm;
	alignas(16) uint8_t encrypt[ROUND_KEYS_LENGTH], decrypt[ROUND_KEYS_LENGTH];
	alignas(16) uint8_t inner[HMAC_STATE_LENGTH],
	        outer[HMAC_STATE_LENGTH]; /* HMAC after its first block */
};

static struct mb_keys *keys_of(const struct esp_job *job)
{
	return (struct mb_keys *)job->keys;
}

static int start(struct esp_worker *worker, struct error *err)
{
	IMB_MGR *manager = alloc_mb_mgr(0);
	if (!manager)
		return error_set(err, -ENOMEM, "ESP: ipsec-mb has no memory for a worker");
	IMB_ARCH arch = IMB_ARCH_NONE;
	init_mb_mgr_auto(manager, &arch);
	if (imb_get_errno(manager) != 0 || !(manager->features & IMB_FEATURE_AESNI)) {
		free_mb_mgr(manager);
		return error_set(err, -ENOTSUP, "ESP: ipsec-mb does not support this processor; use openssl");
	}
	struct mb_state *state = xcalloc(1, sizeof(*state));
	state->manager = manager;
	worker->state = state;
	return 0;
}

static void stop(struct esp_worker *worker)
{
	struct mb_state *state = worker->state;
	free_mb_mgr(state->manager);
	OPENSSL_cleanse(state, sizeof(*state));
	free(state);
}

static void free_keys(struct esp_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(struct mb_keys));
	free(keys);
}

/* The state of the hash after the block that begins an HMAC: RFC 2104. */
static void hash_key_block(IMB_MGR *manager, const struct esp_sa *sa, uint8_t with, uint8_t *state)
{
	uint8_t block[HMAC_BLOCK_MAX];
	memset(block, with, sizeof(block));
	for (size_t i = 0; i < sa->suite->integrity_key_length; i++)
		block[i] ^= sa->integrity_key[i];
	switch (sa->suite->integrity) {
	case ESP_INTEGRITY_HMAC_SHA1_96:
		IMB_SHA1_ONE_BLOCK(manager, block, state);
		break;
	case ESP_INTEGRITY_HMAC_SHA2_256_128:
		IMB_SHA256_ONE_BLOCK(manager, block, state);
		break;
	case ESP_INTEGRITY_HMAC_SHA2_384_192:
		IMB_SHA384_ONE_BLOCK(manager, block, state);
		break;
	case ESP_INTEGRITY_HMAC_SHA2_512_256:
		IMB_SHA512_ONE_BLOCK(manager, block, state);
		break;
	case ESP_INTEGRITY_NONE:
		break;
	}
	OPENSSL_cleanse(block, sizeof(block));
}

static void expand_cipher_key(IMB_MGR *manager, const struct esp_sa *sa, struct mb_keys *k)
{
	bool is_128 = sa->suite->encryption_key_length < 32;
	if (sa->suite->encryption == ESP_ENCRYPTION_AES_GCM_16) {
		if (is_128)
			IMB_AES128_GCM_PRE(manager, sa->encryption_key, &k->gcm);
		else
			IMB_AES256_GCM_PRE(manager, sa->encryption_key, &k->gcm);
	} else if (sa->suite->encryption == ESP_ENCRYPTION_AES_CBC) {
		if (is_128)
			IMB_AES_KEYEXP_128(manager, sa->encryption_key, k->encrypt, k->decrypt);
		else
			IMB_AES_KEYEXP_256(manager, sa->encryption_key, k->encrypt, k->decrypt);
	}
}

static struct esp_keys *new_keys(struct esp_worker *worker, const struct esp_sa *sa)
{
	struct mb_state *state = worker->state;
	struct mb_keys *k = aligned_alloc(alignof(struct mb_keys), sizeof(*k));
	if (!k)
		return NULL;
	memset(k, 0, sizeof(*k));
	expand_cipher_key(state->manager, sa, k);
	hash_key_block(state->manager, sa, HMAC_INNER, k->inner);
	hash_key_block(state->manager, sa, HMAC_OUTER, k->outer);
	return &k->base;
}

static void run_gcm(struct mb_state *state, struct esp_job *job)
{
	IMB_MGR *manager = state->manager;
	uint8_t nonce[ESP_NONCE_LENGTH], aad[ESP_AAD_MAX], *text = esp_job_text(job);
	size_t aad_length = esp_job_aad(job, aad), length = job->text_length,
	       tag = job->sa->suite->icv_length;
	bool is_128 = job->sa->suite->encryption_key_length < 32, inbound = job->sa->inbound;
	uint8_t *icv = inbound ? job->icv : esp_job_icv(job);
	aes_gcm_enc_dec_t run = inbound ? is_128 ? manager->gcm128_dec : manager->gcm256_dec
	        : is_128                ? manager->gcm128_enc
	                                : manager->gcm256_enc;
	esp_job_nonce(job, nonce);
	run(&keys_of(job)->gcm, &state->gcm, text, text, length, nonce, aad, aad_length, icv, tag);
	job->done = !inbound || CRYPTO_memcmp(job->icv, esp_job_icv(job), tag) == 0;
}

static IMB_HASH_ALG hash_of(const struct esp_suite *suite)
{
	switch (suite->integrity) {
	case ESP_INTEGRITY_HMAC_SHA1_96:
		return IMB_AUTH_HMAC_SHA_1;
	case ESP_INTEGRITY_HMAC_SHA2_256_128:
		return IMB_AUTH_HMAC_SHA_256;
	case ESP_INTEGRITY_HMAC_SHA2_384_192:
		return IMB_AUTH_HMAC_SHA_384;
	case ESP_INTEGRITY_HMAC_SHA2_512_256:
		return IMB_AUTH_HMAC_SHA_512;
	case ESP_INTEGRITY_NONE:
		break;
	}
	return IMB_AUTH_NULL;
}

static void fill_hmac(IMB_JOB *mb, struct esp_job *job)
{
	const struct mb_keys *k = keys_of(job);
	const struct esp_suite *suite = job->sa->suite;
	mb->enc_keys = k->encrypt;
	mb->dec_keys = k->decrypt;
	mb->iv = esp_job_iv(job);
	mb->hash_start_src_offset_in_bytes = 0;
	mb->msg_len_to_hash_in_bytes = esp_job_authenticated(job);
	mb->u.HMAC._hashed_auth_key_xor_ipad = k->inner;
	mb->u.HMAC._hashed_auth_key_xor_opad = k->outer;
	mb->cipher_mode = suite->cipher ? IMB_CIPHER_CBC : IMB_CIPHER_NULL;
	mb->hash_alg = hash_of(suite);
}

/* As a job it is a quarter faster than by the direct calls, which take three steps for each packet. */
static void fill_chacha(IMB_JOB *mb, struct esp_job *job)
{
	esp_job_nonce(job, job->nonce);
	if (job->sa->inbound)
		memcpy(job->received, esp_job_icv(job), job->sa->suite->icv_length);
	mb->enc_keys = mb->dec_keys = job->sa->encryption_key;
	mb->iv = job->nonce;
	mb->hash_start_src_offset_in_bytes = mb->cipher_start_src_offset_in_bytes;
	mb->msg_len_to_hash_in_bytes = job->text_length;
	mb->u.CHACHA20_POLY1305.aad = job->aad;
	mb->u.CHACHA20_POLY1305.aad_len_in_bytes = esp_job_aad(job, job->aad);
	mb->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	mb->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
}

static void fill(IMB_JOB *mb, struct esp_job *job)
{
	const struct esp_suite *suite = job->sa->suite;
	bool inbound = job->sa->inbound, chacha = suite->encryption == ESP_ENCRYPTION_CHACHA20_POLY1305;
	mb->key_len_in_bytes = suite->encryption_key_length - (chacha ? ESP_SALT_LENGTH : 0u);
	mb->iv_len_in_bytes = chacha ? ESP_NONCE_LENGTH : suite->iv_length;
	mb->src = job->header;
	mb->dst = esp_job_text(job);
	mb->cipher_start_src_offset_in_bytes = ESP_HEADER_LENGTH + suite->iv_length;
	mb->msg_len_to_cipher_in_bytes = job->text_length;
	mb->auth_tag_output = job->icv;
	mb->auth_tag_output_len_in_bytes = suite->icv_length;
	mb->cipher_direction = inbound ? IMB_DIR_DECRYPT : IMB_DIR_ENCRYPT;
	mb->chain_order = inbound ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
	mb->user_data = job;
	if (chacha)
		fill_chacha(mb, job);
	else
		fill_hmac(mb, job);
}

static void complete(const IMB_JOB *mb)
{
	struct esp_job *job = mb->user_data;
	if (mb->status != IMB_STATUS_COMPLETED)
		return;
	if (!job->sa->inbound)
		memcpy(esp_job_icv(job), job->icv, job->sa->suite->icv_length);
	job->done =
	        !job->sa->inbound || CRYPTO_memcmp(job->icv, job->received, job->sa->suite->icv_length) == 0;
}

static void submit(IMB_MGR *manager, struct esp_job *job)
{
	fill(IMB_GET_NEXT_JOB(manager), job);
	for (const IMB_JOB *mb = IMB_SUBMIT_JOB(manager); mb; mb = IMB_GET_COMPLETED_JOB(manager))
		complete(mb);
}

static void run(struct esp_worker *worker)
{
	struct mb_state *state = worker->state;
	for (size_t i = 0; i < worker->n_jobs; i++) {
		struct esp_job *job = &worker->jobs[i];
		if (job->sa->suite->encryption == ESP_ENCRYPTION_AES_GCM_16)
			run_gcm(state, job);
		else
			submit(state->manager, job);
	}
	for (const IMB_JOB *mb; (mb = IMB_FLUSH_JOB(state->manager));)
		complete(mb);
}

const struct esp_backend esp_backend_ipsec_mb = {
	.name = "ipsec-mb",
	.start = start,
	.stop = stop,
	.new_keys = new_keys,
	.free_keys = free_keys,
	.seal = run,
	.open = run,
};
