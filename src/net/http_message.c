/* SPDX-License-Identifier: ISC */
#include "net/http_message.h"

#include "base/cursor.h"
#include <errno.h>
#include <string.h>
#include <strings.h>

#define CHUNK_MAX (1ull << 40)
#define CHUNK_LINE_MAX 256
#define CONTENT_LENGTH_DIGITS 15

int http_request_status(int error)
{
	switch (error) {
	case -EMSGSIZE:
		return 431;
	case -ENOTSUP:
		return 501;
	case -EPROTONOSUPPORT:
		return 505;
	default:
		return 400;
	}
}

/* RFC 9110 5.6.2 */
static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	        (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!is_token_char(*s))
			return false;
	return true;
}

/* The offset after the empty line that ends the head; 0: not there yet. */
static size_t find_end(const uint8_t *bytes, size_t length)
{
	const uint8_t *at = memmem(bytes, length, "\r\n\r\n", 4);
	return at ? (size_t)(at - bytes) + 4 : 0;
}

/* Cuts the next line off; NULL for control characters in it. */
static char *next_line(char **at)
{
	char *line = *at, *end = strstr(line, "\r\n");
	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 2;
	for (const char *p = line; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return NULL;
	return line;
}

static int add_field(struct http_head *h, char *line, struct error *err)
{
	char *colon = strchr(line, ':');
	if (h->n_fields == HTTP_FIELDS_MAX)
		return error_set(err, -EMSGSIZE, "more than %d header fields", HTTP_FIELDS_MAX);
	if (!colon)
		return error_set(err, -EBADMSG, "a header line without a colon");
	*colon = '\0';
	if (!is_token(line))
		return error_set(err, -EBADMSG, "a malformed header field name");
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t n = strlen(value);
	while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		value[--n] = '\0';
	h->fields[h->n_fields++] = (struct http_field){ line, value };
	return 0;
}

const char *http_head_field(const struct http_head *h, const char *name)
{
	const char *found = NULL;
	for (size_t i = 0; i < h->n_fields; i++) {
		if (strcasecmp(h->fields[i].name, name) != 0)
			continue;
		if (found)
			return NULL;
		found = h->fields[i].value;
	}
	return found;
}

static size_t count_fields(const struct http_head *h, const char *name)
{
	size_t n = 0;
	for (size_t i = 0; i < h->n_fields; i++)
		n += strcasecmp(h->fields[i].name, name) == 0;
	return n;
}

static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *p = list; p && *p;) {
		p += strspn(p, ", \t");
		size_t n = strcspn(p, ", \t");
		if (n == length && strncasecmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

/* RFC 9112 6: what says how long the body is must be said once, and one way. */
static int read_framing(struct http_head *h, struct error *err)
{
	const char *length = http_head_field(h, "content-length");
	size_t codings = count_fields(h, "transfer-encoding"), lengths = count_fields(h, "content-length");
	h->content_length = -1;
	if (lengths > 1 || codings > 1 || (lengths && codings))
		return error_set(err, -EBADMSG, "the length of the body is given more than once");
	if (length) {
		size_t n = strspn(length, "0123456789");
		if (n == 0 || n > CONTENT_LENGTH_DIGITS || length[n])
			return error_set(err, -EBADMSG, "malformed Content-Length");
		h->content_length = strtoll(length, NULL, 10);
	}
	if (codings && strcasecmp(http_head_field(h, "transfer-encoding"), "chunked") != 0)
		return error_set(err, -ENOTSUP, "a transfer coding other than chunked");
	h->chunked = codings > 0;
	const char *connection = http_head_field(h, "connection");
	h->close = h->http_1_0 || list_has(connection, "close");
	return 0;
}

static int read_fields(struct http_head *h, char *at, struct error *err)
{
	for (;;) {
		char *line = next_line(&at);
		if (!line)
			return error_set(err, -EBADMSG, "control characters in the header");
		if (!*line)
			return read_framing(h, err);
		int r = add_field(h, line, err);
		if (r < 0)
			return r;
	}
}

static int read_version(const char *text, bool *ret_1_0, struct error *err)
{
	if (strcmp(text, "HTTP/1.1") == 0)
		*ret_1_0 = false;
	else if (strcmp(text, "HTTP/1.0") == 0)
		*ret_1_0 = true;
	else
		return strncmp(text, "HTTP/", 5) == 0 ? error_set(err, -EPROTONOSUPPORT, "not HTTP/1.1")
		                                      : error_set(err, -EBADMSG, "not an HTTP version");
	return 0;
}

/* RFC 9112 3.2: origin form, or absolute form, whose authority does not matter here. */
static int read_target(struct http_head *h, char *target, struct error *err)
{
	char *scheme_end = strstr(target, "://");
	if (*target != '/' && scheme_end && scheme_end > target) {
		target = strchr(scheme_end + 3, '/');
		if (!target)
			return error_set(err, -EBADMSG, "the request target has no path");
	}
	if (*target != '/' || strchr(target, '#'))
		return error_set(err, -EBADMSG, "malformed request target");
	char *query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	h->path = target;
	h->query = query ? query : "";
	return 0;
}

static int read_request_line(struct http_head *h, char *line, struct error *err)
{
	char *target = line ? strchr(line, ' ') : NULL, *version = target ? strchr(target + 1, ' ') : NULL;
	if (!version)
		return error_set(err, -EBADMSG, "malformed request line");
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line) || strlen(line) > HTTP_METHOD_MAX)
		return error_set(err, -EBADMSG, "malformed method");
	h->method = line;
	int r = read_version(version, &h->http_1_0, err);
	return r < 0 ? r : read_target(h, target, err);
}

static int read_status_line(struct http_head *h, char *line, struct error *err)
{
	char *status = line ? strchr(line, ' ') : NULL;
	if (!status)
		return error_set(err, -EBADMSG, "malformed status line");
	*status++ = '\0';
	int r = read_version(line, &h->http_1_0, err);
	if (r < 0)
		return r;
	if (strspn(status, "0123456789") != 3 || (status[3] && status[3] != ' ') || status[0] == '0')
		return error_set(err, -EBADMSG, "malformed status");
	h->status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
	return 0;
}

/* The head's own copy, when all of it is there. */
static ssize_t take_head(const uint8_t *bytes, size_t length, struct http_head *h, struct error *err)
{
	size_t end = find_end(bytes, MIN(length, (size_t)HTTP_HEAD_MAX));
	if (end == 0)
		return length < HTTP_HEAD_MAX
		        ? 0
		        : error_set(err, -EMSGSIZE, "the header is larger than %d bytes", HTTP_HEAD_MAX);
	if (memchr(bytes, '\0', end))
		return error_set(err, -EBADMSG, "control characters in the header");
	*h = (struct http_head){ .text = xstrndup((const char *)bytes, end), .content_length = -1 };
	return (ssize_t)end;
}

static int check_request(struct http_head *h, struct error *err)
{
	const char *expect = http_head_field(h, "expect");
	if (h->chunked)
		return error_set(err, -ENOTSUP, "a request body in chunks; give its Content-Length");
	if (!h->http_1_0 && count_fields(h, "host") != 1)
		return error_set(err, -EBADMSG, "not exactly one Host field");
	h->expect_continue = expect && strcasecmp(expect, "100-continue") == 0;
	return 0;
}

static ssize_t parse(
        const uint8_t *bytes, size_t length, bool request, struct http_head *ret, struct error *err)
{
	struct http_head h = { 0 };
	ssize_t n = take_head(bytes, length, &h, err);
	if (n <= 0 || !h.text)
		return n;
	char *at = h.text;
	char *line = next_line(&at);
	int r = request ? read_request_line(&h, line, err) : read_status_line(&h, line, err);
	if (r == 0)
		r = read_fields(&h, at, err);
	if (r == 0 && request)
		r = check_request(&h, err);
	if (r < 0) {
		http_head_clear(&h);
		return r;
	}
	*ret = h;
	return n;
}

ssize_t http_request_parse(const uint8_t *bytes, size_t length, struct http_head *ret, struct error *err)
{
	return parse(bytes, length, true, ret, err);
}

ssize_t http_response_parse(const uint8_t *bytes, size_t length, struct http_head *ret, struct error *err)
{
	return parse(bytes, length, false, ret, err);
}

void http_head_clear(struct http_head *h)
{
	free(h->text);
	*h = (struct http_head){ .content_length = -1 };
}

int http_percent_decode(const char *text, size_t length, bool plus, char *ret, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			if (length - i < 3 || text_hex_digit(text[i + 1]) < 0 ||
			        text_hex_digit(text[i + 2]) < 0)
				return -EINVAL;
			c = (unsigned char)(text_hex_digit(text[i + 1]) << 4 | text_hex_digit(text[i + 2]));
			i += 2;
		}
		if (c < 0x20 || c == 0x7f || n + 1 >= size)
			return -EINVAL;
		ret[n++] = (char)c;
	}
	if (size == 0)
		return -EINVAL;
	ret[n] = '\0';
	return 0;
}

/* Chunks. */

enum {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER,
	CHUNK_TRAILER_LF,
	CHUNK_END
};

static int size_char(struct http_chunks *c, char ch)
{
	int value = text_hex_digit(ch);
	if (c->state == CHUNK_SIZE && value >= 0) {
		c->left = c->left * 16 + (uint64_t)value;
		c->digits = true;
		return c->left > CHUNK_MAX ? -EBADMSG : 0;
	}
	if (!c->digits)
		return -EBADMSG;
	if (ch == '\r')
		c->state = CHUNK_SIZE_LF;
	else if (ch == ';' || ch == ' ' || ch == '\t' || c->state == CHUNK_EXTENSION)
		c->state = CHUNK_EXTENSION;
	else
		return -EBADMSG;
	return ch == '\n' ? -EBADMSG : 0;
}

/* One byte that is not content. */
static int chunk_char(struct http_chunks *c, char ch)
{
	if (++c->line > CHUNK_LINE_MAX)
		return -EBADMSG;
	switch (c->state) {
	case CHUNK_SIZE:
	case CHUNK_EXTENSION:
		return size_char(c, ch);
	case CHUNK_SIZE_LF:
		c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
		c->line = 0;
		return ch == '\n' ? 0 : -EBADMSG;
	case CHUNK_DATA_CR:
		c->state = CHUNK_DATA_LF;
		return ch == '\r' ? 0 : -EBADMSG;
	case CHUNK_DATA_LF:
		c->state = CHUNK_SIZE;
		c->line = 0;
		c->digits = false;
		return ch == '\n' ? 0 : -EBADMSG;
	case CHUNK_TRAILER:
		/* Trailer fields are read over; an empty line ends them. */
		if (ch == '\r')
			c->state = CHUNK_TRAILER_LF;
		return ch == '\n' ? -EBADMSG : 0;
	case CHUNK_TRAILER_LF:
		c->state = c->line == 2 ? CHUNK_END : CHUNK_TRAILER;
		c->line = 0;
		return ch == '\n' ? 0 : -EBADMSG;
	default:
		return -EBADMSG;
	}
}

ssize_t http_chunks_read(struct http_chunks *c, const uint8_t *data, size_t length,
        const uint8_t **ret_content, size_t *ret_content_length, bool *ret_end)
{
	size_t i = 0;
	*ret_content_length = 0;
	*ret_content = data;
	while (i < length && c->state != CHUNK_END) {
		if (c->state == CHUNK_DATA) {
			size_t n = (size_t)MIN(c->left, (uint64_t)(length - i));
			*ret_content = data + i;
			*ret_content_length = n;
			c->left -= n;
			if (c->left == 0) {
				c->state = CHUNK_DATA_CR;
				c->line = 0;
			}
			i += n;
			break;
		}
		if (chunk_char(c, (char)data[i]) < 0)
			return -EBADMSG;
		i++;
	}
	*ret_end = c->state == CHUNK_END;
	return (ssize_t)i;
}
