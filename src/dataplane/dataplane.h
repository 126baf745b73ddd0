/* SPDX-License-Identifier: ISC */
/*
 * The data plane of a softwire: one process without any capability that owns the UDP and ESP sockets and the
 * TUN, and moves inner packets between them in one pass (ESP, UDP, L2TP, PPP), with the sessions and SAs that
 * control and charon's plugin tell it (messages 80 to 107 of ipc/messages.def). It reads hostile bytes from
 * its sockets only; what is not a data packet of a session goes to control or to charon as it is, within
 * limits.
 *
 * Who is who: an association is what protects one L2TP peer, a pair of ESP SAs through its rekeyings.
 * Addresses in the messages that have one: local is always this end's. Ports in ASSOCIATION, L2TP_CONTROL and
 * SESSION are those of L2TP's own UDP header: inside ESP usually 1701 on both ends, whatever UDP port a NAT
 * gave to ESP outside. Where a session's association is not 0 its packets go where the association's peer is
 * now, and its addresses are not looked at.
 *
 * With control: HELLO from control means that it is new and remembers nothing; the data plane answers with
 * HELLO, all ASSOCIATIONs that live and ASSOCIATIONS_TOLD. STATISTICS with a request and no values is a
 * question. A SESSION that cannot be (its association is gone, no room) is answered with SESSION_END.
 */
#pragma once

#include "base/address.h"
#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

#define DATAPLANE_ADDRESSES_MAX 64 /* outer addresses */
#define DATAPLANE_WORKERS_MAX 16
#define DATAPLANE_SOCKETS_MAX (DATAPLANE_ADDRESSES_MAX * 4 * 4) /* of all workers together */
#define DATAPLANE_SESSIONS_MAX 65535
#define DATAPLANE_TUN_MTU_MAX 9216

enum dataplane_role { DATAPLANE_INITIATOR, DATAPLANE_CONCENTRATOR };

enum dataplane_socket_kind {
	DATAPLANE_IKE,   /* UDP 500 */
	DATAPLANE_NAT_T, /* UDP 4500: ESP in UDP, and IKE behind a marker (RFC 3948) */
	DATAPLANE_L2TP,  /* UDP 1701, clear text */
	DATAPLANE_ESP,   /* raw, IP protocol 50 */
	DATAPLANE_N_SOCKET_KINDS
};

/* One of our outer addresses. :: and 0.0.0.0: whatever the host has (initiators, that roam). */
struct dataplane_address {
	struct ip_address ip;
	bool trusted;               /* L2TP in clear is let through (`ipsec none`) */
	unsigned trusted_interface; /* and only where it came in on this interface; 0: any */
};

struct dataplane_socket {
	int fd;
	uint8_t kind;    /* enum dataplane_socket_kind */
	uint8_t worker;  /* who reads it */
	uint8_t address; /* index into addresses */
};

struct dataplane_worker {
	int cpu; /* to be pinned to; -1: not */
	int tun; /* its queue of the TUN device, -1: it reads none */
};

/* Plain data without pointers: may be handed to a new process as it is (a memfd), with its descriptors
 * inherited under the same numbers. */
struct dataplane_config {
	uint32_t role; /* enum dataplane_role */
	uint16_t tun_mtu;
	bool has_offloads, has_udp_offload; /* of the TUN: dataplane_open_tun() says so */
	/* Take no ESP from, and send none to, anybody: every association is clear text. The sockets of 500
	 * and 4500 and the raw ones may then be missing. */
	bool no_ipsec;
	/* ESP is the kernel's: no sockets but those of L2TP, and these demand ESP (dataplane_open_sockets()).
	 */
	bool kernel_ipsec;
	uint32_t n_addresses, n_workers, n_sockets;
	struct dataplane_address addresses[DATAPLANE_ADDRESSES_MAX];
	struct dataplane_worker workers[DATAPLANE_WORKERS_MAX];
	struct dataplane_socket sockets[DATAPLANE_SOCKETS_MAX];
	int control;         /* SEQPACKET, this side's end of the pair with control */
	int charon_listener; /* SEQPACKET, listening; -1: no charon. Peers of our uid or root only are let in.
	                      */
	/* Debugging: decrypted inner packets of both directions go to this file as pcap (LINKTYPE_RAW), until
	 * it has so many bytes. -1: no tap. */
	int tap;
	uint64_t tap_bytes_max;
	uint32_t l2tp_control_rate; /* L2TP control messages and PPP frames a second to control, in all; 0:
	                               default */
	uint32_t ike_rate;          /* IKE messages a second to charon, in all; 0: the default */
};

/* All descriptors -1, nothing else set. */
void dataplane_config_clear(struct dataplane_config *config);
/* The number of workers that this machine's processors want. */
unsigned dataplane_workers_default(void);
/* Pins each worker to a processor of its own among those that this process may use; where there are not
 * enough, none. */
void dataplane_pin_workers(struct dataplane_config *config);

/* While privileged (CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE): for config->addresses and
 * config->n_workers opens and adds the UDP sockets (one set a worker, SO_REUSEPORT) and, unless no_ipsec, the
 * raw ESP sockets. -EADDRINUSE where somebody else has a port; err names address and port. What was opened is
 * closed again on failure. */
int dataplane_open_sockets(struct dataplane_config *config, struct error *err);
/* Creates the TUN interface with that name (a %d in it is a number of the kernel's choice; ret_name has
 * IFNAMSIZ bytes), one queue a worker, owned by uid, its MTU set; it is down and has no addresses, and
 * IPv6 does not make its own link-local address on it. It goes when the last queue is closed. */
int dataplane_open_tun(
        struct dataplane_config *config, const char *name, uid_t uid, char *ret_name, struct error *err);
/* The listening socket for charon's plugin at path (at most 107 bytes), owned by uid, mode 0600. */
int dataplane_open_charon_listener(
        struct dataplane_config *config, const char *path, uid_t uid, struct error *err);
/* Closes everything that config names. */
void dataplane_config_close(struct dataplane_config *config);

/* The process. Call it with every privilege gone. Takes the descriptors over. Returns after SIGTERM or SIGINT
 * (0), or where it cannot go on: control's socket has no other end any more (0), or -errno with err (-ENODEV:
 * the TUN was deleted). */
int dataplane_run(const struct dataplane_config *config, struct error *err);
