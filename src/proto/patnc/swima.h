/* SPDX-License-Identifier: ISC */
/*
 * SWIMA (RFC 8412): software inventories and their changes as PA-TNC attributes 13 to 21. An inventory or
 * event list is checked as a whole by swima_get_*(), then read record by record in place.
 */
#pragma once

#include "proto/patnc/patnc.h"

#define SWIMA_RECORDS_MAX 65536 /* a list */

struct swima_request { /* 5.7 */
	bool clear_subscriptions, subscribe;
	bool identifiers_only; /* Result Type: identifiers, without the records */
	uint32_t id;           /* Request ID */
	uint32_t earliest_eid; /* 0: an inventory is asked for, not events */
	uint32_t count;        /* targets; 0: everything */
	struct reader targets;
};
int swima_get_request(const struct patnc_attribute *a, struct swima_request *ret);
bool swima_next_target(struct swima_request *request, struct patnc_text *ret);
/* targets: request->count of them. */
void swima_put_request(
        struct writer *w, const struct swima_request *request, const struct patnc_text *targets);

enum swima_action { SWIMA_CREATION = 1, SWIMA_DELETION = 2, SWIMA_ALTERATION = 3 };

struct swima_record { /* 5.8 to 5.11 */
	uint32_t eid; /* events only, with the two below */
	char timestamp[PATNC_TIME_SIZE + 1];
	enum swima_action action;
	uint32_t id;           /* Record Identifier */
	uint32_t model_vendor; /* Data Model Type PEN */
	uint8_t model_type;
	uint8_t source;
	struct patnc_text identifier, locator;
	const uint8_t *record; /* Software Inventory and Software Events only */
	size_t record_length;
};

struct swima_list {
	uint32_t type;     /* PATNC_SOFTWARE_IDENTIFIER_INVENTORY to PATNC_SOFTWARE_EVENTS: says which fields
	                      records have */
	bool subscription; /* id is a Subscription ID: sent in fulfillment of it */
	uint32_t count;
	uint32_t id; /* copy of the Request ID */
	uint32_t eid_epoch, last_eid;
	uint32_t last_consulted_eid; /* events only: where it is below last_eid, there is more to ask for */
	struct reader records;
};
int swima_get_list(const struct patnc_attribute *a, struct swima_list *ret);
bool swima_next_record(struct swima_list *list, struct swima_record *ret);
/* Begin, then put each record, then end: count is patched. */
size_t swima_begin_list(struct writer *w, const struct swima_list *list);
void swima_put_record(struct writer *w, uint32_t type, const struct swima_record *record);
void swima_end_list(struct writer *w, size_t at, uint32_t count);

/* 5.12, 5.13: the request is empty; the response repeats each active subscription's request. */
void swima_put_subscription_status_request(struct writer *w);
int swima_get_subscription_status(const struct patnc_attribute *a, struct patnc_list *ret);
bool swima_next_subscription(struct patnc_list *list, struct swima_request *ret);
size_t swima_begin_subscription_status(struct writer *w);
void swima_put_subscription(
        struct writer *w, const struct swima_request *request, const struct patnc_text *targets);
void swima_end_subscription_status(struct writer *w, size_t at, uint32_t count);

struct swima_source { /* 5.15; 5.14 is the request */
	uint8_t id;
	struct patnc_text metadata;
};
void swima_put_source_metadata_request(struct writer *w);
int swima_get_source_metadata(const struct patnc_attribute *a, struct patnc_list *ret);
bool swima_next_source(struct patnc_list *list, struct swima_source *ret);
void swima_put_source_metadata(struct writer *w, const struct swima_source *sources, size_t n);
/* 0 for an empty request attribute (types 18 and 20), else -EBADMSG. */
int swima_get_empty(const struct patnc_attribute *a);
