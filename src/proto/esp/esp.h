/* SPDX-License-Identifier: ISC */
/*
 * ESP (RFC 4303) for payloads in transport mode: bytes in, bytes out, in batches and in place. No socket, no
 * clock, no random source. AES-GCM (RFC 4106), ChaCha20-Poly1305 (RFC 7634), AES-CBC (RFC 3602) and NULL (RFC
 * 2410), the last two only together with HMAC-SHA2 (RFC 4868); and AES-CBC with HMAC-SHA1-96 (RFC 2404),
 * which RFC 8221 still asks for and old peers have nothing better than. Nothing that is weaker.
 *
 * An SA may be used by several workers at once; a worker belongs to one thread. Sequence numbers, and with
 * them every explicit IV, are unique within an SA whoever takes them. An SA is freed when no worker uses it
 * any more.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

#define ESP_WORKERS_MAX 64       /* indexes of workers are below this */
#define ESP_REPLAY_WINDOW_MIN 32 /* packets; RFC 4303 3.4.3 */
#define ESP_REPLAY_WINDOW_MAX 4096
#define ESP_SPI_MIN 256 /* 0 is never sent, 1 to 255 are IANA's: RFC 4303 2.1 */
#define ESP_KEY_MAX 64
#define ESP_PACKET_MAX 65535 /* bytes of an ESP packet, from the SPI to the end of the ICV */
#define ESP_HEADROOM_MAX 24  /* SPI, sequence number, IV: what any suite wants */
#define ESP_TAILROOM_MAX 49  /* padding, pad length, next header, ICV: what any suite wants */
#define ESP_NEXT_HEADER_UDP 17
#define ESP_NEXT_HEADER_DUMMY 59 /* RFC 4303 2.6 */

/* IKEv2 transform ids. */
enum esp_encryption {
	ESP_ENCRYPTION_NULL = 11,
	ESP_ENCRYPTION_AES_CBC = 12,
	ESP_ENCRYPTION_AES_GCM_16 = 20,
	ESP_ENCRYPTION_CHACHA20_POLY1305 = 28,
};

enum esp_integrity {
	ESP_INTEGRITY_NONE = 0,         /* with the two AEADs, and only with them */
	ESP_INTEGRITY_HMAC_SHA1_96 = 2, /* with AES-CBC only */
	ESP_INTEGRITY_HMAC_SHA2_256_128 = 12,
	ESP_INTEGRITY_HMAC_SHA2_384_192 = 13,
	ESP_INTEGRITY_HMAC_SHA2_512_256 = 14,
};

/* When an SA wants to be replaced, and when it stops. Zero: no such limit. */
struct esp_lifetime {
	uint64_t bytes_soft, bytes_hard; /* of payload */
	uint64_t packets_soft, packets_hard;
};

struct esp_sa_config {
	bool inbound; /* opens; otherwise it seals */
	uint32_t spi;
	bool esn;               /* extended sequence numbers */
	uint32_t replay_window; /* packets, ESP_REPLAY_WINDOW_MIN to _MAX; inbound only */
	enum esp_encryption encryption;
	enum esp_integrity integrity;
	/* Lengths in bytes. AES-GCM: 20 or 36, with the salt of 4 at the end; ChaCha20-Poly1305: 36,
	 * likewise; AES-CBC: 16 or 32; NULL: 0. HMAC: 20, 32, 48, 64. */
	const uint8_t *encryption_key;
	size_t encryption_key_length;
	const uint8_t *integrity_key;
	size_t integrity_key_length;
	struct esp_lifetime lifetime;
	/* The last number sent, or the top of the replay window, of an SA that is taken over; 0 for a new
	 * one. */
	uint64_t sequence;
};

struct esp_sa;

/* -EINVAL: SPI, window or a key length; -ENOTSUP: no such suite, or one without integrity. err (may be NULL)
 * has the words. The keys are copied. */
int esp_sa_new(const struct esp_sa_config *config, struct esp_sa **ret, struct error *err) MUST_CHECK;
struct esp_sa *esp_sa_free(struct esp_sa *sa); /* wipes the keys; takes NULL; returns NULL */

uint32_t esp_sa_spi(const struct esp_sa *sa);
const char *esp_sa_suite(const struct esp_sa *sa); /* "aes128gcm16", "aes256-sha512_256", ... */

/* Room in bytes that esp_seal() wants in front of a payload, and at most behind it. */
size_t esp_sa_headroom(const struct esp_sa *sa);
size_t esp_sa_tailroom(const struct esp_sa *sa);
/* How long the ESP packet of a payload is, and the longest payload whose packet has at most packet_max bytes
 * (0: none). */
size_t esp_sa_packet_length(const struct esp_sa *sa, size_t payload_length);
size_t esp_sa_payload_max(const struct esp_sa *sa, size_t packet_max);

/* Read while workers go on, so a snapshot of each, not of all. */
struct esp_counters {
	uint64_t packets, bytes; /* sealed, or opened and good (dummies included); bytes of payload */
	uint64_t replayed;       /* already seen, or left of the window; RFC 4303 3.4.3 */
	uint64_t bad_icv;
	uint64_t bad_padding; /* RFC 4303 2.4 */
	uint64_t too_short;   /* or no whole number of blocks */
	uint64_t dummies;     /* next header 59 */
	uint64_t expired;     /* after the hard lifetime, or after the last sequence number */
	uint64_t refused;     /* no room, too long, wrong SPI or direction: the caller's doing */
};
struct esp_counters esp_sa_counters(const struct esp_sa *sa);
/* The last sequence number that was taken, or the top of the replay window. */
uint64_t esp_sa_sequence(struct esp_sa *sa);

enum esp_expiry {
	ESP_EXPIRY_NONE,
	ESP_EXPIRY_SOFT, /* a lifetime's soft limit; or 15/16 of the sequence numbers are used up */
	ESP_EXPIRY_HARD, /* it passes nothing any more */
};
/* What has been reached and was not yet told: each of SOFT and HARD is returned once. Where several workers
 * use the SA each may pass the hard limit of the lifetime by the batch it is at; the last sequence number is
 * never passed. */
enum esp_expiry esp_sa_expiry(struct esp_sa *sa);

enum esp_status {
	ESP_OK,
	ESP_DUMMY, /* good, and to be dropped: RFC 4303 2.6 */
	ESP_REPLAYED,
	ESP_BAD_ICV,
	ESP_BAD_PADDING,
	ESP_TOO_SHORT,
	ESP_EXPIRED,
	ESP_REFUSED, /* see esp_counters */
};
const char *esp_status_name(enum esp_status status);

/* One packet of a batch. data and length are moved by sealing (from the payload to the ESP packet around it)
 * and by opening (the other way round), only where status is ESP_OK or ESP_DUMMY; of a packet that was not
 * opened the bytes are undefined. */
struct esp_packet {
	struct esp_sa *sa;
	uint8_t *data;
	uint32_t length;
	uint16_t headroom, tailroom; /* sealing: bytes that may be written before data and behind its end */
	uint8_t next_header;         /* in for sealing, out of opening */
	uint8_t status;              /* out: enum esp_status */
	uint64_t sequence;           /* out: 64 bits with ESN, else 32 */
};

struct esp_worker;

enum esp_backend_kind {
	ESP_BACKEND_AUTO, /* ipsec-mb where it is compiled in and the processor has AES instructions, else
	                     OpenSSL */
	ESP_BACKEND_OPENSSL,
	ESP_BACKEND_IPSEC_MB,
};

/* What a thread needs to seal and to open. Two workers that share an SA have different indexes; a process
 * gives each its own, 0 to ESP_WORKERS_MAX - 1. -ENOTSUP: this backend is not here; -EINVAL: the index. */
int esp_worker_new(
        unsigned index, enum esp_backend_kind backend, struct esp_worker **ret, struct error *err) MUST_CHECK;
struct esp_worker *esp_worker_free(struct esp_worker *worker);   /* takes NULL; returns NULL */
const char *esp_worker_backend(const struct esp_worker *worker); /* "openssl", "ipsec-mb" */

/* Both take any number of packets, of one SA or of many; packets of one SA that follow one another are
 * cheapest. They set every status and return how many are ESP_OK. A duplicate within the batch is one. No two
 * packets share bytes. */
size_t esp_seal(struct esp_worker *worker, struct esp_packet *packets, size_t n);
size_t esp_open(struct esp_worker *worker, struct esp_packet *packets, size_t n);

/* The SPI of an ESP packet, by which the SA is looked up; 0 where it is too short to have one, or the SPI is
 * reserved. */
uint32_t esp_read_spi(const uint8_t *data, size_t length);

/* What a UDP datagram on port 4500 is: RFC 3948 2. */
enum esp_udp_kind {
	ESP_UDP_ESP,
	ESP_UDP_IKE,       /* the IKE message begins ESP_NON_ESP_MARKER bytes on */
	ESP_UDP_KEEPALIVE, /* one byte 0xff: to be dropped */
	ESP_UDP_INVALID,   /* too short, or a reserved SPI */
};
#define ESP_NON_ESP_MARKER 4
#define ESP_KEEPALIVE_BYTE 0xff
enum esp_udp_kind esp_udp_kind(const uint8_t *data, size_t length);
