/* SPDX-License-Identifier: ISC */
/*
 * Inbound: RFC 4303 3.4. The number is looked at before the ICV, which is cheap and stops floods of old
 * packets; the window moves after the ICV was found right, and the number is looked at again then, because in
 * between another worker, or an earlier packet of this batch, may have brought it.
 */
#include "proto/esp/esp_private.h"

static void drop(struct esp_packet *p, enum esp_status status, _Atomic uint64_t *counter)
{
	p->status = (uint8_t)status;
	esp_count(counter, 1);
}

/* Makes a job of the packet, or sets its status. With the SA's lock held. */
static bool place(struct esp_job *job, struct esp_packet *p, struct esp_keys *keys)
{
	struct esp_sa *sa = p->sa;
	const struct esp_suite *suite = sa->suite;
	uint32_t around = ESP_HEADER_LENGTH + suite->iv_length + suite->icv_length;
	if (p->length < around + suite->block || (p->length - around) & (suite->block - 1u)) {
		drop(p, ESP_TOO_SHORT, &sa->counters.too_short);
		return false;
	}
	if (p->length > ESP_PACKET_MAX || esp_load_u32(p->data) != sa->spi) {
		drop(p, ESP_REFUSED, &sa->counters.refused);
		return false;
	}
	if (!esp_replay_infer(&sa->replay, esp_load_u32(p->data + 4), &job->sequence) ||
	        !esp_replay_is_new(&sa->replay, job->sequence)) {
		drop(p, ESP_REPLAYED, &sa->counters.replayed);
		return false;
	}
	job->packet = p;
	job->sa = sa;
	job->keys = keys;
	job->header = p->data;
	job->text_length = p->length - around;
	job->done = false;
	return true;
}

static void drop_run(struct esp_packet *packets, size_t n, enum esp_status status, _Atomic uint64_t *counter)
{
	for (size_t i = 0; i < n; i++)
		packets[i].status = (uint8_t)status;
	if (counter)
		esp_count(counter, n);
}

static void prepare_run(struct esp_worker *worker, struct esp_packet *packets, size_t n)
{
	struct esp_sa *sa = packets[0].sa;
	struct esp_keys *keys = sa && sa->inbound ? esp_worker_keys(worker, sa) : NULL;
	if (!keys) {
		drop_run(packets, n, ESP_REFUSED, sa ? &sa->counters.refused : NULL);
		return;
	}
	if (atomic_load_explicit(&sa->reached, memory_order_relaxed) & ESP_REACHED_HARD) {
		drop_run(packets, n, ESP_EXPIRED, &sa->counters.expired);
		return;
	}
	pthread_mutex_lock(&sa->lock);
	for (size_t i = 0; i < n; i++)
		worker->n_jobs += place(&worker->jobs[worker->n_jobs], &packets[i], keys);
	pthread_mutex_unlock(&sa->lock);
}

void esp_open_prepare(struct esp_worker *worker, struct esp_packet *packets, size_t n)
{
	worker->n_jobs = 0;
	for (size_t at = 0, end; at < n; at = end) {
		for (end = at + 1; end < n && packets[end].sa == packets[at].sa; end++)
			;
		prepare_run(worker, packets + at, end - at);
	}
}

/* The window, for a run of one SA. done stays true where the packet goes on. */
static void accept_numbers(struct esp_job *jobs, size_t n, struct esp_sa *sa)
{
	for (size_t i = 0; i < n; i++) {
		if (!jobs[i].done)
			drop(jobs[i].packet, ESP_BAD_ICV, &sa->counters.bad_icv);
	}
	pthread_mutex_lock(&sa->lock);
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].done && !esp_replay_accept(&sa->replay, jobs[i].sequence)) {
			jobs[i].done = false;
			drop(jobs[i].packet, ESP_REPLAYED, &sa->counters.replayed);
		}
	}
	pthread_mutex_unlock(&sa->lock);
}

/* The length of the payload; false if the padding is not 1, 2, 3, ... or longer than the text: RFC 4303 2.4.
 */
static bool read_trailer(const struct esp_job *job, uint32_t *ret_length, uint8_t *ret_next_header)
{
	const uint8_t *text = esp_job_text(job);
	uint32_t length = job->text_length - ESP_TRAILER_LENGTH, padding = text[length];
	if (padding > length)
		return false;
	length -= padding;
	for (uint32_t i = 0; i < padding; i++) {
		if (text[length + i] != i + 1)
			return false;
	}
	*ret_length = length;
	*ret_next_header = text[job->text_length - 1];
	return true;
}

/* A packet that is authentic and new. Returns 1 if it is to be passed on. */
static size_t finish_one(struct esp_job *job, struct esp_sa *sa, struct esp_tally *tally)
{
	struct esp_packet *p = job->packet;
	uint32_t length;
	uint8_t next_header;
	if (!read_trailer(job, &length, &next_header)) {
		drop(p, ESP_BAD_PADDING, &sa->counters.bad_padding);
		return 0;
	}
	if (!esp_tally_add(tally, sa, length)) {
		drop(p, ESP_EXPIRED, &sa->counters.expired);
		return 0;
	}
	p->data = esp_job_text(job);
	p->length = length;
	p->next_header = next_header;
	p->sequence = job->sequence;
	p->status = ESP_OK;
	if (next_header != ESP_NEXT_HEADER_DUMMY)
		return 1;
	drop(p, ESP_DUMMY, &sa->counters.dummies);
	return 0;
}

size_t esp_open_finish(struct esp_worker *worker)
{
	size_t good = 0;
	struct esp_job *jobs = worker->jobs;
	for (size_t at = 0, end; at < worker->n_jobs; at = end) {
		struct esp_sa *sa = jobs[at].packet->sa;
		for (end = at + 1; end < worker->n_jobs && jobs[end].sa == sa; end++)
			;
		struct esp_tally tally;
		accept_numbers(jobs + at, end - at, sa);
		esp_tally_begin(&tally, sa);
		for (size_t i = at; i < end; i++)
			good += jobs[i].done ? finish_one(&jobs[i], sa, &tally) : 0;
		esp_tally_end(&tally, sa);
	}
	return good;
}

size_t esp_open(struct esp_worker *worker, struct esp_packet *packets, size_t n)
{
	size_t good = 0;
	for (size_t at = 0; at < n; at += ESP_BATCH_MAX) {
		esp_open_prepare(worker, packets + at, MIN(n - at, ESP_BATCH_MAX));
		worker->backend->open(worker);
		good += esp_open_finish(worker);
	}
	return good;
}
