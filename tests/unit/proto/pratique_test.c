/* SPDX-License-Identifier: ISC */
#include "proto/patnc/pratique.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

static struct patnc_attribute only_attribute(const struct writer *w)
{
	struct patnc_message m;
	struct patnc_error error;
	struct patnc_attribute a;
	assert_int_equal(patnc_read_message(w->data, w->length, NULL, &m, &error), 0);
	assert_true(patnc_next_attribute(&m, &a));
	assert_int_equal(a.vendor, PRATIQUE_PEN);
	assert_false(a.noskip);
	return a;
}

static void carries_nonce_signature_and_digest(void **state)
{
	uint8_t nonce[PRATIQUE_NONCE_SIZE], got[32];
	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)i;
	struct writer w CLEANUP(wr_free) = wr_make(1024);
	patnc_begin_message(&w, 1);
	pratique_put_nonce(&w, nonce);
	assert_int_equal(w.length, 8 + 12 + 32);
	struct patnc_attribute a = only_attribute(&w);
	assert_int_equal(a.type, PRATIQUE_NONCE);
	assert_int_equal(pratique_get_nonce(&a, got), 0);
	assert_memory_equal(got, nonce, 32);
	a.length = 31;
	assert_int_equal(pratique_get_nonce(&a, got), -EBADMSG);

	wr_reset(&w);
	patnc_begin_message(&w, 2);
	struct pratique_signature put = {
		.scheme = PRATIQUE_SCHEME_ED25519, .bytes = (const uint8_t *)"signature", .length = 9
	};
	memcpy(put.nonce, nonce, 32);
	pratique_put_signature(&w, &put);
	a = only_attribute(&w);
	assert_int_equal(a.type, PRATIQUE_POSTURE_SIGNATURE);
	struct pratique_signature back;
	assert_int_equal(pratique_get_signature(&a, &back), 0);
	assert_int_equal(back.scheme, 2);
	assert_memory_equal(back.nonce, nonce, 32);
	assert_int_equal(back.length, 9);
	assert_memory_equal(back.bytes, "signature", 9);
	for (a.length = 0; a.length <= 33; a.length++)
		assert_int_equal(pratique_get_signature(&a, &back), -EBADMSG);

	wr_reset(&w);
	patnc_begin_message(&w, 3);
	pratique_put_digest(&w, nonce);
	a = only_attribute(&w);
	assert_int_equal(a.type, PRATIQUE_POSTURE_DIGEST);
	assert_int_equal(pratique_get_digest(&a, got), 0);
	a.length++;
	assert_int_equal(pratique_get_digest(&a, got), -EBADMSG);
}

static void carries_texts_within_their_limits(void **state)
{
	static const struct {
		enum pratique_type type;
		size_t max;
	} rows[] = { { PRATIQUE_QUARANTINE_CERTIFICATE, PRATIQUE_CERTIFICATE_MAX },
		{ PRATIQUE_SYSTEM, PRATIQUE_JSON_MAX }, { PRATIQUE_NETWORK_CONFIGURATION, PRATIQUE_JSON_MAX },
		{ PRATIQUE_SECURITY_CONFIGURATION, PRATIQUE_JSON_MAX },
		{ PRATIQUE_DECISION, PRATIQUE_JSON_MAX },
		{ PRATIQUE_PREVENTION_SOURCES, PRATIQUE_JSON_MAX } };
	char *text FREE_ON_EXIT = xmalloc(PRATIQUE_JSON_MAX + 1);
	memset(text, 'x', PRATIQUE_JSON_MAX + 1);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct writer w CLEANUP(wr_free) = wr_make(2 * PRATIQUE_JSON_MAX);
		patnc_begin_message(&w, 1);
		pratique_put_text(&w, rows[i].type, text, rows[i].max);
		assert_false(wr_failed(&w));
		struct patnc_attribute a = only_attribute(&w);
		struct patnc_text got;
		assert_int_equal(pratique_get_text(&a, &got), 0);
		assert_int_equal(got.length, rows[i].max);
		a.length = 0;
		assert_int_equal(pratique_get_text(&a, &got), -EBADMSG);
		a = (struct patnc_attribute){ .vendor = PRATIQUE_PEN,
			.type = rows[i].type,
			.value = (uint8_t *)text,
			.length = rows[i].max + 1 };
		assert_int_equal(pratique_get_text(&a, &got), -EBADMSG);
		a.value = (const uint8_t *)"a\0b";
		a.length = 3;
		assert_int_equal(pratique_get_text(&a, &got), -EBADMSG);
		pratique_put_text(&w, rows[i].type, text, rows[i].max + 1);
		assert_true(wr_failed(&w));
	}
	struct patnc_attribute nonce = {
		.vendor = PRATIQUE_PEN, .type = PRATIQUE_NONCE, .value = (uint8_t *)text, .length = 32
	};
	struct patnc_text got;
	assert_int_equal(pratique_get_text(&nonce, &got), -EBADMSG);
}

static void signature_input_is_as_documented(void **state)
{
	uint8_t exporter[32], nonce[32], input[PATNC_SIGNATURE_INPUT_SIZE];
	memset(exporter, 0xee, 32);
	memset(nonce, 0x11, 32);
	struct patnc_signature_input s CLEANUP(patnc_signature_input_free) = { 0 };
	patnc_signature_input_begin(&s);
	patnc_signature_input_add(&s, 0, 1, "abc", 3);
	patnc_signature_input_add(&s, 0x7ed9, 1, "", 0);
	patnc_signature_input_end(&s, exporter, nonce, input);
	assert_int_equal(sizeof(input), 20 + 96);
	assert_memory_equal(input, "pratique posture v1", 20);
	assert_memory_equal(input + 20, exporter, 32);
	assert_memory_equal(input + 52, nonce, 32);
	static const uint8_t hashed[] = "\0\0\0\0\0\0\0\1\0\0\0\3abc\0\0\x7e\xd9\0\0\0\1\0\0\0\0";
	uint8_t digest[32];
	SHA256(hashed, sizeof(hashed) - 1, digest);
	assert_memory_equal(input + 84, digest, 32);
	/* A byte moved from one message to another is another input; so is another order. */
	uint8_t other[PATNC_SIGNATURE_INPUT_SIZE];
	patnc_signature_input_begin(&s);
	patnc_signature_input_add(&s, 0, 1, "ab", 2);
	patnc_signature_input_add(&s, 0x7ed9, 1, "c", 1);
	patnc_signature_input_end(&s, exporter, nonce, other);
	assert_memory_not_equal(input, other, sizeof(input));
	patnc_signature_input_begin(&s);
	patnc_signature_input_add(&s, 0x7ed9, 1, "", 0);
	patnc_signature_input_add(&s, 0, 1, "abc", 3);
	patnc_signature_input_end(&s, exporter, nonce, other);
	assert_memory_not_equal(input, other, sizeof(input));
	/* Begun anew, the same again. */
	patnc_signature_input_begin(&s);
	patnc_signature_input_add(&s, 0, 1, "abc", 3);
	patnc_signature_input_add(&s, 0x7ed9, 1, NULL, 0);
	patnc_signature_input_end(&s, exporter, nonce, other);
	assert_memory_equal(input, other, sizeof(input));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_nonce_signature_and_digest),
		cmocka_unit_test(carries_texts_within_their_limits),
		cmocka_unit_test(signature_input_is_as_documented),
	};
	return cmocka_run_group_tests_name("pratique", tests, NULL, NULL);
}
