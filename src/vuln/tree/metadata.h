/* SPDX-License-Identifier: ISC */
/*
 * The signed metadata of a repository of advisories, pratique-repository(5): who may sign (root.json) and
 * what there is now (index.json). Each is a DSSE envelope (Dead Simple Signing Envelope, version 1): the
 * payload's very bytes are signed, together with a type that names the role and the repository, so that no
 * signature is good for another role, another repository or another reading of the same JSON.
 *
 * Nothing here knows of disks, networks or clocks. Readers are strict: an unknown member, a duplicate, a
 * value outside its limit makes the whole file malformed.
 *
 * Functions that judge bytes return 0, a positive enum tree_refusal with the words in err, or a negative
 * errno value where we ourselves fail. ret_ outputs are untouched but on 0.
 */
#pragma once

#include "base/clock.h"
#include "crypto/key.h"

#define TREE_FORMAT 1
#define TREE_NAME_SIZE 128                /* of a repository or a shard, with the NUL */
#define TREE_KEYS_MAX 32                  /* in one root */
#define TREE_SIGNATURES_MAX 64            /* under one file */
#define TREE_ROOT_MAX ((size_t)128 << 10) /* bytes of a root file */
#define TREE_INDEX_MAX ((size_t)16 << 20) /* bytes of an index file */
#define TREE_SHARDS_MAX 4096
#define TREE_SOURCES_MAX 256
#define TREE_DELTAS_MAX 64                     /* of one shard */
#define TREE_FILE_MAX ((uint64_t)4 << 30)      /* bytes of a snapshot or delta as it is fetched */
#define TREE_UNPACKED_MAX ((uint64_t)32 << 30) /* and unpacked */
#define TREE_RECORDS_MAX ((uint64_t)8000000)   /* in one file */
#define TREE_NUMBER_MAX ((uint64_t)1 << 53)    /* versions and generations stay below: JSON's safe integers */
#define TREE_LIFETIME_MAX_MS ((int64_t)10 * 366 * 86400 * 1000) /* of any file: expires - time */
/* How far this host's clock and the publisher's may be apart. An index dated further ahead is refused, one
 * that expired less long ago is still good. */
#define TREE_SKEW_MS ((int64_t)5 * 60 * 1000)

/* Why something from a mirror was not believed; each has a counter and a name (tree_refusal_name()). */
enum tree_refusal {
	TREE_GOOD = 0,
	TREE_MALFORMED,   /* it is not what the format says */
	TREE_UNSIGNED,    /* fewer good signatures of the role's keys than its threshold */
	TREE_FOREIGN,     /* of another repository or another role */
	TREE_ROLLED_BACK, /* older than what was seen before */
	TREE_SKIPPED, /* a root that is not the next one, or an index that needs a root which is withheld */
	TREE_EXPIRED, /* its time is over: a freeze, or a publisher who is gone */
	TREE_AHEAD,   /* dated further ahead of this clock than the tolerance */
	TREE_ALTERED, /* not the bytes that the signed index names */
	TREE_ENDLESS, /* more bytes than announced, or than anything of its kind may have */
	TREE_CUT,     /* fewer bytes than announced */
	TREE_EXTRANEOUS,  /* records of another shard or source than the signed index says */
	TREE_MISSING,     /* a file that the signed index names is not there */
	TREE_UNREACHABLE, /* no answer, or one too slow; the layer that does the I/O says so */
	TREE_N_REFUSALS
};
const char *tree_refusal_name(enum tree_refusal refusal); /* "rolled-back" */

enum tree_role_name { TREE_ROLE_ROOT, TREE_ROLE_INDEX, TREE_N_ROLES };
const char *tree_role_text(enum tree_role_name role); /* "root", "index" */

struct tree_role {
	size_t threshold;
	size_t n_keys;
	size_t keys[TREE_KEYS_MAX]; /* into tree_root.keys */
};

struct tree_key {
	uint8_t id[KEY_THUMBPRINT_SIZE]; /* SHA-256 of its SubjectPublicKeyInfo; computed, never believed */
	EVP_PKEY *key;
	char holder[64]; /* who has it, for people; may be "" */
};

/*
 * The root of trust. epoch: how often index keys were taken away; an index belongs to one epoch, so that
 * after a compromise neither old indexes nor a generation that was driven up by a thief count any more.
 */
struct tree_root {
	char repository[TREE_NAME_SIZE];
	uint64_t version, epoch;
	time_ms expires;
	size_t n_keys;
	struct tree_key keys[TREE_KEYS_MAX];
	struct tree_role roles[TREE_N_ROLES];
};
void tree_root_clear(struct tree_root *root);
/* The first root, which somebody vouches for by other means: it must be signed by its own threshold. Not
 * judged by time. */
int tree_root_open(const void *bytes, size_t length, struct tree_root *ret, struct error *err);
/* The next root: version + 1, the same repository, an epoch that is not lower, signed by the threshold of the
 * trusted root's root keys and of its own. Not judged by time, because only the last of a chain must be
 * valid. */
int tree_root_open_next(const struct tree_root *trusted, const void *bytes, size_t length,
        struct tree_root *ret, struct error *err);
/* TREE_EXPIRED where it is over by more than the tolerance. */
int tree_root_check_time(const struct tree_root *root, time_ms now, int64_t skew, struct error *err);

/* A place in a repository's history; a later epoch is later than any generation of an earlier one. */
struct tree_point {
	uint64_t epoch, generation;
};
static inline int tree_point_order(struct tree_point a, struct tree_point b)
{
	int epochs = (a.epoch > b.epoch) - (a.epoch < b.epoch);
	return epochs ? epochs : (a.generation > b.generation) - (a.generation < b.generation);
}
/* "EPOCH.GENERATION", as marks and event ids have it. */
#define TREE_POINT_SIZE 48
const char *tree_point_format(struct tree_point p, char text[TREE_POINT_SIZE]);
int tree_point_parse(const char *text, struct tree_point *ret); /* -EINVAL */

/* A snapshot or delta. It lies at files/SHA256.zst below the repository's address. */
struct tree_file {
	uint8_t sha256[32];
	uint64_t length, unpacked, records; /* bytes fetched; bytes and lines in it */
};
#define TREE_PATH_SIZE 96
/* "files/<hex>.zst". Returns path. */
const char *tree_file_path(const struct tree_file *file, char path[TREE_PATH_SIZE]);

/* What changed in the shard above generation `from`, up to and with `to`. Its lines say how a record is, not
 * how it became so: it may be applied to any generation from..to. */
struct tree_delta {
	uint64_t from, to;
	struct tree_file file;
};

/*
 * All records that name a package of one ecosystem, whatever its release: the shard "Debian" has what
 * concerns Debian:11 and Debian:12, because nearly all of those records are the same. A record that names
 * several ecosystems is in the shard of each, whole; one that names none is in TREE_SHARD_OTHER.
 */
#define TREE_SHARD_OTHER "other"
#define TREE_ECOSYSTEMS_MAX 2048 /* of one shard */
/* The shard of an ecosystem: its name before the first colon. False where that is none. */
bool tree_shard_name(const char *ecosystem, char ret[TREE_NAME_SIZE]);
struct tree_shard {
	char name[TREE_NAME_SIZE];
	uint64_t generation; /* at which it changed last */
	uint64_t records;    /* that are in it now */
	bool withdrawn;      /* it is empty: what was in it goes */
	/* Sorted names ("Debian:12") of what it has, or once had, records of: all others are known to be
	 * nowhere in it. */
	size_t n_ecosystems;
	char **ecosystems;
	uint64_t snapshot_generation;
	struct tree_file snapshot;
	/* Oldest first and without gaps; the last leads to the generation of the shard unless the snapshot
	 * has that. They may begin before the snapshot. */
	size_t n_deltas;
	struct tree_delta *deltas;
};

/* Where the publisher has records from: the record's source is this name below the follower's own. */
struct tree_source {
	char name[TREE_NAME_SIZE];
	char origin[256], licence[128]; /* for people; may be "" */
	char trust[16];                 /* how the publisher knows it: none, transport, checksum, signed */
	uint64_t precedence;            /* lower wins among the sources of this repository */
};

struct tree_index {
	char repository[TREE_NAME_SIZE];
	struct tree_point point;
	uint64_t root; /* the version of the root by which it was signed: an older one is not enough */
	time_ms time, expires;
	size_t n_shards, n_sources;
	struct tree_shard *shards;   /* sorted by name */
	struct tree_source *sources; /* sorted by name */
};
void tree_index_clear(struct tree_index *index);
/* Repository, role, epoch, root version and signatures by the index role of root. Judged neither by time nor
 * by what was seen before. */
int tree_index_open(const struct tree_root *root, const void *bytes, size_t length, struct tree_index *ret,
        struct error *err);
/* TREE_EXPIRED or TREE_AHEAD. */
int tree_index_check_time(const struct tree_index *index, time_ms now, int64_t skew, struct error *err);
const struct tree_shard *tree_index_find(const struct tree_index *index, const char *shard);
/* Whether the repository has, or had, records of an ecosystem ("Debian:12"): true only where a shard lists
 * it. */
bool tree_index_lists(const struct tree_index *index, const char *ecosystem);
const struct tree_source *tree_index_find_source(const struct tree_index *index, const char *source);

/* Writing. The texts are one line of JSON without its end; the caller frees. */
char *tree_root_format(const struct tree_root *root);    /* the payload */
char *tree_index_format(const struct tree_index *index); /* the payload */
/* An envelope around the payload without signatures. */
char *tree_envelope_make(enum tree_role_name role, const char *repository, const char *payload);
/* The envelope with one more signature; one that this key made before is replaced. */
int tree_envelope_sign(const char *envelope, size_t length, EVP_PKEY *key, char **ret, struct error *err);
/* All signatures of both, which must be around the same payload. */
int tree_envelope_merge(const char *a, const char *b, char **ret, struct error *err);

/* A name that may stand in paths and in types: letters, digits, '.', '-', '_', not first a dot. */
bool tree_name_good(const char *repository);
