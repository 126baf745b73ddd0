/* SPDX-License-Identifier: ISC */
/*
 * What the files of this room share. A batch goes through three stages: prepare (room, numbers, headers,
 * padding, or length and replay), the backend's cryptography, and finish (statuses, window, counters). The
 * benchmark times them one by one.
 *
 * Whatever cannot be shared between threads (OpenSSL's contexts) or is cheaper to keep close (expanded keys)
 * is a struct esp_keys, of which an SA has one for each worker that has used it, in the slot of the worker's
 * index. Only that worker touches its slot, so there is no lock; the SA frees them all.
 */
#pragma once

#include "proto/esp/replay.h"
#include <openssl/evp.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#define ESP_BATCH_MAX 64     /* packets that go through the stages together */
#define ESP_HEADER_LENGTH 8  /* SPI, sequence number */
#define ESP_TRAILER_LENGTH 2 /* pad length, next header */
#define ESP_NONCE_LENGTH 12  /* salt, explicit IV: RFC 4106 4, RFC 7634 2 */
#define ESP_SALT_LENGTH 4
#define ESP_AAD_MAX 12
#define ESP_AES_BLOCK 16
#define ESP_CACHE_LINE 64

struct esp_suite {
	enum esp_encryption encryption;
	enum esp_integrity integrity;
	uint8_t encryption_key_length, integrity_key_length; /* with the salt */
	uint8_t iv_length;
	uint8_t block; /* the text is a multiple of this: of the cipher's block, and of 4 by RFC 4303 2.4 */
	uint8_t icv_length;
	const char *name;
	const char *cipher, *digest; /* OpenSSL's names; NULL: none */
};

/* NULL, *ret_code and err where there is none, or its keys have other lengths. */
const struct esp_suite *esp_suite_find(const struct esp_sa_config *config, int *ret_code, struct error *err);
static inline bool esp_suite_is_aead(const struct esp_suite *suite)
{
	return suite->integrity == ESP_INTEGRITY_NONE;
}

enum {
	ESP_REACHED_SOFT = 1,
	ESP_REACHED_HARD = 2,
};

struct esp_atomic_counters {
	_Atomic uint64_t packets, bytes, replayed, bad_icv, bad_padding, too_short, dummies, expired, refused;
};

struct esp_keys;

/* What threads write has cache lines of its own. */
struct esp_sa { /* NOLINT(clang-analyzer-optin.performance.Padding) */
	const struct esp_suite *suite;
	uint32_t spi;
	bool inbound, esn;
	struct esp_lifetime lifetime;
	uint64_t sequence_limit; /* the last number that may be used */
	uint8_t encryption_key[ESP_KEY_MAX], integrity_key[ESP_KEY_MAX];
	uint8_t iv_key[ESP_AES_BLOCK]; /* AES-CBC: makes sequence numbers into IVs that nobody can foresee */
	struct esp_keys *keys[ESP_WORKERS_MAX];
	alignas(ESP_CACHE_LINE) _Atomic uint64_t sequence; /* the last one taken; outbound */
	alignas(ESP_CACHE_LINE) struct esp_atomic_counters counters;
	_Atomic unsigned reached, told;               /* ESP_REACHED_ */
	alignas(ESP_CACHE_LINE) pthread_mutex_t lock; /* of replay; inbound */
	struct esp_replay replay;
};

/* A packet on its way through the stages. */
struct esp_job {
	struct esp_packet *packet;
	const struct esp_sa *sa;
	struct esp_keys *keys;
	uint8_t *header;      /* the ESP packet */
	uint32_t text_length; /* payload, padding, trailer: what is between IV and ICV */
	bool done;            /* sealed, or the ICV is right */
	uint64_t sequence;
	uint8_t icv[EVP_MAX_MD_SIZE]; /* as computed by HMAC */
	uint8_t received[EVP_MAX_MD_SIZE];
	uint8_t nonce[ESP_NONCE_LENGTH], aad[ESP_AAD_MAX]; /* for a backend that does not finish at once */
};

struct esp_worker {
	const struct esp_backend *backend;
	unsigned index;
	void *state; /* the backend's */
	size_t n_jobs;
	struct esp_job jobs[ESP_BATCH_MAX];
};

struct esp_backend {
	const char *name;
	int (*start)(struct esp_worker *worker, struct error *err);
	void (*stop)(struct esp_worker *worker);
	/* NULL where memory or the library fails. */
	struct esp_keys *(*new_keys)(struct esp_worker *worker, const struct esp_sa *sa);
	void (*free_keys)(struct esp_keys *keys);
	/* Both set done in those of the worker's jobs that succeed. */
	void (*seal)(struct esp_worker *worker);
	void (*open)(struct esp_worker *worker);
};

/* The beginning of what each backend keeps for an SA. */
struct esp_keys {
	const struct esp_backend *backend;
	EVP_CIPHER_CTX *iv; /* AES-CBC, outbound: ECB with iv_key */
};

extern const struct esp_backend esp_backend_openssl, esp_backend_ipsec_mb;

/* This worker's keys of the SA, made at first use. NULL: that failed. */
struct esp_keys *esp_worker_keys(struct esp_worker *worker, struct esp_sa *sa);

/* Counting towards the lifetimes: one begin and one end for a run of packets of one SA. */
struct esp_tally {
	uint64_t packets, bytes; /* before this run */
	uint64_t more_packets, more_bytes;
};
void esp_tally_begin(struct esp_tally *t, const struct esp_sa *sa);
/* False: a hard limit was reached before this packet. */
bool esp_tally_add(struct esp_tally *t, const struct esp_sa *sa, uint64_t bytes);
void esp_tally_end(const struct esp_tally *t, struct esp_sa *sa);
void esp_sa_reach(struct esp_sa *sa, unsigned what);

/* The stages, for at most ESP_BATCH_MAX packets. finish returns how many packets are ESP_OK. */
void esp_seal_prepare(struct esp_worker *worker, struct esp_packet *packets, size_t n);
size_t esp_seal_finish(struct esp_worker *worker);
void esp_open_prepare(struct esp_worker *worker, struct esp_packet *packets, size_t n);
size_t esp_open_finish(struct esp_worker *worker);

static inline void esp_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}
static inline uint32_t esp_load_u32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return be32toh(v);
}
static inline void esp_store_u32(uint8_t *at, uint32_t v)
{
	v = htobe32(v);
	memcpy(at, &v, sizeof(v));
}
static inline void esp_store_u64(uint8_t *at, uint64_t v)
{
	v = htobe64(v);
	memcpy(at, &v, sizeof(v));
}

static inline uint8_t *esp_job_iv(const struct esp_job *job)
{
	return job->header + ESP_HEADER_LENGTH;
}
static inline uint8_t *esp_job_text(const struct esp_job *job)
{
	return esp_job_iv(job) + job->sa->suite->iv_length;
}
static inline uint8_t *esp_job_icv(const struct esp_job *job)
{
	return esp_job_text(job) + job->text_length;
}
/* RFC 4106 5, RFC 7634 2.1: SPI and sequence number, the latter whole with ESN. Returns the length. */
static inline size_t esp_job_aad(const struct esp_job *job, uint8_t aad[static ESP_AAD_MAX])
{
	memcpy(aad, job->header, ESP_HEADER_LENGTH);
	if (!job->sa->esn)
		return ESP_HEADER_LENGTH;
	esp_store_u64(aad + 4, job->sequence);
	return ESP_AAD_MAX;
}
static inline void esp_job_nonce(const struct esp_job *job, uint8_t nonce[static ESP_NONCE_LENGTH])
{
	const struct esp_sa *sa = job->sa;
	memcpy(nonce, sa->encryption_key + sa->suite->encryption_key_length - ESP_SALT_LENGTH,
	        ESP_SALT_LENGTH);
	memcpy(nonce + ESP_SALT_LENGTH, esp_job_iv(job), ESP_NONCE_LENGTH - ESP_SALT_LENGTH);
}

/* What HMAC covers begins at the header and has the length that this returns; with ESN it ends with the upper
 * half of the sequence number, which is not sent (RFC 4303 2.2.1): that is put in the place of the ICV, the
 * received one being kept. */
static inline size_t esp_job_authenticated(struct esp_job *job)
{
	size_t length = (size_t)(esp_job_icv(job) - job->header);
	if (job->sa->inbound)
		memcpy(job->received, esp_job_icv(job), job->sa->suite->icv_length);
	if (!job->sa->esn)
		return length;
	esp_store_u32(esp_job_icv(job), (uint32_t)(job->sequence >> 32));
	return length + sizeof(uint32_t);
}
