/* SPDX-License-Identifier: ISC */
/* The state of a PB-TNC session and its wire format; private to the room. */
#pragma once

#include "proto/pbtnc/pbtnc.h"

#define PBTNC_VENDOR_IETF 0u
#define PBTNC_VENDOR_RESERVED 0xffffffu
#define PBTNC_TYPE_RESERVED 0xffffffffu
#define PBTNC_FLAG_NOSKIP 0x80 /* 4.2 */
#define PBTNC_FLAG_EXCL 0x80   /* 4.5 */
#define PBTNC_FLAG_FATAL 0x80  /* 4.9 */
#define PBTNC_FROM_SERVER 0x80 /* 4.1, the D bit */

struct pbtnc_session {
	enum pbtnc_role role;
	enum pbtnc_state state;
	struct pbtnc_counters counters;
	unsigned rounds;
	bool retry_asked; /* client: an SRETRY that has not been answered */
	bool retry_sent;  /* client: our CRETRY was the last batch of either side */

	struct writer composed; /* whole messages */
	size_t n_composed;
	struct writer reply; /* the CLOSE batch after an error */
	struct pbtnc_error problem;

	/* The batch whose events are being told. */
	struct reader rest;
	enum pbtnc_batch_type batch_type;
	bool tell_retry, tell_turn, tell_closed;
};

/* A message in a batch; offset is that of its header in the batch. */
struct pbtnc_message {
	uint8_t flags;
	uint32_t vendor, type, length;
	size_t offset;
	struct reader body;
};

/* 3.2: the next state, or -1 where the batch is not allowed. */
int pbtnc_next_state(enum pbtnc_state state, enum pbtnc_batch_type type);
/* Whether role may send type in state, in that state's own words. */
bool pbtnc_may_send(enum pbtnc_role role, enum pbtnc_state state, enum pbtnc_batch_type type);
bool pbtnc_is_sender(enum pbtnc_role role, enum pbtnc_batch_type type);

/* The message at the front of r, whose batch began at start; false at the end or with *ret_problem filled in.
 */
bool pbtnc_read_message(
        struct reader *r, const uint8_t *start, struct pbtnc_message *ret, struct pbtnc_error *problem);
/* Decode a body into an event; false with the offset into the batch of what is wrong. */
bool pbtnc_read_event(const struct pbtnc_message *m, struct pbtnc_event *ret, size_t *ret_offset);
void pbtnc_write_batch(
        struct writer *w, enum pbtnc_role role, enum pbtnc_batch_type type, const void *messages, size_t n);
/* Message header up to the body; the length is patched by pbtnc_end_message(). */
size_t pbtnc_begin_message(struct writer *w, enum pbtnc_message_type type);
void pbtnc_end_message(struct writer *w, size_t at);
void pbtnc_write_error(struct writer *w, const struct pbtnc_error *error);
