/* SPDX-License-Identifier: ISC */
/* Results and errors in words (RFC 2661 4.4.2). */
#include "proto/l2tp/l2tp.h"

static const char *const stop_results[] = {
	[L2TP_STOP_REQUEST] = "cleared on request",
	[L2TP_STOP_ERROR] = "error",
	[L2TP_STOP_EXISTS] = "there is a control connection already",
	[L2TP_STOP_NOT_AUTHORIZED] = "not authorized",
	[L2TP_STOP_VERSION] = "protocol version not supported",
	[L2TP_STOP_SHUTDOWN] = "shutting down",
	[L2TP_STOP_FSM] = "message out of sequence",
};
static const char *const cdn_results[] = {
	[L2TP_CDN_CARRIER_LOST] = "carrier lost",
	[L2TP_CDN_ERROR] = "error",
	[L2TP_CDN_ADMINISTRATIVE] = "administrative",
	[L2TP_CDN_NO_FACILITIES_NOW] = "no facilities at present",
	[L2TP_CDN_NO_FACILITIES] = "no facilities",
	[L2TP_CDN_INVALID_DESTINATION] = "invalid destination",
	[L2TP_CDN_NO_CARRIER] = "no carrier",
	[L2TP_CDN_BUSY] = "busy",
	[L2TP_CDN_NO_DIAL_TONE] = "no dial tone",
	[L2TP_CDN_TIMEOUT] = "not established in time",
	[L2TP_CDN_NO_FRAMING] = "no appropriate framing",
};
static const char *const errors[] = {
	[L2TP_E_NONE] = "no error",
	[L2TP_E_NO_CONNECTION] = "no control connection yet",
	[L2TP_E_LENGTH] = "wrong length",
	[L2TP_E_VALUE] = "value out of range",
	[L2TP_E_RESOURCES] = "no resources",
	[L2TP_E_SESSION_ID] = "session id invalid here",
	[L2TP_E_VENDOR] = "vendor specific",
	[L2TP_E_TRY_ANOTHER] = "try another",
	[L2TP_E_UNKNOWN_MANDATORY] = "unknown mandatory AVP",
};

static const char *text_of(const char *const *texts, size_t n, uint16_t code)
{
	return code < n && texts[code] ? texts[code] : "unknown code";
}

const char *l2tp_stop_result_text(uint16_t result)
{
	return text_of(stop_results, ARRAY_LENGTH(stop_results), result);
}

const char *l2tp_cdn_result_text(uint16_t result)
{
	return text_of(cdn_results, ARRAY_LENGTH(cdn_results), result);
}

const char *l2tp_error_text(uint16_t error)
{
	return text_of(errors, ARRAY_LENGTH(errors), error);
}
