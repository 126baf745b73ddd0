/* SPDX-License-Identifier: ISC */
/* Any bytes as a document of one kind of source: it is refused with a reason, or its records are accounted
 * for. */
#pragma once

#include "vuln/load_private.h"

#include <string.h>

/* products: declared ones, or NULL. */
static inline void load_document_fuzz(
        const char *kind, struct product_map *products, const uint8_t *data, size_t size)
{
	static const char *const ecosystems[] = { "AlmaLinux:9", NULL };
	struct load_report report = { 0 };
	struct osv_parser check = { .counts = { 0 } };
	const struct load l = { .check = &check, .report = &report };
	const struct load_source source = { .name = "fuzz",
		.from = "",
		.ecosystems = strcmp(kind, "updateinfo") == 0 ? ecosystems : NULL,
		.now = 1 };
	struct load_reading r = {
		.l = &l, .source = &source, .kind = load_kind_find(kind), .products = products
	};
	char *text FREE_ON_EXIT = xmalloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	const struct load_document d = { .where = "fuzz", .text = text, .length = size };
	struct error err = { "" };
	int result = r.kind->read(&r, &d, &err);
	if (result < 0 && !*err.text)
		abort();
	if (load_put_gathered(&r, &err) < 0 && !*err.text)
		abort();
	if (report.read != report.mapped + report.unmapped + report.refused)
		abort();
	load_report_clear(&report);
	osv_parser_clear(&r.scratch);
	osv_parser_clear(&check);
}

#define LOAD_DOCUMENT_FUZZ(kind) \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
	{ \
		load_document_fuzz(kind, NULL, data, size); \
		return 0; \
	}
