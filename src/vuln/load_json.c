/* SPDX-License-Identifier: ISC */
/* JSON of publishers whose whole database is one document: its members are read one by one, so that no more
 * than one of them is in memory as a tree. And the pieces of OSV that every importer makes. */
#include "vuln/load_private.h"

#include <errno.h>
#include <string.h>

#define MEMBER_DEPTH_MAX 64

static void skip_space(struct load_members *m)
{
	while (m->at < m->end && (*m->at == ' ' || *m->at == '\t' || *m->at == '\r' || *m->at == '\n'))
		m->at++;
}

/* Behind the string that begins at m->at; false where it does not end. */
static bool skip_string(struct load_members *m)
{
	for (m->at++; m->at < m->end && *m->at != '"'; m->at++)
		if (*m->at == '\\')
			m->at++;
	if (m->at >= m->end)
		return false;
	m->at++;
	return true;
}

/* Behind the value: what it is, is for the parser to find out. */
static bool skip_value(struct load_members *m)
{
	for (int depth = 0; m->at < m->end;) {
		char c = *m->at;
		if (c == '"') {
			if (!skip_string(m))
				return false;
		} else if (c == '{' || c == '[') {
			if (++depth > MEMBER_DEPTH_MAX)
				return false;
			m->at++;
		} else if (c == '}' || c == ']') {
			if (depth == 0)
				return true;
			depth--;
			m->at++;
		} else if (c == ',' && depth == 0) {
			return true;
		} else {
			m->at++;
		}
	}
	return false;
}

int load_members_begin(const char *text, size_t length, struct load_members *ret, struct error *why)
{
	struct load_members m = { text, text + length, false };
	skip_space(&m);
	if (m.at >= m.end || *m.at != '{')
		return error_set(why, -EINVAL, "it is not a JSON object");
	m.at++;
	*ret = m;
	return 0;
}

/* "key": value, and the comma behind it. */
int load_next_member(struct load_members *m, json_t **ret_key, json_t **ret_value, struct error *why)
{
	json_error_t json_err = { .text = "it ends too early, or is too deep" };
	skip_space(m);
	if (m->at < m->end && *m->at == '}' && !m->comma) {
		m->at++;
		skip_space(m);
		return m->at == m->end ? 0 : error_set(why, -EINVAL, "something stands behind the object");
	}
	const char *key = m->at;
	if (m->at >= m->end || *m->at != '"' || !skip_string(m))
		return error_set(why, -EINVAL, "a member without a name");
	size_t key_length = (size_t)(m->at - key);
	skip_space(m);
	if (m->at >= m->end || *m->at++ != ':')
		return error_set(why, -EINVAL, "a member without a value");
	skip_space(m);
	const char *value = m->at;
	if (!skip_value(m))
		return error_set(why, -EINVAL, "%s", json_err.text);
	json_t *name = json_loadb(key, key_length, JSON_DECODE_ANY, &json_err);
	json_t *tree = name ? json_loadb(value, (size_t)(m->at - value),
	                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &json_err)
	                    : NULL;
	if (!tree) {
		(void)error_set(
		        why, -EINVAL, "%.80s: %s", name ? json_string_value(name) : "a name", json_err.text);
		json_decref(name);
		return -EINVAL;
	}
	skip_space(m);
	m->comma = m->at < m->end && *m->at == ',';
	if (m->comma)
		m->at++;
	*ret_key = name;
	*ret_value = tree;
	return 1;
}

json_t *load_make_affected(const char *ecosystem, const char *package, const char *fixed)
{
	json_t *events = json_pack("[{s:s}]", "introduced", "0");
	if (fixed)
		json_array_append_new(events, json_pack("{s:s}", "fixed", fixed));
	return json_pack("{s:{s:s, s:s}, s:[{s:s, s:o}]}", "package", "ecosystem", ecosystem, "name", package,
	        "ranges", "type", "ECOSYSTEM", "events", events);
}

void load_say_not_affected(json_t *affected, const char *justification)
{
	json_object_set_new(affected, "database_specific",
	        json_pack("{s:{s:s, s:s}}", "pratique", "status", "not_affected", "justification",
	                justification));
}

bool load_is_id(const char *id)
{
	size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:");
	return n > 2 && !id[n] && n < RECORD_ID_MAX && strchr(id, '-');
}
