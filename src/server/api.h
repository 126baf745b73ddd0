/* SPDX-License-Identifier: ISC */
/*
 * What the files of the API share. Each of them has a table of routes, api.c the list of the tables. A row
 * says everything about its route: who may use it, what it takes and what it answers; permission is checked
 * in one place before a handler runs, and the OpenAPI description is made from the rows.
 */
#pragma once

#include "net/http.h"
#include "net/source_limits.h"
#include "server/server.h"

/* What one may do; each may do what those before it may. Kept as numbers in the store. */
enum api_role {
	API_NOBODY,
	API_VIEWER,   /* see everything but the audit */
	API_OPERATOR, /* order about nodes, see the audit */
	API_ADMIN,    /* decide who else may */
};
const char *api_role_name(enum api_role role);
int api_role_parse(const char *name, enum api_role *ret);

/* Who asks. */
struct api_caller {
	enum api_role role;
	char who[300];   /* "user 0", "token NAME", "operator NAME" */
	char origin[80]; /* "unix", or the address */
	time_ms until;   /* what proves it ends then; 0: not foreseen */
};

/* Names of answers and bodies are those of schemas.def. */
struct api_route {
	const char *method, *path; /* as struct http_route has them */
	http_handler handle;       /* user: struct server */
	enum api_role role;        /* who may, at the least */
	size_t body_max;           /* 0: no body */
	const char *summary;       /* one line for people */
	const char *query;         /* "limit:integer after:time", NULL: no parameters */
	const char *body;          /* schema; NULL: none */
	int status;                /* of success */
	const char *answer;        /* its schema; "NAME*": one such object a line; "any"; "": text/plain */
};

/* One table for each file of routes; a new file adds itself here and in api.c. */
struct api_family {
	const struct api_route *routes;
	size_t n;
};
extern const struct api_family api_site_family, api_enrolment_family, api_token_family, api_node_family,
        api_event_family, api_audit_family, api_metrics_family, api_openapi_family, api_brake_family,
        api_simulate_family;
/* All of them. */
extern const struct api_family *const api_families[];
extern const size_t api_n_families;
/* The description of all routes, OpenAPI 3.1. */
json_t *api_openapi(void);

/* Whether the options that are about the API can be followed. */
int api_check_options(const struct server_options *o, struct error *err);
/* Null for 0; for NULL, "" and what is not UTF-8. */
json_t *api_time(time_ms t);
json_t *api_text(const char *s);
json_t *api_fingerprint(uint64_t fingerprint);
/* The query's parameter as a number; fallback where it is not given. False, and answered (400), where it is
 * not one. */
bool api_number(struct http_request *r, const char *name, int64_t fallback, int64_t least, int64_t most,
        int64_t *ret);
/* One page of a list: offer all of it in any order, between begin and end; the `limit` least keys after
 * `after` stay. */
#define API_PAGE_KEY_MAX 1024
struct api_page {
	char after[API_PAGE_KEY_MAX];
	size_t limit;
	bool more; /* than are on this page */
	struct api_page_entry {
		char *key;
		const void *item;
	} * entries;
	size_t n;
};
/* By the query's `after` and `limit`. False, and answered (400), where they are not sound. */
bool api_page_begin(struct http_request *r, struct api_page *ret);
void api_page_offer(struct api_page *p, const char *key, const void *item);
/* Entries are in order now; what the next page is to come after, null where this is the last. */
json_t *api_page_end(struct api_page *p);
void api_page_clear(struct api_page *p);
/* Adds would_be, kept_by and kept_until to j, which is returned. */
json_t *api_kept(const struct site_attachment *a, time_ms now, json_t *j);
json_t *api_waivers(const struct server *s, time_ms now);
json_t *api_event_to_json(const struct store_event *e);
json_t *api_status(struct server *s);

/* Who asks, by the socket's user, certificate or token; 0, or the status to refuse with and words in err. */
int api_identify(struct server *s, struct http_request *r, struct api_caller *ret, struct error *err);
/* ---- tokens (api_tokens.c) ---- */
#define API_TOKENS_MAX 256
int api_tokens_load(struct server *s, struct error *err);
void api_tokens_free(struct server *s);
size_t api_token_count(const struct server *s);
/* Fills in role, who and until. -EACCES for none of ours, -EKEYEXPIRED. */
int api_token_check(struct server *s, const char *text, struct api_caller *ret);

/* ---- what one address may do over the network (api_limits.c) ---- */
#define API_SOURCES_MAX 4096   /* addresses (IPv6: /64s) that are remembered */
#define API_REQUEST_COST_MS 10 /* an address may ask once in this time, over time, */
#define API_BURST_MS 4000      /* and so much worth of requests at once */
#define API_FAILURES_MAX 10    /* failed proofs of who it is, */
#define API_FAILURES_MS 60000  /* in this time */
#define API_SHARE \
	10 /* what its requests cost the server counts so many times: a tenth of its time, at most */
bool api_may_ask(struct server *s, const struct ip_address *address, time_ms now);
/* What a request took is added to what it has asked for. */
void api_charge(struct server *s, const struct ip_address *address, int64_t took_us, time_ms now);
bool api_may_try(struct server *s, const struct ip_address *address, time_ms now);
void api_has_failed(struct server *s, const struct ip_address *address, time_ms now);
size_t api_source_count(const struct server *s);
void api_limits_free(struct server *s);

/* The one that is under way, where there is one. */
void api_simulation_stop(struct server *s);

/* Ends the streams of events of somebody who may not have them any more. */
void api_drop_followers_of(struct server *s, const char *who);

/* Whether the caller of the request that is being handled may; answers it (403) and writes that down where
 * not. For what a route's role does not decide alone. */
bool api_may(struct server *s, struct http_request *r, enum api_role role, const char *action);

/*
 * The audit: into the turn, so that it is as durable as the change that it tells of. Call it where the change
 * is made, or was refused. The caller is that of the request that is being handled. before and after (taken
 * over) are JSON of what changed; NULL where that makes no sense. result is "done", or why not.
 */
void api_audit(struct server *s, const char *action, const char *subject, json_t *before, json_t *after,
        const char *result);
/* The same for changes that come another way: "signal SIGHUP", "node alice"; origin is where from. */
void api_audit_as(struct server *s, const char *who, const char *origin, const char *action,
        const char *subject, json_t *before, json_t *after, const char *result);
/* Somebody was not allowed to. There may be very many of these: those above AUDIT_REFUSALS_PER_MINUTE are
 * counted only. */
#define AUDIT_REFUSALS_PER_MINUTE 60
void api_audit_refusal(
        struct server *s, const struct api_caller *caller, const char *action, const char *why);
