/* SPDX-License-Identifier: ISC */
/* What a stranger sends to OSV.dev's API: queries, page tokens, Accept-Encoding. */
#include "vis/osv_query.h"
#include "vis/coding.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void query(const json_t *json)
{
	struct osv_query q;
	struct error err = { "" };
	char token[OSV_TOKEN_SIZE], after[RECORD_ID_MAX];
	if (osv_query_read(json, &q, &err) < 0) {
		if (!err.text[0])
			abort();
		return;
	}
	if (!q.unjudged && !q.package[0])
		abort();
	if (q.after[0]) {
		osv_token_make(q.after, token);
		if (osv_token_read(token, after) < 0 || strcmp(after, q.after) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char after[RECORD_ID_MAX], token[OSV_TOKEN_SIZE];
	char *text FREE_ON_EXIT = xstrndup((const char *)data, size);
	json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (json) {
		const json_t *one, *queries = json_object_get(json, "queries");
		size_t i;
		query(json);
		json_array_foreach(queries, i, one)
			query(one);
		json_decref(json);
	}
	/* One text for each place in a list. */
	if (osv_token_read(text, after) == 0) {
		osv_token_make(after, token);
		if (strcmp(token, text) != 0)
			abort();
	}
	(void)coding_choose(text);
	return 0;
}
