/* SPDX-License-Identifier: ISC */
/*
 * PB-TNC (RFC 5793): the posture broker protocol, both roles. A session composes batches, takes batches and
 * turns them into events, by the state machine of 3.2. No sockets, no clock, no allocation for what is
 * received: events point into the caller's batch.
 *
 *   client: add_pa(), send(CDATA); receive(); ... until RESULT is received, then send(CLOSE) or keep the
 * connection and answer RETRY events. server: receive(); on TURN send(SDATA) to ask for more, or
 * send_result(). Later request_retry(), and at once compose and send(SDATA): that is a re-inspection on the
 * connection that stayed open.
 *
 * A batch is checked as a whole before its first event, so nothing of a malformed batch is ever acted on.
 * Where one is refused, the session has queued a CLOSE batch with the PB-Error: send what pbtnc_take_reply()
 * gives, then close.
 */
#pragma once

#include "base/cursor.h"

#define PBTNC_VERSION 2
#define PBTNC_BATCH_HEADER_SIZE 8    /* 4.1 */
#define PBTNC_MESSAGE_HEADER_SIZE 12 /* 4.2 */
#define PBTNC_BATCH_MAX (4u << 20)
#define PBTNC_MESSAGES_MAX 1024 /* a batch */
#define PBTNC_ROUNDS_MAX 64     /* batches received in one assessment, from its start to the RESULT */
#define PBTNC_TEXT_MAX 65536    /* bytes of a reason, an instruction or a language preference */
#define PBTNC_ID_ANY 0xffff     /* 4.5: no particular Posture Collector or Validator */

enum pbtnc_role { PBTNC_CLIENT, PBTNC_SERVER };
enum pbtnc_state {
	PBTNC_INIT,
	PBTNC_SERVER_WORKING,
	PBTNC_CLIENT_WORKING,
	PBTNC_DECIDED,
	PBTNC_END,
	PBTNC_N_STATES,
};
enum pbtnc_batch_type { /* 4.1 */
	PBTNC_CDATA = 1,
	PBTNC_SDATA = 2,
	PBTNC_RESULT = 3,
	PBTNC_CRETRY = 4,
	PBTNC_SRETRY = 5,
	PBTNC_CLOSE = 6,
	PBTNC_N_BATCH_TYPES,
};
enum pbtnc_message_type { /* 4.3, vendor 0 */
	PBTNC_EXPERIMENTAL = 0,
	PBTNC_PA = 1,
	PBTNC_ASSESSMENT_RESULT = 2,
	PBTNC_ACCESS_RECOMMENDATION = 3,
	PBTNC_REMEDIATION_PARAMETERS = 4,
	PBTNC_ERROR = 5,
	PBTNC_LANGUAGE_PREFERENCE = 6,
	PBTNC_REASON_STRING = 7,
	PBTNC_N_MESSAGE_TYPES,
};
enum pbtnc_assessment { /* 4.6 */
	PBTNC_COMPLIANT = 0,
	PBTNC_MINOR_DIFFERENCES = 1,
	PBTNC_SIGNIFICANT_DIFFERENCES = 2,
	PBTNC_ASSESSMENT_ERROR = 3,
	PBTNC_ASSESSMENT_UNKNOWN = 4,
};
enum pbtnc_recommendation { /* 4.7; NONE leaves the message out */
	PBTNC_NO_RECOMMENDATION = 0,
	PBTNC_ACCESS_ALLOWED = 1,
	PBTNC_ACCESS_DENIED = 2,
	PBTNC_ACCESS_QUARANTINED = 3,
};
enum pbtnc_remediation_type { PBTNC_REMEDIATION_URI = 1, PBTNC_REMEDIATION_STRING = 2 }; /* 4.8 */
enum pbtnc_error_code {                                                                  /* 4.9, vendor 0 */
	PBTNC_E_UNEXPECTED_BATCH_TYPE = 0,
	PBTNC_E_INVALID_PARAMETER = 1, /* with an offset */
	PBTNC_E_LOCAL_ERROR = 2,
	PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE = 3, /* with an offset */
	PBTNC_E_VERSION_NOT_SUPPORTED = 4,
};

struct pbtnc_text {
	const char *at; /* UTF-8, not terminated, in the batch; NULs inside were refused */
	size_t length;
};

struct pbtnc_pa {
	uint32_t vendor, subtype; /* of the PA message */
	uint16_t collector, validator;
	bool exclusive; /* EXCL: for the one collector (validator) only */
	const uint8_t *body;
	size_t length;
};

struct pbtnc_remediation {
	uint32_t vendor, type;
	struct pbtnc_text
	        text; /* the URI or the instructions; for other vendors' types the raw bytes are in bytes */
	struct pbtnc_text language;
	const uint8_t *bytes;
	size_t length;
};

struct pbtnc_error {
	bool fatal;
	uint32_t vendor;
	uint16_t code;
	uint32_t offset;                               /* codes 1 and 3: into the batch that caused it */
	uint8_t bad_version, max_version, min_version; /* code 4 */
};

enum pbtnc_event_kind {
	PBTNC_EVENT_RETRY, /* a CRETRY (server) or SRETRY (client) was received: the assessment starts again
	                    */
	PBTNC_EVENT_PA,
	PBTNC_EVENT_LANGUAGE,       /* server: text is the Accept-Language header */
	PBTNC_EVENT_RESULT,         /* client: assessment */
	PBTNC_EVENT_RECOMMENDATION, /* client */
	PBTNC_EVENT_REASON,         /* client: text and language */
	PBTNC_EVENT_REMEDIATION,    /* client */
	PBTNC_EVENT_ERROR,
	PBTNC_EVENT_TURN,   /* after the batch: it is ours to send now */
	PBTNC_EVENT_CLOSED, /* the end, by the peer or by an error; pbtnc_take_reply() has the batch that says
	                       so */
};

struct pbtnc_event {
	enum pbtnc_event_kind kind;
	union {
		struct pbtnc_pa pa;
		enum pbtnc_assessment assessment;
		enum pbtnc_recommendation recommendation;
		struct pbtnc_remediation remediation;
		struct pbtnc_error error;
		struct {
			struct pbtnc_text text, language;
		};
	};
};

struct pbtnc_counters {
	uint64_t batches_received, batches_sent, ignored_messages, refused_batches, late_batches;
};

struct pbtnc_session;

struct pbtnc_session *pbtnc_session_new(enum pbtnc_role role);
struct pbtnc_session *pbtnc_session_free(struct pbtnc_session *s); /* NULL in, NULL out */
enum pbtnc_state pbtnc_get_state(const struct pbtnc_session *s);
/* Client in Init or Client Working, server in Server Working. */
bool pbtnc_is_turn(const struct pbtnc_session *s);
struct pbtnc_counters pbtnc_get_counters(const struct pbtnc_session *s);

/* One whole batch. bytes stay the caller's and must live until pbtnc_next() has returned false. 0 for a good
 * batch, -EBADMSG for one that was refused (the state is End, the reply says why, CLOSED follows), -EBUSY
 * where events are left. A batch after the end is counted and ignored. */
int pbtnc_receive_batch(struct pbtnc_session *s, const void *bytes, size_t n);
bool pbtnc_next(struct pbtnc_session *s, struct pbtnc_event *ret);
/* What was refused in the last batch; valid after -EBADMSG. */
const struct pbtnc_error *pbtnc_get_problem(const struct pbtnc_session *s);
/* Appends the CLOSE batch that a refused batch is answered with; false where there is none (any more). */
bool pbtnc_take_reply(struct pbtnc_session *s, struct writer *w);

/* Composing: messages are kept until the next send. All return 0, -EMSGSIZE above a limit, or -EINVAL for
 * what the RFC does not allow (NUL in a text, a language code over 255 bytes, reserved vendor or subtype). */
int pbtnc_add_pa(struct pbtnc_session *s, const struct pbtnc_pa *pa);
int pbtnc_add_language(
        struct pbtnc_session *s, const char *accept_language); /* "en, de;q=0.5", without the header's name */
int pbtnc_add_reason(struct pbtnc_session *s, const char *text, const char *language);
int pbtnc_add_remediation_string(struct pbtnc_session *s, const char *text, const char *language);
int pbtnc_add_remediation_uri(struct pbtnc_session *s, const char *uri);
int pbtnc_add_error(struct pbtnc_session *s, const struct pbtnc_error *error);
/* 4.4: for tests between consenting parties; never with NOSKIP. */
int pbtnc_add_experimental(struct pbtnc_session *s, const void *bytes, size_t n);
/* Drops what was composed and not sent. */
void pbtnc_discard(struct pbtnc_session *s);

/* Appends a batch with the composed messages to w. -EPROTO where the state does not allow that type (the
 * composed messages are kept), -EMSGSIZE. RESULT goes by pbtnc_send_result(). CLOSE is always allowed before
 * the end. */
int pbtnc_send(struct pbtnc_session *s, enum pbtnc_batch_type type, struct writer *w);
int pbtnc_send_result(struct pbtnc_session *s, enum pbtnc_assessment assessment,
        enum pbtnc_recommendation recommendation, struct writer *w);
/* SRETRY or CRETRY by role, with the composed messages: allowed once decided; as client also to answer a
 * RETRY event. After it the server may send SDATA at once. */
int pbtnc_request_retry(struct pbtnc_session *s, struct writer *w);

const char *pbtnc_state_name(enum pbtnc_state state);
const char *pbtnc_batch_name(enum pbtnc_batch_type type);
const char *pbtnc_error_text(uint32_t vendor, uint16_t code);

static inline void pbtnc_session_free_pointer(struct pbtnc_session **s)
{
	pbtnc_session_free(*s);
}
