/* SPDX-License-Identifier: ISC */
/*
 * An OSV record: what is taken must read back whole, as it came and as OSV made from it, and its rules must
 * judge versions without a word from the input. Said by several sources, it must come to what asking them in
 * turn comes to.
 */
#include "vuln/osv.h"
#include "vuln/match_private.h"
#include "vuln/rule.h"
#include "vuln/text.h"

#include <stdbool.h>

#define ENTRIES_MAX 24 /* of one package, from all sources */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const installed[] = { "0", "1.0-1", "2:3.4~rc1", "9999999999" };
static const struct vuln_source sources[] = {
	{ .name = "c", .precedence = 30 },
	{ .name = "a", .precedence = 10 },
	{ .name = "b", .precedence = 20, .trust = VULN_TRUST_SIGNED },
};

struct entries {
	struct writer bytes;
	size_t at[ENTRIES_MAX];
	size_t n;
};

/* The entry of one source, whatever the record says of its own. */
static void add_entry(
        struct entries *e, const struct record *record, const struct record_affected *a, size_t source)
{
	struct record named = *record;
	const struct package_entry_terms terms = {
		.group = "G", .severity = VULN_SEVERITY_LOW, .source = &sources[source]
	};
	struct package_entry entry;
	named.source = sources[source].name;
	if (e->n == ENTRIES_MAX)
		return;
	e->at[e->n] = e->bytes.length;
	package_entry_write(&e->bytes, &named, a, &terms);
	if (wr_failed(&e->bytes) ||
	        !package_entry_read(e->bytes.data + e->at[e->n], e->bytes.length - e->at[e->n], &entry) ||
	        strcmp(entry.id, record->id) != 0 || strcmp(entry.fixed, a->fixed) != 0 ||
	        strcmp(entry.source, sources[source].name) != 0 || strcmp(entry.group, "G") != 0 ||
	        strcmp(entry.justification, a->justification) != 0)
		abort();
	e->n++;
}

/* Source by source: the first that says anything decides. Its entries are of one record, so that affected
 * counts. */
static bool is_affected(const struct entries *e, const struct version_key *key)
{
	static const char *const order[] = { "a", "b", "c" };
	for (size_t s = 0; s < ARRAY_LENGTH(order); s++) {
		bool affected = false, excused = false, named = false;
		for (size_t i = 0; i < e->n; i++) {
			struct package_entry entry;
			const char *fixed;
			if (!package_entry_read(e->bytes.data + e->at[i], e->bytes.length - e->at[i], &entry))
				abort();
			if (strcmp(entry.source, order[s]) != 0)
				continue;
			int status = settle_status(&entry, key->bytes, key->length, &fixed);
			affected = affected || status == VULN_AFFECTED;
			excused = excused || status == VULN_NOT_AFFECTED;
			named = named || status == VULN_FIXED;
		}
		if (affected || excused || named)
			return affected;
	}
	return false;
}

static int count_match(const struct vuln_match *m, void *context)
{
	for (size_t i = 0; i < m->n_views; i++)
		if (m->views[i].precedence < m->precedence)
			abort();
	++*(size_t *)context;
	return 0;
}

static void judge(const struct entries *e)
{
	size_t n = 0;
	struct judge j = { .order = VERSION_DPKG, .fn = count_match, .context = &n };
	const uint8_t *at[ENTRIES_MAX];
	struct writer value = wr_make(RECORD_MAX);
	for (size_t i = 0; i < e->n; i++)
		at[i] = e->bytes.data + e->at[i];
	settle_entries(&j.settle, &value, at, e->n);
	for (size_t i = 0; i < ARRAY_LENGTH(installed) && !wr_failed(&value); i++) {
		const MDB_val v = index_val(value.data, value.length);
		if (version_key_make(VERSION_DPKG, installed[i], &j.key, NULL) < 0)
			abort();
		n = 0;
		if (judge_value(&j, &v) < 0 || n != (is_affected(e, &j.key) ? 1 : 0))
			abort();
	}
	judge_clear(&j);
	wr_free(&value);
}

/* All that the record says of its first package, by turns from each source, and by the last one all of it. */
static void settle(const struct record *record)
{
	struct entries e = { .bytes = wr_make(RECORD_MAX) };
	struct reader rest = record->affected;
	struct record_affected a;
	for (size_t i = 0; record_next_affected(&rest, &a); i++) {
		add_entry(&e, record, &a, i % ARRAY_LENGTH(sources));
		add_entry(&e, record, &a, 0);
	}
	if (e.n)
		judge(&e);
	wr_free(&e.bytes);
}

static void read_back(const struct record *record, const uint8_t *data, size_t size)
{
	struct osv_parser again = { .counts = { 0 } };
	struct writer frame = wr_make(OSV_RECORD_MAX * 2);
	struct ZSTD_CCtx_s *press = NULL;
	char *text, *made = record_to_osv(record);
	size_t length;
	struct error err;
	text_compress(&press, &frame, (const char *)data, size);
	text_press_free(press);
	if (wr_failed(&frame) || text_decompress(frame.data, frame.length, &text, &length, &err) < 0 ||
	        length != size || memcmp(text, data, size) != 0)
		abort();
	(void)osv_parse_text(&again, "again", made, strlen(made), &err);
	free(made);
	free(text);
	wr_free(&frame);
	osv_parser_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct osv_parser parser = { .counts = { 0 } };
	struct error err;
	struct record record;
	struct record_affected a;
	char *text;
	size_t length;
	if (osv_parse_text(&parser, "fuzz", (const char *)data, size, &err) == 0) {
		if (record_read(parser.record.w.data, parser.record.w.length, &record) < 0)
			abort();
		size_t n = 0;
		struct reader rest = record.affected;
		while (record_next_affected(&rest, &a))
			n++;
		if (n != record.n_affected || rd_failed(&rest))
			abort();
		settle(&record);
		read_back(&record, data, size);
	}
	osv_parser_clear(&parser);
	if (text_decompress(data, size, &text, &length, &err) == 0)
		free(text);
	return 0;
}
