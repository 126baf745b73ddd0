/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/address.h"

#include <string.h>

struct ip_address address_of_host(host_t *host)
{
	struct ip_address a = { { 0 } };
	chunk_t bytes = host->get_address(host);
	if (bytes.len == 4) {
		a.bytes[10] = a.bytes[11] = 0xff;
		memcpy(a.bytes + 12, bytes.ptr, 4);
	} else if (bytes.len == 16) {
		memcpy(a.bytes, bytes.ptr, 16);
	}
	return a;
}

host_t *address_to_host(const struct ip_address *address, uint16_t port)
{
	bool v4 = ip_is_v4(address);
	chunk_t bytes = v4 ? chunk_create((u_char *)address->bytes + 12, 4)
	                   : chunk_create((u_char *)address->bytes, 16);
	return host_create_from_chunk(v4 ? AF_INET : AF_INET6, bytes, port);
}
