/* SPDX-License-Identifier: ISC */
#include "vuln/journal_rows.h"

#define KEY_SIZE (JOURNAL_PREFIX_MAX + sizeof(uint64_t))

static MDB_val make_key(uint8_t key[KEY_SIZE], const struct journal_kind *kind, uint64_t generation)
{
	const size_t n = MIN(strlen(kind->prefix), (size_t)JOURNAL_PREFIX_MAX);
	memcpy(key, kind->prefix, n);
	for (size_t i = 0; i < sizeof(generation); i++)
		key[n + i] = (uint8_t)(generation >> (56 - 8 * i));
	return index_val(key, n + sizeof(generation));
}

static int forget_oldest(
        struct index_env *e, MDB_txn *txn, const struct journal_kind *kind, struct journal_state *s)
{
	uint8_t bytes[KEY_SIZE];
	MDB_val key = make_key(bytes, kind, s->first), value;
	int r = mdb_get(txn, e->meta, &key, &value);
	s->first++;
	if (r)
		return r == MDB_NOTFOUND ? 0 : r;
	s->bytes -= MIN(s->bytes, (uint64_t)value.mv_size);
	return mdb_del(txn, e->meta, &key, NULL);
}

int journal_rows_put(struct index_env *e, MDB_txn *txn, const struct journal_kind *kind, uint64_t generation,
        const struct writer *row)
{
	struct journal_state state;
	uint8_t bytes[KEY_SIZE];
	int r = index_read_meta(e, txn, kind->state, &state, sizeof(state));
	if (r)
		return r;
	MDB_val key = make_key(bytes, kind, generation), value = index_val(row->data, row->length);
	r = mdb_put(txn, e->meta, &key, &value, 0);
	state.bytes += row->length;
	if (!state.first)
		state.first = generation;
	while (!r && state.first < generation &&
	        (state.bytes > kind->bytes_max || generation - state.first >= kind->rows_max))
		r = forget_oldest(e, txn, kind, &state);
	key = index_val(kind->state, strlen(kind->state));
	value = index_val(&state, sizeof(state));
	return r ? r : mdb_put(txn, e->meta, &key, &value, 0);
}

struct reader journal_rows_get(struct vuln_index *index, const struct journal_kind *kind, uint64_t generation)
{
	uint8_t bytes[KEY_SIZE];
	MDB_val key = make_key(bytes, kind, generation), value = { 0 };
	const bool there = mdb_get(index->txn, index->e.meta, &key, &value) == 0;
	struct reader r = there ? rd_make(value.mv_data, value.mv_size) : rd_make(NULL, 0);
	if (!there)
		(void)rd_u8(&r);
	return r;
}

uint64_t journal_rows_first(struct vuln_index *index, const struct journal_kind *kind)
{
	struct journal_state state;
	return index_read_meta(&index->e, index->txn, kind->state, &state, sizeof(state)) ? 0 : state.first;
}
