/* SPDX-License-Identifier: ISC */
/*
 * Both ends of an authentication: the verifier demands it of the peer and asks AAA, the prover gives it. They
 * exist only while there is something to be proven, and a little longer for answers that were lost. Private
 * to the room.
 */
#pragma once

#include "proto/ppp/link.h"

#define PPP_CHALLENGE_SIZE 16
#define PPP_MSCHAP_RESPONSE_SIZE 49
#define PPP_ANSWER_MAX 256 /* bytes of text that we send with a PAP or CHAP result */

enum ppp_chap_code { PPP_CHAP_CHALLENGE = 1, PPP_CHAP_RESPONSE, PPP_CHAP_SUCCESS, PPP_CHAP_FAILURE };
enum ppp_pap_code { PPP_PAP_REQUEST = 1, PPP_PAP_ACK, PPP_PAP_NAK };
enum ppp_eap_code { PPP_EAP_REQUEST = 1, PPP_EAP_RESPONSE, PPP_EAP_SUCCESS, PPP_EAP_FAILURE };
#define PPP_EAP_TYPE_IDENTITY 1
#define PPP_EAP_TYPE_NOTIFICATION 2
#define PPP_EAP_TYPE_NAK 3

enum ppp_verifier_state {
	PPP_VERIFIER_WAITS, /* for the peer */
	PPP_VERIFIER_ASKS,  /* AAA */
	PPP_VERIFIER_DONE,
	PPP_VERIFIER_FAILED,
};

struct ppp_verifier {
	enum ppp_method method;
	enum ppp_verifier_state state;
	bool again;
	uint8_t id; /* of our Challenge or Request; PAP: of the peer's Request */
	uint8_t tries;
	unsigned rounds;
	time_ms deadline; /* of the retransmission */
	uint8_t challenge[PPP_CHALLENGE_SIZE];
	char user[PPP_NAME_MAX + 1];
	struct writer last; /* EAP: the Request that waits for its Response; else the text of the Success */
};

void ppp_verifier_start(struct ppp_link *link, enum ppp_method method, bool again);
struct ppp_verifier *ppp_verifier_free(struct ppp_verifier *v);
void ppp_verifier_receive(struct ppp_link *link, uint16_t protocol, const uint8_t *packet, size_t length);
void ppp_verifier_tick(struct ppp_link *link);

/* Common to the methods: asks AAA; the verifier's user is set. False where the user is not the link's. */
bool ppp_verifier_ask(struct ppp_link *link, struct ppp_auth_request *request);
/* Sets the user; false for names that are none. */
bool ppp_verifier_set_user(struct ppp_verifier *v, const uint8_t *name, size_t length);
void ppp_verifier_again_at(struct ppp_link *link);

/* eap_verifier.c */
void ppp_eap_verifier_start(struct ppp_link *link);
void ppp_eap_verifier_send(struct ppp_link *link);
void ppp_eap_verifier_receive(struct ppp_link *link, const uint8_t *packet, size_t length);
int ppp_eap_verifier_answer(struct ppp_link *link, const struct ppp_auth_answer *answer);

struct ppp_eap_tls_peer;
struct ppp_eap_peer {
	uint8_t type;  /* the method that was begun; 0: none yet */
	bool complete; /* from here on a Success is believed */
	bool has_last;
	uint8_t last_id;
	struct writer last; /* our last Response */
	struct ppp_eap_tls_peer *tls;
	uint8_t expected[20]; /* MS-CHAPv2: the authenticator's proof */
	bool responded;
	unsigned rounds;
};

struct ppp_prover {
	enum ppp_method method;
	bool done;
	uint8_t id;
	uint8_t tries;
	bool waits; /* for the result of what was sent last */
	time_ms deadline;
	struct writer last;   /* the packet that is repeated until its result comes */
	uint8_t expected[20]; /* MS-CHAPv2 */
	struct ppp_eap_peer eap;
};

void ppp_prover_start(struct ppp_link *link, enum ppp_method method);
struct ppp_prover *ppp_prover_free(struct ppp_prover *p);
void ppp_prover_receive(struct ppp_link *link, uint16_t protocol, const uint8_t *packet, size_t length);
void ppp_prover_tick(struct ppp_link *link);
/* An NCP's packet came: the peer is satisfied, though its EAP Success was lost (RFC 3748 4.2, RFC 4137
 * altAccept). */
void ppp_prover_accepted_by_network(struct ppp_link *link);
void ppp_prover_succeed(struct ppp_link *link);

/* eap_peer.c */
void ppp_eap_peer_receive(struct ppp_link *link, const uint8_t *packet, size_t length);
void ppp_eap_peer_clear(struct ppp_eap_peer *eap);

/* What a packet's Code, Identifier and Length say; false where they do not fit it. */
struct ppp_packet {
	uint8_t code, id;
	const uint8_t *body;
	size_t length; /* of the body */
};
bool ppp_read_packet(struct ppp_link *link, const uint8_t *packet, size_t length, struct ppp_packet *ret);
