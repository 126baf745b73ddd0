/* SPDX-License-Identifier: ISC */
/* The store's records to rows and back. */
#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- nodes ---- */

void store_put_node(struct store *s, const struct store_node *n)
{
	store_write(s, SQL_PUT_NODE, "shsiiisiihiih", n->name, n->thumbprint, n->serial, n->first_seen,
	        n->last_seen, (int64_t)n->revoked, n->revoked_reason, n->revoked_at, (int64_t)n->pinned,
	        n->pin, n->inspected, (int64_t)n->posture_signed, n->posture_digest);
}

void store_put_posture(struct store *s, const char *node, const char *json, size_t length)
{
	if (length > STORE_POSTURE_MAX)
		store_poison(s, SQLITE_TOOBIG, "writing a posture");
	else
		store_write(s, SQL_PUT_POSTURE, "sb", node, json, length);
}

/* After the last row, or a callback's end: the statement is reset and the walk's result made. */
static int end_walk(struct store *s, sqlite3_stmt *st, int code, int result, struct error *err)
{
	if (st && code != SQLITE_ROW && code != SQLITE_DONE)
		result = store_sqlite_error(s, code, "reading", err);
	else if (!st)
		result = error_set(err, s->failure, "%s", s->failure_text.text);
	sqlite3_reset(st);
	return result;
}

static void read_node(sqlite3_stmt *st, struct store_node *n)
{
	n->name = store_text(st, 0);
	store_hash(st, 1, n->thumbprint);
	n->serial = store_text(st, 2);
	n->first_seen = sqlite3_column_int64(st, 3);
	n->last_seen = sqlite3_column_int64(st, 4);
	n->revoked = sqlite3_column_int(st, 5);
	n->revoked_reason = store_text(st, 6);
	n->revoked_at = sqlite3_column_int64(st, 7);
	n->pinned = sqlite3_column_int(st, 8);
	store_hash(st, 9, n->pin);
	n->inspected = sqlite3_column_int64(st, 10);
	n->posture_signed = sqlite3_column_int(st, 11);
	store_hash(st, 12, n->posture_digest);
}

int store_each_node(struct store *s, store_node_fn fn, void *context, struct error *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_EACH_NODE, "");
	int code = SQLITE_DONE, result = 0;
	while (st && result == 0 && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_node n = { 0 };
		read_node(st, &n);
		result = fn(&n, context);
	}
	return end_walk(s, st, code, result, err);
}

int store_get_posture(
        struct store *s, const char *node, char **ret_json, size_t *ret_length, struct error *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_GET_POSTURE, "s", node);
	int code = st ? sqlite3_step(st) : SQLITE_DONE;
	int result = -ENOENT;
	if (code == SQLITE_ROW) {
		const void *bytes = sqlite3_column_blob(st, 0);
		*ret_length = (size_t)sqlite3_column_bytes(st, 0);
		*ret_json = xstrndup(bytes ? bytes : "", *ret_length);
		result = 0;
	} else if (st && code == SQLITE_DONE) {
		error_set(err, result, "%s: no posture of %s is stored", s->path, node);
	}
	return end_walk(s, st, code, result, err);
}

/* ---- attachments ---- */

void store_put_attachment(struct store *s, const struct store_attachment *a)
{
	store_write(s, SQL_PUT_ATTACHMENT, "ssmsbiiiisiiish", a->enforcement_point, a->port, &a->mac, a->node,
	        a->addresses, MIN(a->n_addresses, (size_t)STORE_ADDRESSES_MAX) * sizeof(a->addresses[0]),
	        (int64_t)a->present, (int64_t)a->contested, a->first_seen, a->last_seen, a->segment,
	        (int64_t)a->compliant, a->expires, (int64_t)a->generation, a->certificate,
	        a->certificate_digest);
}

void store_remove_attachment(
        struct store *s, const char *enforcement_point, const char *port, const struct mac_address *mac)
{
	store_write(s, SQL_REMOVE_ATTACHMENT, "ssm", enforcement_point, port, mac);
}

static void read_attachment(sqlite3_stmt *st, struct store_attachment *a)
{
	a->enforcement_point = store_text(st, 0);
	a->port = store_text(st, 1);
	store_mac(st, 2, &a->mac);
	a->node = store_text(st, 3);
	const void *addresses = sqlite3_column_blob(st, 4);
	size_t n = (size_t)sqlite3_column_bytes(st, 4) / sizeof(a->addresses[0]);
	a->n_addresses = MIN(n, (size_t)STORE_ADDRESSES_MAX);
	if (addresses)
		memcpy(a->addresses, addresses, a->n_addresses * sizeof(a->addresses[0]));
	a->present = sqlite3_column_int(st, 5);
	a->contested = sqlite3_column_int(st, 6);
	a->first_seen = sqlite3_column_int64(st, 7);
	a->last_seen = sqlite3_column_int64(st, 8);
	a->segment = store_text(st, 9);
	a->compliant = sqlite3_column_int(st, 10);
	a->expires = sqlite3_column_int64(st, 11);
	a->generation = (uint64_t)sqlite3_column_int64(st, 12);
	a->certificate = store_text(st, 13);
	store_hash(st, 14, a->certificate_digest);
}

int store_each_attachment(struct store *s, store_attachment_fn fn, void *context, struct error *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_EACH_ATTACHMENT, "");
	int code = SQLITE_DONE, result = 0;
	while (st && result == 0 && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_attachment a = { 0 };
		read_attachment(st, &a);
		result = fn(&a, context);
	}
	return end_walk(s, st, code, result, err);
}

/* ---- certificates ---- */

void store_put_certificate(struct store *s, const struct store_certificate *c)
{
	store_write(s, SQL_PUT_CERTIFICATE, "ssssmsiii", c->id, c->node, c->enforcement_point, c->port,
	        &c->mac, c->segment, c->issued, c->expires, c->revoked);
}

void store_revoke_certificate(struct store *s, const char *id, time_ms now)
{
	store_write(s, SQL_REVOKE_CERTIFICATE, "is", now, id);
}

void store_revoke_serial(
        struct store *s, const char *serial, const char *node, const char *reason, time_ms now)
{
	store_write(s, SQL_REVOKE_SERIAL, "sssi", serial, node, reason, now);
}

int store_each_revoked_serial(struct store *s, store_serial_fn fn, void *context, struct error *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_EACH_SERIAL, "");
	int code = SQLITE_DONE, result = 0;
	while (st && result == 0 && (code = sqlite3_step(st)) == SQLITE_ROW)
		result = fn(store_text(st, 0), sqlite3_column_int64(st, 1), context);
	return end_walk(s, st, code, result, err);
}

/* ---- decisions ---- */

void store_put_decision(struct store *s, const struct store_decision *d)
{
	if (d->findings && strlen(d->findings) > STORE_FINDINGS_MAX) {
		store_poison(s, SQLITE_TOOBIG, "writing a decision");
		return;
	}
	store_write(s, SQL_PUT_DECISION, "isssmiisssiiiiiis", (int64_t)d->generation, d->node,
	        d->enforcement_point, d->port, &d->mac, d->made, d->expires, d->cause, d->segment, d->rule,
	        (int64_t)d->level, (int64_t)d->compliant, (int64_t)d->rejected,
	        (int64_t)d->policy_fingerprint, (int64_t)d->advisory_generation, (int64_t)d->n_findings,
	        d->findings);
	store_write(s, SQL_PRUNE_DECISIONS, "si", d->node, (int64_t)STORE_DECISIONS_PER_NODE);
}

static void read_decision(sqlite3_stmt *st, struct store_decision *d)
{
	d->generation = (uint64_t)sqlite3_column_int64(st, 0);
	d->node = store_text(st, 1);
	d->enforcement_point = store_text(st, 2);
	d->port = store_text(st, 3);
	store_mac(st, 4, &d->mac);
	d->made = sqlite3_column_int64(st, 5);
	d->expires = sqlite3_column_int64(st, 6);
	d->cause = store_text(st, 7);
	d->segment = store_text(st, 8);
	d->rule = store_text(st, 9);
	d->level = sqlite3_column_int(st, 10);
	d->compliant = sqlite3_column_int(st, 11);
	d->rejected = sqlite3_column_int(st, 12);
	d->policy_fingerprint = (uint64_t)sqlite3_column_int64(st, 13);
	d->advisory_generation = (uint64_t)sqlite3_column_int64(st, 14);
	d->n_findings = (size_t)sqlite3_column_int64(st, 15);
	d->findings = store_text(st, 16);
}

int store_each_decision(struct store *s, const char *node, size_t limit, bool with_findings,
        store_decision_fn fn, void *context, struct error *err)
{
	sqlite3_stmt *st = store_bind(s, node ? SQL_EACH_DECISION : SQL_EACH_DECISION_OF_ALL, "sii", node,
	        (int64_t)with_findings, (int64_t)limit);
	int code = SQLITE_DONE, result = 0;
	while (st && result == 0 && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_decision d = { 0 };
		read_decision(st, &d);
		result = fn(&d, context);
	}
	return end_walk(s, st, code, result, err);
}

/* ---- events ---- */

int64_t store_put_event(struct store *s, const struct store_event *e)
{
	store_write(s, SQL_PUT_EVENT, "issssms", e->at, e->kind, e->node, e->enforcement_point, e->port,
	        &e->mac, e->text);
	if (s->failure)
		return 0;
	int64_t id = sqlite3_last_insert_rowid(s->db);
	if (id > STORE_EVENTS_MAX && id % 64 == 0)
		store_write(s, SQL_PRUNE_EVENTS, "i", id - STORE_EVENTS_MAX);
	return id;
}

static void read_event(sqlite3_stmt *st, struct store_event *e)
{
	e->id = sqlite3_column_int64(st, 0);
	e->at = sqlite3_column_int64(st, 1);
	e->kind = store_text(st, 2);
	e->node = store_text(st, 3);
	e->enforcement_point = store_text(st, 4);
	e->port = store_text(st, 5);
	store_mac(st, 6, &e->mac);
	e->text = store_text(st, 7);
}

int store_each_event(
        struct store *s, int64_t after, size_t limit, store_event_fn fn, void *context, struct error *err)
{
	sqlite3_stmt *st = after < 0 ? store_bind(s, SQL_NEWEST_EVENTS, "i", (int64_t)limit)
	                             : store_bind(s, SQL_EACH_EVENT, "ii", after, (int64_t)limit);
	int code = SQLITE_DONE, result = 0;
	while (st && result == 0 && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_event e = { 0 };
		read_event(st, &e);
		result = fn(&e, context);
	}
	return end_walk(s, st, code, result, err);
}

/* ---- tokens ---- */

int store_put_token(struct store *s, const struct store_token *t, time_ms now, struct error *err)
{
	sqlite3_stmt *st = store_turn(s) ? store_bind(s, SQL_COUNT_TOKENS, "i", now) : NULL;
	int64_t there = st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	sqlite3_reset(st);
	if (there < 0)
		return error_set(err, s->failure ? s->failure : -EIO,
		        "%s: the enrolment tokens cannot be counted", s->path);
	if (there >= STORE_TOKENS_MAX)
		return error_set(err, -ENOSPC, "there are %d unused enrolment tokens; wait until some expire",
		        STORE_TOKENS_MAX);
	store_write(s, SQL_PUT_TOKEN, "hssii", t->hash, t->name, t->role, t->created, t->expires);
	return 0;
}

static int take_token(struct store *s, sqlite3_stmt *st, char name[256], char role[32], struct error *err)
{
	int code = st ? sqlite3_step(st) : SQLITE_ERROR, result = 0;
	if (code == SQLITE_ROW) {
		snprintf(name, 256, "%s", store_text(st, 0));
		snprintf(role, 32, "%s", store_text(st, 1));
	} else if (code == SQLITE_DONE) {
		result = error_set(err, -ENOENT, "the enrolment token is not known, was used or has expired");
	} else {
		store_poison(s, code, "reading an enrolment token");
		result = error_set(err, s->failure, "%s", s->failure_text.text);
	}
	sqlite3_reset(st);
	return result;
}

int store_find_token(struct store *s, const uint8_t hash[STORE_TOKEN_SIZE], time_ms now, char name[256],
        char role[32], struct error *err)
{
	return take_token(s, store_bind(s, SQL_FIND_TOKEN, "ih", now, hash), name, role, err);
}

int store_use_token(struct store *s, const uint8_t hash[STORE_TOKEN_SIZE], time_ms now, char name[256],
        char role[32], struct error *err)
{
	sqlite3_stmt *st = store_turn(s) ? store_bind(s, SQL_USE_TOKEN, "ih", now, hash) : NULL;
	return take_token(s, st, name, role, err);
}

void store_prune(struct store *s, time_ms now)
{
	store_write(s, SQL_PRUNE_TOKENS, "i", now);
	store_write(s, SQL_PRUNE_CERTIFICATES, "i", now - STORE_CERTIFICATE_KEEP_MS);
}
