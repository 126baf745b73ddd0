/* SPDX-License-Identifier: ISC */
/*
 * ESP on one core: how many packets a second are sealed and opened, for every suite, by each backend in
 * turns, and where the time goes. Payloads of LENGTH bytes lie in BUFFERS buffers of their own, so that they
 * stay in the second level cache as packets do that were just received; a batch is as long as one UDP
 * segmentation offload carries.
 *
 *   esp LENGTH RUNS MILLISECONDS
 */
#include "proto/esp/esp_private.h"

#include <stdio.h>
#include <time.h>

#define BUFFERS 176
#define BATCH 44
#define ROOM 2048
#define FRONT 64
#define RUNS_MAX 100
#define MILLISECONDS_MAX 60000
#define STAGES 3

_Static_assert(BATCH <= ESP_BATCH_MAX, "the stages are timed batch by batch");

struct suite {
	enum esp_encryption encryption;
	size_t encryption_key_length;
	enum esp_integrity integrity;
	size_t integrity_key_length;
};

static const struct suite suites[] = {
	{ ESP_ENCRYPTION_AES_GCM_16, 20, ESP_INTEGRITY_NONE, 0 },
	{ ESP_ENCRYPTION_AES_GCM_16, 36, ESP_INTEGRITY_NONE, 0 },
	{ ESP_ENCRYPTION_CHACHA20_POLY1305, 36, ESP_INTEGRITY_NONE, 0 },
	{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_256_128, 32 },
	{ ESP_ENCRYPTION_AES_CBC, 32, ESP_INTEGRITY_HMAC_SHA2_256_128, 32 },
	{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_512_256, 64 },
	{ ESP_ENCRYPTION_NULL, 0, ESP_INTEGRITY_HMAC_SHA2_256_128, 32 },
};

struct bed {
	struct esp_worker *worker;
	struct esp_sa *out, *in;
	uint32_t length;
	struct esp_packet packets[BUFFERS];
	uint8_t (*buffers)[ROOM];
};

struct result {
	double seal, open;                             /* seconds a packet */
	double seal_stage[STAGES], open_stage[STAGES]; /* likewise */
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "esp: %s\n", what);
	exit(1);
}

static struct esp_sa *new_sa(const struct suite *suite, bool inbound)
{
	static const uint8_t key[ESP_KEY_MAX] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct esp_sa_config config = { .inbound = inbound,
		.spi = ESP_SPI_MIN,
		.esn = true,
		.replay_window = 1024,
		.encryption = suite->encryption,
		.integrity = suite->integrity,
		.encryption_key = key,
		.encryption_key_length = suite->encryption_key_length,
		.integrity_key = key,
		.integrity_key_length = suite->integrity_key_length };
	struct esp_sa *sa = NULL;
	struct error err = { "" };
	must(esp_sa_new(&config, &sa, &err) == 0, err.text);
	return sa;
}

/* Payloads as before sealing, so that every round does the same. */
static void lay_out(struct bed *b)
{
	for (size_t i = 0; i < BUFFERS; i++)
		b->packets[i] = (struct esp_packet){ .sa = b->out,
			.data = b->buffers[i] + FRONT,
			.length = b->length,
			.headroom = FRONT,
			.tailroom = (uint16_t)(ROOM - FRONT - b->length),
			.next_header = ESP_NEXT_HEADER_UDP };
}

static void seal_batch(struct bed *b, struct esp_packet *packets, double *stages)
{
	double t0 = now();
	esp_seal_prepare(b->worker, packets, BATCH);
	double t1 = now();
	b->worker->backend->seal(b->worker);
	double t2 = now();
	must(esp_seal_finish(b->worker) == BATCH, "a packet was not sealed");
	stages[0] += t1 - t0;
	stages[1] += t2 - t1;
	stages[2] += now() - t2;
}

static void open_batch(struct bed *b, struct esp_packet *packets, double *stages)
{
	for (size_t i = 0; i < BATCH; i++)
		packets[i].sa = b->in;
	double t0 = now();
	esp_open_prepare(b->worker, packets, BATCH);
	double t1 = now();
	b->worker->backend->open(b->worker);
	double t2 = now();
	must(esp_open_finish(b->worker) == BATCH, "a packet was not opened");
	stages[0] += t1 - t0;
	stages[1] += t2 - t1;
	stages[2] += now() - t2;
}

/* The stages add up to the whole: the clock is read four times in a batch, which is under one part in a
 * hundred. */
static struct result measure(struct bed *b, double seconds)
{
	struct result r = { 0 };
	double end = now() + seconds, packets = 0;
	while (now() < end) {
		lay_out(b);
		for (size_t at = 0; at < BUFFERS; at += BATCH)
			seal_batch(b, b->packets + at, r.seal_stage);
		for (size_t at = 0; at < BUFFERS; at += BATCH)
			open_batch(b, b->packets + at, r.open_stage);
		packets += BUFFERS;
	}
	for (size_t i = 0; i < STAGES; i++) {
		r.seal += r.seal_stage[i] /= packets;
		r.open += r.open_stage[i] /= packets;
	}
	return r;
}

static struct result measure_suite(
        struct esp_worker *worker, const struct suite *suite, uint32_t length, double seconds)
{
	struct bed b = { .worker = worker,
		.out = new_sa(suite, false),
		.in = new_sa(suite, true),
		.length = length,
		.buffers = xcalloc(BUFFERS, ROOM) };
	(void)measure(&b, seconds / 10); /* keys are expanded, caches are warm */
	struct result r = measure(&b, seconds);
	esp_sa_free(b.out);
	esp_sa_free(b.in);
	free(b.buffers);
	return r;
}

static int by_seal(const void *a, const void *b)
{
	const struct result *x = a, *y = b;
	return (x->seal + x->open > y->seal + y->open) - (x->seal + x->open < y->seal + y->open);
}

static void print_half(double seconds, const double *stages, uint32_t length)
{
	printf("  %6.2f %6.1f  %3.0f/%3.0f/%3.0f%%", 1e-6 / seconds, length * 8e-9 / seconds,
	        100 * stages[0] / seconds, 100 * stages[1] / seconds, 100 * stages[2] / seconds);
}

static void print_row(const struct suite *suite, const char *backend, const struct result *results, size_t n,
        uint32_t length)
{
	struct esp_sa *sa = new_sa(suite, false);
	const struct result *r = &results[n / 2];
	printf("  %-18s %-9s", esp_sa_suite(sa), backend);
	print_half(r->seal, r->seal_stage, length);
	print_half(r->open, r->open_stage, length);
	printf("  +-%.0f%%\n",
	        50 * (results[n - 1].seal + results[n - 1].open - results[0].seal - results[0].open) /
	                (r->seal + r->open));
	esp_sa_free(sa);
}

int main(int argc, char **argv)
{
	must(argc == 4, "usage: esp LENGTH RUNS MILLISECONDS");
	unsigned long length = strtoul(argv[1], NULL, 10), runs = strtoul(argv[2], NULL, 10),
	              ms = strtoul(argv[3], NULL, 10);
	must(length > 0 && length <= ROOM - FRONT - ESP_TAILROOM_MAX && runs > 0 && runs <= RUNS_MAX &&
	                ms > 0 && ms <= MILLISECONDS_MAX,
	        "a number is out of range");
	struct esp_worker *workers[2];
	size_t n_workers = 1;
	must(esp_worker_new(0, ESP_BACKEND_OPENSSL, &workers[0], NULL) == 0, "no OpenSSL backend");
	if (esp_worker_new(1, ESP_BACKEND_IPSEC_MB, &workers[1], NULL) == 0)
		n_workers = 2;
	else
		printf("  ipsec-mb is not here: OpenSSL alone\n");
	printf("  %-18s %-9s  %-29s  %s\n", "", "", "seal: Mpps, Gb/s, share", "open: Mpps, Gb/s, share");
	for (size_t s = 0; s < ARRAY_LENGTH(suites); s++) {
		struct result results[2][RUNS_MAX];
		for (size_t run = 0; run < runs; run++) {
			for (size_t w = 0; w < n_workers; w++)
				results[w][run] = measure_suite(
				        workers[w], &suites[s], (uint32_t)length, (double)ms / 1000);
		}
		for (size_t w = 0; w < n_workers; w++) {
			qsort(results[w], runs, sizeof(results[w][0]), by_seal);
			print_row(&suites[s], esp_worker_backend(workers[w]), results[w], runs,
			        (uint32_t)length);
		}
	}
	for (size_t w = 0; w < n_workers; w++)
		esp_worker_free(workers[w]);
	return 0;
}
