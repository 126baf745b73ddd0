/* SPDX-License-Identifier: ISC */
#include "vuln/tree/members.h"

#include "vuln/tree/lines.h"

#include <string.h>

void members_id(const json_t *record, char ret[RECORD_ID_MAX])
{
	const char *id = json_string_value(json_object_get(record, "id"));
	ret[0] = '\0';
	if (id && line_name_good(id, RECORD_ID_MAX))
		memcpy(ret, id, strlen(id) + 1);
}

/* NULL: it names no package. */
static const char *ecosystem_of(const json_t *affected)
{
	return json_string_value(json_object_get(json_object_get(affected, "package"), "ecosystem"));
}

void members_each_ecosystem(
        const json_t *record, void (*fn)(const char *ecosystem, void *context), void *context)
{
	const json_t *list = json_object_get(record, "affected");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *ecosystem = ecosystem_of(json_array_get(list, i));
		if (ecosystem)
			fn(ecosystem, context);
	}
}

struct search {
	const char *shard;
	bool any, found;
};

static void look(const char *ecosystem, void *context)
{
	struct search *s = context;
	char name[TREE_NAME_SIZE];
	if (!tree_shard_name(ecosystem, name))
		return;
	s->any = true;
	s->found = s->found || strcmp(name, s->shard) == 0;
}

bool members_in_shard(const json_t *record, const char *shard)
{
	struct search s = { .shard = shard };
	members_each_ecosystem(record, look, &s);
	return s.found || (!s.any && strcmp(shard, TREE_SHARD_OTHER) == 0);
}

bool members_filter(json_t *record, bool (*keep)(const char *ecosystem, void *context), void *context)
{
	json_t *list = json_object_get(record, "affected");
	bool any = false;
	for (size_t i = json_array_size(list); i > 0; i--) {
		const char *ecosystem = ecosystem_of(json_array_get(list, i - 1));
		if (!ecosystem || keep(ecosystem, context))
			continue;
		json_array_remove(list, i - 1);
		any = true;
	}
	return any;
}
