/* SPDX-License-Identifier: ISC */
/*
 * One PPP link: what an L2TP session carries. LCP (RFC 1661) with keepalive and authentication by PAP
 * (RFC 1334), CHAP (RFC 1994), MS-CHAPv2 (RFC 2759) or EAP (RFC 3748), then IPCP (RFC 1332, 1877) and IPV6CP
 * (RFC 5072). The initiator is the peer that is authenticated and gets addresses; the concentrator is the
 * authenticator that asks AAA and gives them; either may also demand that the other proves itself (mutual
 * CHAP).
 *
 * Sans-I/O: frames, events and the monotonic time go in, frames and events come out by callbacks. Randomness
 * comes by a callback too (TLS alone has OpenSSL's own). Callbacks may call ppp_answer(), ppp_grant(),
 * ppp_close(), and whatever only reads; they must not free the link. Many links share one constant struct
 * ppp_config.
 */
#pragma once

#include "base/clock.h"
#include "base/cursor.h"

#define PPP_FRAME_MAX \
	2048 /* bytes of a frame from the protocol field on, both ways; longer ones are dropped */
#define PPP_MRU_DEFAULT 1500
#define PPP_NAME_MAX 255
#define PPP_SECRET_MAX 255
#define PPP_METHODS_MAX 4
#define PPP_EXPORT_MAX 200
#define PPP_NEVER INT64_MAX

enum ppp_role { PPP_INITIATOR, PPP_CONCENTRATOR };

/* How a peer proves who it is. The order of the numbers means nothing; the order in the configuration does.
 */
enum ppp_method { PPP_NO_METHOD, PPP_PAP, PPP_CHAP_MD5, PPP_MSCHAPV2, PPP_EAP, PPP_N_METHODS };
/* What we answer with when asked by EAP: the type numbers of RFC 3748, 5216 and EAP-MSCHAPv2. */
enum ppp_eap_type { PPP_EAP_MD5 = 4, PPP_EAP_TLS = 13, PPP_EAP_MSCHAPV2 = 26 };

/* Why a link ended. */
enum ppp_end {
	PPP_END_CLOSED,       /* ppp_close(): the user's wish */
	PPP_END_ADMIN,        /* ppp_close(): the operator's, or RADIUS's Disconnect-Request */
	PPP_END_TIMEOUT,      /* ppp_close(): Session-Timeout */
	PPP_END_IDLE,         /* ppp_close(): Idle-Timeout */
	PPP_END_SHUTDOWN,     /* ppp_close(): the program stops */
	PPP_END_SERVICE,      /* ppp_close(): no address left, no AAA */
	PPP_END_PEER,         /* Terminate-Request of the peer */
	PPP_END_LOWER,        /* ppp_lower_down() */
	PPP_END_ECHO,         /* LCP echoes unanswered */
	PPP_END_LOOPED,       /* our own magic number came back */
	PPP_END_NEGOTIATION,  /* LCP did not converge or found no answer */
	PPP_END_NO_METHOD,    /* no authentication method that both sides allow */
	PPP_END_UNPROTECTED,  /* the only methods would run in clear on an untrusted interface */
	PPP_END_AUTH_FAILED,  /* AAA rejected the peer, or the peer failed to prove itself to us */
	PPP_END_REFUSED,      /* the peer rejected us */
	PPP_END_AUTH_TIMEOUT, /* no end of the authentication phase in time */
	PPP_END_NO_NETWORK,   /* every network control protocol failed */
	PPP_N_ENDS,
};
/* Words for a person; Acct-Terminate-Cause of RFC 2866, 5.10. */
const char *ppp_end_text(enum ppp_end end);
unsigned ppp_end_cause(enum ppp_end end);
const char *ppp_method_text(enum ppp_method method);

/* What a peer wants checked. Valid during the callback only; text is not NUL-terminated in the packet but is
 * here; it is UTF-8 without control characters (other names are refused before). */
struct ppp_auth_request {
	uint32_t id; /* to be given back */
	enum ppp_method method;
	bool again; /* a later challenge to an open link (RFC 1994, section 2); the user is the same as before
	             */
	const char *user;        /* PAP Peer-ID, CHAP Name, EAP Identity */
	const uint8_t *password; /* PAP */
	size_t password_length;
	uint8_t chap_id;          /* CHAP Identifier */
	const uint8_t *challenge; /* CHAP: what we sent; MS-CHAPv2: its 16 bytes */
	size_t challenge_length;
	const uint8_t *response; /* CHAP-MD5: 16 bytes; MS-CHAPv2: the 49 bytes of RFC 2759, section 4 */
	size_t response_length;
	const uint8_t *eap; /* EAP: the whole Response packet */
	size_t eap_length;
};

enum ppp_verdict { PPP_ACCEPT, PPP_REJECT, PPP_CHALLENGE };
struct ppp_auth_answer {
	enum ppp_verdict verdict;
	/* Shown to the peer (Reply-Message). MS-CHAPv2: what RADIUS sends as MS-CHAP2-Success or
	 * MS-CHAP-Error without its ident byte, "S=..." or "E=..."; with PPP_REJECT it may be "", then E=691
	 * is made here. */
	const char *message;
	const uint8_t *eap; /* the EAP packet of the answer; needed by PPP_CHALLENGE, made here otherwise */
	size_t eap_length;
};

/* Who we are to the peer. password is wiped by the link after use. */
struct ppp_secret {
	char user[PPP_NAME_MAX + 1];
	char password[PPP_SECRET_MAX + 1];
};

/* What IPCP agreed on, or is to agree on. 0.0.0.0: none. */
struct ppp_ipv4 {
	uint8_t local[4], peer[4];
	uint8_t name_servers[2][4];
};
/* What IPV6CP agreed on, or is to agree on. Zero to be agreed on: any that is fit. */
struct ppp_ipv6 {
	uint8_t local[8], peer[8];
};
/* What AAA and the pools allow this peer. Without ipv4 (ipv6) the peer's IPCP (IPV6CP) is protocol-rejected.
 */
struct ppp_grant {
	bool ipv4, ipv6;
	struct ppp_ipv4 v4;
	struct ppp_ipv6 v6;
};

struct ppp_callbacks {
	/* A frame for the peer, from the protocol field on (two bytes; never compressed, no address and
	 * control). */
	void (*send)(void *context, const uint8_t *frame, size_t length);
	void (*random)(void *context, void *bytes, size_t length);
	/* Ask AAA; answered by ppp_answer(), at once or later. */
	void (*authenticate)(void *context, const struct ppp_auth_request *request);
	/* Our own name and secret towards the peer; peer is its name where it gave one, else "". Negative:
	 * none, and we refuse the method. May be NULL. */
	int (*get_secret)(void *context, enum ppp_method method, const char *peer, struct ppp_secret *ret);
	/* Both sides are satisfied with each other; the concentrator answers with ppp_grant(), at once or
	 * later. Again after LCP was renegotiated (then every NCP was down in between). */
	void (*network)(void *context, enum ppp_method method, const char *user);
	void (*ipv4_up)(void *context, const struct ppp_ipv4 *ipv4);
	void (*ipv4_down)(void *context);
	void (*ipv6_up)(void *context, const struct ppp_ipv6 *ipv6);
	void (*ipv6_down)(void *context);
	/* Once, after whatever is up has been told down. message is the peer's text (printable) or "". */
	void (*ended)(void *context, enum ppp_end end, const char *message);
};

/* Counted over all links of a configuration. */
struct ppp_counters {
	uint64_t received, sent;
	uint64_t malformed;  /* frames or packets that are too short, too long or contradict themselves */
	uint64_t unexpected; /* packets that their phase or state does not take */
	uint64_t options_refused; /* answered by Configure-Nak or Configure-Reject */
	uint64_t protocols_rejected;
	uint64_t authentications, authentications_failed;
	uint64_t opened, ended[PPP_N_ENDS];
};

struct ppp_eap_tls; /* eap_tls.h */

/* Shared by many links and constant while they live. Zero means the default where one is named. */
struct ppp_config {
	enum ppp_role role;
	/* How the peer must prove itself, most wanted first; none: the peer stays anonymous. Whatever the
	 * peer Naks with, nothing that is not in this list is taken. */
	enum ppp_method demand[PPP_METHODS_MAX];
	size_t n_demand;
	/* How we prove ourselves when asked, most wanted first; any other wish of the peer is Nak'ed with
	 * these. */
	enum ppp_method give[PPP_METHODS_MAX];
	size_t n_give;
	/* The initiator's EAP methods, most wanted first. */
	enum ppp_eap_type eap[PPP_METHODS_MAX];
	size_t n_eap;
	const struct ppp_eap_tls *tls;
	bool ipv4, ipv6;            /* NCPs wanted (initiator), possible (concentrator: the grant decides) */
	bool name_servers;          /* initiator: ask for DNS, RFC 1877 */
	const char *name;           /* in our CHAP challenges; "pratique" */
	unsigned echo_ms;           /* keepalive interval; 0: none */
	unsigned echo_failures;     /* unanswered echoes that end the link; 3 */
	unsigned restart_ms;        /* RFC 1661, section 4.6; 3000 */
	unsigned authentication_ms; /* longest authentication phase; 60000 */
	unsigned challenge_ms;      /* CHAP-MD5 again to an open link; 0: never */
	const struct ppp_callbacks *callbacks;
	struct ppp_counters *counters; /* may be NULL */
};

/* What differs from link to link. */
struct ppp_parameters {
	/* The packets below are protected by IPsec, or the interface was declared trusted. Where false, PAP,
	 * CHAP and MS-CHAPv2 are neither demanded nor given (softwire draft 3.4.1.1), and EAP answers by TLS
	 * only. */
	bool is_protected;
	uint16_t mru;            /* largest packet that we want to receive, which the path carries; 1500 */
	uint8_t ipv4[4];         /* initiator: the address to ask for; 0.0.0.0: any */
	uint8_t interface_id[8]; /* initiator: the one to ask for; zero: a random one */
};

struct ppp_link;

struct ppp_link *ppp_link_new(
        const struct ppp_config *config, const struct ppp_parameters *parameters, void *context);
/* Tells nothing to anybody. NULL in, NULL out. */
struct ppp_link *ppp_link_free(struct ppp_link *link);

/* The session below is established: LCP starts. */
void ppp_lower_up(struct ppp_link *link, time_ms now);
/* The session below is gone: ended() with PPP_END_LOWER unless the link ended before. Nothing is sent. */
void ppp_lower_down(struct ppp_link *link, time_ms now);
/* Terminate-Request, then ended(end) when it was acknowledged or after two retransmissions. */
void ppp_close(struct ppp_link *link, enum ppp_end end, time_ms now);
/* A frame from its protocol field on (which may be compressed to one byte, or preceded by FF 03). */
void ppp_receive(struct ppp_link *link, const uint8_t *frame, size_t length, time_ms now);
/* When ppp_tick() wants to be called; PPP_NEVER. Changes with every call above. */
time_ms ppp_deadline(const struct ppp_link *link);
void ppp_tick(struct ppp_link *link, time_ms now);

/* AAA's answer to the request of this id. -ESTALE where the link waits for no such answer any more. */
int ppp_answer(struct ppp_link *link, uint32_t id, const struct ppp_auth_answer *answer, time_ms now);
/* The concentrator: the NCPs start with these. -EINVAL where the link is not in its network phase. */
int ppp_grant(struct ppp_link *link, const struct ppp_grant *grant, time_ms now);

/* True from network() until the link is renegotiated or ended. */
bool ppp_is_network(const struct ppp_link *link);
bool ppp_is_ended(const struct ppp_link *link);
/* Largest packet (IPv4, IPv6) for the peer: its MRU, at most ours. */
uint16_t ppp_mtu(const struct ppp_link *link);
/* The address and the name servers in force; NULL while the NCP is not open. */
const struct ppp_ipv4 *ppp_get_ipv4(const struct ppp_link *link);
const struct ppp_ipv6 *ppp_get_ipv6(const struct ppp_link *link);

/* The open link as at most PPP_EXPORT_MAX bytes: of this program, for this program, no secrets. -EAGAIN
 * outside of the network phase. The import has its NCPs open as they were and says nothing (no callback, no
 * frame) until something happens; NULL where the bytes are not ours. */
int ppp_link_export(
        const struct ppp_link *link, time_ms now, uint8_t ret[PPP_EXPORT_MAX], size_t *ret_length);
struct ppp_link *ppp_link_import(const struct ppp_config *config, const struct ppp_parameters *parameters,
        void *context, const uint8_t *bytes, size_t length, time_ms now);

/* For local users: does the request's response (PAP, CHAP-MD5, MS-CHAPv2) prove this password? For MS-CHAPv2
 * the message of the answer ("S=...") is written to ret_message. */
#define PPP_MESSAGE_MAX 128
bool ppp_verify_password(
        const struct ppp_auth_request *request, const char *password, char ret_message[PPP_MESSAGE_MAX]);
