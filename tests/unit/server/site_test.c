/* SPDX-License-Identifier: ISC */
/* The site in virtual time, with the real policy and store, and a vulnerability index that says what the test
 * wrote. */
#include "policy/evaluation.h"
#include "server/site.h"
#include "server/verdict.h"
#include "tests/unit/policy/scripted_index.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIN_MS 60000LL
#define T0 (20000 * 86400000LL)
#define POLICY \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"segment isolated { allow to server }\n" \
	"segment staff level 2 { allow to any }\n" \
	"role \"employee\" { node \"alice\" }\n" \
	"require patched { no advisory }\n" \
	"reject when node = \"mallory\"\n" \
	"admit role \"employee\" to staff when patched\n" \
	"otherwise isolated\n" \
	"inspect every 30 min certificate lifetime 45 min\n"
#define STRICT \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"otherwise quarantine\n" \
	"inspect every 30 min certificate lifetime 45 min\n"

struct vuln_index *vuln_index_close(struct vuln_index *index)
{
	return NULL;
}

/* What the site did, one word an effect, in order. */
struct bed {
	char dir[64], log[4096];
	struct store *store;
	struct site *site;
	EVP_PKEY *key;
	struct vuln_index index;
	struct site_attachment *port;
	struct site_node *alice;
};

static void say(struct bed *b, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct bed *b, const char *format, ...)
{
	size_t n = strlen(b->log);
	va_list args;
	va_start(args, format);
	vsnprintf(b->log + n, sizeof(b->log) - n, format, args);
	va_end(args);
}

static time_ms now_of_log;

static void on_place(void *context, struct site_attachment *a, bool urgent)
{
	struct bed *b = context;
	say(b, "place:%s%s ", site_segment(b->site, &a->handed, now_of_log)->name, urgent ? "!" : "");
}

static void on_retry(void *context, struct site_attachment *a)
{
	say(context, "retry ");
}

static void on_disconnect(void *context, struct site_attachment *a)
{
	say(context, "disconnect ");
}

static void on_event(void *context, const struct store_event *e)
{
	if (strcmp(e->kind, "placement") != 0)
		say(context, "event:%s ", e->kind);
}

static void on_work(void *context)
{
	say(context, "work ");
}

static const struct site_effects effects = { on_place, on_retry, on_disconnect, on_event, on_work };

static struct policy *policy_of(const char *text)
{
	struct policy *p = NULL;
	struct error err = { "" };
	if (policy_parse("p", text, strlen(text), NULL, NULL, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static void open_site(struct bed *b)
{
	struct error err = { "" };
	if (store_open(b->dir, &b->store, &err) < 0)
		fail_msg("%s", err.text);
	if (site_open(b->store, policy_of(POLICY), b->key, "srv", &effects, b, &b->site, &err) < 0)
		fail_msg("%s", err.text);
	b->site->index = &b->index;
	b->port = site_find_attachment(b->site, "gw", "p1", &(struct mac_address){ { 2, 0, 0, 0, 0, 1 } });
	b->alice = site_find_node(b->site, "alice");
}

static void close_site(struct bed *b)
{
	store_close(b->store);
	site_close(b->site);
}

static int setup(void **state)
{
	struct bed *b = xcalloc(1, sizeof(*b));
	strcpy(b->dir, "/tmp/pratique-site-XXXXXX");
	b->index.generation = 7;
	if (!mkdtemp(b->dir) || key_generate(KEY_ED25519, &b->key, NULL) < 0)
		return -1;
	open_site(b);
	const uint8_t thumbprint[32] = { 0xa1 };
	b->alice = site_see_node(b->site, "alice", thumbprint, "0a", T0);
	b->port = site_see_attachment(b->site, "gw", "p1", &(struct mac_address){ { 2, 0, 0, 0, 0, 1 } }, T0);
	b->port->present = true;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "pratique.db", "pratique.db-wal", "pratique.db-shm" };
	struct bed *b = *state;
	char path[128];
	close_site(b);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		unlink(path);
	}
	rmdir(b->dir);
	EVP_PKEY_free(b->key);
	free(b);
	return 0;
}

static void commit(struct bed *b)
{
	struct error err = { "" };
	if (store_commit(b->store, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect(struct bed *b, const char *log)
{
	assert_string_equal(b->log, log);
	b->log[0] = '\0';
}

static struct posture *posture_with(const char *package)
{
	struct posture *p = posture_new();
	p->os_id = "debian";
	p->os_version = "12";
	p->packages_known = true;
	package = posture_string(p, package);
	struct posture_package one = { "deb", package, "1.0-1", "amd64", package, "1.0-1" };
	assert_int_equal(posture_add_package(p, &one), 0);
	return p;
}

static const struct scripted_match hole = { .package = "openssl",
	.id = "DSA-1",
	.fixed = "1.0-2",
	.source = "test",
	.severity = VULN_SEVERITY_HIGH };

/* Alice comes with openssl, is judged at her port, and the turn ends. */
static void inspect(struct bed *b, time_ms now, struct site_outcome *o)
{
	now_of_log = now;
	assert_int_equal(site_take_posture(b->site, b->alice, posture_with("openssl"), true, now), 0);
	site_judge(b->site, b->alice, b->port, "inspection", NULL, now, o);
}

static void admit(struct bed *b, time_ms now)
{
	struct site_outcome o;
	inspect(b, now, &o);
	assert_string_equal(o.segment, "staff");
	site_outcome_clear(&o);
	commit(b);
	b->log[0] = '\0';
}

/* ---- judging ---- */

static void test_admission_waits_for_the_disk(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	inspect(b, T0, &o);
	assert_true(o.compliant);
	assert_string_equal(o.segment, "staff");
	assert_int_equal(o.level, 2);
	assert_int_equal(o.expires, T0 + 45 * MIN_MS);
	assert_int_equal(o.next_inspection, T0 + 30 * MIN_MS);
	assert_non_null(o.certificate);
	expect(b, ""); /* nobody is told before */
	assert_string_equal(site_segment(b->site, &b->port->handed, T0)->name, "quarantine");
	commit(b);
	expect(b, "place:staff ");
	site_outcome_clear(&o);
}

static void test_demotion_does_not_wait(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	admit(b, T0);
	b->index.matches = &hole;
	b->index.n_matches = 1;
	inspect(b, T0 + MIN_MS, &o);
	expect(b, "place:isolated! ");
	assert_false(o.compliant);
	assert_int_equal(o.decision.n_findings, 1);
	assert_int_equal(b->site->counters.demotions, 1);
	site_outcome_clear(&o);
	commit(b);
	expect(b, "");
}

static void test_no_attachment_no_placement(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	site_take_posture(b->site, b->alice, posture_with("openssl"), true, T0);
	site_judge(b->site, b->alice, NULL, "inspection", NULL, T0, &o);
	assert_true(o.decision.compliant);
	assert_false(o.compliant);
	assert_null(o.certificate);
	assert_string_equal(o.segment, "quarantine");
	assert_string_equal(o.note, "not attached to a known enforcement point");
	site_outcome_clear(&o);
	commit(b);
	expect(b, "event:inspection ");
}

static void test_unsigned_posture_admits_nobody(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	site_take_posture(b->site, b->alice, posture_with("openssl"), false, T0);
	site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, &o);
	assert_false(o.compliant);
	assert_string_equal(o.segment, "quarantine");
	assert_null(o.certificate);
	char *findings = verdict_findings(&o);
	assert_non_null(strstr(findings, "signed posture"));
	free(findings);
	site_outcome_clear(&o);
}

static void test_nothing_known_nothing_given(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, &o); /* no posture */
	assert_false(o.compliant);
	assert_null(o.certificate);
	site_outcome_clear(&o);
	b->site->index = NULL; /* no vulnerability information */
	inspect(b, T0, &o);
	assert_false(o.compliant);
	assert_string_equal(o.segment, "isolated");
	site_outcome_clear(&o);
}

static void test_rejected(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	const uint8_t thumbprint[32] = { 0x66 };
	struct site_node *mallory = site_see_node(b->site, "mallory", thumbprint, "66", T0);
	site_take_posture(b->site, mallory, posture_with("openssl"), true, T0);
	site_judge(b->site, mallory, b->port, "inspection", NULL, T0, &o);
	assert_true(o.rejected);
	assert_string_equal(o.segment, "quarantine");
	assert_null(o.certificate);
	site_outcome_clear(&o);
}

static void test_a_turn_that_fails_decides_nothing(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	commit(b);
	inspect(b, T0, &o);
	store_put_posture(b->store, "alice", "", STORE_POSTURE_MAX + 1); /* poisons the turn */
	assert_true(store_commit(b->store, NULL) < 0);
	expect(b, "");
	assert_string_equal(site_segment(b->site, &b->port->decided, T0)->name, "quarantine");
	assert_int_equal(b->port->decided.certificate[0], '\0');
	site_outcome_clear(&o);
}

static void test_a_demotion_is_stored_in_the_end(void **state)
{
	struct bed *b = *state;
	admit(b, T0);
	site_drop(b->site, b->port, "test", "a test", T0);
	store_put_posture(b->store, "alice", "", STORE_POSTURE_MAX + 1);
	assert_true(store_commit(b->store, NULL) < 0);
	expect(b, "place:quarantine! "); /* it holds all the same */
	assert_true(b->port->unsaved);
	site_tick(b->site, T0 + 1000);
	commit(b);
	close_site(b);
	open_site(b);
	assert_string_equal(site_segment(b->site, &b->port->handed, T0 + 1000)->name, "quarantine");
}

static void test_restart_resumes(void **state)
{
	struct bed *b = *state;
	admit(b, T0);
	struct site_placement before = b->port->decided;
	close_site(b);
	open_site(b);
	assert_non_null(b->port);
	assert_ptr_equal(b->port->node, b->alice);
	assert_memory_equal(&b->port->handed, &before, sizeof(before));
	assert_string_equal(site_segment(b->site, &b->port->handed, T0 + MIN_MS)->name, "staff");
	assert_string_equal(site_segment(b->site, &b->port->handed, T0 + 45 * MIN_MS)->name, "quarantine");
	/* what is stored is enough to judge again */
	b->index.matches = &hole;
	b->index.n_matches = 1;
	site_advisories_changed(b->site, &(struct site_key){ "Debian:12", "openssl" }, 1, false, T0 + MIN_MS);
	now_of_log = T0 + MIN_MS;
	site_work(b->site, now_of_log, 10);
	expect(b, "work place:isolated! ");
}

/* ---- advisories, policy ---- */

static void test_advisory_reaches_those_who_have_the_package(void **state)
{
	struct bed *b = *state;
	int session;
	admit(b, T0);
	b->port->session = &session;
	now_of_log = T0 + 10;
	b->index.matches = &hole;
	b->index.n_matches = 1;
	b->index.passes = 0;
	site_advisories_changed(b->site, &(struct site_key){ "Debian:12", "nginx" }, 1, false, T0 + 10);
	assert_int_equal(site_waiting(b->site), 0);
	site_advisories_changed(b->site, &(struct site_key){ "Debian:12", "OpenSSL" }, 1, false, T0 + 10);
	assert_false(site_work(b->site, T0 + 10, 10));
	expect(b, "work place:isolated! retry ");
	assert_int_equal(b->port->decided.certificate[0], '\0');
	assert_int_equal(
	        b->port->decided.expires, T0 + 45 * MIN_MS); /* no longer than the inspection made it */
	commit(b);
	site_advisories_changed(b->site, NULL, 0, true, T0 + 20); /* the same again: nothing moves */
	site_work(b->site, T0 + 20, 10);
	expect(b, "work ");
	b->port->session = NULL;
}

static void test_withdrawn_advisory_admits_again_but_no_longer(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	b->index.matches = &hole;
	b->index.n_matches = 1;
	inspect(b, T0, &o);
	site_outcome_clear(&o);
	commit(b);
	expect(b, "place:isolated ");
	b->index.n_matches = 0;
	now_of_log = T0 + MIN_MS;
	site_advisories_changed(b->site, NULL, 0, true, now_of_log);
	site_work(b->site, now_of_log, 10);
	expect(b, "work ");
	commit(b);
	expect(b, "place:staff ");
	assert_int_equal(b->port->decided.expires, T0 + 45 * MIN_MS);
}

static void test_kernel_packages_are_called_linux(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	struct posture *p = posture_with("bash");
	struct posture_package kernel = { "deb", "linux-image-6.1.0-41-amd64", "6.1.158-1", "amd64",
		"linux-signed-amd64", "6.1.158+1" };
	assert_int_equal(posture_add_package(p, &kernel), 0);
	site_take_posture(b->site, b->alice, p, true, T0);
	site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, &o);
	site_outcome_clear(&o);
	assert_true(site_has_package(b->alice, site_package_key("linux")));
	assert_true(site_has_package(b->alice, site_package_key("linux-signed-amd64")));
	assert_true(site_has_package(b->alice, site_package_key("Bash")));
	assert_false(site_has_package(b->alice, site_package_key("dash")));
}

static void test_policy_change_judges_everybody(void **state)
{
	struct bed *b = *state;
	admit(b, T0);
	now_of_log = T0 + MIN_MS;
	site_set_policy(b->site, policy_of(STRICT), now_of_log);
	/* the segment is gone from the policy: the default at once, before anybody was judged */
	assert_string_equal(site_segment(b->site, &b->port->handed, now_of_log)->name, "quarantine");
	assert_int_equal(site_waiting(b->site), 1);
	site_work(b->site, now_of_log, 10);
	assert_string_equal(b->port->decided.segment, "quarantine");
	assert_false(b->port->decided.compliant);
}

/* ---- the clock ---- */

static void test_reinspection_and_expiry(void **state)
{
	struct bed *b = *state;
	int session;
	admit(b, T0);
	b->port->session = &session;
	now_of_log = T0 + 30 * MIN_MS - 1;
	site_tick(b->site, now_of_log);
	expect(b, "");
	site_tick(b->site, T0 + 30 * MIN_MS);
	site_tick(b->site, T0 + 31 * MIN_MS); /* asked once */
	expect(b, "retry ");
	commit(b);
	now_of_log = T0 + 45 * MIN_MS;
	site_tick(b->site, now_of_log);
	assert_string_equal(b->port->decided.segment, "");
	assert_int_equal(b->port->decided.certificate[0], '\0');
	commit(b);
	assert_string_equal(site_segment(b->site, &b->port->handed, now_of_log)->name, "quarantine");
	b->port->session = NULL;
}

static void test_disconnected_node_keeps_its_certificate(void **state)
{
	struct bed *b = *state;
	admit(b, T0);
	now_of_log = T0 + 44 * MIN_MS;
	site_tick(b->site, now_of_log);
	expect(b, "");
	assert_string_equal(site_segment(b->site, &b->port->handed, now_of_log)->name, "staff");
}

static void test_gone_attachments_are_forgotten(void **state)
{
	struct bed *b = *state;
	admit(b, T0);
	b->port->present = false;
	site_tick(b->site, T0 + 46 * MIN_MS);
	assert_int_equal(table_count(b->site->attachments), 1);
	site_tick(b->site, T0 + SITE_ABSENT_KEEP_MS + 1); /* the turn still speaks of it */
	assert_int_equal(table_count(b->site->attachments), 1);
	commit(b);
	site_tick(b->site, T0 + SITE_ABSENT_KEEP_MS + 2);
	assert_int_equal(table_count(b->site->attachments), 0);
	assert_null(b->alice->attachments);
	assert_null(b->alice->posture); /* it is in the store */
	assert_non_null(site_posture(b->site, b->alice));
}

/* ---- revocation ---- */

static void test_revocation_and_enrolment(void **state)
{
	struct bed *b = *state;
	struct error err;
	int session;
	const uint8_t old[32] = { 0xa1 }, renewed[32] = { 0xa2 };
	admit(b, T0);
	b->port->session = &session;
	now_of_log = T0 + MIN_MS;
	assert_int_equal(site_check_identity(b->site, "alice", old, "0a", &err), 0);
	assert_int_equal(site_revoke(b->site, b->alice, "stolen", now_of_log), 1);
	expect(b, "place:quarantine! disconnect ");
	commit(b);
	expect(b, "event:revocation ");
	b->port->session = NULL;
	assert_int_equal(site_check_identity(b->site, "alice", old, "0a", &err), -EACCES);
	assert_int_equal(site_check_identity(b->site, "alice", renewed, "0b", &err), -EACCES);
	site_enrolled(b->site, "alice", renewed, "0b", now_of_log);
	commit(b);
	close_site(b);
	open_site(b);
	assert_int_equal(site_check_identity(b->site, "alice", renewed, "0b", &err), 0);
	assert_int_equal(site_check_identity(b->site, "alice", renewed, "0a", &err),
	        -EACCES); /* that serial never again */
	assert_int_equal(site_check_identity(b->site, "alice", old, "0c", &err), -EACCES); /* nor that key */
}

/* ---- accepting a certificate: each field that is wrong leads to a whole inspection ---- */

static void present(struct bed *b, const char *what, struct site_node *node, struct site_attachment *a,
        const char *token, const uint8_t digest[32], bool is_signed, time_ms now,
        enum site_acceptance expected, const char *reason)
{
	const char *why;
	uint64_t refused = b->site->counters.certificates_refused;
	if (site_accept(b->site, node, a, token, digest, is_signed, now, &why) != expected)
		fail_msg("%s: %s", what, expected == SITE_ACCEPTED ? why : "accepted");
	assert_int_equal(b->site->counters.certificates_refused - refused, expected == SITE_REFUSED);
	if (expected == SITE_REFUSED && !strstr(why, reason))
		fail_msg("%s: refused because %s", what, why);
}

/* A token with one claim changed, signed with the right key. */
static char *forge(struct bed *b, const char *token, void (*change)(struct token_claims *c))
{
	struct token_claims c;
	char *forged = NULL;
	assert_int_equal(token_verify(token, b->key, T0 + 1000, &c, NULL), 0);
	change(&c);
	assert_int_equal(token_issue(&c, b->key, &forged, NULL), 0);
	return forged;
}

static void change_issuer(struct token_claims *c)
{
	strcpy(c->issuer, "other");
}
static void change_node(struct token_claims *c)
{
	strcpy(c->node, "bob");
}
static void change_key(struct token_claims *c)
{
	c->thumbprint[3] ^= 1;
}
static void change_point(struct token_claims *c)
{
	strcpy(c->enforcement_point, "gw2");
}
static void change_port(struct token_claims *c)
{
	strcpy(c->port, "p2");
}
static void change_mac(struct token_claims *c)
{
	strcpy(c->mac, "02:00:00:00:00:02");
}
static void change_id(struct token_claims *c)
{
	c->id[0] = c->id[0] == '0' ? '1' : '0';
}
static void change_digest(struct token_claims *c)
{
	c->posture_digest[0] ^= 1;
}

static void test_acceptance(void **state)
{
	struct bed *b = *state;
	struct site_outcome o, second;
	inspect(b, T0, &o);
	commit(b);
	const uint8_t *digest = b->alice->posture_digest;
	uint8_t other[32] = { 1 };
	const time_ms now = T0 + 1000;
	const char *token = o.certificate;
	present(b, "as issued", b->alice, b->port, token, digest, true, now, SITE_ACCEPTED, NULL);
	static const struct {
		const char *what, *reason;
		void (*change)(struct token_claims *c);
	} forgeries[] = {
		{ "issuer", "another server", change_issuer },
		{ "node", "another node", change_node },
		{ "key", "another key", change_key },
		{ "enforcement point", "another attachment", change_point },
		{ "port", "another attachment", change_port },
		{ "mac", "another attachment", change_mac },
		{ "id", "last one", change_id },
		{ "digest", "another posture", change_digest },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(forgeries); i++) {
		char *forged = forge(b, token, forgeries[i].change);
		present(b, forgeries[i].what, b->alice, b->port, forged, digest, true, now, SITE_REFUSED,
		        forgeries[i].reason);
		free(forged);
	}
	present(b, "no attachment", b->alice, NULL, token, digest, true, now, SITE_REFUSED, "attachment");
	present(b, "not signed", b->alice, b->port, token, digest, false, now, SITE_REFUSED, "sign");
	present(b, "changed", b->alice, b->port, token, other, true, now, SITE_REFUSED, "has changed");
	present(b, "expired", b->alice, b->port, token, digest, true, T0 + 45 * MIN_MS, SITE_REFUSED,
	        "not valid");
	present(b, "garbage", b->alice, b->port, "a.b.c", digest, true, now, SITE_REFUSED, "not valid");
	b->alice->posture_signed = false;
	present(b, "unsigned posture", b->alice, b->port, token, digest, true, now, SITE_REFUSED,
	        "no signed posture");
	b->alice->posture_signed = true;
	struct site_node *bob = site_see_node(b->site, "bob", other, "0b", T0);
	present(b, "another node", bob, b->port, token, digest, true, now, SITE_REFUSED, "another node");
	inspect(b, T0 + 2000, &second); /* a newer one was issued */
	commit(b);
	present(b, "older", b->alice, b->port, token, digest, true, T0 + 3000, SITE_REFUSED, "last one");
	present(b, "newer", b->alice, b->port, second.certificate, digest, true, T0 + 3000, SITE_ACCEPTED,
	        NULL);
	site_drop(b->site, b->port, "test", "a test", T0 + 3000);
	present(b, "dropped", b->alice, b->port, second.certificate, digest, true, T0 + 3000, SITE_REFUSED,
	        "last one");
	site_outcome_clear(&o);
	site_outcome_clear(&second);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_admission_waits_for_the_disk),
		TEST(test_demotion_does_not_wait),
		TEST(test_no_attachment_no_placement),
		TEST(test_unsigned_posture_admits_nobody),
		TEST(test_nothing_known_nothing_given),
		TEST(test_rejected),
		TEST(test_a_turn_that_fails_decides_nothing),
		TEST(test_a_demotion_is_stored_in_the_end),
		TEST(test_restart_resumes),
		TEST(test_advisory_reaches_those_who_have_the_package),
		TEST(test_withdrawn_advisory_admits_again_but_no_longer),
		TEST(test_kernel_packages_are_called_linux),
		TEST(test_policy_change_judges_everybody),
		TEST(test_reinspection_and_expiry),
		TEST(test_disconnected_node_keeps_its_certificate),
		TEST(test_gone_attachments_are_forgotten),
		TEST(test_revocation_and_enrolment),
		TEST(test_acceptance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
