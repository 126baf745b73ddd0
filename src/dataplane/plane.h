/* SPDX-License-Identifier: ISC */
/*
 * The inside of the data plane's process. Main has the messages and changes the tables; workers have the
 * packets and only read the tables, under QSBR: between two batches a worker holds nothing of them. What a
 * worker sees that is main's to do (a peer that moved, a path that shrank) it posts as an event.
 */
#pragma once

#include "dataplane/association.h"
#include "dataplane/dataplane.h"
#include "dataplane/statistics.h"

#include <event2/event.h>
#include <net/if.h>
#include <pthread.h>

#define PLANE_EVENTS_MAX 1024
#define PLANE_SOURCES 4096 /* limiters by hashed source address */
#define PLANE_PUNT_RATE 50000
#define PLANE_IKE_RATE 20000
#define PLANE_SOURCE_SHARE 10 /* one source's part of these */
#define PLANE_BURST_NS 100000000LL
#define PLANE_TOO_BIG_NS 10000000LL /* an ICMP error every 10 ms, */
#define PLANE_TOO_BIG_BURST_NS 500000000LL

enum plane_event_kind {
	PLANE_MOVED,    /* a good packet of an SA came from elsewhere */
	PLANE_PATH_MTU, /* ICMP says that a path takes less */
	PLANE_TUN_GONE, /* somebody deleted the interface: there is nothing left to do */
};

struct plane_event {
	enum plane_event_kind kind;
	uint32_t spi; /* MOVED: inbound; PATH_MTU: outbound, 0 where the error did not quote it */
	struct ip_address local, remote;
	uint16_t local_port, remote_port;
	uint16_t mtu;
	bool clear; /* PATH_MTU: of L2TP in clear */
};

/* charon's socket as workers see it: QSBR. */
struct plane_charon {
	int fd;
};

/* Where decrypted packets are copied to: tap.h. */
struct tap {
	int fd;
	uint64_t left;
	pthread_mutex_t lock;
};

struct worker;
struct ipc_packet;

struct plane {
	const struct dataplane_config *config;
	struct reclaim reclaim;
	struct session_table sessions;
	struct sa_table sas;
	struct association_table associations;
	/* By worker (main's own is the last), kind and address; -1: none. */
	int fds[DATAPLANE_WORKERS_MAX + 1][DATAPLANE_N_SOCKET_KINDS][DATAPLANE_ADDRESSES_MAX];
	struct worker *workers; /* n_workers, and one for what main itself sends */
	unsigned n_workers;
	struct plane_charon *charon;
	struct tap tap;
	atomic_bool stop;

	uint64_t hash_key[2];
	struct limiter punts, ike, too_big, path_scans;
	struct limiter punt_sources[PLANE_SOURCES], ike_sources[PLANE_SOURCES];
	uint32_t punt_rate, ike_rate;

	pthread_mutex_t event_lock;
	struct plane_event events[PLANE_EVENTS_MAX];
	unsigned n_events;
	int event_fd;

	/* Main's. */
	struct event_base *base;
	struct ipc_packet *control, *charon_link;
	struct event *charon_listener;
	bool tun_gone;
	time_ms next_life;
	struct plane_event taken[PLANE_EVENTS_MAX];
};

/* For workers; false: the queue is full. */
bool plane_post(struct plane *p, const struct plane_event *e);

/* ---- main: messages ---- */

/* control.c */
int control_open(struct plane *p, struct error *err);
void control_close(struct plane *p);
void control_tell_association(struct plane *p, const struct association *a, bool up);
/* Ends it, telling control. */
void control_end_association(struct plane *p, struct association *a);
/* Something that must arrive. */
void control_send(struct plane *p, enum ipc_number number, const void *body);

/* charon_link.c */
int charon_open(struct plane *p, struct error *err);
void charon_close(struct plane *p);
/* False: there is no charon. */
bool charon_send(struct plane *p, enum ipc_number number, const void *body);

/* life.c: what happens to SAs and paths without anybody's message. */
void life_check(struct plane *p, time_ms now); /* lifetimes and path MTUs, every second */
void life_moved(struct plane *p, const struct plane_event *e);
void life_path_mtu(struct plane *p, const struct plane_event *e, time_ms now);

/* ---- tap.c ---- */

int tap_open(struct tap *t, int fd, uint64_t bytes_max, struct error *err);
void tap_write(struct tap *t, struct statistics *stats, const void *packet, uint32_t length);
static inline bool tap_is_open(const struct tap *t)
{
	return t->fd >= 0;
}
