/* SPDX-License-Identifier: ISC */
/*
 * One advisory as the index keeps it: compact, with versions already turned into keys. Sources write records
 * (osv.c, apt.c) and the index reads them back when an advisory changes, is withdrawn or is shown; matching
 * never does.
 *
 *   u8 format, u8 flags, u8 severity, u8 offered, i64 published, i64 modified,
 *   strings id, source, summary; string lists aliases, related;
 *   u32 count of affected, each: u8 by_binary, u8 status, string ecosystem, string package, u8 severity,
 *   string fixed, string justification, bytes rule
 *
 * string: u16 length, bytes; bytes: u32 length, bytes; list: u16 count, strings.
 *
 * A rule says which versions are affected, or with VULN_NOT_AFFECTED which are not (OSV schema 1.6,
 * "Evaluation"). Below and always are what almost all of Debian's advisories are; the rest is evaluated event
 * by event:
 *
 *   RULE_BELOW    the key of the one version where it is fixed
 *   RULE_ALWAYS   nothing
 *   RULE_EVENTS   u16 ranges, each u16 events, each u8 kind, u16 key length, key, u16 text length, text (with
 * NUL); u32 listed versions, each u16 key length, key
 */
#pragma once

#include "base/clock.h"
#include "base/cursor.h"
#include "vuln/ecosystem.h"

#define RECORD_FORMAT 2
#define RECORD_MAX (64u << 20)
#define RECORD_ID_MAX 128     /* with the NUL */
#define RECORD_SOURCE_MAX 128 /* with the NUL */
#define RECORD_SUMMARY_MAX 240
#define RECORD_ALIASES_MAX 256
#define RECORD_RELATED_MAX 1024
#define RECORD_AFFECTED_MAX 65535
#define RECORD_PACKAGES_MAX \
	8192 /* different packages that one record names; the most that is known is 2,699 */
#define RECORD_JUSTIFICATION_MAX 240
#define RULE_RANGES_MAX 1024
#define RULE_EVENTS_MAX 4096 /* in one range */
#define RULE_VERSIONS_MAX 1000000
#define RULE_PRUNED_EVENTS_MAX \
	64 /* with more events, listed versions are kept whether or not a range covers them */

enum record_flag { RECORD_WITHDRAWN = 1 };
enum rule_kind { RULE_ALWAYS = 0, RULE_BELOW, RULE_EVENTS };
enum rule_event { RULE_INTRODUCED = 0, RULE_FIXED, RULE_LAST_AFFECTED, RULE_LIMIT };

/* Strings point into the record and end with a NUL. */
struct record {
	const char *id, *source, *summary;
	bool withdrawn;
	enum vuln_severity severity; /* the record's own; unknown where it says none */
	enum vuln_severity offered;  /* to those that name it: its own, else the highest of its packages;
	                                withdrawn: none */
	time_ms published, modified;
	struct reader aliases, related; /* record_next_name() */
	size_t n_aliases, n_related, n_affected;
	struct reader affected; /* record_next_affected() */
};

struct record_affected {
	bool by_binary;          /* package names a binary package, not what the ecosystem's advisories use */
	enum vuln_status status; /* VULN_AFFECTED or VULN_NOT_AFFECTED */
	const char *ecosystem, *package;
	const char *justification;   /* of VULN_NOT_AFFECTED, as its publisher words it; else "" */
	enum vuln_severity severity; /* for this package; unknown: the record's counts */
	const char *fixed;           /* RULE_BELOW: the text of the key; else "" */
	enum rule_kind kind;
	const uint8_t *rule; /* after the kind */
	size_t rule_length;
};

/* Writing: head, then each affected; the counts are patched by record_end(). */
struct record_head {
	const char *id, *source, *summary;
	bool withdrawn;
	enum vuln_severity severity;
	time_ms published, modified;
	const char *const *aliases, *const *related;
	size_t n_aliases, n_related;
};
struct record_writer {
	struct writer w;
	size_t count_at;
	uint32_t n_affected;
	bool withdrawn;
	enum vuln_severity severity, highest; /* its own; of its packages */
};
void record_begin(struct record_writer *rw, const struct record_head *head);
void record_add_affected(struct record_writer *rw, const struct record_affected *affected);
/* Patches the count; false where the record exceeds a limit. The bytes are in rw->w. */
bool record_end(struct record_writer *rw);

/* -EBADMSG for bytes that record_end() did not make. */
int record_read(const void *bytes, size_t length, struct record *ret);
/* An OSV record (JSON) that says the same, for one that no source wrote: without the versions that
 * RULE_EVENTS lists, of which the keys alone are known. Caller frees. */
char *record_to_osv(const struct record *record);
const char *record_next_name(struct reader *names); /* NULL at the end */
bool record_next_affected(struct reader *affected, struct record_affected *ret);
