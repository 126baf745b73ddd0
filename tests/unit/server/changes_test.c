/* SPDX-License-Identifier: ISC */
/* From a changed advisory to the nodes that it moves: in which order, at which pace, and with the server
 * killed between any two steps. */
#include "server/again.h"
#include "server/reverse.h"
#include "tests/unit/server/crowd.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define POLICY CROWD_BASE CROWD_STAFF

static const struct scripted_match hole = {
	.package = "openssl", .id = "TEST-1", .source = "debian", .severity = VULN_SEVERITY_HIGH, .fixed = "9"
};
static const struct site_key key = { "Debian:12", "openssl" };

static int64_t ask_number(struct crowd *c, const char *sql)
{
	char *path FREE_ON_EXIT = xasprintf("%s/pratique.db", c->bed->dir);
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	const int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void publish(struct crowd *c, const struct scripted_match *matches, size_t n)
{
	c->bed->index.matches = matches;
	c->bed->index.n_matches = n;
	c->bed->index.generation++;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* ---- killed ---- */

/* What a server that was killed left behind, and that is all: the file of its store. */
static void kill_server(struct crowd *c)
{
	for (size_t i = 0; i < CROWD; i++)
		c->ports[i]->session = NULL;
	c->bed->log[0] = '\0';
}

/* The enforcement point has connected and been told all; the agents are there again. */
static void come_back(struct crowd *c)
{
	int session;
	crowd_restart(c, NULL);
	for (size_t i = 0; i < CROWD; i++) {
		c->ports[i]->session = &session;
		c->ports[i]->retry_asked = false;
	}
	crowd_work(c);
	for (size_t i = 0; i < CROWD; i++)
		c->ports[i]->session = NULL;
}

static void check_after(struct crowd *c)
{
	assert_int_equal(crowd_in(c, "isolated"), CROWD);
	for (size_t i = 0; i < CROWD; i++) {
		const struct site_attachment *a = c->ports[i];
		assert_string_equal(a->decided.segment, "isolated"); /* so it is asked for a new one */
		assert_string_equal(a->handed.segment, "isolated");  /* what enforcement points are told */
		assert_string_equal(a->decided.certificate, "");
	}
	assert_int_equal(ask_number(c, "SELECT count(*) FROM attachment WHERE segment = 'isolated'"), CROWD);
	assert_int_equal(ask_number(c, "SELECT count(*) FROM certificate WHERE revoked = 0"), 0);
	assert_int_equal(ask_number(c,
	                         "SELECT count(DISTINCT node) FROM decision WHERE segment = 'isolated' AND"
	                         " findings LIKE '%TEST-1%'"),
	        CROWD);
}

/* Whatever was done of it when the server died, in however many turns, the rest is done afterwards. */
static void test_killed_between_any_two_steps(void **state)
{
	for (unsigned turn = 1; turn < 6; turn += 2) /* steps that are committed together */
		for (unsigned steps = 0; steps <= 4 * CROWD; steps++) {
			struct crowd c;
			struct bed *b = *state;
			bool said = false;
			b->program = steps % 2; /* without one, and with what it knows of before */
			b->index.mark = 1;
			crowd_open(&c, b, POLICY);
			crowd_all_come(&c);
			assert_int_equal(crowd_in(&c, "staff"), CROWD);
			publish(&c, &hole, 1);
			const struct scripted_change change = { b->index.generation, key.package };
			b->index.changes = &change;
			b->index.n_changes = 1;
			for (unsigned step = 0; step < steps / 2; step++) {
				if (!said) /* the first step is that it is said */
					site_index_moved(c.bed->site, c.now);
				else if (step % turn == 0)
					bed_commit(c.bed);
				if (said)
					(void)site_work(c.bed->site, c.now, 1);
				said = true;
			}
			kill_server(&c);
			come_back(&c);
			check_after(&c);
			b->index.n_changes = 0;
		}
}

/* In the order of safety: the enforcement point is told, the turn is committed, then the agents are asked. */
static void test_order_of_safety(void **state)
{
	struct crowd c;
	int session;
	crowd_open(&c, *state, POLICY);
	crowd_all_come(&c);
	for (size_t i = 0; i < CROWD; i++)
		c.ports[i]->session = &session;
	publish(&c, &hole, 1);
	site_advisories_changed(c.bed->site, &key, 1, false, c.now);
	while (site_work(c.bed->site, c.now, 1))
		;
	assert_int_equal(count(c.bed->log, "place:isolated! "), CROWD);
	assert_null(strstr(c.bed->log, "retry"));
	assert_int_equal(ask_number(&c, "SELECT count(*) FROM certificate WHERE revoked = 0"), CROWD);
	c.bed->log[0] = '\0';
	bed_commit(c.bed);
	assert_int_equal(count(c.bed->log, "retry "), CROWD);
	check_after(&c);
	for (size_t i = 0; i < CROWD; i++)
		c.ports[i]->session = NULL;
}

/* A disk that is full keeps nobody admitted. */
static void test_store_fails(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, POLICY);
	crowd_all_come(&c);
	publish(&c, &hole, 1);
	site_advisories_changed(c.bed->site, &key, 1, false, c.now);
	while (site_work(c.bed->site, c.now, 1))
		;
	struct error err;
	store_put_decision(c.bed->store, /* which poisons the turn */
	        &(struct store_decision){ .cause = NULL, .segment = NULL, .findings = "[]" });
	assert_true(store_commit(c.bed->store, &err) < 0);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
	crowd_wait(&c, 10000);
	assert_int_equal(ask_number(&c, "SELECT count(*) FROM attachment WHERE segment = 'isolated'"), CROWD);
}

/* ---- a second change ---- */

#define MANY 700 /* packages, which are looked up in more pieces than one */

static void inspect(struct crowd *c, size_t i, struct posture *p)
{
	struct site_outcome o;
	assert_int_equal(site_take_posture(c->bed->site, c->nodes[i],
	                         site_posture_new(c->bed->site->catalogue, p), true, c->now),
	        0);
	site_judge(c->bed->site, c->nodes[i], c->ports[i], "inspection", NULL, c->now, &o);
	site_outcome_clear(&o);
	crowd_work(c);
}

static void come_with_many(struct crowd *c, size_t i, const char *os, const char *version)
{
	struct posture *p = bed_posture("openssl");
	p->firewall_active = TRI_YES;
	p->os_id = posture_string(p, os);
	p->os_version = posture_string(p, version);
	for (unsigned k = 0; k < MANY; k++) {
		char name[16];
		snprintf(name, sizeof(name), "p%u", k);
		const char *kept = posture_string(p, name);
		const struct posture_package one = { "deb", kept, "1.0-1", "amd64", kept, "1.0-1" };
		assert_int_equal(posture_add_package(p, &one), 0);
	}
	inspect(c, i, p);
}

/* While packages are looked up the next change comes, of one package or of all; whom the first one moves is
 * moved all the same, on the first system that is gone through and on the second. */
static void test_second_change_during_a_long_lookup(void **state)
{
	const struct scripted_match first = {
		.package = "p3", .id = "TEST-1", .source = "debian", .severity = VULN_SEVERITY_HIGH
	};
	for (unsigned run = 0; run < 12; run++) {
		struct crowd c;
		crowd_open(&c, *state, POLICY);
		come_with_many(&c, 0, "debian", "12");
		come_with_many(&c, 1, "ubuntu", "22.04");
		assert_int_equal(policy_memo_platforms(c.bed->site->memo), 2);
		assert_int_equal(crowd_in(&c, "staff"), 2);
		publish(&c, &first, 1);
		site_advisories_changed(c.bed->site, NULL, 0, true, c.now);
		for (unsigned piece = 0; piece < run / 2; piece++)
			(void)site_work(c.bed->site, c.now, 1);
		publish(&c, &first, 1);
		site_advisories_changed(c.bed->site, &key, run % 2, run % 2 == 0, c.now);
		crowd_work(&c);
		assert_int_equal(crowd_in(&c, "isolated"), 2);
	}
}

/* ---- order ---- */

static const char *const names[3] = { "bash", "dash", "zsh" };

/* Node i has one package of its own kind. */
static void come_with(struct crowd *c, size_t i, const char *package)
{
	struct posture *p = bed_posture(package);
	p->firewall_active = TRI_YES;
	inspect(c, i, p);
}

static void test_worst_first_and_better_last(void **state)
{
	struct crowd c;
	const struct scripted_match before[] = { { .package = "zsh", .id = "OLD", .source = "debian" } },
	                            after[] = { { .package = "bash",
		                                        .id = "LOW",
		                                        .source = "debian",
		                                        .severity = VULN_SEVERITY_LOW },
		                            { .package = "dash",
		                                    .id = "WORST",
		                                    .source = "debian",
		                                    .severity = VULN_SEVERITY_CRITICAL } };
	const struct site_key all[] = { { "", "zsh" }, { "", "bash" }, { "", "dash" } };
	crowd_open(&c, *state, POLICY);
	publish(&c, before, 1);
	site_advisories_changed(c.bed->site, NULL, 0, true, c.now);
	for (size_t i = 0; i < 9; i++)
		come_with(&c, i, names[i % 3]);
	assert_int_equal(crowd_in(&c, "staff"), 6);
	publish(&c, after, 2);
	site_advisories_changed(c.bed->site, all, 3, false, c.now);
	bed_commit(c.bed);
	char order[64] = "";
	uint64_t last[9];
	for (size_t i = 0; i < 9; i++)
		last[i] = c.ports[i]->decided.generation;
	for (bool more = true; more;) {
		more = site_work(c.bed->site, c.now, 1);
		for (size_t i = 0; i < 9; i++)
			if (c.ports[i]->decided.generation != last[i]) {
				last[i] = c.ports[i]->decided.generation;
				strncat(order, i % 3 == 0 ? "l" : i % 3 == 1 ? "c" : "b", 2);
			}
	}
	assert_string_equal(order, "ccclllbbb"); /* critical, low, then those that get better */
	bed_commit(c.bed);
	assert_int_equal(crowd_in(&c, "staff"), 3);
	c.bed->log[0] = '\0';
}

/* The index had moved when they were inspected, and it had not been said yet. */
static void test_judged_before_it_was_said(void **state)
{
	struct crowd c;
	const struct scripted_match first = { .package = "bash", .id = "A", .source = "debian" },
	                            second = { .package = "dash", .id = "B", .source = "debian" };
	crowd_open(&c, *state, POLICY);
	publish(&c, &first, 1);
	for (size_t i = 0; i < 9; i++)
		come_with(&c, i, names[i % 3]);
	assert_int_equal(crowd_in(&c, "staff"), 6);
	site_advisories_changed(c.bed->site, &(struct site_key){ "", "bash" }, 1, false, c.now);
	crowd_work(&c);
	assert_int_equal(crowd_in(&c, "staff"), 6);
	publish(&c, &second, 1);
	site_advisories_changed(
	        c.bed->site, (struct site_key[]){ { "", "dash" }, { "", "bash" } }, 2, false, c.now);
	crowd_work(&c);
	assert_string_equal(crowd_segment(&c, 0), "staff");
	assert_string_equal(crowd_segment(&c, 1), "isolated");
	assert_string_equal(crowd_segment(&c, 2), "staff");
}

/* Who has nothing that changed is not judged. */
static void test_nobody_else_is_judged(void **state)
{
	struct crowd c;
	const struct scripted_match after = { .package = "dash", .id = "X", .source = "debian" };
	const struct site_key both[] = { { "", "dash" }, { "", "bash" } };
	crowd_open(&c, *state, POLICY);
	c.bed->index.n_matches = 0;
	for (size_t i = 0; i < 9; i++)
		come_with(&c, i, names[i % 3]);
	const uint64_t judged = c.bed->site->counters.judgements_again;
	publish(&c, &after, 1);
	site_advisories_changed(c.bed->site, both, 2, false, c.now);
	crowd_work(&c);
	assert_int_equal(c.bed->site->counters.judgements_again - judged, 3);
	assert_int_equal(crowd_in(&c, "staff"), 6);
	site_advisories_changed(c.bed->site, NULL, 0, true, c.now); /* anything, and nothing */
	crowd_work(&c);
	assert_int_equal(c.bed->site->counters.judgements_again - judged, 3);
}

/* ---- pace ---- */

static size_t asked(struct crowd *c)
{
	const size_t n = count(c->bed->log, "retry ");
	c->bed->log[0] = '\0';
	return n;
}

static void test_everybody_is_asked_at_a_pace(void **state)
{
	struct crowd c;
	int session;
	size_t n = 0, most = 0;
	crowd_open(&c, *state, POLICY "inspect after advisories 2 nodes per 10 s\n");
	crowd_all_come(&c);
	for (size_t i = 0; i < CROWD; i++)
		c.ports[i]->session = &session;
	publish(&c, NULL, 0);
	site_advisories_changed(c.bed->site, &(struct site_key){ "", "nobody-has-it" }, 1, false, c.now);
	c.bed->log[0] = '\0';
	for (unsigned s = 0; s < 60; s++) {
		bed_now = c.now += 1000;
		site_tick(c.bed->site, c.now);
		const size_t now = asked(&c);
		most = MAX(most, now);
		n += now;
		if (s == 9)
			assert_in_range(n, 2, 4);
	}
	assert_int_equal(n, CROWD);
	assert_true(most <= 2);
	for (size_t i = 0; i < CROWD; i++)
		c.ports[i]->session = NULL;
}

static size_t asked_of(const struct crowd *c, size_t kind)
{
	size_t n = 0;
	for (size_t i = 0; i < 9; i++)
		n += i % 3 == kind && c->ports[i]->retry_asked;
	return n;
}

/* Who lost something first; and whoever comes by itself is not asked any more. */
static void test_affected_are_asked_at_a_pace(void **state)
{
	struct crowd c;
	int session;
	const struct scripted_match before = { .package = "zsh", .id = "OLD", .source = "debian" },
	                            after = { .package = "bash", .id = "NEW", .source = "debian" };
	const struct site_key both[] = { { "", "zsh" }, { "", "bash" } };
	crowd_open(&c, *state, POLICY "inspect rate 2 nodes per 10 s\n");
	publish(&c, &before, 1);
	for (size_t i = 0; i < 9; i++)
		come_with(&c, i, names[i % 3]);
	for (size_t i = 0; i < 9; i++)
		c.ports[i]->session = &session;
	publish(&c, &after, 1);
	site_advisories_changed(c.bed->site, both, 2, false, c.now);
	crowd_work(&c);
	assert_int_equal(crowd_in(&c, "staff"), 6); /* nobody waited for that */
	assert_int_equal(asked_of(&c, 0), 2);
	assert_int_equal(site_retries_waiting(c.bed->site), 4);
	bed_now = c.now += 4999;
	site_tick(c.bed->site, c.now);
	assert_int_equal(site_retries_waiting(c.bed->site), 4);
	bed_now = c.now += 1;
	site_tick(c.bed->site, c.now);
	assert_int_equal(asked_of(&c, 0), 3);
	assert_int_equal(asked_of(&c, 2), 0);
	come_with(&c, 2, "zsh");
	c.ports[5]->session = NULL; /* its connection ended: it comes back by itself */
	assert_int_equal(site_retries_waiting(c.bed->site), 1);
	bed_now = c.now += 60000;
	site_tick(c.bed->site, c.now);
	assert_int_equal(asked_of(&c, 2), 1);
	assert_true(c.ports[8]->retry_asked);
	assert_int_equal(site_retries_waiting(c.bed->site), 0);
	assert_int_equal(c.bed->site->counters.retries_asked, 4);
	for (size_t i = 0; i < 9; i++)
		c.ports[i]->session = NULL;
}

/* What was judged just before a tick is durable just after it. */
static void test_pace_is_kept(void **state)
{
	struct crowd c;
	int session;
	crowd_open(&c, *state, POLICY "inspect rate 2 nodes per 10 s\n");
	crowd_all_come(&c);
	for (size_t i = 0; i < CROWD; i++)
		c.ports[i]->session = &session;
	for (size_t i = 0; i < CROWD; i++)
		retry_soon(c.bed->site, c.ports[i], RETRY_SAME, c.now);
	assert_int_equal(site_retries_waiting(c.bed->site), CROWD - 2);
	const time_ms judged = c.now + 5000;
	retries_work(c.bed->site, judged + 1);
	assert_int_equal(site_retries_waiting(c.bed->site), CROWD - 3);
	retries_work(c.bed->site, judged);
	assert_int_equal(site_retries_waiting(c.bed->site), CROWD - 3);
	retries_work(c.bed->site, judged - HOUR_MS); /* that is another clock */
	assert_int_equal(site_retries_waiting(c.bed->site), CROWD - 5);
	for (size_t i = 0; i < CROWD; i++)
		c.ports[i]->session = NULL;
}

/* While somebody worse off always waits, who was asked about less has come by itself, was queued again, and
 * has gone for good: its place is no pointer to what is no more. */
static void test_gone_before_its_turn(void **state)
{
	struct crowd c;
	int session;
	crowd_open(&c, *state, POLICY "inspect rate 1 nodes per 60 min\n");
	for (size_t i = 0; i < 3; i++) {
		crowd_come(&c, i, crowd_good);
		c.ports[i]->session = &session;
	}
	struct site *site = c.bed->site;
	retry_soon(site, c.ports[0], RETRY_WORSE, c.now); /* is this hour's */
	retry_soon(site, c.ports[1], RETRY_WORSE, c.now);
	for (unsigned i = 0; i < 100; i++) {
		retry_soon(site, c.ports[2], RETRY_SAME, c.now);
		assert_int_equal(site_retries_waiting(site), 2); /* each once */
		site_ask(site, c.ports[2]);
		crowd_come(&c, 2, crowd_good);
	}
	c.ports[2]->session = NULL;
	c.ports[2]->present = false;
	for (unsigned i = 0; i < 26 * 2; i++) {
		bed_now = c.now += 30 * MIN_MS;
		for (size_t k = 0; k < 2; k++) {
			c.ports[k]->retry_asked = false;
			crowd_come(&c, k, crowd_good);
			retry_soon(site, c.ports[k], RETRY_WORSE, c.now);
		}
		site_tick(site, c.now);
		crowd_work(&c);
	}
	assert_in_range(site_retries_waiting(site), 1, 2);
	for (size_t k = 0; k < 2; k++)
		c.ports[k]->session = NULL;
	crowd_wait(&c, HOUR_MS);
	assert_null(site_find_attachment(site, "gw", "q2", &(struct mac_address){ { 2, 0, 0, 0, 1, 2 } }));
}

/* ---- sources that nodes name ---- */

static void test_sources_are_read_once_for_all(void **state)
{
	struct crowd c;
	struct site_outcome o;
	const struct vuln_source source = {
		.name = "vendor", .origin = "https://vendor.example/feed", .loaded = 1
	};
	crowd_open(&c, *state, POLICY);
	c.bed->index.sources = &source;
	c.bed->index.n_sources = 1;
	for (size_t i = 0; i < CROWD; i++) {
		struct posture *p = bed_posture("openssl");
		p->firewall_active = TRI_YES;
		assert_int_equal(posture_add_source(p, source.origin, "vendor.json"), 0);
		assert_int_equal(posture_add_software(p, "pkg:deb/debian/openssl"), 0);
		assert_int_equal(site_take_posture(c.bed->site, c.nodes[i],
		                         site_posture_new(c.bed->site->catalogue, p), true, c.now),
		        0);
		site_judge(c.bed->site, c.nodes[i], c.ports[i], "inspection", NULL, c.now, &o);
		site_outcome_clear(&o);
		crowd_work(&c);
	}
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	c.bed->index.listings = 0;
	const uint64_t judged = c.bed->site->counters.judgements_again;
	site_judge_all(c.bed->site, "test");
	crowd_work(&c);
	assert_int_equal(c.bed->site->counters.judgements_again - judged, CROWD);
	assert_int_equal(c.bed->index.listings, 0);
	c.bed->index.n_sources = 0; /* and when it has gone, that is seen */
	site_tick(c.bed->site, c.now);
	crowd_work(&c);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
	assert_true(c.bed->index.listings < CROWD);
	c.bed->index.sources = NULL;
}

/* ---- age ---- */

static void test_stale_information_demotes(void **state)
{
	struct crowd c;
	crowd_open(&c, *state,
	        "define server { address 2001:db8::2 tcp 271 }\n"
	        "segment quarantine default { allow to server }\n"
	        "segment isolated { allow to server }\n" CROWD_STAFF
	        "require fresh { advisories.age < 1 hour }\nrequire firewall { firewall.active }\n"
	        "admit to staff when fresh, firewall\notherwise isolated\n"
	        "inspect every 60 min certificate lifetime 60 min\n");
	c.bed->index.updated = c.now - 50 * MIN_MS;
	crowd_all_come(&c);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	crowd_wait(&c, 9 * MIN_MS);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	crowd_wait(&c, MIN_MS);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD); /* nothing happened but time */
	c.bed->index.updated = c.now;
	crowd_wait(&c, 10000);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	c.bed->index.updated = 0; /* not known */
	crowd_wait(&c, 10000);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_between_any_two_steps, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_order_of_safety, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_store_fails, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
		        test_second_change_during_a_long_lookup, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_worst_first_and_better_last, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_judged_before_it_was_said, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_nobody_else_is_judged, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_everybody_is_asked_at_a_pace, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_affected_are_asked_at_a_pace, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_pace_is_kept, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_gone_before_its_turn, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_sources_are_read_once_for_all, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(test_stale_information_demotes, bed_setup, bed_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
