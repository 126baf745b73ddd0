/* SPDX-License-Identifier: ISC */
/*
 * The signed repositories of this VIS: those that it follows from above (relay.h, upper_link.h), into the
 * index of vulnerabilities, and those that are published in a directory here; all of them are told to the
 * front, which tells the VISes below. What is asked for and lies in no held shard is fetched from above.
 */
#pragma once

#include "vis/front.h"
#include "vis/upper_link.h"

struct repositories_config {
	const char *name;          /* ours; NULL: the certificate's, or else the host's */
	const char *state;         /* directory for what is followed; made where it is not there */
	const char *const *follow; /* NAME ROOT-FILE [SHARD ...] */
	size_t n_follow;
	const char *const *publish; /* NAME DIRECTORY */
	size_t n_publish;
	const char *const *uppers; /* HOST[:PORT] [NAME] */
	size_t n_uppers;
	const char *ca, *crl, *certificate, *key;
};

struct repositories;
struct repositories_handlers {
	/* Something new is verified: apply() puts it into an update that is empty, which is then committed.
	 */
	int (*commit)(struct tree_follow *follow, bool all, void *user, struct error *err);
	void *user;
};
/* Files are read and directories made now; the network is not used before the loop turns. */
/* A line of `follow`; the strings are in words, which the caller frees, also after an error. */
#define FOLLOWED_SHARDS_MAX 256 /* that one line names */
struct followed_line {
	char *words;
	const char *name, *root, *shards[FOLLOWED_SHARDS_MAX + 1];
};
int repositories_cut_followed(const char *line, struct followed_line *ret, struct error *err);

/* One of `repository`; the caller frees the name, also after an error; the directory is in the line. */
int repositories_cut_published(const char *line, char **ret_name, const char **ret_dir, struct error *err);

int repositories_open(struct event_base *base, const struct repositories_config *config,
        const struct repositories_handlers *handlers, struct repositories **ret, struct error *err);
struct repositories *repositories_close(struct repositories *r); /* NULL in, NULL out */

/* Whom they are told to from now on; NULL: nobody. Everything is told at once. */
void repositories_set_front(struct repositories *r, struct front *front);
/* It is a new process, which knows nothing. */
void repositories_tell(struct repositories *r);
/* What could not be put into the index can be now. */
void repositories_retry(struct repositories *r);
/* Whether the index's source ("central", "central/debian") is one that we follow. */
bool repositories_owns(const struct repositories *r, const char *source);
/* Somebody needs this ecosystem. */
void repositories_want(struct repositories *r, const char *ecosystem);

/* Somebody below us needs this file. */
void repositories_lend(struct repositories *r, const char *repository, const char *file);

struct metrics;
void repositories_fill_metrics(struct repositories *r, struct metrics *m);
