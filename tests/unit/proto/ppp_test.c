/* SPDX-License-Identifier: ISC */
/* Conversations of both roles: phases, authentication but EAP, addresses, ends. */
#include "tests/unit/proto/ppp_line.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void assert_both_up(const struct line *line)
{
	const struct line_end *nomad = &line->ends[0], *site = &line->ends[1];
	assert_true(nomad->network && site->network);
	assert_true(nomad->ipv4 && site->ipv4);
	assert_true(nomad->ipv6 && site->ipv6);
	assert_memory_equal(nomad->v4.local, site->grant.v4.peer, 4);
	assert_memory_equal(nomad->v4.peer, site->grant.v4.local, 4);
	assert_memory_equal(nomad->v4.name_servers, site->grant.v4.name_servers, 8);
	assert_memory_equal(site->v4.peer, site->grant.v4.peer, 4);
	assert_memory_equal(nomad->v6.local, site->grant.v6.peer, 8);
	assert_memory_equal(nomad->v6.peer, site->v6.local, 8);
	assert_memory_equal(site->v6.local, site->grant.v6.local, 8);
}

static void anonymous_link_comes_up_at_once(void **state)
{
	LINE line = line_new(1);
	line_up(line);
	line_run(line, 100); /* no retransmission was needed */
	assert_both_up(line);
	assert_int_equal(line->ends[1].method, PPP_NO_METHOD);
	assert_string_equal(line->ends[1].user, "");
	assert_int_equal(line->ends[1].asked, 0);
	assert_int_equal(ppp_mtu(line->ends[0].link), 1400);
	assert_int_equal(ppp_deadline(line->ends[0].link), PPP_NEVER);
	assert_memory_equal(ppp_get_ipv4(line->ends[0].link)->local, "\xc0\x00\x02\x4d", 4);
	assert_non_null(ppp_get_ipv6(line->ends[1].link));
}

static void the_smaller_mru_counts(void **state)
{
	LINE line = line_new(1);
	line->ends[0].parameters.mru = 1280;
	line->ends[1].parameters.mru = 1500;
	line_up(line);
	line_run(line, 100);
	assert_both_up(line);
	assert_int_equal(ppp_mtu(line->ends[0].link), 1280);
	assert_int_equal(ppp_mtu(line->ends[1].link), 1280);
}

static const enum ppp_method methods[] = { PPP_PAP, PPP_CHAP_MD5, PPP_MSCHAPV2 };

static void each_method_proves_the_user(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		LINE line = line_new(i + 2);
		line_demand(line, 1, methods[i]);
		line_up(line);
		line_run(line, 200);
		assert_both_up(line);
		assert_int_equal(line->ends[1].method, methods[i]);
		assert_string_equal(line->ends[1].user, "carol");
		assert_int_equal(line->ends[1].asked, 1);
		assert_int_equal(line->ends[0].method, PPP_NO_METHOD);
		assert_int_equal(line->ends[1].counters.opened, 1);
	}
}

static void wrong_passwords_end_the_link(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		LINE line = line_new(i + 2);
		line_demand(line, 1, methods[i]);
		(void)snprintf(line->ends[0].secret.password, 16, "guess");
		line_up(line);
		line_run(line, 2000);
		assert_true(line->ends[0].ended && line->ends[1].ended);
		assert_int_equal(line->ends[0].end, PPP_END_REFUSED);
		assert_int_equal(line->ends[1].end, PPP_END_AUTH_FAILED);
		assert_false(line->ends[0].network || line->ends[1].network);
		assert_int_equal(line->ends[1].counters.authentications_failed, 1);
		if (methods[i] == PPP_MSCHAPV2) {
			assert_memory_equal(line->ends[0].message, "E=691 R=0 C=", 12);
			assert_non_null(strstr(line->ends[0].message, " V=3 "));
		}
	}
}

static void aaa_may_take_its_time(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		LINE line = line_new(i + 2);
		struct line_end *site = &line->ends[1];
		struct ppp_auth_answer answer = { .verdict = PPP_ACCEPT, .message = "" };
		line_demand(line, 1, methods[i]);
		site->hold_answer = site->hold_grant = true;
		line_up(line);
		line_run(line, 20000);
		assert_int_equal(site->asked, 1); /* the peer repeated itself, AAA was asked once */
		assert_false(site->network);
		assert_int_equal(ppp_grant(site->link, &site->grant, line->now), -EINVAL);
		assert_int_equal(ppp_answer(site->link, site->request + 1, &answer, line->now), -ESTALE);
		answer.verdict = PPP_CHALLENGE;
		assert_int_equal(ppp_answer(site->link, site->request, &answer, line->now), -EINVAL);
		answer.verdict = PPP_ACCEPT;
		if (methods[i] == PPP_MSCHAPV2)
			continue; /* the initiator would not believe a Success without S= */
		assert_int_equal(ppp_answer(site->link, site->request, &answer, line->now), 0);
		assert_int_equal(ppp_answer(site->link, site->request, &answer, line->now), -ESTALE);
		assert_true(site->network);
		line_run(line, 1000);
		assert_true(line->ends[0].network);
		assert_false(line->ends[0].ipv4);
		assert_int_equal(ppp_grant(site->link, &site->grant, line->now), 0);
		assert_int_equal(ppp_grant(site->link, &site->grant, line->now), -EINVAL);
		line_run(line, 100); /* the initiator's requests were kept */
		assert_both_up(line);
	}
}

static void silent_aaa_ends_the_link(void **state)
{
	LINE line = line_new(7);
	line_demand(line, 1, PPP_CHAP_MD5);
	line->ends[1].hold_answer = true;
	line->ends[1].config.authentication_ms = 10000;
	line_up(line);
	line_run(line, 15000);
	assert_true(line->ends[1].ended);
	assert_int_equal(line->ends[1].end, PPP_END_AUTH_TIMEOUT);
	assert_int_equal(line->ends[0].end, PPP_END_REFUSED);
	struct ppp_auth_answer answer = { .verdict = PPP_ACCEPT };
	assert_int_equal(ppp_answer(line->ends[1].link, line->ends[1].request, &answer, line->now), -ESTALE);
}

static void both_prove_themselves(void **state)
{
	LINE line = line_new(5);
	line_demand(line, 1, PPP_CHAP_MD5);
	line_demand(line, 0, PPP_CHAP_MD5);
	line_up(line);
	line_run(line, 200);
	assert_both_up(line);
	assert_string_equal(line->ends[0].user, "site");
	assert_string_equal(line->ends[1].user, "carol");
	line_restart(line, 1);
	(void)snprintf(line->ends[1].secret.password, 16, "rogue");
	line_restart(line, 0);
	line_restart(line, 1);
	line_run(line, 2000);
	assert_int_equal(line->ends[0].end, PPP_END_AUTH_FAILED);
	assert_false(line->ends[0].ipv4);
}

/* The concentrator that does not know the password sends the initiator's own challenge back to it. */
static bool reflect(struct line *line, unsigned to, uint8_t *frame, size_t *length)
{
	static uint8_t challenge[17];
	if (frame[0] == 0xc2 && frame[2] == 1 && to == 1)
		memcpy(challenge, frame + 6, sizeof(challenge));
	if (frame[0] == 0xc2 && frame[2] == 1 && to == 0) {
		if (challenge[0] == 0)
			return false;
		memcpy(frame + 6, challenge, sizeof(challenge));
		line->tampered++;
	}
	return true;
}

static void own_challenge_is_not_answered(void **state)
{
	LINE line = line_new(5);
	line_demand(line, 1, PPP_CHAP_MD5);
	line_demand(line, 0, PPP_CHAP_MD5);
	line->tamper = reflect;
	line_up(line);
	line_run(line, 5000);
	assert_true(line->tampered > 0);
	assert_int_equal(line->ends[0].end, PPP_END_NO_METHOD);
	assert_int_equal(line->ends[1].asked, 0);
}

/* MS-CHAPv2: who does not know the password cannot say "S=...". */
static void mschap_success_must_be_proven(void **state)
{
	static const char *const messages[] = { "", "S=", "S=0123456789012345678901234567890123456789",
		"S=0123456789012345678901234567890123456789 M=hello" };
	for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
		LINE line = line_new(6);
		line_demand(line, 1, PPP_MSCHAPV2);
		line->ends[1].hold_answer = true;
		line_up(line);
		line_run(line, 100);
		struct ppp_auth_answer answer = { .verdict = PPP_ACCEPT, .message = messages[i] };
		assert_int_equal(
		        ppp_answer(line->ends[1].link, line->ends[1].request, &answer, line->now), 0);
		line_run(line, 1000);
		assert_int_equal(line->ends[0].end, PPP_END_AUTH_FAILED);
		assert_false(line->ends[0].network);
	}
}

static void open_link_is_challenged_again(void **state)
{
	LINE line = line_new(8);
	line_demand(line, 1, PPP_CHAP_MD5);
	line->ends[1].config.challenge_ms = 60000;
	line_up(line);
	line_run(line, 200000);
	assert_both_up(line);
	assert_int_equal(line->ends[1].asked, 4);
	assert_int_equal(line->ends[1].networks, 1);
	(void)snprintf(line->ends[0].secret.password, 16, "revoked");
	line_run(line, 60000);
	assert_int_equal(line->ends[1].end, PPP_END_AUTH_FAILED);
	assert_false(line->ends[1].ipv4);
}

static void open_link_that_does_not_answer_again_ends(void **state)
{
	LINE line = line_new(8);
	line_demand(line, 1, PPP_CHAP_MD5);
	line->ends[1].config.challenge_ms = 60000;
	line_up(line);
	line_run(line, 1000);
	line->cut = true;
	line_run(line, 100000);
	assert_int_equal(line->ends[1].end, PPP_END_AUTH_FAILED);
}

static void user_cannot_change(void **state)
{
	LINE line = line_new(8);
	line_demand(line, 1, PPP_CHAP_MD5);
	line->ends[1].config.challenge_ms = 60000;
	line_up(line);
	line_run(line, 1000);
	(void)snprintf(line->ends[0].secret.user, 16, "dave");
	line_run(line, 62000);
	assert_int_equal(line->ends[1].asked, 1);
	assert_int_equal(line->ends[1].end, PPP_END_AUTH_FAILED);
}

static void names_with_nul_are_refused(void **state)
{
	static const uint8_t request[] = "\xc0\x23\1\1\0\x11\6root\0x\4pass";
	LINE line = line_new(3);
	line_demand(line, 1, PPP_PAP);
	line->ends[0].secret.user[0] = '\0'; /* says nothing itself */
	line->ends[0].config.n_give = 1;
	line_up(line);
	line_run(line, 11); /* LCP is open, the initiator's failure not yet told */
	line_restart(line, 1);
	line_restart(line, 0);
	line->cut = false;
	line_run(line, 12);
	line_inject(line, 1, request, sizeof(request) - 1);
	assert_int_equal(line->ends[1].asked, 0);
	line_run(line, 3000);
	assert_true(line->ends[1].ended);
}

static void lossy_lines_come_up_too(void **state)
{
	unsigned networks = 0;
	for (uint64_t seed = 1; seed <= 120; seed++) {
		LINE line = line_new(seed);
		enum ppp_method method = (enum ppp_method)(seed % 4);
		if (method != PPP_NO_METHOD)
			line_demand(line, 1, method);
		line->loss = 15;
		line->repeat = 10;
		line->reorder = 30;
		line_up(line);
		line_run(line, 120000);
		if (line->ends[0].ipv4 && line->ends[0].ipv6 && line->ends[1].ipv4 && line->ends[1].ipv6) {
			assert_both_up(line);
			networks++;
		}
	}
	/* A message that is lost ten times in a row may end a link; renegotiation by late frames may cost
	 * another. */
	assert_true(networks >= 118);
}

static void duplicates_do_not_disturb_an_open_link(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		LINE line = line_new(seed);
		line_demand(line, 1, (enum ppp_method)(1 + seed % 3));
		line->repeat = 100;
		line_up(line);
		line_run(line, 30000);
		assert_both_up(line);
		assert_int_equal(line->ends[0].networks, 1);
		assert_int_equal(line->ends[1].networks, 1);
		assert_int_equal(line->ends[1].ipv4_ups, 1);
		assert_int_equal(line->ends[1].asked, 1);
	}
}

static void closing_tells_the_peer(void **state)
{
	LINE line = line_new(1);
	line_up(line);
	line_run(line, 100);
	ppp_close(line->ends[1].link, PPP_END_ADMIN, line->now);
	assert_false(line->ends[1].ipv4 || line->ends[1].ended);
	line_run(line, 2000);
	assert_int_equal(line->ends[1].end, PPP_END_ADMIN);
	assert_int_equal(line->ends[0].end, PPP_END_PEER);
	assert_true(ppp_is_ended(line->ends[0].link));
	assert_int_equal(line->ends[1].counters.ended[PPP_END_ADMIN], 1);
	assert_int_equal(ppp_end_cause(PPP_END_ADMIN), 6);
	assert_int_equal(ppp_deadline(line->ends[0].link), PPP_NEVER);
}

static void closing_on_a_dead_line_ends(void **state)
{
	LINE line = line_new(1);
	line_up(line);
	line_run(line, 100);
	line->cut = true;
	unsigned before = line->ends[0].sent;
	ppp_close(line->ends[0].link, PPP_END_CLOSED, line->now);
	line_run(line, 10000);
	assert_int_equal(line->ends[0].end, PPP_END_CLOSED);
	assert_int_equal(line->ends[0].sent - before, 2); /* Max-Terminate */
}

static void lost_tunnel_ends_in_silence(void **state)
{
	LINE line = line_new(1);
	line_up(line);
	line_run(line, 100);
	unsigned before = line->ends[0].sent;
	ppp_lower_down(line->ends[0].link, line->now);
	assert_int_equal(line->ends[0].end, PPP_END_LOWER);
	assert_int_equal(line->ends[0].sent, before);
	ppp_lower_down(line->ends[0].link, line->now);
	ppp_close(line->ends[0].link, PPP_END_CLOSED, line->now);
	assert_int_equal(line->ends[0].end, PPP_END_LOWER);
}

static void unanswered_echoes_end_the_link(void **state)
{
	LINE line = line_new(1);
	line->ends[0].config.echo_ms = line->ends[1].config.echo_ms = 1000;
	line_up(line);
	line_run(line, 60000);
	assert_both_up(line);
	line->cut = true;
	line_run(line, 3000 - 1);
	assert_false(line->ends[0].ended || line->ends[1].ended);
	/* Who does not answer is not waited for a second time: the fourth echo is never sent. */
	line_run(line, 1000 + 1);
	assert_int_equal(line->ends[0].end, PPP_END_ECHO);
	assert_int_equal(line->ends[1].end, PPP_END_ECHO);
}

static void peers_that_know_no_echo_stay(void **state)
{
	static const uint8_t code_reject[] = "\xc0\x21\7\x99\0\x0c\x09\1\0\x08\0\0\0\0";
	LINE line = line_new(1);
	line->ends[0].config.echo_ms = 1000;
	line_up(line);
	line_run(line, 100);
	line_inject(line, 0, code_reject, sizeof(code_reject) - 1);
	line->cut = true;
	line_run(line, 60000);
	assert_false(line->ends[0].ended);
}

static void export_goes_on_where_it_was(void **state)
{
	uint8_t bytes[PPP_EXPORT_MAX];
	size_t n = 0;
	LINE line = line_new(9);
	line_demand(line, 1, PPP_CHAP_MD5);
	for (unsigned i = 0; i < 2; i++)
		line->ends[i].config.echo_ms = 10000;
	line_up(line);
	assert_int_equal(ppp_link_export(line->ends[1].link, line->now, bytes, &n), -EAGAIN);
	line_run(line, 1000);
	for (unsigned i = 0; i < 2; i++) {
		struct line_end *end = &line->ends[i];
		assert_int_equal(ppp_link_export(end->link, line->now, bytes, &n), 0);
		assert_true(n <= PPP_EXPORT_MAX);
		for (size_t cut = 0; cut < n; cut++)
			assert_null(
			        ppp_link_import(&end->config, &end->parameters, end, bytes, cut, line->now));
		assert_null(
		        ppp_link_import(&line->ends[!i].config, &end->parameters, end, bytes, n, line->now));
		end->link = ppp_link_free(end->link);
		line->now += 5000; /* nobody was there for a while */
		unsigned before = end->sent;
		end->link = ppp_link_import(&end->config, &end->parameters, end, bytes, n, line->now);
		assert_non_null(end->link);
		assert_int_equal(end->sent, before);
		assert_true(ppp_is_network(end->link));
		assert_memory_equal(ppp_get_ipv4(end->link), &end->v4, sizeof(end->v4));
		assert_memory_equal(ppp_get_ipv6(end->link), &end->v6, sizeof(end->v6));
	}
	line_run(line, 100000);
	assert_both_up(line);
	assert_int_equal(line->ends[0].ipv4_ups, 1);
	ppp_close(line->ends[0].link, PPP_END_CLOSED, line->now);
	line_run(line, 2000);
	assert_int_equal(line->ends[1].end, PPP_END_PEER);
}

/* The export in the middle of a later challenge: it is made again. */
static void challenge_survives_an_export(void **state)
{
	uint8_t bytes[PPP_EXPORT_MAX];
	size_t n = 0;
	LINE line = line_new(9);
	struct line_end *site = &line->ends[1];
	line_demand(line, 1, PPP_CHAP_MD5);
	site->config.challenge_ms = 10000;
	line_up(line);
	line_run(line, 5000);
	site->hold_answer = true;
	line_run(line, 6000);
	assert_int_equal(site->asked, 2);
	assert_int_equal(ppp_link_export(site->link, line->now, bytes, &n), 0);
	ppp_link_free(site->link);
	site->hold_answer = false;
	site->link = ppp_link_import(&site->config, &site->parameters, site, bytes, n, line->now);
	line_run(line, 1000);
	assert_int_equal(site->asked, 3);
	line_run(line, 10000);
	assert_int_equal(site->asked, 4);
	assert_both_up(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anonymous_link_comes_up_at_once),
		cmocka_unit_test(the_smaller_mru_counts),
		cmocka_unit_test(each_method_proves_the_user),
		cmocka_unit_test(wrong_passwords_end_the_link),
		cmocka_unit_test(aaa_may_take_its_time),
		cmocka_unit_test(silent_aaa_ends_the_link),
		cmocka_unit_test(both_prove_themselves),
		cmocka_unit_test(own_challenge_is_not_answered),
		cmocka_unit_test(mschap_success_must_be_proven),
		cmocka_unit_test(open_link_is_challenged_again),
		cmocka_unit_test(open_link_that_does_not_answer_again_ends),
		cmocka_unit_test(user_cannot_change),
		cmocka_unit_test(names_with_nul_are_refused),
		cmocka_unit_test(lossy_lines_come_up_too),
		cmocka_unit_test(duplicates_do_not_disturb_an_open_link),
		cmocka_unit_test(closing_tells_the_peer),
		cmocka_unit_test(closing_on_a_dead_line_ends),
		cmocka_unit_test(lost_tunnel_ends_in_silence),
		cmocka_unit_test(unanswered_echoes_end_the_link),
		cmocka_unit_test(peers_that_know_no_echo_stay),
		cmocka_unit_test(export_goes_on_where_it_was),
		cmocka_unit_test(challenge_survives_an_export),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
