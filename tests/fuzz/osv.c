/* SPDX-License-Identifier: ISC */
/* An OSV record: what is taken must read back whole, and its rules must judge versions without a word from
 * the input. */
#include "vuln/osv.h"
#include "vuln/settle.h"

#include <stdbool.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const installed[] = { "0", "1.0-1", "2:3.4~rc1", "9999999999" };

static void judge(const struct record *record, const struct record_affected *a)
{
	struct writer w = wr_make(RECORD_MAX);
	struct package_entry entry;
	const struct package_entry_terms terms = { .severity = VULN_SEVERITY_LOW, .source = &source_default };
	package_entry_write(&w, record, a, &terms);
	if (wr_failed(&w))
		abort();
	const uint8_t *bytes = w.data;
	struct writer value = wr_make(RECORD_MAX);
	struct settle settle = { .n = 0 };
	settle_entries(&settle, &value, &bytes, 1);
	settle_clear(&settle);
	if (!package_entry_read(value.data + PACKAGE_ENTRIES_AT, value.length - PACKAGE_ENTRIES_AT, &entry) ||
	        strcmp(entry.id, record->id) != 0 || strcmp(entry.fixed, a->fixed) != 0)
		abort();
	for (size_t i = 0; i < ARRAY_LENGTH(installed); i++) {
		struct version_key key;
		const char *fixed;
		if (version_key_make(VERSION_DPKG, installed[i], &key, NULL) < 0)
			abort();
		if (a->kind == RULE_EVENTS)
			(void)rule_evaluate(a->rule, a->rule_length, key.bytes, key.length, &fixed);
	}
	wr_free(&w);
	wr_free(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct osv_parser parser = { .counts = { 0 } };
	struct error err;
	struct record record;
	struct record_affected a;
	if (osv_parse_text(&parser, "fuzz", (const char *)data, size, &err) == 0) {
		if (record_read(parser.record.w.data, parser.record.w.length, &record) < 0)
			abort();
		size_t n = 0;
		struct reader rest = record.affected;
		while (record_next_affected(&rest, &a)) {
			judge(&record, &a);
			n++;
		}
		if (n != record.n_affected || rd_failed(&rest))
			abort();
	}
	osv_parser_clear(&parser);
	return 0;
}
