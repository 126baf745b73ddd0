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

/* One advisory that matches one package. Strings are valid until the callback returns. */
struct vuln_match {
	const struct posture *posture; /* posture_purl() of the two is what others know the package by */
	const struct posture_package *package;
	const char *
	        matched_name; /* as advisories of its ecosystem call it: the source package for deb and apk */
	const char *id;       /* OSV id */
	const char *const *aliases; /* NULL-terminated */
	const char *fixed;          /* first fixed version above the installed one; NULL = no fix known */
	const char *source;         /* which source the record came from */
	const char *summary;        /* may be empty */
	enum vuln_severity severity;
	time_ms published, modified; /* published: when known to the world; 0 = not known */
};

struct vuln_index;

/* dir holds one index; -ENOENT where there is none, -EPROTO for another format version. */
int vuln_index_open(const char *dir, struct vuln_index **ret, struct error *err);
struct vuln_index *vuln_index_close(struct vuln_index *index); /* NULL in, NULL out */
/* Monotonic within one index directory: every build or update that changes a record raises it. Read fresh
 * from the map at each call, so that a process that keeps the index open sees updates. */
uint64_t vuln_index_generation(struct vuln_index *index);
time_ms vuln_index_updated(struct vuln_index *index); /* wall time of the newest generation */
size_t vuln_index_count(struct vuln_index *index);    /* advisories that are not withdrawn */

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
