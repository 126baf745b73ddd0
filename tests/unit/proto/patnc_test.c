/* SPDX-License-Identifier: ISC */
/* PA-TNC (RFC 5792): frames, each attribute's bytes, what is refused. */
#include "proto/patnc/patnc.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define WRITER(name) struct writer name CLEANUP(wr_free) = wr_make(1 << 20)

static void assert_text(struct patnc_text text, const char *expected)
{
	assert_int_equal(text.length, strlen(expected));
	assert_memory_equal(text.at, expected, text.length);
}

/* What was written is one attribute with exactly these bytes as its value. */
static struct patnc_attribute written(const struct writer *w, uint32_t type, const void *value, size_t n)
{
	assert_false(wr_failed(w));
	assert_int_equal(w->length, 12 + n);
	uint8_t header[12] = { 0, 0, 0, 0, 0, 0, 0, (uint8_t)type, 0, 0, (uint8_t)((12 + n) >> 8),
		(uint8_t)(12 + n) };
	assert_memory_equal(w->data, header, 12);
	assert_memory_equal(w->data + 12, value, n);
	return (struct patnc_attribute){ .type = type, .value = w->data + 12, .length = n };
}

/* An attribute whose value is given by hand. */
#define ATTRIBUTE(type_, text) \
	(struct patnc_attribute) \
	{ \
		.type = type_, .value = (const uint8_t *)(text), .length = sizeof(text) - 1 \
	}

static void frames_are_as_the_rfc_draws_them(void **state)
{
	WRITER(w);
	patnc_begin_message(&w, 0x01020304);
	size_t at = patnc_begin_attribute(&w, 0x7ed9, 0x0a0b0c0d, true);
	wr_bytes(&w, "xyz", 3);
	patnc_end_attribute(&w, at);
	static const uint8_t expected[] = { 1, 0, 0, 0, 1, 2, 3, 4, 0x80, 0, 0x7e, 0xd9, 0x0a, 0x0b, 0x0c,
		0x0d, 0, 0, 0, 15, 'x', 'y', 'z' };
	assert_int_equal(w.length, sizeof(expected));
	assert_memory_equal(w.data, expected, sizeof(expected));
}

static bool knows_tcg(uint32_t vendor, uint32_t type)
{
	return vendor == 0x5597 && type == 0x21;
}

static void reads_attributes_in_place(void **state)
{
	WRITER(w);
	patnc_begin_message(&w, 9);
	patnc_put_forwarding_enabled(&w, PATNC_FORWARDING_YES);
	patnc_end_attribute(&w, patnc_begin_attribute(&w, 0x5597, 0x21, false));
	patnc_put_factory_default_password(&w, true);
	struct patnc_message m;
	struct patnc_error error;
	struct patnc_attribute a;
	assert_int_equal(patnc_read_message(w.data, w.length, NULL, &m, &error), 0);
	assert_int_equal(m.id, 9);
	assert_true(patnc_next_attribute(&m, &a));
	assert_int_equal(a.type, PATNC_FORWARDING_ENABLED);
	assert_int_equal(a.offset, 8);
	assert_ptr_equal(a.value, w.data + 20);
	assert_true(patnc_next_attribute(&m, &a));
	assert_int_equal(a.vendor, 0x5597);
	assert_int_equal(a.length, 0);
	struct patnc_error invalid = patnc_invalid_attribute(&m, &a);
	assert_int_equal(invalid.code, PATNC_E_INVALID_PARAMETER);
	assert_int_equal(invalid.offset, 24);
	assert_memory_equal(invalid.header, w.data, 8);
	assert_true(patnc_next_attribute(&m, &a));
	assert_false(patnc_next_attribute(&m, &a));
	/* Its NOSKIP asks whether it is known. */
	w.data[24] = 0x80;
	assert_int_equal(patnc_read_message(w.data, w.length, NULL, &m, &error), -EBADMSG);
	assert_int_equal(error.code, PATNC_E_ATTRIBUTE_TYPE_NOT_SUPPORTED);
	assert_int_equal(error.attribute_flags, 0x80);
	assert_int_equal(error.attribute_vendor, 0x5597);
	assert_int_equal(error.attribute_type, 0x21);
	assert_memory_equal(error.header, w.data, 8);
	assert_int_equal(patnc_read_message(w.data, w.length, knows_tcg, &m, &error), 0);
}

static void refuses_bad_frames(void **state)
{
	static const struct {
		uint8_t bytes[32];
		size_t n;
		uint32_t code, offset;
	} rows[] = {
		{ { 0 }, 0, PATNC_E_INVALID_PARAMETER, 0 },
		{ { 1, 0, 0, 0, 0, 0, 0 }, 7, PATNC_E_INVALID_PARAMETER, 0 },
		{ { 0, 0, 0, 0, 0, 0, 0, 0 }, 8, PATNC_E_VERSION_NOT_SUPPORTED, 0 },
		{ { 2, 0, 0, 0, 0, 0, 0, 0 }, 8, PATNC_E_VERSION_NOT_SUPPORTED, 0 },
		{ { 1, [8] = 0, [19] = 12 }, 19, PATNC_E_INVALID_PARAMETER, 8 },
		{ { 1, [19] = 11 }, 20, PATNC_E_INVALID_PARAMETER, 16 },
		{ { 1, [19] = 13 }, 20, PATNC_E_INVALID_PARAMETER, 16 },
		{ { 1, [16] = 0xff, 0xff, 0xff, 0xff }, 20, PATNC_E_INVALID_PARAMETER, 16 },
		{ { 1, [9] = 0xff, 0xff, 0xff, [19] = 12 }, 20, PATNC_E_INVALID_PARAMETER, 9 },
		{ { 1, [12] = 0xff, 0xff, 0xff, 0xff, [19] = 12 }, 20, PATNC_E_INVALID_PARAMETER, 12 },
		{ { 1, [8] = 0x80, [19] = 12 }, 20, PATNC_E_ATTRIBUTE_TYPE_NOT_SUPPORTED, 0 }, /* Testing */
		{ { 1, [8] = 0x80, [15] = 22, [19] = 12 }, 20, PATNC_E_ATTRIBUTE_TYPE_NOT_SUPPORTED, 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct patnc_message m;
		struct patnc_error error = { 0 };
		assert_int_equal(patnc_read_message(rows[i].bytes, rows[i].n, NULL, &m, &error), -EBADMSG);
		assert_int_equal(error.code, rows[i].code);
		assert_int_equal(error.offset, rows[i].offset);
	}
	struct patnc_message m;
	struct patnc_error error;
	assert_int_equal(patnc_read_message("\1\xff\xff\xff\0\0\0\0", 8, NULL, &m, &error),
	        0); /* reserved bits are not looked at */
	WRITER(w);
	patnc_begin_message(&w, 1);
	for (unsigned i = 0; i < PATNC_ATTRIBUTES_MAX; i++)
		patnc_end_attribute(&w, patnc_begin_attribute(&w, 1, 1, false));
	assert_int_equal(patnc_read_message(w.data, w.length, NULL, &m, &error), 0);
	patnc_end_attribute(&w, patnc_begin_attribute(&w, 1, 1, false));
	assert_int_equal(patnc_read_message(w.data, w.length, NULL, &m, &error), -EBADMSG);
}

static void attribute_request(void **state)
{
	WRITER(w);
	static const struct patnc_attribute_id ids[] = { { 0, 7 }, { 0x902a, 8 } };
	patnc_put_attribute_request(&w, ids, 2);
	struct patnc_attribute a = written(&w, 1, "\0\0\0\0\0\0\0\7\0\0\x90\x2a\0\0\0\10", 16);
	struct patnc_list list;
	struct patnc_attribute_id id;
	assert_int_equal(patnc_get_attribute_request(&a, &list), 0);
	assert_int_equal(list.count, 2);
	assert_true(patnc_next_attribute_id(&list, &id) && id.vendor == 0 && id.type == 7);
	assert_true(patnc_next_attribute_id(&list, &id) && id.vendor == 0x902a && id.type == 8);
	assert_false(patnc_next_attribute_id(&list, &id));
	a.length = 15;
	assert_int_equal(patnc_get_attribute_request(&a, &list), -EBADMSG);
}

static void product_information(void **state)
{
	WRITER(w);
	patnc_put_product_information(&w, &(struct patnc_product){ 0x902a, 0x0102, patnc_text("Debian") });
	struct patnc_attribute a = written(&w, 2, "\0\x90\x2a\1\2Debian", 11);
	struct patnc_product product;
	assert_int_equal(patnc_get_product_information(&a, &product), 0);
	assert_int_equal(product.vendor, 0x902a);
	assert_int_equal(product.id, 0x0102);
	assert_text(product.name, "Debian");
	a.length = 5;
	assert_int_equal(patnc_get_product_information(&a, &product), 0);
	a.length = 4;
	assert_int_equal(patnc_get_product_information(&a, &product), -EBADMSG);
	a = ATTRIBUTE(2, "\0\0\0\0\0a\0b");
	assert_int_equal(patnc_get_product_information(&a, &product), -EBADMSG);
}

static void versions(void **state)
{
	WRITER(w);
	patnc_put_numeric_version(&w, &(struct patnc_numeric_version){ 12, 5, 0x01020304, 6, 7 });
	struct patnc_attribute a = written(&w, 3, "\0\0\0\14\0\0\0\5\1\2\3\4\0\6\0\7", 16);
	struct patnc_numeric_version numeric;
	assert_int_equal(patnc_get_numeric_version(&a, &numeric), 0);
	assert_true(numeric.major == 12 && numeric.minor == 5 && numeric.build == 0x01020304 &&
	        numeric.service_pack_major == 6 && numeric.service_pack_minor == 7);
	for (size_t n = 0; n < 16; n++) {
		a.length = n;
		assert_int_equal(patnc_get_numeric_version(&a, &numeric), -EBADMSG);
	}
	wr_reset(&w);
	patnc_put_string_version(
	        &w, &(struct patnc_string_version){ patnc_text("12.5"), patnc_text(NULL), patnc_text("c") });
	a = written(&w, 4, "\00412.5\0\1c", 8);
	struct patnc_string_version string;
	assert_int_equal(patnc_get_string_version(&a, &string), 0);
	assert_text(string.version, "12.5");
	assert_text(string.build, "");
	assert_text(string.configuration, "c");
	for (size_t n = 0; n < 8; n++) {
		a.length = n;
		assert_int_equal(patnc_get_string_version(&a, &string), -EBADMSG);
	}
	a = ATTRIBUTE(4, "\0\0\0x");
	assert_int_equal(patnc_get_string_version(&a, &string), -EBADMSG);
	char text[257];
	memset(text, 'x', 256);
	text[256] = 0;
	patnc_put_string_version(&w, &(struct patnc_string_version){ .version = patnc_text(text) });
	assert_true(wr_failed(&w));
}

static void operational_status(void **state)
{
	WRITER(w);
	struct patnc_operational_status status = { PATNC_OPERATIONAL, PATNC_RESULT_SUCCESS,
		"2026-11-21T20:54:00Z" };
	patnc_put_operational_status(&w, &status);
	struct patnc_attribute a = written(&w, 5,
	        "\3\1\0\0"
	        "2026-11-21T20:54:00Z",
	        24);
	struct patnc_operational_status got;
	assert_int_equal(patnc_get_operational_status(&a, &got), 0);
	assert_memory_equal(&got, &status, sizeof(got));
	wr_reset(&w);
	status.last_use[0] = 0;
	patnc_put_operational_status(&w, &status);
	a = written(&w, 5,
	        "\3\1\0\0"
	        "0000-00-00T00:00:00Z",
	        24);
	static const struct {
		uint8_t status, result;
		const char *last_use;
	} bad[] = { { 4, 0, "0000-00-00T00:00:00Z" }, { 0, 4, "0000-00-00T00:00:00Z" },
		{ 0, 0, "0000-00-00 00:00:00Z" }, { 0, 0, "x000-00-00T00:00:00Z" },
		{ 0, 0, "0000-00-00T00:00:00z" } };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		uint8_t value[24] = { bad[i].status, bad[i].result };
		memcpy(value + 4, bad[i].last_use, PATNC_TIME_SIZE);
		a = (struct patnc_attribute){ .value = value, .length = sizeof(value) };
		assert_int_equal(patnc_get_operational_status(&a, &got), -EBADMSG);
	}
	a = (struct patnc_attribute){ .value = (const uint8_t *)"\3\1\0\0002026-11-21T20:54:00",
		.length = 23 };
	assert_int_equal(patnc_get_operational_status(&a, &got), -EBADMSG);
	memcpy(status.last_use, "yesterday", 10);
	patnc_put_operational_status(&w, &status);
	assert_true(wr_failed(&w));
}

static void port_filter(void **state)
{
	WRITER(w);
	static const struct patnc_port ports[] = { { true, 6, 22 }, { false, 17, 0x1234 } };
	patnc_put_port_filter(&w, ports, 2);
	struct patnc_attribute a = written(&w, 6, "\1\6\0\26\0\21\x12\x34", 8);
	struct patnc_list list;
	struct patnc_port port;
	assert_int_equal(patnc_get_port_filter(&a, &list), 0);
	assert_int_equal(list.count, 2);
	assert_true(patnc_next_port(&list, &port) && port.blocked && port.protocol == 6 && port.port == 22);
	assert_true(
	        patnc_next_port(&list, &port) && !port.blocked && port.protocol == 17 && port.port == 0x1234);
	assert_false(patnc_next_port(&list, &port));
	a.length = 7;
	assert_int_equal(patnc_get_port_filter(&a, &list), -EBADMSG);
}

static void installed_packages(void **state)
{
	WRITER(w);
	size_t at = patnc_begin_installed_packages(&w);
	patnc_put_package(&w, &(struct patnc_package){ patnc_text("bash"), patnc_text("5.2") });
	patnc_put_package(&w, &(struct patnc_package){ patnc_text("x"), patnc_text(NULL) });
	patnc_end_installed_packages(&w, at, 2);
	struct patnc_attribute a = written(&w, 7, "\0\0\0\2\4bash\0035.2\1x\0", 16);
	struct patnc_list list;
	struct patnc_package package;
	assert_int_equal(patnc_get_installed_packages(&a, &list), 0);
	assert_int_equal(list.count, 2);
	assert_true(patnc_next_package(&list, &package));
	assert_text(package.name, "bash");
	assert_text(package.version, "5.2");
	assert_true(patnc_next_package(&list, &package));
	assert_text(package.name, "x");
	assert_text(package.version, "");
	assert_false(patnc_next_package(&list, &package));
	for (size_t n = 0; n < 16; n++) {
		a.length = n;
		assert_int_equal(patnc_get_installed_packages(&a, &list), -EBADMSG);
	}
	a = ATTRIBUTE(7, "\0\0\0\1\1a\1b\1");
	assert_int_equal(patnc_get_installed_packages(&a, &list), -EBADMSG);
	a = ATTRIBUTE(7, "\0\0\xff\xff\1a\1b");
	assert_int_equal(patnc_get_installed_packages(&a, &list), -EBADMSG);
}

static void results_and_flags(void **state)
{
	WRITER(w);
	patnc_put_assessment_result(&w, PATNC_SIGNIFICANT_DIFFERENCES);
	struct patnc_attribute a = written(&w, 9, "\0\0\0\2", 4);
	enum patnc_assessment result;
	assert_int_equal(patnc_get_assessment_result(&a, &result), 0);
	assert_int_equal(result, PATNC_SIGNIFICANT_DIFFERENCES);
	a = ATTRIBUTE(9, "\0\0\0\5");
	assert_int_equal(patnc_get_assessment_result(&a, &result), -EBADMSG);
	wr_reset(&w);
	patnc_put_forwarding_enabled(&w, PATNC_FORWARDING_UNKNOWN);
	a = written(&w, 11, "\0\0\0\2", 4);
	enum patnc_forwarding forwarding;
	assert_int_equal(patnc_get_forwarding_enabled(&a, &forwarding), 0);
	assert_int_equal(forwarding, PATNC_FORWARDING_UNKNOWN);
	a = ATTRIBUTE(11, "\0\0\0\3");
	assert_int_equal(patnc_get_forwarding_enabled(&a, &forwarding), -EBADMSG);
	wr_reset(&w);
	patnc_put_factory_default_password(&w, true);
	a = written(&w, 12, "\0\0\0\1", 4);
	bool enabled = false;
	assert_int_equal(patnc_get_factory_default_password(&a, &enabled), 0);
	assert_true(enabled);
	a = ATTRIBUTE(12, "\0\0\0\2");
	assert_int_equal(patnc_get_factory_default_password(&a, &enabled), -EBADMSG);
	a = ATTRIBUTE(12, "\0\0\0\1\0");
	assert_int_equal(patnc_get_factory_default_password(&a, &enabled), -EBADMSG);
}

static void remediation_instructions(void **state)
{
	WRITER(w);
	struct patnc_remediation put = { 0, PATNC_REMEDIATION_STRING, patnc_text("apt"), patnc_text("en"),
		NULL, 0 };
	patnc_put_remediation_instructions(&w, &put);
	struct patnc_attribute a = written(&w, 10, "\0\0\0\0\0\0\0\2\0\0\0\3apt\2en", 18);
	struct patnc_remediation got;
	assert_int_equal(patnc_get_remediation_instructions(&a, &got), 0);
	assert_text(got.text, "apt");
	assert_text(got.language, "en");
	for (size_t n = 0; n < 18; n++) {
		a.length = n;
		assert_int_equal(patnc_get_remediation_instructions(&a, &got), -EBADMSG);
	}
	wr_reset(&w);
	put = (struct patnc_remediation){ 0, PATNC_REMEDIATION_URI, patnc_text("http://p"), { 0 }, NULL, 0 };
	patnc_put_remediation_instructions(&w, &put);
	a = written(&w, 10, "\0\0\0\0\0\0\0\1http://p", 16);
	assert_int_equal(patnc_get_remediation_instructions(&a, &got), 0);
	assert_text(got.text, "http://p");
	wr_reset(&w);
	put = (struct patnc_remediation){ 0x902a, 1, { 0 }, { 0 }, (const uint8_t *)"\0\1", 2 };
	patnc_put_remediation_instructions(&w, &put);
	a = written(&w, 10, "\0\0\x90\x2a\0\0\0\1\0\1", 10);
	assert_int_equal(patnc_get_remediation_instructions(&a, &got), 0);
	assert_int_equal(got.length, 2);
	assert_memory_equal(got.value, "\0\1", 2);
}

static void errors(void **state)
{
	static const uint8_t header[8] = { 1, 0, 0, 0, 0, 0, 0, 5 };
	struct patnc_error rows[] = {
		{ .code = 1, .offset = 0x0c },
		{ .code = 2, .max_version = 1, .min_version = 1 },
		{ .code = 3, .attribute_flags = 0x80, .attribute_vendor = 0x5597, .attribute_type = 0x21 },
		{ .code = 4, .request_id = 7, .description = patnc_text("no") },
		{ .code = 5, .request_id = 7, .description = patnc_text("no") },
		{ .code = 6, .request_id = 7, .maximum_size = 9, .description = patnc_text("no") },
		{ .code = 7, .request_id = 7, .sub_code = 4, .bytes = (const uint8_t *)"no", .length = 2 },
		{ .code = 8, .request_id = 7, .description = patnc_text("") },
		{ .vendor = 0x902a, .code = 1, .bytes = (const uint8_t *)"raw", .length = 3 },
	};
	static const struct {
		const char *value;
		size_t n;
	} expected[] = {
		{ "\0\0\0\0\0\0\0\1\1\0\0\0\0\0\0\5\0\0\0\14", 20 },
		{ "\0\0\0\0\0\0\0\2\1\0\0\0\0\0\0\5\1\1\0\0", 20 },
		{ "\0\0\0\0\0\0\0\3\1\0\0\0\0\0\0\5\x80\0\x55\x97\0\0\0\x21", 24 },
		{ "\0\0\0\0\0\0\0\4\0\0\0\7no", 14 },
		{ "\0\0\0\0\0\0\0\5\0\0\0\7no", 14 },
		{ "\0\0\0\0\0\0\0\6\0\0\0\7\0\0\0\11no", 18 },
		{ "\0\0\0\0\0\0\0\7\0\0\0\7\0\0\0\0\0\0\0\4no", 22 },
		{ "\0\0\0\0\0\0\0\10\0\0\0\7", 12 },
		{ "\0\0\x90\x2a\0\0\0\1raw", 11 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		WRITER(w);
		struct patnc_error got;
		memcpy(rows[i].header, header, 8);
		patnc_put_error(&w, &rows[i]);
		struct patnc_attribute a = written(&w, 8, expected[i].value, expected[i].n);
		assert_int_equal(patnc_get_error(&a, &got), 0);
		assert_int_equal(got.code, rows[i].code);
		assert_int_equal(got.vendor, rows[i].vendor);
		assert_int_equal(got.offset, rows[i].offset);
		assert_int_equal(got.request_id, rows[i].request_id);
		assert_int_equal(got.maximum_size, rows[i].maximum_size);
		assert_int_equal(got.attribute_type, rows[i].attribute_type);
		assert_int_equal(got.sub_code, rows[i].sub_code);
		assert_int_equal(got.description.length, rows[i].description.length);
		assert_int_equal(got.length, rows[i].length);
		assert_non_null(patnc_error_text(got.vendor, got.code));
		/* Every cut into the fixed fields is refused. */
		size_t fixed = expected[i].n - got.description.length - got.length;
		for (a.length = 0; a.length < fixed; a.length++)
			assert_int_equal(patnc_get_error(&a, &got), -EBADMSG);
	}
	assert_string_equal(patnc_error_text(0, 0), patnc_error_text(0, 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_as_the_rfc_draws_them),
		cmocka_unit_test(reads_attributes_in_place),
		cmocka_unit_test(refuses_bad_frames),
		cmocka_unit_test(attribute_request),
		cmocka_unit_test(product_information),
		cmocka_unit_test(versions),
		cmocka_unit_test(operational_status),
		cmocka_unit_test(port_filter),
		cmocka_unit_test(installed_packages),
		cmocka_unit_test(results_and_flags),
		cmocka_unit_test(remediation_instructions),
		cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests_name("patnc", tests, NULL, NULL);
}
