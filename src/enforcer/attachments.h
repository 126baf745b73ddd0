/* SPDX-License-Identifier: ISC */
/*
 * Attachments: which MAC is at which port, and which addresses are proven behind it. Events of the kernel's
 * own tables and of the enforcement point go in, effects come out; nothing here touches a socket or a clock.
 *
 * The first claim wins. An address stays with the attachment that was first seen to use it, and a MAC with
 * the port where it was first seen, until that attachment is gone: its port lost its carrier, or it was asked
 * and did not answer. Whoever else claims the same meanwhile is refused, and an event says so.
 */
#pragma once

#include "enforcer/drivers/driver.h"

#define ATTACHMENTS_MAX 16384
#define ATTACHMENTS_PER_PORT_MAX 128
#define ATTACHMENT_ADDRESSES_MAX 64 /* as in ipc/messages.def */
#define ATTACHMENTS_ADDRESSES_MAX 65536
#define ATTACHMENT_VERIFY_MS 5000     /* an answer takes three solicitations, a second apart, at most */
#define ATTACHMENT_CONTESTED_MS 60000 /* how long the mark of a refused claim stays */
#define ATTACHMENT_IMPOSTOR_MS 60000  /* how long an impostor is without its segment, after its last claim */
#define ATTACHMENT_EVENT_QUIET_MS 60000 /* the same event again only after this */

struct attachment_address {
	struct ip_address ip;
	uint8_t length;    /* 128, but for a softwire's prefixes */
	time_ms verify_by; /* asked, must answer until then; 0 = not asked */
	time_ms confirmed;
};
struct attachment {
	uint16_t link;
	char port[IFNAMSIZ];
	struct mac_address mac;
	struct attachment_address *addresses;
	size_t n_addresses, capacity;
	time_ms verify_by;       /* as above, for any sign of it */
	time_ms contested_until; /* another attachment claimed one of its addresses and was refused */
	time_ms impostor_until;  /* it claimed what is another's: it has no segment of its own until then */
	struct {
		uint16_t link;
		char port[IFNAMSIZ];
		struct mac_address mac; /* zero: whoever is at the port */
		time_ms until;          /* when its answer says no more; 0: nobody */
	} accused;                      /* of having claimed what is this one's, last */
	bool softwire;        /* a session: there as long as its concentrator says so, nobody is asked */
	char *machine, *user; /* whose session it is; NULL: not a session, or not known yet */
	char *segment;        /* that AAA named for it; "": any */
};

/* A softwire session as its concentrator proved it. */
struct attachment_session {
	const char *port, *machine, *user, *segment;
	struct mac_address mac;
	const struct ip_prefix *prefixes;
	size_t n_prefixes;
};

enum attachment_effect_kind {
	ATTACHMENT_CHANGED = 1, /* attachment is new, or its addresses or its contested mark changed */
	ATTACHMENT_GONE,        /* attachment is about to be forgotten */
	ATTACHMENT_PROBE,       /* ask whether ip still answers at mac */
	ATTACHMENT_REFRESH,     /* read the link's neighbours again */
	ATTACHMENT_EVENT,       /* tell the server: event, text, port, mac */
	ATTACHMENT_PORT_ADDED,
	ATTACHMENT_PORT_REMOVED,
};
struct attachment_effect {
	enum attachment_effect_kind kind;
	const struct attachment *attachment;
	uint16_t link;
	const char *port;
	struct mac_address mac;
	struct ip_address ip;
	const char *event, *text;
};
typedef void (*attachment_effect_fn)(void *context, const struct attachment_effect *e);

enum neighbour_state {
	NEIGHBOUR_KNOWN,     /* has a link-layer address */
	NEIGHBOUR_CONFIRMED, /* has just answered */
	NEIGHBOUR_FAILED,    /* was asked and did not answer */
};

struct attachments;
struct attachments *attachments_new(attachment_effect_fn effect, void *context);
struct attachments *attachments_free(struct attachments *a);

/* A port of the link, with a carrier or without; gone when it left the link. */
void attachments_port(struct attachments *a, uint16_t link, const char *port, bool carrier, time_ms now);
void attachments_port_gone(struct attachments *a, uint16_t link, const char *port, time_ms now);
/* The forwarding table learned, or forgot, mac at port. */
void attachments_forwarding(struct attachments *a, uint16_t link, const char *port,
        const struct mac_address *mac, bool learned, time_ms now);
/* The neighbour table of the link; mac may be NULL with NEIGHBOUR_FAILED. */
void attachments_neighbour(struct attachments *a, uint16_t link, const struct ip_address *ip,
        const struct mac_address *mac, enum neighbour_state state, time_ms now);
/* A probe could not be sent: its silence says nothing. */
void attachments_unasked(struct attachments *a, uint16_t link, const struct ip_address *ip);
void attachments_sighting(struct attachments *a, const struct sighting *s, time_ms now);
/* A session is there with these prefixes and no others. -EINVAL: it cannot be, for the reason in err. */
int attachments_session(struct attachments *a, uint16_t link, const struct attachment_session *s, time_ms now,
        struct error *err);
/* A claim that an earlier run of the enforcer had put into the enforcement point: it counts as the first. */
void attachments_restore(struct attachments *a, const struct element *e, time_ms now);
/* At least once a second. */
void attachments_tick(struct attachments *a, time_ms now);

struct attachment *attachments_find(
        const struct attachments *a, const char *port, const struct mac_address *mac);
/* Who has this address, or a prefix that it is in, on any link; NULL where nobody has, or (link-local) more
 * than one. */
const struct attachment *attachments_find_address(const struct attachments *a, const struct ip_address *ip);
typedef void (*attachment_fn)(void *context, const struct attachment *a);
void attachments_each(const struct attachments *a, attachment_fn fn, void *context);

struct attachments_statistics {
	uint64_t refused_attachments, refused_addresses; /* beyond the limits above */
	uint64_t contested, moved, rogue;                /* claims refused */
	uint64_t impostors;                              /* of them, of somebody who was there */
	size_t attachments, addresses;
};
const struct attachments_statistics *attachments_statistics(const struct attachments *a);
