/* SPDX-License-Identifier: ISC */
/*
 * Opening ESP. The first byte chooses suite, backend and ESN, the second what the rest is:
 *   0  packets as they come, each behind two bytes of length; the SPI is put right, so that the ICV is
 * reached 1  a payload that is sealed here, and (after its length in the third byte) triples of position and
 * a value to add; what differs from the sealed packet must not open, what does not must give the payload back
 *   2  the text of a packet whose ICV is put right: the trailer is read by what is behind the ICV
 */
#include "proto/esp/esp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SPI 0x01020304
#define PACKETS_MAX 100
#define FRONT 32
#define ROOM 1024
#define ICV 16

static const struct {
	enum esp_encryption encryption;
	uint8_t encryption_key_length;
	enum esp_integrity integrity;
	uint8_t integrity_key_length;
} suites[] = {
	{ ESP_ENCRYPTION_AES_GCM_16, 20, ESP_INTEGRITY_NONE, 0 },
	{ ESP_ENCRYPTION_CHACHA20_POLY1305, 36, ESP_INTEGRITY_NONE, 0 },
	{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_256_128, 32 },
	{ ESP_ENCRYPTION_AES_CBC, 32, ESP_INTEGRITY_HMAC_SHA2_512_256, 64 },
	{ ESP_ENCRYPTION_NULL, 0, ESP_INTEGRITY_HMAC_SHA2_384_192, 48 },
	{ ESP_ENCRYPTION_NULL, 0, ESP_INTEGRITY_HMAC_SHA2_256_128, 32 },
};
#define AUTHENTICATED 5 /* the last one, for which an ICV is made here */

static const uint8_t key[ESP_KEY_MAX] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5 };

static void must(bool good)
{
	if (!good)
		abort();
}

static struct esp_sa *new_sa(size_t suite, bool inbound, bool esn)
{
	struct esp_sa *sa = NULL;
	struct esp_sa_config config = { .inbound = inbound,
		.spi = SPI,
		.esn = esn,
		.replay_window = 64,
		.encryption = suites[suite].encryption,
		.integrity = suites[suite].integrity,
		.encryption_key = key,
		.encryption_key_length = suites[suite].encryption_key_length,
		.integrity_key = key,
		.integrity_key_length = suites[suite].integrity_key_length };
	must(esp_sa_new(&config, &sa, NULL) == 0);
	return sa;
}

/* Both are made once: a worker of ipsec-mb takes longer to start than a packet to open. */
static struct esp_worker *worker_of(bool ipsec_mb)
{
	static struct esp_worker *workers[2];
	if (!workers[0]) {
		must(esp_worker_new(0, ESP_BACKEND_OPENSSL, &workers[0], NULL) == 0);
		must(esp_worker_new(1, ESP_BACKEND_AUTO, &workers[1], NULL) == 0);
	}
	return workers[ipsec_mb];
}

static void check_counters(const struct esp_sa *sa, size_t given)
{
	struct esp_counters c = esp_sa_counters(sa);
	must(c.packets + c.replayed + c.bad_icv + c.bad_padding + c.too_short + c.expired + c.refused ==
	        given);
	must(c.dummies <= c.packets);
}

static void open_stream(struct esp_worker *worker, struct esp_sa *in, const uint8_t *data, size_t size)
{
	struct esp_packet packets[PACKETS_MAX];
	uint8_t *copies[PACKETS_MAX];
	size_t n = 0;
	while (size >= 2 && n < PACKETS_MAX) {
		size_t length = MIN((size_t)data[0] << 8 | data[1], size - 2);
		copies[n] = xmemdup(data + 2, length);
		if (length >= 4)
			memcpy(copies[n], "\1\2\3\4", 4);
		(void)esp_udp_kind(copies[n], length);
		packets[n] = (struct esp_packet){ .sa = in, .data = copies[n], .length = (uint32_t)length };
		n++;
		data += 2 + length;
		size -= 2 + length;
	}
	must(esp_open(worker, packets, n) <= n);
	check_counters(in, n);
	while (n--)
		free(copies[n]);
}

static void open_changed(
        struct esp_worker *worker, struct esp_sa *out, struct esp_sa *in, const uint8_t *data, size_t size)
{
	uint8_t buffer[ROOM] = { 0 }, sealed[ROOM];
	if (!size)
		return;
	uint32_t length = data[0];
	struct esp_packet p = { .sa = out,
		.data = buffer + FRONT,
		.length = length,
		.headroom = FRONT,
		.tailroom = ESP_TAILROOM_MAX,
		.next_header = ESP_NEXT_HEADER_UDP };
	memset(p.data, 0x5a, length);
	must(esp_seal(worker, &p, 1) == 1);
	memcpy(sealed, p.data, p.length);
	for (size_t i = 1; i + 2 < size; i += 3)
		p.data[((size_t)data[i] << 8 | data[i + 1]) % p.length] += data[i + 2];
	bool same = memcmp(sealed, p.data, p.length) == 0;
	p.sa = in;
	must(esp_open(worker, &p, 1) == same);
	check_counters(in, 1);
	for (size_t i = 0; same && i < length; i++)
		must(p.data[i] == 0x5a);
	must(!same || p.length == length);
}

static void open_authentic(struct esp_worker *worker, struct esp_sa *in, const uint8_t *text, size_t length)
{
	uint8_t header[8] = { 1, 2, 3, 4, 0, 0, 0, 1 };
	length = MIN(length, ROOM);
	uint8_t *packet = xmalloc(sizeof(header) + length + EVP_MAX_MD_SIZE);
	memcpy(packet, header, sizeof(header));
	memcpy(packet + sizeof(header), text, length);
	must(HMAC(EVP_sha256(), key, 32, packet, sizeof(header) + length, packet + sizeof(header) + length,
	             NULL) != NULL);
	struct esp_packet p = {
		.sa = in, .data = packet, .length = (uint32_t)(sizeof(header) + length + ICV)
	};
	bool good = esp_open(worker, &p, 1);
	must(p.status != ESP_BAD_ICV && p.status != ESP_REPLAYED && good == (p.status == ESP_OK));
	must(!good || (p.length + 2 + text[length - 2] == length && p.next_header == text[length - 1]));
	check_counters(in, 1);
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct esp_worker *worker = worker_of(data[0] & 0x80);
	unsigned mode = data[1] % 3;
	bool esn = mode != 2 && data[0] & 0x40;
	size_t suite = mode == 2 ? AUTHENTICATED : (data[0] & 0x3f) % ARRAY_LENGTH(suites);
	struct esp_sa *out = new_sa(suite, false, esn), *in = new_sa(suite, true, esn);
	if (mode == 0)
		open_stream(worker, in, data + 2, size - 2);
	else if (mode == 1)
		open_changed(worker, out, in, data + 2, size - 2);
	else
		open_authentic(worker, in, data + 2, size - 2);
	esp_sa_free(out);
	esp_sa_free(in);
	return 0;
}
