/* SPDX-License-Identifier: ISC */
/* Snapshots and deltas: 'z' and a compressed file, read in pieces; or anything else and one line. What is a
 * line is within its bytes, and no more comes out of a file than was announced. */
#include "vuln/tree/lines.h"

#include <string.h>

#define ANNOUNCED_BYTES 65536
#define ANNOUNCED_LINES 64
#define PIECE 61

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_line(const struct line *line, void *context, struct error *err)
{
	unsigned *n = context;
	if (!line_name_good(line->source, sizeof(line->source)) ||
	        !line_name_good(line->id, sizeof(line->id)))
		abort();
	if (line->record && (line->record[0] != '{' || line->length > ANNOUNCED_BYTES))
		abort();
	if (++*n > ANNOUNCED_LINES)
		abort();
	return 0;
}

static void read_file(const uint8_t *data, size_t size)
{
	const struct tree_file file = {
		.length = size, .unpacked = ANNOUNCED_BYTES, .records = ANNOUNCED_LINES
	};
	struct error err;
	unsigned n = 0;
	struct line_reader *r = line_reader_new(&file, check_line, &n);
	int code = 0;
	for (size_t at = 0; at < size && code == 0; at += PIECE)
		code = line_reader_take(r, data + at, MIN((size_t)PIECE, size - at), &err);
	if (code == 0)
		(void)line_reader_end(r, &err);
	line_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line line;
	if (size == 0)
		return 0;
	const char *text = (const char *)data + 1;
	if (data[0] == 'z')
		read_file(data + 1, size - 1);
	else if (line_parse(text, size - 1, &line) && line.record &&
	        (line.record < text || line.record + line.length > text + size - 1))
		abort();
	return 0;
}
