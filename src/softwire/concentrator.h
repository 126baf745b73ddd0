/* SPDX-License-Identifier: ISC */
/*
 * The concentrator's half of control: LNS, authenticator, router and DHCPv6 server of every session.
 *
 *   concentrator.c    the role: tunnels, sessions, associations
 *   router.c          the link's own IPv6: router discovery and DHCPv6
 *   admission.c       who a peer is, whether it may, what it gets: AAA, binding, pools, and who replaces whom
 *   account.c         counters, accounting, timeouts, what AAA orders later
 *   restore.c         checkpoint records, and sessions from them
 *
 * One identity (machine and user) has one session; a later one of the same replaces the earlier and takes
 * over addresses, prefixes and port name, so that a roam is no new attachment.
 */
#pragma once

#include "net/workers.h"
#include "softwire/binding.h"
#include "softwire/enforcer_link.h"
#include "softwire/session.h"

#define CONCENTRATOR_COUNT_MS 5000      /* between two readings of all counters */
#define CONCENTRATOR_NOTE_MS 60000      /* between two that accounting remembers for the time after a crash */
#define CONCENTRATOR_LAST_COUNT_MS 1000 /* for the last counters of a session that has ended */
#define CONCENTRATOR_COMMIT_MS 50       /* leases wait so long for one sync */
#define CONCENTRATOR_INTERFACE_ID \
	{ \
		0, 0, 0, 0, 0, 0, 0, 1 \
	}

/* The leases' journal on its way to the disk. */
struct lease_sync {
	struct work work;
	struct control *control;
	bool is_under_way;
	int fd, error;
};

struct concentrator {
	struct workers *disk; /* threads that wait for it, so that no HELLO does */
	struct lease_sync lease_sync;
	struct aaa *aaa; /* NULL: anonymous, and nobody to account to */
	struct pools *pools;
	struct binding *binding;
	struct enforcer_link *enforcer;
	struct dhcp6_duid duid;
	struct ppp_callbacks callbacks;
	struct ppp_config ppp;
	struct ppp_counters ppp_counters;
	struct nd_counters nd;
	struct dhcp6_counters dhcp6;
	char *password;               /* ours, towards peers that ask (mutual CHAP) */
	struct table *identities;     /* -> the session of an identity */
	struct table *ports;          /* port name -> session */
	struct table *counting;       /* request -> session that has ended */
	struct table *segments;       /* interned names */
	uint32_t *tunnel_association; /* of each tunnel id; 0: none */
	uint32_t last_request;
	struct event *count_event, *commit_event;
	time_ms noted;
	bool is_flushing;
};

/* admission.c */
void admission_authenticate(void *context, const struct ppp_auth_request *request);
void admission_network(void *context, enum ppp_method method, const char *user);
/* Puts a session with its identity and assignment into the tables; an older one of the same is ended. */
void admission_enter(struct session *s, time_ms now);
void admission_leave(struct session *s);
struct pool_holder admission_holder(const struct session *s);

/* concentrator.c */
void concentrator_session_run(struct session *s, time_ms now);
/* Ends a session: its link says goodbye first, unless that is over. text: why, for people; may be NULL. */
void concentrator_end(struct session *s, enum ppp_end end, const char *text, time_ms now);
const struct ppp_parameters *concentrator_parameters(const struct session *s, struct ppp_parameters *ret);
struct session *concentrator_find(struct control *c, const char *id); /* by port name, or "TUNNEL/SESSION" */

/* router.c */
/* What the session's router says of itself; prefixes has room for ND_PREFIXES_MAX and is pointed at. */
const struct nd_router_config *router_config(
        struct session *s, struct nd_router_config *ret, struct nd_prefix *prefixes);
/* The last advertisement: the link is about to go. */
void router_cease(struct session *s);
void router_receive(struct session *s, const uint8_t *packet, size_t length, time_ms now);

/* account.c */
int account_open(struct control *c, struct error *err);
void account_close(struct control *c);
void account_start(struct session *s);
/* The session is gone; its last counters are asked for, then the account is stopped and s freed. */
void account_end(struct session *s, time_ms now);
/* They did not come. */
void account_give_up(struct session *s);
void account_counted(struct control *c, const struct ipc_counted *m);
/* Session-Timeout and Idle-Timeout: PPP_N_ENDS, or why it is to end now. */
enum ppp_end account_expired(const struct session *s, time_ms now);
/* When account_expired() wants to be asked. */
time_ms account_due(const struct session *s);
aaa_usage_fn account_on_usage;
void account_addresses(const struct session *s, struct aaa_addresses *ret, struct ip_address ret_addresses[]);
void account_flush(struct control *c);

/* restore.c */
void restore_write(struct session *s, time_ms now); /* after whatever changed */
void restore_all(struct control *c, time_ms now);
