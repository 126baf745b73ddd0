/* SPDX-License-Identifier: ISC */
/* Every segment must reach the server: a node that cannot, can never be inspected again (quarantine
 * draft, 3.2). */
#include "policy/ast.h"

#include <stdio.h>
#include <string.h>

/* The first port of [first, last] that no rule allows to prefix, or 0 where all are. With all_protocols the
 * rule must not be narrowed at all. */
static uint32_t first_refused(const struct policy_segment *s, const struct ip_prefix *prefix,
        uint8_t protocol, uint32_t first, uint32_t last)
{
	for (bool moved = true; moved;) {
		moved = false;
		for (size_t i = 0; i < s->n_rules; i++) {
			const struct policy_rule *r = &s->rules[i];
			bool meant = r->direction == POLICY_TO && r->peer != POLICY_PEER_SEGMENT &&
			        (r->protocol == 0 || r->protocol == protocol);
			bool there = r->peer == POLICY_PEER_ANY;
			for (size_t k = 0; meant && !there && k < r->n_prefixes; k++)
				there = policy_prefix_contains(&r->prefixes[k], prefix);
			if (!meant || !there)
				continue;
			if (r->n_ports == 0)
				return 0;
			for (size_t k = 0; k < r->n_ports; k++) {
				if (r->ports[k].first > first || r->ports[k].last < first)
					continue;
				first = r->ports[k].last + 1u;
				moved = true;
				if (first > last)
					return 0;
			}
		}
	}
	return first;
}

static const char *protocol_name(uint8_t protocol)
{
	return protocol == 6 ? "tcp" : protocol == 17 ? "udp" : protocol == 1 ? "icmp" : "icmpv6";
}

/* Whether the protocol exists in the family of the address. */
static bool protocol_fits(uint8_t protocol, const struct ip_prefix *prefix)
{
	return !(protocol == 1 && !ip_is_v4(&prefix->address)) &&
	        !(protocol == 58 && ip_is_v4(&prefix->address));
}

/* False, and the words in missing, where the segment does not reach this service at this address. */
static bool reaches_service(const struct policy_segment *s, const struct ip_prefix *prefix,
        const struct policy_service *service, char *missing, size_t size)
{
	static const struct policy_ports all = { 1, 65535 };
	char address[IP_TEXT_SIZE];
	const struct policy_ports *ports = service && service->n_ports ? service->ports : &all;
	size_t n_ports = service && service->n_ports ? service->n_ports : 1;
	uint8_t protocol = service ? service->protocol : 0;
	if (protocol && !protocol_fits(protocol, prefix))
		return true;
	ip_prefix_format(prefix, address);
	for (size_t i = 0; i < n_ports; i++) {
		uint32_t port = first_refused(s, prefix, protocol, ports[i].first, ports[i].last);
		if (port == 0)
			continue;
		if (protocol == 6 || protocol == 17)
			snprintf(missing, size, "%s %s %u", address, protocol_name(protocol), port);
		else if (protocol)
			snprintf(missing, size, "%s %s", address, protocol_name(protocol));
		else
			snprintf(missing, size, "%s", address);
		return false;
	}
	return true;
}

static bool reaches_server(
        const struct policy_segment *s, const struct policy_define *server, char *missing, size_t size)
{
	for (size_t i = 0; i < server->prefixes.count; i++) {
		const struct policy_service *service = server->services;
		do {
			if (!reaches_service(s, &server->prefixes.items[i], service, missing, size))
				return false;
			service = service ? service->next : NULL;
		} while (service);
	}
	return true;
}

void policy_check_server(struct policy_parser *p)
{
	const struct policy_define *server = policy_define_find(p->tree, "server");
	char missing[IP_TEXT_SIZE + 32];
	if (!server) {
		policy_problem(p, policy_end_of_text(p),
		        "the policy does not say where the server is: add `define server { address ... }`");
		return;
	}
	for (struct policy_segment_node *s = p->tree->segments; s; s = s->next)
		if (!s->broken &&
		        !reaches_server(&p->policy->segments[s->index], server, missing, sizeof(missing)))
			policy_problem(p, s->name.at,
			        "segment `%s` cannot reach the server (%s): its nodes could never be "
			        "inspected again; add `allow to server`",
			        s->name.text, missing);
}
