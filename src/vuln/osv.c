/* SPDX-License-Identifier: ISC */
#include "vuln/osv.h"

#include "vuln/plain.h"
#include "vuln/severity.h"

#include <errno.h>
#include <stdio.h>

void osv_parser_clear(struct osv_parser *p)
{
	wr_free(&p->record.w);
	rule_builder_clear(&p->rule);
	free(p->names);
	table_free(p->packages, NULL);
}

/* Absent and null: 0. */
static int take_time(const json_t *json, const char *field, time_ms *ret, struct error *err)
{
	const json_t *value = json_object_get(json, field);
	*ret = 0;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || clock_parse(json_string_value(value), ret) < 0)
		return error_set(err, -EINVAL, "\"%s\" is not a time", field);
	return 0;
}

static int check_id(const char *id, struct error *err)
{
	if (!id || !*id)
		return error_set(err, -EINVAL, "\"id\" is missing or not a text");
	if (strlen(id) >= RECORD_ID_MAX)
		return error_set(err, -EINVAL, "\"id\" is longer than %d bytes", RECORD_ID_MAX - 1);
	if (strchr(id, ' ') || !text_is_plain(id))
		return error_set(err, -EINVAL, "\"id\" holds white space or control characters");
	return 0;
}

/* Appends the ids in a list; other records' ids that are not ids are passed over. */
static int add_names(struct osv_parser *p, const json_t *json, const char *field, struct error *err)
{
	const json_t *list = json_object_get(json, field), *item;
	size_t i;
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return error_set(err, -EINVAL, "\"%s\" is not a list", field);
	json_array_foreach(list, i, item) {
		const char *name = json_string_value(item);
		if (check_id(name, NULL) < 0)
			continue;
		ARRAY_RESERVE_ONE(p->names, p->n_names, p->names_capacity);
		p->names[p->n_names++] = name;
	}
	return 0;
}

/* The highest of the CVSS scores in a "severity" list. */
static enum vuln_severity severity_of_scores(const json_t *json)
{
	const json_t *item, *list = json_object_get(json, "severity");
	enum vuln_severity best = VULN_SEVERITY_UNKNOWN;
	size_t i;
	json_array_foreach(list, i, item) {
		const char *vector = json_string_value(json_object_get(item, "score"));
		const char *type = json_string_value(json_object_get(item, "type"));
		int tenths;
		if (vector && type && strncmp(type, "CVSS_", 5) == 0 && cvss_score(vector, &tenths) == 0)
			best = MAX(best, severity_from_score(tenths));
		else if (vector && type && strcmp(type, "Ubuntu") == 0)
			best = MAX(best, severity_from_word(vector));
	}
	return best;
}

static enum vuln_severity severity_of_word(const json_t *json, const char *object, const char *field)
{
	const char *word = json_string_value(json_object_get(json_object_get(json, object), field));
	return word ? severity_from_word(word) : VULN_SEVERITY_UNKNOWN;
}

/* What an affected entry says about its package: scores, then words. Debian's urgency is the weakest word: it
 * only stands where the record has no severity. */
static enum vuln_severity severity_of_affected(const json_t *affected)
{
	enum vuln_severity s = severity_of_scores(affected);
	if (!s)
		s = severity_of_word(affected, "ecosystem_specific", "severity");
	if (!s)
		s = severity_of_word(affected, "database_specific", "severity");
	return s;
}

/* Red Hat and its rebuilds begin the summary with their rating: "Important: podman security update". */
static enum vuln_severity severity_of_summary(const json_t *json)
{
	const char *id = json_string_value(json_object_get(json, "id"));
	const char *summary = json_string_value(json_object_get(json, "summary"));
	static const char *const prefixes[] = { "RHSA-", "ALSA-", "RLSA-", "RXSA-" };
	char word[16];
	for (size_t i = 0; summary && i < ARRAY_LENGTH(prefixes); i++) {
		size_t n = strcspn(summary, ":");
		if (strncmp(id, prefixes[i], strlen(prefixes[i])) != 0 || !summary[n] || n >= sizeof(word))
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)n, summary);
		return severity_from_word(word);
	}
	return VULN_SEVERITY_UNKNOWN;
}

static enum vuln_severity severity_of_record(const json_t *json)
{
	enum vuln_severity s = severity_of_scores(json);
	if (!s)
		s = severity_of_word(json, "database_specific", "severity");
	return s ? s : severity_of_summary(json);
}

/* One line without control characters, cut at a character's boundary. */
static void take_line(const char *text, char *ret, size_t size)
{
	size_t n = 0;
	bool space = true;
	for (const char *c = text; *c; c++) {
		bool control = (unsigned char)*c <= ' ' || *c == 0x7f ||
		        ((unsigned char)*c == 0xc2 && (unsigned char)c[1] < 0xa0);
		if (n + 5 > size) {
			while (n > 0 && ((unsigned char)ret[n - 1] & 0xc0) == 0x80)
				n--;
			if (n > 0 && (unsigned char)ret[n - 1] >= 0xc0)
				n--;
			n += (size_t)snprintf(ret + n, size - n, "…");
			break;
		}
		if (control && (unsigned char)*c == 0xc2)
			c++;
		if (control && space)
			continue;
		ret[n++] = control ? ' ' : *c;
		space = control;
	}
	ret[n] = '\0';
}

static void take_summary(const json_t *json, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(json, "summary"));
	if (!text || !*text)
		text = json_string_value(json_object_get(json, "details"));
	take_line(text ? text : "", ret, size);
}

/* Whether an affected entry tells any, whether or not they are valid. */
static bool has_versions(const json_t *affected)
{
	return json_array_size(json_object_get(affected, "ranges")) > 0 ||
	        json_array_size(json_object_get(affected, "versions")) > 0;
}

static const struct {
	const char *name;
	enum rule_event kind;
} event_kinds[] = { { "introduced", RULE_INTRODUCED }, { "fixed", RULE_FIXED },
	{ "last_affected", RULE_LAST_AFFECTED }, { "limit", RULE_LIMIT } };

/* -EINVAL: the schema is broken; -EDOM: a version that the ecosystem does not allow. */
static int add_event(struct osv_parser *p, const json_t *event, struct error *err)
{
	bool any = false;
	for (size_t i = 0; i < ARRAY_LENGTH(event_kinds); i++) {
		const json_t *value = json_object_get(event, event_kinds[i].name);
		if (!value)
			continue;
		if (!json_is_string(value))
			return error_set(err, -EINVAL, "\"%s\" is not a text", event_kinds[i].name);
		int r = rule_add_event(&p->rule, event_kinds[i].kind, json_string_value(value), err);
		if (r < 0)
			return r == -EINVAL ? -EDOM : r;
		any = true;
	}
	return any ? 0 : error_set(err, -EINVAL, "an event that is none of those known");
}

static int add_range(struct osv_parser *p, const char *ecosystem, const json_t *range, struct error *err)
{
	const char *type = json_string_value(json_object_get(range, "type"));
	const json_t *event, *events = json_object_get(range, "events");
	size_t i;
	if (!type || !json_is_array(events) || json_array_size(events) == 0)
		return error_set(err, -EINVAL, "a range without type or events");
	if (strcmp(type, "GIT") == 0) {
		p->counts.git_ranges++;
		return 0;
	}
	bool semver = strcmp(type, "SEMVER") == 0;
	if (!semver && strcmp(type, "ECOSYSTEM") != 0)
		return error_set(err, -EINVAL, "a range of type \"%.40s\"", type);
	/* NuGet's and pub's orders are its own, with more numbers or more to say of builds. */
	bool takes_semver = p->rule.order == VERSION_SEMVER || p->rule.order == VERSION_PUB ||
	        p->rule.order == VERSION_NUGET;
	if (semver && !takes_semver)
		return error_set(err, -EDOM, "a SEMVER range in %s, which orders otherwise", ecosystem);
	json_array_foreach(events, i, event) {
		int r = add_event(p, event, err);
		if (r < 0)
			return r;
	}
	return rule_end_range(&p->rule, err);
}

static int add_rules(struct osv_parser *p, const char *ecosystem, const json_t *affected, struct error *err)
{
	const json_t *item, *ranges = json_object_get(affected, "ranges");
	const json_t *versions = json_object_get(affected, "versions");
	size_t i;
	if ((ranges && !json_is_array(ranges)) || (versions && !json_is_array(versions)))
		return error_set(err, -EINVAL, "\"ranges\" or \"versions\" is not a list");
	json_array_foreach(ranges, i, item) {
		int r = add_range(p, ecosystem, item, err);
		if (r < 0)
			return r;
	}
	json_array_foreach(versions, i, item) {
		if (!json_is_string(item))
			return error_set(err, -EINVAL, "a listed version that is not a text");
		int r = rule_add_version(&p->rule, json_string_value(item), err);
		if (r == -EINVAL)
			p->counts.versions_invalid++; /* no installed package has it */
		else if (r < 0)
			return r;
	}
	return 0;
}

static size_t count_git_ranges(const json_t *affected)
{
	const json_t *range, *ranges = json_object_get(affected, "ranges");
	size_t i, n = 0;
	json_array_foreach(ranges, i, range) {
		const char *type = json_string_value(json_object_get(range, "type"));
		n += type && strcmp(type, "GIT") == 0;
	}
	return n;
}

/* 1: there is a package that the index can hold; 0: there is none. */
static int take_package(struct osv_parser *p, const json_t *affected, char ecosystem[ECOSYSTEM_NAME_MAX],
        char name[PACKAGE_NAME_MAX], enum version_ecosystem *ret_order, struct error *err)
{
	const json_t *package = json_object_get(affected, "package");
	if (!package || json_is_null(package) ||
	        (json_is_object(package) && json_object_size(package) == 0)) {
		p->counts.git_ranges += count_git_ranges(affected);
		return 0;
	}
	const char *osv_ecosystem = json_string_value(json_object_get(package, "ecosystem"));
	const char *osv_name = json_string_value(json_object_get(package, "name"));
	if (!osv_ecosystem || !osv_name)
		return error_set(err, -EINVAL, "a package without ecosystem or name");
	int r = text_is_plain(osv_ecosystem) ? ecosystem_canonical(osv_ecosystem, ecosystem, ret_order)
	                                     : -EINVAL;
	if (r == -ENOTSUP)
		return 0;
	if (r < 0 || ecosystem_package_name(ecosystem, osv_name, name) < 0)
		return error_set(
		        err, -EINVAL, "an ecosystem or package name that is empty, too long or not a name");
	return 1;
}

/* A name that stands for many, or for none that could be installed. */
static bool is_pattern(const char *name)
{
	return *name == '\0' || strpbrk(name, " *?") || !text_is_plain(name);
}

static int count_package(struct osv_parser *p, const char *ecosystem, const char *name, struct error *err)
{
	char key[ECOSYSTEM_NAME_MAX + PACKAGE_NAME_MAX];
	int n = snprintf(key, sizeof(key), "%s %s", ecosystem, name);
	if (is_pattern(name)) {
		p->counts.beyond_limits++;
		return error_set(err, -EINVAL, "a package name that is a pattern or empty: \"%.60s\"", name);
	}
	if (!p->packages)
		p->packages = table_new();
	table_set(p->packages, key, (size_t)n, p);
	if (table_count(p->packages) <= RECORD_PACKAGES_MAX)
		return 0;
	p->counts.beyond_limits++;
	return error_set(err, -EINVAL, "more than %d different packages", RECORD_PACKAGES_MAX);
}

/* What importers write for what OSV lacks. */
static int take_status(const json_t *affected, struct record_affected *ret, struct error *err)
{
	const json_t *more = json_object_get(json_object_get(affected, "database_specific"), "pratique");
	const char *status = json_string_value(json_object_get(more, "status"));
	const char *justification = json_string_value(json_object_get(more, "justification"));
	ret->status = VULN_AFFECTED;
	ret->justification = "";
	if (!more)
		return 0;
	if (!status || (strcmp(status, "affected") != 0 && strcmp(status, "not_affected") != 0))
		return error_set(err, -EINVAL, "a status that is neither affected nor not_affected");
	if (strcmp(status, "not_affected") != 0)
		return 0;
	ret->status = VULN_NOT_AFFECTED;
	ret->justification = justification ? justification : "";
	return 0;
}

static bool may_speak_of(const struct osv_parser *p, const char *ecosystem)
{
	for (size_t i = 0; p->ecosystems && p->ecosystems[i]; i++)
		if (strcmp(p->ecosystems[i], ecosystem) == 0)
			return true;
	return !p->ecosystems;
}

/* Unsupported and refused entries are counted and are no error of the record's. */
static int add_affected(struct osv_parser *p, const json_t *affected, struct error *err)
{
	char ecosystem[ECOSYSTEM_NAME_MAX] = "", name[PACKAGE_NAME_MAX] = "",
	     justification[RECORD_JUSTIFICATION_MAX];
	enum version_ecosystem order = VERSION_DPKG;
	struct record_affected entry = { .ecosystem = ecosystem, .package = name, .justification = "" };
	if (!json_is_object(affected))
		return error_set(err, -EINVAL, "an affected entry that is not an object");
	int r = take_package(p, affected, ecosystem, name, &order, err);
	if (r <= 0) {
		p->counts.affected_unsupported += r == 0;
		return r;
	}
	if (!may_speak_of(p, ecosystem)) {
		p->counts.affected_outside++;
		return 0;
	}
	r = count_package(p, ecosystem, name, err);
	if (r == 0)
		r = take_status(affected, &entry, err);
	if (r < 0)
		return r;
	take_line(entry.justification, justification, sizeof(justification));
	entry.justification = justification;
	rule_reset(&p->rule, order);
	r = add_rules(p, ecosystem, affected, err);
	if (r == -EDOM) {
		if (p->counts.affected_refused++ == 0 && err)
			p->counts.first_refused = *err;
		return 0;
	}
	if (r < 0)
		return r;
	entry.severity = severity_of_affected(affected);
	if (!entry.severity && !p->severity)
		entry.severity = severity_of_word(affected, "ecosystem_specific", "urgency");
	if (!rule_finish(&p->rule, &entry)) {
		/* Nothing is affected by an entry without versions; a statement without any counts for all.
		 */
		if (entry.status != VULN_NOT_AFFECTED || has_versions(affected))
			return 0;
		entry.kind = RULE_ALWAYS;
	}
	p->counts.not_affected += entry.status == VULN_NOT_AFFECTED;
	record_add_affected(&p->record, &entry);
	return 0;
}

static int put_head(struct osv_parser *p, const char *source, const json_t *json, struct error *err)
{
	char summary[RECORD_SUMMARY_MAX];
	time_ms withdrawn;
	struct record_head head = { .id = json_string_value(json_object_get(json, "id")), .source = source };
	int r = check_id(head.id, err);
	if (r < 0)
		return r;
	p->n_names = 0;
	r = add_names(p, json, "aliases", err);
	head.n_aliases = p->n_names;
	if (r == 0)
		r = add_names(p, json, "upstream", err);
	if (r == 0)
		r = add_names(p, json, "related", err);
	if (r == 0)
		r = take_time(json, "published", &head.published, err);
	if (r == 0)
		r = take_time(json, "modified", &head.modified, err);
	if (r == 0)
		r = take_time(json, "withdrawn", &withdrawn, err);
	if (r < 0)
		return r;
	if (!head.modified)
		return error_set(err, -EINVAL, "\"modified\" is missing");
	if (head.n_aliases > RECORD_ALIASES_MAX || p->n_names - head.n_aliases > RECORD_RELATED_MAX) {
		p->counts.beyond_limits++;
		return error_set(err, -EINVAL, "more than %d aliases or %d related records",
		        RECORD_ALIASES_MAX, RECORD_RELATED_MAX);
	}
	head.withdrawn = json_is_string(json_object_get(json, "withdrawn"));
	p->counts.withdrawn += head.withdrawn;
	head.aliases = p->names;
	head.related = p->names ? p->names + head.n_aliases : NULL;
	head.n_related = p->n_names - head.n_aliases;
	head.severity = p->severity = severity_of_record(json);
	take_summary(json, summary, sizeof(summary));
	head.summary = summary;
	record_begin(&p->record, &head);
	return 0;
}

int osv_parse(struct osv_parser *p, const char *source, const json_t *json, struct error *err)
{
	if (!json_is_object(json))
		return error_set(err, -EINVAL, "it is not a JSON object");
	p->record.w.limit = RECORD_MAX;
	wr_reset(&p->record.w);
	table_free(p->packages, NULL);
	p->packages = NULL;
	int r = put_head(p, source, json, err);
	if (r < 0)
		return r;
	const json_t *affected = json_object_get(json, "affected"), *item;
	size_t i;
	if (affected && !json_is_array(affected) && !json_is_null(affected))
		return error_set(err, -EINVAL, "\"affected\" is not a list");
	json_array_foreach(affected, i, item) {
		r = add_affected(p, item, err);
		if (r < 0)
			return error_prefix(err, r, "affected[%zu]", i);
	}
	if (!record_end(&p->record)) {
		p->counts.beyond_limits++;
		return error_set(err, -EINVAL, "more than %d affected entries or %u bytes",
		        RECORD_AFFECTED_MAX, RECORD_MAX);
	}
	p->counts.unmapped += p->record.n_affected == 0;
	return 0;
}

int osv_parse_text(
        struct osv_parser *p, const char *source, const char *text, size_t length, struct error *err)
{
	json_error_t json_err;
	if (length > OSV_RECORD_MAX) {
		p->counts.beyond_limits++;
		return error_set(err, -EINVAL, "it is larger than %u bytes", OSV_RECORD_MAX);
	}
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &json_err);
	if (!json)
		return error_set(err, -EINVAL, "line %d: %s", json_err.line, json_err.text);
	int r = osv_parse(p, source, json, err);
	json_decref(json);
	return r;
}
