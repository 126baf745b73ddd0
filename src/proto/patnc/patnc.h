/* SPDX-License-Identifier: ISC */
/*
 * PA-TNC (RFC 5792): the attributes of a posture message, one codec for both directions. Decoding is in
 * place: every text and value points into the message, lists are read by iterators, nothing is allocated.
 * Encoding appends whole attributes to a writer. SWIMA's attributes are in swima.h, ours in pratique.h.
 *
 *   struct patnc_message m;                          size_t at;
 *   if (patnc_read_message(body, n, &m, &error)) ...   patnc_begin_message(w, id);
 *   while (patnc_next_attribute(&m, &a)) ...           patnc_put_product_information(w, &product); ...
 */
#pragma once

#include "base/cursor.h"

#define PATNC_VERSION 1
#define PATNC_MESSAGE_HEADER_SIZE 8    /* 3.6 */
#define PATNC_ATTRIBUTE_HEADER_SIZE 12 /* 4.1 */
#define PATNC_ATTRIBUTES_MAX 1024      /* a message */
#define PATNC_VENDOR_IETF 0u
#define PATNC_VENDOR_RESERVED 0xffffffu
#define PATNC_TYPE_RESERVED 0xffffffffu
#define PATNC_TIME_SIZE \
	20 /* 4.2.5: RFC 3339 in UTC, "2026-11-21T20:54:00Z"; "0000-00-00T00:00:00Z" is unknown */

/* PA subtypes, vendor 0 (RFC 5792 3.5, RFC 8412 10.1) */
enum patnc_subtype {
	PATNC_SUBTYPE_TESTING = 0,
	PATNC_SUBTYPE_OPERATING_SYSTEM = 1,
	PATNC_SUBTYPE_ANTI_VIRUS = 2,
	PATNC_SUBTYPE_ANTI_SPYWARE = 3,
	PATNC_SUBTYPE_ANTI_MALWARE = 4,
	PATNC_SUBTYPE_FIREWALL = 5,
	PATNC_SUBTYPE_IDPS = 6,
	PATNC_SUBTYPE_VPN = 7,
	PATNC_SUBTYPE_NEA_CLIENT = 8,
	PATNC_SUBTYPE_SWIMA = 9,
};

/* Attribute types, vendor 0 (4.2; RFC 8412 5) */
enum patnc_type {
	PATNC_TESTING = 0,
	PATNC_ATTRIBUTE_REQUEST = 1,
	PATNC_PRODUCT_INFORMATION = 2,
	PATNC_NUMERIC_VERSION = 3,
	PATNC_STRING_VERSION = 4,
	PATNC_OPERATIONAL_STATUS = 5,
	PATNC_PORT_FILTER = 6,
	PATNC_INSTALLED_PACKAGES = 7,
	PATNC_ERROR = 8,
	PATNC_ASSESSMENT_RESULT = 9,
	PATNC_REMEDIATION_INSTRUCTIONS = 10,
	PATNC_FORWARDING_ENABLED = 11,
	PATNC_FACTORY_DEFAULT_PASSWORD = 12,
	PATNC_SWIMA_REQUEST = 13,
	PATNC_SOFTWARE_IDENTIFIER_INVENTORY = 14,
	PATNC_SOFTWARE_IDENTIFIER_EVENTS = 15,
	PATNC_SOFTWARE_INVENTORY = 16,
	PATNC_SOFTWARE_EVENTS = 17,
	PATNC_SUBSCRIPTION_STATUS_REQUEST = 18,
	PATNC_SUBSCRIPTION_STATUS_RESPONSE = 19,
	PATNC_SOURCE_METADATA_REQUEST = 20,
	PATNC_SOURCE_METADATA_RESPONSE = 21,
};

struct patnc_text {
	const char *at; /* UTF-8, not terminated; in place */
	size_t length;
};
/* A text from a C string; NULL is empty. */
struct patnc_text patnc_text(const char *s);

/* What is wrong with a message, in the shape that a PA-TNC Error needs (4.2.8). */
enum patnc_error_code {
	PATNC_E_INVALID_PARAMETER = 1,
	PATNC_E_VERSION_NOT_SUPPORTED = 2,
	PATNC_E_ATTRIBUTE_TYPE_NOT_SUPPORTED = 3,
	PATNC_E_SWIMA_ERROR = 4, /* RFC 8412 5.16 */
	PATNC_E_SWIMA_SUBSCRIPTION_DENIED = 5,
	PATNC_E_SWIMA_RESPONSE_TOO_LARGE = 6,
	PATNC_E_SWIMA_SUBSCRIPTION_FULFILLMENT = 7,
	PATNC_E_SWIMA_SUBSCRIPTION_ID_REUSE = 8,
};

struct patnc_error {
	uint32_t vendor, code;
	/* Codes 1 to 3 of vendor 0: the header of the message that was wrong. */
	uint8_t header[PATNC_MESSAGE_HEADER_SIZE];
	uint32_t offset;                  /* 1: from the start of that message */
	uint8_t max_version, min_version; /* 2 */
	uint8_t attribute_flags;          /* 3, with the two below */
	uint32_t attribute_vendor, attribute_type;
	/* Codes 4 to 8. */
	uint32_t request_id;           /* Request ID or Subscription ID */
	uint32_t maximum_size;         /* 6 */
	uint32_t sub_vendor, sub_code; /* 7: the error that hindered the fulfillment */
	struct patnc_text description; /* 4, 5, 6, 8 */
	const uint8_t *bytes;          /* other codes, and what 7 carries for its sub-code */
	size_t length;
};

struct patnc_message {
	uint8_t header[PATNC_MESSAGE_HEADER_SIZE];
	uint32_t id;
	const uint8_t *start;
	struct reader rest;
};

struct patnc_attribute {
	bool noskip;
	uint8_t flags;
	uint32_t vendor, type;
	const uint8_t *value;
	size_t length; /* of the value */
	size_t offset; /* of the attribute's header in the message */
};

/* Checks the header and the frame of every attribute, and that each one with NOSKIP is a known one (4.1):
 * vendor 0's, ours, and those of is_known (may be NULL). 0, or -EBADMSG with *ret_error ready to be sent by
 * patnc_put_error(). */
int patnc_read_message(const void *bytes, size_t n, bool (*is_known)(uint32_t vendor, uint32_t type),
        struct patnc_message *ret, struct patnc_error *ret_error);
bool patnc_next_attribute(struct patnc_message *m, struct patnc_attribute *ret);
/* The Invalid Parameter error for an attribute whose decoder said -EBADMSG. */
struct patnc_error patnc_invalid_attribute(const struct patnc_message *m, const struct patnc_attribute *a);

/* id: unique in its direction of the session (3.6). */
void patnc_begin_message(struct writer *w, uint32_t id);
/* Begin and end enclose a value; the length is patched. Returns what patnc_end_attribute() wants. */
size_t patnc_begin_attribute(struct writer *w, uint32_t vendor, uint32_t type, bool noskip);
void patnc_end_attribute(struct writer *w, size_t at);

/* One get and one put an attribute. get: 0, or -EBADMSG for a value that is not what its clause says. put
 * writes the whole attribute; a text that is too long for its length field makes the writer fail. */

/* 4.2.1 Attribute Request: pairs of vendor and type. */
struct patnc_attribute_id {
	uint32_t vendor, type;
};
struct patnc_list { /* of an iterator: count is what the header claims or the size allows */
	struct reader rest;
	size_t count;
};
int patnc_get_attribute_request(const struct patnc_attribute *a, struct patnc_list *ret);
bool patnc_next_attribute_id(struct patnc_list *list, struct patnc_attribute_id *ret);
void patnc_put_attribute_request(struct writer *w, const struct patnc_attribute_id *ids, size_t n);

struct patnc_product { /* 4.2.2 */
	uint32_t vendor;
	uint16_t id; /* 0: unknown */
	struct patnc_text name;
};
int patnc_get_product_information(const struct patnc_attribute *a, struct patnc_product *ret);
void patnc_put_product_information(struct writer *w, const struct patnc_product *product);

struct patnc_numeric_version { /* 4.2.3 */
	uint32_t major, minor, build;
	uint16_t service_pack_major, service_pack_minor;
};
int patnc_get_numeric_version(const struct patnc_attribute *a, struct patnc_numeric_version *ret);
void patnc_put_numeric_version(struct writer *w, const struct patnc_numeric_version *version);

struct patnc_string_version { /* 4.2.4; each at most 255 bytes */
	struct patnc_text version, build, configuration;
};
int patnc_get_string_version(const struct patnc_attribute *a, struct patnc_string_version *ret);
void patnc_put_string_version(struct writer *w, const struct patnc_string_version *version);

enum patnc_operational_state {
	PATNC_STATUS_UNKNOWN = 0,
	PATNC_NOT_INSTALLED = 1,
	PATNC_NOT_OPERATIONAL = 2,
	PATNC_OPERATIONAL = 3,
};
enum patnc_operational_result {
	PATNC_RESULT_UNKNOWN = 0,
	PATNC_RESULT_SUCCESS = 1,
	PATNC_RESULT_ERRORS = 2,
	PATNC_RESULT_FAILURE = 3,
};
struct patnc_operational_status { /* 4.2.5 */
	uint8_t status, result;
	char last_use[PATNC_TIME_SIZE + 1];
};
int patnc_get_operational_status(const struct patnc_attribute *a, struct patnc_operational_status *ret);
void patnc_put_operational_status(struct writer *w, const struct patnc_operational_status *status);

struct patnc_port { /* 4.2.6 */
	bool blocked;
	uint8_t protocol; /* IP protocol number */
	uint16_t port;
};
int patnc_get_port_filter(const struct patnc_attribute *a, struct patnc_list *ret);
bool patnc_next_port(struct patnc_list *list, struct patnc_port *ret);
void patnc_put_port_filter(struct writer *w, const struct patnc_port *ports, size_t n);

struct patnc_package { /* 4.2.7; each at most 255 bytes */
	struct patnc_text name, version;
};
/* The whole list is checked, so that patnc_next_package() ends only at its end. */
int patnc_get_installed_packages(const struct patnc_attribute *a, struct patnc_list *ret);
bool patnc_next_package(struct patnc_list *list, struct patnc_package *ret);
size_t patnc_begin_installed_packages(struct writer *w);
void patnc_put_package(struct writer *w, const struct patnc_package *package);
void patnc_end_installed_packages(struct writer *w, size_t at, uint16_t count);

int patnc_get_error(const struct patnc_attribute *a, struct patnc_error *ret); /* 4.2.8 */
void patnc_put_error(struct writer *w, const struct patnc_error *error);
const char *patnc_error_text(uint32_t vendor, uint32_t code);

enum patnc_assessment { /* 4.2.9 */
	PATNC_COMPLIANT = 0,
	PATNC_MINOR_DIFFERENCES = 1,
	PATNC_SIGNIFICANT_DIFFERENCES = 2,
	PATNC_ASSESSMENT_ERROR = 3,
	PATNC_ASSESSMENT_UNKNOWN = 4,
};
int patnc_get_assessment_result(const struct patnc_attribute *a, enum patnc_assessment *ret);
void patnc_put_assessment_result(struct writer *w, enum patnc_assessment result);

enum patnc_remediation_type { PATNC_REMEDIATION_URI = 1, PATNC_REMEDIATION_STRING = 2 };
struct patnc_remediation { /* 4.2.10; for other vendors' types only value is set */
	uint32_t vendor, type;
	struct patnc_text text, language;
	const uint8_t *value;
	size_t length;
};
int patnc_get_remediation_instructions(const struct patnc_attribute *a, struct patnc_remediation *ret);
void patnc_put_remediation_instructions(struct writer *w, const struct patnc_remediation *remediation);

enum patnc_forwarding { PATNC_FORWARDING_NO = 0, PATNC_FORWARDING_YES = 1, PATNC_FORWARDING_UNKNOWN = 2 };
int patnc_get_forwarding_enabled(const struct patnc_attribute *a, enum patnc_forwarding *ret); /* 4.2.11 */
void patnc_put_forwarding_enabled(struct writer *w, enum patnc_forwarding forwarding);

int patnc_get_factory_default_password(const struct patnc_attribute *a, bool *ret); /* 4.2.12 */
void patnc_put_factory_default_password(struct writer *w, bool enabled);
