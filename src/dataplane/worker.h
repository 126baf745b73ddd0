/* SPDX-License-Identifier: ISC */
/*
 * A worker: one thread, pinned to a processor, that waits on its sockets and its TUN queue and works through
 * what they have in batches, both ways. Everything here belongs to its thread but the statistics, which
 * others read.
 */
#pragma once

#include "dataplane/coalesce.h"
#include "dataplane/plane.h"
#include "proto/esp/esp.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define WORKER_MESSAGES 16  /* datagrams, or trains of them, of one receive */
#define WORKER_PACKETS 1024 /* of one batch of opening or sealing */
#define WORKER_BUFFER 65600 /* the longest datagram, and a little */
#define WORKER_ANCILLARY 128
#define WORKER_TUN_READS 32       /* of one batch */
#define WORKER_ARENA (768u << 10) /* where a batch is put together that is to be sent */
#define WORKER_RUNS 256
#define WORKER_TRAIN_MAX 64 /* datagrams of one UDP_SEGMENT send */
#define WORKER_TRAIN_BYTES 65000

/* Whence a packet came. */
struct origin {
	struct sa *sa;                   /* NULL: in clear */
	struct association *association; /* NULL: in clear */
	struct ip_address local, remote;
	uint16_t local_port, remote_port;
	unsigned interface;
};

struct receiver {
	struct mmsghdr messages[WORKER_MESSAGES];
	struct iovec iov[WORKER_MESSAGES];
	struct sockaddr_storage names[WORKER_MESSAGES];
	uint8_t ancillary[WORKER_MESSAGES][WORKER_ANCILLARY] __attribute__((aligned(8)));
	struct origin origins[WORKER_MESSAGES];
	struct esp_packet packets[WORKER_PACKETS];
	struct sa *sas[WORKER_PACKETS];    /* of each packet */
	uint8_t origin_of[WORKER_PACKETS]; /* index into origins */
	unsigned n;
	struct coalescer coalescer;
	uint8_t (*buffers)[WORKER_BUFFER];
};

/* Packets that follow one another on one path with one length (but for the last): one send. */
struct run {
	const struct path *path;
	unsigned first, count;
	uint32_t length; /* of each */
	uint32_t bytes;
	bool closed;
	uint8_t *data; /* they lie one behind the other */
};

struct sender {
	uint8_t *arena;
	size_t used;
	struct esp_packet packets[WORKER_PACKETS]; /* sa NULL: in clear, goes as it is */
	const struct path *paths[WORKER_PACKETS];
	unsigned n;
	struct run runs[WORKER_RUNS];
	struct mmsghdr messages[WORKER_RUNS];
	struct iovec iov[WORKER_RUNS];
	uint8_t ancillary[WORKER_RUNS][PATH_CONTROL_SIZE] __attribute__((aligned(8)));
};

/* In the order of the statistics cycles_*. */
enum worker_stage {
	STAGE_RECEIVE,
	STAGE_OPEN,
	STAGE_DECAPSULATE,
	STAGE_TUN_WRITE,
	STAGE_TUN_READ,
	STAGE_SEGMENT,
	STAGE_SEAL,
	STAGE_SEND,
};

struct worker {
	struct plane *plane;
	unsigned index;
	pthread_t thread;
	bool started;
	int epoll;
	int tun, tun_write;
	int64_t now_ns;
	struct esp_worker *esp;
	struct statistics stats;
	struct writer frame; /* a message that is being sent */
	struct receiver *receiver;
	struct sender *sender;
	uint8_t *tun_buffer, *scratch; /* a super packet each */
	enum worker_stage stage;
	uint64_t stage_began;
};

/* The one of the main thread, which sends what control and charon say. Its caller was just woken. */
struct worker *worker_of_main(struct plane *p);

int worker_init(struct worker *w, struct plane *p, unsigned index, struct error *err);
/* Starts the thread. */
int worker_start(struct worker *w, struct error *err);
void worker_join(struct worker *w);
void worker_clear(struct worker *w);

static inline void worker_add(struct worker *w, enum statistic which, uint64_t n)
{
	statistics_add(&w->stats, which, n);
}
static inline void worker_count(struct worker *w, enum statistic which)
{
	statistics_add(&w->stats, which, 1);
}

static inline uint64_t worker_cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t now;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
	return now;
#else
	return 0;
#endif
}

/* Time that passed waiting is no stage's. */
static inline void worker_wake(struct worker *w)
{
	w->stage_began = worker_cycles();
}

/* From here on cycles are this stage's. */
static inline void worker_stage(struct worker *w, enum worker_stage stage)
{
	uint64_t now = worker_cycles();
	statistics_add(&w->stats, (enum statistic)(STAT_cycles_receive + w->stage), now - w->stage_began);
	w->stage = stage;
	w->stage_began = now;
}

/* receive.c: one batch from a socket. */
void receive_socket(struct worker *w, const struct dataplane_socket *s);
/* errors.c: what the network said about packets that were sent on it. */
void receive_errors(struct worker *w, const struct dataplane_socket *s);
/* decapsulate.c: the UDP datagram that was in ESP; the L2TP message that was in a datagram. */
void decapsulate_udp(struct worker *w, const struct origin *o, uint8_t *bytes, size_t n);
void decapsulate_l2tp(struct worker *w, const struct origin *o, uint8_t *bytes, size_t n);
/* transmit.c: one batch from the TUN queue. */
void transmit_tun(struct worker *w);

/* ---- send.c ---- */

/* Where the next L2TP payload of at most n bytes is to be written: behind `front` bytes of headers of its
 * own, and those of UDP and ESP where there is an SA. Flushes where there is no room. What is written is lost
 * unless one of the next two follows at once with the same SA. */
uint8_t *send_room(struct worker *w, const struct sa *sa, size_t front, size_t n);
/* The front of inner packets of this session: L2TP's and PPP's headers. */
size_t send_data_front(const struct session *s);
/* What was written to a room goes to the session's peer as a PPP frame. sa: the outbound one of its
 * association; NULL in clear. False: there is no socket for it (counted). */
bool send_data(struct worker *w, struct session *s, const struct sa *sa, uint8_t *inner, uint32_t n,
        uint16_t protocol);
/* An L2TP message, from a room with its bytes at `l2tp`. */
bool send_l2tp(struct worker *w, const struct sa *sa, const struct path *path, uint16_t local_port,
        uint16_t remote_port, uint8_t *l2tp, uint32_t n);
void send_flush(struct worker *w);
/* One datagram as it is, now. */
bool send_datagram(struct worker *w, const struct path *path, const struct iovec *iov, int n_iov);

/* ---- punt.c: to control and to charon, within limits, never waiting ---- */

void punt_l2tp(struct worker *w, const struct origin *o, const uint8_t *bytes, size_t n);
void punt_ppp(struct worker *w, struct session *s, const uint8_t *frame, size_t n);
void punt_ike(struct worker *w, const struct origin *o, const uint8_t *bytes, size_t n);
