/* SPDX-License-Identifier: ISC */
/*
 * A load generator: many nodes in one process, each with its own key, certificate, address and inventories,
 * and the enforcer that proves where they are attached. What a node will say is composed in advance, all but
 * the signature over the server's nonce, because in a site that work is done by as many machines as there are
 * nodes.
 *
 * A server rations the assessments that one node begins, so there are many more nodes than inspections at a
 * time: they take turns.
 *
 *   load_site.c      the CA, certificates and inventories
 *   load_node.c      one node's conversation
 *   load_agents.c    when it comes: agents that hold their connection and come back when it is lost
 *   load_enforcer.c  WHO -> IDENTITY, PLACE -> APPLIED
 *   load.c           the phases, what is counted and printed
 */
#pragma once

#include "agent/schedule.h"
#include "net/ipc_stream.h"
#include "posture/attributes.h"
#include "proto/patnc/pratique.h"
#include "proto/pbtnc/pbtnc.h"
#include "proto/pttls/pttls.h"

#define LOAD_NODES_MAX 32768
#define LOAD_VARIANTS 2      /* inventories of one node, which take turns */
#define LOAD_MESSAGES 16     /* PA-TNC messages of one inventory */
#define LOAD_LATENCIES 65536 /* kept of one run; further ones replace the oldest */
#define LOAD_SERVER_NAME "srv"
#define LOAD_ENFORCER_NAME "load"

struct load_message {
	uint32_t vendor, subtype;
	uint8_t *body;
	size_t length;
};

struct load_inventory {
	struct load_message messages[LOAD_MESSAGES];
	size_t n_messages, n_packages, n_bytes;
	uint8_t digest[PRATIQUE_DIGEST_SIZE];
};

struct load;

struct load_node {
	struct load *load;
	unsigned number;
	struct tls_context *tls;
	EVP_PKEY *key;
	struct sockaddr_storage local;
	struct load_inventory inventories[LOAD_VARIANTS];
	unsigned turn;
	bool is_busy; /* from its turn to the RESULT */

	struct stream *stream;
	struct pttls_session *pttls;
	struct pbtnc_session *pb;
	uint8_t exporter[PRATIQUE_EXPORTER_SIZE], nonce[PRATIQUE_NONCE_SIZE];
	bool has_nonce;
	uint32_t next_id;
	struct patnc_signature_input input;
	char *certificate; /* of the last RESULT; NULL: none, or it is not presented */
	struct schedule schedule;
	struct event *timer; /* of the schedule */
	bool is_held;        /* placed, and connected since */
	int64_t begun;       /* of the assessment, or of the connection where each has a new one */
};

struct load {
	struct event_base *base;
	const char *dir;
	struct sockaddr_storage node_address, enforcer_address;
	struct load_node *nodes;
	size_t n_nodes;
	size_t at_once, next; /* inspections under way; whose turn is next */
	bool new_connections; /* one for each inspection */
	bool presents;        /* its certificate, where a node has one */
	bool is_enforcer;     /* and nothing else */
	bool are_agents;      /* come as their schedule says, and again when they lose their connection */
	size_t held;          /* of those */
	int64_t lost, half_back, most_back,
	        all_back;        /* us: when the server was lost; how long after it they were held again */
	struct posture *example; /* of all inventories, which agents compose when they are asked for them */
	size_t n_packages;
	bool stopping;
	const char *failure; /* static; ends the run */

	struct tls_context *enforcer_tls;
	struct ipc_client *enforcer;
	bool enforcer_ready;
	uint64_t asked, placed;

	/* Of the run under way. */
	uint64_t inspections, allowed, all_inspections, latencies_seen;
	uint32_t latencies[LOAD_LATENCIES]; /* us */
};

/* load_site.c */
int load_prepare(const char *dir, size_t n_nodes, struct error *err);
int load_read_site(struct load *l, const char *status, size_t n_packages, struct error *err);
void load_clear_site(struct load *l);
/* The inventory that it says next; 0 or negative. */
int load_compose(struct load_node *n);
void load_forget_inventory(struct load_inventory *inventory);
void load_node_address(unsigned number, struct sockaddr_storage *ret, struct ip_address *ret_ip);
void load_node_mac(unsigned number, struct mac_address *ret);

/* load_node.c */
/* Begins one inspection, on a new connection where there is none. */
void load_node_inspect(struct load_node *n);
void load_node_stop(struct load_node *n);

/* load_agents.c */
/* Brings all of them up, says "held", and when they have lost their connections waits until all are back. */
int load_agents(struct load *l);
void load_agent_decided(struct load_node *n, bool is_placed);
void load_agent_lost(struct load_node *n);

/* load_enforcer.c */
int load_enforcer_start(struct load *l, struct error *err);
void load_enforcer_stop(struct load *l);

/* load.c */
void load_loop_for(struct load *l, int64_t us);
void load_fail(struct load *l, const char *why);
void load_inspected(struct load *l, enum pbtnc_recommendation recommendation, int64_t us);
/* The next node that is not busy has its turn. */
void load_next(struct load *l);
