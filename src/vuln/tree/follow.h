/* SPDX-License-Identifier: ISC */
/*
 * A follower of a repository, pratique-repository(5): asks for one file after the other, judges the bytes
 * that come, and keeps what is good. It does no network I/O and asks no clock; it keeps its state on the
 * disk, so that nothing that was seen before can be taken back, whoever is killed when.
 *
 *   DIR/trusted           the newest point that a verified index had: the floor against rollback
 *   DIR/held              which files make each shard that is held, and the point that they make
 *   DIR/parts/            what has not come whole yet, to be resumed
 *   DIR/tree/             laid out as a repository, with the publisher's own bytes, for who asks us in turn:
 *                         N.root.json, index.json, files/
 *
 * A round (tree_follow_begin() or an index that was pushed) asks for the roots that follow the trusted one,
 * the index, and the files of the held shards that are new. What is refused ends the round, with its reason,
 * and leaves what is held as it was; the next round begins anew and resumes.
 */
#pragma once

#include "vuln/tree/metadata.h"
#include "vuln/update.h"

#define TREE_ROOT_CHAIN_MAX 1024 /* roots that one round follows */
/* Files that the index names no more are kept so long for who has just read an older one. */
#define TREE_GRACE_MS ((int64_t)10 * 60 * 1000)

struct tree_follow_config {
	const char *name;      /* of the source: its records are of the sources "NAME/publisher's source" */
	const char *dir;       /* state; made where it is not there */
	const char *root_file; /* a root that the administrator vouches for */
	/* What to hold ("Debian", or "Debian:12", which is the same), NULL-terminated; NULL: all */
	const char *const *shards;
	int64_t skew_ms;     /* 0: TREE_SKEW_MS */
	uint32_t precedence; /* of its sources in the index of vulnerabilities; 0: what the publisher says */
	bool required;       /* its age counts for policies */
	bool partial;        /* see struct vuln_source */
};

struct tree_follow;
int tree_follow_open(const struct tree_follow_config *config, struct tree_follow **ret, struct error *err);
struct tree_follow *tree_follow_close(struct tree_follow *f); /* NULL in, NULL out */

/* A round of pull. What was under way is given up. */
void tree_follow_begin(struct tree_follow *f);
/* A round that begins with an index which somebody pushed: as if it had been asked for and come. Roots are
 * asked for first where it needs a newer one. */
int tree_follow_push_index(
        struct tree_follow *f, const void *bytes, size_t length, time_ms now, struct error *err);
/* A snapshot or delta that somebody pushed: kept where this round wants it, else ignored. */
int tree_follow_push_file(
        struct tree_follow *f, const void *bytes, size_t length, time_ms now, struct error *err);

/* What to fetch next, from the repository's address; false: nothing, the round is over. The same answer until
 * tree_follow_end(). */
struct tree_request {
	const char *path;   /* "3.root.json", "index.json", "files/....zst"; valid until tree_follow_end() */
	uint64_t offset;    /* bytes of it that are there from an earlier try (Range: bytes=OFFSET-) */
	uint64_t most;      /* bytes that it may have in all */
	bool may_be_absent; /* 404 is an answer: there is no newer root */
	bool immutable;     /* may come from any cache */
};
bool tree_follow_next(struct tree_follow *f, struct tree_request *ret);

/* The next bytes of what tree_follow_next() asks for, in order. Positive: refused, the fetch is to be broken
 * off; the round is over. */
int tree_follow_data(struct tree_follow *f, const void *bytes, size_t length, struct error *err);
/* The server did not resume but sends the file from its beginning. */
void tree_follow_restart(struct tree_follow *f);
enum tree_fetch {
	TREE_FETCHED, /* to its end */
	TREE_ABSENT,  /* 404 or 410 */
	TREE_FAILED,  /* unreachable, another status, too slow; reason: its words */
};
int tree_follow_end(
        struct tree_follow *f, enum tree_fetch how, const char *reason, time_ms now, struct error *err);

/* No round is under way, and what came is not applied yet. */
bool tree_follow_ready(const struct tree_follow *f);
/* Whether the index of vulnerabilities has what was applied last; not where it was made anew since, or
 * restored: then it is to be applied again, whether or not anything is ready. */
bool tree_follow_stands(const struct tree_follow *f, struct vuln_update *u);
/* Puts what the verified files say into the update, with the mark that tells where it stands (the source
 * NAME); the caller commits it, then calls tree_follow_applied(). Everything anew where the index of
 * vulnerabilities stands elsewhere than this follower. Positive: a file holds what it may not; nothing is to
 * be committed. */
int tree_follow_apply(struct tree_follow *f, struct vuln_update *u, struct error *err);
int tree_follow_applied(struct tree_follow *f, struct error *err);
/* Reads all that is held as tree_follow_apply() would, and puts it nowhere; ret (may be NULL) is how many
 * records there are. */
int tree_follow_judge(struct tree_follow *f, uint64_t *ret_records, struct error *err);

/* Holds the shard of one more ecosystem from the next round on, which the caller begins. False: it is held
 * already, or the signed index lists no such ecosystem, which is an authenticated answer while it is fresh.
 */
bool tree_follow_hold(struct tree_follow *f, const char *ecosystem);
bool tree_follow_holds(const struct tree_follow *f, const char *ecosystem);

/* The verified index that is held; NULL: none yet. */
const struct tree_index *tree_follow_index(const struct tree_follow *f);
const struct tree_root *tree_follow_root(const struct tree_follow *f);
/* Its very bytes, for who follows us; NULL: none yet. */
const char *tree_follow_index_bytes(const struct tree_follow *f, size_t *ret_length);
/* DIR/tree, which may be served as it is. */
const char *tree_follow_served(const struct tree_follow *f);

struct tree_follow_status {
	struct tree_point held, seen; /* in the index of vulnerabilities; verified, perhaps not fetched yet */
	time_ms time, expires;        /* of the newest verified index; 0: none */
	time_ms checked;              /* when a round last ended well; 0: not since the start */
	uint64_t rounds, refused[TREE_N_REFUSALS];
	enum tree_refusal last;                  /* of the last round; TREE_GOOD: it went well */
	char reason[256];                        /* why the last one was refused; "" */
	uint64_t bytes_fetched, records_refused; /* refused: signed, but no sound OSV record */
	char record_reason[256];                 /* the first of them */
};
void tree_follow_status(const struct tree_follow *f, struct tree_follow_status *ret);
/* Whether what it says is older than the publisher allows: then it shows, and policies may demote. */
bool tree_follow_stale(const struct tree_follow *f, time_ms now);
