/* SPDX-License-Identifier: ISC */
/*
 * Loading sources beside the event loop. A few loaders, processes that do nothing themselves, start one
 * process a load: it fetches, verifies, reads and commits, and ends; so that what strangers' bytes do to it,
 * or how much memory they make it take, is over with it. One that crashes has failed, like one that says so.
 *
 *   pratique-vis ─┬─ front's keeper ─ front
 *                 ├─ loader ─ load of a source
 *                 └─ loader ─ load of another ─ prover ─ gpgv
 *
 * A load may read, write and connect, and run no program. What has to be signed is shown to gpgv by a prover
 * of the load's own, which may do that and neither write nor connect, and so may gpgv.
 *
 * The index has one writer at a time. A load asks before it commits, and pratique-vis commits nothing while
 * one does (loaders_committing()), so that its loop never waits for the writer's lock. What is pushed or put
 * into the folder is for now, a load of many thousand records takes seconds: it gives way (loaders_hurry()),
 * to begin its commit anew when that is done, and insists only when it has done so for LOADER_WAY_MS.
 */
#pragma once

#include "ipc/ipc.h"
#include "vis/vis.h"

#define LOADERS 2
#define LOADER_SECONDS_MAX 3600 /* for one load, of processor time */
#define LOADER_MEMORY_MAX ((uint64_t)8 << 30)
#define LOADER_WAY_MS 600000   /* the way_ms of a load */
#define LOADER_WAY_FIRST_MS 50 /* that it waits after it gave way, doubled each time up to */
#define LOADER_WAY_LAST_MS 3200
#define LOADER_AGAIN_FIRST_MS 10000 /* after a failure, doubled each time up to the source's own interval */

struct loaders;
struct loaders_counters {
	uint64_t loads, failures, crashes,
	        given_way; /* the last: how often a commit was given up for others */
};

/* Before the index is opened and before the sandbox. on_loaded: a load has ended; on_free: nobody
 * commits, until it returns; on_none: the last loader has gone, and nothing will be loaded. config stays. */
struct loaders_handlers {
	void (*on_loaded)(const struct ipc_loaded *l, void *user);
	void (*on_free)(void *user);
	void (*on_none)(void *user);
};
int loaders_start(struct event_base *base, const struct vis_config *config,
        const struct loaders_handlers *handlers, void *user, struct loaders **ret, struct error *err);
struct loaders *loaders_stop(struct loaders *l); /* NULL in, NULL out; what is under way is given up */
/* This source, as soon as a loader is idle; nothing where it waits or is being loaded already. */
void loaders_load(struct loaders *l, size_t source);
bool loaders_busy(const struct loaders *l);       /* a load waits or is under way */
bool loaders_committing(const struct loaders *l); /* one has the index; on_free follows */
/* Somebody waits for the index: on_free follows soon. */
void loaders_hurry(struct loaders *l);
/* What a load of this source came to. */
void loaders_log(const char *name, const struct ipc_loaded *l);
const struct loaders_counters *loaders_counters(const struct loaders *l);

/* The whole of one load, in a process of its own (load_job.c): ask is called before the commit, and again
 * where that was given up because hurry said so. */
struct load_job {
	const struct vis_config *config;
	size_t source;
	int prover; /* the socket of who runs gpgv (vuln/proof.h); 0: nobody */
	int (*ask)(const struct load_job *job, void *context);
	/* Whether somebody waits, or comes within so many milliseconds. May be NULL. */
	bool (*hurry)(int wait_ms, void *context);
	void *context;
	int64_t way_ms; /* after its first try it gives way no more */
};
/* Asks, commits and takes what became of it into ret; for what a load is made of. */
int load_job_commit(
        const struct load_job *job, struct vuln_update *u, struct ipc_loaded *ret, struct error *err);
/* A source that is a signed repository (load_repository.c): a round of its follower. */
int load_job_follow(
        const struct load_job *job, struct vuln_update *u, struct ipc_loaded *ret, struct error *err);
/* ret is filled in every case; its strings and lists are the caller's to free by load_job_clear(). */
void load_job_run(const struct load_job *job, struct ipc_loaded *ret);
void load_job_clear(struct ipc_loaded *l);
