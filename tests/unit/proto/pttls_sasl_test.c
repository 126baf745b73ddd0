/* SPDX-License-Identifier: ISC */
/* SASL PLAIN within PT-TLS: RFC 6876 3.8, RFC 4616. */
#include "proto/pttls/pttls.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SESSION struct pttls_session *CLEANUP(pttls_session_free_pointer)

static int check_plain(void *context, const struct pttls_plain *plain)
{
	++*(unsigned *)context;
	return strcmp(plain->user, "carol") == 0 && strcmp(plain->password, "sesame") == 0 ? 0 : -EACCES;
}

static int get_plain(void *context, struct pttls_plain *ret)
{
	const char *password = context;
	if (!password)
		return -ENOENT;
	(void)snprintf(ret->user, sizeof(ret->user), "carol");
	(void)snprintf(ret->password, sizeof(ret->password), "%s", password);
	return 0;
}

static struct pttls_session *new_client(const char *password)
{
	union {
		const char *in;
		void *out;
	} context = { .in = password };
	struct pttls_config config = { .role = PTTLS_CLIENT, .get_plain = get_plain, .context = context.out };
	return pttls_session_new(&config);
}

static struct pttls_session *new_server(unsigned *asked)
{
	struct pttls_config config = { .role = PTTLS_SERVER, .check_plain = check_plain, .context = asked };
	return pttls_session_new(&config);
}

static void feed(struct pttls_session *s, uint8_t type, const void *body, size_t n)
{
	uint8_t bytes[1024] = { 0, 0, 0, 0, 0, 0, 0, type, 0, 0, (uint8_t)((16 + n) >> 8), (uint8_t)(16 + n),
		0, 0, 0, 9 };
	if (n)
		memcpy(bytes + 16, body, n);
	assert_int_equal(pttls_receive(s, bytes, 16 + n), 0);
}

static struct pttls_event next(struct pttls_session *s)
{
	struct pttls_event event = { 0 };
	assert_true(pttls_next(s, &event));
	return event;
}

static void assert_silent(struct pttls_session *s)
{
	struct pttls_event event;
	assert_false(pttls_next(s, &event));
}

static void move(struct pttls_session *from, struct pttls_session *to)
{
	struct writer *out = pttls_output(from);
	assert_int_equal(pttls_receive(to, out->data, out->length), 0);
	wr_consume(out, out->length);
}

static void assert_output(struct pttls_session *s, const void *bytes, size_t n)
{
	assert_int_equal(pttls_output(s)->length, n);
	assert_memory_equal(pttls_output(s)->data, bytes, n);
	wr_consume(pttls_output(s), n);
}

static void authenticates_with_an_initial_response(void **state)
{
	unsigned asked = 0;
	SESSION client = new_client("sesame");
	SESSION server = new_server(&asked);
	assert_int_equal(pttls_start(client), 0);
	move(client, server);
	assert_silent(server);
	assert_false(pttls_is_ready(server));
	assert_memory_equal(pttls_output(server)->data + 20, "\0\0\0\0\0\0\0\3\0\0\0\26\0\0\0\1\5PLAIN", 22);
	move(server, client);
	assert_silent(client);
	assert_memory_equal(pttls_output(client)->data,
	        "\0\0\0\0\0\0\0\4\0\0\0\43\0\0\0\1"
	        "\5PLAIN\0carol\0sesame",
	        35);
	move(client, server);
	struct pttls_event event = next(server);
	assert_int_equal(event.kind, PTTLS_EVENT_AUTHENTICATED);
	assert_int_equal(event.length, 5);
	assert_memory_equal(event.bytes, "carol", 5);
	assert_int_equal(next(server).kind, PTTLS_EVENT_READY);
	assert_int_equal(asked, 1);
	/* Success, and an empty list: nothing more is needed. */
	assert_int_equal(pttls_output(server)->length, 18 + 16);
	move(server, client);
	assert_int_equal(next(client).kind, PTTLS_EVENT_READY);
}

static void authenticates_after_an_empty_challenge(void **state)
{
	unsigned asked = 0;
	SESSION s = new_server(&asked);
	feed(s, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	assert_silent(s);
	wr_reset(pttls_output(s));
	feed(s, PTTLS_SASL_MECHANISM_SELECTION, "\5PLAIN", 6);
	assert_silent(s);
	assert_output(s, "\0\0\0\0\0\0\0\5\0\0\0\20\0\0\0\2", 16);
	feed(s, PTTLS_SASL_AUTHENTICATION_DATA, "carol\0carol\0sesame", 18);
	assert_int_equal(next(s).kind, PTTLS_EVENT_AUTHENTICATED);
	assert_int_equal(next(s).kind, PTTLS_EVENT_READY);
}

static void gives_three_attempts(void **state)
{
	unsigned asked = 0;
	SESSION s = new_server(&asked);
	feed(s, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	assert_silent(s);
	for (unsigned i = 0; i < PTTLS_SASL_ATTEMPTS_MAX; i++) {
		wr_reset(pttls_output(s));
		feed(s, PTTLS_SASL_MECHANISM_SELECTION, "\5PLAIN\0carol\0wrong", 18);
		bool last = i + 1 == PTTLS_SASL_ATTEMPTS_MAX;
		struct pttls_event event;
		assert_int_equal(pttls_next(s, &event), last);
		if (last)
			assert_int_equal(event.kind, PTTLS_EVENT_CLOSED);
		/* Failure, at last Abort. */
		assert_int_equal(pttls_output(s)->length, 18);
		assert_int_equal(pttls_output(s)->data[7], PTTLS_SASL_RESULT);
		assert_int_equal(pttls_output(s)->data[17], last ? 2 : 1);
	}
	assert_int_equal(asked, 3);
	assert_true(pttls_is_closed(s));
}

static void refuses_malformed_plain(void **state)
{
	static const struct {
		const char *body;
		size_t n;
	} rows[] = {
		{ "\5PLAINx", 7 }, { "\5PLAIN\0carol", 12 }, { "\5PLAIN\0\0sesame", 14 },
		{ "\5PLAIN\0carol\0", 13 }, { "\5PLAIN\0carol\0sesame\0", 20 },
		{ "\5PLAINdave\0carol\0sesame", 23 }, /* for somebody else */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		unsigned asked = 0;
		SESSION s = new_server(&asked);
		feed(s, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
		feed(s, PTTLS_SASL_MECHANISM_SELECTION, rows[i].body, rows[i].n);
		assert_silent(s);
		assert_int_equal(asked, 0);
		assert_false(pttls_is_ready(s));
	}
	/* Names and passwords have a length that is checked, not cut. */
	unsigned asked = 0;
	SESSION s = new_server(&asked);
	static const uint8_t end[7] = { 0, 's', 'e', 's', 'a', 'm', 'e' };
	uint8_t body[7 + 256 + sizeof(end)] = "\5PLAIN";
	memset(body + 7, 'a', 256);
	memcpy(body + 7 + 256, end, sizeof(end));
	feed(s, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	feed(s, PTTLS_SASL_MECHANISM_SELECTION, body, sizeof(body));
	assert_silent(s);
	assert_int_equal(asked, 0);
}

static void refuses_other_mechanisms(void **state)
{
	unsigned asked = 0;
	SESSION s = new_server(&asked);
	feed(s, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	feed(s, PTTLS_SASL_MECHANISM_SELECTION, "\10EXTERNAL", 9);
	struct pttls_event event = next(s);
	assert_int_equal(event.kind, PTTLS_EVENT_CLOSED);
	assert_int_equal(event.code, PTTLS_E_SASL_MECHANISM);
	/* Nor does a batch get through before the authentication. */
	SESSION t = new_server(&asked);
	feed(t, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	feed(t, PTTLS_PB_TNC_BATCH, "batch", 5);
	event = next(t);
	assert_int_equal(event.code, PTTLS_E_INVALID_MESSAGE);
	assert_int_equal(asked, 0);
}

/* The client has seen the version and gets a list. */
static struct pttls_session *client_at_list(const char *password, const char *list, size_t n)
{
	struct pttls_session *s = new_client(password);
	assert_int_equal(pttls_start(s), 0);
	feed(s, PTTLS_VERSION_RESPONSE, "\0\0\0\1", 4);
	assert_silent(s);
	wr_reset(pttls_output(s));
	feed(s, PTTLS_SASL_MECHANISMS, list, n);
	return s;
}

static void client_finds_plain_or_says_that_it_cannot(void **state)
{
	SESSION a = client_at_list("sesame", "\12DIGEST-MD5\5PLAIN", 17);
	assert_silent(a);
	assert_int_equal(pttls_output(a)->data[7], PTTLS_SASL_MECHANISM_SELECTION);
	SESSION b = client_at_list("sesame", "\15SCRAM-SHA-256", 14);
	assert_int_equal(next(b).code, PTTLS_E_SASL_MECHANISM);
	SESSION c = client_at_list(NULL, "\5PLAIN", 6);
	assert_int_equal(next(c).code, PTTLS_E_SASL_MECHANISM);
	struct pttls_config config = { .role = PTTLS_CLIENT };
	SESSION d = pttls_session_new(&config);
	assert_int_equal(pttls_start(d), 0);
	feed(d, PTTLS_VERSION_RESPONSE, "\0\0\0\1", 4);
	feed(d, PTTLS_SASL_MECHANISMS, "\5PLAIN", 6);
	struct pttls_event event = next(d);
	assert_int_equal(event.kind, PTTLS_EVENT_CLOSED);
	assert_int_equal(event.code, PTTLS_E_SASL_MECHANISM);
	assert_int_equal(pttls_output(d)->data[20 + 7], PTTLS_ERROR);
}

static void client_reads_results(void **state)
{
	static const struct {
		const char *body;
		size_t n;
		bool good;
	} rows[] = { { "\0\0", 2, true }, { "\0", 1, true }, { "\0\0more", 6, true }, { "\0\1", 2, false },
		{ "\1", 1, false }, { "\0\2", 2, false }, { "\0\3", 2, false }, { "\1\0", 2, false },
		{ "", 0, false } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		SESSION s = client_at_list("sesame", "\5PLAIN", 6);
		assert_silent(s);
		feed(s, PTTLS_SASL_RESULT, rows[i].body, rows[i].n);
		if (!rows[i].good) {
			assert_int_equal(next(s).kind, PTTLS_EVENT_CLOSED);
			continue;
		}
		assert_silent(s);
		feed(s, PTTLS_SASL_MECHANISMS, NULL, 0);
		assert_int_equal(next(s).kind, PTTLS_EVENT_READY);
	}
	/* A server that is never content is left. */
	SESSION s = client_at_list("sesame", "\5PLAIN", 6);
	struct pttls_event event = { 0 };
	unsigned rounds = 0;
	while (!pttls_next(s, &event)) {
		feed(s, PTTLS_SASL_RESULT, "\0\0", 2);
		feed(s, PTTLS_SASL_MECHANISMS, "\5PLAIN", 6);
		assert_true(++rounds < 10);
	}
	assert_int_equal(event.code, PTTLS_E_SASL_MECHANISM);
}

/* The password must not come back in an Error message's copy. */
static void errors_do_not_repeat_a_password(void **state)
{
	unsigned asked = 0;
	SESSION s = new_server(&asked);
	feed(s, PTTLS_SASL_AUTHENTICATION_DATA, "\0carol\0sesame", 13);
	assert_int_equal(next(s).code, PTTLS_E_INVALID_MESSAGE);
	struct writer *out = pttls_output(s);
	assert_int_equal(out->length, 16 + 8 + 16);
	assert_null(memmem(out->data, out->length, "sesame", 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authenticates_with_an_initial_response),
		cmocka_unit_test(authenticates_after_an_empty_challenge),
		cmocka_unit_test(gives_three_attempts),
		cmocka_unit_test(refuses_malformed_plain),
		cmocka_unit_test(refuses_other_mechanisms),
		cmocka_unit_test(client_finds_plain_or_says_that_it_cannot),
		cmocka_unit_test(client_reads_results),
		cmocka_unit_test(errors_do_not_repeat_a_password),
	};
	return cmocka_run_group_tests_name("pttls_sasl", tests, NULL, NULL);
}
