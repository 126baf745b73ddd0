/* SPDX-License-Identifier: ISC */
/*
 * The enforcer put together: the kernel's tables and the driver on one side, the server on the other,
 * attachments and desired state between them.
 */
#pragma once

#include "enforcer/conntrack.h"
#include "enforcer/desired.h"
#include "enforcer/kernel.h"
#include "enforcer/marks.h"
#include "enforcer/options.h"
#include "enforcer/proofs.h"
#include "enforcer/session.h"
#include "enforcer/softwires.h"
#include "enforcer/state.h"
#include "enforcer/ways.h"

#define ENFORCER_QUESTIONS_MAX 256 /* WHO that wait for an answer */
#define ENFORCER_PROBES_MAX 1024   /* that wait for their turn */
#define ENFORCER_WHO_MS 900        /* to find out who has an address */
#define ENFORCER_FORGET_MAX 512    /* entries of silent addresses that wait to be taken out */
#define ENFORCER_WANTED_MS 5000    /* longer than an address stands in the sets of what is wanted */
#define ENFORCER_WANTED_SHARE 5    /* reading what is wanted takes a fifth of the time at most */

struct enforcer_question {
	uint32_t request;
	struct ip_address ip;
	time_ms until; /* monotonic */
};
struct enforcer_probe {
	uint16_t link;
	struct ip_address ip;
	struct mac_address mac;
};

struct enforcer {
	const struct options *options;
	struct links links;
	char *state_path;
	struct event_base *base;
	struct driver *driver;
	struct attachments *attachments;
	struct desired *desired;
	struct kernel *kernel;
	struct conntrack *conntrack;
	struct ways *ways;
	struct tls_context *tls;
	struct session *session;
	struct softwires *softwires;
	struct event *kernel_event, *conntrack_event, *tick, *who_timer, *save_timer, *counters_timer;
	struct event *wake_event, *wanted_timer;
	int wake_fd;

	/* What effects ask for, done when the event that caused them is through. */
	struct enforcer_probe probes[ENFORCER_PROBES_MAX];
	size_t n_probes;
	bool refresh, reload, started;
	struct proofs *proofs;
	struct enforcer_probe forget[ENFORCER_FORGET_MAX];
	size_t n_forget;
	uint64_t refused_proofs; /* that were told of */
	time_ms wanted_until;    /* monotonic: so long there may be something that nobody was woken for */
	size_t wanted_start;     /* where to begin among what is wanted, so that each has its turn */
	struct table *changed;   /* "port" and MAC of attachments that the server has to hear of */
	struct enforcer_question questions[ENFORCER_QUESTIONS_MAX];
	size_t n_questions;

	time_ms last_cleaning;   /* of connections; monotonic */
	time_ms last_floor;      /* monotonic */
	time_ms last_floor_wall; /* until when admissions were known to be current */
	bool away;
	uint64_t life; /* of this process: another one's connection is not ours */
	uint64_t policies_refused, placements_refused;
	struct marks marks;  /* the server's and ours */
	bool dismissed_told; /* that the server does not serve us: once */
	bool lost_told;      /* that the server is not reached: once */
	int lock;            /* the state directory; no two daemons keep one state */
};

/* Everything that needs root; nothing in the kernel is touched yet. */
int enforcer_open(
        struct enforcer *e, const struct options *options, const struct links *links, struct error *err);
/* The rules in force, the kernel's tables read, events followed, the server called. */
int enforcer_start(struct enforcer *e, struct error *err);
/* Leaves everything in the kernel as it is. */
void enforcer_close(struct enforcer *e);

/* ---- within the room ---- */

/* Does what waits: probes, dumps, the commit, and telling the server. */
void enforcer_settle(struct enforcer *e);
/* desired_commit(), in a hurry where it is short. */
int enforcer_commit(struct enforcer *e, refusal_fn refused, void *context, struct error *err);
/* prove.c: addresses that packets asked for. */
int enforcer_follow_wanted(struct enforcer *e, struct error *err);
void enforcer_begin_wanted(struct enforcer *e);
void enforcer_end_wanted(struct enforcer *e);
/* A neighbour answered (mac) or did not (NULL). */
void enforcer_proof_heard(
        struct enforcer *e, uint16_t link, const struct ip_address *ip, const struct mac_address *mac);
/* Takes out the entries of those that did not. */
void enforcer_forget_silent(struct enforcer *e);
void enforcer_tick_proofs(struct enforcer *e);
/* server.c: messages from and to the server. */
int enforcer_take_message(void *context, const struct ipc_message *m, struct error *err);
void enforcer_greet(void *context, const char *peer);
void enforcer_lost(void *context, const char *reason);
void enforcer_tell(struct enforcer *e, const char *kind, const char *text, const char *port,
        const struct mac_address *mac);
void enforcer_report_attachments(struct enforcer *e);
void enforcer_answer_questions(struct enforcer *e, time_ms now);
/* counters.c: at least every ten seconds, which also tells that we live. */
void enforcer_report_counters(struct enforcer *e);
void enforcer_send(struct enforcer *e, enum ipc_number number, const void *body);
/* What is in force, for the next start. */
void enforcer_save(struct enforcer *e);
void enforcer_save_soon(struct enforcer *e);
