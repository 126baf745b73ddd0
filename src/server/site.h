/* SPDX-License-Identifier: ISC */
/*
 * The site as the server knows it: nodes, attachments, who is placed where and until when; and every decision
 * about them. No sockets and no clock here: time is an argument, what must be told to others goes out through
 * site_effects, so that whole days of a site run in a unit test.
 *
 * Invariants
 *   - A placement is never better than the last decision (the verdict), and never outlives its expiry; but it
 * is the one that the attachment had, for the same node, or a worse one
 *       - under `mode monitor`, where who has none is in the segment that the mode names,
 *       - for the time that its segment gives after the first verdict that was worse (grace), and
 *       - while the brake holds it, or an operator has dismissed its demotion;
 *     the last two never for a node that is revoked, contested, or whose verdict is an emergency's or a
 * posture's that it did not sign, the brake never for what the node did itself, and the grace never for one
 * that the policy rejects. So nothing but a verdict, or monitor mode, ever makes a placement better.
 *   - A demotion is handed out at once and made durable afterwards; an admission is handed out only once it
 * is durable.
 *   - What is not known counts against the node: no posture, no vulnerability information, no proven
 * attachment.
 *   - A certificate is accepted on one attachment, and only the last one that was issued there.
 */
#pragma once

#include "base/table.h"
#include "crypto/token.h"
#include "crypto/x509.h"
#include "policy/memo.h"
#include "store/store.h"
#include "vuln/journal.h"
#include "vuln/named.h"

#define SITE_NODES_MAX 200000
#define SITE_ATTACHMENTS_MAX 200000
#define SITE_ABSENT_KEEP_MS \
	(24 * 3600 * 1000) /* an attachment that is gone and was not placed is forgotten after */
#define SITE_RETRY_MARGIN_MS \
	60000 /* re-inspection is asked for this long before an expiry, or a quarter of a short lifetime */
#define SITE_EVENT_TEXT_MAX 1023
#define SITE_REFUSALS_PER_SECOND \
	16                           /* events about refusals, which strangers cause; more are counted only \
	                              */
#define SITE_ASSESSMENT_COST_MS 2000 /* a node may begin one assessment in this time, over time, */
#define SITE_AFFIRMATION_COST_MS 50  /* or so many affirmations of what was decided, */
#define SITE_ASSESSMENT_BURST_MS 40000 /* and so much worth of them at once */
#define SITE_LEAVE_MS (5 * 60000)      /* to come again, for a node whose grace has ended */

struct site_counters {
#define COUNTER(name, text) uint64_t name;
#include "server/counters.def"
#undef COUNTER
};

/* Numbers of packages in the site's catalogue. */
struct site_ids {
	uint32_t *ids;
	size_t n, capacity;
};

struct site_node {
	char *name;
	uint8_t thumbprint[32];
	char *serial; /* NULL = not known */
	time_ms first_seen, last_seen;
	bool revoked, pinned; /* pinned: enrolled with that key, and none but it (or previous) is accepted */
	char *revoked_reason;
	time_ms revoked_at;
	uint8_t pin[32], previous[32];   /* previous: of before the last renewal, zeroes = none */
	time_ms valid_from, valid_until; /* of the certificate that it last showed; 0 = not known */
	int warned;                      /* of its end, with so many days left; 0 = not yet */
	char *machine;                   /* the machine id that it reported; NULL = none. In site->machines */
	time_ms doubtful_until; /* its identity is not its own: another host has it, or is the same */
	time_ms inspected;      /* 0 = never */
	bool posture_signed;
	uint8_t posture_digest[32];
	struct posture *posture; /* NULL: none, or in the store */
	bool posture_stored;
	bool is_verified;      /* what the store has is what was inspected */
	unsigned unsettled;    /* turns that have its posture and are not durable yet */
	bool is_unsaved;       /* such a turn was lost: it is in memory alone */
	uint32_t *package_ids; /* numbers in the catalogue, ascending, each once; NULL: not known */
	size_t n_package_ids;
	struct site_ids left;                /* what the disk has of it, and it has not any more */
	struct posture *replaced;            /* the posture before it, until it is judged; NULL = none */
	struct site_attachment *attachments; /* where it is now, linked by next_of_node */
	unsigned connections;                /* that are open; of the program */
	time_ms assessments_until;           /* what it has begun is worth the time until then */
	const char *again;          /* why it waits to be judged again (static); NULL = it does not */
	uint8_t urgency;            /* with which */
	uint32_t number;            /* in site->numbered, for good */
	uint32_t platform;          /* of the memo; POLICY_MEMO_NO_PLATFORM: not known */
	struct policy_facts *facts; /* what the policy found in its posture; NULL: not known */
	bool has_named;             /* what follows is what its posture says (named.h) */
	struct vuln_named_list named;
	uint64_t *named_serials; /* under which each is counted; 0 = there was no room */
};

/* Where a node is put by one decision. */
struct site_placement {
	char segment[64]; /* "" = never placed: the default */
	bool compliant, rejected;
	time_ms expires; /* 0 = not placed */
	uint64_t generation;
	char certificate[37]; /* id of the one that is accepted; "" = none */
	uint8_t certificate_digest[32];
	/* In memory only; zeroes after a start. */
	uint8_t certificate_seal[32]; /* site_seal_certificate() */
	uint64_t policy_fingerprint, advisory_generation;
};

/* What stands between an attachment's last verdict and its placement (keep.c). */
enum site_kept { SITE_NOT_KEPT, SITE_KEPT_MONITOR, SITE_KEPT_GRACE, SITE_KEPT_BRAKE, SITE_KEPT_DISMISSED };
struct site_keep {
	enum site_kept by;       /* why the placement is not the verdict */
	time_ms until;           /* when that is looked at again; 0 = when something else changes */
	char verdict[64];        /* the segment that was decided; "": the placement's */
	char cause[24];          /* what led to it */
	time_ms worse_since;     /* since when the verdict is worse than the placement; 0 = it is not */
	time_ms held_since;      /* by the brake; 0 = not */
	time_ms dismissed_until; /* by an operator; 0 = not */
	char ordered_by[64];     /* who released or dismissed it; "" = nobody */
	bool released;           /* an operator lets it go past the brake */
	bool own;                /* the node's own doing, so the brake does not hold it */
	bool resting;            /* placed without a verdict: by monitor mode, or by an order against it */
	bool stored;
};
/* "monitor", "grace", "brake", "dismissed"; NULL = it is not kept. */
const char *site_kept_name(enum site_kept by);

struct site_attachment {
	char *enforcement_point, *port;
	struct mac_address mac;
	struct ip_address addresses[STORE_ADDRESSES_MAX];
	size_t n_addresses;
	/* Of a softwire session, as its concentrator proved it; NULL: it is none. */
	struct ip_prefix *prefixes;
	size_t n_prefixes;
	char *machine, *user, *segment; /* segment: that AAA named; "" = any */
	bool present, contested;
	time_ms first_seen, last_seen;
	struct site_node *node; /* NULL: nobody presented itself */
	struct site_attachment *next_of_node;
	/* decided: what became of the last decision. handed: what enforcement points may be told: the same,
	 * once it is durable. */
	struct site_placement decided, handed;
	struct site_keep keep;
	uint64_t findings_hash;  /* of the last decision's findings; 0 = not known */
	time_ms next_inspection; /* 0 = none planned */
	bool retry_asked;
	uint8_t retry_waits;  /* to be asked at the policy's pace: enum retry_class + 1; 0 = it does not */
	uint8_t retry_places; /* the queues that point to it, also where it does not wait there any more; bits
	                       */
	unsigned round;       /* in which it was inspected, or asked to be */
	unsigned pending;     /* who waits for the turn with a pointer to it */
	bool unsaved;         /* what was handed out is not on the disk yet */
	bool listed;          /* while a whole list of attachments is taken in */
	void *session;        /* the open connection that was proven to be here; of the program */
	/* What a signed posture said here last, and the attachment of the same node that this denies. */
	char *machine_id;
	struct site_attachment *denies;
};

struct site_effects {
	/* The desired placement changed: send it to its enforcement point. urgent: a demotion, before
	 * anything else. */
	void (*place)(void *context, struct site_attachment *a, bool urgent);
	/* Ask the node to be inspected again on the connection that is open there. */
	void (*retry)(void *context, struct site_attachment *a);
	/* The certificate of the attachment does not hold any more, or the node was revoked: end its
	 * connection. */
	void (*disconnect)(void *context, struct site_attachment *a);
	/* An event was made durable. */
	void (*event)(void *context, const struct store_event *e);
	/* Wants site_work() soon: there are nodes to judge again. */
	void (*work)(void *context);
	/* A node has reported this, or had before the start; what its packages need may not be in the index.
	 * May be NULL. */
	void (*reported)(void *context, const struct posture *posture);
};

/* What is left of a pace. */
struct site_pace {
	time_ms counted; /* the time that it has not used yet was counted until then */
	int64_t left;    /* how many may be now */
};

struct site {
	struct store *store; /* not owned */
	struct policy *policy;
	struct vuln_index *index; /* NULL = none */
	EVP_PKEY *token_key;      /* not owned; signs quarantine certificates */
	char name[256];           /* the server's, issuer of certificates */
	struct site_effects effects;
	void *context;
	struct site_counters counters;
	struct table *nodes;       /* by name */
	struct table *attachments; /* by enforcement point, port and MAC */
	struct table *revoked_serials;
	struct table *machines;              /* machine id -> the node that reported it last */
	struct posture_catalogue *catalogue; /* of all packages that nodes have */
	struct site_ids fresh;               /* packages that this turn stores */
	bool postures_unsaved;
	time_ms last_expiry_look;
	struct brake *brake;
	time_ms ticked;           /* waivers that ended until then were seen */
	struct policy_memo *memo; /* what packages meet in the advisories */
	struct reverse *reverse;  /* which nodes have a package */
	uint64_t packages_gone;   /* numbers that are nobody's, or another package's, since */
	struct site_node **numbered;
	size_t n_numbered, numbered_capacity;
	struct again *again;       /* who waits to be judged again */
	struct changes *changes;   /* advisories that changed, until it is known whom they move */
	struct judged *judged;     /* what all nodes were judged by, over a start */
	struct retries *retries;   /* who is to be asked to come again */
	struct vuln_moment moment; /* of the index: all changes until then were looked at, or wait */
	uint64_t program;          /* what judges: another number may judge otherwise; 0 = not known */
	bool is_starting;          /* nobody is judged before site_start() */
	bool start_waits;          /* nodes wait that the start wants judged */
	bool is_leisure;    /* a node is judged that is known to be judged: the same again is no decision */
	uint64_t freshness; /* policy_freshness() when it was last looked at */
	unsigned round;     /* of inspections that a change of the advisories asks of everybody */
	struct site_pace round_pace;
	struct named *named; /* sources that nodes name */
	time_ms last_prune;
	time_ms refusal_second;
	unsigned refusals_now;
};

/* What a decision came to, for whoever asked. */
struct site_outcome {
	struct policy_decision decision; /* of the policy, without the segment; the rest says what was made of
	                                  * it */
	uint64_t generation;
	struct site_attachment *attachment; /* NULL: no proven attachment, no placement */
	char segment[64];                   /* where it is put */
	int level;
	char would_be[64]; /* the verdict, where it is another segment; else "" */
	enum site_kept kept_by;
	time_ms kept_until; /* 0 = no end is known */
	bool compliant, rejected;
	bool has_posture;                 /* it was inspected */
	bool unsigned_posture;            /* so it is not compliant whatever the policy says */
	time_ms expires, next_inspection; /* 0 without a placement */
	char *certificate;                /* JWT; NULL where none is given */
	const char *note;                 /* why there is no placement; NULL where there is one */
};

/* Reads the store. policy is taken over. */
int site_open(struct store *store, struct policy *policy, EVP_PKEY *token_key, const char *name,
        const struct site_effects *effects, void *context, struct site **ret, struct error *err);
/* NULL in, NULL out; frees the policy and closes the index. The store is closed before. */
struct site *site_close(struct site *site);

/* ---- who and where (site.c) ---- */

struct site_node *site_find_node(struct site *site, const char *name);
/* Finds or makes; NULL above SITE_NODES_MAX. Notes key and serial; the caller has checked the certificate. */
struct site_node *site_see_node(
        struct site *site, const char *name, const uint8_t thumbprint[32], const char *serial, time_ms now);
struct site_attachment *site_find_attachment(
        struct site *site, const char *enforcement_point, const char *port, const struct mac_address *mac);
/* Finds or makes; NULL above SITE_ATTACHMENTS_MAX. */
struct site_attachment *site_see_attachment(struct site *site, const char *enforcement_point,
        const char *port, const struct mac_address *mac, time_ms now);
void site_set_addresses(struct site_attachment *a, const struct ip_address *addresses, size_t n);
struct site_session {
	const char *machine, *user, *segment;
	const struct ip_prefix *prefixes;
	size_t n_prefixes;
};
/* It is a softwire session: of this machine (its IKE identity; "" = not known) and user, with these prefixes.
 * A node that was placed there and is another one is not any more. */
void site_set_session(
        struct site *site, struct site_attachment *a, const struct site_session *session, time_ms now);
/* Whether this node may be the one at a: a softwire session is its machine's. */
bool site_may_be_at(const struct site_attachment *a, const struct site_node *node);
/* The enforcement point sees it, or not any more. One that is gone is not placed until its node presents
 * itself again: it may not be the same that comes back. Its certificate stays good for that. */
void site_set_present(struct site *site, struct site_attachment *a, bool present, time_ms now);
/* Says who is there; the node that was there before is not any more. */
void site_bind(struct site *site, struct site_attachment *a, struct site_node *node);
/* Forgets one that is gone and not placed. */
void site_forget_attachment(struct site *site, struct site_attachment *a);
/* Writes both to the store, into the turn. */
void site_save_node(struct site *site, const struct site_node *node);
void site_save_attachment(struct site *site, const struct site_attachment *a);
/* The segment of everything that is placed nowhere: the default, or that of `mode monitor`. */
const struct policy_segment *site_floor(const struct site *site);
/* The segment that a placement means now: the floor unless it is not expired and its segment is in the
 * policy. */
const struct policy_segment *site_segment(
        const struct site *site, const struct site_placement *p, time_ms now);

/* ---- events (site.c) ---- */

void site_note(struct site *site, time_ms now, const char *kind, const struct site_node *node,
        const struct site_attachment *a, const char *format, ...) PRINTF_LIKE(6, 7);

/* The same about something that was refused, of which there may be very many. node may be NULL. */
void site_note_refusal(struct site *site, time_ms now, const char *kind, const struct site_node *node,
        const char *format, ...) PRINTF_LIKE(5, 6);

/* ---- which packages (package_keys.c) ---- */

/* What an advisory may name a package by, as a number: case and separators do not count. Different names may
 * share one, which costs a look and nothing else. */
uint32_t site_package_key(const char *name);

/* ---- who it is (identity.c) ---- */

/* -EACCES with the reason where a certificate of this name, key and serial must be refused. */
int site_check_identity(struct site *site, const char *name, const uint8_t thumbprint[32], const char *serial,
        struct error *err);
/* -EEXIST with the reason where the name is somebody's who has a key, which a token must not take from him
 * unless it was made to. */
int site_may_enrol(struct site *site, const char *name, bool replaces, struct error *err);
/* A certificate was issued: by a token (old NULL), which makes a revoked name good again, or as renewal of
 * old. From now on the name has this key alone; until it is seen, the one before a renewal too, since the
 * answer may have been lost. Whom the key was taken from is out at once; ret_taken (may be NULL) has the
 * serial of his certificate then, or "". -EACCES for the key of a revoked certificate. */
int site_enrolled(struct site *site, const struct identity *who, const struct identity *old, time_ms now,
        char ret_taken[41], struct error *err);
/* Whether a certificate for this key is for the node's: its own, or that of before a renewal. */
bool site_is_key_of(const struct site_node *node, const uint8_t thumbprint[32]);
/* The node's posture was just taken, and judged, at a: whether its machine is another than that which has the
 * same identity elsewhere at this moment, or is another identity's too. Both raise an event and make the node
 * doubtful, but not before the other one was asked again and said the same: a host that has moved does not.
 */
#define SITE_DOUBT_MS (3600 * 1000)
void site_observe(struct site *site, struct site_node *node, struct site_attachment *a, time_ms now);
/* The attachment is its node's no more. */
void site_forget_observation(struct site_attachment *a);
/* An event for each node whose certificate is near its end, and for each that it has ended for. */
#define SITE_EXPIRY_LOOK_MS 10000
void site_look_at_expiry(struct site *site, time_ms now);

/* ---- judging (evaluate.c, judge.c) ---- */

/* What the policy says of the node at a (NULL: anywhere), by what is stored of it. Whether it was inspected.
 */
bool site_evaluate(struct site *site, struct site_node *node, const struct site_attachment *a,
        enum tristate unique, time_ms now, struct policy_decision *ret);

/* Whether the node may begin an assessment of its own accord; one that begins too many is counted and
 * refused. */
bool site_may_begin(struct site *site, struct site_node *node, time_ms now);

/* A posture and what follows from it alone. */
struct site_posture {
	struct posture *posture;
	char *text; /* for the store; NULL above STORE_POSTURE_MAX */
	size_t text_length;
	uint8_t *packed; /* its packages, for the store; NULL: they are in the text */
	size_t packed_length;
	uint32_t *package_ids;
	size_t n_package_ids;
	struct vuln_named_list named;
	uint8_t digest[32];
};
/* Takes posture over; its packages get numbers. Touches nothing else, so that any thread may do it. */
struct site_posture *site_posture_new(struct posture_catalogue *catalogue, struct posture *posture);
struct site_posture *site_posture_free(struct site_posture *p); /* NULL in, NULL out */
/* Takes over a posture that was just inspected, also on failure; makes it the node's and stores it. -E2BIG
 * above STORE_POSTURE_MAX: the node keeps the posture it had. */
int site_take_posture(struct site *site, struct site_node *node, struct site_posture *inspected,
        bool is_signed, time_ms now);
/* The node's posture, read from the store where it has to be; NULL where there is none, or none that can be
 * read, which is noted and makes a node of which none is stored. Until site_release_posture(). */
const struct posture *site_node_posture(struct site *site, struct site_node *node);
/* It need not stay in memory: it is in the store. */
void site_release_posture(struct site_node *node);
/* At the start, when the nodes are known: what the store has of packages, and who has them. */
int site_restore_packages(struct site *site, struct error *err);
/* The turn is durable, or lost (negative), and who waits for it will be told. */
void site_end_packages(struct site *site, int result);
/* What a lost turn had is stored again; packages that nobody has any more go. */
void site_tick_postures(struct site *site);
/* The node has just presented itself, with a posture that was taken over or with a certificate that was
 * accepted: judges it at an attachment (NULL: none is proven) and carries the decision out: recorded,
 * certified, placed. cause is static. nonce: of the inspection (32 bytes); NULL = zeroes. */
void site_judge(struct site *site, struct site_node *node, struct site_attachment *a, const char *cause,
        const uint8_t *nonce, time_ms now, struct site_outcome *ret);
/* Judges the stored posture because something else moved. The placement's expiry stays what the last
 * inspection made it; where the judgement is the same nothing happens, else the certificate ends and the node
 * is asked to come again. */
void site_judge_again(struct site *site, struct site_node *node, const char *cause, time_ms now);
/* The node has presented a certificate that was accepted. Where the last decision stands as it is (nothing
 * moved since that could change it, it found nothing, it is in force, and half the time until the next
 * inspection is still to come) there is nothing to judge, to store or to place: ret says so, with the same
 * certificate, and it is true. Else false, and the node is judged. */
bool site_affirm(struct site *site, struct site_node *node, struct site_attachment *a, const char *token,
        time_ms now, struct site_outcome *ret);
/* Of a decision's findings, as they are stored. */
uint64_t site_findings_hash(const char *text);
void site_outcome_clear(struct site_outcome *o);
/* Takes a new placement over, and sees that it is handed out in the right order. */
void site_place(
        struct site *site, struct site_attachment *a, const struct site_placement *placement, time_ms now);
/* A loss of rights, as demotions are: not to a better segment, and not from the default. */
bool site_is_demotion(const struct policy_segment *from, const struct policy_segment *to);
/* Puts the attachment into the default segment at once; under monitor mode it stays as who was not judged. */
void site_drop(struct site *site, struct site_attachment *a, const char *cause, const char *why, time_ms now);

/* ---- the brake (brake.c) ---- */

/* Lets the demotions that the brake holds, or that were dismissed, go on, of this node (NULL: all). Durable
 * with the turn; the nodes are judged again at once (site_work()). Returns how many attachments. */
size_t site_release(struct site *site, const char *node, const char *who, time_ms now);
/* Keeps what the brake holds where it is for as long as the policy lets the brake hold, without asking again.
 */
size_t site_dismiss(struct site *site, const char *node, const char *who, time_ms now);
size_t site_held(const struct site *site);

/* ---- telling nodes (retry.c) ---- */

/* Asks the node that is there to be inspected again, at once. */
void site_ask(struct site *site, struct site_attachment *a);
/* The node's connection there has ended; what it was asked for and has not done it is asked for again. */
void site_end_session(struct site *site, struct site_attachment *a);
/* Attachments whose nodes will be asked when their turn comes. */
size_t site_retries_waiting(const struct site *site);

/* ---- certificates (accept.c) ---- */

/* SHA-256 over a certificate that was just issued and the key of its node: who shows the very same bytes with
 * the same key has shown one that is ours, whose signature was good. */
void site_seal_certificate(const struct site_node *node, const char *token, uint8_t ret[32]);

enum site_acceptance { SITE_ACCEPTED = 0, SITE_REFUSED };
/* Whether what the node presents can stand in for a whole inspection: the certificate is ours, unexpired, of
 * this key and this attachment, the last one issued there, and the posture is the one that is stored. why
 * (static) says what is not so. Whether policy and advisories moved does not matter: the stored posture is
 * judged again in any case. */
enum site_acceptance site_accept(struct site *site, const struct site_node *node,
        const struct site_attachment *a, const char *token, const uint8_t digest[32], bool is_signed,
        time_ms now, const char **why);

/* ---- time and change (schedule.c) ---- */

/* Everything that is due: expiries, re-inspections, pruning. Call about once a second. */
void site_tick(struct site *site, time_ms now);
/* ---- judging again (again.c, changes.c) ---- */

/* Takes at most so many steps of what waits, each a node or a few hundred packages; true while more is
 * waiting. First what changed is looked up, then nodes are judged: the most urgent first, and those that get
 * better last. */
bool site_work(struct site *site, time_ms now, size_t most);
/* Nodes that wait to be judged again. */
size_t site_waiting(const struct site *site);
/* The node is judged again by site_work(). cause is static. */
void site_judge_soon(struct site *site, struct site_node *node, const char *cause);
/* Vulnerability information changed: packages of these names, or all of it, are looked up again, and who has
 * one that meets something else now is judged. */
struct site_key {
	const char *ecosystem, *package;
};
void site_advisories_changed(struct site *site, const struct site_key *keys, size_t n, bool all, time_ms now);
/* The index went on: what its journal says has changed is looked up again. */
void site_index_moved(struct site *site, time_ms now);
/* The program runs: policy and index are what they are. Nodes whose answer may have changed since they were
 * judged last are judged again (site_work()), and the others at leisure; without knowledge of what they were
 * judged by, every node. */
void site_start(struct site *site, time_ms now);
/* Judges at most so many of the others, while nobody waits; true while there are more. */
bool site_leisure(struct site *site, time_ms now, size_t most);
/* Whether the node was judged since the start. */
bool judged_is_since_start(const struct site *site, const struct site_node *node);
/* Every node is judged again (site_work()): all may have changed. */
void site_judge_all(struct site *site, const char *cause);
/* Takes the policy over; every node is judged again (site_work()). */
void site_set_policy(struct site *site, struct policy *policy, time_ms now);
/* Takes the index over (NULL: there is none any more); every node is judged again. */
void site_set_index(struct site *site, struct vuln_index *index, time_ms now);
/* Everywhere to the default segment at once, refused from now on. Returns how many connections end. */
size_t site_revoke(struct site *site, struct site_node *node, const char *reason, time_ms now);
