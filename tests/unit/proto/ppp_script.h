/* SPDX-License-Identifier: ISC */
/* A PPP peer that is a script: the test tells the link packets and hears what it says, in order. */
#pragma once

#include "tests/unit/proto/ppp_line.h"

#define LCP 0xc021
#define PAP 0xc023
#define CHAP 0xc223
#define EAP 0xc227
#define IPCP 0x8021
#define IPV6CP 0x8057

/* What the link said; n_read of it was heard. */
struct said {
	uint8_t bytes[PPP_FRAME_MAX];
	size_t length;
};
extern struct said said[256];
extern size_t n_said, n_read;

/* A line of which the test is one end; its other link comes up by line_restart(). */
struct line *alone(void);
void tell(struct line *line, unsigned side, unsigned protocol, uint8_t code, uint8_t id, const void *body,
        size_t n);
/* The next packet that the link said, which must be of that protocol and code; its frame. */
const uint8_t *hear(unsigned protocol, uint8_t code, size_t *ret_length);
void assert_heard(unsigned protocol, uint8_t code, uint8_t id, const void *body, size_t n);
void assert_silence(void);
bool never_said(unsigned protocol);
/* Acknowledges the link's Configure-Request, which must be the next packet. */
void acknowledge(struct line *line, unsigned side, unsigned protocol);
/* Starts the link and brings its LCP up with these options of the test's side. */
void open_lcp(struct line *line, unsigned side, const char *options, size_t n);

#define MAGIC "\5\6\x12\x34\x56\x78"
#define TELL(line, side, protocol, code, id, text) \
	tell(line, side, protocol, code, id, text, sizeof(text) - 1)
#define HEARD(protocol, code, id, text) assert_heard(protocol, code, id, text, sizeof(text) - 1)
