/* SPDX-License-Identifier: ISC */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

bool ip_is_v4(const struct ip_address *a)
{
	return memcmp(a->bytes, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool ip_is_link_local(const struct ip_address *a)
{
	if (ip_is_v4(a))
		return a->bytes[12] == 169 && a->bytes[13] == 254;
	return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ip_in_prefix(const struct ip_address *a, const struct ip_prefix *p)
{
	size_t whole = p->length / 8, rest = p->length % 8;
	if (memcmp(a->bytes, p->address.bytes, whole) != 0)
		return false;
	return rest == 0 ||
	        ((a->bytes[whole] ^ p->address.bytes[whole]) & (uint8_t)(0xff << (8 - rest))) == 0;
}

int ip_parse(const char *text, struct ip_address *ret)
{
	struct ip_address a = { 0 };
	if (inet_pton(AF_INET6, text, a.bytes) != 1) {
		memcpy(a.bytes, v4_mapped, sizeof(v4_mapped));
		if (inet_pton(AF_INET, text, a.bytes + 12) != 1)
			return -EINVAL;
	}
	*ret = a;
	return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret)
{
	char copy[IP_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct ip_prefix p;
	if (n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (ip_parse(copy, &p.address) < 0)
		return -EINVAL;
	unsigned int most = ip_is_v4(&p.address) ? 32 : 128, length = most;
	if (slash) {
		char *end;
		unsigned long v = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || v > most)
			return -EINVAL;
		length = (unsigned int)v;
	}
	p.length = (uint8_t)(length + (most == 32 ? 96 : 0));
	for (unsigned int bit = p.length; bit < 128; bit++)
		if (p.address.bytes[bit / 8] & (0x80 >> (bit % 8)))
			return -EINVAL;
	*ret = p;
	return 0;
}

const char *ip_format(const struct ip_address *a, char text[IP_TEXT_SIZE])
{
	bool v4 = ip_is_v4(a);
	if (!inet_ntop(v4 ? AF_INET : AF_INET6, a->bytes + (v4 ? 12 : 0), text, IP_TEXT_SIZE))
		text[0] = '\0';
	return text;
}

const char *ip_prefix_format(const struct ip_prefix *p, char text[IP_TEXT_SIZE])
{
	char address[IP_TEXT_SIZE];
	ip_format(&p->address, address);
	snprintf(text, IP_TEXT_SIZE, "%.45s/%d", address, p->length - (ip_is_v4(&p->address) ? 96 : 0));
	return text;
}

int ip_from_sockaddr(const struct sockaddr *sa, struct ip_address *ret, uint16_t *ret_port)
{
	uint16_t port;
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof(in6));
		memcpy(ret->bytes, &in6.sin6_addr, 16);
		port = ntohs(in6.sin6_port);
	} else if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof(in));
		memcpy(ret->bytes, v4_mapped, sizeof(v4_mapped));
		memcpy(ret->bytes + 12, &in.sin_addr, 4);
		port = ntohs(in.sin_port);
	} else {
		return -EAFNOSUPPORT;
	}
	if (ret_port)
		*ret_port = port;
	return 0;
}

int mac_parse(const char *text, struct mac_address *ret)
{
	unsigned int b[6];
	int used = 0;
	/* NOLINTBEGIN(cert-err34-c): two digits cannot overflow, and all are counted */
	if (strlen(text) != 17 ||
	        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &used) !=
	                6 ||
	        used != 17)
		return -EINVAL;
	/* NOLINTEND(cert-err34-c) */
	for (int i = 0; i < 6; i++)
		ret->bytes[i] = (uint8_t)b[i];
	return 0;
}

const char *mac_format(const struct mac_address *m, char text[MAC_TEXT_SIZE])
{
	const uint8_t *b = m->bytes;
	snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return text;
}
