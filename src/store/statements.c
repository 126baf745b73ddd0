/* SPDX-License-Identifier: ISC */
/* The prepared statements: binding, running, and reading rows, by a format. */
#include "store/sqlite.h"

#include <stdarg.h>
#include <string.h>

static const char *const statement_texts[STORE_N_SQL] = {
#define SQL(NAME, text) text,
#include "store/statements.def"
#undef SQL
};

static sqlite3_stmt *statement(struct store *s, enum store_sql which)
{
	sqlite3_stmt **st = &s->statements[which];
	if (!*st) {
		int code = sqlite3_prepare_v3(
		        s->db, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
		if (code != SQLITE_OK) {
			store_poison(s, code, "preparing a statement");
			return NULL;
		}
	}
	sqlite3_reset(*st);
	sqlite3_clear_bindings(*st);
	return *st;
}

static int bind_one(sqlite3_stmt *st, int i, char kind, va_list *args)
{
	const void *p;
	switch (kind) {
	case 's':
		p = va_arg(*args, const char *);
		return p ? sqlite3_bind_text(st, i, p, -1, SQLITE_STATIC) : sqlite3_bind_null(st, i);
	case 'i':
		return sqlite3_bind_int64(st, i, va_arg(*args, int64_t));
	case 'h':
		return sqlite3_bind_blob(st, i, va_arg(*args, const void *), 32, SQLITE_STATIC);
	case 'm':
		return sqlite3_bind_blob(st, i, va_arg(*args, const void *), 6, SQLITE_STATIC);
	default:
		p = va_arg(*args, const void *);
		return sqlite3_bind_blob64(st, i, p ? p : "", va_arg(*args, size_t), SQLITE_STATIC);
	}
}

static sqlite3_stmt *bind_list(struct store *s, enum store_sql which, const char *format, va_list *args)
{
	sqlite3_stmt *st = statement(s, which);
	for (int i = 0; st && format[i]; i++) {
		int code = bind_one(st, i + 1, format[i], args);
		if (code != SQLITE_OK) {
			store_poison(s, code, "binding a value");
			return NULL;
		}
	}
	return st;
}

sqlite3_stmt *store_bind(struct store *s, enum store_sql which, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	sqlite3_stmt *st = bind_list(s, which, format, &args);
	va_end(args);
	return st;
}

void store_write(struct store *s, enum store_sql which, const char *format, ...)
{
	if (!store_turn(s))
		return;
	va_list args;
	va_start(args, format);
	sqlite3_stmt *st = bind_list(s, which, format, &args);
	va_end(args);
	if (!st)
		return;
	int code = sqlite3_step(st);
	if (code != SQLITE_DONE)
		store_poison(s, code, "writing");
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

static void read_bytes(sqlite3_stmt *st, int i, void *ret, size_t size)
{
	const void *bytes = sqlite3_column_blob(st, i);
	memset(ret, 0, size);
	if (bytes && (size_t)sqlite3_column_bytes(st, i) == size)
		memcpy(ret, bytes, size);
}

static void read_one(sqlite3_stmt *st, int i, char kind, va_list *args)
{
	switch (kind) {
	case 's':
		*va_arg(*args, const char **) = (const char *)sqlite3_column_text(st, i);
		break;
	case 'i':
		*va_arg(*args, int64_t *) = sqlite3_column_int64(st, i);
		break;
	case 'u':
		*va_arg(*args, uint64_t *) = (uint64_t)sqlite3_column_int64(st, i);
		break;
	case 'd':
		*va_arg(*args, int *) = sqlite3_column_int(st, i);
		break;
	case 'b':
		*va_arg(*args, bool *) = sqlite3_column_int(st, i);
		break;
	case 'h':
		read_bytes(st, i, va_arg(*args, uint8_t *), 32);
		break;
	case 'm':
		read_bytes(st, i, va_arg(*args, struct mac_address *), sizeof(struct mac_address));
		break;
	default:
		break;
	}
}

void store_read(sqlite3_stmt *st, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	for (int i = 0; format[i]; i++)
		read_one(st, i, format[i], &args);
	va_end(args);
}

int store_walk(struct store *s, sqlite3_stmt *st, int (*give)(sqlite3_stmt *st, void *context), void *context,
        struct error *err)
{
	int code = SQLITE_DONE, result = 0;
	if (!st)
		return error_set(err, s->failure, "%s", s->failure_text.text);
	while (result == 0 && (code = sqlite3_step(st)) == SQLITE_ROW)
		result = give(st, context);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		result = store_sqlite_error(s, code, "reading", err);
	sqlite3_reset(st);
	return result;
}
