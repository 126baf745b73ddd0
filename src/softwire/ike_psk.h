/* SPDX-License-Identifier: ISC */
/*
 * Pre-shared keys for IKE: a file with a line a peer, IDENTITY SECRET; # comments. An identity with spaces
 * stands in double quotes. A secret is the rest of the line as it is, 0x and hexadecimal digits, or 0s and
 * base64. A secret belongs to one peer: the same one twice is an error, because any of those who share it
 * could play the concentrator to the others (softwire draft 3.5.2).
 */
#pragma once

#include "base/error.h"

#define IKE_PSK_MIN 16 /* bytes: a peer that begins can be made to give what a guess is tried on */
#define IKE_PSK_SECRET_MAX 256
#define IKE_IDENTITY_MAX 255

struct ike_psk {
	char *identity;
	uint8_t secret[IKE_PSK_SECRET_MAX];
	size_t length;
	unsigned line;
};
struct ike_psk_list {
	struct ike_psk *items;
	size_t count, capacity;
};

/* -EINVAL with every error in turn given to report (may be NULL), the first one in err; file errors as they
 * are. */
int ike_psk_load(
        const char *path, struct ike_psk_list *ret, void (*report)(const char *text), struct error *err);
/* Wipes. */
void ike_psk_clear(struct ike_psk_list *l);
const struct ike_psk *ike_psk_find(const struct ike_psk_list *l, const char *identity);
/* -EINVAL unless the text can stand for one peer in charon's configuration. */
int ike_identity_check(const char *identity, struct error *err);
