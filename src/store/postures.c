/* SPDX-License-Identifier: ISC */
/* What nodes said, and the packages that they name by number: rows and back. */
#include "store/sqlite.h"

#include <errno.h>

void store_put_posture(struct store *s, const char *node, const struct store_posture *p)
{
	if (p->length > STORE_POSTURE_MAX || p->packages_length > STORE_POSTURE_MAX)
		store_poison(s, SQLITE_TOOBIG, "writing a posture");
	else
		store_write(s, p->packages ? SQL_PUT_POSTURE : SQL_PUT_WHOLE_POSTURE,
		        p->packages ? "sbb" : "sb", node, p->json, p->length, p->packages,
		        p->packages_length);
}

struct receiver {
	store_posture_fn posture;
	store_package_fn package;
	const char *node;
	void *context;
	bool found;
};

static void read_packages(sqlite3_stmt *st, int column, struct store_posture *ret)
{
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return;
	const void *bytes = sqlite3_column_blob(st, column); /* NULL for none */
	ret->packages = bytes ? bytes : "";
	ret->packages_length = (size_t)sqlite3_column_bytes(st, column);
}

static int give_posture(sqlite3_stmt *st, void *receiver)
{
	struct receiver *to = receiver;
	struct store_posture p = { 0 };
	const void *json = sqlite3_column_blob(st, 0);
	p.json = json ? json : "";
	p.length = (size_t)sqlite3_column_bytes(st, 0);
	read_packages(st, 1, &p);
	to->found = true;
	return to->posture(to->node, &p, to->context);
}

int store_get_posture(
        struct store *s, const char *node, store_posture_fn fn, void *context, struct error *err)
{
	struct receiver to = { .posture = fn, .node = node, .context = context };
	int r = store_walk(s, store_bind(s, SQL_GET_POSTURE, "s", node), give_posture, &to, err);
	if (r == 0 && !to.found)
		return error_set(err, -ENOENT, "%s: no posture of %s is stored", s->path, node);
	return r;
}

static int give_packages(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_posture p = { 0 };
	const char *node;
	store_read(st, "s", &node);
	read_packages(st, 1, &p);
	return to->posture(node, &p, to->context);
}

int store_each_posture(struct store *s, store_posture_fn fn, void *context, struct error *err)
{
	struct receiver to = { .posture = fn, .context = context };
	return store_walk(s, store_bind(s, SQL_EACH_POSTURE, ""), give_packages, &to, err);
}

/* ---- packages ---- */

void store_put_package(struct store *s, const struct store_package *p)
{
	store_write(s, SQL_PUT_PACKAGE, "issssss", p->id, p->type, p->name, p->version, p->architecture,
	        p->source, p->source_version);
}

void store_remove_package(struct store *s, int64_t id)
{
	store_write(s, SQL_REMOVE_PACKAGE, "i", id);
}

static int give_package(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_package p = { 0 };
	store_read(st, "issssss", &p.id, &p.type, &p.name, &p.version, &p.architecture, &p.source,
	        &p.source_version);
	return to->package(&p, to->context);
}

int store_each_package(struct store *s, store_package_fn fn, void *context, struct error *err)
{
	struct receiver to = { .package = fn, .context = context };
	return store_walk(s, store_bind(s, SQL_EACH_PACKAGE, ""), give_package, &to, err);
}
