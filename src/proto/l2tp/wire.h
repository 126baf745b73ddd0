/* SPDX-License-Identifier: ISC */
/* The control message header, AVPs and their hiding (RFC 2661 3.1, 4); private to the room. */
#pragma once

#include "base/cursor.h"
#include "proto/l2tp/data.h"
#include "proto/l2tp/l2tp.h"

#define L2TP_CONTROL_HEADER_SIZE 12
#define L2TP_AVP_HEADER_SIZE 6
#define L2TP_BUILD_MAX 2048 /* the longest message that we send is far below */
#define L2TP_RANDOM_VECTOR_SIZE 16
#define L2TP_CHALLENGE_SIZE 16
#define L2TP_RESPONSE_SIZE 16
#define L2TP_PROTOCOL_VERSION 0x0100

/* 3.2 */
enum l2tp_type {
	L2TP_ZLB = 0,
	L2TP_SCCRQ = 1,
	L2TP_SCCRP = 2,
	L2TP_SCCCN = 3,
	L2TP_STOPCCN = 4,
	L2TP_HELLO = 6,
	L2TP_OCRQ = 7,
	L2TP_OCRP = 8,
	L2TP_OCCN = 9,
	L2TP_ICRQ = 10,
	L2TP_ICRP = 11,
	L2TP_ICCN = 12,
	L2TP_CDN = 14,
	L2TP_WEN = 15,
	L2TP_SLI = 16,
	L2TP_N_TYPES = 17,
};

/* 4.4, vendor 0 */
enum l2tp_attribute {
	L2TP_MESSAGE_TYPE = 0,
	L2TP_RESULT_CODE = 1,
	L2TP_PROTOCOL_VERSION_AVP = 2,
	L2TP_FRAMING_CAPABILITIES = 3,
	L2TP_BEARER_CAPABILITIES = 4,
	L2TP_TIE_BREAKER = 5,
	L2TP_FIRMWARE_REVISION = 6,
	L2TP_HOST_NAME = 7,
	L2TP_VENDOR_NAME = 8,
	L2TP_ASSIGNED_TUNNEL_ID = 9,
	L2TP_RECEIVE_WINDOW_SIZE = 10,
	L2TP_CHALLENGE = 11,
	L2TP_CAUSE_CODE = 12,
	L2TP_CHALLENGE_RESPONSE = 13,
	L2TP_ASSIGNED_SESSION_ID = 14,
	L2TP_CALL_SERIAL_NUMBER = 15,
	L2TP_MINIMUM_BPS = 16,
	L2TP_MAXIMUM_BPS = 17,
	L2TP_BEARER_TYPE = 18,
	L2TP_FRAMING_TYPE = 19,
	L2TP_CALLED_NUMBER = 21,
	L2TP_CALLING_NUMBER = 22,
	L2TP_SUB_ADDRESS = 23,
	L2TP_TX_CONNECT_SPEED = 24,
	L2TP_PHYSICAL_CHANNEL_ID = 25,
	L2TP_INITIAL_RECEIVED_CONFREQ = 26,
	L2TP_LAST_SENT_CONFREQ = 27,
	L2TP_LAST_RECEIVED_CONFREQ = 28,
	L2TP_PROXY_AUTHEN_TYPE = 29,
	L2TP_PROXY_AUTHEN_NAME = 30,
	L2TP_PROXY_AUTHEN_CHALLENGE = 31,
	L2TP_PROXY_AUTHEN_ID = 32,
	L2TP_PROXY_AUTHEN_RESPONSE = 33,
	L2TP_CALL_ERRORS = 34,
	L2TP_ACCM = 35,
	L2TP_RANDOM_VECTOR = 36,
	L2TP_PRIVATE_GROUP_ID = 37,
	L2TP_RX_CONNECT_SPEED = 38,
	L2TP_SEQUENCING_REQUIRED = 39,
	L2TP_N_ATTRIBUTES = 40,
};

struct l2tp_control_header {
	uint16_t length, tunnel, session, ns, nr;
};
/* False: not a control message of version 2 with Length and sequence numbers, or shorter than it says. */
bool l2tp_read_control_header(const uint8_t *p, size_t n, struct l2tp_control_header *ret);

/* The AVPs of one message. What is malformed or unknown is noted, for the machine to act on. */
struct l2tp_avps {
	struct l2tp_bytes value[L2TP_N_ATTRIBUTES];         /* of the first one of each kind */
	struct l2tp_bytes random_vector[L2TP_N_ATTRIBUTES]; /* of a hidden one: still to be revealed */
	uint64_t mandatory;                                 /* bit n: attribute n has the M bit */
	uint16_t type;                                      /* of the message */
	uint16_t session;                                   /* of its header: ours */
	uint16_t unknown_optional;
	bool unknown_mandatory;
	enum l2tp_error error; /* L2TP_E_LENGTH or L2TP_E_VALUE: the message is malformed beyond what may be
	                          ignored */
	size_t revealed;       /* bytes of plain[] in use */
	uint8_t plain[L2TP_PACKET_MAX];
};
/* body: what follows the header. The value pointers refer to it. False: not even a Message Type leads it. */
bool l2tp_read_avps(struct l2tp_avps *ret, const uint8_t *body, size_t n);
/* May an AVP of this kind have a value of this length? */
bool l2tp_length_is_valid(enum l2tp_attribute attribute, size_t length);
bool l2tp_has_hidden(const struct l2tp_avps *avps);
/* Replaces hidden values by what they hide (4.3). Without a secret (n 0) they are malformed. */
void l2tp_reveal(struct l2tp_avps *avps, const uint8_t *secret, size_t n);

static inline bool l2tp_has(const struct l2tp_avps *avps, enum l2tp_attribute attribute)
{
	return avps->value[attribute].bytes;
}
/* The number in an AVP of that many bytes; 0 where it is not there. */
uint16_t l2tp_avp_u16(const struct l2tp_avps *avps, enum l2tp_attribute attribute);
uint32_t l2tp_avp_u32(const struct l2tp_avps *avps, enum l2tp_attribute attribute);
/* Text for people: at most L2TP_NAME_MAX bytes, what is not printable ASCII replaced, "" where it is not
 * there. The caller frees. */
char *l2tp_avp_text(const struct l2tp_avps *avps, enum l2tp_attribute attribute, size_t skip);

/* A message being written. secret_length 0: nothing is hidden. */
struct l2tp_builder {
	struct writer *w;
	uint8_t secret[L2TP_SECRET_MAX];
	size_t secret_length;
	uint8_t random_vector[L2TP_RANDOM_VECTOR_SIZE];
	bool vector_written;
};
/* Header (Ns and Nr are filled in when it is sent) and Message Type. */
void l2tp_build(struct l2tp_builder *b, enum l2tp_type type, uint16_t tunnel, uint16_t session);
/* Hidden where the builder has a secret and the attribute may be hidden; a Random Vector goes before the
 * first. */
void l2tp_add(struct l2tp_builder *b, enum l2tp_attribute attribute, const void *value, size_t n);
void l2tp_add_u16(struct l2tp_builder *b, enum l2tp_attribute attribute, uint16_t v);
void l2tp_add_u32(struct l2tp_builder *b, enum l2tp_attribute attribute, uint32_t v);
void l2tp_add_result(struct l2tp_builder *b, uint16_t result, uint16_t error, const char *message);
/* Fills in Length. */
void l2tp_finish(struct l2tp_builder *b);

/* The chained MD5 of 4.3, in place; hiding and revealing differ in which side of the XOR is chained. */
void l2tp_hide(uint8_t *bytes, size_t n, enum l2tp_attribute attribute, const uint8_t *secret,
        size_t secret_length, const uint8_t *vector, size_t vector_length);
/* 4.4.3, Challenge Response: type is that of the message that carries it. */
void l2tp_respond(uint8_t ret[L2TP_RESPONSE_SIZE], enum l2tp_type type, const uint8_t *secret,
        size_t secret_length, const uint8_t *challenge, size_t challenge_length);
