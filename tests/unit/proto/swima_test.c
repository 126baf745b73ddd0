/* SPDX-License-Identifier: ISC */
/* SWIMA (RFC 8412): each attribute's bytes, iteration in place, what is refused. */
#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WRITER(name) struct writer name CLEANUP(wr_free) = wr_make(4 << 20)
#define PURL "pkg:deb/debian/libssl3@3.0.15-1?arch=amd64&distro=bookworm&source=openssl"

static void assert_text(struct patnc_text text, const char *expected)
{
	assert_int_equal(text.length, strlen(expected));
	assert_memory_equal(text.at, expected, text.length);
}

static struct patnc_attribute written(const struct writer *w, uint32_t type, const void *value, size_t n)
{
	assert_false(wr_failed(w));
	assert_int_equal(w->length, 12 + n);
	uint8_t header[12] = { 0, 0, 0, 0, 0, 0, 0, (uint8_t)type, 0, 0, (uint8_t)((12 + n) >> 8),
		(uint8_t)(12 + n) };
	assert_memory_equal(w->data, header, 12);
	if (n)
		assert_memory_equal(w->data + 12, value, n);
	return (struct patnc_attribute){ .type = type, .value = w->data + 12, .length = n };
}

static void request(void **state)
{
	WRITER(w);
	struct swima_request put = { .clear_subscriptions = true,
		.subscribe = true,
		.identifiers_only = true,
		.id = 0x01020304,
		.earliest_eid = 5,
		.count = 2 };
	struct patnc_text targets[] = { patnc_text("ab"), patnc_text("c") };
	swima_put_request(&w, &put, targets);
	struct patnc_attribute a = written(&w, 13, "\xe0\0\0\2\1\2\3\4\0\0\0\5\0\2ab\0\1c", 19);
	struct swima_request got;
	struct patnc_text target;
	assert_int_equal(swima_get_request(&a, &got), 0);
	assert_true(got.clear_subscriptions && got.subscribe && got.identifiers_only);
	assert_int_equal(got.id, 0x01020304);
	assert_int_equal(got.earliest_eid, 5);
	assert_int_equal(got.count, 2);
	assert_true(swima_next_target(&got, &target));
	assert_text(target, "ab");
	assert_true(swima_next_target(&got, &target));
	assert_text(target, "c");
	assert_false(swima_next_target(&got, &target));
	for (a.length = 0; a.length < 19; a.length++)
		assert_int_equal(swima_get_request(&a, &got), -EBADMSG);
	wr_reset(&w);
	swima_put_request(&w, &(struct swima_request){ .identifiers_only = true, .id = 1 }, NULL);
	written(&w, 13, "\x20\0\0\0\0\0\0\1\0\0\0\0", 12);
}

/* The four lists by hand: sections 5.8 to 5.11. */
#define RECORD_HEAD "\0\0\0\x2a\0\x7e\xd9\1\3"
#define HEAD "\x80\0\0\1\0\0\0\7\0\0\0\x0e\0\0\0\x0f"
static const struct {
	uint32_t type;
	const char *value;
	size_t n;
} lists[] = {
	{ 14, HEAD RECORD_HEAD "\0\0\2id\0\1/", 16 + 9 + 1 + 4 + 3 },
	{ 15,
	        HEAD "\0\0\0\x0d\0\0\0\x0c"
	             "2026-11-21T20:54:00Z" RECORD_HEAD "\2\0\2id\0\1/",
	        16 + 4 + 24 + 9 + 1 + 4 + 3 },
	{ 16, HEAD RECORD_HEAD "\0\0\2id\0\1/\0\0\0\3tag", 16 + 9 + 1 + 4 + 3 + 7 },
	{ 17,
	        HEAD "\0\0\0\x0d\0\0\0\x0c"
	             "2026-11-21T20:54:00Z" RECORD_HEAD "\2\0\2id\0\1/\0\0\0\3tag",
	        16 + 4 + 24 + 9 + 1 + 4 + 3 + 7 },
};

static void each_list_has_the_bytes_of_the_rfc(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		WRITER(w);
		bool events = lists[i].type & 1, records = lists[i].type > 15;
		struct swima_list list = { .type = lists[i].type,
			.subscription = true,
			.id = 7,
			.eid_epoch = 14,
			.last_eid = 15,
			.last_consulted_eid = 13 };
		struct swima_record put = { .eid = 12,
			.timestamp = "2026-11-21T20:54:00Z",
			.action = SWIMA_DELETION,
			.id = 42,
			.model_vendor = 32473,
			.model_type = PRATIQUE_MODEL_PURL,
			.source = 3,
			.identifier = patnc_text("id"),
			.locator = patnc_text("/"),
			.record = (const uint8_t *)"tag",
			.record_length = 3 };
		size_t at = swima_begin_list(&w, &list);
		swima_put_record(&w, list.type, &put);
		swima_end_list(&w, at, 1);
		struct patnc_attribute a = written(&w, lists[i].type, lists[i].value, lists[i].n);
		struct swima_list got;
		struct swima_record record;
		assert_int_equal(swima_get_list(&a, &got), 0);
		assert_true(got.subscription);
		assert_int_equal(got.count, 1);
		assert_int_equal(got.id, 7);
		assert_int_equal(got.eid_epoch, 14);
		assert_int_equal(got.last_eid, 15);
		assert_int_equal(got.last_consulted_eid, events ? 13 : 0);
		assert_true(swima_next_record(&got, &record));
		assert_int_equal(record.eid, events ? 12 : 0);
		assert_string_equal(record.timestamp, events ? "2026-11-21T20:54:00Z" : "");
		assert_int_equal(record.action, events ? SWIMA_DELETION : 0);
		assert_int_equal(record.id, 42);
		assert_int_equal(record.model_vendor, 32473);
		assert_int_equal(record.model_type, 1);
		assert_int_equal(record.source, 3);
		assert_text(record.identifier, "id");
		assert_text(record.locator, "/");
		assert_int_equal(record.record_length, records ? 3 : 0);
		assert_false(swima_next_record(&got, &record));
		for (a.length = 0; a.length < lists[i].n; a.length++)
			assert_int_equal(swima_get_list(&a, &got), -EBADMSG);
	}
}

static void refuses_lying_lists(void **state)
{
	uint8_t bytes[128];
	struct swima_list got;
	struct patnc_attribute a = { .type = 15, .value = bytes, .length = lists[1].n };
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = { { 3, 2 }, { 3, 0 }, { 1, 0xff }, { 24, 'x' }, { 43, 'z' }, { 53, 0 }, { 53, 4 },
		{ 54, 0xff }, { 56, 0 } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		memcpy(bytes, lists[1].value, lists[1].n);
		assert_int_equal(swima_get_list(&a, &got), 0);
		bytes[rows[i].at] = rows[i].value;
		if (swima_get_list(&a, &got) != -EBADMSG)
			fail_msg("byte %zu as %u is taken", rows[i].at, rows[i].value);
	}
	/* The smallest record there is: nothing but its fixed fields. */
	static const uint8_t smallest[] = { [3] = 1, [16 + 13] = 0 };
	a = (struct patnc_attribute){ .type = 14, .value = smallest, .length = sizeof(smallest) };
	assert_int_equal(swima_get_list(&a, &got), 0);
	a.length--;
	assert_int_equal(swima_get_list(&a, &got), -EBADMSG);
	/* In an inventory that place is reserved and not looked at. */
	memcpy(bytes, lists[0].value, lists[0].n);
	bytes[25] = 0xff;
	a = (struct patnc_attribute){ .type = 14, .value = bytes, .length = lists[0].n };
	assert_int_equal(swima_get_list(&a, &got), 0);
}

static void a_large_inventory_goes_through(void **state)
{
	WRITER(w);
	struct swima_list list = {
		.type = PATNC_SOFTWARE_IDENTIFIER_INVENTORY, .id = 1, .eid_epoch = 1, .last_eid = 900
	};
	size_t at = swima_begin_list(&w, &list);
	for (uint32_t i = 0; i < 900; i++) {
		char purl[128];
		snprintf(purl, sizeof(purl), PURL "%u", i);
		struct swima_record record = { .id = i + 1,
			.model_vendor = PRATIQUE_PEN,
			.model_type = PRATIQUE_MODEL_PURL,
			.source = 1,
			.identifier = patnc_text(purl) };
		swima_put_record(&w, list.type, &record);
	}
	swima_end_list(&w, at, 900);
	assert_false(wr_failed(&w));
	struct patnc_attribute a = { .type = list.type, .value = w.data + 12, .length = w.length - 12 };
	struct swima_list got;
	struct swima_record record;
	uint32_t n = 0;
	assert_int_equal(swima_get_list(&a, &got), 0);
	while (swima_next_record(&got, &record)) {
		assert_int_equal(record.id, ++n);
		assert_true(record.identifier.length > strlen(PURL));
		assert_true((const uint8_t *)record.identifier.at > w.data); /* in place */
	}
	assert_int_equal(n, 900);
	swima_end_list(&w, at, SWIMA_RECORDS_MAX + 1);
	assert_true(wr_failed(&w));
}

static void subscription_status(void **state)
{
	WRITER(w);
	swima_put_subscription_status_request(&w);
	struct patnc_attribute a = written(&w, 18, "", 0);
	assert_int_equal(swima_get_empty(&a), 0);
	a.length = 1;
	assert_int_equal(swima_get_empty(&a), -EBADMSG);
	wr_reset(&w);
	size_t at = swima_begin_subscription_status(&w);
	struct patnc_text target = patnc_text("x");
	swima_put_subscription(&w, &(struct swima_request){ .subscribe = true, .id = 3 }, NULL);
	swima_put_subscription(
	        &w, &(struct swima_request){ .subscribe = true, .id = 4, .count = 1 }, &target);
	swima_end_subscription_status(&w, at, 2);
	a = written(&w, 19, "\0\0\0\2\x40\0\0\0\0\0\0\3\0\0\0\0\x40\0\0\1\0\0\0\4\0\0\0\0\0\1x", 4 + 12 + 15);
	struct patnc_list list;
	struct swima_request got;
	assert_int_equal(swima_get_subscription_status(&a, &list), 0);
	assert_int_equal(list.count, 2);
	assert_true(swima_next_subscription(&list, &got));
	assert_int_equal(got.id, 3);
	assert_true(swima_next_subscription(&list, &got));
	assert_int_equal(got.id, 4);
	assert_true(swima_next_target(&got, &target));
	assert_text(target, "x");
	assert_false(swima_next_subscription(&list, &got));
	for (size_t n = 0; n < 31; n++) {
		a.length = n;
		assert_int_equal(swima_get_subscription_status(&a, &list), -EBADMSG);
	}
}

static void source_metadata(void **state)
{
	WRITER(w);
	swima_put_source_metadata_request(&w);
	struct patnc_attribute a = written(&w, 20, "", 0);
	assert_int_equal(swima_get_empty(&a), 0);
	wr_reset(&w);
	struct swima_source sources[] = { { 1, patnc_text("dpkg") }, { 2, patnc_text("") } };
	swima_put_source_metadata(&w, sources, 2);
	a = written(&w, 21, "\0\0\0\2\1\0\4dpkg\2\0\0", 4 + 7 + 3);
	struct patnc_list list;
	struct swima_source got;
	assert_int_equal(swima_get_source_metadata(&a, &list), 0);
	assert_int_equal(list.count, 2);
	assert_true(swima_next_source(&list, &got));
	assert_int_equal(got.id, 1);
	assert_text(got.metadata, "dpkg");
	assert_true(swima_next_source(&list, &got));
	assert_int_equal(got.id, 2);
	assert_false(swima_next_source(&list, &got));
	for (size_t n = 0; n < 14; n++) {
		a.length = n;
		assert_int_equal(swima_get_source_metadata(&a, &list), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request),
		cmocka_unit_test(each_list_has_the_bytes_of_the_rfc),
		cmocka_unit_test(refuses_lying_lists),
		cmocka_unit_test(a_large_inventory_goes_through),
		cmocka_unit_test(subscription_status),
		cmocka_unit_test(source_metadata),
	};
	return cmocka_run_group_tests_name("swima", tests, NULL, NULL);
}
