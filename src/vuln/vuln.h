/* SPDX-License-Identifier: ISC */
/*
 * Vulnerability information, read side: an index directory (LMDB, memory-mapped, shared by every process)
 * made from OSV records, and the matcher that asks it which of a node's packages are affected.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "posture/posture.h"

enum vuln_severity { /* ordered; UNKNOWN is treated as HIGH by comparisons, see vuln_severity_rank() */
	VULN_SEVERITY_UNKNOWN = 0,
	VULN_SEVERITY_LOW,
	VULN_SEVERITY_MEDIUM,
	VULN_SEVERITY_HIGH,
	VULN_SEVERITY_CRITICAL,
};
const char *vuln_severity_name(enum vuln_severity s); /* "unknown", "low", ... */
int vuln_severity_parse(const char *name, enum vuln_severity *ret);
/* The rank that comparisons use: unknown counts as high. */
enum vuln_severity vuln_severity_rank(enum vuln_severity s);

/* How far a source's records are known to be its publisher's own. Ordered. */
enum vuln_trust {
	VULN_TRUST_NONE = 0,  /* nothing says so */
	VULN_TRUST_TRANSPORT, /* they came over a connection that proved who is at its other end */
	VULN_TRUST_CHECKSUM,  /* they are those of a list of checksums that came apart from them */
	VULN_TRUST_SIGNED,    /* the publisher's signature over them was verified */
};
const char *vuln_trust_name(enum vuln_trust t); /* "none", "transport", "checksum", "signed" */
int vuln_trust_parse(const char *name, enum vuln_trust *ret);

/* What a source says of a package. Who says nothing of it has no view. */
enum vuln_status {
	VULN_AFFECTED = 0,
	VULN_NOT_AFFECTED, /* the publisher says so of this version (VEX) */
	VULN_FIXED,        /* the installed version is in none of the ranges that are affected */
};
const char *vuln_status_name(enum vuln_status s); /* "affected", "not_affected", "fixed" */

#define VULN_PRECEDENCE_DEFAULT 100
#define VULN_PRECEDENCE_MAX 65535

/* Where records come from. Of two sources that disagree about one vulnerability the one with the lower
 * precedence stands; of two with the same the more trusted one, then the one whose record was modified later,
 * then the one whose name sorts first. Strings are valid until the callback returns. */
struct vuln_source {
	const char *name;
	const char *kind;    /* "osv", "csaf", ...; "" = not said */
	const char *origin;  /* the path or URL that it is loaded from; "" = not said */
	const char *licence; /* SPDX expression or words; "" = not said */
	uint32_t precedence;
	enum vuln_trust trust;
	bool required;        /* its age counts in vuln_index_freshness() */
	bool partial;         /* of its ecosystems it knows some packages: the others are not known by it */
	time_ms freshness_ms; /* older than that it is stale; 0 = no limit of its own */
	time_ms loaded; /* wall time of the last successful load, or look that found nothing new; 0 = never */
	time_ms newest; /* the latest "modified" among its records; 0 = none */
	uint64_t generation; /* of the index when a record of it changed last */
	uint64_t records;    /* that it has now, withdrawn ones too */
	bool counted;        /* the two that follow are said of its last load */
	uint64_t unmapped, refused;
};

/* Another source's, or another id's, view of the vulnerability that matches. */
struct vuln_view {
	const char *id, *source;
	uint32_t precedence;
	enum vuln_trust trust;
	enum vuln_status status; /* for the installed version */
	enum vuln_severity severity;
	const char *fixed;         /* as in struct vuln_match */
	const char *justification; /* NOT_AFFECTED: why, as the publisher words it; else "" */
	time_ms modified;
};

/* One vulnerability that affects one package: the view of the source that stands, and all the others. Strings
 * are valid until the callback returns. */
struct vuln_match {
	const struct posture *posture; /* posture_purl() of the two is what others know the package by; NULL
	                                * where no posture was asked about */
	const struct posture_package *package;
	const char *
	        matched_name; /* as advisories of its ecosystem call it: the source package for deb and apk */
	const char *judged_as;      /* "a backport of 2.0-2 in Debian:13"; NULL: as what it is */
	const char *id;             /* OSV id */
	const char *const *aliases; /* NULL-terminated; with the ids of the other views */
	const char *fixed;          /* first fixed version above the installed one; NULL = no fix known */
	const char *source;         /* which source the record came from */
	const char *summary;        /* may be empty */
	enum vuln_severity severity;
	time_ms published, modified; /* published: when known to the world; 0 = not known */
	enum vuln_trust trust;
	uint32_t precedence;
	const struct vuln_view *views; /* the others, in the order of precedence; none for most */
	size_t n_views;
	const char *conflict; /* where a view disagrees: who says what, and why this one stands; else NULL */
};

struct vuln_index;

/* dir holds one index; -ENOENT where there is none, -ESTALE for an older format (pratique-vis makes it anew),
 * -EPROTO for another one. */
int vuln_index_open(const char *dir, struct vuln_index **ret, struct error *err);
struct vuln_index *vuln_index_close(struct vuln_index *index); /* NULL in, NULL out */
/* Monotonic within one index directory: every build or update that changes a record raises it. Read fresh
 * from the map at each call, so that a process that keeps the index open sees updates. */
uint64_t vuln_index_generation(struct vuln_index *index);
time_ms vuln_index_updated(struct vuln_index *index); /* wall time of the newest generation */
size_t vuln_index_count(struct vuln_index *index);    /* advisories that are not withdrawn */

/* Calls fn for every source, by name. Negative stops and is returned. */
int vuln_index_each_source(struct vuln_index *index,
        int (*fn)(const struct vuln_source *source, void *context), void *context, struct error *err);

/* How old the index's knowledge is: no younger than its stalest required source. */
struct vuln_freshness {
	time_ms oldest; /* when the required source that was loaded longest ago was; 0: one never was */
	char oldest_source[128];   /* which that is; "": no source is required, and oldest is
	                              vuln_index_updated() */
	size_t n_sources, n_stale; /* stale: older than its own limit, or never loaded */
	char stale_source[128];    /* the first of them by name; "" */
};
int vuln_index_freshness(struct vuln_index *index, time_ms now, struct vuln_freshness *ret);

typedef int (*vuln_match_fn)(
        const struct vuln_match *match, void *context); /* negative stops and is returned */
/* Judges every package of the posture in one read transaction; the distribution comes from os_id and
 * os_version
 * ("debian" + "12"). ret_generation (may be NULL) is the generation that was read. */
int vuln_match_posture(struct vuln_index *index, const struct posture *p, vuln_match_fn fn, void *context,
        uint64_t *ret_generation, struct error *err);

/* The same, and what could not be judged (an ecosystem or release that the index knows nothing of, a version
 * that is not valid): never a pass, and for the policy a reason of its own. */
typedef int (*vuln_unjudged_fn)(const struct posture_package *package, const char *reason, void *context);
struct vuln_match_sink {
	vuln_match_fn match;
	vuln_unjudged_fn unjudged; /* may be NULL */
	void *context;
};
int vuln_match_all(struct vuln_index *index, const struct posture *p, const struct vuln_match_sink *sink,
        uint64_t *ret_generation, struct error *err);

/* The same for one package that no posture names, as OSV's /v1/query asks: what affects `package`, as the
 * advisories of this ecosystem ("Debian:12", "PyPI") call it, at this version; NULL: at any. A backport, a
 * signed source, a rebuild is judged as the matcher judges it. Views of sources that stand behind another are
 * in the matches. 1, with the reason in err: only a part of what is to be known is known. -EINVAL with the
 * reason where the version is not valid, -ENOTSUP for an ecosystem without a known version order. */
struct vuln_query {
	const char *ecosystem, *package, *version;
	const char *source_version; /* of the source package, where it has another one; NULL: the same */
	bool by_binary; /* package names a binary package (apt's suites); else what advisories use */
};
int vuln_index_query(struct vuln_index *index, const struct vuln_query *q, vuln_match_fn fn, void *context,
        uint64_t *ret_generation, struct error *err);

/* Version orders, as the upstream tools order them. */
enum version_ecosystem {
	VERSION_DPKG,
	VERSION_RPM,
	VERSION_APK,
	VERSION_SEMVER,
	VERSION_PYPI,
	VERSION_MAVEN,
	VERSION_GEM,
	VERSION_NUGET,
	VERSION_PACKAGIST,
	VERSION_HACKAGE,
	VERSION_CRAN,
	VERSION_PUB,
	VERSION_ALPM,
	VERSION_GENTOO,
	VERSION_CONAN,
	VERSION_OPENSSL,
	VERSION_NGINX,
	VERSION_INTDOT,
	VERSION_DATETIME,
	VERSION_LEXICOGRAPHIC,
	VERSION_ECOSYSTEMS /* how many */
};
int version_ecosystem_parse(const char *name, enum version_ecosystem *ret);
/* -EINVAL with the reason for a version that the ecosystem does not allow; else 0 and ret_order <0, 0 or >0.
 */
int version_compare(
        enum version_ecosystem e, const char *a, const char *b, int *ret_order, struct error *err);
