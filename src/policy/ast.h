/* SPDX-License-Identifier: ISC */
/*
 * The tree of one policy file, private to this room: the parser builds it, check.c gives its names their
 * meaning, compile.c makes the filter IR of its segments, evaluate.c judges by its requirements and
 * admissions. It lives in one arena. Lists are singly linked in the order of the file; TAIL pointers exist
 * only so that the parser can append.
 */
#pragma once

#include "policy/arena.h"
#include "policy/policy.h"
#include <stdio.h>

#define POLICY_NAME_MAX 32    /* bytes of a segment's, a requirement's, a defined name */
#define POLICY_STRING_MAX 255 /* bytes between quotes */
#define POLICY_NUMBER_MAX 1000000000
#define POLICY_DEFINES_MAX 1000
#define POLICY_REQUIREMENTS_MAX 500
#define POLICY_ADMISSIONS_MAX 500
#define POLICY_REJECTIONS_MAX 500
#define POLICY_ENFORCERS_MAX 1000
#define POLICY_SITE_PREFIXES_MAX 64
#define POLICY_RULES_MAX 2000        /* of one segment, after its names are expanded */
#define POLICY_WORDS_MAX 32          /* roles, or requirements, of one admission */
#define POLICY_DEPTH_MAX 64          /* of nested expressions */
#define POLICY_EXPRESSIONS_MAX 20000 /* in one file */
#define POLICY_QUOTE_MAX 400         /* bytes of the file that a message or a rule's text repeats */
#define POLICY_ERRORS_MAX 50         /* reported; what follows is counted only */
#define POLICY_INTERVAL_MAX_MS (60 * 60 * 1000)
#define POLICY_INTERVAL_MIN_MS 1000
#define POLICY_GRACE_MAX_MS (24 * 60 * 60 * 1000)
#define POLICY_ROUTES_MAX 32    /* segments with a route: each makes routing rules in every gateway */
#define POLICY_RATE_MIN 64000LL /* bit/s */
#define POLICY_RATE_MAX 100000000000LL
#define POLICY_DEMOTE_MAX_MS (7 * 24 * 60 * 60 * 1000LL)
#define POLICY_BRAKE_NODES 3 /* that may be demoted in any case, where the policy does not say */
#define POLICY_BRAKE_PER_MAX_MS (24 * 60 * 60 * 1000LL)
#define POLICY_HOLD_MS (24 * 60 * 60 * 1000LL) /* where the policy does not say */
#define POLICY_HOLD_MAX_MS (7 * 24 * 60 * 60 * 1000LL)
#define POLICY_PACE_NODES 100 /* asked to come again per second, where the policy does not say */
#define POLICY_PACE_PER_MS 1000
#define POLICY_PACE_NODES_MAX 100000
#define POLICY_ASKING_NODES 200 /* told per second that what was decided of them is something else */
#define POLICY_PACE_PER_MAX_MS (60 * 60 * 1000LL)
#define POLICY_WAIVERS_MAX 1000
#define POLICY_MODES_MAX 100
#define POLICY_EMERGENCIES_MAX 1000 /* ids and sources, each */

/* Where something stands in the file: line and column of its first byte (from 1), and its bytes. */
struct policy_span {
	uint32_t line, column;
	size_t start, end;
};

struct policy_name {
	const char *text; /* NULL: not given */
	struct policy_span at;
};

enum policy_operator { POLICY_EQ = 1, POLICY_NE, POLICY_LT, POLICY_LE, POLICY_GT, POLICY_GE };

/* What a field is, and what a literal is. */
enum policy_type { POLICY_BOOLEAN = 1, POLICY_TEXT, POLICY_VERSION, POLICY_NUMBER, POLICY_DURATION };

struct policy_literal {
	enum policy_type type; /* TEXT, NUMBER or DURATION */
	const char *text;
	int64_t number; /* ms for DURATION */
	struct policy_span at;
};

enum policy_expression_kind {
	POLICY_AND = 1,
	POLICY_OR,
	POLICY_NOT,
	/* about the node */
	POLICY_FIELD,           /* a field that is yes or no */
	POLICY_COMPARE,         /* field operator literal */
	POLICY_REQUIREMENT,     /* an earlier requirement by name */
	POLICY_PACKAGE,         /* package TEXT installed */
	POLICY_PACKAGE_VERSION, /* package TEXT version operator literal */
	POLICY_NO_ADVISORY,     /* no advisory [where condition] */
	POLICY_ADVISORIES,      /* advisories [where condition] operator literal */
	POLICY_KERNEL_SETTING,  /* setting TEXT operator literal */
	POLICY_SSHD_SETTING,    /* sshd TEXT operator literal */
	POLICY_NO_INTERFACE,    /* no interface where traits */
	POLICY_SOURCE_AGE,      /* source TEXT age operator literal */
	/* about one interface, below its `where` only */
	POLICY_INTERFACE_IS,
	POLICY_INTERFACE_TEXT, /* trait operator literal */
	/* about one advisory, below `where` only */
	POLICY_IS_FIXED,
	POLICY_IS_OLDER, /* literal: ms */
	POLICY_SEVERITY, /* literal.number: enum vuln_severity */
	POLICY_ADVISORY_ID,
	POLICY_ADVISORY_PACKAGE,
	POLICY_ADVISORY_SOURCE,
};

struct policy_field;
struct policy_trait;

struct policy_expression {
	enum policy_expression_kind kind;
	struct policy_span at;
	unsigned int depth;
	bool closed;                            /* was in parentheses: the parser does not append to it */
	struct policy_expression *first, *last; /* children of AND, OR and NOT; the condition of advisories */
	struct policy_expression *next;         /* sibling */
	struct policy_name name; /* of the field, the requirement, the package or the setting */
	enum policy_operator operator;
	struct policy_literal literal;
	const char *text;                             /* as in the file, on one line; set by check */
	const struct policy_field *field;             /* set by check */
	const struct policy_trait *trait;             /* set by check */
	const struct policy_requirement *requirement; /* set by check */
	size_t term;                                  /* number of an advisory term in the file */
	size_t leaf; /* number of what asks the posture, from 1; 0 = it does not. Set by check */
};

struct policy_service { /* protocol and ports */
	struct policy_service *next;
	uint8_t protocol;
	struct policy_ports *ports;
	size_t n_ports, ports_capacity; /* the parser grows it in the arena */
	struct policy_span at;
};

struct policy_prefix_list {
	struct ip_prefix *items;
	size_t count, capacity;
};

struct policy_define {
	struct policy_define *next;
	struct policy_name name;
	struct policy_prefix_list prefixes;
	struct policy_service *services, **services_tail;
	bool used;
};

enum policy_reach_kind { REACH_ANY = 1, REACH_OUTSIDE, REACH_SITE, REACH_SEGMENT, REACH_NAME, REACH_PREFIX };

struct policy_reach_peer {
	struct policy_reach_peer *next;
	enum policy_reach_kind kind;
	struct policy_name name; /* SEGMENT and NAME; else only its place */
	struct ip_prefix prefix;
};

struct policy_reach { /* one `allow` */
	struct policy_reach *next;
	enum policy_direction direction;
	struct policy_reach_peer *peers, **peers_tail;
	struct policy_service *services, **services_tail;
	struct policy_span at;
	const char *text; /* what stands behind `allow to`, on one line */
};

struct policy_segment_node {
	struct policy_segment_node *next;
	struct policy_name name;
	struct policy_reach *reaches, **reaches_tail;
	/* line 0: not given */
	struct policy_span default_at, level_at, grace_at, demote_at, rate_at, route_at;
	int64_t level, grace_ms, demote_ms;
	int64_t rate_up, rate_down; /* bit/s; 0: no limit */
	struct policy_name route;   /* a definition */
	bool log, log_new, used;
	bool broken;  /* a rule was refused: what it may reach is not known */
	size_t index; /* in the compiled array; mark - 1 */
};

struct policy_enforcer {
	struct policy_enforcer *next;
	struct policy_name name;
	struct policy_prefix_list nodes;
};

struct policy_member { /* node NAME has role ROLE */
	struct policy_member *next;
	struct policy_name node;
	const char *role;
};

struct policy_role {
	struct policy_role *next;
	struct policy_name name;
};

struct policy_requirement {
	struct policy_requirement *next;
	struct policy_name name;
	struct policy_expression *expression;
	size_t index;
	unsigned int depth; /* through the requirements that it refers to; set by check */
	bool used;
};

struct policy_word {                     /* one name of a list of names */
	struct policy_word *next, *last; /* last: kept in the first only */
	struct policy_name name;
	const struct policy_requirement *requirement; /* set by check, in `when` */
};

struct policy_admission {
	struct policy_admission *next;
	struct policy_word *roles; /* none: every node */
	struct policy_name target;
	struct policy_word *when;
	struct policy_span at;
	const char *text; /* the statement on one line */
	struct policy_segment_node *segment;
};

struct policy_rejection {
	struct policy_rejection *next;
	struct policy_word *roles;
	struct policy_expression *expression;
	struct policy_span at;
	const char *text;
};

struct policy_mode { /* mode monitor in TARGET [for role ...]; mode enforce [for role ...] */
	struct policy_mode *next;
	struct policy_name target; /* text NULL: enforce */
	struct policy_word *roles; /* none: the site */
	struct policy_span at;
	const char *text;
	struct policy_segment_node *segment;
};

struct policy_whom { /* both NULL: every node */
	struct policy_word *nodes, *roles;
};

struct policy_waiver_node {
	struct policy_waiver_node *next;
	bool is_advisory; /* what: advisories; else requirements */
	struct policy_word *what;
	struct policy_whom whom;
	time_ms until;
	const char *owner, *reason;
	struct policy_span at;
	struct policy_waiver *public; /* as policy_waivers() gives it */
};

struct policy_setting {        /* a statement that may stand once */
	struct policy_span at; /* line 0: not given */
	int64_t value_ms;
};

struct policy_tree {
	struct policy_prefix_list site, outside; /* outside: what site leaves; made by compile */
	struct policy_define *defines, **defines_tail;
	struct policy_segment_node *segments, **segments_tail;
	struct policy_enforcer *enforcers, **enforcers_tail;
	struct policy_role *roles, **roles_tail;
	struct policy_member *members, **members_tail;
	struct policy_requirement *requirements, **requirements_tail;
	struct policy_admission *admissions, **admissions_tail;
	struct policy_rejection *rejections, **rejections_tail;
	size_t n_defines, n_segments, n_routes, n_enforcers, n_requirements, n_admissions, n_rejections;
	struct policy_name otherwise;
	struct policy_span otherwise_at;
	const char *otherwise_text;
	bool otherwise_open;
	struct policy_segment_node *otherwise_segment;
	struct policy_setting inspect, certificate;
	struct policy_mode *modes, **modes_tail;
	struct policy_waiver_node *waivers, **waivers_tail;
	struct policy_word *emergency_ids, *emergency_sources;
	size_t n_modes, n_waivers, n_emergencies;
	struct policy_span brake_at, reinspect_at, asking_at; /* line 0: none */
	struct policy_brake brake;
	struct policy_pace reinspect, asking;
	/* advisory terms in the order of the file, so that one pass over the matches serves all; set by check
	 */
	struct policy_expression **terms;
	size_t n_terms, terms_capacity;
	/* Expressions that ask the posture something else than its packages; set by check. */
	struct policy_expression **leaves;
	size_t n_leaves, leaves_capacity;
	/* Expressions about the age of vulnerability information; set by check. */
	struct policy_expression **ages;
	size_t n_ages, ages_capacity;
};

struct policy {
	struct policy_arena *arena;
	struct policy_tree tree;
	struct policy_segment *segments; /* the filter IR */
	size_t n_segments;
	const char **enforcement_points; /* NULL-terminated */
	struct table *members;           /* node -> role, values in the arena */
	uint64_t fingerprint;
	struct policy_waiver *waivers; /* of the tree, in order */
};

/* One load: the text, what was found wrong with it so far, and the parser's place. */
struct policy_parser {
	struct policy *policy;
	struct policy_arena *arena; /* of the policy */
	struct policy_tree *tree;   /* of the policy */
	const char *name, *text;
	size_t length;
	uint32_t line, column;
	size_t offset;
	policy_report_fn report;
	void *context;
	struct error *err;
	size_t n_errors, n_expressions;
	bool stop; /* a limit was met: the scanner ends the file here */
	/* what the grammar is filling in */
	struct policy_define *define;
	struct policy_segment_node *segment;
	struct policy_reach *reach;
	struct policy_service *service;
	struct policy_enforcer *enforcer;
};

/* diagnose.c: what is wrong, and where. A problem counts as an error; a warning only speaks. */
void policy_problem(struct policy_parser *p, struct policy_span at, const char *format, ...)
        PRINTF_LIKE(3, 4);
void policy_warning(struct policy_parser *p, struct policy_span at, const char *format, ...)
        PRINTF_LIKE(3, 4);
/* Behind the last byte that is not white space: the place of what is missing. */
struct policy_span policy_end_of_text(const struct policy_parser *p);
/* The bytes of a span on one line, at most POLICY_QUOTE_MAX: runs of white space and comments become one
 * space. */
const char *policy_span_text(const struct policy_parser *p, struct policy_span at);

/* tree.c: what the grammar's actions do. */
void policy_tree_init(struct policy_tree *t);
/* Counts one more of what; above the limit it says so once and ends the reading. */
void policy_count_one(
        struct policy_parser *p, size_t *count, size_t limit, const char *what, struct policy_span at);
void policy_limit_words(struct policy_parser *p, const struct policy_word *list, const char *what);
struct policy_name policy_name_checked(struct policy_parser *p, const char *text, struct policy_span at);
void policy_prefix_add(
        struct policy_parser *p, struct policy_prefix_list *list, const struct ip_prefix *prefix);
void policy_site_add(struct policy_parser *p, const struct ip_prefix *prefix, struct policy_span at);
void policy_define_begin(struct policy_parser *p, struct policy_name name);
void policy_segment_begin(struct policy_parser *p, struct policy_name name);
void policy_segment_grace(struct policy_parser *p, int64_t ms, struct policy_span at);
/* bit/s, within bounds; what is not is reported. */
int64_t policy_bandwidth(struct policy_parser *p, int64_t number, int64_t unit, struct policy_span at);
/* Of each node of the segment, from it and to it. */
void policy_segment_rate(struct policy_parser *p, int64_t up, int64_t down, struct policy_span at);
void policy_segment_route(struct policy_parser *p, struct policy_name name, struct policy_span at);
void policy_reach_begin(struct policy_parser *p, enum policy_direction direction);
void policy_reach_end(struct policy_parser *p, struct policy_span at);
void policy_peer_add(struct policy_parser *p, enum policy_reach_kind kind, struct policy_name name,
        const struct ip_prefix *prefix);
/* A service for the define or, where there is none open, for the reach rule. */
void policy_service_begin(struct policy_parser *p, int64_t protocol, struct policy_span at);
void policy_ports_add(struct policy_parser *p, int64_t first, int64_t last, struct policy_span at);
void policy_enforcer_begin(struct policy_parser *p, struct policy_name name);
void policy_role_add(struct policy_parser *p, struct policy_name name, struct policy_word *nodes);
void policy_member_add(struct policy_parser *p, struct policy_word *nodes, const char *role);
void policy_requirement_add(struct policy_parser *p, struct policy_name name, struct policy_expression *e);
void policy_admission_add(struct policy_parser *p, struct policy_word *roles, struct policy_name target,
        struct policy_word *when, struct policy_span at);
void policy_rejection_add(struct policy_parser *p, struct policy_word *roles, struct policy_expression *e,
        struct policy_span at);
void policy_otherwise_set(
        struct policy_parser *p, struct policy_name target, bool open, struct policy_span at);
void policy_setting_set(struct policy_parser *p, struct policy_setting *s, int64_t ms, struct policy_span at);
/* check.c: the segment of that name, which something uses now; NULL where it was reported. */
struct policy_segment_node *policy_target_segment(struct policy_parser *p, const struct policy_name *name);

/* measures.c: what the grammar does for bad days. */
void policy_segment_demote(struct policy_parser *p, int64_t ms, struct policy_span at);
/* target NULL: enforce. */
void policy_mode_add(struct policy_parser *p, const struct policy_name *target, struct policy_word *roles,
        struct policy_span at);
void policy_waiver_add(struct policy_parser *p, const struct policy_waiver_node *waiver);
void policy_brake_set(struct policy_parser *p, const struct policy_brake *brake, struct policy_span at);
void policy_reinspect_set(struct policy_parser *p, const struct policy_pace *pace, struct policy_span at);
void policy_asking_set(struct policy_parser *p, const struct policy_pace *pace, struct policy_span at);
void policy_emergency_add(struct policy_parser *p, struct policy_word **list, struct policy_word *more);
void policy_measures_check(struct policy_parser *p);
bool policy_whom_means(const struct policy_whom *whom, const char *node, const char *role);
/* "patched for node cnc-7" */
const char *policy_waiver_words(struct policy_arena *a, const struct policy_waiver_node *w);
/* Appends the lines about bad days. */
void policy_measures_describe(FILE *out, const struct policy *p, time_ms now);

struct policy_word *policy_word_add(
        struct policy_parser *p, struct policy_word *list, struct policy_name name);
struct policy_expression *policy_expression_new(
        struct policy_parser *p, enum policy_expression_kind kind, struct policy_span at);
/* `setting "x"` or `sshd "x"`; what is another word. */
struct policy_expression *policy_setting_new(
        struct policy_parser *p, struct policy_name what, struct policy_name name, struct policy_span at);
/* `source "x" age`; what is the last word. */
struct policy_expression *policy_source_age_new(
        struct policy_parser *p, struct policy_name what, struct policy_name source, struct policy_span at);
/* what: the word behind `no`. */
struct policy_expression *policy_no_interface_new(struct policy_parser *p, struct policy_name what,
        struct policy_expression *traits, struct policy_span at);
struct policy_expression *policy_expression_join(struct policy_parser *p, enum policy_expression_kind kind,
        struct policy_expression *a, struct policy_expression *b, struct policy_span at);
struct policy_expression *policy_expression_over(struct policy_parser *p, enum policy_expression_kind kind,
        struct policy_expression *child, struct policy_span at);

/* check.c, types.c, reach.c: after a parse without problems; every problem is reported. */
void policy_check(struct policy_parser *p);
/* Types and names; limit is the requirement that the expression belongs to: it may only refer to those before
 * it (NULL: to all). */
void policy_check_expression(
        struct policy_parser *p, struct policy_expression *e, const struct policy_requirement *limit);
/* After compile: every segment must reach the server. */
void policy_check_server(struct policy_parser *p);
/* compile.c: the filter IR of every segment. Reports names and protocols that cannot be. */
void policy_compile(struct policy_parser *p);
bool policy_prefix_contains(const struct ip_prefix *outer, const struct ip_prefix *inner);
struct policy_define *policy_define_find(struct policy_tree *t, const char *name);
struct policy_segment_node *policy_segment_find(struct policy_tree *t, const char *name);

struct policy_requirement *policy_requirement_find(struct policy_tree *t, const char *name);

/* scan.l and grammar.y: 0 when the file was read to its end, with or without problems. */
int policy_scan(struct policy_parser *p);
