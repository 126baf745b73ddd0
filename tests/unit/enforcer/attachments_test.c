/* SPDX-License-Identifier: ISC */
#include "enforcer/attachments.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What came out, as text: one word a thing, in order. */
struct heard {
	char text[8192];
};

static void hear(void *context, const struct attachment_effect *f)
{
	struct heard *h = context;
	char mac[MAC_TEXT_SIZE], ip[IP_TEXT_SIZE];
	size_t n = strlen(h->text);
	char *at = h->text + n;
	size_t left = sizeof(h->text) - n;
	switch (f->kind) {
	case ATTACHMENT_CHANGED:
		snprintf(at, left, "changed:%s/%zu%s ", f->attachment->port, f->attachment->n_addresses,
		        f->attachment->contested_until ? "!" : "");
		break;
	case ATTACHMENT_GONE:
		snprintf(at, left, "gone:%s ", f->attachment->port);
		break;
	case ATTACHMENT_PROBE:
		snprintf(at, left, "probe:%s@%s ", ip_format(&f->ip, ip), mac_format(&f->mac, mac) + 15);
		break;
	case ATTACHMENT_REFRESH:
		break;
	case ATTACHMENT_EVENT:
		snprintf(at, left, "event:%s@%s ", f->event, f->port);
		break;
	case ATTACHMENT_PORT_ADDED:
		snprintf(at, left, "port+%s ", f->port);
		break;
	case ATTACHMENT_PORT_REMOVED:
		snprintf(at, left, "port-%s ", f->port);
		break;
	}
}

struct fixture {
	struct heard heard;
	struct attachments *a;
};

static void expect(struct fixture *f, const char *text)
{
	assert_string_equal(f->heard.text, text);
	f->heard.text[0] = '\0';
}

static struct mac_address mac(unsigned n)
{
	return (struct mac_address){ { 2, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n } };
}

static struct ip_address ip(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static void learn(struct fixture *f, const char *port, unsigned n, time_ms now)
{
	struct mac_address m = mac(n);
	attachments_forwarding(f->a, 0, port, &m, true, now);
}

static void neighbour(
        struct fixture *f, const char *address, unsigned n, enum neighbour_state state, time_ms now)
{
	struct mac_address m = mac(n);
	struct ip_address i = ip(address);
	attachments_neighbour(f->a, 0, &i, state == NEIGHBOUR_FAILED ? NULL : &m, state, now);
}

static const char *owner_of(struct fixture *f, const char *address)
{
	struct ip_address i = ip(address);
	const struct attachment *at = attachments_find_address(f->a, &i);
	return at ? at->port : "nobody";
}

/* Two ports, each with a node: p1 has MAC 1 and 2001:db8::1, p2 has MAC 2. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->a = attachments_new(hear, &f->heard);
	attachments_port(f->a, 0, "p1", true, 0);
	attachments_port(f->a, 0, "p2", true, 0);
	expect(f, "port+p1 port+p2 ");
	learn(f, "p1", 1, 0);
	neighbour(f, "2001:db8::1", 1, NEIGHBOUR_KNOWN, 0);
	learn(f, "p2", 2, 0);
	expect(f, "changed:p1/0 changed:p1/1 changed:p2/0 ");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	attachments_free(f->a);
	free(f);
	return 0;
}

static void binds_what_is_proven(void **state)
{
	struct fixture *f = *state;
	neighbour(f, "10.0.0.2", 2, NEIGHBOUR_CONFIRMED, 1);
	neighbour(f, "fe80::2", 2, NEIGHBOUR_KNOWN, 1);
	expect(f, "changed:p2/1 changed:p2/2 ");
	neighbour(f, "10.0.0.2", 2, NEIGHBOUR_KNOWN, 2);
	expect(f, "");
	assert_string_equal(owner_of(f, "10.0.0.2"), "p2");
	/* A neighbour whose MAC was not seen at any port is nobody's. */
	neighbour(f, "10.0.0.9", 9, NEIGHBOUR_KNOWN, 3);
	assert_string_equal(owner_of(f, "10.0.0.9"), "nobody");
	expect(f, "");
}

static void first_claim_of_an_address_wins(void **state)
{
	struct fixture *f = *state;
	neighbour(f, "2001:db8::1", 2, NEIGHBOUR_CONFIRMED, 10);
	expect(f, "event:address-contested@p2 probe:2001:db8::1@01 changed:p1/1! ");
	assert_string_equal(owner_of(f, "2001:db8::1"), "p1");
	/* Again: counted, not told again. */
	neighbour(f, "2001:db8::1", 2, NEIGHBOUR_CONFIRMED, 11);
	expect(f, "");
	assert_int_equal(attachments_statistics(f->a)->contested, 2);
	/* It answers: it stays beyond the time in which it had to. */
	neighbour(f, "2001:db8::1", 1, NEIGHBOUR_CONFIRMED, 12);
	expect(f, "changed:p2/0 event:impostor@p2 ");
	attachments_tick(f->a, 10 + ATTACHMENT_VERIFY_MS);
	expect(f, "");
	assert_string_equal(owner_of(f, "2001:db8::1"), "p1");
	struct mac_address m = mac(2);
	assert_true(attachments_find(f->a, "p2", &m)->impostor_until);
	attachments_tick(f->a, 11 + ATTACHMENT_CONTESTED_MS);
	expect(f, "changed:p1/1 ");
	attachments_tick(f->a, 12 + ATTACHMENT_IMPOSTOR_MS);
	expect(f, "changed:p2/0 ");
	assert_false(attachments_find(f->a, "p2", &m)->impostor_until);
}

/* An answer that nobody waited for any more convicts nobody; nor does one to another question. */
static void late_answers_convict_nobody(void **state)
{
	struct fixture *f = *state;
	neighbour(f, "2001:db8::1", 2, NEIGHBOUR_CONFIRMED, 10);
	expect(f, "event:address-contested@p2 probe:2001:db8::1@01 changed:p1/1! ");
	neighbour(f, "2001:db8::1", 1, NEIGHBOUR_CONFIRMED, 11 + ATTACHMENT_VERIFY_MS);
	expect(f, "");
	neighbour(f, "2001:db8::1", 1, NEIGHBOUR_CONFIRMED, 12 + ATTACHMENT_VERIFY_MS);
	expect(f, "");
	assert_int_equal(attachments_statistics(f->a)->impostors, 0);
}

static void silent_owner_loses_the_address(void **state)
{
	struct fixture *f = *state;
	struct sighting s = {
		.kind = SIGHTING_ADDRESS, .port = "p2", .mac = mac(2), .ip = ip("2001:db8::1")
	};
	attachments_sighting(f->a, &s, 10);
	expect(f, "event:address-contested@p2 probe:2001:db8::1@01 changed:p1/1! ");
	neighbour(f, "2001:db8::1", 0, NEIGHBOUR_FAILED, 3010);
	expect(f, "changed:p1/0! ");
	neighbour(f, "2001:db8::1", 2, NEIGHBOUR_KNOWN, 3011);
	expect(f, "changed:p2/1 ");
	assert_string_equal(owner_of(f, "2001:db8::1"), "p2");
}

static void failure_without_a_question_changes_nothing(void **state)
{
	struct fixture *f = *state;
	neighbour(f, "2001:db8::1", 0, NEIGHBOUR_FAILED, 10);
	expect(f, "");
	assert_string_equal(owner_of(f, "2001:db8::1"), "p1");
}

static void cloned_mac_stays_with_the_first_port(void **state)
{
	struct fixture *f = *state;
	struct sighting s = { .kind = SIGHTING_MAC, .port = "p2", .mac = mac(1) };
	attachments_sighting(f->a, &s, 10);
	expect(f, "event:mac-moved@p2 probe:2001:db8::1@01 ");
	/* Who is at the port at all loses by it. */
	neighbour(f, "2001:db8::1", 1, NEIGHBOUR_CONFIRMED, 20);
	expect(f, "changed:p2/0 event:impostor@p2 ");
	attachments_tick(f->a, 10 + ATTACHMENT_VERIFY_MS);
	expect(f, "");
	struct mac_address m = mac(1);
	assert_non_null(attachments_find(f->a, "p1", &m));
	assert_null(attachments_find(f->a, "p2", &m));
}

static void node_that_moved_is_let_go(void **state)
{
	struct fixture *f = *state;
	learn(f, "p2", 1, 10);
	expect(f, "event:mac-moved@p2 probe:2001:db8::1@01 ");
	attachments_tick(f->a, 10 + ATTACHMENT_VERIFY_MS);
	expect(f, "gone:p1 ");
	learn(f, "p2", 1, 6000);
	expect(f, "changed:p2/0 ");
	/* With the carrier gone nobody is asked. */
	attachments_port(f->a, 0, "p2", false, 6001);
	expect(f, "gone:p2 gone:p2 ");
	learn(f, "p1", 1, 6002);
	expect(f, "changed:p1/0 ");
}

static void port_that_loses_its_carrier_loses_its_nodes(void **state)
{
	struct fixture *f = *state;
	attachments_port(f->a, 0, "p1", false, 10);
	expect(f, "gone:p1 ");
	assert_string_equal(owner_of(f, "2001:db8::1"), "nobody");
	learn(f, "p1", 1, 11); /* late news of a port that is down */
	expect(f, "");
	attachments_port_gone(f->a, 0, "p2", 12);
	expect(f, "gone:p2 port-p2 ");
	assert_int_equal(attachments_statistics(f->a)->attachments, 0);
	assert_int_equal(attachments_statistics(f->a)->addresses, 0);
}

static void forgotten_entry_is_verified_first(void **state)
{
	struct fixture *f = *state;
	struct mac_address m = mac(1);
	attachments_forwarding(f->a, 0, "p1", &m, false, 10);
	expect(f, "probe:2001:db8::1@01 ");
	neighbour(f, "2001:db8::1", 1, NEIGHBOUR_CONFIRMED, 900);
	attachments_tick(f->a, 10 + ATTACHMENT_VERIFY_MS);
	expect(f, "");
	attachments_forwarding(f->a, 0, "p1", &m, false, 400000);
	attachments_tick(f->a, 400000 + ATTACHMENT_VERIFY_MS);
	expect(f, "probe:2001:db8::1@01 gone:p1 ");
}

static void limits_hold(void **state)
{
	struct fixture *f = *state;
	char text[64];
	for (unsigned i = 0; i < ATTACHMENT_ADDRESSES_MAX + 5; i++) {
		snprintf(text, sizeof(text), "2001:db8:2::%x", i);
		neighbour(f, text, 2, NEIGHBOUR_KNOWN, 10 + i);
	}
	struct mac_address m = mac(2);
	assert_int_equal(attachments_find(f->a, "p2", &m)->n_addresses, ATTACHMENT_ADDRESSES_MAX);
	assert_int_equal(attachments_statistics(f->a)->refused_addresses, 5);
	assert_non_null(strstr(f->heard.text, "event:address-limit@p2"));
	/* When it has many, the one that was silent longest is asked, and makes room. */
	assert_non_null(strstr(f->heard.text, "probe:2001:db8:2::@02"));
	neighbour(f, "2001:db8:2::", 0, NEIGHBOUR_FAILED, 3000);
	neighbour(f, "2001:db8:3::1", 2, NEIGHBOUR_KNOWN, 3001);
	assert_string_equal(owner_of(f, "2001:db8:3::1"), "p2");
	for (unsigned i = 0; i < ATTACHMENTS_PER_PORT_MAX + 10; i++)
		learn(f, "p1", 0x100 + i, 4000);
	assert_int_equal(attachments_statistics(f->a)->refused_attachments, 11);
	assert_int_equal(attachments_statistics(f->a)->attachments, ATTACHMENTS_PER_PORT_MAX + 1);
}

static void restored_claims_come_first(void **state)
{
	struct fixture *f = *state;
	struct element e = { .kind = ELEMENT_MAC, .port = "p1", .mac = mac(7) };
	attachments_restore(f->a, &e, 0);
	e.kind = ELEMENT_ADDRESS;
	e.ip = ip("2001:db8::7");
	attachments_restore(f->a, &e, 0);
	neighbour(f, "2001:db8::7", 2, NEIGHBOUR_CONFIRMED, 1);
	assert_string_equal(owner_of(f, "2001:db8::7"), "p1");
	/* Not at a port that has gone meanwhile. */
	strcpy(e.port, "p9");
	e.mac = mac(8);
	attachments_restore(f->a, &e, 0);
	assert_null(attachments_find(f->a, "p9", &e.mac));
}

static void address_exists_once_link_local_once_a_link(void **state)
{
	struct fixture *f = *state;
	struct mac_address m = mac(3);
	struct ip_address global = ip("2001:db8::1"), local = ip("fe80::1");
	attachments_port(f->a, 1, "q1", true, 0);
	attachments_forwarding(f->a, 1, "q1", &m, true, 0);
	neighbour(f, "fe80::1", 1, NEIGHBOUR_KNOWN, 0);
	attachments_neighbour(f->a, 1, &local, &m, NEIGHBOUR_KNOWN, 0);
	expect(f, "port+q1 changed:q1/0 changed:p1/2 changed:q1/1 ");
	assert_null(attachments_find_address(f->a, &local)); /* which one? */
	attachments_neighbour(f->a, 1, &global, &m, NEIGHBOUR_CONFIRMED, 1);
	expect(f, "event:address-contested@q1 probe:2001:db8::1@01 changed:p1/2! ");
	/* That nobody answers on the other link says nothing. */
	attachments_neighbour(f->a, 1, &global, NULL, NEIGHBOUR_FAILED, 2);
	assert_string_equal(owner_of(f, "2001:db8::1"), "p1");
}

static void question_that_was_not_asked_needs_no_answer(void **state)
{
	struct fixture *f = *state;
	struct ip_address i = ip("2001:db8::1");
	learn(f, "p2", 1, 10);
	expect(f, "event:mac-moved@p2 probe:2001:db8::1@01 ");
	attachments_unasked(f->a, 0, &i);
	attachments_tick(f->a, 10 + ATTACHMENT_VERIFY_MS);
	expect(f, "");
	assert_string_equal(owner_of(f, "2001:db8::1"), "p1");
}

static void rogue_server_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct sighting s = { .kind = SIGHTING_ROGUE, .port = "p2", .mac = mac(2) };
	attachments_sighting(f->a, &s, 10);
	attachments_sighting(f->a, &s, 1000);
	expect(f, "event:rogue-server@p2 ");
	attachments_sighting(f->a, &s, 10 + ATTACHMENT_EVENT_QUIET_MS);
	expect(f, "event:rogue-server@p2 ");
}

static int session(struct fixture *f, const char *port, unsigned n, const char *first, const char *second)
{
	struct ip_prefix prefixes[2];
	struct error err;
	assert_int_equal(ip_prefix_parse(first, &prefixes[0]), 0);
	if (second)
		assert_int_equal(ip_prefix_parse(second, &prefixes[1]), 0);
	const struct attachment_session s = { port, "alice", "alice@home", "", mac(n), prefixes,
		second ? 2 : 1 };
	return attachments_session(f->a, 1, &s, 10, &err);
}

static void sessions_have_prefixes(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(session(f, "sw-1", 21, "2001:db8:5::/64", "10.5.0.1/32"), 0);
	expect(f, "port+sw-1 changed:sw-1/2 ");
	assert_string_equal(owner_of(f, "2001:db8:5::77"), "sw-1");
	assert_string_equal(owner_of(f, "10.5.0.1"), "sw-1");
	/* Renumbered: the old prefix is free again. */
	assert_int_equal(session(f, "sw-1", 21, "2001:db8:6::/56", NULL), 0);
	expect(f, "changed:sw-1/1 ");
	assert_string_equal(owner_of(f, "2001:db8:6:ff::1"), "sw-1");
	assert_string_equal(owner_of(f, "2001:db8:5::77"), "nobody");
	/* Neither a part of it, nor the whole, is another's; a node on a link that claims one of its
	 * addresses is refused, and nobody asks the session. */
	assert_int_equal(session(f, "sw-2", 22, "2001:db8:6:1::/64", NULL), -EINVAL);
	assert_int_equal(session(f, "sw-3", 21, "2001:db8:7::/64", NULL), -EINVAL);
	f->heard.text[0] = '\0';
	struct ip_address i = ip("2001:db8:6::1");
	struct mac_address m = mac(1);
	attachments_neighbour(f->a, 0, &i, &m, NEIGHBOUR_CONFIRMED, 20);
	expect(f, "event:address-contested@p1 changed:p1/1 event:impostor@p1 changed:sw-1/1! ");
	attachments_port_gone(f->a, 1, "sw-1", 30);
	expect(f, "gone:sw-1 port-sw-1 ");
	assert_string_equal(owner_of(f, "2001:db8:6::1"), "nobody");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(binds_what_is_proven),
		CASE(first_claim_of_an_address_wins),
		CASE(late_answers_convict_nobody),
		CASE(silent_owner_loses_the_address),
		CASE(failure_without_a_question_changes_nothing),
		CASE(cloned_mac_stays_with_the_first_port),
		CASE(node_that_moved_is_let_go),
		CASE(port_that_loses_its_carrier_loses_its_nodes),
		CASE(forgotten_entry_is_verified_first),
		CASE(limits_hold),
		CASE(restored_claims_come_first),
		CASE(address_exists_once_link_local_once_a_link),
		CASE(question_that_was_not_asked_needs_no_answer),
		CASE(rogue_server_is_told_once),
		CASE(sessions_have_prefixes),
	};
	return cmocka_run_group_tests_name("attachments", tests, NULL, NULL);
}
