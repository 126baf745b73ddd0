/* SPDX-License-Identifier: ISC */
/*
 * The files of signed repositories, for the VISes below us, in pieces. A file of a shard that we do not hold
 * ourselves is asked for upwards, once however many ask us, and the answer waits for it, but not for ever.
 */
#pragma once

#include "net/http.h"
#include "net/ipc_packet.h"
#include "vis/served.h"

#define PUSH_SUBSCRIBERS_MAX 512
#define PUSH_SUBSCRIPTIONS_MAX 8     /* of one name; one more ends its oldest, which may be dead already */
#define PUSH_QUEUE_MAX (8u << 20)    /* bytes that wait for one subscriber */
#define PUSH_MEMORY_MAX (512u << 20) /* and for all of them together */
#define PUSH_ALIVE_MS 5000           /* a sign of life that often */
#define PUSH_PIECE_MAX (4u << 20)    /* bytes of a file in one answer; the next ones are other ranges of it */
#define PUSH_WAITING_MAX 64          /* answers that wait for what we do not hold yet */
#define PUSH_WAIT_MS 10000

struct push_files;
struct push_files *push_files_new(struct event_base *base, struct ipc_packet *parent);
/* Who still waits is answered. NULL in, NULL out. */
struct push_files *push_files_free(struct push_files *p);

/* Both answer r; repository may be NULL. */
void push_files_metadata(struct http_request *r, const struct served *repository, const char *file);
void push_files_send(
        struct push_files *p, struct http_request *r, const struct served *repository, const char *file);
/* There may be what somebody waits for. */
void push_files_changed(struct push_files *p);
