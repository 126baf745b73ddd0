/* SPDX-License-Identifier: ISC */
/*
 * Accounting-Requests (RFC 2866): every record goes into the spool first, is told when it is durable there,
 * and leaves it when a server has acknowledged it; so whatever a server has heard of, a loss of power does
 * not make us forget. A disk that is slow holds up what is told and nothing else. Records of one session are
 * told in their order, one at a time; those of different sessions beside each other. Acct-Delay-Time is
 * reckoned from the event, over restarts too.
 */
#include "softwire/aaa_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD_HEADER 17 /* event, key, status */
/* Many records share one fdatasync(), which may take milliseconds. */
#define SYNC_MS 200
#define RETRY_MS 2000

static void pump(struct aaa *a);

static void flight_end(struct aaa_flight *f)
{
	struct aaa *a = f->aaa;
	aaa_spool_done(a->spool, f->sequence);
	free(f->record);
	f->record = NULL;
	f->is_used = false;
	if (a->on_flushed && aaa_spool_waiting(a->spool) == 0)
		event_active(a->flush_timer, EV_TIMEOUT, 0);
}

static void retry_later(struct aaa_flight *f)
{
	const struct timeval pause = { RETRY_MS / 1000, RETRY_MS % 1000 * 1000 };
	event_add(f->retry, &pause);
}

static void on_acknowledged(void *user, const struct radius_packet *answer, unsigned server)
{
	struct aaa_flight *f = user;
	struct aaa *a = f->aaa;
	f->call = NULL;
	if (!answer) {
		retry_later(f);
		return;
	}
	a->numbers.accounting_sent++;
	flight_end(f);
	pump(a);
}

static void flight_send(struct aaa_flight *f)
{
	struct aaa *a = f->aaa;
	struct reader r = rd_make(f->record, f->length);
	int64_t age = (clock_wall_ms() - (time_ms)rd_u64(&r)) / 1000;
	const struct radius_request ask = { .code = RADIUS_ACCOUNTING_REQUEST,
		.attributes = f->record + RECORD_HEADER,
		.length = f->length - RECORD_HEADER,
		.delay_s = (uint32_t)(age < 0 ? 0 : MIN(age, INT32_MAX)),
		.server = -1 };
	int e = radius_servers_call(a->servers, &ask, on_acknowledged, f, &f->call);
	if (e == -EAGAIN) {
		retry_later(f);
	} else if (e < 0) { /* it can never be sent */
		a->numbers.accounting_failed++;
		flight_end(f);
	}
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
	flight_send(user);
}

/* A record of the same session that has no answer yet must have one before. */
static struct aaa_flight *find_flight(struct aaa *a, uint64_t key)
{
	struct aaa_flight *unused = NULL;
	for (size_t i = 0; i < AAA_ACCOUNTING_WINDOW; i++) {
		struct aaa_flight *f = &a->flights[i];
		if (f->is_used && f->key == key)
			return NULL;
		if (!f->is_used)
			unused = f;
	}
	return unused;
}

static bool send_next(struct aaa *a)
{
	uint8_t record[AAA_RECORD_MAX];
	uint64_t number;
	size_t length;
	if (aaa_spool_peek(a->spool, record, &length, &number) < 0 || number >= a->durable)
		return false;
	struct reader r = rd_make(record, length);
	(void)rd_u64(&r);
	uint64_t key = rd_u64(&r);
	(void)rd_u8(&r);
	struct aaa_flight *f = find_flight(a, key);
	if (!f)
		return false;
	aaa_spool_take(a->spool);
	f->is_used = true;
	f->key = key;
	f->sequence = number;
	f->length = length;
	f->record = xmemdup(record, length);
	if (rd_failed(&r)) {
		a->numbers.accounting_failed++;
		flight_end(f);
	} else {
		flight_send(f);
	}
	return true;
}

static void pump(struct aaa *a)
{
	if (!a->spool || a->is_pumping)
		return;
	a->is_pumping = true;
	while (send_next(a))
		;
	a->is_pumping = false;
}

static void run_sync(struct work *w)
{
	struct aaa_sync *s = (struct aaa_sync *)(void *)w;
	for (size_t i = 0; i < s->n; i++) {
		if (fdatasync(s->fds[i]) < 0)
			s->error = -errno;
		close(s->fds[i]);
	}
}

/* What could not be made durable is told all the same: better by a memory that may be lost than not at all.
 */
static void synced(struct work *w)
{
	struct aaa_sync *s = (struct aaa_sync *)(void *)w;
	struct aaa *a = s->aaa;
	s->is_under_way = false;
	a->durable = s->upto;
	if (s->error < 0)
		aaa_complain_once(a, "cannot be written to disk", s->error);
	if (a->is_dirty)
		event_active(a->sync_timer, EV_TIMEOUT, 0);
	pump(a);
}

static void on_sync(evutil_socket_t fd, short what, void *user)
{
	struct aaa *a = user;
	struct aaa_sync *s = &a->sync;
	int journal = -1;
	if (s->is_under_way)
		return; /* another one follows it */
	a->is_dirty = false;
	s->is_under_way = true;
	s->error = a->journal ? aaa_journal_begin_sync(a->journal, &journal) : 0;
	s->n = 0;
	if (journal >= 0)
		s->fds[s->n++] = journal;
	s->n += a->spool ? aaa_spool_begin_sync(a->spool, s->fds + s->n) : 0;
	s->upto = a->spool ? aaa_spool_next(a->spool) : 0;
	if (a->handlers.disk && s->n) {
		workers_submit(a->handlers.disk, &s->work);
		return;
	}
	run_sync(&s->work);
	synced(&s->work);
}

void aaa_sync_soon(struct aaa *a)
{
	const struct timeval pause = { 0, SYNC_MS * 1000 };
	if (!a->is_dirty)
		event_add(a->sync_timer, &pause);
	a->is_dirty = true;
}

void aaa_complain_once(struct aaa *a, const char *what, int error)
{
	if (!a->has_complained)
		aaa_notice(a, "accounting: %s: %s", what, strerror(-error));
	a->has_complained = true;
}

static void dropped(struct aaa *a, int error)
{
	a->numbers.accounting_dropped++;
	aaa_complain_once(a,
	        error == -ENOSPC ? "records are being lost, accounting_spool_max or the disk is full"
	                         : "records are being lost",
	        error);
}

/* Interim records leave the last quarter to starts and stops. */
static bool has_room(const struct aaa *a, enum radius_status status)
{
	uint64_t max = (uint64_t)a->options.spool_max;
	return status != RADIUS_INTERIM || aaa_spool_bytes(a->spool) < max - max / 4;
}

void aaa_accounting_tell(struct aaa *a, uint64_t key, enum radius_status status, time_ms event,
        const struct writer *attributes)
{
	struct writer w = wr_make(AAA_RECORD_MAX);
	if (!a->has_accounting)
		return;
	wr_u64(&w, (uint64_t)event);
	wr_u64(&w, key);
	wr_u8(&w, (uint8_t)status);
	wr_bytes(&w, attributes->data, attributes->length);
	int r = wr_failed(&w) || wr_failed(attributes) ? -EMSGSIZE : 0;
	if (r == 0)
		r = has_room(a, status) ? aaa_spool_append(a->spool, w.data, w.length) : -ENOSPC;
	wr_free(&w);
	if (r < 0) {
		dropped(a, r);
		return;
	}
	a->has_complained = false;
	aaa_sync_soon(a);
}

/* RFC 2866, 5.1: the concentrator comes or goes. */
void aaa_accounting_switch(struct aaa *a, enum radius_status status)
{
	struct writer w = wr_make(AAA_BLOB_MAX);
	time_ms now = clock_wall_ms();
	radius_write_u32(&w, RADIUS_ACCT_STATUS_TYPE, status);
	radius_write_text(&w, RADIUS_NAS_IDENTIFIER, a->settings.nas_identifier);
	radius_write_text(&w, RADIUS_ACCT_SESSION_ID, a->id_prefix);
	radius_write_u32(&w, RADIUS_EVENT_TIMESTAMP, (uint32_t)(now / 1000));
	wr_bytes(&w, a->settings.attributes.data, a->settings.attributes.length);
	aaa_accounting_tell(a, 0, status, now, &w);
	wr_free(&w);
}

static void remember_stop(void *user, const uint8_t *record, size_t length)
{
	struct aaa *a = user;
	struct reader r = rd_make(record, length);
	(void)rd_u64(&r);
	uint64_t key = rd_u64(&r);
	if (rd_u8(&r) == RADIUS_STOP && !rd_failed(&r))
		table_set(a->stopped, &key, sizeof(key), a);
}

bool aaa_accounting_has_stop(const struct aaa *a, uint64_t key)
{
	return a->stopped && table_get(a->stopped, &key, sizeof(key));
}

void aaa_accounting_forget_stops(struct aaa *a)
{
	a->stopped = table_free(a->stopped, NULL);
}

static void on_flush(evutil_socket_t fd, short what, void *user)
{
	struct aaa *a = user;
	void (*on_flushed)(void *user) = a->on_flushed;
	a->on_flushed = NULL;
	event_del(a->flush_timer);
	if (on_flushed)
		on_flushed(a->flush_user);
}

void aaa_flush(struct aaa *a, void (*on_done)(void *user), void *user)
{
	const struct timeval longest = { AAA_FLUSH_MS / 1000, AAA_FLUSH_MS % 1000 * 1000 };
	aaa_accounting_switch(a, RADIUS_ACCOUNTING_OFF);
	a->on_flushed = on_done;
	a->flush_user = user;
	event_add(a->flush_timer, &longest);
	event_active(a->sync_timer, EV_TIMEOUT, 0); /* the last records have nothing to wait for */
	if (!a->spool || aaa_spool_waiting(a->spool) == 0)
		event_active(a->flush_timer, EV_TIMEOUT, 0);
}

int aaa_accounting_open(struct aaa *a, const char *directory, struct error *err)
{
	a->sync_timer = event_new(a->base, -1, 0, on_sync, a);
	a->flush_timer = event_new(a->base, -1, 0, on_flush, a);
	a->stopped = table_new();
	a->sync = (struct aaa_sync){ .work = { .run = run_sync, .done = synced }, .aaa = a };
	for (size_t i = 0; i < AAA_ACCOUNTING_WINDOW; i++) {
		a->flights[i].aaa = a;
		a->flights[i].retry = event_new(a->base, -1, 0, on_retry, &a->flights[i]);
	}
	if (!a->has_accounting)
		return 0;
	int r = aaa_spool_open(directory, (uint64_t)a->options.spool_max, remember_stop, a, &a->spool, err);
	a->durable = r == 0 ? aaa_spool_next(a->spool) : 0;
	return r;
}

void aaa_accounting_resume(struct aaa *a)
{
	pump(a);
}

void aaa_accounting_close(struct aaa *a)
{
	for (size_t i = 0; i < AAA_ACCOUNTING_WINDOW; i++) {
		struct aaa_flight *f = &a->flights[i];
		if (f->call)
			radius_servers_cancel(a->servers, f->call);
		if (f->retry)
			event_free(f->retry);
		free(f->record);
	}
	a->stopped = table_free(a->stopped, NULL);
	a->spool = aaa_spool_close(a->spool);
	if (a->sync_timer)
		event_free(a->sync_timer);
	if (a->flush_timer)
		event_free(a->flush_timer);
}
