/* SPDX-License-Identifier: ISC */
/*
 * HTTP heads, the chunked coding and percent-encoding. A head that is accepted must be accepted the same when
 * it arrives a byte at a time; chunks must give the same content however they are cut.
 */
#include "net/http_message.h"

#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void heads(const uint8_t *data, size_t size)
{
	struct http_head h;
	struct error err;
	ssize_t n = http_request_parse(data, size, &h, &err);
	if (n > 0) {
		char text[64];
		unsigned lengths = 0;
		/* What one side could take for another message than the other side does (RFC 9112 6.3). */
		for (size_t i = 0; i < h.n_fields; i++) {
			lengths += strcasecmp(h.fields[i].name, "content-length") == 0;
			if (strcasecmp(h.fields[i].name, "transfer-encoding") == 0)
				abort();
		}
		if (lengths > 1 || (lengths == 0) != (h.content_length < 0))
			abort();
		if ((size_t)n > size || h.path[0] != '/' || strlen(h.method) == 0 || h.chunked)
			abort();
		(void)http_percent_decode(h.path, strlen(h.path), false, text, sizeof(text));
		http_head_clear(&h);
		for (size_t i = 0; i < (size_t)n; i++)
			if (http_request_parse(data, i, &h, &err) != 0)
				abort();
	}
	if (http_response_parse(data, size, &h, &err) > 0) {
		if (h.status < 100 || h.status > 999)
			abort();
		http_head_clear(&h);
	}
}

/* The sum and length of the content, in pieces of step bytes; -1 where it is malformed or does not end. */
static int64_t unchunk(const uint8_t *data, size_t size, size_t step)
{
	struct http_chunks c = { 0 };
	int64_t sum = 0;
	bool end = false;
	for (size_t i = 0; i < size && !end;) {
		const uint8_t *content;
		size_t n;
		ssize_t used = http_chunks_read(&c, data + i, MIN(step, size - i), &content, &n, &end);
		if (used < 0)
			return -1;
		if (used == 0 || (size_t)used > size - i ||
		        (n && (content < data + i || content + n > data + i + used)))
			abort();
		for (size_t k = 0; k < n; k++)
			sum = (sum * 31 + content[k] + 1) % 1000003;
		i += (size_t)used;
	}
	return end ? sum : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	heads(data, size);
	int64_t whole = unchunk(data, size, SIZE_MAX);
	if (unchunk(data, size, 1) != whole || unchunk(data, size, 7) != whole)
		abort();
	return 0;
}
