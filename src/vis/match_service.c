/* SPDX-License-Identifier: ISC */
/*
 * Beyond OSV.dev's API, what the quarantine draft asks for (7.1, "information concerning specific platform
 * and/or software version"):
 *
 *   POST /v1/match[?distro=debian:12]   an inventory in, findings out
 *   GET  /v1/platforms                  which ecosystems there are
 */
#include "base/log.h"
#include "vis/json_text.h"
#include "vis/osv_answer.h"
#include "vis/osv_note.h"
#include "vis/services.h"
#include "vuln/inventory.h"
#include "vuln/listing.h"
#include "vuln/needs.h"

#include <errno.h>
#include <string.h>

#define INVENTORY_BODY_MAX (8u << 20)
#define FINDINGS_MAX 50000 /* in one answer */
#define UNJUDGED_MAX 100   /* named in one answer; all are counted */

struct match_service {
	const struct front_context *context;
	struct vis_http_counters *counters;
	struct osv_answer answer;
};

/* ---- matching ---- */

struct findings {
	struct writer out;
	json_t *unjudged;
	size_t n, n_unjudged;
};

static void put_names(struct writer *w, const char *const *names)
{
	json_put(w, ",\"aliases\":[");
	for (size_t i = 0; names[i]; i++) {
		json_put(w, i ? "," : "");
		json_put_string(w, names[i]);
	}
	json_put(w, "]");
}

static void put_views(struct writer *w, const struct vuln_match *m)
{
	json_put(w, ",\"others\":[");
	for (size_t i = 0; i < m->n_views; i++) {
		json_t *view = osv_note_of_view(&m->views[i]);
		char *text FREE_ON_EXIT = view ? json_dumps(view, JSON_COMPACT) : NULL;
		json_put(w, i ? "," : "");
		json_put(w, text ? text : "null");
		json_decref(view);
	}
	json_put(w, "]");
}

static int take_match(const struct vuln_match *m, void *context)
{
	struct findings *f = context;
	struct writer *w = &f->out;
	if (f->n == FINDINGS_MAX)
		return -E2BIG;
	char *purl FREE_ON_EXIT = posture_purl(m->posture, m->package);
	json_put(w, f->n++ ? ",{" : "{");
	json_put_member(w, true, "purl", purl);
	json_put_member(w, false, "package", m->package->name);
	json_put_member(w, false, "matched_package", m->matched_name);
	json_put_member(w, false, "judged_as", m->judged_as);
	json_put_member(w, false, "version", m->package->version);
	json_put_member(w, false, "id", m->id);
	put_names(w, m->aliases);
	json_put_member(w, false, "fixed", m->fixed);
	json_put_member(w, false, "severity", vuln_severity_name(m->severity));
	json_put_member(w, false, "summary", m->summary);
	json_put(w, ",\"modified\":");
	json_put_time(w, m->modified);
	json_put(w, ",\"published\":");
	json_put_time(w, m->published);
	json_put_member(w, false, "source", m->source);
	json_put_member(w, false, "trust", vuln_trust_name(m->trust));
	put_views(w, m);
	json_put_member(w, false, "conflict", m->conflict);
	json_put(w, "}");
	return wr_failed(w) ? -E2BIG : 0;
}

static int take_unjudged(const struct posture_package *package, const char *reason, void *context)
{
	struct findings *f = context;
	if (f->n_unjudged++ < UNJUDGED_MAX)
		json_array_append_new(f->unjudged,
		        json_pack("{s:s, s:s, s:s}", "package", package->name, "version", package->version,
		                "reason", reason));
	return 0;
}

static json_t *unmapped_of(const struct inventory_report *report)
{
	json_t *list = json_array();
	for (size_t i = 0; i < INVENTORY_UNMAPPED_KEPT && report->first_unmapped[i]; i++)
		json_array_append_new(list, json_string(report->first_unmapped[i]));
	return list;
}

/* What there is besides the findings closes the object. */
static void put_rest(struct findings *f, const struct posture *p, const struct inventory_report *report,
        uint64_t generation)
{
	json_t *rest = json_pack("{s:I, s:I, s:I, s:O, s:I, s:o}", "generation", (json_int_t)generation,
	        "packages", (json_int_t)p->n_packages, "not_judged", (json_int_t)f->n_unjudged,
	        "first_not_judged", f->unjudged, "not_mapped", (json_int_t)report->unmapped,
	        "first_not_mapped", unmapped_of(report));
	char *text FREE_ON_EXIT = rest ? json_dumps(rest, JSON_COMPACT) : NULL;
	json_put(&f->out, "],");
	json_put(&f->out, text ? text + 1 : "\"not_judged\":null}");
	json_decref(rest);
}

static void send_findings(struct match_service *s, struct http_request *r, const struct posture *p,
        const struct inventory_report *report)
{
	struct findings f = { .out = wr_make(OSV_ANSWER_MAX), .unjudged = json_array() };
	const struct vuln_match_sink sink = { take_match, take_unjudged, &f };
	uint64_t generation = 0;
	struct error err;
	s->counters->inventories++;
	json_put(&f.out, "{\"findings\":[");
	int code = vuln_match_all(s->context->index, p, &sink, &generation, &err);
	if (code == 0)
		put_rest(&f, p, report, generation);
	if (code == -E2BIG || (code == 0 && wr_failed(&f.out))) {
		http_reply_error(r, 413, "more than %zu findings; ask in parts", f.n);
	} else if (code < 0) {
		log_error("%s", err.text);
		http_reply_error(r, 500, "%s", err.text);
	} else {
		http_reply(r, 200, "application/json", f.out.data, f.out.length);
	}
	json_decref(f.unjudged);
	wr_free(&f.out);
}

/* True: it waits for what an upper VIS has about its platform. */
static bool is_deferred(
        struct match_service *s, struct http_request *r, const struct posture *p, http_handler handle)
{
	char needs[NEEDS_MAX][ECOSYSTEM_NAME_MAX];
	const char *names[NEEDS_MAX];
	const size_t n = vuln_needs(s->context->index, p, needs);
	for (size_t i = 0; i < n; i++)
		names[i] = needs[i];
	return misses_defer(s->context->misses, r, names, n, handle, s);
}

static void handle_match(struct http_request *r, void *user)
{
	struct match_service *s = user;
	struct inventory_report report = { 0 };
	struct posture *p = NULL;
	struct error err;
	char distribution[128];
	size_t length;
	const char *body = (const char *)http_request_body(r, &length);
	int code = http_request_query(r, "distro", distribution, sizeof(distribution));
	if (code == -EINVAL) {
		http_reply_error(r, 400, "distro is like debian:12");
		return;
	}
	const bool given = code == 0;
	code = length ? inventory_read_text(body, length, given ? distribution : NULL, &p, &report, &err)
	              : error_set(&err, -EINVAL, "the body is empty; it is to be an inventory");
	if (code < 0 || !p)
		http_reply_error(r, 400, "%s", code < 0 ? err.text : "the body is no inventory");
	else if (!is_deferred(s, r, p, handle_match))
		send_findings(s, r, p, &report);
	posture_free(p);
	inventory_report_clear(&report);
}

/* ---- platforms ---- */

static int take_platform(const char *ecosystem, uint64_t entries, void *context)
{
	json_t *list = context;
	const size_t n = json_array_size(list);
	const json_t *last = n ? json_object_get(json_array_get(list, n - 1), "ecosystem") : NULL;
	if (last && strcmp(json_string_value(last), ecosystem) == 0)
		return 0;
	json_array_append_new(
	        list, json_pack("{s:s, s:I}", "ecosystem", ecosystem, "entries", (json_int_t)entries));
	return 0;
}

static void handle_platforms(struct http_request *r, void *user)
{
	struct match_service *s = user;
	struct error err;
	json_t *list = json_array();
	if (vuln_index_each_ecosystem(s->context->index, take_platform, list, &err) < 0) {
		json_decref(list);
		log_error("%s", err.text);
		http_reply_error(r, 500, "%s", err.text);
		return;
	}
	http_reply_json(r, 200,
	        json_pack("{s:I, s:o}", "generation", (json_int_t)vuln_index_generation(s->context->index),
	                "platforms", list));
}

#define PLATFORMS "The ecosystems that the index knows of", NULL, NULL, "Platforms"
static const struct vis_route routes[] = {
	{ { "POST", "/v1/match", handle_match, VIS_HTTP_READERS, INVENTORY_BODY_MAX },
	        "What affects the packages of an inventory, in any of the forms that `pratique vuln match` "
	        "reads",
	        "distro:string", "", "Findings" },
	{ { "GET", "/v1/platforms", handle_platforms, VIS_HTTP_READERS, 0 }, PLATFORMS },
	{ { "HEAD", "/v1/platforms", handle_platforms, VIS_HTTP_READERS, 0 }, PLATFORMS },
};

static int open_match(const struct front_context *c, void **ret_state, struct error *err)
{
	struct match_service *s = xcalloc(1, sizeof(*s));
	s->context = c;
	s->counters = vis_http_counters(c->http);
	*ret_state = s;
	return vis_http_add_routes(c->http, routes, ARRAY_LENGTH(routes), s);
}

static void close_match(void *state)
{
	free(state);
}

const struct front_service match_service = { .open = open_match, .close = close_match };
