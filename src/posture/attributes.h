/* SPDX-License-Identifier: ISC */
/*
 * The posture on the wire: PA-TNC messages (RFC 5792) with the standard attributes of the operating system
 * and the firewall, the packages as a SWIMA inventory of purls (RFC 8412), and everything as JSON in our own
 * attributes (proto/patnc/pratique.h), so that posture and digest survive the way unchanged. Third parties'
 * agents send less; what they send is understood as far as it names things exactly, and the rest is unknown.
 *
 *   operating system, 0/1      Product Information, Numeric Version, String Version, Forwarding Enabled;
 *                              Installed Packages where asked for
 *   firewall, 0/5              Operational Status
 *   SWIMA, 0/9                 Software Identifier Inventory, at most POSTURE_RECORDS_MAX records a message;
 *                              Software Inventory where records are asked for, each record again the purl
 *   ours, PRATIQUE_PEN/1       System, Network Configuration, Security Configuration; Prevention Sources
 * where the node names any
 */
#pragma once

#include "posture/posture.h"
#include "proto/patnc/patnc.h"

#define POSTURE_RECORDS_MAX 8192
#define POSTURE_TARGETS_MAX 512
#define POSTURE_LIST_CHUNK 1024                /* updates in one System attribute */
#define POSTURE_PROGRAMS_CHUNK 64              /* programs of each list in one: at most 2 KB each */
#define POSTURE_MESSAGE_MAX (4u << 20)         /* bytes of one message */
#define POSTURE_INSPECTION_MAX (32u << 20)     /* bytes of all messages of one inspection */
#define POSTURE_REFUSED_IDENTIFIERS_MAX 65536u /* of an inventory; the rest is not even counted */

/* What a server asked for. Zeroed: nothing but what is always sent (operating system, firewall, ours). */
struct posture_wants {
	bool installed_packages; /* an Attribute Request named type 7 */
	bool inventory;          /* a SWIMA Request; there are no events, so it is always answered in full */
	bool records;            /* it wants more than identifiers (RFC 8412 5.7, Result Type) */
	uint32_t inventory_id;   /* its Request ID, echoed */
	/* Hashes of the identifiers that it names; none: it wants all, as is said of more than there is room
	 * for. */
	size_t n_targets;
	uint64_t targets[POSTURE_TARGETS_MAX];
};
/* Reads one PA message of a server and adds to wants. Other attributes are not its business. 0, or -EBADMSG
 * with *ret_error. */
int posture_read_request(
        struct posture_wants *wants, const void *body, size_t length, struct patnc_error *ret_error);

/* Whether the software with this identifier is asked for. */
bool posture_is_wanted(const struct posture_wants *wants, const char *identifier);

/* One whole PA-TNC message; the bytes are valid until it returns. Negative stops and is returned. */
typedef int (*posture_message_fn)(
        uint32_t vendor, uint32_t subtype, const void *body, size_t length, void *context);

/* next_id: the PA-TNC message identifiers of this direction of the session (RFC 5792 3.6), counted up.
 * -EMSGSIZE for a posture that has no room in its messages. */
int posture_write_messages(const struct posture *p, const struct posture_wants *wants, uint32_t *next_id,
        posture_message_fn emit, void *context);

struct posture_reader;

/* catalogue: where the packages get numbers; NULL: they get none. */
struct posture_reader *posture_reader_new(struct posture_catalogue *catalogue);
struct posture_reader *posture_reader_free(struct posture_reader *r); /* NULL in, NULL out */
/* One PA message of a node, of any subtype, in the order of arrival. 0 also for what is not understood.
 * -EBADMSG for a malformed message with *ret_error ready for patnc_put_error(); -E2BIG above
 * POSTURE_INSPECTION_MAX. After a failure the inspection has failed; nothing of the message counts. */
int posture_reader_feed(struct posture_reader *r, uint32_t vendor, uint32_t subtype, const void *body,
        size_t length, struct patnc_error *ret_error);
/* The posture, which the caller frees, with p->collected = now; the reader is then empty and can be used
 * anew. */
struct posture *posture_reader_finish(struct posture_reader *r, time_ms now);
