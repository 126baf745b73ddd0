/* SPDX-License-Identifier: ISC */
/* Inside the room: the connection, its prepared statements, and binding and reading by a format. */
#pragma once

#include "store/store.h"
#include <sqlite3.h>

enum store_sql {
#define SQL(NAME, text) SQL_##NAME,
#include "store/statements.def"
#undef SQL
	STORE_N_SQL
};

struct store_waiter {
	store_durable_fn fn;
	void *context;
};

struct store {
	sqlite3 *db;
	int lock; /* the directory, locked while we have it */
	char *path;
	sqlite3_stmt *statements[STORE_N_SQL];
	bool in_turn; /* a transaction is open */
	int failure;  /* of this turn; 0 = none */
	struct error failure_text;
	void (*on_work)(void *context);
	void *work_context;
	store_durable_fn on_end;
	void *end_context;
	struct store_waiter *waiters;
	size_t n_waiters, waiters_capacity;
	uint64_t generation, generation_reserved; /* last given; highest that may be given */
	uint64_t generation_pending;              /* reserved once this turn is durable; 0 = none */
};

#define STORE_APPLICATION_ID 0x50524154 /* "PRAT", in the file's header */

/* Opens s->path, checks that it is ours and sound, and brings it to today's schema. */
int store_open_database(struct store *s, struct error *err);
void store_close_database(struct store *s);

/* Negative errno and words for an SQLite result code. */
int store_sqlite_error(struct store *s, int code, const char *doing, struct error *err);

/* The statement, reset, with its parameters bound: each letter of format is one parameter:
 *   s const char * (NULL = NULL)   i int64_t   h const uint8_t * of 32 bytes   m const struct mac_address *
 *   b const void *, size_t
 * Bound memory must stay until the statement has run. NULL with the turn poisoned when that fails. */
sqlite3_stmt *store_bind(struct store *s, enum store_sql which, const char *format, ...);
/* Opens the turn if it is not, binds as above and runs a statement that yields no rows; failure poisons the
 * turn. */
void store_write(struct store *s, enum store_sql which, const char *format, ...);
/* Opens the turn; false when it is poisoned. */
bool store_turn(struct store *s);
void store_poison(struct store *s, int code, const char *doing);

/* The row's columns, from the first one, into what the letters of format point to:
 *   s const char ** (NULL for NULL)   i int64_t *   u uint64_t *   d int *   b bool *
 *   h uint8_t * of 32 bytes, m struct mac_address * (zeroes where the column has another length)
 *   - nothing: the column is passed over */
void store_read(sqlite3_stmt *st, const char *format, ...);
/* Gives each row to give, until it returns not 0, which is returned; resets the statement. st NULL: it could
 * not be bound, and that failure is returned. */
int store_walk(struct store *s, sqlite3_stmt *st, int (*give)(sqlite3_stmt *st, void *context), void *context,
        struct error *err);
