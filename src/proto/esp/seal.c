/* SPDX-License-Identifier: ISC */
/* Outbound: RFC 4303 3.3. */
#include "proto/esp/esp_private.h"

#define IV_BLOCKS(n) ((n)*ESP_AES_BLOCK)
#define SOFT_SHARE 16 /* a new SA is asked for when one part in so many of the numbers is left */

static uint32_t text_length_of(const struct esp_suite *suite, uint32_t payload_length)
{
	uint32_t block = suite->block; /* a power of two */
	return (payload_length + ESP_TRAILER_LENGTH + block - 1) & ~(block - 1);
}

/* Makes a job of the packet if the packet has the room. */
static bool place(struct esp_job *job, struct esp_packet *p, struct esp_keys *keys)
{
	const struct esp_suite *suite = p->sa->suite;
	if (p->length > ESP_PACKET_MAX)
		return false;
	uint32_t text = text_length_of(suite, p->length), front = ESP_HEADER_LENGTH + suite->iv_length;
	if (p->headroom < front || p->tailroom < text - p->length + suite->icv_length ||
	        front + text + suite->icv_length > ESP_PACKET_MAX)
		return false;
	job->packet = p;
	job->sa = p->sa;
	job->keys = keys;
	job->header = p->data - front;
	job->text_length = text;
	job->done = false;
	return true;
}

/* Takes up to n sequence numbers; returns how many there were. The counter never passes the limit, so that no
 * number and no explicit IV is ever used twice: RFC 4303 3.3.3, RFC 4106 3.1. */
static size_t take_numbers(struct esp_sa *sa, size_t n, uint64_t *ret_first)
{
	uint64_t last = atomic_load_explicit(&sa->sequence, memory_order_relaxed), taken;
	do
		taken = MIN(n, sa->sequence_limit - last);
	while (!atomic_compare_exchange_weak_explicit(
	        &sa->sequence, &last, last + taken, memory_order_relaxed, memory_order_relaxed));
	uint64_t left = sa->sequence_limit - last - taken;
	if (left < sa->sequence_limit / SOFT_SHARE)
		esp_sa_reach(sa, left ? ESP_REACHED_SOFT : ESP_REACHED_SOFT | ESP_REACHED_HARD);
	*ret_first = last + 1;
	return (size_t)taken;
}

/* SPI, number, IV of an AEAD, padding 1, 2, 3, ..., pad length, next header: RFC 4303 2. */
static void write_fields(struct esp_job *job, uint64_t sequence)
{
	const struct esp_packet *p = job->packet;
	job->sequence = sequence;
	esp_store_u32(job->header, job->sa->spi);
	esp_store_u32(job->header + 4, (uint32_t)sequence);
	if (esp_suite_is_aead(job->sa->suite))
		esp_store_u64(esp_job_iv(job), sequence);
	uint32_t padding = job->text_length - p->length - ESP_TRAILER_LENGTH;
	uint8_t *end = p->data + p->length;
	for (uint32_t i = 0; i < padding; i++)
		end[i] = (uint8_t)(i + 1);
	end[padding] = (uint8_t)padding;
	end[padding + 1] = p->next_header;
}

static bool write_cbc_ivs(struct esp_job *jobs, size_t n)
{
	uint8_t blocks[IV_BLOCKS(ESP_BATCH_MAX)];
	memset(blocks, 0, IV_BLOCKS(n));
	for (size_t i = 0; i < n; i++)
		esp_store_u64(blocks + IV_BLOCKS(i), jobs[i].sequence);
	int length;
	if (EVP_EncryptUpdate(jobs[0].keys->iv, blocks, &length, blocks, (int)IV_BLOCKS(n)) != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		memcpy(esp_job_iv(&jobs[i]), blocks + IV_BLOCKS(i), ESP_AES_BLOCK);
	return true;
}

static void refuse(struct esp_packet *p, struct esp_sa *sa)
{
	p->status = ESP_REFUSED;
	if (sa)
		esp_count(&sa->counters.refused, 1);
}

static void expire(const struct esp_job *jobs, size_t n, struct esp_sa *sa)
{
	for (size_t i = 0; i < n; i++)
		jobs[i].packet->status = ESP_EXPIRED;
	if (n)
		esp_count(&sa->counters.expired, n);
}

/* jobs[0..n) have room and are of one SA. Returns how many go on; they are the first. */
static size_t number(struct esp_job *jobs, size_t n, struct esp_sa *sa)
{
	struct esp_tally tally;
	uint64_t first;
	size_t allowed = 0;
	esp_tally_begin(&tally, sa);
	while (allowed < n && esp_tally_add(&tally, sa, jobs[allowed].packet->length))
		allowed++;
	size_t taken = take_numbers(sa, allowed, &first);
	for (size_t i = taken; i < allowed; i++) {
		tally.more_packets--;
		tally.more_bytes -= jobs[i].packet->length;
	}
	esp_tally_end(&tally, sa);
	expire(jobs + taken, n - taken, sa);
	for (size_t i = 0; i < taken; i++)
		write_fields(&jobs[i], first + i);
	return taken;
}

static void prepare_run(struct esp_worker *worker, struct esp_packet *packets, size_t n)
{
	struct esp_sa *sa = packets[0].sa;
	struct esp_keys *keys = sa && !sa->inbound ? esp_worker_keys(worker, sa) : NULL;
	struct esp_job *jobs = worker->jobs + worker->n_jobs;
	size_t n_jobs = 0;
	for (size_t i = 0; i < n; i++) {
		if (keys && place(&jobs[n_jobs], &packets[i], keys))
			n_jobs++;
		else
			refuse(&packets[i], sa);
	}
	if (n_jobs)
		n_jobs = number(jobs, n_jobs, sa);
	if (n_jobs && keys->iv && !write_cbc_ivs(jobs, n_jobs)) {
		for (size_t i = 0; i < n_jobs; i++)
			refuse(jobs[i].packet, sa);
		n_jobs = 0;
	}
	worker->n_jobs += n_jobs;
}

void esp_seal_prepare(struct esp_worker *worker, struct esp_packet *packets, size_t n)
{
	worker->n_jobs = 0;
	for (size_t at = 0, end; at < n; at = end) {
		for (end = at + 1; end < n && packets[end].sa == packets[at].sa; end++)
			;
		prepare_run(worker, packets + at, end - at);
	}
}

size_t esp_seal_finish(struct esp_worker *worker)
{
	size_t good = 0;
	for (size_t i = 0; i < worker->n_jobs; i++) {
		struct esp_job *job = &worker->jobs[i];
		struct esp_packet *p = job->packet;
		if (!job->done) {
			refuse(p, p->sa);
			continue;
		}
		p->data = job->header;
		p->length = (uint32_t)(esp_job_icv(job) - job->header) + job->sa->suite->icv_length;
		p->sequence = job->sequence;
		p->status = ESP_OK;
		good++;
	}
	return good;
}

size_t esp_seal(struct esp_worker *worker, struct esp_packet *packets, size_t n)
{
	size_t good = 0;
	for (size_t at = 0; at < n; at += ESP_BATCH_MAX) {
		esp_seal_prepare(worker, packets + at, MIN(n - at, ESP_BATCH_MAX));
		worker->backend->seal(worker);
		good += esp_seal_finish(worker);
	}
	return good;
}
