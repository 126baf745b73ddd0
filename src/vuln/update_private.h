/* SPDX-License-Identifier: ISC */
/* What an update holds; shared by update.c (collecting) and commit.c (the transaction). */
#pragma once

#include "base/table.h"
#include "vuln/update.h"

#define UPDATE_KEPT_MAX 65536                /* names of refused records in one update */
#define UPDATE_PENDING_MAX ((size_t)4 << 30) /* bytes of records in one update */

/* One record to be put (length > 0) or removed; its key in the table is the record key. */
struct update_pending {
	size_t length, text_length;
	uint8_t bytes[]; /* the record, then its text's frame */
};

struct vuln_update {
	struct index_env index;
	char *dir;
	struct osv_parser parser;
	struct table *pending;
	size_t pending_bytes;
	bool replace_all;
	struct table *replaced; /* source -> non-NULL */
	struct table *kept;     /* source, NUL, name as vuln_update_keep() compares it -> non-NULL */
	struct table *covered;  /* ecosystem key, NUL, source -> non-NULL */
	struct table *built;    /* package key of INDEX_BUILT_FROM -> struct update_built, built_from.c */
	struct table *marks;    /* source -> char * */
	struct table *declared; /* source -> struct vuln_source, in one block with its strings */
	struct table *loaded;   /* source -> time_ms */
	struct writer frame;    /* scratch */
	struct ZSTD_CCtx_s *press;
	bool replaced_index;
	bool (*waits)(void *context); /* may be NULL */
	void *waits_context;
};

/* Whether the record stays although its source is replaced without it. */
bool update_keeps(const struct vuln_update *u, const char *source, size_t source_length, const char *id);
/* One try of the whole update in one transaction: MDB_MAP_FULL asks for a larger map and another try. */
int update_run(struct vuln_update *u, time_ms now, struct writer *changed, struct vuln_update_result *ret);
