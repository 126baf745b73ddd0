/* SPDX-License-Identifier: ISC */
/*
 * The site policy: segments and their reach, requirements, admissions (quarantine draft, sections 6.1
 * and 8.2.1). Loaded from one file, checked whole before anything uses it, evaluated in three-valued logic:
 * unknown never satisfies. Compiled to the filter IR that drivers turn into what their enforcement point
 * speaks.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "base/error.h"
#include "posture/posture.h"
#include "vuln/vuln.h"

#define POLICY_FILE_MAX (1u << 20)
#define POLICY_SEGMENTS_MAX 200 /* marks are one byte; 0 = not a node */
#define POLICY_NEXT_HOPS_MAX 2  /* one of each family */
#define POLICY_FINDINGS_MAX 20000
#define POLICY_MATCHES_MAX 200000 /* of advisories with the packages of one node; the rest is unknown */

/* ---- the filter IR ---- */

enum policy_direction { POLICY_TO = 1, POLICY_FROM = 2 };
enum policy_peer { POLICY_PEER_ANY = 1, POLICY_PEER_SEGMENT = 2, POLICY_PEER_PREFIXES = 3 };

struct policy_ports {
	uint16_t first, last;
};

/* "allow to/from PEER [PROTOCOL PORTS]": what a node of the segment may open, or what may be opened to it.
 * Between two nodes both must allow: TO of the opener's segment and FROM of the other's. Prefixes (IPv4
 * first) and ports are sorted and do not overlap; icmp comes with IPv4 prefixes only, icmpv6 with IPv6. */
struct policy_rule {
	enum policy_direction direction;
	enum policy_peer peer;
	uint8_t peer_mark;          /* with POLICY_PEER_SEGMENT */
	struct ip_prefix *prefixes; /* with POLICY_PEER_PREFIXES */
	size_t n_prefixes;
	uint8_t protocol;           /* IPPROTO_*, 0 = all */
	struct policy_ports *ports; /* none = all ports */
	size_t n_ports;
};

struct policy_segment {
	const char *name;
	uint8_t mark; /* 1.. in order of the file; stable while the segment list is */
	bool is_default;
	int level;         /* 0 = not a normal segment */
	int64_t grace_ms;  /* how long an admission outlives its certificate while the server is away; 0 = not
	                    */
	int64_t demote_ms; /* how long a node that is not compliant any more keeps it; 0 = not at all */
	bool log;          /* log refused packets */
	bool log_new;      /* log the connections that its nodes open, and that are opened to them */
	int64_t rate_up;   /* bit/s of each node, from it; 0 = no limit */
	int64_t rate_down;
	/* What its nodes send goes to these hosts of the definition `route` instead of where the main table
	 * leads: at most one of a family, and a family without one goes nowhere. route NULL: the main table.
	 */
	const char *route;
	struct ip_address next_hops[POLICY_NEXT_HOPS_MAX];
	size_t n_next_hops;
	struct policy_rule *rules;
	size_t n_rules;
};

/* ---- the policy ---- */

struct policy;

/* -EINVAL with "FILE:LINE:COLUMN: what is wrong" and the line itself, for parse and check errors alike. Every
 * error that can be found is reported: report (may be NULL) is called for each, err keeps the first. */
typedef void (*policy_report_fn)(const char *text, void *context);
int policy_load(
        const char *path, policy_report_fn report, void *context, struct policy **ret, struct error *err);
/* The same from memory; name stands for the file in messages. -EFBIG above POLICY_FILE_MAX. */
int policy_parse(const char *name, const char *text, size_t length, policy_report_fn report, void *context,
        struct policy **ret, struct error *err);
struct policy *policy_free(struct policy *p); /* NULL in, NULL out */

const struct policy_segment *policy_segments(const struct policy *p, size_t *ret_count);
const struct policy_segment *policy_segment_by_name(const struct policy *p, const char *name);
const struct policy_segment *policy_default_segment(const struct policy *p);
int64_t policy_inspect_interval_ms(const struct policy *p);
int64_t policy_certificate_lifetime_ms(const struct policy *p);
/* First 8 bytes of the SHA-256 of the file: changes whenever the policy does. */
uint64_t policy_fingerprint(const struct policy *p);
/* Names of the enforcement points that the policy declares; NULL-terminated. */
const char *const *policy_enforcement_points(const struct policy *p);
/* Roles that a node has by name ("alice" -> "employee"); NULL where the policy gives none. */
const char *policy_node_role(const struct policy *p, const char *node);

/* What the policy says in a few lines for people: segments, who reaches what, who goes where. Caller frees.
 */
char *policy_describe(const struct policy *p, time_ms now);
/* Segments with their rules, intervals and enforcement points, for scripts; the caller owns it. */
json_t *policy_to_json(const struct policy *p);

/* ---- bad days (measures.c) ---- */

/* `mode monitor in SEGMENT`: what is decided about nodes of this role is recorded only, and who is nowhere
 * else is there. NULL: decisions are carried out. role NULL: of attachments without a node, and where nothing
 * is said of the role. */
const struct policy_segment *policy_monitor_segment(const struct policy *p, const char *role);
/* The segment of everything that is placed nowhere: the default, or that of the site's `mode monitor`. */
const struct policy_segment *policy_floor_segment(const struct policy *p);

/* `brake demotions above PERCENT% or NODES nodes per TIME hold TIME`: within per_ms so many nodes may be
 * demoted by what is not their own doing: percent of those that are admitted, or nodes, whichever is more.
 * The others are held, for hold_ms. */
struct policy_brake {
	int64_t percent, nodes;
	int64_t per_ms, hold_ms;
};
const struct policy_brake *policy_brake(const struct policy *p); /* NULL: none */

/* `inspect after advisories [N nodes per TIME]`: when advisories change, every node is asked to be inspected
 * again (quarantine draft, 6.4.2), so many in that time. */
struct policy_pace {
	int64_t nodes, per_ms;
};
const struct policy_pace *policy_reinspect_pace(const struct policy *p); /* NULL: only who is affected */

/* `inspect rate N nodes per TIME`: at which pace nodes are asked to come again because what was decided of
 * them changed without them. Never NULL. */
const struct policy_pace *policy_asking_pace(const struct policy *p);

struct policy_waiver {
	const char *what; /* "patched for node cnc-7" */
	time_ms until;    /* does not count from then on */
	const char *owner, *reason;
	uint32_t line;
};
const struct policy_waiver *policy_waivers(const struct policy *p, size_t *ret_count);
/* Whether a waiver for this node ended in (from, to]: it must be judged again. */
bool policy_waiver_ended(const struct policy *p, const char *node, time_ms from, time_ms to);
#define POLICY_WAIVER_SOON_MS (7 * 86400000LL) /* a waiver that ends in less is told of */
/* Reports each waiver that has ended or soon will, as a warning. */
void policy_report_waivers(
        const struct policy *p, const char *name, time_ms now, policy_report_fn report, void *context);

/* ---- evaluation ---- */

struct policy_memo;     /* memo.h */
struct vuln_named_list; /* vuln/named.h */
struct vuln_origins;

/* The packages of a posture, each once, by their numbers in the memo's catalogue, ascending. */
struct policy_inventory {
	struct policy_memo *memo;
	uint32_t platform; /* policy_memo_platform() */
	const uint32_t *ids;
	size_t n;
};

struct policy_input {
	const char *node;              /* the certified name; NULL = no agent */
	const char *role;              /* from policy_node_role() or from the authentication; may be NULL */
	const struct posture *posture; /* NULL = not inspected, unless there are facts */
	const struct policy_facts *facts; /* facts.h; NULL = none */
	/* Where it is given, the posture's own list is not looked at; policy and index are the memo's. */
	const struct policy_inventory *inventory;
	struct vuln_index *index; /* NULL = no vulnerability information */
	/* The sources that the node names for what it has; NULL: the posture is asked. */
	const struct vuln_named_list *named;
	const struct vuln_origins *origins; /* of the index; NULL: it is asked where a node names any */
	enum tristate unique;               /* one host alone has this identity, and this one alone */
	const char *segment; /* that the authentication named: no other is admitted to; NULL or "" = any */
	time_ms now;
};

enum policy_finding_kind { POLICY_FINDING_ADVISORY = 1, POLICY_FINDING_REQUIREMENT, POLICY_FINDING_UNKNOWN };

/* One reason. Strings belong to the decision. */
struct policy_finding {
	enum policy_finding_kind kind;
	const char *requirement; /* its name in the policy; or "role", "reject" */
	const char *text;        /* one sentence for people */
	/* for ADVISORY; else NULL */
	const char *package, *source_package, *installed, *fixed, *advisory, *purl,
	        *aliases /* comma separated */, *source;
	const char *conflict;  /* who says otherwise, and why the source stands; NULL: nobody */
	const char *judged_as; /* "a backport of 2.0-2 in Debian:13"; NULL: as what it is */
	enum vuln_severity severity;
	enum vuln_trust trust; /* of the source */
};

/* What would have been a reason, but for a waiver. */
struct policy_waived {
	const char *requirement, *advisory; /* one of them; the other is NULL */
	const char *text;                   /* one sentence for people */
	const char *owner, *reason;
	time_ms until;
};

struct policy_decision {
	const struct policy_segment *segment; /* of the policy; never NULL */
	bool compliant;                       /* an `admit` matched */
	bool rejected;    /* `reject` matched: the node is refused, and stays in the default segment */
	const char *rule; /* the line of the policy that decided, as text; or "not inspected" */
	/* Every reason that kept it from a better segment that its role could have: none where it got the
	 * best. */
	struct policy_finding *findings;
	size_t n_findings;
	size_t n_omitted; /* findings above POLICY_FINDINGS_MAX, counted only */
	struct policy_waived *waived;
	size_t n_waived;
	bool emergency; /* among the reasons is an advisory that the policy calls an emergency */
	uint64_t advisory_generation;
	void *arena;
};

/* What the policy's demands on the age of vulnerability information come to now, as a number: it is another
 * one where one of them has another answer, and then every node is to be judged again. The same number always
 * where the policy has no such demand. */
uint64_t policy_freshness(const struct policy *p, struct vuln_index *index, time_ms now);
/* Never fails to decide: what cannot be evaluated is unknown, and unknown falls through to `otherwise`. */
void policy_evaluate(const struct policy *p, const struct policy_input *input, struct policy_decision *ret);
void policy_decision_clear(struct policy_decision *d);
json_t *policy_decision_to_json(const struct policy_decision *d);
/* Its findings alone, then what was waived as findings of the kind "waived": good also after the policy is
 * gone. */
json_t *policy_findings_to_json(const struct policy_decision *d);
