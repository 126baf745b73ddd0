/* SPDX-License-Identifier: ISC */
/*
 * Sources of advisories into an update. A source has a kind (load_kinds: OSV, CSAF, ...), which is how its
 * documents are found and read; every kind gives OSV records, so that there is one model. Documents lie in a
 * folder, in an archive (.zip, .tar, .tar.gz, .tar.xz, ...) or in one file, which may be packed itself.
 *
 * On the command line a source is SPEC or NAME=SPEC: a path, a URL, or "apt:[DIR]", the package lists of the
 * security suite under DIR/var/lib/apt/lists. It is named after its file without the suffix where no NAME is
 * given.
 *
 * Every record that is read is mapped (it is about a package that the index can hold), unmapped (sound, kept,
 * but about none) or refused (named, with the reason); the rest loads.
 */
#pragma once

#include "vuln/fetch_file.h"
#include "vuln/update.h"
#include "vuln/vuln.h"

#define LOAD_TOTAL_MAX ((uint64_t)32 << 30)   /* unpacked bytes of one source */
#define LOAD_RECORDS_MAX ((uint64_t)8000000)  /* of one source */
#define LOAD_ENTRIES_MAX ((uint64_t)16000000) /* files and entries of one source, whatever they are */
#define LOAD_DEPTH_MAX 32                     /* folders in folders */
#define LOAD_RATIO_MAX 400                    /* unpacked bytes for each packed one ... */
#define LOAD_RATIO_FREE ((uint64_t)128 << 20) /* ... beyond so many */
#define LOAD_KEPT 5                           /* reasons */

struct load_report {
	uint64_t read, mapped, unmapped, refused; /* read is the sum of the others */
	uint64_t withdrawn, removed;              /* of those mapped and unmapped */
	uint64_t signed_, checked;      /* documents whose signature was good; whose checksum alone */
	uint64_t unproven;              /* of the refused: documents that fail their proof */
	uint64_t statements_unmapped;   /* about products that no package is known for (CSAF) */
	uint64_t passed_over;           /* files that are no documents of the kind */
	char *first_refused[LOAD_KEPT]; /* "file: reason" */
	char *first_unmapped[LOAD_KEPT];
	uint64_t remembered; /* of signed_: verified at an earlier load, as they are (proof_memory.h) */
	uint64_t hints;      /* what the administrator should know of the source, and is no record's fault */
	char *first_hint[LOAD_KEPT];
};
void load_report_clear(struct load_report *report);

/* Called now and then while loading; the numbers are those of the report so far. */
typedef void (*load_progress_fn)(const struct load_report *report, void *context);

struct load {
	struct vuln_update *update;
	struct osv_parser *check; /* without an update: records are read and judged, and go nowhere */
	struct load_report *report;
	load_progress_fn progress; /* may be NULL */
	void *context;
};

/* One source. What is demanded of its documents is its trust: CHECKSUM and SIGNED refuse a document without
 * such a proof; a proof that is there and wrong refuses it in any case. */
struct load_source {
	const char *name;
	const char *kind;    /* a name of load_kinds; NULL: told by from */
	const char *from;    /* a path, or apt:[DIR] */
	const char *keyring; /* whose signatures count; NULL: signatures are not looked at */
	enum vuln_trust trust;
	const char *const
	        *ecosystems; /* it may speak of no others (canonical, NULL-terminated); NULL: of all */
	/* Kind apt: of the archive at from. Components: NULL or none is all; architectures: NULL or none is
	 * "source". NULL-terminated. */
	const char *suite;
	const char *const *components, *const *architectures;
	const char *products; /* a file of declared products (product_map.h); NULL: none are */
	const char *cache;    /* where what is fetched from URLs is kept; NULL: nothing is fetched */
	int prover;           /* the socket of a prover (proof.h); 0: gpgv is run here */
	time_ms now;          /* wall time, for what expires; 0: nothing does */
	/* Of a provider: hosts that it may send us to beside its own, and the labels of the Traffic Light
	 * Protocol whose documents are taken, each NULL-terminated; labels NULL: nobody looks. */
	const char *const *hosts, *const *labels;
	struct load_report *fetched; /* gets what fetching refuses; NULL: nobody is told */
	fetch_progress_fn fetching;  /* may be NULL */
	void *fetching_context;
};

/* Whether it can be the name of a suite, a component or an architecture. */
bool load_is_suite_name(const char *name);

struct load_kind;
const struct load_kind *load_kind_find(const char *name); /* NULL where there is none */
/* Whether its documents do not say of which ecosystem they speak, so that the source must. */
bool load_kind_wants_ecosystem(const struct load_kind *kind);
/* Their names and what they are, in turn; NULL at the end. */
const char *load_kind_name(size_t i);
const char *load_kind_about(size_t i);

/* The labels of a source for which nobody has said any: those for everybody where it is a provider's URL,
 * else NULL. */
const char *const *load_source_labels(const char *kind, const char *from);
/* Whether two labels are one; WHITE has been called CLEAR since TLP 2.0. */
bool load_label_is(const char *label, const char *other);
/* Whether it is one at all, as CSAF 2.0 and TLP 2.0 have them, or UNLABELED: documents without any. */
bool load_label_is_known(const char *label);

/* Splits a SOURCE argument: the name (caller frees) and where the rest begins. */
char *load_source_name(const char *spec, const char **ret_path);

/* A text that changes whenever what the source holds may have changed (paths, sizes, times). Caller frees;
 * NULL where it cannot be told. */
char *load_source_mark(const struct load_source *s);
/* Puts every record of the source. An unreadable source is an error; refused records are in the report, and
 * of what could be told of them the index keeps what it has. */
int load_source(const struct load *l, const struct load_source *s, struct error *err);
/* -EBADMSG where nothing but refused records came: then it is no new state of the source; but where they all
 * lack their proof, it is. */
int load_report_check(const struct load_report *report, struct error *err);
/* The same of a SOURCE argument, whose kind is told by its path, and of which no proof is asked. */
int load_source_spec(const struct load *l, const char *spec, struct error *err);
