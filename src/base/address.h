/* SPDX-License-Identifier: ISC */
/* Network addresses of both families as 16 bytes (IPv4 as ::ffff:a.b.c.d), MAC addresses, and prefixes. */
#pragma once

#include "base/error.h"
#include <stdbool.h>
#include <sys/socket.h>

struct ip_address {
	uint8_t bytes[16];
};
struct ip_prefix {
	struct ip_address address;
	uint8_t length; /* 0 to 128, counted in the 16 bytes; an IPv4 /24 is 120 */
};
struct mac_address {
	uint8_t bytes[6];
};

#define IP_TEXT_SIZE 64
#define MAC_TEXT_SIZE 18

bool ip_is_v4(const struct ip_address *a);
bool ip_is_link_local(const struct ip_address *a); /* fe80::/10 or 169.254/16 */
bool ip_equal(const struct ip_address *a, const struct ip_address *b);
bool ip_in_prefix(const struct ip_address *a, const struct ip_prefix *p);
/* -EINVAL unless text is an address (a prefix; host bits must be zero) and nothing else. */
int ip_parse(const char *text, struct ip_address *ret);
int ip_prefix_parse(const char *text, struct ip_prefix *ret);
const char *ip_format(const struct ip_address *a, char text[IP_TEXT_SIZE]);
const char *ip_prefix_format(const struct ip_prefix *p, char text[IP_TEXT_SIZE]);
/* From a socket address; -EAFNOSUPPORT for other families. ret_port may be NULL. */
int ip_from_sockaddr(const struct sockaddr *sa, struct ip_address *ret, uint16_t *ret_port);
int mac_parse(const char *text, struct mac_address *ret);
const char *mac_format(const struct mac_address *m, char text[MAC_TEXT_SIZE]);
