/* SPDX-License-Identifier: ISC */
#include "agent/socket_table.h"

#include "base/defs.h"
#include <stdio.h>
#include <string.h>

#define STATE_LISTEN 0x0a /* include/net/tcp_states.h */
#define STATE_CLOSE 0x07  /* of UDP: bound, not connected */

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Exactly so many digits. */
static bool take_hex(const char **at, const char *end, int digits, uint32_t *ret)
{
	*ret = 0;
	for (int i = 0; i < digits; i++, ++*at) {
		int v = *at < end ? hex_value(**at) : -1;
		if (v < 0)
			return false;
		*ret = *ret << 4 | (uint32_t)v;
	}
	return true;
}

static bool take_char(const char **at, const char *end, char c)
{
	if (*at >= end || **at != c)
		return false;
	++*at;
	return true;
}

static bool skip_field(const char **at, const char *end)
{
	while (*at < end && **at == ' ')
		++*at;
	const char *from = *at;
	while (*at < end && **at != ' ')
		++*at;
	return *at > from;
}

/* The kernel prints each 32 bits of an address as a number of this machine. */
static bool take_address(const char **at, const char *end, struct ip_address *ret, uint32_t *ret_port)
{
	uint32_t words[4];
	size_t n = 0;
	while (*at < end && **at == ' ')
		++*at;
	for (; n < 4 && *at < end && **at != ':'; n++)
		if (!take_hex(at, end, 8, &words[n]))
			return false;
	if ((n != 1 && n != 4) || !take_char(at, end, ':') || !take_hex(at, end, 4, ret_port))
		return false;
	*ret = (struct ip_address){ 0 };
	if (n == 1)
		ret->bytes[10] = ret->bytes[11] = 0xff;
	memcpy(ret->bytes + 16 - n * 4, words, n * 4);
	return true;
}

static bool take_number(const char **at, const char *end, uint64_t *ret)
{
	while (*at < end && **at == ' ')
		++*at;
	const char *from = *at;
	*ret = 0;
	for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
		*ret = *ret * 10 + (uint64_t)(**at - '0');
	return *at > from && *at - from <= 19;
}

/* sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ... */
static bool read_line(const struct socket_table *t, const char *at, const char *end, struct socket_entry *ret)
{
	struct ip_address remote;
	uint32_t port, remote_port, state;
	if (!skip_field(&at, end) || !take_address(&at, end, &ret->address, &port) ||
	        !take_address(&at, end, &remote, &remote_port) || !take_char(&at, end, ' ') ||
	        !take_hex(&at, end, 2, &state))
		return false;
	for (int i = 0; i < 5; i++)
		if (!skip_field(&at, end))
			return false;
	if (!take_number(&at, end, &ret->inode) || port == 0)
		return false;
	ret->port = (uint16_t)port;
	ret->ephemeral = port >= t->ephemeral_first && port <= t->ephemeral_last;
	return t->udp ? state == STATE_CLOSE && remote_port == 0 && !ret->ephemeral : state == STATE_LISTEN;
}

bool socket_table_next(struct socket_table *t, struct socket_entry *ret)
{
	while (t->at < t->end) {
		const char *newline = memchr(t->at, '\n', (size_t)(t->end - t->at));
		const char *line = t->at, *end = newline ? newline : t->end;
		t->at = newline ? newline + 1 : t->end;
		if (read_line(t, line, end, ret))
			return true;
	}
	return false;
}

const char *socket_entry_format(const struct socket_entry *e, bool udp, char ret_text[SOCKET_TEXT_SIZE])
{
	char address[IP_TEXT_SIZE], port[8] = "*";
	bool v4 = ip_is_v4(&e->address);
	if (!e->ephemeral)
		snprintf(port, sizeof(port), "%u", e->port);
	snprintf(ret_text, SOCKET_TEXT_SIZE, "%s %s%s%s:%s", udp ? "udp" : "tcp", v4 ? "" : "[",
	        ip_format(&e->address, address), v4 ? "" : "]", port);
	return ret_text;
}
