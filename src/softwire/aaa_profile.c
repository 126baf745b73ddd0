/* SPDX-License-Identifier: ISC */
/*
 * Attributes to profile, by a table. RFC 2865 (addresses, timeouts, filters), 2868 (Tunnel-Private-Group-Id),
 * 2869 (pools), 3162, 4818, 6911 (IPv6), 2548 (name servers), WISPr (rates).
 */
#include "softwire/aaa_profile.h"

#include <errno.h>
#include <string.h>

typedef int take_fn(struct aaa_profile *p, const struct radius_attribute *a);

static int append_address(struct ip_address *list, size_t *n, size_t max, const struct ip_address *a)
{
	if (*n == max)
		return -E2BIG;
	list[(*n)++] = *a;
	return 0;
}

static int append_prefix(struct ip_prefix *list, size_t *n, size_t max, const struct ip_prefix *p)
{
	if (*n == max)
		return -E2BIG;
	list[(*n)++] = *p;
	return 0;
}

static int take_service(struct aaa_profile *p, const struct radius_attribute *a)
{
	uint32_t v;
	return radius_get_u32(a, &v) < 0 ? -EINVAL : v == RADIUS_SERVICE_FRAMED ? 0 : -EPROTONOSUPPORT;
}

static int take_protocol(struct aaa_profile *p, const struct radius_attribute *a)
{
	uint32_t v;
	return radius_get_u32(a, &v) < 0 ? -EINVAL : v == RADIUS_FRAMED_PPP ? 0 : -EPROTONOSUPPORT;
}

static int take_user(struct aaa_profile *p, const struct radius_attribute *a)
{
	return a->length ? radius_get_text(a, p->user) : -EINVAL;
}

static bool is_host(const struct ip_address *a)
{
	static const struct ip_address none, loopback = { .bytes = { [15] = 1 } };
	const uint8_t *b = a->bytes;
	if (ip_is_v4(a))
		return b[12] != 0 && b[12] != 127 && b[12] < 224;
	return b[0] != 0xff && !ip_equal(a, &none) && !ip_equal(a, &loopback);
}

/* RFC 2865, 5.8: two values leave the choice to the NAS or the user. */
static int take_ipv4(struct aaa_profile *p, const struct radius_attribute *a)
{
	struct ip_address ip;
	if (radius_get_ipv4(a, &ip) < 0)
		return -EINVAL;
	if (memcmp(a->value, "\xff\xff\xff", 3) == 0 && a->value[3] >= 254)
		return 0;
	if (!is_host(&ip))
		return -EINVAL;
	p->ipv4 = ip;
	p->has |= AAA_HAS_IPV4;
	return 0;
}

static int take_interface_id(struct aaa_profile *p, const struct radius_attribute *a)
{
	static const uint8_t none[8];
	if (a->length != 8 || memcmp(a->value, none, 8) == 0)
		return -EINVAL;
	memcpy(p->interface_id, a->value, 8);
	p->has |= AAA_HAS_INTERFACE_ID;
	return 0;
}

static int take_prefix(struct aaa_profile *p, const struct radius_attribute *a)
{
	struct ip_prefix prefix;
	if (radius_get_prefix(a, &prefix) < 0)
		return -EINVAL;
	return append_prefix(p->prefixes, &p->n_prefixes, AAA_PREFIXES_MAX, &prefix);
}

static int take_delegated(struct aaa_profile *p, const struct radius_attribute *a)
{
	struct ip_prefix prefix;
	if (radius_get_prefix(a, &prefix) < 0)
		return -EINVAL;
	return append_prefix(p->delegated, &p->n_delegated, AAA_PREFIXES_MAX, &prefix);
}

static int take_address(struct aaa_profile *p, const struct radius_attribute *a)
{
	struct ip_address ip;
	if (radius_get_ipv6(a, &ip) < 0 || !is_host(&ip))
		return -EINVAL;
	return append_address(p->addresses, &p->n_addresses, AAA_PREFIXES_MAX, &ip);
}

/* "prefix[ gateway[ metric...]]": the peer is the gateway whatever it says, for there is none but it. */
static int set_route(struct aaa_profile *p, const char *text, bool v4)
{
	char first[IP_TEXT_SIZE];
	size_t n = strcspn(text, " \t");
	struct ip_prefix route;
	if (n >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, n);
	first[n] = '\0';
	if (!strchr(first, '/') || ip_prefix_parse(first, &route) < 0 || ip_is_v4(&route.address) != v4)
		return -EINVAL;
	return append_prefix(p->routes, &p->n_routes, AAA_ROUTES_MAX, &route);
}

static int take_route4(struct aaa_profile *p, const struct radius_attribute *a)
{
	char text[RADIUS_VALUE_MAX + 1];
	return radius_get_text(a, text) < 0 ? -EINVAL : set_route(p, text, true);
}

static int take_route6(struct aaa_profile *p, const struct radius_attribute *a)
{
	char text[RADIUS_VALUE_MAX + 1];
	return radius_get_text(a, text) < 0 ? -EINVAL : set_route(p, text, false);
}

static int take_dns4(struct aaa_profile *p, const struct radius_attribute *a)
{
	struct ip_address ip;
	if (radius_get_ipv4(a, &ip) < 0 || !is_host(&ip))
		return -EINVAL;
	return append_address(p->dns4, &p->n_dns4, AAA_NAME_SERVERS_MAX, &ip);
}

static int take_dns6(struct aaa_profile *p, const struct radius_attribute *a)
{
	struct ip_address ip;
	if (radius_get_ipv6(a, &ip) < 0 || !is_host(&ip))
		return -EINVAL;
	return append_address(p->dns6, &p->n_dns6, AAA_NAME_SERVERS_MAX, &ip);
}

static int take_pool(struct aaa_profile *p, const struct radius_attribute *a)
{
	return radius_get_text(a, p->pool);
}

static int take_ipv6_pool(struct aaa_profile *p, const struct radius_attribute *a)
{
	return radius_get_text(a, p->ipv6_pool);
}

static int take_delegated_pool(struct aaa_profile *p, const struct radius_attribute *a)
{
	return radius_get_text(a, p->delegated_pool);
}

static int take_filter(struct aaa_profile *p, const struct radius_attribute *a)
{
	p->has |= AAA_HAS_SEGMENT;
	return a->length ? radius_get_text(a, p->segment) : -EINVAL;
}

/* RFC 2868, 3.6: a first byte up to 0x1f is a tag. Filter-Id goes before it. */
static int take_group(struct aaa_profile *p, const struct radius_attribute *a)
{
	struct radius_attribute text = *a;
	if (text.length && text.value[0] <= 0x1f) {
		text.value++;
		text.length--;
	}
	return p->has & AAA_HAS_SEGMENT ? 0 : take_filter(p, &text);
}

static int take_u32(struct aaa_profile *p, const struct radius_attribute *a, unsigned has, uint32_t *ret)
{
	uint32_t v;
	if (radius_get_u32(a, &v) < 0)
		return -EINVAL;
	*ret = v;
	p->has |= has;
	return 0;
}

static int take_session_timeout(struct aaa_profile *p, const struct radius_attribute *a)
{
	return take_u32(p, a, AAA_HAS_SESSION_TIMEOUT, &p->session_timeout_s);
}

static int take_idle_timeout(struct aaa_profile *p, const struct radius_attribute *a)
{
	return take_u32(p, a, AAA_HAS_IDLE_TIMEOUT, &p->idle_timeout_s);
}

/* RFC 2869, 2.1 and 5.16: not below a minute. */
static int take_interim(struct aaa_profile *p, const struct radius_attribute *a)
{
	int r = take_u32(p, a, AAA_HAS_INTERIM, &p->interim_s);
	p->interim_s = MAX(p->interim_s, 60u);
	return r;
}

static int take_mtu(struct aaa_profile *p, const struct radius_attribute *a)
{
	int r = take_u32(p, a, AAA_HAS_MTU, &p->mtu);
	return r == 0 && (p->mtu < 64 || p->mtu > 65535) ? -EINVAL : r;
}

static int take_rate_up(struct aaa_profile *p, const struct radius_attribute *a)
{
	uint32_t v = 0;
	int r = take_u32(p, a, AAA_HAS_RATE_UP, &v);
	p->rate_up = v;
	return r;
}

static int take_rate_down(struct aaa_profile *p, const struct radius_attribute *a)
{
	uint32_t v = 0;
	int r = take_u32(p, a, AAA_HAS_RATE_DOWN, &v);
	p->rate_down = v;
	return r;
}

/* changes: may stand in a CoA-Request, and is obeyed. */
static const struct row {
	uint32_t vendor;
	uint8_t type;
	bool changes;
	take_fn *take;
} rows[] = {
	{ 0, RADIUS_USER_NAME, false, take_user },
	{ 0, RADIUS_SERVICE_TYPE, false, take_service },
	{ 0, RADIUS_FRAMED_PROTOCOL, false, take_protocol },
	{ 0, RADIUS_FRAMED_IP_ADDRESS, false, take_ipv4 },
	{ 0, RADIUS_FRAMED_INTERFACE_ID, false, take_interface_id },
	{ 0, RADIUS_FRAMED_IPV6_PREFIX, false, take_prefix },
	{ 0, RADIUS_DELEGATED_IPV6_PREFIX, false, take_delegated },
	{ 0, RADIUS_FRAMED_IPV6_ADDRESS, false, take_address },
	{ 0, RADIUS_FRAMED_ROUTE, false, take_route4 },
	{ 0, RADIUS_FRAMED_IPV6_ROUTE, false, take_route6 },
	{ 0, RADIUS_DNS_SERVER_IPV6_ADDRESS, false, take_dns6 },
	{ RADIUS_VENDOR_MICROSOFT, MS_PRIMARY_DNS_SERVER, false, take_dns4 },
	{ RADIUS_VENDOR_MICROSOFT, MS_SECONDARY_DNS_SERVER, false, take_dns4 },
	{ 0, RADIUS_FRAMED_POOL, false, take_pool },
	{ 0, RADIUS_FRAMED_IPV6_POOL, false, take_ipv6_pool },
	{ 0, RADIUS_DELEGATED_IPV6_PREFIX_POOL, false, take_delegated_pool },
	{ 0, RADIUS_FRAMED_MTU, false, take_mtu },
	{ 0, RADIUS_FILTER_ID, true, take_filter },
	{ 0, RADIUS_TUNNEL_PRIVATE_GROUP_ID, true, take_group },
	{ 0, RADIUS_SESSION_TIMEOUT, true, take_session_timeout },
	{ 0, RADIUS_IDLE_TIMEOUT, true, take_idle_timeout },
	{ 0, RADIUS_ACCT_INTERIM_INTERVAL, true, take_interim },
	{ RADIUS_VENDOR_WISPR, WISPR_BANDWIDTH_MAX_UP, true, take_rate_up },
	{ RADIUS_VENDOR_WISPR, WISPR_BANDWIDTH_MAX_DOWN, true, take_rate_down },
};

static const struct row *find_row(const struct radius_attribute *a)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (rows[i].vendor == a->vendor && rows[i].type == a->type)
			return &rows[i];
	return NULL;
}

static const char *words_for(int error)
{
	return error == -E2BIG              ? "there are more of it than we take"
	        : error == -EPROTONOSUPPORT ? "this is not a PPP service"
	                                    : "its value is malformed";
}

int aaa_profile_read(const struct radius_packet *p, struct aaa_profile *profile, struct error *err)
{
	struct radius_attribute a;
	char label[RADIUS_LABEL_SIZE];
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);) {
		const struct row *row = find_row(&a);
		int r = row ? row->take(profile, &a) : 0;
		if (r < 0)
			return error_set(
			        err, -EINVAL, "%s: %s", radius_label(a.vendor, a.type, label), words_for(r));
	}
	return 0;
}

/* What says which session or which NAS, or belongs to the exchange itself: RFC 5176, section 3. */
static bool is_of_the_protocol(const struct radius_attribute *a)
{
	static const uint8_t types[] = { RADIUS_USER_NAME, RADIUS_NAS_IP_ADDRESS, RADIUS_NAS_PORT,
		RADIUS_FRAMED_IP_ADDRESS, RADIUS_CALLED_STATION_ID, RADIUS_CALLING_STATION_ID,
		RADIUS_NAS_IDENTIFIER, RADIUS_PROXY_STATE, RADIUS_ACCT_SESSION_ID,
		RADIUS_ACCT_MULTI_SESSION_ID, RADIUS_EVENT_TIMESTAMP, RADIUS_NAS_PORT_TYPE,
		RADIUS_MESSAGE_AUTHENTICATOR, RADIUS_NAS_PORT_ID, RADIUS_CHARGEABLE_USER_IDENTITY,
		RADIUS_NAS_IPV6_ADDRESS, RADIUS_FRAMED_INTERFACE_ID, RADIUS_FRAMED_IPV6_PREFIX,
		RADIUS_DELEGATED_IPV6_PREFIX, RADIUS_FRAMED_IPV6_ADDRESS };
	return !a->vendor && memchr(types, a->type, sizeof(types));
}

uint32_t aaa_profile_read_change(const struct radius_packet *p, struct aaa_profile *change, struct error *err)
{
	struct radius_attribute a;
	char label[RADIUS_LABEL_SIZE];
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);) {
		if (is_of_the_protocol(&a))
			continue;
		const struct row *row = find_row(&a);
		radius_label(a.vendor, a.type, label);
		if (!a.vendor && a.type == RADIUS_SERVICE_TYPE) {
			error_set(err, 0, "%s: only plain changes are done, not Authorize-Only", label);
			return AAA_UNSUPPORTED_SERVICE;
		}
		if (!row || !row->changes) {
			error_set(err, 0, "%s: it cannot be changed while a session is open", label);
			return AAA_UNSUPPORTED_ATTRIBUTE;
		}
		int r = row->take(change, &a);
		if (r < 0) {
			error_set(err, 0, "%s: %s", label, words_for(r));
			return AAA_INVALID_ATTRIBUTE_VALUE;
		}
	}
	return 0;
}

uint32_t aaa_profile_check_disconnect(const struct radius_packet *p, struct error *err)
{
	struct radius_attribute a;
	char label[RADIUS_LABEL_SIZE];
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);) {
		/* Words for the user, and why: section 3.6. */
		if (is_of_the_protocol(&a) ||
		        (!a.vendor &&
		                (a.type == RADIUS_REPLY_MESSAGE || a.type == RADIUS_ACCT_TERMINATE_CAUSE)))
			continue;
		error_set(err, 0, "%s: it says nothing about which session",
		        radius_label(a.vendor, a.type, label));
		return !a.vendor && a.type == RADIUS_SERVICE_TYPE ? AAA_UNSUPPORTED_SERVICE
		                                                  : AAA_UNSUPPORTED_ATTRIBUTE;
	}
	return AAA_DONE;
}

/* The users file. */

static int set_text(char *field, const char *value)
{
	if (!*value || strlen(value) > AAA_TEXT_MAX)
		return -EINVAL;
	memcpy(field, value, strlen(value) + 1);
	return 0;
}

static int set_address(struct aaa_profile *p, const char *value)
{
	struct ip_address a;
	if (ip_parse(value, &a) < 0 || !is_host(&a))
		return -EINVAL;
	if (!ip_is_v4(&a))
		return append_address(p->addresses, &p->n_addresses, AAA_PREFIXES_MAX, &a);
	if (p->has & AAA_HAS_IPV4)
		return -E2BIG;
	p->ipv4 = a;
	p->has |= AAA_HAS_IPV4;
	return 0;
}

static int parse_prefix6(const char *value, struct ip_prefix *ret)
{
	return ip_prefix_parse(value, ret) < 0 || ip_is_v4(&ret->address) ? -EINVAL : 0;
}

static int set_prefix(struct aaa_profile *p, const char *value)
{
	struct ip_prefix prefix;
	int r = parse_prefix6(value, &prefix);
	return r < 0 ? r : append_prefix(p->prefixes, &p->n_prefixes, AAA_PREFIXES_MAX, &prefix);
}

static int set_delegated(struct aaa_profile *p, const char *value)
{
	struct ip_prefix prefix;
	int r = parse_prefix6(value, &prefix);
	return r < 0 ? r : append_prefix(p->delegated, &p->n_delegated, AAA_PREFIXES_MAX, &prefix);
}

static int set_any_route(struct aaa_profile *p, const char *value)
{
	return set_route(p, value, !strchr(value, ':'));
}

static int set_dns(struct aaa_profile *p, const char *value)
{
	struct ip_address a;
	if (ip_parse(value, &a) < 0 || !is_host(&a))
		return -EINVAL;
	return ip_is_v4(&a) ? append_address(p->dns4, &p->n_dns4, AAA_NAME_SERVERS_MAX, &a)
	                    : append_address(p->dns6, &p->n_dns6, AAA_NAME_SERVERS_MAX, &a);
}

static int set_pool(struct aaa_profile *p, const char *value)
{
	return set_text(p->pool, value);
}

static int set_ipv6_pool(struct aaa_profile *p, const char *value)
{
	return set_text(p->ipv6_pool, value);
}

static int set_delegated_pool(struct aaa_profile *p, const char *value)
{
	return set_text(p->delegated_pool, value);
}

static int set_segment(struct aaa_profile *p, const char *value)
{
	p->has |= AAA_HAS_SEGMENT;
	return set_text(p->segment, value);
}

static int set_interface_id(struct aaa_profile *p, const char *value)
{
	char *full FREE_ON_EXIT = xasprintf("::%s", value);
	struct ip_address a;
	if (strstr(value, "::") || ip_parse(full, &a) < 0 || ip_is_v4(&a))
		return -EINVAL;
	return take_interface_id(p, &(struct radius_attribute){ .length = 8, .value = a.bytes + 8 });
}

static int set_number(const char *value, uint64_t max, uint64_t *ret)
{
	size_t n = strspn(value, "0123456789");
	uint64_t v = n && n < 16 && !value[n] ? strtoull(value, NULL, 10) : 0;
	if (v == 0 || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int set_session_timeout(struct aaa_profile *p, const char *value)
{
	uint64_t v = 0;
	int r = set_number(value, UINT32_MAX, &v);
	p->session_timeout_s = (uint32_t)v;
	p->has |= AAA_HAS_SESSION_TIMEOUT;
	return r;
}

static int set_idle_timeout(struct aaa_profile *p, const char *value)
{
	uint64_t v = 0;
	int r = set_number(value, UINT32_MAX, &v);
	p->idle_timeout_s = (uint32_t)v;
	p->has |= AAA_HAS_IDLE_TIMEOUT;
	return r;
}

static int set_rate_up(struct aaa_profile *p, const char *value)
{
	p->has |= AAA_HAS_RATE_UP;
	return set_number(value, 1ull << 48, &p->rate_up);
}

static int set_rate_down(struct aaa_profile *p, const char *value)
{
	p->has |= AAA_HAS_RATE_DOWN;
	return set_number(value, 1ull << 48, &p->rate_down);
}

static const struct {
	const char *key;
	int (*set)(struct aaa_profile *p, const char *value);
	const char *wanted;
} keys[] = {
	{ "address", set_address, "an address" },
	{ "prefix", set_prefix, "an IPv6 prefix" },
	{ "delegated", set_delegated, "an IPv6 prefix" },
	{ "route", set_any_route, "a prefix" },
	{ "dns", set_dns, "an address" },
	{ "pool", set_pool, "a name" },
	{ "ipv6-pool", set_ipv6_pool, "a name" },
	{ "delegated-pool", set_delegated_pool, "a name" },
	{ "segment", set_segment, "a name" },
	{ "interface-id", set_interface_id, "four groups such as 0:0:0:1" },
	{ "session-timeout", set_session_timeout, "seconds" },
	{ "idle-timeout", set_idle_timeout, "seconds" },
	{ "rate-up", set_rate_up, "bits per second" },
	{ "rate-down", set_rate_down, "bits per second" },
};

int aaa_profile_set(struct aaa_profile *p, const char *key, const char *value, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		int r = keys[i].set(p, value);
		if (r == -E2BIG)
			return error_set(err, r, "%s=%s: there are too many of it", key, value);
		return r < 0 ? error_set(err, r, "%s=%s: %s is wanted", key, value, keys[i].wanted) : 0;
	}
	return error_set(err, -ENOENT, "%s: no such key", key);
}
