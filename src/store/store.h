/* SPDX-License-Identifier: ISC */
/*
 * What the server must not forget: nodes and their last posture, attachments and where they are placed,
 * certificates, decisions with their findings, events, enrolment tokens, and a generation that never goes
 * back.
 *
 * Writes are queued into one transaction, and store_commit(), once a turn of the event loop, makes the whole
 * turn durable with one sync. Whoever must not speak before that registers with store_when_durable(). A write
 * that fails poisons the turn: nothing of it is kept, everyone waiting is told, and the next turn starts
 * afresh. So writes return nothing and nobody can acknowledge what is not on the disk.
 *
 * Strings in a record that a callback is given are valid until the callback returns. A record's NULL string
 * is stored as NULL.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "base/error.h"
#include <stdbool.h>

#define STORE_DECISIONS_PER_NODE 64        /* older ones are pruned */
#define STORE_EVENTS_MAX 100000            /* older ones are pruned */
#define STORE_AUDIT_MAX 1000000            /* older ones are pruned; the schema knows the number too */
#define STORE_AUDIT_TEXT_MAX 16384         /* bytes of one field; a longer one is cut, JSON is left out */
#define STORE_TOKENS_MAX 10000             /* unused enrolment tokens */
#define STORE_POSTURE_MAX (32u << 20)      /* bytes of JSON, and bytes of packages, one node */
#define STORE_FINDINGS_MAX (16u << 20)     /* bytes of JSON, one decision */
#define STORE_ADDRESSES_MAX 64             /* one attachment */
#define STORE_CERTIFICATE_KEEP_MS 86400000 /* after its expiry */
#define STORE_GENERATION_STEP (1u << 20)   /* generations reserved on the disk at a time */
#define STORE_TOKEN_SIZE 32                /* SHA-256 of an enrolment token */

struct store;

struct store_node {
	const char *name;
	uint8_t thumbprint[32]; /* of the key that it last proved */
	const char *serial;     /* X.509, hex; NULL = not known */
	time_ms first_seen, last_seen;
	bool revoked; /* no certificate of this name is accepted */
	const char *revoked_reason;
	time_ms revoked_at;
	bool pinned; /* enrolled: only this key is accepted */
	uint8_t pin[32];
	uint8_t previous[32];            /* the key before its last renewal; zeroes = none */
	time_ms valid_from, valid_until; /* of the certificate that it last showed; 0 = not known */
	time_ms inspected;               /* when the posture was taken; 0 = never */
	bool posture_signed;
	uint8_t posture_digest[32];
};

/* One attachment and where it is placed. */
struct store_attachment {
	const char *enforcement_point, *port;
	struct mac_address mac;
	const char *node; /* NULL = nobody presented itself there */
	struct ip_address addresses[STORE_ADDRESSES_MAX];
	size_t n_addresses;
	bool present, contested;
	time_ms first_seen, last_seen;
	const char *segment; /* NULL = never placed: the default */
	bool compliant;
	time_ms expires;                /* of the placement; 0 = not placed */
	uint64_t generation;            /* of the decision that placed it */
	const char *certificate;        /* id of the one certificate that is accepted there; NULL = none */
	uint8_t certificate_digest[32]; /* of the posture that it certifies */
};

struct store_certificate {
	const char *id, *node, *enforcement_point, *port, *segment;
	struct mac_address mac;
	time_ms issued, expires;
	time_ms revoked; /* 0 = not */
};

/* What a node said last. */
struct store_posture {
	const char *json;
	size_t length;
	/* Its packages, as package_list_pack() has them; NULL: they are in the JSON. */
	const void *packages;
	size_t packages_length;
};

/* One that postures name by its number. */
struct store_package {
	int64_t id;
	const char *type, *name, *version, *architecture;
	const char *source, *source_version; /* NULL: as the package itself */
};

struct store_decision {
	uint64_t generation;                  /* its key */
	const char *node;                     /* NULL for a node without a name */
	const char *enforcement_point, *port; /* NULL = no proven attachment */
	struct mac_address mac;
	time_ms made, expires;
	const char *cause; /* what led to it: "inspection", "certificate", "advisories", "policy", ... */
	const char *segment, *rule;
	int level;
	bool compliant, rejected;
	uint64_t policy_fingerprint, advisory_generation;
	const char *findings; /* a JSON array, as policy_decision_to_json() has it */
	size_t n_findings;
	const char *would_be; /* the segment that was decided; NULL: it is `segment` */
	const char *kept_by;  /* why it is not: "monitor", "grace", "brake", ...; NULL = nothing */
	time_ms kept_until;   /* 0 = no end that is known */
};

/* What stands between an attachment's last decision and its placement. A record only where something does. */
struct store_keep {
	const char *enforcement_point, *port;
	struct mac_address mac;
	const char *verdict, *cause; /* the segment that was decided, and why */
	time_ms worse_since;         /* when it was first not compliant any more; 0 */
	time_ms held_since;          /* by the brake; 0 */
	time_ms dismissed_until;     /* an operator does not want it demoted; 0 */
	const char *ordered_by;      /* that operator; NULL */
	bool released;               /* an operator wants it demoted */
	bool own;                    /* by its node's own doing */
	bool resting;                /* placed without a decision */
};

/* What every node has been judged by, and all of it is durable. */
struct store_judged {
	uint64_t program;                      /* that judged */
	uint64_t policy;                       /* policy_fingerprint() */
	uint64_t freshness;                    /* policy_freshness() */
	uint64_t index_generation, index_mark; /* struct vuln_moment */
	time_ms at;                            /* waivers that ended until then were seen */
};

struct store_event {
	int64_t id; /* given by the store */
	time_ms at;
	const char *kind, *node, *enforcement_point, *port, *text; /* kind and text are never NULL */
	struct mac_address mac;
};

struct store_token {
	uint8_t hash[STORE_TOKEN_SIZE];
	const char *name, *role;
	time_ms created, expires;
	bool replaces; /* the key that name is pinned to */
};

struct store_grant {
	char name[256], role[32];
	bool replaces;
};

/* One change that somebody ordered, or was refused: kept in a table that nobody can change or delete from. */
struct store_audit {
	int64_t id; /* given by the store */
	time_ms at;
	const char *who, *origin;   /* "token ops", "user 0", "operator alice"; where from */
	const char *action;         /* "revoke", "reload", ... */
	const char *subject;        /* what it was done to; NULL = nothing in particular */
	const char *before, *after; /* JSON; NULL where that makes no sense */
	const char *result;         /* "done", or why not */
};

/* Who may use the API over the network. */
struct store_api_token {
	const char *id, *name, *made_by;
	int role;
	uint8_t hash[STORE_TOKEN_SIZE];
	time_ms created, expires; /* expires 0 = never */
};

/* dir is made (0700) where it is not; -EPERM unless it is ours and closed to others; -EPROTO for a database
 * of a newer schema or of something else, -EBADMSG for one that is damaged, -EBUSY where another server has
 * it. The words say what to do. */
int store_open(const char *dir, struct store **ret, struct error *err);
/* What was not committed is dropped, and whoever waits is told -ECANCELED. NULL in, NULL out. */
struct store *store_close(struct store *s);

/* ---- the turn ---- */

/* result: 0 = durable, else why not; nothing of the turn is kept then. May write again (for the next turn).
 */
typedef void (*store_durable_fn)(int result, void *context);
void store_when_durable(struct store *s, store_durable_fn fn, void *context);
/* Whoever waits with this context is not called any more. */
void store_forget_waiter(struct store *s, const void *context);
/* fn is called when the turn gets its first work: time to plan a commit. NULL: nobody is told. */
void store_on_work(struct store *s, void (*fn)(void *context), void *context);
/* fn is called at the end of each turn, before those who wait are told. NULL: nobody is told. */
void store_on_end(struct store *s, store_durable_fn fn, void *context);
/* True while something is queued that a commit would make durable or report. */
bool store_has_work(const struct store *s);
/* Commits the turn, then tells the waiters. The failure is returned too, with words: -ENOSPC for a full disk.
 */
int store_commit(struct store *s, struct error *err);

/* A number above every number given before, in this life and in earlier ones, crashes included. 0 = the store
 * cannot reserve any more (it is failing); words in err. */
uint64_t store_next_generation(struct store *s, struct error *err);
/* The highest number that may have been given. */
uint64_t store_generation(const struct store *s);

/* ---- writes, all into the turn ---- */

void store_put_node(struct store *s, const struct store_node *node); /* all but the posture itself */
void store_put_posture(struct store *s, const char *node, const struct store_posture *posture);
/* Replaces what has the number. */
void store_put_package(struct store *s, const struct store_package *package);
void store_remove_package(struct store *s, int64_t id);
void store_put_attachment(struct store *s, const struct store_attachment *a);
void store_remove_attachment(
        struct store *s, const char *enforcement_point, const char *port, const struct mac_address *mac);
void store_put_keep(struct store *s, const struct store_keep *k);
void store_remove_keep(
        struct store *s, const char *enforcement_point, const char *port, const struct mac_address *mac);
/* When who (a node, or an attachment without one) was last demoted, as the brake counts it. */
void store_put_demotion(struct store *s, const char *who, time_ms at);
void store_prune_demotions(struct store *s, time_ms before);
/* NULL: nothing is known of it. */
void store_put_judged(struct store *s, const struct store_judged *j);
void store_put_certificate(struct store *s, const struct store_certificate *c);
void store_revoke_certificate(struct store *s, const char *id, time_ms now);
/* Also prunes the node's oldest. */
void store_put_decision(struct store *s, const struct store_decision *d);
/* Also prunes. Returns the event's id, which is above all earlier ones; 0 when the turn is poisoned. */
int64_t store_put_event(struct store *s, const struct store_event *e);
/* Also prunes. */
void store_put_audit(struct store *s, const struct store_audit *a);
void store_put_api_token(struct store *s, const struct store_api_token *t);
void store_remove_api_token(struct store *s, const char *id);
/* An X.509 certificate that this site's CA will not have any more. */
void store_revoke_serial(
        struct store *s, const char *serial, const char *node, const char *reason, time_ms now);
/* -ENOSPC when STORE_TOKENS_MAX unused ones are there. */
int store_put_token(struct store *s, const struct store_token *t, time_ms now, struct error *err);
/* The same without using it up. */
int store_find_token(struct store *s, const uint8_t hash[STORE_TOKEN_SIZE], time_ms now,
        struct store_grant *ret, struct error *err);
/* Uses a token up: -ENOENT unless it exists, is not used and has not expired. Of two attempts one succeeds.
 * Nothing may be given out before the turn is durable. */
int store_use_token(struct store *s, const uint8_t hash[STORE_TOKEN_SIZE], time_ms now,
        struct store_grant *ret, struct error *err);
/* Expired tokens, and certificates that expired STORE_CERTIFICATE_KEEP_MS ago. */
void store_prune(struct store *s, time_ms now);

/* ---- reads ---- */

/* A callback that returns not 0 ends the walk, and its value is returned. */
typedef int (*store_node_fn)(const struct store_node *node, void *context);
typedef int (*store_attachment_fn)(const struct store_attachment *a, void *context);
typedef int (*store_keep_fn)(const struct store_keep *k, void *context);
typedef int (*store_demotion_fn)(const char *who, time_ms at, void *context);
typedef int (*store_decision_fn)(const struct store_decision *d, void *context);
typedef int (*store_event_fn)(const struct store_event *e, void *context);
typedef int (*store_audit_fn)(const struct store_audit *a, void *context);
typedef int (*store_api_token_fn)(const struct store_api_token *t, void *context);
typedef int (*store_serial_fn)(const char *serial, time_ms revoked, void *context);
int store_each_node(struct store *s, store_node_fn fn, void *context, struct error *err);
int store_each_attachment(struct store *s, store_attachment_fn fn, void *context, struct error *err);
int store_each_keep(struct store *s, store_keep_fn fn, void *context, struct error *err);
/* Oldest first. */
int store_each_demotion(struct store *s, store_demotion_fn fn, void *context, struct error *err);
/* -ENOENT where it is not known. */
int store_get_judged(struct store *s, struct store_judged *ret, struct error *err);
/* Newest first; node NULL = of all nodes. Findings are left out (NULL) unless with_findings. */
int store_each_decision(struct store *s, const char *node, size_t limit, bool with_findings,
        store_decision_fn fn, void *context, struct error *err);
/* Those after an id, oldest first; with after < 0 the newest `limit`, oldest first. */
int store_each_event(
        struct store *s, int64_t after, size_t limit, store_event_fn fn, void *context, struct error *err);
/* As the events, and none from before `since`. */
int store_each_audit(struct store *s, int64_t after, time_ms since, size_t limit, store_audit_fn fn,
        void *context, struct error *err);
int store_each_api_token(struct store *s, store_api_token_fn fn, void *context, struct error *err);
int store_each_revoked_serial(struct store *s, store_serial_fn fn, void *context, struct error *err);
/* Those whose packages are not in the JSON, which is left out. */
typedef int (*store_posture_fn)(const char *node, const struct store_posture *posture, void *context);
int store_each_posture(struct store *s, store_posture_fn fn, void *context, struct error *err);
/* In the order of their numbers. */
typedef int (*store_package_fn)(const struct store_package *package, void *context);
int store_each_package(struct store *s, store_package_fn fn, void *context, struct error *err);
/* -ENOENT where the node has none. fn is called once else, and what it returns is returned. */
int store_get_posture(
        struct store *s, const char *node, store_posture_fn fn, void *context, struct error *err);
