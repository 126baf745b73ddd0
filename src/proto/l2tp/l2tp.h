/* SPDX-License-Identifier: ISC */
/*
 * L2TPv2 (RFC 2661) as softwires use it (RFC 5571, 5619, 3193): the control connections and sessions of one
 * endpoint, in either role. The initiator opens a voluntary tunnel and is its LAC; the concentrator is the
 * LNS. Sans-I/O: packets, time and randomness come in, packets and events go out by callbacks.
 *
 * Callbacks may call any function of this header except l2tp_endpoint_free(). What they do is sent before the
 * outermost call returns. Pointers given to a callback are valid during it only.
 *
 * Tunnels and sessions are named by our own ids, which are random and never 0. An id is not used again before
 * the drain period after its tunnel has ended.
 *
 * A tunnel belongs to one association for life. A packet for it from another one is refused and counted, as
 * is one from another address where the association is 0 (clear text): a session cannot be taken over by
 * guessing its ids. An answer comes from the address that was asked (draft 3.5.4).
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"

#define L2TP_PORT 1701
#define L2TP_PACKET_MAX 4096   /* control messages; a longer one is refused */
#define L2TP_NAME_MAX 255      /* host and vendor names that are kept; longer ones are cut */
#define L2TP_MESSAGE_MAX 255   /* of the text in a Result Code */
#define L2TP_SECRET_MAX 128    /* bytes */
#define L2TP_RECORD_MAX 300    /* bytes of l2tp_tunnel_export() */
#define L2TP_SESSIONS_MAX 8    /* in one tunnel, whatever the limits say */
#define L2TP_WINDOW_MAX 32     /* control messages held or in flight */
#define L2TP_QUEUE_MAX 64      /* control messages of one tunnel that wait for the peer */
#define L2TP_TUNNELS_MAX 50000 /* ids are 16 bits wide, and half-open and draining tunnels have one, too */
#define L2TP_HALF_OPEN_MAX 4096
#define L2TP_DRAINING_MAX 4096
#define L2TP_RETRANSMISSIONS_MAX 20

struct l2tp_path {
	uint32_t association; /* 0: clear text */
	struct ip_address local, remote;
	uint16_t local_port, remote_port;
};

/* RFC 2661 4.4.2, in StopCCN */
enum l2tp_stop_result {
	L2TP_STOP_REQUEST = 1, /* general request to clear */
	L2TP_STOP_ERROR = 2,   /* see enum l2tp_error */
	L2TP_STOP_EXISTS = 3,
	L2TP_STOP_NOT_AUTHORIZED = 4,
	L2TP_STOP_VERSION = 5, /* the error is the highest version that is supported */
	L2TP_STOP_SHUTDOWN = 6,
	L2TP_STOP_FSM = 7,
};
/* in CDN */
enum l2tp_cdn_result {
	L2TP_CDN_CARRIER_LOST = 1,
	L2TP_CDN_ERROR = 2, /* see enum l2tp_error */
	L2TP_CDN_ADMINISTRATIVE = 3,
	L2TP_CDN_NO_FACILITIES_NOW = 4,
	L2TP_CDN_NO_FACILITIES = 5, /* ever */
	L2TP_CDN_INVALID_DESTINATION = 6,
	L2TP_CDN_NO_CARRIER = 7,
	L2TP_CDN_BUSY = 8,
	L2TP_CDN_NO_DIAL_TONE = 9,
	L2TP_CDN_TIMEOUT = 10,
	L2TP_CDN_NO_FRAMING = 11,
};
/* general error codes */
enum l2tp_error {
	L2TP_E_NONE = 0,
	L2TP_E_NO_CONNECTION = 1,
	L2TP_E_LENGTH = 2,
	L2TP_E_VALUE = 3,
	L2TP_E_RESOURCES = 4,
	L2TP_E_SESSION_ID = 5,
	L2TP_E_VENDOR = 6,
	L2TP_E_TRY_ANOTHER = 7,
	L2TP_E_UNKNOWN_MANDATORY = 8,
};

/* How a tunnel or session ended, and whose word it is. */
enum l2tp_cause {
	L2TP_CAUSE_LOCAL,       /* our own call, or our refusal of what the peer sent */
	L2TP_CAUSE_PEER,        /* StopCCN or CDN came */
	L2TP_CAUSE_SILENCE,     /* the peer did not answer: retransmissions are used up */
	L2TP_CAUSE_TUNNEL,      /* session only: its tunnel ended */
	L2TP_CAUSE_ASSOCIATION, /* l2tp_association_ended() */
	L2TP_CAUSE_TIE,         /* a simultaneous tunnel of the same peer won */
};
struct l2tp_reason {
	enum l2tp_cause cause;
	uint16_t result, error;       /* of the StopCCN or CDN that was or would be sent */
	const char *message;          /* for people; never NULL; printable */
	bool was_up;                  /* the tunnel or session had been established; set for the callbacks */
	enum l2tp_cause tunnel_cause; /* with L2TP_CAUSE_TUNNEL: why that ended */
};

/* What the other end said of itself in SCCRQ or SCCRP. */
struct l2tp_peer {
	const char *host_name, *vendor_name; /* printable; "" where not given */
	uint16_t tunnel;                     /* the id that it assigned */
	uint16_t firmware, receive_window;
	uint32_t framing, bearer;
	bool authenticated; /* it proved the shared secret */
};

struct l2tp_bytes {
	const uint8_t *bytes; /* NULL: the AVP was not there */
	size_t length;
};
/* A session as ICRQ and ICCN describe it. Of the proxy AVPs the softwire has no use; a concentrator may look.
 */
struct l2tp_call {
	uint16_t tunnel, session, peer_tunnel, peer_session;
	uint32_t serial_number, bearer_type;  /* ICRQ */
	uint32_t tx_speed, rx_speed, framing; /* ICCN; bit/s */
	bool sequencing_required;             /* ICCN: data messages must carry Ns, Nr */
	struct l2tp_bytes called, calling, sub_address, private_group;
	struct l2tp_bytes initial_confreq, last_sent_confreq, last_received_confreq;
	uint16_t proxy_authentication; /* type; 0: none said */
	struct l2tp_bytes proxy_name, proxy_challenge, proxy_response;
	uint16_t proxy_id;
};

struct l2tp_callbacks {
	/* A datagram for path->remote, from path->local. */
	void (*send)(void *context, const struct l2tp_path *path, const void *bytes, size_t n);
	void (*random)(void *context, void *bytes, size_t n);
	/* The secret shared with a peer: fills in up to L2TP_SECRET_MAX bytes, returns how many; 0: none, the
	 * tunnel is neither authenticated nor has it hidden AVPs. peer_name: its Host Name; "" in an
	 * initiator that does not know it yet. May be NULL. With a secret, the peer must answer our
	 * Challenge. */
	size_t (*get_secret)(void *context, const struct l2tp_path *path, const char *peer_name,
	        uint8_t ret[L2TP_SECRET_MAX]);
	/* Concentrator: an SCCRQ came. 0 lets it in; otherwise a StopCCN result. NULL: all are let in. */
	uint16_t (*tunnel_wanted)(void *context, const struct l2tp_path *path, const struct l2tp_peer *peer);
	/* Established, in either role. */
	void (*tunnel_up)(
	        void *context, uint16_t tunnel, const struct l2tp_path *path, const struct l2tp_peer *peer);
	/* Called once for each tunnel that was opened here or has been up, after session_down of its
	 * sessions. */
	void (*tunnel_down)(void *context, uint16_t tunnel, const struct l2tp_reason *reason);
	/* Concentrator: an ICRQ came. 0 accepts it; otherwise a CDN result. NULL: all are accepted. The peer
	 * may send data right behind its ICCN: what carries them is to know the session from now on. */
	uint16_t (*session_wanted)(void *context, const struct l2tp_call *call);
	/* Established: data may flow. path as of now; a later change of it is the caller's own
	 * l2tp_association_moved(). */
	void (*session_up)(void *context, const struct l2tp_path *path, const struct l2tp_call *call);
	/* Called once for each session that was opened here, accepted by session_wanted or has been up. */
	void (*session_down)(
	        void *context, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason);
	/* What l2tp_tunnel_export() gives has changed, for an established tunnel: called before the packets
	 * that follow from it are sent, so that a process that is killed at any time never reuses a number.
	 * May be NULL. */
	void (*changed)(void *context, uint16_t tunnel);
};

/* All counts are most-allowed; 0 takes the default in brackets. */
struct l2tp_limits {
	uint32_t tunnels;                 /* established ones and our own attempts [L2TP_TUNNELS_MAX] */
	uint32_t tunnels_per_association; /* associations other than 0 [4] */
	uint32_t sessions;                /* in one tunnel [1] */
	uint32_t half_open;               /* SCCRQ answered, SCCCN missing; clear and protected each [4096].
	                                   * One more ends the oldest without a word. */
	uint32_t
	        half_open_per_source; /* by association, IPv4 address or IPv6 /64 [64]; one more is ignored */
	uint32_t draining;            /* ended, still acknowledging [2048]; one more forgets the oldest */
	uint32_t held_bytes;          /* out-of-order messages of all tunnels [4 MiB] */
};

/* Zero takes the default in brackets. */
struct l2tp_timing {
	uint32_t retransmit_ms;     /* the first wait, doubled each time [1000] */
	uint32_t retransmit_cap_ms; /* [8000] */
	uint32_t retransmissions;   /* before the peer counts as gone [5] */
	uint32_t acknowledge_ms;    /* how long an acknowledgement waits for something to ride on [100] */
	uint32_t hello_ms;          /* of silence before a HELLO [60000] */
	uint32_t half_open_ms;      /* [10000] */
	uint32_t session_ms;        /* for a session to be established [30000] */
};

struct l2tp_config {
	const char *host_name;   /* required, at most L2TP_NAME_MAX */
	const char *vendor_name; /* NULL: none */
	bool accept;             /* concentrator: answers SCCRQ and ICRQ */
	bool hide; /* once established, hides AVPs where there is a secret and the RFC allows it */
	uint16_t receive_window; /* control messages, up to L2TP_WINDOW_MAX; 0: 8 */
	struct l2tp_limits limits;
	struct l2tp_timing timing;
	struct l2tp_callbacks callbacks;
	void *context;
};

struct l2tp_counters {
	uint64_t received, sent, retransmitted;
	uint64_t acknowledgements_sent, hellos_sent;
	uint64_t not_l2tp;  /* short, another version (L2F, L2TPv3), a bad header, or data */
	uint64_t malformed; /* AVPs; the tunnel or session was ended where the RFC says so */
	uint64_t unknown_tunnel, unknown_session;
	uint64_t other_association, other_address; /* for a tunnel of somebody else: dropped */
	uint64_t duplicates, out_of_window, held, hold_refused, bad_acknowledgement;
	uint64_t unexpected;     /* messages in the wrong state */
	uint64_t not_authorized; /* tunnel authentication failed or is missing, or tunnel_wanted refused */
	uint64_t refused_limit;  /* tunnels or sessions beyond the limits */
	uint64_t refused_source; /* half-open tunnels of one source beyond the limit */
	uint64_t half_open_evicted, half_open_expired;
	uint64_t unknown_mandatory, unknown_optional;
	uint64_t tunnels_up, tunnels_down, sessions_up, sessions_down; /* since the start */
	uint32_t tunnels, half_open, draining, sessions;               /* now */
};

struct l2tp_endpoint;

/* The configuration is copied, its strings too. -EINVAL: a value is out of range or a callback is missing. */
int l2tp_endpoint_new(const struct l2tp_config *config, struct l2tp_endpoint **ret);
/* No packet is sent and no callback called. NULL in, NULL out. */
struct l2tp_endpoint *l2tp_endpoint_free(struct l2tp_endpoint *e);

/* A control message (l2tp_is_control() of data.h) that came from path->remote to path->local. Whatever it is,
 * it has been dealt with. Time is monotonic throughout. */
void l2tp_receive(
        struct l2tp_endpoint *e, const struct l2tp_path *path, const void *bytes, size_t n, time_ms now);
/* When l2tp_tick() is due next, INT64_MAX: never. O(1). May be earlier than anything happens. */
time_ms l2tp_deadline(const struct l2tp_endpoint *e);
void l2tp_tick(struct l2tp_endpoint *e, time_ms now);

/* Sends an SCCRQ. Returns our tunnel id, -ENOSPC at a limit. */
int l2tp_tunnel_open(struct l2tp_endpoint *e, const struct l2tp_path *path, time_ms now);
/* Sends an ICRQ, as soon as the tunnel is established. Returns our session id; -ENOENT: no such tunnel or it
 * is closing, -ENOSPC at a limit. speed: bit/s for the ICCN, 0: not known. */
int l2tp_session_open(struct l2tp_endpoint *e, uint16_t tunnel, uint32_t speed, time_ms now);
/* Sends StopCCN (CDN) and ends it at once for the caller: the down callbacks are called before this returns,
 * with L2TP_CAUSE_LOCAL. The endpoint goes on retransmitting and acknowledging. -ENOENT: no such one (any
 * more). message may be NULL. */
int l2tp_tunnel_close(struct l2tp_endpoint *e, uint16_t tunnel, enum l2tp_stop_result result,
        const char *message, time_ms now);
int l2tp_session_close(struct l2tp_endpoint *e, uint16_t tunnel, uint16_t session,
        enum l2tp_cdn_result result, const char *message, time_ms now);
/* Every tunnel, for the end of the program. Go on ticking until nothing is draining, or exit. */
void l2tp_close_all(struct l2tp_endpoint *e, enum l2tp_stop_result result, const char *message, time_ms now);

/* The peer's data came: it is alive, no HELLO is needed. -ENOENT: no such tunnel. */
int l2tp_tunnel_heard(struct l2tp_endpoint *e, uint16_t tunnel, time_ms now);
/* Asks at once whether the peer is there (a HELLO, unless something is under way already). */
int l2tp_tunnel_probe(struct l2tp_endpoint *e, uint16_t tunnel, time_ms now);
/* The association's protection is gone (RFC 3193 3.1): its tunnels end, nothing can be sent. Not for 0. */
void l2tp_association_ended(struct l2tp_endpoint *e, uint32_t association, time_ms now);
/* The peer of an association moved (NAT rebinding): its tunnels answer there from now on. path->remote_port
 * 0 and local_port 0 leave a tunnel's ports. */
void l2tp_association_moved(struct l2tp_endpoint *e, const struct l2tp_path *path, time_ms now);

/* The caller's own pointer for a tunnel; NULL at first, and for an unknown tunnel. */
void l2tp_tunnel_set_user(struct l2tp_endpoint *e, uint16_t tunnel, void *user);
void *l2tp_tunnel_user(const struct l2tp_endpoint *e, uint16_t tunnel);
/* -ENOENT: no such tunnel. */
int l2tp_tunnel_path(const struct l2tp_endpoint *e, uint16_t tunnel, struct l2tp_path *ret);

/* An established tunnel with its established sessions as at most L2TP_RECORD_MAX bytes, for a process that
 * comes after this one. Returns how many; -ENOENT: no such tunnel, or it is not established. Holds no secret.
 */
int l2tp_tunnel_export(const struct l2tp_endpoint *e, uint16_t tunnel, uint8_t ret[L2TP_RECORD_MAX]);
/* Puts it back and asks the peer whether it still has it. Returns our tunnel id; -EINVAL: not a record,
 * -EEXIST: the id is taken, -ENOSPC at a limit. No callback is called but send, changed, and session_down for
 * a session that was half set up. Messages that were under way are made up for by HELLOs with their numbers.
 */
int l2tp_tunnel_import(struct l2tp_endpoint *e, const uint8_t *record, size_t n, time_ms now);
/* The sessions of a tunnel; ret has room for L2TP_SESSIONS_MAX. Returns how many are established. */
size_t l2tp_tunnel_sessions(const struct l2tp_endpoint *e, uint16_t tunnel, struct l2tp_call *ret);

struct l2tp_counters l2tp_get_counters(const struct l2tp_endpoint *e);
/* Names for people: "StopCCN 4 (not authorized)" is composed by the caller from these. Never NULL. */
const char *l2tp_stop_result_text(uint16_t result);
const char *l2tp_cdn_result_text(uint16_t result);
const char *l2tp_error_text(uint16_t error);
