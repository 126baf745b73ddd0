/* SPDX-License-Identifier: ISC */
/*
 * Accounts: the sessions as accounting knows them, and the journal of those that are open. The journal comes
 * before the start record, and forgets after the stop record: whatever step a crash comes between, a session
 * that was told to have started is told to have stopped.
 */
#include "softwire/aaa_private.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum journal_kind { JOURNAL_OPEN = 1, JOURNAL_NOTE = 2, JOURNAL_CLOSE = 3 };

static uint64_t key_of(const char *id)
{
	static const uint64_t key[2] = { 0x61636374, 0x2d736964 };
	return hash_bytes(key, id, strlen(id)) | 1; /* 0 is the concentrator's own */
}

static void forget(struct aaa_account *a)
{
	table_remove_string(a->aaa->accounts, a->id);
	aaa_wheel_remove(&a->due);
	LIST_REMOVE(a, same_user);
	struct aaa_account_list *same = table_get_string(a->aaa->by_user, a->user);
	if (same && LIST_EMPTY(same))
		free(table_remove_string(a->aaa->by_user, a->user));
	free(a->user);
	free(a->blob);
	free(a);
}

static struct aaa_account *account_new(struct aaa *aaa, const char *id, const char *user)
{
	struct aaa_account *a = xcalloc(1, sizeof(*a));
	struct aaa_account_list *same = table_get_string(aaa->by_user, user);
	a->aaa = aaa;
	snprintf(a->id, sizeof(a->id), "%s", id);
	a->key = key_of(a->id);
	a->user = xstrdup(user);
	if (!same) {
		same = xcalloc(1, sizeof(*same));
		table_set_string(aaa->by_user, user, same);
	}
	LIST_INSERT_HEAD(same, a, same_user);
	table_set_string(aaa->accounts, a->id, a);
	return a;
}

/* The journal. */

static int journal_write(struct aaa_account *a, enum journal_kind kind, bool later)
{
	struct writer w = wr_make(AAA_RECORD_MAX);
	size_t n = strlen(a->id), user = strlen(a->user);
	wr_u8(&w, (uint8_t)kind);
	wr_u8(&w, (uint8_t)n);
	wr_bytes(&w, a->id, n);
	if (kind == JOURNAL_OPEN) {
		wr_u64(&w, (uint64_t)a->started);
		wr_u32(&w, a->interim_s);
		wr_u8(&w, (uint8_t)user);
		wr_bytes(&w, a->user, user);
		wr_u16(&w, (uint16_t)a->port_length);
		wr_u16(&w, (uint16_t)a->blob_length);
		wr_bytes(&w, a->blob, a->blob_length);
	} else if (kind == JOURNAL_NOTE) {
		wr_u64(&w, (uint64_t)a->noted);
		wr_u64(&w, a->usage.bytes_in);
		wr_u64(&w, a->usage.bytes_out);
		wr_u64(&w, a->usage.packets_in);
		wr_u64(&w, a->usage.packets_out);
	}
	int r = wr_failed(&w) ? -EMSGSIZE
	        : later       ? aaa_journal_append_later(a->aaa->journal, w.data, w.length)
	                      : aaa_journal_append(a->aaa->journal, w.data, w.length);
	wr_free(&w);
	return r;
}

static int emit_live(struct aaa_journal *j, void *user)
{
	struct aaa *aaa = user;
	int r = 0;
	TABLE_FOREACH(it, aaa->accounts) {
		struct aaa_account *a = it.value;
		if (r == 0 && !a->is_closed)
			r = journal_write(a, JOURNAL_OPEN, true);
		if (r == 0 && !a->is_closed && a->noted)
			r = journal_write(a, JOURNAL_NOTE, true);
	}
	return r;
}

/* later: together with others, as many come at once and the next will bring the same. */
static void journal(struct aaa_account *a, enum journal_kind kind, bool later)
{
	struct aaa *aaa = a->aaa;
	struct error err;
	int r = journal_write(a, kind, later);
	a->is_closed = kind == JOURNAL_CLOSE;
	if (r < 0)
		aaa_complain_once(aaa, "the journal of open sessions", r);
	else if (aaa_journal_is_long(aaa->journal, table_count(aaa->accounts)) &&
	        aaa_journal_rewrite(aaa->journal, emit_live, aaa, &err) < 0)
		aaa_notice(aaa, "accounting: %s", err.text);
	aaa_sync_soon(aaa);
}

static void read_open(struct aaa *aaa, const char *id, struct reader *r)
{
	char user[AAA_TEXT_MAX + 1];
	time_ms started = (time_ms)rd_u64(r);
	uint32_t interim_s = rd_u32(r);
	uint8_t user_length = rd_u8(r);
	const uint8_t *name = rd_bytes(r, user_length);
	uint16_t port_length = rd_u16(r), blob_length = rd_u16(r);
	const uint8_t *blob = rd_bytes(r, blob_length);
	if (rd_failed(r) || user_length > AAA_TEXT_MAX || port_length > blob_length ||
	        blob_length > AAA_BLOB_MAX)
		return;
	memcpy(user, name, user_length);
	user[user_length] = '\0';
	struct aaa_account *a = table_get_string(aaa->accounts, id);
	if (!a && table_count(aaa->accounts) >= AAA_ACCOUNTS_MAX)
		return;
	if (!a)
		a = account_new(aaa, id, user);
	a->started = started;
	a->interim_s = interim_s;
	free(a->blob);
	a->blob = xmemdup(blob, blob_length);
	a->blob_length = blob_length;
	a->port_length = port_length;
}

static void read_note(struct aaa_account *a, struct reader *r)
{
	time_ms noted = (time_ms)rd_u64(r);
	struct aaa_usage u = { .bytes_in = rd_u64(r) };
	u.bytes_out = rd_u64(r);
	u.packets_in = rd_u64(r);
	u.packets_out = rd_u64(r);
	if (rd_failed(r))
		return;
	a->noted = noted;
	a->usage = u;
}

static void on_record(void *user, const uint8_t *record, size_t length)
{
	struct aaa *aaa = user;
	struct reader r = rd_make(record, length);
	char id[AAA_ID_SIZE];
	uint8_t kind = rd_u8(&r), n = rd_u8(&r);
	const uint8_t *text = rd_bytes(&r, n);
	if (rd_failed(&r) || n == 0 || n >= sizeof(id))
		return;
	memcpy(id, text, n);
	id[n] = '\0';
	struct aaa_account *a = table_get_string(aaa->accounts, id);
	if (kind == JOURNAL_OPEN)
		read_open(aaa, id, &r);
	else if (kind == JOURNAL_NOTE && a)
		read_note(a, &r);
	else if (kind == JOURNAL_CLOSE && a)
		forget(a);
}

/* What is told. */

static void tell(struct aaa_account *a, enum radius_status status, time_ms event, unsigned cause)
{
	struct writer w = wr_make(AAA_RECORD_MAX);
	radius_write_u32(&w, RADIUS_ACCT_STATUS_TYPE, status);
	wr_bytes(&w, a->blob, a->blob_length);
	radius_write_u32(&w, RADIUS_EVENT_TIMESTAMP, (uint32_t)(event / 1000));
	if (status != RADIUS_START) {
		aaa_write_usage(&w, &a->usage);
		int64_t elapsed = a->is_open ? clock_monotonic_ms() - a->began : event - a->started;
		radius_write_u32(&w, RADIUS_ACCT_SESSION_TIME, (uint32_t)(MAX(elapsed, 0) / 1000));
	}
	if (status == RADIUS_STOP)
		radius_write_u32(&w, RADIUS_ACCT_TERMINATE_CAUSE, cause);
	aaa_accounting_tell(a->aaa, a->key, status, event, &w);
	wr_free(&w);
}

static void set_blob(struct aaa_account *a, struct writer *w)
{
	free(a->blob);
	a->blob = xmemdup(w->data, w->length);
	a->blob_length = w->length;
	wr_free(w);
}

static void schedule(struct aaa_account *a)
{
	struct aaa *aaa = a->aaa;
	uint16_t random;
	if (!aaa->has_accounting || !a->interim_s)
		return;
	if (RAND_bytes((uint8_t *)&random, sizeof(random)) != 1)
		abort();
	uint32_t early = (uint32_t)((uint64_t)a->interim_s * random / AAA_JITTER / UINT16_MAX);
	aaa_wheel_set(&aaa->wheel, &a->due, clock_monotonic_ms() / 1000 + a->interim_s - early);
}

/* on_usage may stop any account. */
static void on_wheel(evutil_socket_t fd, short what, void *user)
{
	struct aaa *aaa = user;
	int64_t now = clock_monotonic_ms() / 1000;
	struct aaa_wheel_entry *e;
	while ((e = aaa_wheel_next(&aaa->wheel, now))) {
		struct aaa_account *a =
		        (struct aaa_account *)((uint8_t *)e - offsetof(struct aaa_account, due));
		schedule(a);
		if (a->on_usage)
			a->on_usage(a, a->user_data);
	}
}

int aaa_accounts_open(struct aaa *a, const char *directory, struct error *err)
{
	const struct timeval second = { 1, 0 };
	uint32_t random;
	if (RAND_bytes((uint8_t *)&random, sizeof(random)) != 1)
		abort();
	snprintf(a->id_prefix, sizeof(a->id_prefix), "%08x%08x", (uint32_t)(clock_wall_ms() / 1000), random);
	a->accounts = table_new();
	a->by_user = table_new();
	aaa_wheel_init(&a->wheel, clock_monotonic_ms() / 1000);
	a->wheel_timer = event_new(a->base, -1, EV_PERSIST, on_wheel, a);
	event_add(a->wheel_timer, &second);
	return aaa_journal_open(directory, "sessions", on_record, a, &a->journal, err);
}

void aaa_accounts_close(struct aaa *a)
{
	if (a->accounts)
		TABLE_FOREACH(it, a->accounts)
			forget(it.value);
	a->accounts = table_free(a->accounts, NULL);
	a->by_user = table_free(a->by_user, free);
	a->journal = aaa_journal_close(a->journal);
	if (a->wheel_timer)
		event_free(a->wheel_timer);
}

static void write_session(
        struct writer *w, struct aaa_account *a, const struct aaa_port *port, const struct writer *echo)
{
	struct aaa *aaa = a->aaa;
	radius_write_text(w, RADIUS_USER_NAME, a->user);
	radius_write_text(w, RADIUS_ACCT_SESSION_ID, a->id);
	if (port->tunnel && *port->tunnel) {
		/* Tunnels' numbers are used again; with ours before it, the text is not. */
		char *tunnel FREE_ON_EXIT = xasprintf("%s-%s", aaa->id_prefix, port->tunnel);
		radius_write_text(w, RADIUS_ACCT_MULTI_SESSION_ID, tunnel);
	}
	radius_write_u32(w, RADIUS_ACCT_AUTHENTIC,
	        echo && !aaa->settings.users ? RADIUS_AUTHENTIC_RADIUS : RADIUS_AUTHENTIC_LOCAL);
	aaa_write_port(w, &aaa->settings, port);
	if (echo)
		wr_bytes(w, echo->data, echo->length);
}

struct aaa_account *aaa_account_start(struct aaa *aaa, struct aaa_exchange *x, const struct aaa_port *port,
        const char *user, const struct aaa_addresses *addresses, aaa_usage_fn *on_usage, void *user_data)
{
	const struct writer *echo = NULL;
	uint32_t interim_s = 0;
	char id[AAA_ID_SIZE], name[AAA_TEXT_MAX + 1];
	if (table_count(aaa->accounts) >= AAA_ACCOUNTS_MAX)
		return NULL;
	if (x)
		aaa_exchange_legacy(x, &user, &echo, &interim_s);
	snprintf(name, sizeof(name), "%s", user);
	snprintf(id, sizeof(id), "%s%08x", aaa->id_prefix, ++aaa->id_count);
	struct aaa_account *a = account_new(aaa, id, name);
	struct writer w = wr_make(AAA_BLOB_MAX);
	write_session(&w, a, port, echo);
	a->port_length = w.length;
	aaa_write_addresses(&w, addresses);
	set_blob(a, &w);
	a->started = clock_wall_ms();
	a->began = clock_monotonic_ms();
	a->interim_s = interim_s ? interim_s : (uint32_t)(aaa->options.interim_ms / 1000);
	a->on_usage = on_usage;
	a->user_data = user_data;
	a->is_open = true;
	journal(a, JOURNAL_OPEN, false);
	tell(a, RADIUS_START, a->started, 0);
	schedule(a);
	aaa->numbers.starts++;
	return a;
}

static void note(struct aaa_account *a, const struct aaa_usage *usage, bool later)
{
	a->usage = *usage;
	a->noted = clock_wall_ms();
	journal(a, JOURNAL_NOTE, later);
}

void aaa_account_note(struct aaa_account *a, const struct aaa_usage *usage)
{
	note(a, usage, true);
}

void aaa_account_interim(
        struct aaa_account *a, const struct aaa_usage *usage, const struct aaa_addresses *addresses)
{
	if (addresses) {
		struct writer w = wr_make(AAA_BLOB_MAX);
		wr_bytes(&w, a->blob, a->port_length);
		aaa_write_addresses(&w, addresses);
		set_blob(a, &w);
		journal(a, JOURNAL_OPEN, false);
	}
	note(a, usage, false);
	tell(a, RADIUS_INTERIM, a->noted, 0);
	a->aaa->numbers.interims++;
}

struct aaa_account *aaa_account_stop(
        struct aaa_account *a, const struct aaa_usage *usage, enum aaa_cause cause)
{
	if (!a)
		return NULL;
	a->usage = *usage;
	a->aaa->numbers.stops++;
	tell(a, RADIUS_STOP, clock_wall_ms(), cause);
	journal(a, JOURNAL_CLOSE, false);
	forget(a);
	return NULL;
}

struct aaa_account *aaa_account_leave(struct aaa_account *a)
{
	if (a)
		forget(a);
	return NULL;
}

const char *aaa_account_id(const struct aaa_account *a)
{
	return a->id;
}

void aaa_account_set_interim(struct aaa_account *a, uint32_t seconds)
{
	a->interim_s = seconds;
	schedule(a);
	journal(a, JOURNAL_OPEN, false);
}

struct aaa_account *aaa_account_resume(
        struct aaa *aaa, const char *id, aaa_usage_fn *on_usage, void *user_data)
{
	struct aaa_account *a = table_get_string(aaa->accounts, id);
	if (!a || a->is_open || aaa_accounting_has_stop(aaa, a->key))
		return NULL;
	a->on_usage = on_usage;
	a->user_data = user_data;
	a->is_open = true;
	a->began = clock_monotonic_ms() - MAX(clock_wall_ms() - a->started, 0);
	schedule(a);
	aaa->n_resumed++;
	return a;
}

size_t aaa_accounts_settle(struct aaa *aaa)
{
	size_t n = 0;
	TABLE_FOREACH(it, aaa->accounts) {
		struct aaa_account *a = it.value;
		if (a->is_open)
			continue;
		if (!aaa_accounting_has_stop(
		            aaa, a->key)) { /* else only its end was not written down any more */
			tell(a, RADIUS_STOP, MAX(a->noted, a->started),
			        aaa->n_resumed ? AAA_LOST_SERVICE : AAA_NAS_REBOOT);
			aaa->numbers.recovered++;
			n++;
		}
		journal(a, JOURNAL_CLOSE, false);
		forget(a);
	}
	aaa_accounting_forget_stops(aaa);
	if (!aaa->n_resumed)
		aaa_accounting_switch(aaa, RADIUS_ACCOUNTING_ON);
	return n;
}
