/* SPDX-License-Identifier: ISC */
#include "net/endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static int parse_port(const char *text, uint16_t *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned long port = n && n <= 5 && !text[n] ? strtoul(text, NULL, 10) : 0;
	if (port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

int endpoint_parse(const char *text, uint16_t default_port, struct endpoint *ret, struct error *err)
{
	struct endpoint e = { .port = default_port };
	const char *host = text, *after;
	size_t length;
	if (*text == '[') {
		host++;
		length = strcspn(host, "]");
		after = host + length + (host[length] == ']');
		if (host[length] != ']' || (*after && *after != ':'))
			return error_set(err, -EINVAL, "\"%s\": write [address]:port", text);
	} else {
		length = strcspn(host, ":");
		after = host + length;
		if (*after && strchr(after + 1, ':'))
			return error_set(
			        err, -EINVAL, "\"%s\": write an IPv6 address as [address]:port", text);
	}
	if (length == 0 || length > ENDPOINT_HOST_MAX)
		return error_set(err, -EINVAL, "\"%s\": no host, or a longer one than %d characters", text,
		        ENDPOINT_HOST_MAX);
	memcpy(e.host, host, length);
	if (*after && parse_port(after + 1, &e.port) < 0)
		return error_set(err, -EINVAL, "\"%s\": a port is a number from 1 to 65535", text);
	if (e.port == 0)
		return error_set(err, -EINVAL, "\"%s\": a port is missing; write host:port", text);
	*ret = e;
	return 0;
}

int endpoint_resolve(const struct endpoint *e, struct sockaddr_storage *ret, size_t max, struct error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char port[8];
	size_t n = 0;
	snprintf(port, sizeof(port), "%u", e->port);
	int r = getaddrinfo(e->host, port, &hints, &found);
	if (r != 0)
		return error_set(err, -ENOENT, "%s: %s", e->host, gai_strerror(r));
	for (const struct addrinfo *a = found; a && n < max; a = a->ai_next) {
		if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || a->ai_addrlen > sizeof(ret[n]))
			continue;
		memset(&ret[n], 0, sizeof(ret[n]));
		memcpy(&ret[n++], a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(found);
	return n ? (int)n : error_set(err, -ENOENT, "%s: no address", e->host);
}
