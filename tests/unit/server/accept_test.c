/* SPDX-License-Identifier: ISC */
/* Accepting a certificate: each field that is wrong leads to a whole inspection. */
#include "tests/unit/server/site_bed.h"

#include <string.h>

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
	bed_inspect(b, T0, &o);
	bed_commit(b);
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
	bed_inspect(b, T0 + 2000, &second); /* a newer one was issued */
	bed_commit(b);
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_acceptance, bed_setup, bed_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
