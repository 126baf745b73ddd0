/* SPDX-License-Identifier: ISC */
/*
 * RADIUS packets (RFC 2865, 2866, 2869, 3579, 5176, 5997): read, written, signed, verified. Sans-I/O, no
 * memory of its own, no state. A packet that was parsed is well formed to its last attribute, vendor's ones
 * included, so that walking it cannot fail.
 */
#pragma once

#include "base/address.h"
#include "base/cursor.h"

#define RADIUS_PACKET_MIN 20
#define RADIUS_PACKET_MAX 4096 /* RFC 2865 section 3; RFC 7930 is not spoken */
#define RADIUS_ATTRIBUTES_MAX 256
#define RADIUS_VALUE_MAX 253
#define RADIUS_VENDOR_VALUE_MAX 247
#define RADIUS_AUTHENTICATOR_SIZE 16
#define RADIUS_PASSWORD_MAX 128 /* RFC 2865, 5.2 */
#define RADIUS_SECRET_MAX 128

enum radius_code {
	RADIUS_ACCESS_REQUEST = 1,
	RADIUS_ACCESS_ACCEPT = 2,
	RADIUS_ACCESS_REJECT = 3,
	RADIUS_ACCOUNTING_REQUEST = 4,
	RADIUS_ACCOUNTING_RESPONSE = 5,
	RADIUS_ACCESS_CHALLENGE = 11,
	RADIUS_STATUS_SERVER = 12,
	RADIUS_DISCONNECT_REQUEST = 40,
	RADIUS_DISCONNECT_ACK = 41,
	RADIUS_DISCONNECT_NAK = 42,
	RADIUS_COA_REQUEST = 43,
	RADIUS_COA_ACK = 44,
	RADIUS_COA_NAK = 45,
};

enum radius_type {
	RADIUS_USER_NAME = 1,
	RADIUS_USER_PASSWORD = 2,
	RADIUS_CHAP_PASSWORD = 3,
	RADIUS_NAS_IP_ADDRESS = 4,
	RADIUS_NAS_PORT = 5,
	RADIUS_SERVICE_TYPE = 6,
	RADIUS_FRAMED_PROTOCOL = 7,
	RADIUS_FRAMED_IP_ADDRESS = 8,
	RADIUS_FILTER_ID = 11,
	RADIUS_FRAMED_MTU = 12,
	RADIUS_REPLY_MESSAGE = 18,
	RADIUS_FRAMED_ROUTE = 22,
	RADIUS_STATE = 24,
	RADIUS_CLASS = 25,
	RADIUS_VENDOR_SPECIFIC = 26,
	RADIUS_SESSION_TIMEOUT = 27,
	RADIUS_IDLE_TIMEOUT = 28,
	RADIUS_CALLED_STATION_ID = 30,
	RADIUS_CALLING_STATION_ID = 31,
	RADIUS_NAS_IDENTIFIER = 32,
	RADIUS_PROXY_STATE = 33,
	RADIUS_ACCT_STATUS_TYPE = 40,
	RADIUS_ACCT_DELAY_TIME = 41,
	RADIUS_ACCT_INPUT_OCTETS = 42,
	RADIUS_ACCT_OUTPUT_OCTETS = 43,
	RADIUS_ACCT_SESSION_ID = 44,
	RADIUS_ACCT_AUTHENTIC = 45,
	RADIUS_ACCT_SESSION_TIME = 46,
	RADIUS_ACCT_INPUT_PACKETS = 47,
	RADIUS_ACCT_OUTPUT_PACKETS = 48,
	RADIUS_ACCT_TERMINATE_CAUSE = 49,
	RADIUS_ACCT_MULTI_SESSION_ID = 50,
	RADIUS_ACCT_INPUT_GIGAWORDS = 52,
	RADIUS_ACCT_OUTPUT_GIGAWORDS = 53,
	RADIUS_EVENT_TIMESTAMP = 55,
	RADIUS_CHAP_CHALLENGE = 60,
	RADIUS_NAS_PORT_TYPE = 61,
	RADIUS_TUNNEL_TYPE = 64,
	RADIUS_TUNNEL_MEDIUM_TYPE = 65,
	RADIUS_TUNNEL_CLIENT_ENDPOINT = 66,
	RADIUS_TUNNEL_SERVER_ENDPOINT = 67,
	RADIUS_EAP_MESSAGE = 79,
	RADIUS_MESSAGE_AUTHENTICATOR = 80,
	RADIUS_TUNNEL_PRIVATE_GROUP_ID = 81,
	RADIUS_ACCT_INTERIM_INTERVAL = 85,
	RADIUS_NAS_PORT_ID = 87,
	RADIUS_FRAMED_POOL = 88,
	RADIUS_CHARGEABLE_USER_IDENTITY = 89,
	RADIUS_TUNNEL_CLIENT_AUTH_ID = 90,
	RADIUS_NAS_IPV6_ADDRESS = 95,
	RADIUS_FRAMED_INTERFACE_ID = 96,
	RADIUS_FRAMED_IPV6_PREFIX = 97,
	RADIUS_FRAMED_IPV6_ROUTE = 99,
	RADIUS_FRAMED_IPV6_POOL = 100,
	RADIUS_ERROR_CAUSE = 101,
	RADIUS_DELEGATED_IPV6_PREFIX = 123,
	RADIUS_FRAMED_IPV6_ADDRESS = 168,
	RADIUS_DNS_SERVER_IPV6_ADDRESS = 169,
	RADIUS_DELEGATED_IPV6_PREFIX_POOL = 171,
};

#define RADIUS_VENDOR_MICROSOFT 311 /* RFC 2548 */
enum radius_microsoft_type {
	MS_CHAP_ERROR = 2,
	MS_CHAP_CHALLENGE = 11,
	MS_CHAP2_RESPONSE = 25,
	MS_CHAP2_SUCCESS = 26,
	MS_PRIMARY_DNS_SERVER = 28,
	MS_SECONDARY_DNS_SERVER = 29,
};
#define RADIUS_VENDOR_WISPR 14122
enum radius_wispr_type { WISPR_BANDWIDTH_MAX_UP = 7, WISPR_BANDWIDTH_MAX_DOWN = 8 };

/* Values of Service-Type, Framed-Protocol, NAS-Port-Type, Tunnel-Type, Acct-Status-Type, Acct-Authentic. */
enum { RADIUS_SERVICE_FRAMED = 2, RADIUS_SERVICE_AUTHORIZE_ONLY = 17 };
enum { RADIUS_FRAMED_PPP = 1, RADIUS_PORT_VIRTUAL = 5, RADIUS_TUNNEL_L2TP = 3 };
enum { RADIUS_MEDIUM_IPV4 = 1, RADIUS_MEDIUM_IPV6 = 2 };
enum radius_status {
	RADIUS_START = 1,
	RADIUS_STOP = 2,
	RADIUS_INTERIM = 3,
	RADIUS_ACCOUNTING_ON = 7,
	RADIUS_ACCOUNTING_OFF = 8
};
enum { RADIUS_AUTHENTIC_RADIUS = 1, RADIUS_AUTHENTIC_LOCAL = 2 };

struct radius_secret {
	uint8_t bytes[RADIUS_SECRET_MAX];
	size_t length;
};

/* A packet in the bytes that it was parsed from. */
struct radius_packet {
	const uint8_t *bytes;
	size_t length; /* the Length field; octets behind it are padding and not looked at */
	uint8_t code, id;
	const uint8_t *authenticator;
	size_t n_attributes;
	size_t message_authenticator; /* offset of its 16 bytes; 0: none */
};

/* -EINVAL with the reason unless bytes are a packet whose attributes fill it exactly: RFC 2865 sections 3 and
 * 5, RFC 2868 (vendor attributes of the form type, length, value for the vendors above). */
int radius_parse(const void *bytes, size_t length, struct radius_packet *ret, struct error *err);

/* An attribute; vendor 0: of the standard space. Of vendors other than those above the whole String is the
 * value, type 0. */
struct radius_attribute {
	uint32_t vendor;
	uint8_t type;
	uint8_t length;
	const uint8_t *value;
};
struct radius_walk {
	struct reader rest, vendor_rest;
	uint32_t vendor;
};
struct radius_walk radius_begin(const struct radius_packet *p);
bool radius_next(struct radius_walk *w, struct radius_attribute *ret);
/* The first of its kind; false if there is none. */
bool radius_find(const struct radius_packet *p, uint32_t vendor, uint8_t type, struct radius_attribute *ret);
/* All of one type, one after the other (EAP-Message, RFC 3579 3.1). Returns the length, 0 where there is
 * none; -E2BIG above size. */
int radius_concatenate(const struct radius_packet *p, uint8_t type, uint8_t *ret, size_t size);

/* Values. -EINVAL where length or contents are not of the type. Text has no NUL inside (RFC 8044 3.4). */
int radius_get_u32(const struct radius_attribute *a, uint32_t *ret);
int radius_get_text(const struct radius_attribute *a, char ret[RADIUS_VALUE_MAX + 1]);
int radius_get_ipv4(const struct radius_attribute *a, struct ip_address *ret);
int radius_get_ipv6(const struct radius_attribute *a, struct ip_address *ret);
/* RFC 3162, 2.3: bits behind the prefix length must be zero. */
int radius_get_prefix(const struct radius_attribute *a, struct ip_prefix *ret);

/* Writing. w has the limit RADIUS_PACKET_MAX and is empty; a failed writer shows at radius_sign_*(). */
void radius_write_header(
        struct writer *w, uint8_t code, uint8_t id, const uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE]);
/* A value above the maximum fails the writer. */
void radius_write(struct writer *w, uint8_t type, const void *value, size_t length);
void radius_write_u32(struct writer *w, uint8_t type, uint32_t value);
void radius_write_text(struct writer *w, uint8_t type, const char *text); /* cut to RADIUS_VALUE_MAX */
void radius_write_vendor(struct writer *w, uint32_t vendor, uint8_t type, const void *value, size_t length);
void radius_write_tagged_u32(struct writer *w, uint8_t type, uint32_t value); /* tag 0; 24 bits */
void radius_write_prefix(struct writer *w, uint8_t type, const struct ip_prefix *prefix);
/* In as many attributes as it takes. */
void radius_write_long(struct writer *w, uint8_t type, const void *value, size_t length);
/* Sixteen zeros that radius_sign_*() fills; first of all attributes, so that a prefix collision of MD5 gains
 * nothing (CVE-2024-3596). */
void radius_write_message_authenticator(struct writer *w);

/* RFC 2865, 5.2: from and to the form that is sent. -EINVAL for more than RADIUS_PASSWORD_MAX bytes. */
int radius_hide_password(const struct radius_secret *secret,
        const uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE], const void *password, size_t length,
        uint8_t ret[RADIUS_PASSWORD_MAX], size_t *ret_length);

/* -ENOTSUP where OpenSSL has no MD5; without it the functions below abort. */
int radius_check_digests(struct error *err);

/* Signing: sets the Length, fills the Message-Authenticator (if there is one), then the Authenticator where
 * it is computed. -ENOBUFS where the packet became too long. */
/* Access-Request, Status-Server: the Request Authenticator is random and already there. */
int radius_sign_request(struct writer *w, const struct radius_secret *secret);
/* Accounting-Request (RFC 2866 section 3), CoA-Request, Disconnect-Request: it is computed. */
int radius_sign_computed(struct writer *w, const struct radius_secret *secret);
/* Any answer. */
int radius_sign_response(struct writer *w, const uint8_t request_authenticator[RADIUS_AUTHENTICATOR_SIZE],
        const struct radius_secret *secret);

/* Verifying, in constant time. -EBADMSG where a signature is wrong; -ENOMSG where the Message-Authenticator
 * is missing and must be there. */
int radius_verify_response(const struct radius_packet *p,
        const uint8_t request_authenticator[RADIUS_AUTHENTICATOR_SIZE], const struct radius_secret *secret,
        bool must_have);
/* Accounting-Request, CoA-Request, Disconnect-Request. */
int radius_verify_computed(const struct radius_packet *p, const struct radius_secret *secret, bool must_have);
