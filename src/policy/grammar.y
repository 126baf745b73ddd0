/* SPDX-License-Identifier: ISC */
/*
 * The grammar of the site policy. Actions only build the tree (tree.c); meaning is check.c's. After a syntax error the
 * parser goes on at the next item of a block or at the next statement, so that one reading shows every error.
 * `and` binds tighter than `or`, `or` tighter than the comma, which is an `and` for lists of demands; whatever can
 * belong to the condition behind a `where` does.
 */
%code requires {
#include "policy/ast.h"
}
%code {
#include <stdio.h>
#include <string.h>

int policy_yylex(POLICY_YYSTYPE *value, struct policy_span *at, void *scanner);
static void policy_yyerror(const struct policy_span *at, void *scanner, struct policy_parser *p, const char *text);

/* Line and column of the first byte; an empty rule stands right behind what came before it. */
#define YYLLOC_DEFAULT(current, rhs, n)                                                                      \
	do {                                                                                                 \
		if (n) {                                                                                     \
			(current) = YYRHSLOC(rhs, 1);                                                        \
			(current).end = YYRHSLOC(rhs, n).end;                                                \
		} else {                                                                                     \
			(current) = YYRHSLOC(rhs, 0);                                                        \
			(current).start = (current).end;                                                     \
		}                                                                                            \
	} while (0)
}

%define api.pure full
%define api.prefix {policy_yy}
%define api.location.type {struct policy_span}
%define parse.error custom
%define parse.lac full
%locations
%lex-param {void *scanner}
%parse-param {void *scanner} {struct policy_parser *p}
%initial-action { @$ = (struct policy_span){ .line = 1, .column = 1 }; }

%union {
	const char *string;
	int64_t number;
	enum policy_operator operator;
	enum policy_direction direction;
	struct ip_prefix prefix;
	struct policy_name name;
	struct policy_literal literal;
	struct policy_word *words;
	struct policy_whom whom;
	struct policy_brake brake;
	struct policy_pace pace;
	time_ms date;
	struct policy_expression *expression;
}

%token YYEOF 0 "the end of the file"
%token <string> NAME "a name" STRING "a \"string\""
%token <number> NUMBER "a number" UNIT "a unit of time" BANDWIDTH "a unit of bandwidth" PROTOCOL "a protocol"
%token <prefix> ADDRESS "an address"
%token <operator> COMPARE "a comparison"
%token <date> DATE "a date"
%token ABOVE "above" ADDRESS_WORD "address" ADMIT "admit" ADVISORIES "advisories" ADVISORY "advisory"
%token AFTER "after" ALLOW "allow" AND "and" ANY "any" BECAUSE "because" BRAKE "brake" BY "by"
%token CERTIFICATE "certificate" DEFAULT "default" DEFINE "define" DEMOTE "demote" DEMOTIONS "demotions"
%token DOWN "down" EMERGENCY "emergency" ENFORCE "enforce" ENFORCER "enforcer" EVERY "every" FAIL "fail"
%token FIXED "fixed" FOR "for" FROM "from" GRACE "grace" HOLD "hold" ID "id" IN "in" INSPECT "inspect"
%token INSTALLED "installed" LEVEL "level" LIFETIME "lifetime" LOG "log" MODE "mode" MONITOR "monitor"
%token NEW "new" NO "no" NODE "node" NODES "nodes" NOT "not" OLDER "older" OPEN "open" OR "or"
%token OTHERWISE "otherwise" OUTSIDE "outside" PACKAGE "package" PER "per" RATE "rate" REJECT "reject"
%token REQUIRE "require" ROLE "role" ROUTE "route" SEGMENT "segment" SEVERITY "severity" SITE "site"
%token SOURCE "source" THAN "than" TO "to" UNTIL "until" UP "up" VERSION "version" VIA "via" WAIVE "waive"
%token WHEN "when" WHERE "where"
%token '{' "{" '}' "}" '(' "(" ')' ")" ',' "," '-' "-" '%' "%"

%precedence WHERE
%left ','
%left OR
%left AND
%precedence NOT

%type <name> name text
%type <words> roles for_roles words texts when
%type <number> duration protocol bandwidth brake_hold
%type <direction> direction
%type <expression> expression condition trait
%type <literal> literal
%type <whom> whom
%type <brake> brake_limit
%type <pace> pace nodes_per
%type <name> field

%%

policy:
	  %empty
	| policy statement	{ yyerrok; }
	| policy error
	;

statement:
	  SITE site_prefixes
	| DEFINE name { policy_define_begin(p, $2); } '{' define_items '}' { p->define = NULL; }
	| SEGMENT name { policy_segment_begin(p, $2); } segment_marks '{' segment_items '}'
	| ENFORCER text { policy_enforcer_begin(p, $2); } enforcer_block
	| ROLE text '{' NODE texts '}'		{ policy_role_add(p, $2, $5); }
	| NODE texts ROLE text			{ policy_member_add(p, $2, $4.text); }
	| REQUIRE name '{' expression '}'	{ policy_requirement_add(p, $2, $4); }
	| REQUIRE name '{' error '}'
	| ADMIT roles TO name when		{ policy_admission_add(p, $2, $4, $5, @$); }
	| REJECT roles WHEN expression		{ policy_rejection_add(p, $2, $4, @$); }
	| OTHERWISE name			{ policy_otherwise_set(p, $2, false, @$); }
	| OTHERWISE FAIL OPEN TO name		{ policy_otherwise_set(p, $5, true, @$); }
	| INSPECT EVERY duration		{ policy_setting_set(p, &p->tree->inspect, $3, @$); }
	| INSPECT AFTER ADVISORIES pace	{ policy_reinspect_set(p, &$4, @$); }
	| INSPECT RATE nodes_per		{ policy_asking_set(p, &$3, @$); }
	| CERTIFICATE LIFETIME duration		{ policy_setting_set(p, &p->tree->certificate, $3, @$); }
	| MODE MONITOR IN name for_roles		{ policy_mode_add(p, &$4, $5, @$); }
	| MODE ENFORCE for_roles			{ policy_mode_add(p, NULL, $3, @$); }
	| WAIVE words whom UNTIL DATE BY text BECAUSE text {
		policy_waiver_add(p, &(struct policy_waiver_node){ .what = $2, .whom = $3, .until = $5,
			.owner = $7.text, .reason = $9.text, .at = @$ });
	}
	| WAIVE ADVISORY texts whom UNTIL DATE BY text BECAUSE text {
		policy_waiver_add(p, &(struct policy_waiver_node){ .is_advisory = true, .what = $3, .whom = $4,
			.until = $6, .owner = $8.text, .reason = $10.text, .at = @$ });
	}
	| BRAKE DEMOTIONS ABOVE brake_limit PER duration brake_hold {
		$4.per_ms = $6;
		$4.hold_ms = $7;
		policy_brake_set(p, &$4, @$);
	}
	| EMERGENCY ADVISORY texts		{ policy_emergency_add(p, &p->tree->emergency_ids, $3); }
	| EMERGENCY SOURCE texts		{ policy_emergency_add(p, &p->tree->emergency_sources, $3); }
	;

name:
	  NAME		{ $$ = policy_name_checked(p, $1, @1); }
	| STRING	{ $$ = policy_name_checked(p, $1, @1); }
	;

text:
	  STRING {
		if ($1[0] == '\0')
			policy_problem(p, @1, "this name is empty");
		$$ = (struct policy_name){ $1, @1 };
	}
	;

texts:
	  text			{ $$ = policy_word_add(p, NULL, $1); }
	| texts ',' text	{ $$ = policy_word_add(p, $1, $3); }
	;

words:
	  name			{ $$ = policy_word_add(p, NULL, $1); }
	| words ',' name	{ $$ = policy_word_add(p, $1, $3); }
	;

roles:
	  %empty	{ $$ = NULL; }
	| ROLE texts	{ $$ = $2; }
	;

for_roles:
	  %empty		{ $$ = NULL; }
	| FOR ROLE texts	{ $$ = $3; }
	;

whom:
	  FOR ANY		{ $$ = (struct policy_whom){ 0 }; }
	| FOR NODE texts	{ $$ = (struct policy_whom){ .nodes = $3 }; }
	| FOR ROLE texts	{ $$ = (struct policy_whom){ .roles = $3 }; }
	;

brake_limit:
	  NUMBER '%'			{ $$ = (struct policy_brake){ .percent = $1, .nodes = POLICY_BRAKE_NODES }; }
	| NUMBER '%' OR NUMBER NODES	{ $$ = (struct policy_brake){ .percent = $1, .nodes = $4 }; }
	| NUMBER NODES			{ $$ = (struct policy_brake){ .percent = 0, .nodes = $1 }; }
	;

pace:
	  %empty			{ $$ = (struct policy_pace){ POLICY_PACE_NODES, POLICY_PACE_PER_MS }; }
	| nodes_per
	;

nodes_per:
	  NUMBER NODES PER duration	{ $$ = (struct policy_pace){ $1, $4 }; }
	;

brake_hold:
	  %empty	{ $$ = POLICY_HOLD_MS; }
	| HOLD duration	{ $$ = $2; }
	;

when:
	  %empty	{ $$ = NULL; }
	| WHEN words	{ $$ = $2; }
	;

duration:
	  NUMBER UNIT	{ $$ = $1 * $2; }
	;

site_prefixes:
	  ADDRESS			{ policy_site_add(p, &$1, @1); }
	| site_prefixes ',' ADDRESS	{ policy_site_add(p, &$3, @3); }
	;

define_items:
	  %empty
	| define_items define_item	{ yyerrok; }
	| define_items error
	;

define_item:
	  ADDRESS_WORD define_addresses
	| service
	;

define_addresses:
	  ADDRESS				{ policy_prefix_add(p, &p->define->prefixes, &$1); }
	| define_addresses ',' ADDRESS		{ policy_prefix_add(p, &p->define->prefixes, &$3); }
	;

enforcer_block:
	  %empty
	| '{' '}'
	| '{' NODES enforcer_nodes '}'
	;

enforcer_nodes:
	  ADDRESS			{ policy_prefix_add(p, &p->enforcer->nodes, &$1); }
	| enforcer_nodes ',' ADDRESS	{ policy_prefix_add(p, &p->enforcer->nodes, &$3); }
	;

segment_marks:
	  %empty
	| segment_marks DEFAULT		{ p->segment->default_at = @2; }
	| segment_marks LEVEL NUMBER	{ p->segment->level_at = @2; p->segment->level = $3; }
	;

segment_items:
	  %empty
	| segment_items segment_item	{ yyerrok; }
	| segment_items error
	;

segment_item:
	  ALLOW direction { policy_reach_begin(p, $2); } peers services	{ policy_reach_end(p, @$); }
	| GRACE duration	{ policy_segment_grace(p, $2, @$); }
	| DEMOTE AFTER duration	{ policy_segment_demote(p, $3, @$); }
	| LOG			{ p->segment->log = true; }
	| LOG NEW		{ p->segment->log_new = true; }
	| RATE bandwidth	{ policy_segment_rate(p, $2, $2, @$); }
	| RATE bandwidth UP	{ policy_segment_rate(p, $2, 0, @$); }
	| RATE bandwidth DOWN	{ policy_segment_rate(p, 0, $2, @$); }
	| RATE bandwidth UP bandwidth DOWN	{ policy_segment_rate(p, $2, $4, @$); }
	| RATE bandwidth DOWN bandwidth UP	{ policy_segment_rate(p, $4, $2, @$); }
	| ROUTE VIA name	{ policy_segment_route(p, $3, @$); }
	;

bandwidth:
	  NUMBER BANDWIDTH	{ $$ = policy_bandwidth(p, $1, $2, @$); }
	;

direction:
	  TO	{ $$ = POLICY_TO; }
	| FROM	{ $$ = POLICY_FROM; }
	;

peers:
	  peer
	| peers ',' peer
	;

peer:
	  ANY			{ policy_peer_add(p, REACH_ANY, (struct policy_name){ .at = @1 }, NULL); }
	| OUTSIDE		{ policy_peer_add(p, REACH_OUTSIDE, (struct policy_name){ .at = @1 }, NULL); }
	| SITE			{ policy_peer_add(p, REACH_SITE, (struct policy_name){ .at = @1 }, NULL); }
	| SEGMENT name		{ policy_peer_add(p, REACH_SEGMENT, $2, NULL); }
	| name			{ policy_peer_add(p, REACH_NAME, $1, NULL); }
	| ADDRESS		{ policy_peer_add(p, REACH_PREFIX, (struct policy_name){ .at = @1 }, &$1); }
	;

services:
	  %empty
	| services service
	;

service:
	  protocol { policy_service_begin(p, $1, @1); } ports
	;

protocol:
	  PROTOCOL
	| ANY		{ $$ = 0; }
	;

ports:
	  %empty
	| port_list
	;

port_list:
	  port
	| port_list ',' port
	;

port:
	  NUMBER		{ policy_ports_add(p, $1, $1, @1); }
	| NUMBER '-' NUMBER	{ policy_ports_add(p, $1, $3, @$); }
	;

expression:
	  expression AND expression	{ $$ = policy_expression_join(p, POLICY_AND, $1, $3, @$); }
	| expression OR expression	{ $$ = policy_expression_join(p, POLICY_OR, $1, $3, @$); }
	| expression ',' expression	{ $$ = policy_expression_join(p, POLICY_AND, $1, $3, @$); }
	| NOT expression		{ $$ = policy_expression_over(p, POLICY_NOT, $2, @$); }
	| '(' expression ')'		{ $$ = $2; $$->closed = true; $$->at = @$; }
	| field				{ $$ = policy_expression_new(p, POLICY_FIELD, @$); $$->name = $1; }
	| field COMPARE literal {
		$$ = policy_expression_new(p, POLICY_COMPARE, @$);
		$$->name = $1;
		$$->operator = $2;
		$$->literal = $3;
	}
	| PACKAGE text INSTALLED	{ $$ = policy_expression_new(p, POLICY_PACKAGE, @$); $$->name = $2; }
	| PACKAGE text VERSION COMPARE literal {
		$$ = policy_expression_new(p, POLICY_PACKAGE_VERSION, @$);
		$$->name = $2;
		$$->operator = $4;
		$$->literal = $5;
	}
	| NAME text COMPARE literal {
		$$ = policy_setting_new(p, (struct policy_name){ $1, @1 }, $2, @$);
		$$->operator = $3;
		$$->literal = $4;
	}
	| SOURCE text NAME COMPARE literal {
		$$ = policy_source_age_new(p, (struct policy_name){ $3, @3 }, $2, @$);
		$$->operator = $4;
		$$->literal = $5;
	}
	| NO NAME WHERE trait		{ $$ = policy_no_interface_new(p, (struct policy_name){ $2, @2 }, $4, @$); }
	| NO ADVISORY			{ $$ = policy_expression_new(p, POLICY_NO_ADVISORY, @$); }
	| NO ADVISORY WHERE condition	{ $$ = policy_expression_over(p, POLICY_NO_ADVISORY, $4, @$); }
	| ADVISORIES COMPARE literal {
		$$ = policy_expression_new(p, POLICY_ADVISORIES, @$);
		$$->operator = $2;
		$$->literal = $3;
	}
	| ADVISORIES WHERE condition COMPARE literal {
		$$ = policy_expression_over(p, POLICY_ADVISORIES, $3, @$);
		$$->operator = $4;
		$$->literal = $5;
	}
	;

field:
	  NAME		{ $$ = (struct policy_name){ $1, @1 }; }
	| ROLE		{ $$ = (struct policy_name){ "role", @1 }; }
	| NODE		{ $$ = (struct policy_name){ "node", @1 }; }
	;

literal:
	  STRING	{ $$ = (struct policy_literal){ .type = POLICY_TEXT, .text = $1, .at = @$ }; }
	| NUMBER	{ $$ = (struct policy_literal){ .type = POLICY_NUMBER, .number = $1, .at = @$ }; }
	| duration	{ $$ = (struct policy_literal){ .type = POLICY_DURATION, .number = $1, .at = @$ }; }
	| NAME		{
		policy_problem(p, @1, "put `%s` in quotes: a value that is text is written as \"%s\"", $1, $1);
		$$ = (struct policy_literal){ .type = POLICY_TEXT, .text = $1, .at = @$ };
	}
	;

trait:
	  trait AND trait	{ $$ = policy_expression_join(p, POLICY_AND, $1, $3, @$); }
	| trait OR trait	{ $$ = policy_expression_join(p, POLICY_OR, $1, $3, @$); }
	| trait ',' trait	{ $$ = policy_expression_join(p, POLICY_AND, $1, $3, @$); }
	| NOT trait		{ $$ = policy_expression_over(p, POLICY_NOT, $2, @$); }
	| '(' trait ')'		{ $$ = $2; $$->closed = true; $$->at = @$; }
	| field			{ $$ = policy_expression_new(p, POLICY_INTERFACE_IS, @$); $$->name = $1; }
	| field COMPARE literal {
		$$ = policy_expression_new(p, POLICY_INTERFACE_TEXT, @$);
		$$->name = $1;
		$$->operator = $2;
		$$->literal = $3;
	}
	;

condition:
	  condition AND condition	{ $$ = policy_expression_join(p, POLICY_AND, $1, $3, @$); }
	| condition OR condition	{ $$ = policy_expression_join(p, POLICY_OR, $1, $3, @$); }
	| condition ',' condition	{ $$ = policy_expression_join(p, POLICY_AND, $1, $3, @$); }
	| NOT condition			{ $$ = policy_expression_over(p, POLICY_NOT, $2, @$); }
	| '(' condition ')'		{ $$ = $2; $$->closed = true; $$->at = @$; }
	| FIXED				{ $$ = policy_expression_new(p, POLICY_IS_FIXED, @$); }
	| OLDER THAN duration {
		$$ = policy_expression_new(p, POLICY_IS_OLDER, @$);
		$$->literal = (struct policy_literal){ .type = POLICY_DURATION, .number = $3, .at = @3 };
	}
	| SEVERITY COMPARE NAME {
		enum vuln_severity s = VULN_SEVERITY_UNKNOWN;
		if (vuln_severity_parse($3, &s) < 0 || s == VULN_SEVERITY_UNKNOWN)
			policy_problem(p, @3, "a severity is one of low, medium, high, critical (an unknown one counts as high)");
		$$ = policy_expression_new(p, POLICY_SEVERITY, @$);
		$$->operator = $2;
		$$->literal = (struct policy_literal){ .type = POLICY_NUMBER, .number = s, .at = @3 };
	}
	| ID COMPARE STRING {
		$$ = policy_expression_new(p, POLICY_ADVISORY_ID, @$);
		$$->operator = $2;
		$$->literal = (struct policy_literal){ .type = POLICY_TEXT, .text = $3, .at = @3 };
	}
	| PACKAGE COMPARE STRING {
		$$ = policy_expression_new(p, POLICY_ADVISORY_PACKAGE, @$);
		$$->operator = $2;
		$$->literal = (struct policy_literal){ .type = POLICY_TEXT, .text = $3, .at = @3 };
	}
	| SOURCE COMPARE STRING {
		$$ = policy_expression_new(p, POLICY_ADVISORY_SOURCE, @$);
		$$->operator = $2;
		$$->literal = (struct policy_literal){ .type = POLICY_TEXT, .text = $3, .at = @3 };
	}
	| field {
		policy_problem(p, @1,
			"`%s` is about the node, not about an advisory: write (no advisory where ...) and %s ...",
			$1.text, $1.text);
		YYERROR;
	}
	;

%%

/* Never called for syntax errors (parse.error custom); what is left is memory. */
static void policy_yyerror(const struct policy_span *at, void *scanner, struct policy_parser *p, const char *text)
{
	policy_problem(p, *at, "this policy nests too deeply to be read (%s)", text);
}

/* "`foo` was not expected here: this wants `to` or `from`". */
static int yyreport_syntax_error(const yypcontext_t *context, void *scanner, struct policy_parser *p)
{
	enum { WANTED_MAX = 20 };
	yysymbol_kind_t wanted[WANTED_MAX + 1];
	struct policy_span at = *yypcontext_location(context);
	yysymbol_kind_t token = yypcontext_token(context);
	int n = yypcontext_expected_tokens(context, wanted, WANTED_MAX + 1);
	char list[512] = "";
	size_t used = 0;
	bool wants_name = false, wants_string = false;
	bool is_word = token == YYSYMBOL_UNIT || token == YYSYMBOL_PROTOCOL ||
		(token >= YYSYMBOL_ABOVE && token <= YYSYMBOL_WHERE);
	for (int i = 0; i < n && n <= WANTED_MAX && used < sizeof(list); i++) {
		const char *name = yysymbol_name(wanted[i]);
		bool plain = strncmp(name, "a ", 2) == 0 || strncmp(name, "an ", 3) == 0 || strncmp(name, "the ", 4) == 0;
		wants_name = wants_name || wanted[i] == YYSYMBOL_NAME;
		wants_string = wants_string || wanted[i] == YYSYMBOL_STRING;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s%s%s",
			i == 0 ? ": this wants " : i == n - 1 ? " or " : ", ", plain ? "" : "`", name, plain ? "" : "`");
	}
	if (p->stop)
		return 0;
	if (token == YYSYMBOL_YYEOF)
		policy_problem(p, at, "the file ends in the middle of a statement%s", list);
	else if (wants_name && wants_string && is_word)
		policy_problem(p, at, "`%s` is a word of the language%s; to use it as a name put it in quotes",
			policy_span_text(p, at), list);
	else
		policy_problem(p, at, "`%.60s` was not expected here%s", policy_span_text(p, at), list);
	return 0;
}
