/* SPDX-License-Identifier: ISC */
/* Words for people, and for accounting. */
#include "proto/ppp/ppp.h"

/* Acct-Terminate-Cause, RFC 2866, 5.10. */
enum {
	CAUSE_USER_REQUEST = 1,
	CAUSE_LOST_CARRIER = 2,
	CAUSE_LOST_SERVICE = 3,
	CAUSE_IDLE_TIMEOUT = 4,
	CAUSE_SESSION_TIMEOUT = 5,
	CAUSE_ADMIN_RESET = 6,
	CAUSE_PORT_ERROR = 8,
	CAUSE_NAS_REQUEST = 10,
	CAUSE_NAS_REBOOT = 11,
	CAUSE_SERVICE_UNAVAILABLE = 15,
	CAUSE_USER_ERROR = 17,
};

static const struct {
	const char *text;
	unsigned cause;
} ends[PPP_N_ENDS] = {
	[PPP_END_CLOSED] = { "closed on our side", CAUSE_USER_REQUEST },
	[PPP_END_ADMIN] = { "disconnected by the operator", CAUSE_ADMIN_RESET },
	[PPP_END_TIMEOUT] = { "the session's time is over", CAUSE_SESSION_TIMEOUT },
	[PPP_END_IDLE] = { "idle for too long", CAUSE_IDLE_TIMEOUT },
	[PPP_END_SHUTDOWN] = { "the service stops", CAUSE_NAS_REBOOT },
	[PPP_END_SERVICE] = { "no address or no authentication service to be had",
	        CAUSE_SERVICE_UNAVAILABLE },
	[PPP_END_PEER] = { "closed by the peer", CAUSE_USER_REQUEST },
	[PPP_END_LOWER] = { "the tunnel below is gone", CAUSE_LOST_CARRIER },
	[PPP_END_ECHO] = { "the peer answers no echoes", CAUSE_LOST_CARRIER },
	[PPP_END_LOOPED] = { "the line is looped back", CAUSE_PORT_ERROR },
	[PPP_END_NEGOTIATION] = { "the link could not be negotiated", CAUSE_PORT_ERROR },
	[PPP_END_NO_METHOD] = { "no authentication method that both sides allow", CAUSE_USER_ERROR },
	[PPP_END_UNPROTECTED] = { "the authentication would run unprotected", CAUSE_USER_ERROR },
	[PPP_END_AUTH_FAILED] = { "the authentication of the peer failed", CAUSE_USER_ERROR },
	[PPP_END_REFUSED] = { "the peer refused our authentication", CAUSE_USER_ERROR },
	[PPP_END_AUTH_TIMEOUT] = { "the authentication took too long", CAUSE_LOST_SERVICE },
	[PPP_END_NO_NETWORK] = { "no network protocol is left", CAUSE_NAS_REQUEST },
};

const char *ppp_end_text(enum ppp_end end)
{
	return end < PPP_N_ENDS ? ends[end].text : "unknown";
}

unsigned ppp_end_cause(enum ppp_end end)
{
	return end < PPP_N_ENDS ? ends[end].cause : CAUSE_NAS_REQUEST;
}

const char *ppp_method_text(enum ppp_method method)
{
	static const char *const texts[PPP_N_METHODS] = {
		[PPP_NO_METHOD] = "none",
		[PPP_PAP] = "PAP",
		[PPP_CHAP_MD5] = "CHAP-MD5",
		[PPP_MSCHAPV2] = "MS-CHAPv2",
		[PPP_EAP] = "EAP",
	};
	return method < PPP_N_METHODS ? texts[method] : "unknown";
}
