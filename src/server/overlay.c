/* SPDX-License-Identifier: ISC */
#include "server/overlay.h"

#include "base/table.h"
#include "server/site.h"
#include "vuln/ecosystem.h"
#include "vuln/show.h"
#include "vuln/update.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One question to the index: about a package in an ecosystem, or about the records of an id. */
struct task {
	char *ecosystem; /* NULL: about an id */
	char *name;
	bool leads_on; /* what the records of the id refer to is copied too */
};

struct overlay {
	struct vuln_index *base, *index;
	char *dir;
	struct vuln_update *update;
	struct table *names;      /* packages that are named -> the name */
	struct table *given;      /* "id NUL source" of the new records -> overlay */
	struct table *asked;      /* ids that were asked about */
	struct table *ecosystems; /* -> the name */
	struct task *tasks;
	size_t n_tasks, tasks_capacity, at;
	size_t n_given, n_copied;
};

static int copy_source(const struct vuln_source *source, void *context)
{
	struct overlay *o = context;
	vuln_update_put_source(o->update, source);
	return 0;
}

int overlay_new(struct vuln_index *index, const char *parent, struct overlay **ret, struct error *err)
{
	struct overlay *o = xcalloc(1, sizeof(*o));
	o->base = index;
	o->names = table_new();
	o->given = table_new();
	o->asked = table_new();
	o->ecosystems = table_new();
	char *dir = xasprintf("%s/simulation-XXXXXX", parent);
	int r = mkdtemp(dir) ? 0 : error_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (r == 0)
		o->dir = TAKE_POINTER(dir);
	free(dir);
	if (r == 0)
		r = vuln_update_open(o->dir, &o->update, err);
	if (r == 0)
		r = vuln_index_each_source(index, copy_source, o, err);
	if (r < 0) {
		overlay_free(o);
		return r;
	}
	*ret = o;
	return 0;
}

static void remove_folder(const char *dir)
{
	static const char *const files[] = { "data.mdb", "lock.mdb" };
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

struct overlay *overlay_free(struct overlay *o)
{
	if (!o)
		return NULL;
	vuln_update_close(o->update);
	vuln_index_close(o->index);
	if (o->dir)
		remove_folder(o->dir);
	for (size_t i = 0; i < o->n_tasks; i++) {
		free(o->tasks[i].ecosystem);
		free(o->tasks[i].name);
	}
	free(o->tasks);
	table_free(o->names, free);
	table_free(o->given, NULL);
	table_free(o->asked, NULL);
	table_free(o->ecosystems, free);
	free(o->dir);
	free(o);
	return NULL;
}

static void set_text(struct table *t, const char *text)
{
	if (!table_get_string(t, text))
		table_set_string(t, text, xstrdup(text));
}

static void add_task(struct overlay *o, const char *ecosystem, const char *name, bool leads_on)
{
	ARRAY_RESERVE_ONE(o->tasks, o->n_tasks, o->tasks_capacity);
	o->tasks[o->n_tasks++] = (struct task){ xstrdup(ecosystem), xstrdup(name), leads_on };
}

static void ask_id(struct overlay *o, const char *id, bool leads_on)
{
	if (strlen(id) >= RECORD_ID_MAX || table_get_string(o->asked, id) || o->n_tasks > OVERLAY_RECORDS_MAX)
		return;
	table_set_string(o->asked, id, o);
	add_task(o, NULL, id, leads_on);
}

/* ---- what a record says ---- */

static void add_name(struct overlay *o, const char *name)
{
	char canonical[PACKAGE_NAME_MAX];
	set_text(o->names, name);
	if (ecosystem_package_name("PyPI", name, canonical) == 0)
		set_text(o->names, canonical);
}

static void each_name(struct overlay *o, const json_t *record)
{
	size_t i;
	json_t *affected;
	json_array_foreach(json_object_get(record, "affected"), i, affected) {
		const char *name =
		        json_string_value(json_object_get(json_object_get(affected, "package"), "name"));
		if (name && table_count(o->names) < OVERLAY_NAMES_MAX)
			add_name(o, name);
	}
}

static void each_reference(struct overlay *o, const json_t *record, bool leads_on)
{
	static const char *const lists[] = { "aliases", "related", "upstream" };
	size_t i;
	json_t *id;
	for (size_t k = 0; k < ARRAY_LENGTH(lists); k++)
		json_array_foreach(json_object_get(record, lists[k]), i, id)
			if (json_is_string(id))
				ask_id(o, json_string_value(id), leads_on);
}

static size_t record_key(char key[RECORD_ID_MAX + RECORD_SOURCE_MAX], const char *id, const char *source)
{
	return (size_t)snprintf(key, RECORD_ID_MAX + RECORD_SOURCE_MAX, "%.*s%c%.*s", RECORD_ID_MAX - 1, id,
	        0, RECORD_SOURCE_MAX - 1, source);
}

struct owners {
	char source[RECORD_SOURCE_MAX];
	size_t n;
};

/* What its old form names is named too: those packages may be left. */
static int note_owner(const struct record *r, void *context)
{
	struct owners *owners = context;
	snprintf(owners->source, sizeof(owners->source), "%s", r->source);
	owners->n++;
	return 0;
}

static void name_old_form(struct overlay *o, const char *id, const char *source)
{
	char *text = NULL;
	size_t length;
	if (vuln_index_text(o->base, id, source, &text, &length, NULL) < 0)
		return;
	json_t *old = json_loadb(text, length, 0, NULL);
	each_name(o, old);
	json_decref(old);
	free(text);
}

int overlay_add(struct overlay *o, const json_t *record, const char *source, struct error *err)
{
	struct owners owners = { .n = 0 };
	char key[RECORD_ID_MAX + RECORD_SOURCE_MAX];
	const char *id = json_string_value(json_object_get(record, "id"));
	char *text FREE_ON_EXIT = json_dumps(record, JSON_COMPACT);
	if (!id || !text)
		return error_set(err, -EINVAL, "an advisory is an OSV record with an id");
	if (o->n_given == OVERLAY_ADVISORIES_MAX)
		return error_set(
		        err, -E2BIG, "at most %d advisories are tried at a time", OVERLAY_ADVISORIES_MAX);
	if (!source)
		(void)vuln_index_show(o->base, id, note_owner, &owners, NULL);
	const bool has_old = source || owners.n == 1;
	if (!source)
		source = owners.n == 1 ? owners.source : OVERLAY_SOURCE;
	int r = vuln_update_put(o->update, source, text, strlen(text), err);
	if (r < 0)
		return error_prefix(err, r, "%.127s", id);
	o->n_given++;
	table_set(o->given, key, record_key(key, id, source), o);
	each_name(o, record);
	if (has_old)
		name_old_form(o, id, source);
	each_reference(o, record, false);
	ask_id(o, id, false);
	return table_count(o->names) < OVERLAY_NAMES_MAX
	        ? 0
	        : error_set(err, -E2BIG, "the advisories name more than %d packages", OVERLAY_NAMES_MAX);
}

/* ---- what the index says ---- */

static void ask_ecosystem(struct overlay *o, const char *ecosystem)
{
	if (table_get_string(o->ecosystems, ecosystem))
		return;
	set_text(o->ecosystems, ecosystem);
	vuln_update_cover(o->update, OVERLAY_SOURCE, INDEX_BY_ADVISORY, ecosystem);
	TABLE_FOREACH(it, o->names)
		add_task(o, ecosystem, it.value, true);
}

void overlay_add_platform(struct overlay *o, const struct posture *platform)
{
	static const char *const types[] = { "deb", "rpm", "apk", "npm", "pypi" };
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		char ecosystem[ECOSYSTEM_NAME_MAX];
		enum version_ecosystem order;
		enum ecosystem_naming naming;
		if (ecosystem_of_package(types[i], platform->os_id, platform->os_version, ecosystem, &order,
		            &naming, NULL) < 0)
			continue;
		ask_ecosystem(o, ecosystem);
		ecosystem[strcspn(ecosystem, ":")] = '\0'; /* advisories of all its releases */
		ask_ecosystem(o, ecosystem);
	}
}

void overlay_add_package(struct overlay *o, const struct posture_package *package)
{
	struct backport from;
	char *found FREE_ON_EXIT = NULL;
	TABLE_FOREACH(it, o->ecosystems) /* asking for one more may not be done meanwhile */
		if (!found && ecosystem_backport(it.value, package->version, &from) > 0 &&
		        !table_get_string(o->ecosystems, from.ecosystem))
			found = xstrdup(from.ecosystem);
	if (found)
		ask_ecosystem(o, found);
}

static int note_match(const struct vuln_match *m, void *context)
{
	struct overlay *o = context;
	ask_id(o, m->id, true);
	for (size_t i = 0; i < m->n_views; i++)
		ask_id(o, m->views[i].id, true);
	return 0;
}

struct sources {
	char (*names)[RECORD_SOURCE_MAX];
	size_t n, capacity;
};

static int note_source(const struct record *r, void *context)
{
	struct sources *s = context;
	ARRAY_RESERVE_ONE(s->names, s->n, s->capacity);
	snprintf(s->names[s->n++], RECORD_SOURCE_MAX, "%s", r->source);
	return 0;
}

static int copy_record(
        struct overlay *o, const char *id, const char *source, bool leads_on, struct error *err)
{
	char key[RECORD_ID_MAX + RECORD_SOURCE_MAX], *text FREE_ON_EXIT = NULL;
	size_t length;
	if (table_get(o->given, key, record_key(key, id, source)))
		return 0;
	if (o->n_copied++ == OVERLAY_RECORDS_MAX)
		return error_set(err, -E2BIG, "more than %d advisories are known about the same packages",
		        OVERLAY_RECORDS_MAX);
	int r = vuln_index_text(o->base, id, source, &text, &length, err);
	if (r == 0)
		r = vuln_update_put(o->update, source, text, length, err);
	if (r < 0 || !leads_on)
		return r;
	json_t *record = json_loadb(text, length, 0, NULL);
	each_reference(o, record, false);
	json_decref(record);
	return 0;
}

static int copy_id(struct overlay *o, const char *id, bool leads_on, struct error *err)
{
	struct sources s = { 0 };
	int r = vuln_index_show(o->base, id, note_source, &s, err);
	for (size_t i = 0; i < s.n && r == 0; i++)
		r = copy_record(o, id, s.names[i], leads_on, err);
	free(s.names);
	return r == -ENOENT ? 0 : r;
}

static int ask_package(struct overlay *o, const char *ecosystem, const char *name, struct error *err)
{
	for (int by_binary = 0; by_binary < 2; by_binary++) {
		const struct vuln_query q = {
			.ecosystem = ecosystem, .package = name, .by_binary = by_binary
		};
		int r = vuln_index_query(o->base, &q, note_match, o, NULL, err);
		if (r < 0 && r != -ENOTSUP && r != -EINVAL)
			return r;
	}
	return 0;
}

int overlay_step(struct overlay *o, struct error *err)
{
	if (o->at == o->n_tasks)
		return 0;
	const struct task t = o->tasks[o->at++]; /* the list may grow */
	int r = t.ecosystem ? ask_package(o, t.ecosystem, t.name, err) : copy_id(o, t.name, t.leads_on, err);
	return r < 0 ? r : o->at < o->n_tasks;
}

int overlay_commit(struct overlay *o, struct error *err)
{
	struct vuln_update_result result;
	return vuln_update_commit(o->update, clock_wall_ms(), NULL, NULL, &result, err);
}

int overlay_open(struct overlay *o, struct error *err)
{
	o->update = vuln_update_close(o->update); /* LMDB wants a file once in a process */
	return vuln_index_open(o->dir, &o->index, err);
}

struct vuln_index *overlay_index(struct overlay *o)
{
	return o->index;
}

const struct table *overlay_names(const struct overlay *o)
{
	return o->names;
}

static bool is_named(const struct overlay *o, const char *name)
{
	return name && table_get_string(o->names, name);
}

/* As the matcher calls it: by its own name, its source's, or that of what its source only signs. */
bool overlay_is_meant(const struct posture_package *package, const void *overlay)
{
	const struct overlay *o = overlay;
	char name[PACKAGE_NAME_MAX];
	struct source_alias alias;
	if (is_named(o, package->name) || is_named(o, package->source))
		return true;
	if (strcmp(package->type, "pypi") == 0)
		return ecosystem_package_name("PyPI", package->name, name) == 0 && is_named(o, name);
	if (package->source)
		TABLE_FOREACH(it, o->ecosystems)
			if (ecosystem_signed_source(it.value, package, &alias) > 0 && is_named(o, alias.name))
				return true;
	return false;
}
