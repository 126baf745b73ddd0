/* SPDX-License-Identifier: ISC */
/* A link against a scripted peer: what it answers, what it never does, and that every conversation ends. */
#include "tests/unit/proto/ppp_script.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static void options_are_judged(void **state)
{
	LINE line = alone();
	size_t length;
	line_restart(line, 1);
	(void)hear(LCP, 1, &length);
	/* Unknown and compression options are rejected together, as they came; the good ones are not named.
	 */
	TELL(line, 1, LCP, 1, 9, MAGIC "\7\2\x8\2\x63\4ab\1\4\5\xdc");
	HEARD(LCP, 4, 9, "\7\2\x8\2\x63\4ab");
	TELL(line, 1, LCP, 1, 10, "\1\4\1\0"); /* an MRU that is too small: proposed is the least */
	HEARD(LCP, 3, 10, "\1\4\2\x40");
	TELL(line, 1, LCP, 1, 11, MAGIC MAGIC);
	HEARD(LCP, 4, 11, MAGIC);
	TELL(line, 1, LCP, 1, 12, "\5\6\0\0\0\0");
	assert_int_equal(hear(LCP, 3, &length)[3], 12);
	TELL(line, 1, LCP, 1, 13, "\5\4\0\0");
	HEARD(LCP, 4, 13, "\5\4\0\0");
	TELL(line, 1, LCP, 1, 14, "\3\4\xc0\x23"); /* nothing is configured to prove ourselves with */
	HEARD(LCP, 4, 14, "\3\4\xc0\x23");
	TELL(line, 1, LCP, 1, 15, "\2\6\0\0\0\0" MAGIC);
	HEARD(LCP, 2, 15, "\2\6\0\0\0\0" MAGIC);
	assert_true(line->ends[1].counters.options_refused >= 7);
}

static void malformed_packets_are_dropped(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} frames[] = {
		{ "", 0 },
		{ "\xc0", 1 },
		{ "\xc0\x21", 2 },
		{ "\xff\x03\xc0", 3 },
		{ "\xc0\x21\1\1\0\3", 6 },
		{ "\xc0\x21\1\1\0\x20\1\4", 8 },
		{ "\xc0\x21\1\1\0\5\1", 7 },
		{ "\xc0\x21\1\1\0\6\1\1", 8 },
		{ "\xc0\x21\1\1\0\6\1\7", 8 },
		{ "\xc0\x20\1\1\0\4", 6 },
		{ "\xc0\x21\x9\1\0\5\0", 7 },
		{ "\x80\x21\1\1\0\4", 6 },
		{ "\xc0\x23\1\1\0\4", 6 },
	};
	LINE line = alone();
	size_t length;
	line_restart(line, 1);
	(void)hear(LCP, 1, &length);
	for (size_t i = 0; i < ARRAY_LENGTH(frames); i++)
		line_inject(line, 1, frames[i].bytes, frames[i].length);
	uint8_t large[PPP_FRAME_MAX + 1] = { 0xc0, 0x21, 9, 1, 8, 0 };
	line_inject(line, 1, large, sizeof(large));
	assert_silence();
	assert_true(line->ends[1].counters.malformed >= 10);
	/* A compressed protocol field and an address and control field are understood. */
	line_inject(line, 1, "\xff\x03\xc0\x21\1\1\0\4", 8);
	HEARD(LCP, 2, 1, "");
}

static void naks_without_end_end(void **state)
{
	LINE line = alone();
	line_restart(line, 1);
	for (unsigned i = 0; i < 100 && !line->ends[1].ended; i++) {
		size_t length;
		const uint8_t *frame = hear(LCP, 1, &length);
		TELL(line, 1, LCP, 3, frame[3], "\5\6\1\2\3\4");
		if (n_said > n_read && said[n_read].bytes[2] == 5)
			break;
	}
	line_run(line, 5000);
	assert_int_equal(line->ends[1].end, PPP_END_NEGOTIATION);
	assert_true(n_said < 30);
}

static void bad_requests_without_end_end(void **state)
{
	LINE line = alone();
	line_restart(line, 1);
	for (uint8_t i = 0; i < 100 && n_said < 100; i++)
		TELL(line, 1, LCP, 1, i, "\1\4\0\1"); /* nak'ed, then rejected */
	line_run(line, 5000);
	assert_int_equal(line->ends[1].end, PPP_END_NEGOTIATION);
	unsigned naks = 0, rejects = 0;
	for (size_t i = 0; i < n_said; i++) {
		naks += said[i].bytes[2] == 3;
		rejects += said[i].bytes[2] == 4;
	}
	assert_int_equal(naks, 5); /* Max-Failure */
	assert_int_equal(rejects, 5);
}

static void peer_that_only_acknowledges_ends(void **state)
{
	LINE line = alone();
	line->ends[1].config.authentication_ms = 20000;
	line_restart(line, 1);
	for (unsigned i = 0; i < 1000 && !line->ends[1].ended; i++) {
		while (n_read < n_said && said[n_read].bytes[2] == 1)
			acknowledge(line, 1, LCP);
		line_run(line, 100);
		n_read = n_said;
		if (i % 7 == 0)
			n_said = n_read = 0;
	}
	assert_int_equal(line->ends[1].end, PPP_END_NEGOTIATION);
}

static void silent_peer_ends(void **state)
{
	LINE line = alone();
	line_restart(line, 0);
	line_run(line, 60000);
	assert_int_equal(line->ends[0].end, PPP_END_NEGOTIATION);
	assert_int_equal(n_said, 10); /* Max-Configure */
	for (size_t i = 0; i < n_said; i++)
		assert_memory_equal(said[i].bytes, said[0].bytes, said[0].length);
}

static void initiator_lets_the_session_settle(void **state)
{
	LINE line = alone();
	size_t length;
	line_restart(line, 0);
	line_run(line, 10);
	assert_silence();
	line_run(line, 20);
	(void)hear(LCP, 1, &length);
	LINE other = alone();
	line_restart(other, 0);
	TELL(other, 0, LCP, 1, 1, MAGIC); /* the peer is there */
	(void)hear(LCP, 1, &length);
	HEARD(LCP, 2, 1, MAGIC);
}

/* The same link is on both ends of the wire. */
static void looped_line_is_found(void **state)
{
	LINE line = alone();
	line_restart(line, 1);
	for (unsigned i = 0; i < 200 && n_read < n_said && !line->ends[1].ended; i++, n_read++)
		line_inject(line, 1, said[n_read].bytes, said[n_read].length);
	line_run(line, 5000);
	assert_int_equal(line->ends[1].end, PPP_END_LOOPED);
}

static void own_magic_in_an_echo_ends_the_link(void **state)
{
	LINE line = alone();
	size_t length;
	line_restart(line, 1);
	uint8_t magic[4];
	const uint8_t *request = hear(LCP, 1, &length);
	memcpy(magic, request + length - 4, 4);
	tell(line, 1, LCP, 2, request[3], request + 6, length - 6);
	TELL(line, 1, LCP, 1, 1, MAGIC);
	HEARD(LCP, 2, 1, MAGIC);
	TELL(line, 1, LCP, 9, 7,
	        "\x12\x34\x56\x78"
	        "data");
	n_read = n_said - 1;
	const uint8_t *reply = hear(LCP, 10, &length);
	assert_memory_equal(reply + 6, magic, 4);
	assert_memory_equal(reply + 10, "data", 4);
	tell(line, 1, LCP, 9, 8, magic, 4);
	line_run(line, 5000);
	assert_int_equal(line->ends[1].end, PPP_END_LOOPED);
}

static void demand_is_never_weaker_than_configured(void **state)
{
	LINE line = alone();
	size_t length;
	struct line_end *site = &line->ends[1];
	site->config.demand[0] = PPP_EAP;
	site->config.demand[1] = PPP_MSCHAPV2;
	site->config.n_demand = 2;
	line_restart(line, 1);
	const uint8_t *frame = hear(LCP, 1, &length);
	assert_memory_equal(frame + 10, "\3\4\xc2\x27", 4);
	TELL(line, 1, LCP, 3, frame[3], "\3\4\xc0\x23"); /* "let me use PAP" */
	frame = hear(LCP, 1, &length);
	assert_memory_equal(frame + 10, "\3\5\xc2\x23\x81", 5);
	TELL(line, 1, LCP, 3, frame[3], "\3\5\xc2\x23\5");
	line_run(line, 5000);
	assert_int_equal(site->end, PPP_END_NO_METHOD);
}

static void peer_that_insists_on_an_mru_gets_the_default(void **state)
{
	LINE line = alone();
	size_t length;
	line_restart(line, 1);
	for (unsigned i = 0; i <= 6; i++) {
		const uint8_t *frame = hear(LCP, 1, &length);
		assert_int_equal(length, i < 6 ? 16 : 12);
		if (i < 6)
			TELL(line, 1, LCP, 3, frame[3], "\1\4\x5\xdc");
	}
}

/* Neither control characters nor broken UTF-8: the name is shown and logged. */
static void names_that_are_no_text_are_refused(void **state)
{
	static const char *const names[] = { "ca\nrol", "carol\x1b[2J", "\xff", "car\xc3", "\xc2\x85x" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		LINE line = alone();
		uint8_t request[64] = { (uint8_t)strlen(names[i]) };
		size_t n = 1 + request[0];
		memcpy(request + 1, names[i], request[0]);
		request[n++] = 0;
		line_demand(line, 1, PPP_PAP);
		open_lcp(line, 1, MAGIC, 6);
		tell(line, 1, PAP, 1, 1, request, n);
		assert_int_equal(line->ends[1].asked, 0);
		line_run(line, 5000);
		assert_int_equal(line->ends[1].end, PPP_END_AUTH_FAILED);
	}
}

static void reject_then_read(struct line_end *end, const struct ppp_auth_request *request)
{
	struct ppp_auth_answer answer = { .verdict = PPP_REJECT, .message = "no" };
	assert_int_equal(ppp_answer(end->link, request->id, &answer, end->line->now), 0);
	assert_string_equal(request->user, "carol");
	assert_int_equal(request->password_length, 2);
}

static void a_request_outlives_its_answer(void **state)
{
	LINE line = alone();
	line_demand(line, 1, PPP_PAP);
	line->ends[1].on_request = reject_then_read;
	open_lcp(line, 1, MAGIC, 6);
	TELL(line, 1, PAP, 1, 1, "\5carol\2pw");
	HEARD(PAP, 3, 1, "\2no");
}

/* One side has no secret: nothing is asked of the other any more. */
static void no_secret_ends_both_proofs(void **state)
{
	LINE line = alone();
	line_demand(line, 1, PPP_CHAP_MD5);
	line_demand(line, 0, PPP_PAP);
	line->ends[1].secret.user[0] = '\0';
	open_lcp(line, 1, "\3\4\xc0\x23" MAGIC, 10);
	line_run(line, 60000);
	assert_int_equal(line->ends[1].end, PPP_END_NO_METHOD);
	assert_true(never_said(CHAP) && never_said(PAP));
}

static void rejected_authentication_ends(void **state)
{
	LINE line = alone();
	size_t length;
	line_demand(line, 1, PPP_CHAP_MD5);
	line_restart(line, 1);
	const uint8_t *frame = hear(LCP, 1, &length);
	TELL(line, 1, LCP, 4, frame[3], "\3\5\xc2\x23\5");
	line_run(line, 5000);
	assert_int_equal(line->ends[1].end, PPP_END_NO_METHOD);
}

static void secrets_are_given_by_the_configured_method_only(void **state)
{
	LINE line = alone();
	size_t length;
	struct line_end *nomad = &line->ends[0];
	nomad->config.give[0] = PPP_EAP;
	nomad->config.give[1] = PPP_MSCHAPV2;
	nomad->config.n_give = 2;
	(void)snprintf(nomad->secret.user, 16, "carol");
	line_restart(line, 0);
	line_run(line, 20);
	(void)hear(LCP, 1, &length);
	TELL(line, 0, LCP, 1, 1, "\3\4\xc0\x23");
	HEARD(LCP, 3, 1, "\3\4\xc2\x27");
	TELL(line, 0, LCP, 1, 2, "\3\4\xc0\x23");
	HEARD(LCP, 3, 2, "\3\5\xc2\x23\x81"); /* the other one that we have */
	for (uint8_t id = 3; id < 30; id++)
		TELL(line, 0, LCP, 1, id, "\3\4\xc0\x23");
	line_run(line, 5000);
	assert_int_equal(nomad->end, PPP_END_NO_METHOD);
	assert_true(never_said(PAP));
}

static void other_methods_than_agreed_get_no_answer(void **state)
{
	LINE line = alone();
	struct line_end *nomad = &line->ends[0];
	line_demand(line, 1, PPP_MSCHAPV2);
	open_lcp(line, 0, "\3\5\xc2\x23\x81" MAGIC, 11);
	TELL(line, 0, CHAP, 1, 1, "\4abcdsite"); /* too short for MS-CHAPv2: perhaps it answers by MD5? */
	TELL(line, 0, EAP, 1, 1, "\1");
	TELL(line, 0, PAP, 2, 1, "\0");
	TELL(line, 0, CHAP, 3, 1, "welcome");
	TELL(line, 0, EAP, 3, 1, "");
	assert_silence();
	assert_false(nomad->network || nomad->ended);
}

/* RFC 3748, 2.1: a method that was begun is not left for another, above all not for a weaker one. */
static void eap_method_cannot_be_changed(void **state)
{
	LINE line = alone();
	size_t length;
	line_demand(line, 1, PPP_EAP);
	line->ends[0].config.eap[0] = PPP_EAP_MSCHAPV2;
	line->ends[0].config.eap[1] = PPP_EAP_MD5;
	line->ends[0].config.n_eap = 2;
	open_lcp(line, 0, "\3\4\xc2\x27" MAGIC, 10);
	TELL(line, 0, EAP, 1, 1, "\1");
	HEARD(EAP, 2, 1, "\1carol");
	TELL(line, 0, EAP, 1, 2,
	        "\x1a\1\x9\0\x15\x10"
	        "0123456789abcdef");
	(void)hear(EAP, 2, &length);
	TELL(line, 0, EAP, 1, 3,
	        "\4\x10"
	        "0123456789abcdef");
	TELL(line, 0, EAP, 1, 4, "\1");
	assert_silence();
}

static void responses_must_be_to_this_challenge(void **state)
{
	LINE line = alone();
	size_t length;
	line_demand(line, 1, PPP_CHAP_MD5);
	line->ends[1].hold_answer = true;
	open_lcp(line, 1, MAGIC, 6);
	uint8_t id = hear(CHAP, 1, &length)[3];
	TELL(line, 1, CHAP, 2, (uint8_t)(id - 1),
	        "\x10"
	        "0123456789abcdef"
	        "carol");
	TELL(line, 1, CHAP, 2, (uint8_t)(id + 1),
	        "\x10"
	        "0123456789abcdef"
	        "carol");
	TELL(line, 1, CHAP, 2, id,
	        "\x0f"
	        "0123456789abcde"
	        "carol");
	assert_int_equal(line->ends[1].asked, 0);
	TELL(line, 1, CHAP, 2, id,
	        "\x10"
	        "0123456789abcdef"
	        "carol");
	TELL(line, 1, CHAP, 2, id,
	        "\x10"
	        "0123456789abcdee"
	        "carol");
	assert_int_equal(line->ends[1].asked, 1);
}

static void unprotected_links_use_no_chap(void **state)
{
	static const enum ppp_method methods[] = { PPP_PAP, PPP_CHAP_MD5, PPP_MSCHAPV2 };
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		LINE line = alone();
		line->ends[1].parameters.is_protected = false;
		line_demand(line, 1, methods[i]);
		line_restart(line, 1);
		assert_int_equal(line->ends[1].end, PPP_END_UNPROTECTED);
		assert_silence();
	}
	/* A stronger one in the list is demanded, and no Nak leads away from it. */
	LINE line = alone();
	size_t length;
	line->ends[1].parameters.is_protected = false;
	line_demand(line, 1, PPP_MSCHAPV2);
	line_demand(line, 1, PPP_EAP);
	line_restart(line, 1);
	const uint8_t *frame = hear(LCP, 1, &length);
	assert_memory_equal(frame + 10, "\3\4\xc2\x27", 4);
	TELL(line, 1, LCP, 3, frame[3], "\3\5\xc2\x23\x81");
	line_run(line, 5000);
	assert_int_equal(line->ends[1].end, PPP_END_NO_METHOD);
}

static void unprotected_initiators_give_no_chap(void **state)
{
	LINE line = alone();
	size_t length;
	line->ends[0].parameters.is_protected = false;
	line_demand(line, 1, PPP_CHAP_MD5);
	line_restart(line, 0);
	line_run(line, 20);
	(void)hear(LCP, 1, &length);
	TELL(line, 0, LCP, 1, 1, "\3\5\xc2\x23\5");
	HEARD(LCP, 4, 1, "\3\5\xc2\x23\5");
	TELL(line, 0, LCP, 5, 2, "you must"); /* so the peer gives up */
	HEARD(LCP, 6, 2, "");
	assert_int_equal(line->ends[0].end, PPP_END_UNPROTECTED);
	assert_string_equal(line->ends[0].message, "you must");
}

static void unknown_protocols_and_codes_are_rejected(void **state)
{
	LINE line = alone();
	size_t length;
	open_lcp(line, 1, MAGIC "\1\4\2\x40", 10);
	n_read = n_said;
	TELL(line, 1, 0x80fd, 1, 5, "\x12\6\1\0\0\x60"); /* CCP */
	const uint8_t *frame = hear(LCP, 8, &length);
	assert_memory_equal(frame + 6, "\x80\xfd\1\5\0\x0a\x12\6\1\0\0\x60", 12);
	uint8_t large[1200] = { 0 };
	tell(line, 1, 0x8053, 1, 6, large, sizeof(large));
	(void)hear(LCP, 8, &length);
	assert_int_equal(length, 2 + 576); /* what the peer can receive */
	TELL(line, 1, LCP, 99, 7, "what");
	frame = hear(LCP, 7, &length);
	assert_memory_equal(frame + 6, "\x63\7\0\x08what", 8);
	TELL(line, 1, LCP, 12, 1, "\x12\x34\x56\x78hello"); /* Identification */
	TELL(line, 1, LCP, 13, 1,
	        "\x12\x34\x56\x78\0\0\0\x3c"
	        "bye");
	TELL(line, 1, LCP, 11, 1, "\x12\x34\x56\x78");
	line_inject(line, 1, "\x21garbage", 8); /* IPv4 is not for us */
	assert_silence();
	assert_false(line->ends[1].ended);
	assert_int_equal(line->ends[1].counters.protocols_rejected, 2);
}

static void nothing_is_rejected_before_the_network_phase(void **state)
{
	LINE line = alone();
	line_demand(line, 1, PPP_PAP);
	open_lcp(line, 1, MAGIC, 6);
	TELL(line, 1, 0x80fd, 1, 5, "\x12\6\1\0\0\x60");
	TELL(line, 1, IPCP, 1, 5, "\3\6\0\0\0\0");
	TELL(line, 1, IPV6CP, 1, 5, "\1\xa\1\2\3\4\5\6\7\x8");
	assert_silence();
}

/* The initiator's host has crashed and calls again on the same session. */
static void renegotiation_starts_anew(void **state)
{
	LINE line = line_new(4);
	line_demand(line, 1, PPP_MSCHAPV2);
	line_up(line);
	for (unsigned i = 1; i < 9; i++) {
		line_run(line, 5000);
		assert_true(
		        line->ends[0].ipv4 && line->ends[0].ipv6 && line->ends[1].ipv4 && line->ends[1].ipv6);
		assert_int_equal(line->ends[1].networks, i);
		assert_int_equal(line->ends[1].asked, i);
		line_restart(line, 0);
	}
	line_run(line, 5000);
	assert_false(line->ends[1].ended);
	line_restart(line, 0);
	line_run(line, 5000); /* once too often within a minute */
	assert_int_equal(line->ends[1].end, PPP_END_NEGOTIATION);
}

static void renegotiation_changes_no_user(void **state)
{
	LINE line = line_new(4);
	line_demand(line, 1, PPP_CHAP_MD5);
	line_up(line);
	line_run(line, 5000);
	(void)snprintf(line->ends[0].secret.user, 16, "dave");
	line_restart(line, 0);
	line_run(line, 5000);
	assert_int_equal(line->ends[1].asked, 1);
	assert_int_equal(line->ends[1].end, PPP_END_AUTH_FAILED);
}

static void stale_answers_change_nothing(void **state)
{
	LINE line = alone();
	size_t length;
	open_lcp(line, 1, MAGIC, 6);
	n_read = 0;
	const uint8_t *request = hear(LCP, 1, &length);
	n_read = n_said;
	uint8_t id = request[3];
	tell(line, 1, LCP, 2, id, request + 6, length - 6); /* the same Ack again */
	tell(line, 1, LCP, 2, (uint8_t)(id + 1), request + 6, length - 6);
	TELL(line, 1, LCP, 3, id, "\5\6\1\2\3\4");
	TELL(line, 1, LCP, 1, 1, MAGIC); /* the request that was acknowledged, again */
	HEARD(LCP, 2, 1, MAGIC);
	assert_silence();
	assert_int_equal(line->ends[1].networks, 1);
	TELL(line, 1, LCP, 1, 2, MAGIC); /* another one is a renegotiation */
	(void)hear(LCP, 1, &length);
	HEARD(LCP, 2, 2, MAGIC);
}

static void catastrophic_rejects_end_the_link(void **state)
{
	LINE line = line_new(4);
	line_up(line);
	line_run(line, 100);
	TELL(line, 1, LCP, 7, 1, "\1\1\0\4");
	line_run(line, 5000);
	assert_int_equal(line->ends[1].end, PPP_END_NEGOTIATION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_judged),
		cmocka_unit_test(malformed_packets_are_dropped),
		cmocka_unit_test(naks_without_end_end),
		cmocka_unit_test(bad_requests_without_end_end),
		cmocka_unit_test(peer_that_only_acknowledges_ends),
		cmocka_unit_test(silent_peer_ends),
		cmocka_unit_test(initiator_lets_the_session_settle),
		cmocka_unit_test(looped_line_is_found),
		cmocka_unit_test(own_magic_in_an_echo_ends_the_link),
		cmocka_unit_test(demand_is_never_weaker_than_configured),
		cmocka_unit_test(peer_that_insists_on_an_mru_gets_the_default),
		cmocka_unit_test(names_that_are_no_text_are_refused),
		cmocka_unit_test(a_request_outlives_its_answer),
		cmocka_unit_test(no_secret_ends_both_proofs),
		cmocka_unit_test(rejected_authentication_ends),
		cmocka_unit_test(secrets_are_given_by_the_configured_method_only),
		cmocka_unit_test(other_methods_than_agreed_get_no_answer),
		cmocka_unit_test(eap_method_cannot_be_changed),
		cmocka_unit_test(responses_must_be_to_this_challenge),
		cmocka_unit_test(unprotected_links_use_no_chap),
		cmocka_unit_test(unprotected_initiators_give_no_chap),
		cmocka_unit_test(unknown_protocols_and_codes_are_rejected),
		cmocka_unit_test(nothing_is_rejected_before_the_network_phase),
		cmocka_unit_test(renegotiation_starts_anew),
		cmocka_unit_test(renegotiation_changes_no_user),
		cmocka_unit_test(stale_answers_change_nothing),
		cmocka_unit_test(catastrophic_rejects_end_the_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
