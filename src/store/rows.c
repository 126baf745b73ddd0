/* SPDX-License-Identifier: ISC */
/* The store's records to rows and back. */
#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- nodes ---- */

void store_put_node(struct store *s, const struct store_node *n)
{
	store_write(s, SQL_PUT_NODE, "shsiiisiihiihhii", n->name, n->thumbprint, n->serial, n->first_seen,
	        n->last_seen, (int64_t)n->revoked, n->revoked_reason, n->revoked_at, (int64_t)n->pinned,
	        n->pin, n->inspected, (int64_t)n->posture_signed, n->posture_digest, n->previous,
	        n->valid_from, n->valid_until);
}

/* Whom a walk gives its records to. */
struct receiver {
	union {
		store_node_fn node;
		store_attachment_fn attachment;
		store_decision_fn decision;
		store_event_fn event;
		store_audit_fn audit;
		store_api_token_fn api_token;
		store_serial_fn serial;
	} give;
	void *context;
};

static int give_node(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_node n = { 0 };
	store_read(st, "shsiibsibhibhhii", &n.name, n.thumbprint, &n.serial, &n.first_seen, &n.last_seen,
	        &n.revoked, &n.revoked_reason, &n.revoked_at, &n.pinned, n.pin, &n.inspected,
	        &n.posture_signed, n.posture_digest, n.previous, &n.valid_from, &n.valid_until);
	return to->give.node(&n, to->context);
}

int store_each_node(struct store *s, store_node_fn fn, void *context, struct error *err)
{
	struct receiver to = { { .node = fn }, context };
	return store_walk(s, store_bind(s, SQL_EACH_NODE, ""), give_node, &to, err);
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

static int give_attachment(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_attachment a = { 0 };
	store_read(st, "ssms-bbiisbiush", &a.enforcement_point, &a.port, &a.mac, &a.node, &a.present,
	        &a.contested, &a.first_seen, &a.last_seen, &a.segment, &a.compliant, &a.expires,
	        &a.generation, &a.certificate, a.certificate_digest);
	const void *addresses = sqlite3_column_blob(st, 4);
	size_t n = (size_t)sqlite3_column_bytes(st, 4) / sizeof(a.addresses[0]);
	a.n_addresses = MIN(n, (size_t)STORE_ADDRESSES_MAX);
	if (addresses)
		memcpy(a.addresses, addresses, a.n_addresses * sizeof(a.addresses[0]));
	return to->give.attachment(&a, to->context);
}

int store_each_attachment(struct store *s, store_attachment_fn fn, void *context, struct error *err)
{
	struct receiver to = { { .attachment = fn }, context };
	return store_walk(s, store_bind(s, SQL_EACH_ATTACHMENT, ""), give_attachment, &to, err);
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

static int give_serial(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	const char *serial;
	int64_t revoked;
	store_read(st, "si", &serial, &revoked);
	return to->give.serial(serial, revoked, to->context);
}

int store_each_revoked_serial(struct store *s, store_serial_fn fn, void *context, struct error *err)
{
	struct receiver to = { { .serial = fn }, context };
	return store_walk(s, store_bind(s, SQL_EACH_SERIAL, ""), give_serial, &to, err);
}

/* ---- decisions ---- */

void store_put_decision(struct store *s, const struct store_decision *d)
{
	if (d->findings && strlen(d->findings) > STORE_FINDINGS_MAX) {
		store_poison(s, SQLITE_TOOBIG, "writing a decision");
		return;
	}
	store_write(s, SQL_PUT_DECISION, "isssmiisssiiiiiisssi", (int64_t)d->generation, d->node,
	        d->enforcement_point, d->port, &d->mac, d->made, d->expires, d->cause, d->segment, d->rule,
	        (int64_t)d->level, (int64_t)d->compliant, (int64_t)d->rejected,
	        (int64_t)d->policy_fingerprint, (int64_t)d->advisory_generation, (int64_t)d->n_findings,
	        d->findings, d->would_be, d->kept_by, d->kept_until);
	store_write(s, SQL_PRUNE_DECISIONS, "si", d->node, (int64_t)STORE_DECISIONS_PER_NODE);
}

static int give_decision(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_decision d = { 0 };
	uint64_t n_findings;
	store_read(st, "usssmiisssdbbuuusssi", &d.generation, &d.node, &d.enforcement_point, &d.port, &d.mac,
	        &d.made, &d.expires, &d.cause, &d.segment, &d.rule, &d.level, &d.compliant, &d.rejected,
	        &d.policy_fingerprint, &d.advisory_generation, &n_findings, &d.findings, &d.would_be,
	        &d.kept_by, &d.kept_until);
	d.n_findings = (size_t)n_findings;
	return to->give.decision(&d, to->context);
}

int store_each_decision(struct store *s, const char *node, size_t limit, bool with_findings,
        store_decision_fn fn, void *context, struct error *err)
{
	struct receiver to = { { .decision = fn }, context };
	sqlite3_stmt *st = store_bind(s, node ? SQL_EACH_DECISION : SQL_EACH_DECISION_OF_ALL, "sii", node,
	        (int64_t)with_findings, (int64_t)limit);
	return store_walk(s, st, give_decision, &to, err);
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

static int give_event(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_event e = { 0 };
	store_read(st, "iissssms", &e.id, &e.at, &e.kind, &e.node, &e.enforcement_point, &e.port, &e.mac,
	        &e.text);
	return to->give.event(&e, to->context);
}

int store_each_event(
        struct store *s, int64_t after, size_t limit, store_event_fn fn, void *context, struct error *err)
{
	struct receiver to = { { .event = fn }, context };
	sqlite3_stmt *st = after < 0 ? store_bind(s, SQL_NEWEST_EVENTS, "i", (int64_t)limit)
	                             : store_bind(s, SQL_EACH_EVENT, "ii", after, (int64_t)limit);
	return store_walk(s, st, give_event, &to, err);
}

/* ---- audit ---- */

void store_put_audit(struct store *s, const struct store_audit *a)
{
	store_write(s, SQL_PUT_AUDIT, "isssssss", a->at, a->who, a->origin, a->action, a->subject, a->before,
	        a->after, a->result);
	int64_t id = s->failure ? 0 : sqlite3_last_insert_rowid(s->db);
	if (id > STORE_AUDIT_MAX && id % 64 == 0)
		store_write(s, SQL_PRUNE_AUDIT, "i", id - STORE_AUDIT_MAX);
}

static int give_audit(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_audit a = { 0 };
	store_read(st, "iisssssss", &a.id, &a.at, &a.who, &a.origin, &a.action, &a.subject, &a.before,
	        &a.after, &a.result);
	return to->give.audit(&a, to->context);
}

int store_each_audit(struct store *s, int64_t after, time_ms since, size_t limit, store_audit_fn fn,
        void *context, struct error *err)
{
	struct receiver to = { { .audit = fn }, context };
	sqlite3_stmt *st = after < 0 ? store_bind(s, SQL_NEWEST_AUDIT, "ii", since, (int64_t)limit)
	                             : store_bind(s, SQL_EACH_AUDIT, "iii", after, since, (int64_t)limit);
	return store_walk(s, st, give_audit, &to, err);
}

/* ---- tokens of the API ---- */

void store_put_api_token(struct store *s, const struct store_api_token *t)
{
	store_write(s, SQL_PUT_API_TOKEN, "ssihiis", t->id, t->name, (int64_t)t->role, t->hash, t->created,
	        t->expires, t->made_by);
}

void store_remove_api_token(struct store *s, const char *id)
{
	store_write(s, SQL_REMOVE_API_TOKEN, "s", id);
}

static int give_api_token(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_api_token t = { 0 };
	store_read(st, "ssdhiis", &t.id, &t.name, &t.role, t.hash, &t.created, &t.expires, &t.made_by);
	return to->give.api_token(&t, to->context);
}

int store_each_api_token(struct store *s, store_api_token_fn fn, void *context, struct error *err)
{
	struct receiver to = { { .api_token = fn }, context };
	return store_walk(s, store_bind(s, SQL_EACH_API_TOKEN, ""), give_api_token, &to, err);
}

/* ---- enrolment tokens ---- */

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
	store_write(s, SQL_PUT_TOKEN, "hssiii", t->hash, t->name, t->role, t->created, t->expires,
	        (int64_t)t->replaces);
	return 0;
}

static int take_token(struct store *s, sqlite3_stmt *st, struct store_grant *ret, struct error *err)
{
	int code = st ? sqlite3_step(st) : SQLITE_ERROR, result = 0;
	if (code == SQLITE_ROW) {
		const char *owner, *its_role;
		store_read(st, "ssb", &owner, &its_role, &ret->replaces);
		snprintf(ret->name, sizeof(ret->name), "%s", owner);
		snprintf(ret->role, sizeof(ret->role), "%s", its_role);
	} else if (code == SQLITE_DONE) {
		result = error_set(err, -ENOENT, "the enrolment token is not known, was used or has expired");
	} else {
		store_poison(s, code, "reading an enrolment token");
		result = error_set(err, s->failure, "%s", s->failure_text.text);
	}
	sqlite3_reset(st);
	return result;
}

int store_find_token(struct store *s, const uint8_t hash[STORE_TOKEN_SIZE], time_ms now,
        struct store_grant *ret, struct error *err)
{
	return take_token(s, store_bind(s, SQL_FIND_TOKEN, "ih", now, hash), ret, err);
}

int store_use_token(struct store *s, const uint8_t hash[STORE_TOKEN_SIZE], time_ms now,
        struct store_grant *ret, struct error *err)
{
	sqlite3_stmt *st = store_turn(s) ? store_bind(s, SQL_USE_TOKEN, "ih", now, hash) : NULL;
	return take_token(s, st, ret, err);
}

void store_prune(struct store *s, time_ms now)
{
	store_write(s, SQL_PRUNE_TOKENS, "i", now);
	store_write(s, SQL_PRUNE_CERTIFICATES, "i", now - STORE_CERTIFICATE_KEEP_MS);
}
