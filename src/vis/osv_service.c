/* SPDX-License-Identifier: ISC */
/*
 * OSV.dev's API: POST /v1/query and /v1/querybatch, GET /v1/vulns/{id}, as their description has them; and
 * beyond it GET /v1/vulns?ecosystem=E[&package=P][&page_token=T], what there is about a platform or one
 * package of it, to be asked again and again (quarantine draft, 7.1: "concerning specific platform and/or
 * software"). What cannot be judged affects nothing there, so a field of the answer's head says how many
 * queries those were, and why the first of them could not be.
 */
#include "base/log.h"
#include "vis/osv_answer.h"
#include "vis/services.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define QUERY_MAX 65536u     /* bytes of one query's body */
#define BATCH_MAX (4u << 20) /* and of a batch's */
#define JSON_TYPE "application/json"
#define ETAG_SIZE 32
#define NEEDED_MAX 64 /* ecosystems of a batch that are asked for upwards, of as many queries or more */

struct osv_service {
	const struct front_context *context;
	struct vis_http_counters *counters;
	struct osv_answer answer;
	uint32_t n_queries; /* in the request that is being answered */
};

/* ---- answering ---- */

/* What an answer is kept by. */
struct asked {
	char kind;
	enum coding coding; /* of the answer */
	const void *text;
	size_t length;
	const char *tag; /* NULL: it has none */
};

static void key_of(struct osv_service *s, const struct asked *asked)
{
	const char coding = (char)asked->coding;
	kept_key(s->context->kept, asked->kind, &coding, 1, asked->text, asked->length);
}

static void add_tag(struct http_request *r, const char *tag)
{
	http_reply_field(r, "ETag", tag);
	http_reply_field(r, "Cache-Control", "no-cache");
}

/* a NULL: one that was kept. */
static void add_fields(
        struct http_request *r, const struct osv_answer *a, enum coding coding, const char *tag)
{
	char text[320];
	if (tag)
		add_tag(r, tag);
	http_reply_field(r, "Vary", "Accept-Encoding");
	if (coding_name(coding))
		http_reply_field(r, "Content-Encoding", coding_name(coding));
	if (a && a->n_unjudged) {
		snprintf(text, sizeof(text), "%zu; %.240s", a->n_unjudged, a->unjudged);
		http_reply_field(r, "Pratique-Unjudged", text);
	}
}

static void count_text(struct osv_service *s, const struct kept_text *text)
{
	s->counters->queries += text->n_queries;
	s->counters->records_sent += text->n_records;
	s->counters->pages_cut += text->is_cut;
}

/* True: the same was asked for in this generation, and is answered as it was. */
static bool send_kept(struct osv_service *s, struct http_request *r, const struct asked *asked)
{
	struct kept *k = s->context->kept;
	kept_begin(k, vuln_index_generation(s->context->index));
	key_of(s, asked);
	const struct kept_text *text = kept_find(k);
	if (!text)
		return false;
	s->counters->answers_again++;
	count_text(s, text);
	add_fields(r, NULL, (enum coding)text->coding, asked->tag);
	http_reply_shared(
	        r, 200, JSON_TYPE, text->bytes, text->length, kept_release, (void *)kept_hold(text));
	return true;
}

/* What could not be judged may be judged with what comes from above meanwhile: that is not kept. */
static const struct kept_text *keep(
        struct osv_service *s, const struct asked *asked, const struct kept_text *text)
{
	if (s->answer.n_unjudged)
		return NULL;
	key_of(s, asked);
	text = kept_put(s->context->kept, text);
	s->counters->kept_bytes = kept_bytes(s->context->kept);
	return text;
}

/* What is in out, or in packed for zstd. */
static void send_answer(struct osv_service *s, struct http_request *r, const struct asked *asked)
{
	struct osv_answer *a = &s->answer;
	const struct writer *w = asked->coding == CODING_ZSTD ? &a->packed : &a->out;
	if (asked->coding == CODING_GZIP && w->length >= CODING_WORTH) {
		wr_reset(&a->packed);
		if (coder_gzip(a->coder, &a->packed, w->data, w->length))
			w = &a->packed;
	}
	const struct kept_text text = { .bytes = w->data,
		.length = w->length,
		.coding = w == &a->packed ? asked->coding : CODING_IDENTITY,
		.n_queries = s->n_queries,
		.n_records = (uint32_t)a->n_records,
		.is_cut = a->is_cut },
	                       *kept = keep(s, asked, &text);
	count_text(s, &text);
	add_fields(r, a, (enum coding)text.coding, asked->tag);
	if (kept)
		http_reply_shared(
		        r, 200, JSON_TYPE, kept->bytes, kept->length, kept_release, (void *)kept_hold(kept));
	else
		http_reply(r, 200, JSON_TYPE, w->data, w->length);
}

/* Ours to mend, where it is not what the client asked. */
static void send_failure(struct osv_service *s, struct http_request *r, int code, const struct error *err)
{
	if (code == -EINVAL) {
		s->counters->queries_refused++;
		http_reply_error(r, 400, "%s", err->text);
	} else if (code == -E2BIG) {
		http_reply_error(r, 413, "%s", err->text);
	} else {
		log_error("%s", err->text);
		http_reply_error(r, 500, "%s", err->text);
	}
}

static enum coding coding_of(const struct http_request *r)
{
	return coding_choose(http_request_field(r, "Accept-Encoding"));
}

static void begin(struct osv_service *s)
{
	osv_answer_begin(&s->answer);
	s->n_queries = 0;
}

/* ---- queries ---- */

/* The ecosystems that a query cannot be judged without. */
static size_t needs_of(const struct osv_query *q, const char *ret[2])
{
	size_t n = 0;
	if (!q->all_releases && !q->unjudged)
		ret[n++] = q->ecosystem;
	if (*q->origin)
		ret[n++] = q->origin;
	return n;
}

/* True: it waits for what an upper VIS has; handle() is called again. */
static bool is_deferred(
        struct osv_service *s, struct http_request *r, const struct osv_query *q, http_handler handle)
{
	const char *names[2];
	const size_t n = needs_of(q, names);
	return n && misses_defer(s->context->misses, r, names, n, handle, s);
}

static void handle_query(struct http_request *r, void *user)
{
	struct osv_service *s = user;
	struct osv_query q;
	struct error err;
	struct asked asked = { .kind = 'q', .coding = coding_of(r) };
	asked.text = http_request_body(r, &asked.length);
	if (send_kept(s, r, &asked))
		return;
	json_t *json = http_request_json(r);
	if (!json) {
		s->counters->queries_refused++;
		return;
	}
	begin(s);
	int code = osv_query_read(json, &q, &err);
	json_decref(json);
	if (code == 0 && is_deferred(s, r, &q, handle_query))
		return;
	s->n_queries = 1;
	if (code == 0)
		code = osv_answer_find(&s->answer, &q, &err);
	if (code == 0)
		code = osv_answer_write_records(&s->answer, &q, asked.coding, &err);
	if (code < 0)
		send_failure(s, r, code, &err);
	else
		send_answer(s, r, &asked);
}

static int answer_one(struct osv_service *s, const json_t *json, size_t i, size_t *total, struct error *err)
{
	struct osv_answer *a = &s->answer;
	struct osv_query q;
	int r = osv_query_read(json, &q, err);
	if (r < 0)
		return error_prefix(err, r, "query %zu", i);
	r = osv_answer_find(a, &q, err);
	if (r < 0)
		return error_prefix(err, r, "query %zu", i);
	if (i > 0)
		wr_u8(&a->out, ',');
	*total += osv_answer_write_ids(a, &q, *total > OSV_BATCH_MAX ? OSV_PAGE_LATE : OSV_PAGE_MAX);
	return wr_failed(&a->out) ? error_set(err, -E2BIG, "the answer is too large; ask in parts") : 0;
}

/* The same of a batch: it waits once for all that it lacks. */
static bool is_batch_deferred(
        struct osv_service *s, struct http_request *r, const json_t *json, http_handler handle)
{
	const char *names[NEEDED_MAX], *one_needs[2];
	char needed[NEEDED_MAX][ECOSYSTEM_NAME_MAX];
	const json_t *one;
	struct osv_query q;
	size_t i, n = 0;
	json_array_foreach(json_object_get(json, "queries"), i, one) {
		if (n == NEEDED_MAX || i == OSV_QUERIES_MAX)
			break;
		const size_t n_needs = osv_query_read(one, &q, NULL) < 0 ? 0 : needs_of(&q, one_needs);
		for (size_t k = 0; k < n_needs && n < NEEDED_MAX; k++) {
			if (n && strcmp(needed[n - 1], one_needs[k]) == 0)
				continue;
			snprintf(needed[n], sizeof(needed[n]), "%s", one_needs[k]);
			names[n] = needed[n];
			n++;
		}
	}
	return misses_defer(s->context->misses, r, names, n, handle, s);
}

static int answer_batch(struct osv_service *s, const json_t *json, struct error *err)
{
	const json_t *one, *queries = json_object_get(json, "queries");
	size_t i, total = 0;
	int r = 0;
	if (queries && !json_is_array(queries))
		return error_set(err, -EINVAL, "queries is not a list");
	if (json_object_size(json) > (queries ? 1 : 0))
		return error_set(err, -EINVAL, "a batch has no member but queries");
	if (json_array_size(queries) > OSV_QUERIES_MAX)
		return error_set(err, -EINVAL, "Too many queries.");
	wr_bytes(&s->answer.out, "{\"results\":[", 12);
	json_array_foreach(queries, i, one) {
		s->n_queries++;
		r = answer_one(s, one, i, &total, err);
		if (r < 0)
			return r;
	}
	wr_bytes(&s->answer.out, "]}", 2);
	return 0;
}

static void handle_batch(struct http_request *r, void *user)
{
	struct osv_service *s = user;
	struct error err;
	struct asked asked = { .kind = 'b',
		.coding = coding_of(r) == CODING_GZIP ? CODING_GZIP : CODING_IDENTITY };
	asked.text = http_request_body(r, &asked.length);
	if (send_kept(s, r, &asked))
		return;
	json_t *json = http_request_json(r);
	if (!json) {
		s->counters->queries_refused++;
		return;
	}
	if (is_batch_deferred(s, r, json, handle_batch)) {
		json_decref(json);
		return;
	}
	begin(s);
	int code = answer_batch(s, json, &err);
	json_decref(json);
	if (code < 0)
		send_failure(s, r, code, &err);
	else
		send_answer(s, r, &asked);
}

/* ---- records ---- */

/* RFC 9110 13.1.2: a list of tags; ours has no comma. Who has the tag of this generation has been answered in
 * it, and that is what he would be answered again. */
static bool has_already(const struct http_request *r, const char *tag)
{
	const char *known = http_request_field(r, "If-None-Match");
	return known && strstr(known, tag);
}

/* The generation of the index. */
static const char *make_tag(struct osv_service *s, char ret[ETAG_SIZE])
{
	snprintf(ret, ETAG_SIZE, "W/\"%" PRIu64 "\"", vuln_index_generation(s->context->index));
	return ret;
}

/* True: the client has that answer already, and is told so. */
static bool answer_unchanged(struct osv_service *s, struct http_request *r, const char *tag)
{
	if (!has_already(r, tag + 2))
		return false;
	s->counters->not_modified++;
	add_tag(r, tag);
	http_reply_field(r, "Vary", "Accept-Encoding");
	http_reply(r, 304, NULL, NULL, 0);
	return true;
}

static void handle_record(struct http_request *r, void *user)
{
	struct osv_service *s = user;
	struct error err;
	const char *id = http_request_parameter(r, "id");
	char tag[ETAG_SIZE];
	const struct asked asked = {
		.kind = 'v', .coding = coding_of(r), .text = id, .length = strlen(id), .tag = make_tag(s, tag)
	};
	if (answer_unchanged(s, r, tag) || send_kept(s, r, &asked))
		return;
	begin(s);
	int code = osv_answer_write_record(&s->answer, id, asked.coding, &err);
	if (code == -ENOENT) {
		s->counters->records_missing++;
		http_reply_error(r, 404, "%s", err.text);
	} else if (code < 0) {
		send_failure(s, r, code, &err);
	} else {
		send_answer(s, r, &asked);
	}
}

/* ---- platforms ---- */

static int find_listed(struct osv_service *s, const char *ecosystem, const char *package, const char *token,
        struct osv_query *q, struct error *err)
{
	if (!*package) {
		int r = osv_query_platform(ecosystem, token, q, err);
		return r == 0 ? osv_answer_list(&s->answer, q, err) : r;
	}
	json_t *json = json_pack("{s:{s:s, s:s}, s:s}", "package", "ecosystem", ecosystem, "name", package,
	        "page_token", token);
	int r = json ? osv_query_read(json, q, err) : error_set(err, -EINVAL, "a parameter is not UTF-8");
	json_decref(json);
	return r == 0 ? osv_answer_find(&s->answer, q, err) : r;
}

static int take_parameter(struct http_request *r, const char *name, char *ret, size_t size)
{
	int code = http_request_query(r, name, ret, size);
	if (code == -ENOENT)
		ret[0] = '\0';
	return code == -EINVAL ? code : 0;
}

static void handle_list(struct http_request *r, void *user)
{
	struct osv_service *s = user;
	char tag[ETAG_SIZE], ecosystem[ECOSYSTEM_NAME_MAX], package[PACKAGE_NAME_MAX], token[OSV_TOKEN_SIZE];
	struct osv_query q;
	struct error err;
	if (take_parameter(r, "ecosystem", ecosystem, sizeof(ecosystem)) < 0 ||
	        take_parameter(r, "package", package, sizeof(package)) < 0 ||
	        take_parameter(r, "page_token", token, sizeof(token)) < 0 || !*ecosystem) {
		s->counters->queries_refused++;
		http_reply_error(r, 400, "the query is ?ecosystem=ECOSYSTEM, with &package=NAME or without");
		return;
	}
	const char *const query = http_request_text(r);
	const struct asked asked = { .kind = 'l',
		.coding = coding_of(r) == CODING_GZIP ? CODING_GZIP : CODING_IDENTITY,
		.text = query,
		.length = strlen(query),
		.tag = make_tag(s, tag) };
	if (answer_unchanged(s, r, tag) || send_kept(s, r, &asked))
		return;
	begin(s);
	s->n_queries = 1;
	int code = find_listed(s, ecosystem, package, token, &q, &err);
	if (code < 0) {
		send_failure(s, r, code, &err);
		return;
	}
	(void)osv_answer_write_ids(&s->answer, &q, OSV_PAGE_MAX);
	send_answer(s, r, &asked);
}

#define LIST \
	"What there is about an ecosystem, or one package of it", \
	        "ecosystem:string package:string page_token:string", NULL, "Names"
#define RECORD "The record of an id, from the source that stands", NULL, NULL, "Record"
static const struct vis_route routes[] = {
	{ { "GET", "/v1/vulns", handle_list, VIS_HTTP_READERS, 0 }, LIST },
	{ { "HEAD", "/v1/vulns", handle_list, VIS_HTTP_READERS, 0 }, LIST },
	{ { "POST", "/v1/query", handle_query, VIS_HTTP_READERS, QUERY_MAX }, "Records that affect a package",
	        NULL, "Query", "Records" },
	{ { "POST", "/v1/querybatch", handle_batch, VIS_HTTP_READERS, BATCH_MAX },
	        "Ids of records that affect packages, 1000 at once", NULL, "Batch", "BatchAnswer" },
	{ { "GET", "/v1/vulns/{id}", handle_record, VIS_HTTP_READERS, 0 }, RECORD },
	{ { "HEAD", "/v1/vulns/{id}", handle_record, VIS_HTTP_READERS, 0 }, RECORD },
};

static int open_osv(const struct front_context *c, void **ret_state, struct error *err)
{
	struct osv_service *s = xcalloc(1, sizeof(*s));
	s->context = c;
	s->counters = vis_http_counters(c->http);
	osv_answer_open(&s->answer, c->index, c->kept);
	*ret_state = s;
	return vis_http_add_routes(c->http, routes, ARRAY_LENGTH(routes), s);
}

static void close_osv(void *state)
{
	struct osv_service *s = state;
	osv_answer_close(&s->answer);
	free(s);
}

const struct front_service osv_service = { .open = open_osv, .close = close_osv };
