/* SPDX-License-Identifier: ISC */
/* The PT-TLS message header (RFC 6876 3.5) and the message bodies of the negotiation; private to the room. */
#pragma once

#include "proto/pttls/pttls.h"

#define PTTLS_VENDOR_IETF 0u
#define PTTLS_VENDOR_RESERVED 0xffffffu
#define PTTLS_TYPE_RESERVED 0xffffffffu
#define PTTLS_MECHANISM_NAME_MAX 20 /* RFC 4422 3.1 */

struct pttls_header {
	uint32_t vendor, type, length, id;
};

/* length counts the header, as on the wire. */
void pttls_write_header(struct writer *w, uint32_t type, uint32_t length, uint32_t id);
/* bytes: PTTLS_HEADER_SIZE of them. */
struct pttls_header pttls_read_header(const uint8_t *bytes);

/* RFC 4616: authzid NUL authcid NUL passwd. -EBADMSG for what is not that, -EACCES for an authzid that is not
 * the user. */
int pttls_read_plain(struct reader *r, struct pttls_plain *ret);
int pttls_write_plain(struct writer *w, const struct pttls_plain *plain);
/* The next mechanism of a list (3.8.6); false at its end, or with the reader failed where it is malformed. */
bool pttls_read_mechanism(struct reader *r, char ret_name[PTTLS_MECHANISM_NAME_MAX + 1]);
void pttls_write_mechanism(struct writer *w, const char *name);
