/* SPDX-License-Identifier: ISC */
/* What kinds of sources are made of. A new kind is a row of load_kinds (load_kind.c) and its reader. */
#pragma once

#include "base/table.h"
#include "vuln/load_fetch.h"
#include "vuln/proof.h"

#define LOAD_GATHERED_MAX ((uint64_t)1000000)   /* records that documents of one source make together */
#define LOAD_STATEMENTS_MAX ((uint64_t)2500000) /* and packages that these name, each time */
#define LOAD_REFERENCES_MAX 512                 /* of a record that several documents make */
#define LOAD_SIDECARS_MAX 4000000               /* proofs in one archive */
#define LOAD_SIDECAR_BYTES_MAX (1u << 30)

/* A document as it was found: its proof was verified, as far as the source demands one. */
struct load_document {
	const char *where; /* for words: the file, or the archive's entry */
	const char *text;  /* a NUL follows */
	size_t length;
	time_ms modified; /* of the file; 0: not known */
};

/* A source while it is read. */
struct load_reading {
	const struct load *l;
	const struct load_source *source;
	const struct load_kind *kind;
	struct proof_keys *keys;      /* NULL: none are known */
	struct proof_memory *memory;  /* NULL: no signature is remembered */
	struct product_map *products; /* NULL: none are declared */
	struct table *gathered;       /* id -> json_t *, load_gather() */
	uint64_t statements;          /* that it was given */
	struct table *sidecars;       /* of an archive: name -> struct load_sidecar */
	struct osv_parser scratch;    /* to see what a record would be */
	time_ms newest;               /* of the documents: when those are from that give no date */
	uint64_t bytes, entries;      /* so far */
	size_t sidecar_bytes;
};

struct load_sidecar {
	size_t length;
	char bytes[];
};

struct load_kind {
	const char *name, *about;
	const char *const
	        *endings;     /* of its documents' names, without how they are packed; NULL-terminated */
	size_t document_max;  /* unpacked */
	bool proofs_beside;   /* each document may have FILE.asc, FILE.sha512 and FILE.sha256 beside it ... */
	bool proofs_usual;    /* ... and its publishers put them there, so an archive is searched for them */
	bool wants_ecosystem; /* load_kind_wants_ecosystem() */
	bool is_database;     /* a document has many records, and half of one would take the others back */
	/* A file that has no proof and needs none, because it is no document. May be NULL. */
	bool (*is_other)(const struct load_document *d);
	/* One document: negative where it is refused as a whole, with the reason; -EBADMSG where nobody
	 * can say which records it would have had: then none of the source goes. Its records are counted by
	 * load_put(), load_gather() and load_note_refused(). */
	int (*read)(struct load_reading *r, const struct load_document *d, struct error *why);
	/* Instead of looking for documents. */
	int (*load)(struct load_reading *r, struct error *err);
	/* What its URL stands for, into this folder of the cache; NULL: load_fetch_document(). */
	int (*fetch)(struct fetch *f, const struct load_source *s, const char *folder, char **ret_from,
	        struct error *err);
};
extern const struct load_kind load_kinds[]; /* the last one has no name */

/* The keys of the source's keyring; NULL where it has none. */
int load_open_keys(const struct load_source *s, struct proof_keys **ret, struct error *err);

/* Finding documents (load_walk.c, load_archive.c). Negative ends the source: what is wrong with one document
 * is in the report. */
int load_walk(struct load_reading *r, struct error *err);
int load_walk_archive(struct load_reading *r, const char *path, struct error *err);
/* Checks the document's proofs, reads it, and counts it where it is refused. sidecar: what lies beside it
 * under this name, NULL where nothing does. -E2BIG where the source is larger than one may be. */
typedef const struct load_sidecar *(*load_sidecar_fn)(const char *name, void *context);
int load_document(struct load_reading *r, const struct load_document *d, load_sidecar_fn sidecar,
        void *context, struct error *err);
/* Counts one more file or entry of n unpacked bytes: -E2BIG where it is too many. */
int load_count(struct load_reading *r, uint64_t n, struct error *err);
/* Whether a file of this name is a document of the kind; ret_packed: and is compressed. */
bool load_is_document(const struct load_kind *kind, const char *name, bool *ret_packed);
bool load_is_sidecar(const char *name);
/* The only file in a compressed one (.gz, .bz2, .xz, .zst, .lz4), or the bytes of a file as they are. Caller
 * frees; a NUL follows. -EFBIG above limit, -EBADMSG where it is broken or unpacks too well. */
int load_unpack(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err);

/* Records (load_put.c). One OSV record, as text or as JSON: counted as read, and as mapped, unmapped or
 * refused. -E2BIG where the source has more than one may have, else 0. */
int load_put_text(
        struct load_reading *r, const char *where, const char *text, size_t length, struct error *err);
int load_put(struct load_reading *r, const char *where, json_t *record, struct error *err);
/* The same of a record without a date: it was modified when the index got it as it is. */
int load_put_undated(struct load_reading *r, const char *where, json_t *record, struct error *err);
/* When the record that the index has under this id was modified; 0: it has none. For what its publisher gives
 * no date: an id whose version is in it is as old as it was. */
time_ms load_stored_time(struct load_reading *r, const char *id);
/* Keeps a record until the source has been read: several documents, or parts of one, make one record where
 * they give it the same id; their affected lists are joined. Takes the reference. */
int load_gather(struct load_reading *r, json_t *record, struct error *err);
int load_put_gathered(struct load_reading *r, struct error *err);
/* The source no longer has this record. */
void load_remove(struct load_reading *r, const char *id);
/* What is refused leaves what the index has of it: of a document that is called after its records, as OSV's
 * and CSAF's are, and of a record by its id. */
void load_refuse_document(struct load_reading *r, const char *where, const char *why);
void load_keep(struct load_reading *r, const char *id); /* NULL: all of the source */
/* The same counting of a record that was made otherwise (record.h). */
int load_put_record(struct load_reading *r, const void *record, size_t length, struct error *why);
void load_note_refused(struct load_report *report, const char *what, const char *why);
void load_note_unmapped(struct load_report *report, const char *what, const char *why);
void load_note_hint(struct load_report *report, const char *text);
void load_progress(struct load_reading *r);

/* JSON texts of strangers: duplicate keys are refused, and depth is bounded. NULL with the reason. */
json_t *load_parse_json(const char *text, size_t length, struct error *why);
/* The member's text, or "" where it is none. */
const char *load_json_text(const json_t *object, const char *name);

/* The members of a large object, one by one. */
struct load_members {
	const char *at, *end;
	bool comma; /* was the last: another one must follow */
};
int load_members_begin(const char *text, size_t length, struct load_members *ret, struct error *why);
/* 1: the next one, whose references the caller gets; 0: there is none; -EINVAL. */
int load_next_member(struct load_members *m, json_t **ret_key, json_t **ret_value, struct error *why);

/* Pieces of OSV: an entry that is affected below fixed, or with NULL at every version; that it says the
 * opposite; and whether a name can be the id of a record. */
json_t *load_make_affected(const char *ecosystem, const char *package, const char *fixed);
void load_say_not_affected(json_t *affected, const char *justification);
bool load_is_id(const char *id);

/* The readers. */
int load_read_osv(struct load_reading *r, const struct load_document *d, struct error *why);
int load_read_log(struct load_reading *r, const struct load_document *d, struct error *why);
bool load_is_of_csaf_provider(const struct load_document *d);
int load_read_csaf(struct load_reading *r, const struct load_document *d, struct error *why);
int load_read_tracker(struct load_reading *r, const struct load_document *d, struct error *why);
int load_read_secdb(struct load_reading *r, const struct load_document *d, struct error *why);
int load_read_usn(struct load_reading *r, const struct load_document *d, struct error *why);
int load_read_updateinfo(struct load_reading *r, const struct load_document *d, struct error *why);
int load_apt(struct load_reading *r, struct error *err);
int load_updateinfo(struct load_reading *r, struct error *err);
int load_fetch_updateinfo(
        struct fetch *f, const struct load_source *s, const char *folder, char **ret_from, struct error *err);
int load_suite(struct load_reading *r, struct error *err);
int load_fetch_suite(
        struct fetch *f, const struct load_source *s, const char *folder, char **ret_from, struct error *err);
