/* SPDX-License-Identifier: ISC */
#include "store/store.h"
#include "tests/unit/store/store_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void commit(struct store *s)
{
	struct error err = { "" };
	if (store_commit(s, &err) < 0)
		fail_msg("commit: %s", err.text);
}

/* ---- records survive, field by field ---- */

static const struct store_node alice = { .name = "alice",
	.thumbprint = { 1, 2, 3 },
	.serial = "0a0b",
	.first_seen = 1000,
	.last_seen = 2000,
	.revoked = true,
	.revoked_reason = "stolen",
	.revoked_at = 1500,
	.pinned = true,
	.pin = { 9, 8 },
	.inspected = 1900,
	.posture_signed = true,
	.posture_digest = { 7 } };

static int check_alice(const struct store_node *n, void *context)
{
	++*(int *)context;
	assert_string_equal(n->name, "alice");
	assert_memory_equal(n->thumbprint, alice.thumbprint, 32);
	assert_string_equal(n->serial, "0a0b");
	assert_int_equal(n->first_seen, 1000);
	assert_int_equal(n->last_seen, 2000);
	assert_true(n->revoked && n->pinned && n->posture_signed);
	assert_string_equal(n->revoked_reason, "stolen");
	assert_int_equal(n->revoked_at, 1500);
	assert_memory_equal(n->pin, alice.pin, 32);
	assert_int_equal(n->inspected, 1900);
	assert_memory_equal(n->posture_digest, alice.posture_digest, 32);
	return 0;
}

static int check_posture(const char *node, const struct store_posture *p, void *context)
{
	assert_string_equal(node, "alice");
	assert_int_equal(p->length, 7);
	assert_memory_equal(p->json, "{\"a\":1}", 7);
	assert_null(p->packages);
	return 77;
}

static void test_node(void **state)
{
	struct store *s = open_store();
	struct error err;
	struct store_node other = alice;
	int seen = 0;
	other.revoked = other.pinned = other.posture_signed = false;
	other.serial = other.revoked_reason = NULL;
	store_put_node(s, &other);
	store_put_node(s, &alice); /* the later one stays */
	store_put_posture(s, "alice", &(struct store_posture){ .json = "{\"a\":1}", .length = 7 });
	commit(s);
	store_close(s);
	s = open_store();
	assert_int_equal(store_each_node(s, check_alice, &seen, &err), 0);
	assert_int_equal(seen, 1);
	assert_int_equal(store_get_posture(s, "alice", check_posture, NULL, &err), 77);
	assert_int_equal(store_get_posture(s, "bob", check_posture, NULL, &err), -ENOENT);
	store_close(s);
}

static int check_attachment(const struct store_attachment *a, void *context)
{
	++*(int *)context;
	assert_string_equal(a->enforcement_point, "gw");
	assert_string_equal(a->port, "veth1");
	assert_int_equal(a->mac.bytes[5], 5);
	assert_string_equal(a->node, "alice");
	assert_int_equal(a->n_addresses, 2);
	assert_int_equal(a->addresses[1].bytes[15], 2);
	assert_true(a->present && a->contested && a->compliant);
	assert_int_equal(a->first_seen, 3);
	assert_int_equal(a->last_seen, 4);
	assert_string_equal(a->segment, "staff");
	assert_int_equal(a->expires, 99);
	assert_int_equal(a->generation, 12);
	assert_string_equal(a->certificate, "id-1");
	assert_int_equal(a->certificate_digest[0], 0xaa);
	return 0;
}

static void test_attachment(void **state)
{
	struct store *s = open_store();
	struct error err;
	int seen = 0;
	struct store_attachment a = { .enforcement_point = "gw",
		.port = "veth1",
		.mac = { { 0, 1, 2, 3, 4, 5 } },
		.node = "alice",
		.n_addresses = 2,
		.present = true,
		.contested = true,
		.first_seen = 3,
		.last_seen = 4,
		.segment = "staff",
		.compliant = true,
		.expires = 99,
		.generation = 12,
		.certificate = "id-1",
		.certificate_digest = { 0xaa } };
	a.addresses[0].bytes[15] = 1;
	a.addresses[1].bytes[15] = 2;
	store_put_attachment(s, &a);
	commit(s);
	store_close(s);
	s = open_store();
	assert_int_equal(store_each_attachment(s, check_attachment, &seen, &err), 0);
	assert_int_equal(seen, 1);
	store_remove_attachment(s, "gw", "veth1", &a.mac);
	assert_int_equal(store_each_attachment(s, check_attachment, &seen, &err), 0);
	assert_int_equal(seen, 1);
	store_close(s);
}

struct walk {
	size_t count;
	uint64_t first, last;
	bool findings;
};

static int walk_decision(const struct store_decision *d, void *context)
{
	struct walk *w = context;
	if (w->count++ == 0)
		w->first = d->generation;
	w->last = d->generation;
	w->findings = d->findings != NULL;
	assert_string_equal(d->cause, "inspection");
	assert_string_equal(d->segment, "isolated");
	assert_int_equal(d->policy_fingerprint, UINT64_MAX);
	assert_int_equal(d->n_findings, 1);
	assert_string_equal(d->would_be, "quarantine");
	assert_string_equal(d->kept_by, "brake");
	assert_int_equal(d->kept_until, 77);
	if (d->findings)
		assert_string_equal(d->findings, "[{}]");
	return 0;
}

static void put_decision(struct store *s, const char *node, uint64_t generation)
{
	store_put_decision(s,
	        &(struct store_decision){ .generation = generation,
	                .node = node,
	                .cause = "inspection",
	                .segment = "isolated",
	                .rule = "otherwise isolated",
	                .policy_fingerprint = UINT64_MAX,
	                .findings = "[{}]",
	                .n_findings = 1,
	                .would_be = "quarantine",
	                .kept_by = "brake",
	                .kept_until = 77 });
}

static void test_decisions_are_pruned(void **state)
{
	struct store *s = open_store();
	struct error err;
	struct walk w = { 0 };
	for (uint64_t g = 1; g <= STORE_DECISIONS_PER_NODE + 10; g++)
		put_decision(s, "bob", g);
	put_decision(s, "carol", 1000);
	commit(s);
	assert_int_equal(store_each_decision(s, "bob", 1000, true, walk_decision, &w, &err), 0);
	assert_int_equal(w.count, STORE_DECISIONS_PER_NODE);
	assert_int_equal(w.first, STORE_DECISIONS_PER_NODE + 10); /* newest first */
	assert_int_equal(w.last, 11);
	assert_true(w.findings);
	w = (struct walk){ 0 };
	assert_int_equal(store_each_decision(s, NULL, 5, false, walk_decision, &w, &err), 0);
	assert_int_equal(w.count, 5);
	assert_int_equal(w.first, 1000);
	assert_false(w.findings);
	store_close(s);
}

static int check_keep(const struct store_keep *k, void *context)
{
	++*(int *)context;
	assert_string_equal(k->enforcement_point, "gw");
	assert_string_equal(k->port, "p1");
	assert_int_equal(k->mac.bytes[5], 9);
	assert_string_equal(k->verdict, "isolated");
	assert_string_equal(k->cause, "advisories");
	assert_int_equal(k->worse_since, 11);
	assert_int_equal(k->held_since, 12);
	assert_int_equal(k->dismissed_until, 13);
	assert_string_equal(k->ordered_by, "user 0");
	assert_true(k->released);
	assert_false(k->own);
	assert_true(k->resting);
	return 0;
}

static int check_demotion(const char *who, time_ms at, void *context)
{
	++*(int *)context;
	assert_string_equal(who, "bob");
	assert_int_equal(at, 30);
	return 0;
}

static void test_judged(void **state)
{
	const struct store_judged all = { UINT64_MAX, 2, 3, 4, UINT64_MAX - 5, 6 };
	struct store_judged j;
	struct error err;
	struct store *s = open_store();
	assert_int_equal(store_get_judged(s, &j, &err), -ENOENT);
	store_put_judged(s, &(struct store_judged){ .program = 9 });
	store_put_judged(s, &all);
	commit(s);
	store_close(s);
	s = open_store();
	assert_int_equal(store_get_judged(s, &j, &err), 0);
	assert_memory_equal(&j, &all, sizeof(j));
	store_put_judged(s, NULL);
	commit(s);
	assert_int_equal(store_get_judged(s, &j, &err), -ENOENT);
	store_close(s);
}

static void test_keeps(void **state)
{
	struct store *s = open_store();
	struct error err;
	int seen = 0;
	const struct store_keep k = { .enforcement_point = "gw",
		.port = "p1",
		.mac = { { 2, 0, 0, 0, 0, 9 } },
		.verdict = "isolated",
		.cause = "advisories",
		.worse_since = 11,
		.held_since = 12,
		.dismissed_until = 13,
		.ordered_by = "user 0",
		.released = true,
		.resting = true };
	store_put_keep(s, &k);
	store_put_demotion(s, "alice", 10);
	store_put_demotion(s, "bob", 20);
	store_put_demotion(s, "bob", 30);
	store_prune_demotions(s, 20);
	commit(s);
	store_close(s);
	s = open_store();
	assert_int_equal(store_each_keep(s, check_keep, &seen, &err), 0);
	assert_int_equal(seen, 1);
	assert_int_equal(store_each_demotion(s, check_demotion, &seen, &err), 0);
	assert_int_equal(seen, 2);
	store_remove_keep(s, "gw", "p1", &k.mac);
	assert_int_equal(store_each_keep(s, check_keep, &seen, &err), 0);
	assert_int_equal(seen, 2);
	store_close(s);
}

static int walk_event(const struct store_event *e, void *context)
{
	struct walk *w = context;
	if (w->count++ == 0)
		w->first = (uint64_t)e->id;
	w->last = (uint64_t)e->id;
	assert_string_equal(e->kind, "test");
	assert_null(e->node);
	return 0;
}

static void test_events_are_pruned(void **state)
{
	struct store *s = open_store();
	struct error err;
	struct walk w = { 0 };
	int64_t id = 0;
	for (int i = 0; i < STORE_EVENTS_MAX + 128; i++)
		id = store_put_event(s, &(struct store_event){ .at = i, .kind = "test", .text = "x" });
	commit(s);
	assert_int_equal(id, STORE_EVENTS_MAX + 128);
	assert_int_equal(store_each_event(s, 0, STORE_EVENTS_MAX * 2, walk_event, &w, &err), 0);
	assert_in_range(w.count, STORE_EVENTS_MAX, STORE_EVENTS_MAX + 64);
	assert_int_equal(w.last, id);
	w = (struct walk){ 0 };
	assert_int_equal(store_each_event(s, -1, 3, walk_event, &w, &err), 0);
	assert_int_equal(w.first, id - 2);
	assert_int_equal(w.last, id);
	w = (struct walk){ 0 };
	assert_int_equal(store_each_event(s, id - 1, 10, walk_event, &w, &err), 0);
	assert_int_equal(w.count, 1);
	store_close(s);
}

static int count_serial(const char *serial, time_ms revoked, void *context)
{
	++*(int *)context;
	assert_string_equal(serial, "0c");
	assert_int_equal(revoked, 5);
	return 0;
}

static void test_serials(void **state)
{
	struct store *s = open_store();
	struct error err;
	int n = 0;
	store_revoke_serial(s, "0c", "alice", "lost", 5);
	store_revoke_serial(s, "0c", "alice", "again", 6); /* the first stays */
	commit(s);
	assert_int_equal(store_each_revoked_serial(s, count_serial, &n, &err), 0);
	assert_int_equal(n, 1);
	store_close(s);
}

static void test_token(void **state)
{
	struct store *s = open_store();
	struct error err;
	struct store_grant grant;
	struct store_token t = {
		.hash = { 4 }, .name = "bob", .role = "node", .created = 10, .expires = 100, .replaces = true
	};
	const uint8_t unknown[STORE_TOKEN_SIZE] = { 5 };
	assert_int_equal(store_put_token(s, &t, 10, &err), 0);
	commit(s);
	assert_int_equal(store_use_token(s, unknown, 50, &grant, &err), -ENOENT);
	assert_int_equal(store_use_token(s, t.hash, 100, &grant, &err), -ENOENT); /* expired */
	assert_int_equal(store_find_token(s, t.hash, 100, &grant, &err), -ENOENT);
	assert_int_equal(store_find_token(s, t.hash, 99, &grant, &err), 0); /* leaves it there */
	assert_int_equal(store_use_token(s, t.hash, 99, &grant, &err), 0);
	assert_int_equal(store_find_token(s, t.hash, 99, &grant, &err), -ENOENT);
	assert_string_equal(grant.name, "bob");
	assert_string_equal(grant.role, "node");
	assert_true(grant.replaces);
	assert_int_equal(store_use_token(s, t.hash, 99, &grant, &err), -ENOENT); /* used, same turn */
	commit(s);
	assert_int_equal(store_use_token(s, t.hash, 99, &grant, &err), -ENOENT);
	store_close(s);
	s = open_store();
	assert_int_equal(store_use_token(s, t.hash, 99, &grant, &err), -ENOENT);
	store_prune(s, 101);
	assert_int_equal(store_put_token(s, &t, 10, &err), 0); /* the same hash: the used one was pruned */
	commit(s);
	store_close(s);
}

/* ---- the turn ---- */

static void note(int result, void *context)
{
	*(int *)context = result;
}

static void count_work(void *context)
{
	++*(int *)context;
}

static void test_work_is_told_once_a_turn(void **state)
{
	struct store *s = open_store();
	int told = 0, result;
	store_on_work(s, count_work, &told);
	store_put_node(s, &alice);
	store_put_node(s, &alice);
	store_when_durable(s, note, &result);
	assert_int_equal(told, 1);
	commit(s);
	store_when_durable(s, note, &result);
	assert_int_equal(told, 2);
	commit(s);
	store_on_work(s, NULL, NULL);
	store_close(s);
}

static void test_waiters_hear_after_the_commit(void **state)
{
	struct store *s = open_store();
	int first = 77, forgotten = 77;
	assert_false(store_has_work(s));
	store_put_node(s, &alice);
	store_when_durable(s, note, &first);
	store_when_durable(s, note, &forgotten);
	store_forget_waiter(s, &forgotten);
	assert_true(store_has_work(s));
	assert_int_equal(first, 77);
	commit(s);
	assert_int_equal(first, 0);
	assert_int_equal(forgotten, 77);
	assert_false(store_has_work(s));
	first = 77;
	store_put_node(s, &alice);
	store_when_durable(s, note, &first);
	store_close(s);
	assert_int_equal(first, -ECANCELED);
}

static int count_node(const struct store_node *n, void *context)
{
	++*(int *)context;
	return 0;
}

static void test_close_drops_what_was_not_committed(void **state)
{
	struct store *s = open_store();
	struct error err;
	int n = 0;
	store_put_node(s, &alice);
	store_close(s);
	s = open_store();
	assert_int_equal(store_each_node(s, count_node, &n, &err), 0);
	assert_int_equal(n, 0);
	store_close(s);
}

/* A file size limit stands for a full disk: the write fails in the middle of the turn. */
static void test_full_disk(void **state)
{
	struct store *s = open_store();
	struct error err = { "" };
	struct rlimit old, low;
	int result = 77, n = 0;
	char *big = xcalloc(1, 4u << 20);
	memset(big, 'x', (4u << 20) - 1);
	commit(s);
	getrlimit(RLIMIT_FSIZE, &old);
	low = (struct rlimit){ .rlim_cur = 512 * 1024, .rlim_max = old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &low);
	store_put_node(s, &alice);
	store_put_posture(s, "alice", &(struct store_posture){ .json = big, .length = strlen(big) });
	store_when_durable(s, note, &result);
	int code = store_commit(s, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(code < 0);
	assert_int_equal(result, code);
	assert_non_null(strstr(err.text, "pratique.db"));
	assert_int_equal(store_each_node(s, count_node, &n, &err), 0);
	assert_int_equal(n, 0); /* nothing of the turn */
	result = 77;            /* and with room again it goes on */
	store_put_node(s, &alice);
	store_when_durable(s, note, &result);
	commit(s);
	assert_int_equal(result, 0);
	assert_int_equal(store_each_node(s, count_node, &n, &err), 0);
	assert_int_equal(n, 1);
	store_close(s);
	free(big);
}

static void test_too_large(void **state)
{
	struct store *s = open_store();
	struct error err = { "" };
	int n = 0;
	store_put_node(s, &alice);
	store_put_posture(s, "alice", &(struct store_posture){ .json = "", .length = STORE_POSTURE_MAX + 1 });
	assert_true(store_commit(s, &err) < 0);
	assert_int_equal(store_each_node(s, count_node, &n, &err), 0);
	assert_int_equal(n, 0);
	store_close(s);
}

/* ---- audit ---- */

static int check_audit(const struct store_audit *a, void *context)
{
	int *n = context;
	assert_string_equal(a->who, "user 0");
	assert_string_equal(a->origin, "unix");
	assert_string_equal(a->action, ++*n == 1 ? "revoke" : "reload");
	if (*n == 1)
		assert_string_equal(a->before, "{}");
	else
		assert_null(a->before);
	return 0;
}

static void test_audit_is_append_only(void **state)
{
	struct store *s = open_store();
	struct error err;
	struct store_audit a = { .at = 5, .who = "user 0", .origin = "unix", .action = "revoke" };
	char path[128];
	sqlite3 *db;
	int n = 0;
	a.before = "{}";
	a.result = "done";
	store_put_audit(s, &a);
	a.action = "reload";
	a.before = NULL;
	a.at = 6;
	store_put_audit(s, &a);
	commit(s);
	assert_int_equal(store_each_audit(s, -1, 0, 10, check_audit, &n, &err), 0);
	assert_int_equal(n, 2);
	n = 1;
	assert_int_equal(store_each_audit(s, 0, 6, 10, check_audit, &n, &err), 0);
	assert_int_equal(n, 2);
	store_close(s);
	snprintf(path, sizeof(path), "%s/pratique.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE audit SET who = 'x'", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM audit", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	sqlite3_close(db);
}

/* ---- tokens of the API ---- */

static int check_api_token(const struct store_api_token *t, void *context)
{
	++*(int *)context;
	assert_string_equal(t->id, "a1");
	assert_string_equal(t->name, "grafana");
	assert_string_equal(t->made_by, "user 0");
	assert_int_equal(t->role, 1);
	assert_int_equal(t->hash[0], 7);
	assert_int_equal(t->created, 10);
	assert_int_equal(t->expires, 20);
	return 0;
}

static void test_api_tokens(void **state)
{
	struct store *s = open_store();
	struct error err;
	int n = 0;
	store_put_api_token(s, &(struct store_api_token){ "a1", "grafana", "user 0", 1, { 7 }, 10, 20 });
	commit(s);
	assert_int_equal(store_each_api_token(s, check_api_token, &n, &err), 0);
	assert_int_equal(n, 1);
	store_remove_api_token(s, "a1");
	commit(s);
	assert_int_equal(store_each_api_token(s, check_api_token, &n, &err), 0);
	assert_int_equal(n, 1);
	store_close(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_node),
		TEST(test_audit_is_append_only),
		TEST(test_api_tokens),
		TEST(test_attachment),
		TEST(test_decisions_are_pruned),
		TEST(test_keeps),
		TEST(test_judged),
		TEST(test_events_are_pruned),
		TEST(test_serials),
		TEST(test_token),
		TEST(test_work_is_told_once_a_turn),
		TEST(test_waiters_hear_after_the_commit),
		TEST(test_close_drops_what_was_not_committed),
		TEST(test_full_disk),
		TEST(test_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
