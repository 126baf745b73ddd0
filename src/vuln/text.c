/* SPDX-License-Identifier: ISC */
#include "vuln/text.h"

#include "vuln/index_private.h"
#include "vuln/osv.h"
#include "vuln/show.h"

#include <errno.h>
#include <zstd.h>

void text_press_free(struct ZSTD_CCtx_s *press)
{
	ZSTD_freeCCtx(press);
}

void text_compress(struct ZSTD_CCtx_s **press, struct writer *w, const char *text, size_t length)
{
	size_t at = w->length, room = ZSTD_compressBound(length);
	if (!*press)
		*press = ZSTD_createCCtx();
	wr_zero(w, room);
	w->failed = w->failed || !*press;
	if (wr_failed(w))
		return;
	size_t n = ZSTD_compressCCtx(*press, w->data + at, room, text, length, TEXT_LEVEL);
	if (ZSTD_isError(n))
		w->failed = true;
	else
		w->length = at + n;
}

int text_decompress(const void *frame, size_t length, char **ret_text, size_t *ret_length, struct error *err)
{
	unsigned long long n = ZSTD_getFrameContentSize(frame, length);
	if (n > OSV_RECORD_MAX)
		return error_set(err, -EBADMSG, "the text of a record is not readable");
	char *text = xmalloc((size_t)n + 1);
	size_t got = ZSTD_decompress(text, (size_t)n, frame, length);
	if (got != n) {
		free(text);
		return error_set(err, -EBADMSG, "the text of a record is not readable");
	}
	text[n] = '\0';
	*ret_text = text;
	*ret_length = (size_t)n;
	return 0;
}

static int find_text(struct vuln_index *index, const char *id, const char *source, MDB_val *ret)
{
	char key[INDEX_KEY_MAX];
	size_t n = index_record_key(key, id, source);
	MDB_val k = index_val(key, n);
	return n ? mdb_get(index->txn, index->e.texts, &k, ret) : MDB_NOTFOUND;
}

int vuln_index_text(struct vuln_index *index, const char *id, const char *source, char **ret_text,
        size_t *ret_length, struct error *err)
{
	MDB_val frame;
	int code = index_begin(index);
	if (code)
		return index_error(err, index->dir, code);
	code = find_text(index, id, source, &frame);
	int r;
	if (code == MDB_NOTFOUND)
		r = error_set(err, -ENOENT, "source %.128s has no advisory %.128s", source, id);
	else if (code)
		r = index_error(err, index->dir, code);
	else
		r = text_decompress(frame.mv_data, frame.mv_size, ret_text, ret_length, err);
	index_end(index);
	return r;
}
