/* SPDX-License-Identifier: ISC */
#include "posture/attributes.h"
#include "posture/dpkg.h"
#include "posture/purl.h"
#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"
#include "tests/unit/posture/example.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct wire {
	struct posture_reader *reader;
	size_t n_messages, n_inventories, n_records;
	uint32_t last_id;
};

/* Whole records: each says again what its identifier says. */
static size_t count_records(const struct patnc_message *message)
{
	struct patnc_message m = *message;
	struct patnc_attribute a;
	size_t n = 0;
	while (patnc_next_attribute(&m, &a)) {
		struct swima_list list;
		struct swima_record record;
		if (a.type != PATNC_SOFTWARE_INVENTORY)
			continue;
		assert_int_equal(swima_get_list(&a, &list), 0);
		for (; swima_next_record(&list, &record); n++) {
			assert_int_equal(record.record_length, record.identifier.length);
			assert_memory_equal(record.record, record.identifier.at, record.record_length);
		}
	}
	return n;
}

static int carry(uint32_t vendor, uint32_t subtype, const void *body, size_t length, void *context)
{
	struct wire *w = context;
	struct patnc_error problem;
	struct patnc_message m;
	assert_int_equal(patnc_read_message(body, length, NULL, &m, &problem), 0);
	assert_true(m.id > w->last_id);
	w->last_id = m.id;
	w->n_messages++;
	w->n_inventories += vendor == 0 && subtype == PATNC_SUBTYPE_SWIMA;
	w->n_records += vendor == 0 && subtype == PATNC_SUBTYPE_SWIMA ? count_records(&m) : 0;
	return posture_reader_feed(w->reader, vendor, subtype, body, length, &problem);
}

static struct posture *over_the_wire(
        const struct posture *p, const struct posture_wants *wants, struct wire *w)
{
	uint32_t id = 1;
	*w = (struct wire){ .reader = posture_reader_new(NULL) };
	assert_int_equal(posture_write_messages(p, wants, &id, carry, w), 0);
	struct posture *q = posture_reader_finish(w->reader, 1790000002999);
	posture_reader_free(w->reader);
	assert_int_equal(q->collected, 1790000002000);
	return q;
}

static void assert_same(const struct posture *p, struct posture *q)
{
	uint8_t before[32], after[32];
	posture_digest(p, before);
	posture_digest(q, after);
	assert_memory_equal(before, after, sizeof(before));
	q->collected = p->collected;
	json_t *left = posture_to_json(p), *right = posture_to_json(q);
	assert_true(json_equal(left, right));
	json_decref(left);
	json_decref(right);
}

static const struct posture_wants all = { .installed_packages = true, .inventory = true, .inventory_id = 7 };

static void a_posture_survives_the_wire(void **state)
{
	struct posture *p = example_posture();
	struct wire w;
	struct posture *q = over_the_wire(p, &all, &w);
	assert_int_equal(w.n_messages, 5);
	assert_int_equal(w.n_records, 0);
	assert_same(p, q);
	posture_free(p);
	posture_free(q);
}

static void records_are_sent_where_they_are_asked_for(void **state)
{
	const struct posture_wants records = { .inventory = true, .records = true };
	struct posture *p = example_posture();
	struct wire w;
	struct posture *q = over_the_wire(p, &records, &w);
	assert_int_equal(w.n_records, p->n_packages);
	assert_same(p, q);
	posture_free(p);
	posture_free(q);
}

/* RFC 8412 3.7: what the request names, and nothing where nothing of it is installed. */
static void targets_are_all_that_is_sent(void **state)
{
	const char *names[POSTURE_TARGETS_MAX + 1] = { "pkg:deb/debian/nothing@1" };
	struct patnc_text targets[POSTURE_TARGETS_MAX + 1];
	struct posture *p = example_posture();
	char *purl = purl_with_source(p, &p->packages[1]);
	const size_t counts[] = { 1, 2, POSTURE_TARGETS_MAX, POSTURE_TARGETS_MAX + 1 },
	             sent[] = { 0, 1, 1, p->n_packages };
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++)
		targets[i] = patnc_text(i == 1 ? purl : names[0]);
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
		struct writer w = wr_make(1 << 20);
		struct posture_wants wants = { 0 };
		struct patnc_error problem;
		struct wire wire;
		patnc_begin_message(&w, 1);
		swima_put_request(
		        &w, &(struct swima_request){ .id = 1, .count = (uint32_t)counts[i] }, targets);
		assert_int_equal(posture_read_request(&wants, w.data, w.length, &problem), 0);
		posture_free(over_the_wire(p, &wants, &wire));
		assert_int_equal(wire.n_inventories, 1);
		assert_int_equal(wire.n_records, sent[i]);
		wr_free(&w);
	}
	free(purl);
	posture_free(p);
}

static void an_empty_posture_survives_the_wire(void **state)
{
	struct posture *p = posture_new();
	(void)posture_add_unknown(p, "packages", "no such file");
	struct wire w;
	struct posture *q = over_the_wire(p, &all, &w);
	p->collected = 1790000002000;
	assert_same(p, q);
	assert_int_equal(w.n_inventories, 0);
	posture_free(p);
	posture_free(q);
}

static void large_lists_are_split_and_joined(void **state)
{
	struct posture *p = example_posture();
	for (int i = 0; i < 2 * POSTURE_RECORDS_MAX; i++) {
		char name[32];
		snprintf(name, sizeof(name), "package-%d", i);
		struct posture_package package = { "deb", posture_string(p, name), "1:1.0+b1-2~x", "amd64" };
		package.source = package.name;
		package.source_version = package.version;
		assert_int_equal(posture_add_package(p, &package), 0);
		if (i < 3 * POSTURE_LIST_CHUNK) {
			const struct posture_update update = { package.name, package.version, "2" };
			assert_int_equal(posture_add_update(p, &update), 0);
		}
	}
	struct wire w;
	struct posture *q = over_the_wire(p, &all, &w);
	assert_int_equal(w.n_inventories, 3);
	assert_same(p, q);
	posture_free(p);
	posture_free(q);
}

/* Full lists of programs with the longest strings, as users of the node may make them. */
static void full_lists_of_programs_have_room(void **state)
{
	struct posture *p = example_posture();
	char text[POSTURE_STRING_MAX + 1];
	memset(text, '"', sizeof(text));
	text[POSTURE_STRING_MAX] = '\0';
	p->n_outdated = p->n_listening = p->n_starting = 0;
	for (int i = 0; i < POSTURE_PROGRAMS_MAX; i++) {
		text[snprintf(text, 16, "/%d", i)] = '"';
		const char *kept = posture_string(p, text);
		assert_int_equal(
		        posture_add_outdated(p, &(struct posture_outdated){ kept, kept, kept, 1 }), 0);
		assert_int_equal(posture_add_listening(p, &(struct posture_unlisted){ kept, kept }), 0);
		assert_int_equal(posture_add_starting(p, &(struct posture_unlisted){ kept, kept }), 0);
	}
	struct wire w;
	struct posture *q = over_the_wire(p, &all, &w);
	assert_same(p, q);
	posture_free(p);
	posture_free(q);
}

/* Nobody asked for packages: they are unknown at the other end, not none. */
static void what_was_not_asked_for_is_unknown(void **state)
{
	struct posture *p = example_posture();
	const struct posture_wants nothing = { 0 };
	struct wire w;
	struct posture *q = over_the_wire(p, &nothing, &w);
	assert_false(q->packages_known);
	assert_string_equal(q->os_id, "debian");
	assert_true(q->network_known);
	posture_free(p);
	posture_free(q);
}

/* Messages as a third party's agent for operating systems sends them: no attribute of ours. */
static struct posture *third_party(
        const char *product, const char *version, void (*more)(struct posture_reader *))
{
	struct posture_reader *r = posture_reader_new(NULL);
	struct writer w = wr_make(65536);
	struct patnc_error problem;
	const struct patnc_product about = { .name = patnc_text(product) };
	const struct patnc_string_version v = { .version = patnc_text(version) };
	static const struct patnc_package packages[] = { { { "openssl", 7 }, { "3.0.15-1~deb12u1", 16 } },
		{ { "zlib1g", 6 }, { "1:1.2.13.dfsg-1", 15 } } };
	patnc_begin_message(&w, 1);
	patnc_put_product_information(&w, &about);
	patnc_put_string_version(&w, &v);
	patnc_put_forwarding_enabled(&w, PATNC_FORWARDING_NO);
	size_t at = patnc_begin_installed_packages(&w);
	for (size_t i = 0; i < ARRAY_LENGTH(packages); i++)
		patnc_put_package(&w, &packages[i]);
	patnc_end_installed_packages(&w, at, ARRAY_LENGTH(packages));
	assert_int_equal(
	        posture_reader_feed(r, 0, PATNC_SUBTYPE_OPERATING_SYSTEM, w.data, w.length, &problem), 0);
	if (more)
		more(r);
	struct posture *p = posture_reader_finish(r, 0);
	posture_reader_free(r);
	wr_free(&w);
	return p;
}

static void another_agent_on_debian_is_understood(void **state)
{
	struct posture *p = third_party("Debian", "12.9 x86_64", NULL);
	assert_string_equal(p->os_id, "debian");
	assert_string_equal(p->os_version, "12");
	assert_string_equal(p->architecture, "amd64");
	assert_int_equal(p->forwarding_v4, TRI_NO);
	assert_int_equal(p->firewall_active, TRI_UNKNOWN);
	assert_true(p->packages_known);
	assert_int_equal(p->n_packages, 2);
	assert_string_equal(p->packages[1].type, "deb");
	assert_string_equal(p->packages[1].name, "zlib1g");
	assert_string_equal(p->packages[1].version, "1:1.2.13.dfsg-1");
	/* Its source is zlib, which nobody said: what was matched is not all that there may be. */
	assert_string_equal(p->packages[1].source, "zlib1g");
	assert_int_equal(p->n_unknowns, 1);
	assert_string_equal(p->unknowns[0].field, "packages");
	assert_non_null(strstr(p->unknowns[0].reason, "source package"));
	posture_free(p);
}

static void other_distributions_are_understood(void **state)
{
	static const struct {
		const char *product, *version, *os_id, *os_version, *type;
	} rows[] = {
		{ "Fedora", "40 x86_64", "fedora", "40", "rpm" },
		{ "Rocky Linux", "9.3 x86_64", "rocky", "9", "rpm" },
		{ "AlmaLinux", "9.3 x86_64", "almalinux", "9", "rpm" },
		{ "Red Hat Enterprise Linux", "9.3 x86_64", "rhel", "9", "rpm" },
		{ "openSUSE Leap", "15.5 x86_64", "opensuse-leap", "15.5", "rpm" },
		{ "Alpine Linux", "3.18.4 x86_64", "alpine", "3.18.4", "apk" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = third_party(rows[i].product, rows[i].version, NULL);
		assert_string_equal(p->os_id, rows[i].os_id);
		assert_string_equal(p->os_version, rows[i].os_version);
		assert_int_equal(p->n_packages, 2);
		assert_string_equal(p->packages[0].type, rows[i].type);
		posture_free(p);
	}
}

static void another_system_is_unknown_not_clean(void **state)
{
	struct posture *p = third_party("Plan 9", "4", NULL);
	assert_null(p->os_id);
	assert_string_equal(p->os_name, "Plan 9");
	assert_false(p->packages_known);
	assert_int_equal(p->n_unknowns, 1);
	posture_free(p);
}

static void feed_foreign_inventory(struct posture_reader *r)
{
	struct writer w = wr_make(65536);
	struct patnc_error problem;
	const struct swima_list list = { .type = PATNC_SOFTWARE_IDENTIFIER_INVENTORY };
	const struct swima_record record = { .id = 1,
		.identifier = patnc_text("strongswan.org__Debian_12-x86_64-openssl-3.0.15-1~deb12u1") };
	patnc_begin_message(&w, 2);
	size_t at = swima_begin_list(&w, &list);
	swima_put_record(&w, list.type, &record);
	swima_end_list(&w, at, 1);
	assert_int_equal(posture_reader_feed(r, 0, PATNC_SUBTYPE_SWIMA, w.data, w.length, &problem), 0);
	wr_free(&w);
}

static void foreign_identifiers_do_not_count_as_packages(void **state)
{
	/* Beside Installed Packages, which names everything, they are not needed. */
	struct posture *p = third_party("Debian", "12.9 x86_64", feed_foreign_inventory);
	assert_int_equal(p->n_packages, 2);
	assert_true(p->packages_known);
	posture_free(p);
	struct posture_reader *r = posture_reader_new(NULL);
	feed_foreign_inventory(r);
	p = posture_reader_finish(r, 0);
	assert_false(p->packages_known);
	assert_int_equal(p->n_unknowns, 1);
	assert_non_null(strstr(p->unknowns[0].reason, "1 software identifiers"));
	posture_free(p);
	posture_reader_free(r);
}

static void put_json(struct writer *w, const char *text)
{
	patnc_begin_message(w, 9);
	pratique_put_text(w, PRATIQUE_SYSTEM, text, strlen(text));
}

static void malformed_messages_are_refused_with_an_error(void **state)
{
	static const char *const texts[] = { "no JSON", "[]", "{\"os\": 1}", "{\"os\": {}, \"os\": {}}",
		"{\"packages\": [{\"type\": \"deb\", \"name\": \"a\", \"version\": \"1\"}]}",
		"{\"updates\": {\"security\": [{}]}}" };
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct posture_reader *r = posture_reader_new(NULL);
		struct writer w = wr_make(65536);
		struct patnc_error problem = { 0 };
		put_json(&w, texts[i]);
		assert_int_equal(
		        posture_reader_feed(r, PRATIQUE_PEN, PRATIQUE_SUBTYPE, w.data, w.length, &problem),
		        -EBADMSG);
		assert_int_equal(problem.code, PATNC_E_INVALID_PARAMETER);
		assert_int_equal(problem.offset, PATNC_MESSAGE_HEADER_SIZE);
		wr_free(&w);
		posture_reader_free(r);
	}
}

static void an_inspection_has_a_size_limit(void **state)
{
	struct posture_reader *r = posture_reader_new(NULL);
	struct writer w = wr_make(2u << 20);
	struct patnc_error problem;
	char *big FREE_ON_EXIT = xmalloc(1u << 20);
	int result = 0, n = 0;
	memset(big, ' ', 1u << 20);
	big[0] = '{';
	big[1] = '}';
	patnc_begin_message(&w, 1);
	pratique_put_text(&w, PRATIQUE_SYSTEM, big, PRATIQUE_JSON_MAX);
	assert_false(wr_failed(&w));
	while ((result = posture_reader_feed(
	                r, PRATIQUE_PEN, PRATIQUE_SUBTYPE, w.data, w.length, &problem)) == 0)
		n++;
	assert_int_equal(result, -E2BIG);
	assert_int_equal(n, POSTURE_INSPECTION_MAX / w.length);
	wr_free(&w);
	posture_reader_free(r);
}

static void reads_what_a_server_wants(void **state)
{
	struct writer w = wr_make(4096);
	struct posture_wants wants = { 0 };
	struct patnc_error problem;
	const struct patnc_attribute_id ids[] = { { 0, PATNC_STRING_VERSION },
		{ 0, PATNC_INSTALLED_PACKAGES } };
	const struct swima_request request = { .id = 0xcafe, .identifiers_only = true };
	patnc_begin_message(&w, 1);
	patnc_put_attribute_request(&w, ids, 1);
	assert_int_equal(posture_read_request(&wants, w.data, w.length, &problem), 0);
	assert_false(wants.installed_packages);
	wr_reset(&w);
	patnc_begin_message(&w, 2);
	patnc_put_attribute_request(&w, ids, 2);
	swima_put_request(&w, &request, NULL);
	assert_int_equal(posture_read_request(&wants, w.data, w.length, &problem), 0);
	assert_true(wants.installed_packages && wants.inventory);
	assert_int_equal(wants.inventory_id, 0xcafe);
	assert_false(wants.records);
	assert_int_equal(posture_read_request(&wants, w.data, w.length - 1, &problem), -EBADMSG);
	wr_reset(&w);
	patnc_begin_message(&w, 3);
	swima_put_request(&w, &(struct swima_request){ .id = 2, .earliest_eid = 1 }, NULL);
	assert_int_equal(posture_read_request(&wants, w.data, w.length, &problem), 0);
	assert_true(wants.inventory && wants.records);
	wr_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_posture_survives_the_wire),
		cmocka_unit_test(records_are_sent_where_they_are_asked_for),
		cmocka_unit_test(targets_are_all_that_is_sent),
		cmocka_unit_test(an_empty_posture_survives_the_wire),
		cmocka_unit_test(large_lists_are_split_and_joined),
		cmocka_unit_test(full_lists_of_programs_have_room),
		cmocka_unit_test(what_was_not_asked_for_is_unknown),
		cmocka_unit_test(another_agent_on_debian_is_understood),
		cmocka_unit_test(other_distributions_are_understood),
		cmocka_unit_test(another_system_is_unknown_not_clean),
		cmocka_unit_test(foreign_identifiers_do_not_count_as_packages),
		cmocka_unit_test(malformed_messages_are_refused_with_an_error),
		cmocka_unit_test(an_inspection_has_a_size_limit),
		cmocka_unit_test(reads_what_a_server_wants),
	};
	return cmocka_run_group_tests_name("attributes", tests, NULL, NULL);
}
