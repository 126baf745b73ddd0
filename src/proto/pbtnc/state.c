/* SPDX-License-Identifier: ISC */
/*
 * The state machine of RFC 5793 3.2. Both sides run the same one: a batch moves its sender when it is sent
 * and its recipient when it is received. Retries may cross on a full-duplex transport: each side is then in
 * Server Working (or, after an SDATA, in Client Working) when the other's CRETRY or SRETRY arrives, and stays
 * there, so the two agree again.
 */
#include "proto/pbtnc/session.h"

#define NOT_ALLOWED 0
#define TO(state) ((PBTNC_##state) + 1)

/* One row a state; what is not here is an unexpected batch. */
static const uint8_t transitions[PBTNC_N_STATES][PBTNC_N_BATCH_TYPES] = {
	[PBTNC_INIT] = {
		[PBTNC_CDATA] = TO(SERVER_WORKING),
		[PBTNC_SDATA] = TO(CLIENT_WORKING),
		[PBTNC_CLOSE] = TO(END),
	},
	[PBTNC_SERVER_WORKING] = {
		[PBTNC_SDATA] = TO(CLIENT_WORKING),
		[PBTNC_RESULT] = TO(DECIDED),
		[PBTNC_CRETRY] = TO(SERVER_WORKING),
		[PBTNC_SRETRY] = TO(SERVER_WORKING),
		[PBTNC_CLOSE] = TO(END),
	},
	[PBTNC_CLIENT_WORKING] = {
		[PBTNC_CDATA] = TO(SERVER_WORKING),
		[PBTNC_CRETRY] = TO(CLIENT_WORKING),
		[PBTNC_CLOSE] = TO(END),
	},
	[PBTNC_DECIDED] = {
		[PBTNC_CRETRY] = TO(SERVER_WORKING),
		[PBTNC_SRETRY] = TO(SERVER_WORKING),
		[PBTNC_CLOSE] = TO(END),
	},
	[PBTNC_END] = {
		[PBTNC_CLOSE] = TO(END),
	},
};

/* What a side sends of its own will: a CRETRY in Server Working only answers an SRETRY, which the session
 * checks. */
static const uint8_t sends[2][PBTNC_N_STATES][PBTNC_N_BATCH_TYPES] = {
	[PBTNC_CLIENT] = {
		[PBTNC_INIT] = { [PBTNC_CDATA] = 1, [PBTNC_CLOSE] = 1 },
		[PBTNC_SERVER_WORKING] = { [PBTNC_CRETRY] = 1, [PBTNC_CLOSE] = 1 },
		[PBTNC_CLIENT_WORKING] = { [PBTNC_CDATA] = 1, [PBTNC_CLOSE] = 1 },
		[PBTNC_DECIDED] = { [PBTNC_CRETRY] = 1, [PBTNC_CLOSE] = 1 },
	},
	[PBTNC_SERVER] = {
		[PBTNC_INIT] = { [PBTNC_SDATA] = 1, [PBTNC_CLOSE] = 1 },
		[PBTNC_SERVER_WORKING] = { [PBTNC_SDATA] = 1, [PBTNC_RESULT] = 1, [PBTNC_CLOSE] = 1 },
		[PBTNC_CLIENT_WORKING] = { [PBTNC_CLOSE] = 1 },
		[PBTNC_DECIDED] = { [PBTNC_SRETRY] = 1, [PBTNC_CLOSE] = 1 },
	},
};

int pbtnc_next_state(enum pbtnc_state state, enum pbtnc_batch_type type)
{
	return (int)transitions[state][type] - 1;
}

bool pbtnc_may_send(enum pbtnc_role role, enum pbtnc_state state, enum pbtnc_batch_type type)
{
	return sends[role][state][type];
}

bool pbtnc_is_sender(enum pbtnc_role role, enum pbtnc_batch_type type)
{
	switch (type) {
	case PBTNC_CDATA:
	case PBTNC_CRETRY:
		return role == PBTNC_CLIENT;
	case PBTNC_SDATA:
	case PBTNC_RESULT:
	case PBTNC_SRETRY:
		return role == PBTNC_SERVER;
	default:
		return true;
	}
}

const char *pbtnc_state_name(enum pbtnc_state state)
{
	static const char *const names[] = { "Init", "Server Working", "Client Working", "Decided", "End" };
	return state < ARRAY_LENGTH(names) ? names[state] : "?";
}

const char *pbtnc_batch_name(enum pbtnc_batch_type type)
{
	static const char *const names[] = { "?", "CDATA", "SDATA", "RESULT", "CRETRY", "SRETRY", "CLOSE" };
	return type < ARRAY_LENGTH(names) ? names[type] : "?";
}

const char *pbtnc_error_text(uint32_t vendor, uint16_t code)
{
	static const char *const texts[] = { "unexpected batch type", "invalid parameter", "local error",
		"unsupported mandatory message", "version not supported" };
	return vendor == PBTNC_VENDOR_IETF && code < ARRAY_LENGTH(texts) ? texts[code]
	                                                                 : "another vendor's error";
}
