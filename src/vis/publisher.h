/* SPDX-License-Identifier: ISC */
/*
 * What this VIS says itself, as a signed repository (vuln/tree): a process that reads the index, holds the
 * signing key, writes the repository's directory and does nothing else. It publishes when it is told that the
 * index has changed, when a new root is put into the directory, and before the signed index expires.
 *
 *   pratique-vis ── keeper ── publisher
 *
 * The keeper starts it again where it dies, with the keys as they then are on the disk.
 */
#pragma once

#include "net/metrics.h"
#include "vuln/tree/publish.h"

struct publisher_config {
	const char *dir;   /* the repository; its roots are there */
	const char *index; /* of vulnerabilities */
	const char *keys[TREE_PUBLISH_KEYS_MAX];
	size_t n_keys;
	int64_t lifetime_ms; /* 0: TREE_LIFETIME_MS */
};

/* Written by the publisher alone, in memory that it shares. */
struct publisher_state {
	bool told; /* by pratique-vis: before that the index may lack what its sources say, and nothing is
	              published */
	uint64_t commits, failures, refused; /* refused: records that no repository can hold */
	struct tree_point point;
	time_ms expires;
	uint64_t records, bytes;
};

struct publisher;
/* Directory and keys are looked at now; config stays. Before the sandbox and before any thread. */
int publisher_start(const struct publisher_config *config, struct publisher **ret, struct error *err);
struct publisher *publisher_stop(struct publisher *p); /* NULL in, NULL out */
void publisher_tell(struct publisher *p);              /* the index has changed */
void publisher_fill_metrics(const struct publisher *p, struct metrics *m);
const char *publisher_repository(const struct publisher *p); /* the repository's name */
