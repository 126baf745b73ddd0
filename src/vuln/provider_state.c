/* SPDX-License-Identifier: ISC */
#include "vuln/provider_state.h"

#include "base/file.h"
#include "vuln/load_private.h"
#include "vuln/provider_list.h"

#include <errno.h>
#include <string.h>

#define FORMAT 1
#define STATE_MAX ((size_t)PROVIDER_DOCUMENTS_MAX * (PROVIDER_PATH_MAX / 2))

void provider_state_set(struct provider_state *s, const char *path, time_ms updated, int64_t size)
{
	const struct provider_kept kept = { updated, size };
	free(table_set_string(s->kept, path, xmemdup(&kept, sizeof(kept))));
}

static void read_json(const json_t *json, const char *url, struct provider_state *s)
{
	const char *path;
	json_t *value, *documents = json_object_get(json, "documents");
	if (json_integer_value(json_object_get(json, "format")) != FORMAT ||
	        strcmp(load_json_text(json, "url"), url) != 0)
		return;
	s->whole = json_integer_value(json_object_get(json, "whole"));
	s->demand = (struct provider_demand){ (int)json_integer_value(json_object_get(json, "trust")),
		json_is_true(json_object_get(json, "signatures")) };
	json_object_foreach(documents, path, value)
		provider_state_set(s, path, json_integer_value(json_array_get(value, 0)),
		        json_integer_value(json_array_get(value, 1)));
}

void provider_state_read(const char *path, const char *url, struct provider_state *ret)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	*ret = (struct provider_state){ .kept = table_new() };
	if (file_read(path, STATE_MAX, &text, &length, NULL) < 0)
		return;
	json_t *json = load_parse_json(text, length, NULL);
	read_json(json, url, ret);
	json_decref(json);
}

int provider_state_write(const char *path, const char *url, const struct provider_state *s, struct error *err)
{
	json_t *documents = json_object();
	TABLE_FOREACH(it, s->kept) {
		const struct provider_kept *k = it.value;
		char *name FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		json_object_set_new(
		        documents, name, json_pack("[I, I]", (json_int_t)k->updated, (json_int_t)k->size));
	}
	json_t *json = json_pack("{s:i, s:s, s:I, s:i, s:b, s:o}", "format", FORMAT, "url", url, "whole",
	        (json_int_t)s->whole, "trust", s->demand.trust, "signatures", s->demand.signatures,
	        "documents", documents);
	char *text FREE_ON_EXIT = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	return text ? file_replace(path, text, strlen(text), 0644, err)
	            : error_set(err, -ENOMEM, "%s: no memory for it", path);
}

void provider_state_clear(struct provider_state *s)
{
	table_free(s->kept, free);
	*s = (struct provider_state){ 0 };
}
