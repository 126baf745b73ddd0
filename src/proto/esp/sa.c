/* SPDX-License-Identifier: ISC */
/* Security associations: their keys, counters and lifetimes. */
#include "proto/esp/esp_private.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

/* RFC 3602 3 wants IVs of AES-CBC that cannot be foreseen. They are the sequence numbers enciphered with AES
 * under a key of their own (NIST SP 800-38A, appendix C), which is derived so that no random source is
 * needed. */
static bool derive_iv_key(struct esp_sa *sa)
{
	static const uint8_t label[] = "Pratique ESP AES-CBC IV";
	uint8_t derived[EVP_MAX_MD_SIZE];
	bool good = HMAC(EVP_sha256(), sa->encryption_key, sa->suite->encryption_key_length, label,
	                    sizeof(label), derived, NULL) != NULL;
	memcpy(sa->iv_key, derived, sizeof(sa->iv_key));
	OPENSSL_cleanse(derived, sizeof(derived));
	return good;
}

static int check_config(const struct esp_sa_config *c, struct error *err)
{
	if (c->spi < ESP_SPI_MIN)
		return error_set(
		        err, -EINVAL, "ESP SA %08x: an SPI below %u is reserved", c->spi, ESP_SPI_MIN);
	if (c->inbound &&
	        (c->replay_window < ESP_REPLAY_WINDOW_MIN || c->replay_window > ESP_REPLAY_WINDOW_MAX))
		return error_set(err, -EINVAL,
		        "ESP SA %08x: a replay window of %u packets; it must have %u to %u, and cannot be "
		        "off",
		        c->spi, c->replay_window, ESP_REPLAY_WINDOW_MIN, ESP_REPLAY_WINDOW_MAX);
	if (!c->esn && c->sequence > UINT32_MAX)
		return error_set(err, -EINVAL,
		        "ESP SA %08x: sequence number %llu without extended sequence numbers", c->spi,
		        (unsigned long long)c->sequence);
	return 0;
}

static void fill(struct esp_sa *sa, const struct esp_sa_config *c)
{
	sa->spi = c->spi;
	sa->inbound = c->inbound;
	sa->esn = c->esn;
	sa->lifetime = c->lifetime;
	sa->sequence_limit = c->esn ? UINT64_MAX : UINT32_MAX;
	if (c->encryption_key_length)
		memcpy(sa->encryption_key, c->encryption_key, c->encryption_key_length);
	if (c->integrity_key_length)
		memcpy(sa->integrity_key, c->integrity_key, c->integrity_key_length);
	if (c->inbound)
		esp_replay_init(&sa->replay, c->replay_window, c->esn, c->sequence);
	else
		atomic_store(&sa->sequence, c->sequence);
}

int esp_sa_new(const struct esp_sa_config *c, struct esp_sa **ret, struct error *err)
{
	int r = check_config(c, err);
	if (r < 0)
		return r;
	const struct esp_suite *suite = esp_suite_find(c, &r, err);
	if (!suite)
		return r;
	struct esp_sa *sa = aligned_alloc(alignof(struct esp_sa), sizeof(*sa));
	if (!sa)
		return error_set(err, -ENOMEM, "ESP SA %08x: no memory", c->spi);
	memset(sa, 0, sizeof(*sa));
	sa->suite = suite;
	pthread_mutex_init(&sa->lock, NULL);
	fill(sa, c);
	if (suite->encryption == ESP_ENCRYPTION_AES_CBC && !derive_iv_key(sa)) {
		esp_sa_free(sa);
		return error_set(err, -EIO, "ESP SA %08x: OpenSSL does not compute HMAC-SHA-256", c->spi);
	}
	*ret = sa;
	return 0;
}

struct esp_sa *esp_sa_free(struct esp_sa *sa)
{
	if (!sa)
		return NULL;
	for (size_t i = 0; i < ESP_WORKERS_MAX; i++) {
		struct esp_keys *keys = sa->keys[i];
		if (!keys)
			continue;
		EVP_CIPHER_CTX_free(keys->iv);
		keys->backend->free_keys(keys);
	}
	pthread_mutex_destroy(&sa->lock);
	OPENSSL_cleanse(sa, sizeof(*sa));
	free(sa);
	return NULL;
}

uint32_t esp_sa_spi(const struct esp_sa *sa)
{
	return sa->spi;
}

const char *esp_sa_suite(const struct esp_sa *sa)
{
	return sa->suite->name;
}

size_t esp_sa_headroom(const struct esp_sa *sa)
{
	return ESP_HEADER_LENGTH + sa->suite->iv_length;
}

size_t esp_sa_tailroom(const struct esp_sa *sa)
{
	return sa->suite->block - 1u + ESP_TRAILER_LENGTH + sa->suite->icv_length;
}

static size_t text_length(const struct esp_suite *suite, size_t payload_length)
{
	return (payload_length + ESP_TRAILER_LENGTH + suite->block - 1) / suite->block * suite->block;
}

size_t esp_sa_packet_length(const struct esp_sa *sa, size_t payload_length)
{
	return esp_sa_headroom(sa) + text_length(sa->suite, payload_length) + sa->suite->icv_length;
}

size_t esp_sa_payload_max(const struct esp_sa *sa, size_t packet_max)
{
	size_t around = esp_sa_headroom(sa) + sa->suite->icv_length;
	packet_max = MIN(packet_max, ESP_PACKET_MAX);
	if (packet_max < around + sa->suite->block)
		return 0;
	return (packet_max - around) / sa->suite->block * sa->suite->block - ESP_TRAILER_LENGTH;
}

struct esp_counters esp_sa_counters(const struct esp_sa *sa)
{
	const struct esp_atomic_counters *c = &sa->counters;
	return (struct esp_counters){
		.packets = atomic_load_explicit(&c->packets, memory_order_relaxed),
		.bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed),
		.replayed = atomic_load_explicit(&c->replayed, memory_order_relaxed),
		.bad_icv = atomic_load_explicit(&c->bad_icv, memory_order_relaxed),
		.bad_padding = atomic_load_explicit(&c->bad_padding, memory_order_relaxed),
		.too_short = atomic_load_explicit(&c->too_short, memory_order_relaxed),
		.dummies = atomic_load_explicit(&c->dummies, memory_order_relaxed),
		.expired = atomic_load_explicit(&c->expired, memory_order_relaxed),
		.refused = atomic_load_explicit(&c->refused, memory_order_relaxed),
	};
}

uint64_t esp_sa_sequence(struct esp_sa *sa)
{
	if (!sa->inbound)
		return atomic_load_explicit(&sa->sequence, memory_order_relaxed);
	pthread_mutex_lock(&sa->lock);
	uint64_t top = sa->replay.top;
	pthread_mutex_unlock(&sa->lock);
	return top;
}

void esp_sa_reach(struct esp_sa *sa, unsigned what)
{
	if ((atomic_load_explicit(&sa->reached, memory_order_relaxed) & what) != what)
		atomic_fetch_or(&sa->reached, what);
}

enum esp_expiry esp_sa_expiry(struct esp_sa *sa)
{
	unsigned reached = atomic_load(&sa->reached);
	if (!(reached & ~atomic_load(&sa->told)))
		return ESP_EXPIRY_NONE;
	if (reached & ESP_REACHED_SOFT && !(atomic_fetch_or(&sa->told, ESP_REACHED_SOFT) & ESP_REACHED_SOFT))
		return ESP_EXPIRY_SOFT;
	if (reached & ESP_REACHED_HARD && !(atomic_fetch_or(&sa->told, ESP_REACHED_HARD) & ESP_REACHED_HARD))
		return ESP_EXPIRY_HARD;
	return ESP_EXPIRY_NONE;
}

void esp_tally_begin(struct esp_tally *t, const struct esp_sa *sa)
{
	*t = (struct esp_tally){ .packets = atomic_load_explicit(&sa->counters.packets, memory_order_relaxed),
		.bytes = atomic_load_explicit(&sa->counters.bytes, memory_order_relaxed) };
}

static bool reaches(uint64_t limit, uint64_t value)
{
	return limit && value >= limit;
}

bool esp_tally_add(struct esp_tally *t, const struct esp_sa *sa, uint64_t bytes)
{
	if (reaches(sa->lifetime.packets_hard, t->packets + t->more_packets) ||
	        reaches(sa->lifetime.bytes_hard, t->bytes + t->more_bytes))
		return false;
	t->more_packets++;
	t->more_bytes += bytes;
	return true;
}

void esp_tally_end(const struct esp_tally *t, struct esp_sa *sa)
{
	if (!t->more_packets)
		return;
	uint64_t packets = t->more_packets +
	        atomic_fetch_add_explicit(&sa->counters.packets, t->more_packets, memory_order_relaxed);
	uint64_t bytes = t->more_bytes +
	        atomic_fetch_add_explicit(&sa->counters.bytes, t->more_bytes, memory_order_relaxed);
	if (reaches(sa->lifetime.packets_soft, packets) || reaches(sa->lifetime.bytes_soft, bytes))
		esp_sa_reach(sa, ESP_REACHED_SOFT);
	if (reaches(sa->lifetime.packets_hard, packets) || reaches(sa->lifetime.bytes_hard, bytes))
		esp_sa_reach(sa, ESP_REACHED_HARD);
}
