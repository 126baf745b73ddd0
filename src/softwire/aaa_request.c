/* SPDX-License-Identifier: ISC */
/* The attributes that we send: RFC 2865, 2868, 2548 (MS-CHAPv2), 3579 (EAP), 3162, 4818, 6911, 2866, 2869. */
#include "softwire/aaa_private.h"

#include <errno.h>
#include <string.h>

#define MSCHAPV2_RESPONSE_SIZE 49 /* RFC 2759, 4: challenge, reserved, response, flags */

static void write_defined(struct writer *w, const struct radius_definition *d, const char *text)
{
	size_t n = strnlen(text, d->vendor ? RADIUS_VENDOR_VALUE_MAX : RADIUS_VALUE_MAX);
	if (d->vendor)
		radius_write_vendor(w, d->vendor, d->type, text, n);
	else
		radius_write(w, d->type, text, n);
}

static bool is_given(const struct ip_address *a)
{
	static const struct ip_address none;
	return !ip_equal(a, &none);
}

/* RFC 2868, 3.3 and 3.4: which tunnel it is. */
static void write_tunnel(struct writer *w, const struct aaa_port *port)
{
	char text[IP_TEXT_SIZE];
	if (!is_given(&port->remote))
		return;
	radius_write_tagged_u32(w, RADIUS_TUNNEL_TYPE, RADIUS_TUNNEL_L2TP);
	radius_write_tagged_u32(w, RADIUS_TUNNEL_MEDIUM_TYPE,
	        ip_is_v4(&port->remote) ? RADIUS_MEDIUM_IPV4 : RADIUS_MEDIUM_IPV6);
	radius_write_text(w, RADIUS_TUNNEL_CLIENT_ENDPOINT, ip_format(&port->remote, text));
	radius_write_text(w, RADIUS_CALLING_STATION_ID, text);
	if (!is_given(&port->local))
		return;
	radius_write_text(w, RADIUS_TUNNEL_SERVER_ENDPOINT, ip_format(&port->local, text));
	radius_write_text(w, RADIUS_CALLED_STATION_ID, text);
}

void aaa_write_port(struct writer *w, const struct aaa_settings *s, const struct aaa_port *port)
{
	radius_write_text(w, RADIUS_NAS_IDENTIFIER, s->nas_identifier);
	radius_write_u32(w, RADIUS_NAS_PORT_TYPE, RADIUS_PORT_VIRTUAL);
	if (port->number)
		radius_write_u32(w, RADIUS_NAS_PORT, port->number);
	if (*port->name)
		radius_write_text(w, RADIUS_NAS_PORT_ID, port->name);
	radius_write_u32(w, RADIUS_SERVICE_TYPE, RADIUS_SERVICE_FRAMED);
	radius_write_u32(w, RADIUS_FRAMED_PROTOCOL, RADIUS_FRAMED_PPP);
	write_tunnel(w, port);
	if (s->has_identity && *port->machine)
		write_defined(w, &s->identity, port->machine);
	wr_bytes(w, s->attributes.data, s->attributes.length);
}

static void write_chap(struct writer *w, const struct ppp_auth_request *r)
{
	uint8_t value[17] = { r->chap_id };
	memcpy(value + 1, r->response, 16);
	radius_write(w, RADIUS_CHAP_PASSWORD, value, sizeof(value));
	radius_write(w, RADIUS_CHAP_CHALLENGE, r->challenge, r->challenge_length);
}

/* RFC 2548, 2.3.2: the flags go before the rest. */
static void write_mschapv2(struct writer *w, const struct ppp_auth_request *r)
{
	uint8_t value[50] = { r->chap_id, r->response[48] };
	memcpy(value + 2, r->response, 48);
	radius_write_vendor(w, RADIUS_VENDOR_MICROSOFT, MS_CHAP_CHALLENGE, r->challenge, r->challenge_length);
	radius_write_vendor(w, RADIUS_VENDOR_MICROSOFT, MS_CHAP2_RESPONSE, value, sizeof(value));
}

int aaa_write_credential(struct writer *w, const struct ppp_auth_request *r, struct error *err)
{
	if (!*r->user || strlen(r->user) > AAA_TEXT_MAX)
		return error_set(
		        err, -EINVAL, "the user's name is empty, or longer than %d bytes", AAA_TEXT_MAX);
	radius_write_text(w, RADIUS_USER_NAME, r->user);
	/* RFC 4372, 2.1: one NUL asks for the identity. */
	radius_write(w, RADIUS_CHARGEABLE_USER_IDENTITY, "", 1);
	switch (r->method) {
	case PPP_PAP:
		if (r->password_length > RADIUS_PASSWORD_MAX)
			return error_set(
			        err, -EINVAL, "the password is longer than %d bytes", RADIUS_PASSWORD_MAX);
		return 0;
	case PPP_CHAP_MD5:
		if (r->response_length != 16 || !r->challenge_length ||
		        r->challenge_length > RADIUS_VALUE_MAX)
			return error_set(err, -EINVAL, "malformed CHAP response");
		write_chap(w, r);
		return 0;
	case PPP_MSCHAPV2:
		if (r->response_length != MSCHAPV2_RESPONSE_SIZE || r->challenge_length != 16)
			return error_set(err, -EINVAL, "malformed MS-CHAPv2 response");
		write_mschapv2(w, r);
		return 0;
	case PPP_EAP:
		if (!r->eap_length)
			return error_set(err, -EINVAL, "empty EAP packet");
		radius_write_long(w, RADIUS_EAP_MESSAGE, r->eap, r->eap_length);
		return 0;
	case PPP_NO_METHOD:
	case PPP_N_METHODS:
		break;
	}
	return error_set(err, -EINVAL, "an authentication without a method");
}

void aaa_write_addresses(struct writer *w, const struct aaa_addresses *a)
{
	if (!a)
		return;
	if (a->ipv4)
		radius_write(w, RADIUS_FRAMED_IP_ADDRESS, a->ipv4->bytes + 12, 4);
	if (a->interface_id)
		radius_write(w, RADIUS_FRAMED_INTERFACE_ID, a->interface_id, 8);
	for (size_t i = 0; i < MIN(a->n_prefixes, (size_t)AAA_PREFIXES_MAX); i++)
		radius_write_prefix(w, RADIUS_FRAMED_IPV6_PREFIX, &a->prefixes[i]);
	for (size_t i = 0; i < MIN(a->n_delegated, (size_t)AAA_PREFIXES_MAX); i++)
		radius_write_prefix(w, RADIUS_DELEGATED_IPV6_PREFIX, &a->delegated[i]);
	for (size_t i = 0; i < MIN(a->n_addresses, (size_t)AAA_PREFIXES_MAX); i++)
		radius_write(w, RADIUS_FRAMED_IPV6_ADDRESS, a->addresses[i].bytes, 16);
}

/* RFC 2869, 5.1 and 5.2: what is above 32 bits has attributes of its own. */
static void write_octets(struct writer *w, uint8_t low, uint8_t high, uint64_t v)
{
	radius_write_u32(w, low, (uint32_t)v);
	if (v >> 32)
		radius_write_u32(w, high, (uint32_t)(v >> 32));
}

void aaa_write_usage(struct writer *w, const struct aaa_usage *u)
{
	write_octets(w, RADIUS_ACCT_INPUT_OCTETS, RADIUS_ACCT_INPUT_GIGAWORDS, u->bytes_in);
	write_octets(w, RADIUS_ACCT_OUTPUT_OCTETS, RADIUS_ACCT_OUTPUT_GIGAWORDS, u->bytes_out);
	radius_write_u32(w, RADIUS_ACCT_INPUT_PACKETS, (uint32_t)u->packets_in);
	radius_write_u32(w, RADIUS_ACCT_OUTPUT_PACKETS, (uint32_t)u->packets_out);
}
