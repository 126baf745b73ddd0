/* SPDX-License-Identifier: ISC */
#include "softwire/options.h"

#include "proto/l2tp/l2tp.h"
#include "softwire/options_check.h"
#include <errno.h>
#include <string.h>

#define OPTION(option, field, kind, default_value, least, most, text) \
	{ \
		.name = option, .type = kind, .offset = offsetof(struct softwire_options, field), \
		.fallback = default_value, .min = least, .max = most, .help = text \
	}

static const struct config_option common_options[] = {
	OPTION("user", user, CONFIG_STRING, "pratique", 0, 0,
	        "whom all processes run as when started by root"),
	OPTION("log_level", log_level, CONFIG_STRING, "info", 0, 0, "error, warning, notice, info or debug"),
	OPTION("name", name, CONFIG_STRING, "", 0, 0, "our L2TP and CHAP name; empty: the host's name"),
	OPTION("tun", tun, CONFIG_STRING, "softwire0", 0, 0, "interface that is made for the inner packets"),
	OPTION("ipsec", ipsec_text, CONFIG_STRING, "userspace", 0, 0,
	        "userspace: ESP in our own data plane; kernel: in the kernel; none: L2TP in clear, trusted "
	        "only"),
	OPTION("trusted_interface", trusted_interfaces, CONFIG_LIST, NULL, 0, 0,
	        "interface (not a public network) where clear L2TP is allowed; may be repeated"),
	OPTION("trusted_address", trusted_address_texts, CONFIG_LIST, NULL, 0, 0,
	        "prefix of peers that may speak clear L2TP; needed with trusted_interface"),
	OPTION("tunnel_secret_file", tunnel_secret_file, CONFIG_PATH, "", 0, 0,
	        "secret of L2TP's own tunnel authentication, one line; empty: none"),
	OPTION("workers", workers, CONFIG_INTEGER, "0", 0, 64, "threads of the data plane; 0: one a core"),
	OPTION("outer_mtu", outer_mtu, CONFIG_INTEGER, "1500", 1280, 9200,
	        "largest outer packet; the inner MTU follows from it and from what protects it"),
	OPTION("hello", hello_ms, CONFIG_DURATION, "10 s", 500, 3600000, "silence before an L2TP HELLO"),
	OPTION("retransmissions", retransmissions, CONFIG_INTEGER, "5", 1, 20,
	        "unanswered L2TP messages, the first repeated after 1 s, each after twice the time, 8 s at "
	        "most"),
	OPTION("echo_failures", echo_failures, CONFIG_INTEGER, "3", 1, 20,
	        "unanswered echoes that end the link"),
	OPTION("ipv4", ipv4, CONFIG_BOOLEAN, "yes", 0, 0, "IPv4 inside the softwire"),
	OPTION("ipv6", ipv6, CONFIG_BOOLEAN, "yes", 0, 0, "IPv6 inside the softwire"),
	OPTION("tap", tap, CONFIG_PATH, "", 0, 0,
	        "writes decrypted inner packets there as pcap, for debugging; empty: never"),
	IKE_CONFIG_ROWS(struct softwire_options, ike),
};

static const struct config_option concentrator_options[] = {
	OPTION("echo", echo_ms, CONFIG_DURATION, "10 s", 0, 3600000, "between LCP echoes; 0 s: none"),
	OPTION("listen", listen_texts, CONFIG_LIST, NULL, 0, 0,
	        "outer address; may be repeated; everything else that comes to it is dropped"),
	OPTION("allow", allow_texts, CONFIG_LIST, NULL, 0, 0,
	        "what else may come to the outer addresses: \"tcp PORT\", \"udp PORT\", or \"replies\" to "
	        "connections of this host"),
	OPTION("run_directory", run_directory, CONFIG_PATH, "/run/pratique/concentrator", 0, 0,
	        "sockets and charon's generated configuration"),
	OPTION("state_directory", state_directory, CONFIG_PATH, "/var/lib/pratique/concentrator", 0, 0,
	        "leases and accounting; mode 0700"),
	OPTION("socket", socket, CONFIG_PATH, "/run/pratique/concentrator/api.sock", 0, 0,
	        "Unix socket of the API"),
	OPTION("enforcer_socket", enforcer_socket, CONFIG_PATH, "/run/pratique/concentrator/sessions.sock", 0,
	        0, "Unix socket that pratique-enforcer takes the sessions from; empty: none"),
	OPTION("ppp_auth", auth_texts, CONFIG_LIST, NULL, 0, 0,
	        "how PPP peers prove themselves, most wanted first: eap, mschapv2, chap, pap; may be "
	        "repeated; "
	        "none: eap, mschapv2, chap"),
	OPTION("chap_password_file", chap_password_file, CONFIG_PATH, "", 0, 0,
	        "what we prove ourselves with to peers that ask by CHAP, one line; empty: we do not"),
	OPTION("anonymous", anonymous, CONFIG_BOOLEAN, "no", 0, 0,
	        "no authentication by PPP; where IKE proves nobody either the session is anonymous"),
	OPTION("bind", bind_text, CONFIG_STRING, "any", 0, 0,
	        "which users may use a machine's association: any, same-name, or map FILE"),
	OPTION("pool", pool_texts, CONFIG_LIST, NULL, 0, 0,
	        "\"NAME ipv4|framed|delegated PREFIX [length N]\"; may be repeated"),
	OPTION("route", route_texts, CONFIG_LIST, NULL, 0, 0,
	        "\"PREFIX [REALM]\": further prefix that leads to the peers, where AAA gives from none of "
	        "the "
	        "pools; with a realm: what its AAA may give, and then nothing else"),
	OPTION("default_pool", pool, CONFIG_STRING, "default", 0, 0, "pool of users that AAA names none for"),
	OPTION("dns", dns_texts, CONFIG_LIST, NULL, 0, 0, "name server that peers are told; may be repeated"),
	OPTION("search_domain", search_domain, CONFIG_STRING, "", 0, 0, "search domain that peers are told"),
	OPTION("sessions_max", sessions_max, CONFIG_INTEGER, "20000", 1, L2TP_TUNNELS_MAX,
	        "sessions altogether"),
	OPTION("sessions_per_peer", sessions_per_peer, CONFIG_INTEGER, "4", 1, 60000,
	        "tunnels of one association"),
	OPTION("l2tp_half_open_max", half_open_max, CONFIG_INTEGER, "4096", 1, L2TP_HALF_OPEN_MAX,
	        "half-open L2TP tunnels altogether"),
	OPTION("l2tp_half_open_per_source", half_open_per_source, CONFIG_INTEGER, "64", 1, L2TP_HALF_OPEN_MAX,
	        "half-open L2TP tunnels of one source"),
	OPTION("session_timeout", session_timeout_ms, CONFIG_DURATION, "0 s", 0, 31536000000LL,
	        "longest session where AAA says nothing; 0 s: for ever"),
	OPTION("idle_timeout", idle_timeout_ms, CONFIG_DURATION, "0 s", 0, 31536000000LL,
	        "longest silence of a peer where AAA says nothing; 0 s: for ever"),
	OPTION("rate_from_peer", rate_in, CONFIG_INTEGER, "0", 0, 1000000000000LL,
	        "bit/s of a session where AAA says nothing; 0: no limit"),
	OPTION("rate_to_peer", rate_out, CONFIG_INTEGER, "0", 0, 1000000000000LL,
	        "bit/s of a session where AAA says nothing; 0: no limit"),
	AAA_OPTIONS(struct softwire_options, aaa),
};

static const struct config_option initiator_options[] = {
	OPTION("echo", echo_ms, CONFIG_DURATION, "2 s", 0, 3600000,
	        "between LCP echoes, which find out that the concentrator is gone; 0 s: none"),
	OPTION("concentrator", concentrators, CONFIG_LIST, NULL, 0, 0,
	        "address or name of a concentrator; may be repeated, they are tried in turn"),
	OPTION("local", local, CONFIG_STRING, "", 0, 0,
	        "our outer address; empty: as the route to the concentrator has it, followed when it "
	        "changes"),
	OPTION("run_directory", run_directory, CONFIG_PATH, "/run/pratique/initiator", 0, 0,
	        "sockets and charon's generated configuration"),
	OPTION("state_directory", state_directory, CONFIG_PATH, "/var/lib/pratique/initiator", 0, 0,
	        "what was set in this host, our DUID; mode 0700"),
	OPTION("socket", socket, CONFIG_PATH, "/run/pratique/initiator/api.sock", 0, 0,
	        "Unix socket of the API"),
	OPTION("ppp_user", ppp_user, CONFIG_STRING, "", 0, 0, "our PPP name; empty: we prove nothing by PPP"),
	OPTION("ppp_password_file", ppp_password_file, CONFIG_PATH, "", 0, 0, "its password, one line"),
	OPTION("ppp_peer_password_file", ppp_peer_password_file, CONFIG_PATH, "", 0, 0,
	        "the concentrator must prove by CHAP that it knows this one; empty: IKE has proven it"),
	OPTION("ppp_auth", give_texts, CONFIG_LIST, NULL, 0, 0,
	        "how we prove ourselves, most wanted first: eap, mschapv2, chap, pap; may be repeated; none: "
	        "eap, "
	        "mschapv2, chap"),
	OPTION("ppp_eap", eap_texts, CONFIG_LIST, NULL, 0, 0,
	        "EAP methods, most wanted first: tls, mschapv2, md5; may be repeated; none: mschapv2, md5"),
	OPTION("ppp_eap_ca", ppp_eap_ca, CONFIG_PATH, "", 0, 0, "EAP-TLS: the CA of the AAA server"),
	OPTION("ppp_eap_certificate", ppp_eap_certificate, CONFIG_PATH, "", 0, 0, "EAP-TLS: our certificate"),
	OPTION("ppp_eap_key", ppp_eap_key, CONFIG_PATH, "", 0, 0, "EAP-TLS: its key"),
	OPTION("ppp_eap_server_name", ppp_eap_server_name, CONFIG_STRING, "", 0, 0,
	        "EAP-TLS: name in the AAA server's certificate"),
	OPTION("default_route", default_route, CONFIG_BOOLEAN, "yes", 0, 0,
	        "default routes of both inner families lead into the softwire"),
	OPTION("delegation", delegation, CONFIG_BOOLEAN, "yes", 0, 0, "asks for a prefix by DHCPv6"),
	OPTION("downstream", downstream, CONFIG_STRING, "", 0, 0,
	        "interface that gets the first /64 of the delegated prefix"),
	OPTION("dns_mode", dns_mode_text, CONFIG_STRING, "none", 0, 0,
	        "what is done with name servers: none, resolv.conf, resolvconf or resolvectl"),
	OPTION("retry_first", retry_first_ms, CONFIG_DURATION, "500 ms", 50, 3600000,
	        "before the second attempt; doubled each time"),
	OPTION("retry_last", retry_last_ms, CONFIG_DURATION, "30 s", 50, 3600000,
	        "and never longer than this"),
};

#define TABLE_MAX \
	(ARRAY_LENGTH(common_options) + ARRAY_LENGTH(concentrator_options) + ARRAY_LENGTH(initiator_options))

/* The role's options; ret has room for TABLE_MAX. */
static size_t role_table(enum softwire_role role, struct config_option *ret)
{
	const bool initiator = role == SOFTWIRE_INITIATOR;
	const size_t n = initiator ? ARRAY_LENGTH(initiator_options) : ARRAY_LENGTH(concentrator_options);
	memcpy(ret, common_options, sizeof(common_options));
	memcpy(ret + ARRAY_LENGTH(common_options), initiator ? initiator_options : concentrator_options,
	        n * sizeof(*ret));
	return ARRAY_LENGTH(common_options) + n;
}

/* ---- changes ---- */

/* What can be changed while the program runs; an initiator's IKE alone, its control has one session. */
static const struct {
	const char *name;
	unsigned parts;
} live_options[] = {
	{ "log_level", OPTIONS_CONTROL },
	{ "name", OPTIONS_CONTROL },
	{ "tunnel_secret_file", OPTIONS_CONTROL },
	{ "trusted_address", OPTIONS_CONTROL | OPTIONS_FILTER },
	{ "hello", OPTIONS_CONTROL },
	{ "retransmissions", OPTIONS_CONTROL },
	{ "echo", OPTIONS_CONTROL },
	{ "echo_failures", OPTIONS_CONTROL },
	{ "ipv4", OPTIONS_CONTROL },
	{ "ipv6", OPTIONS_CONTROL },
	{ "allow", OPTIONS_FILTER },
	{ "ppp_auth", OPTIONS_CONTROL },
	{ "chap_password_file", OPTIONS_CONTROL },
	{ "anonymous", OPTIONS_CONTROL },
	{ "bind", OPTIONS_CONTROL },
	{ "pool", OPTIONS_CONTROL | OPTIONS_ROUTES },
	{ "route", OPTIONS_CONTROL | OPTIONS_ROUTES },
	{ "default_pool", OPTIONS_CONTROL },
	{ "dns", OPTIONS_CONTROL },
	{ "search_domain", OPTIONS_CONTROL },
	{ "sessions_per_peer", OPTIONS_CONTROL },
	{ "l2tp_half_open_max", OPTIONS_CONTROL },
	{ "l2tp_half_open_per_source", OPTIONS_CONTROL },
	{ "session_timeout", OPTIONS_CONTROL },
	{ "idle_timeout", OPTIONS_CONTROL },
	{ "rate_from_peer", OPTIONS_CONTROL },
	{ "rate_to_peer", OPTIONS_CONTROL },
	{ "radius_server", OPTIONS_CONTROL },
	{ "radsec_server", OPTIONS_CONTROL },
	{ "radsec_ca", OPTIONS_CONTROL },
	{ "radsec_certificate", OPTIONS_CONTROL },
	{ "radsec_key", OPTIONS_CONTROL },
	{ "radius_attribute", OPTIONS_CONTROL },
	{ "radius_dictionary", OPTIONS_CONTROL },
	{ "radius_identity_attribute", OPTIONS_CONTROL },
	{ "nas_identifier", OPTIONS_CONTROL },
	{ "accounting_interim", OPTIONS_CONTROL },
	{ "accounting_spool_max", OPTIONS_CONTROL },
	{ "coa_listen", OPTIONS_CONTROL },
	{ "coa_client", OPTIONS_CONTROL },
	{ "users_file", OPTIONS_CONTROL },
	{ "certificate", OPTIONS_IKE },
	{ "key", OPTIONS_IKE },
	{ "ca", OPTIONS_IKE },
	{ "crl", OPTIONS_IKE },
	{ "identity", OPTIONS_IKE },
	{ "concentrator_name", OPTIONS_IKE },
	{ "psk_file", OPTIONS_IKE },
	{ "eap_identity", OPTIONS_IKE },
	{ "eap_password_file", OPTIONS_IKE },
	{ "ikev1", OPTIONS_IKE },
	{ "esp", OPTIONS_IKE },
	{ "ike", OPTIONS_IKE },
	{ "esn", OPTIONS_IKE },
	{ "force_encapsulation", OPTIONS_IKE },
	{ "unique", OPTIONS_IKE },
	{ "dpd", OPTIONS_IKE },
	{ "ike_rekey", OPTIONS_IKE },
	{ "esp_rekey", OPTIONS_IKE },
	{ "esp_rekey_bytes", OPTIONS_IKE },
	{ "esp_rekey_packets", OPTIONS_IKE },
};

/* 0: not while it runs. */
static unsigned parts_of(enum softwire_role role, const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(live_options); i++)
		if (strcmp(live_options[i].name, name) == 0)
			return role == SOFTWIRE_CONCENTRATOR || live_options[i].parts == OPTIONS_IKE
			        ? live_options[i].parts
			        : 0;
	return 0;
}

static bool same_list(const struct config_list *a, const struct config_list *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->items[i], b->items[i]) == 0;
	return same;
}

static bool is_same(const struct config_option *row, const void *a, const void *b)
{
	switch (row->type) {
	case CONFIG_BOOLEAN:
		return *(const bool *)a == *(const bool *)b;
	case CONFIG_INTEGER:
	case CONFIG_DURATION:
		return *(const int64_t *)a == *(const int64_t *)b;
	case CONFIG_LIST:
		return same_list(a, b);
	default:
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	}
}

static size_t size_of(enum config_type type)
{
	switch (type) {
	case CONFIG_BOOLEAN:
		return sizeof(bool);
	case CONFIG_INTEGER:
	case CONFIG_DURATION:
		return sizeof(int64_t);
	case CONFIG_LIST:
		return sizeof(struct config_list);
	default:
		return sizeof(char *);
	}
}

int options_compare(const struct softwire_options *now, const struct softwire_options *new,
        unsigned *ret_parts, void (*report)(const char *text))
{
	struct config_option table[TABLE_MAX];
	const size_t n = role_table(now->role, table);
	unsigned parts = 0;
	int r = 0;
	for (size_t i = 0; i < n; i++) {
		const struct config_option *row = &table[i];
		struct error e;
		if (is_same(row, (const char *)now + row->offset, (const char *)new + row->offset))
			continue;
		parts |= parts_of(now->role, row->name);
		if (parts_of(now->role, row->name))
			continue;
		r = error_set(&e, -EINVAL, "%s: cannot be changed while pratique-softwire runs; restart it",
		        row->name);
		report(e.text);
	}
	if (r == 0)
		*ret_parts = parts;
	return r;
}

static void exchange(void *a, void *b, size_t n)
{
	uint8_t kept[sizeof(((struct softwire_options *)NULL)->routes)];
	memcpy(kept, a, n);
	memcpy(a, b, n);
	memcpy(b, kept, n);
}
#define EXCHANGE(field) exchange(&now->field, &new->field, sizeof(now->field))

void options_exchange(struct softwire_options *now, struct softwire_options *new)
{
	struct config_option table[TABLE_MAX];
	const size_t n = role_table(now->role, table);
	for (size_t i = 0; i < n; i++)
		if (parts_of(now->role, table[i].name))
			exchange((char *)now + table[i].offset, (char *)new + table[i].offset,
			        size_of(table[i].type));
	if (now->role == SOFTWIRE_INITIATOR)
		return;
	/* What they mean. */
	EXCHANGE(trusted_addresses);
	EXCHANGE(n_trusted_addresses);
	EXCHANGE(methods);
	EXCHANGE(n_methods);
	EXCHANGE(ranges);
	EXCHANGE(n_ranges);
	EXCHANGE(routes);
	EXCHANGE(n_routes);
	EXCHANGE(dns);
	EXCHANGE(n_dns);
	EXCHANGE(openings);
	EXCHANGE(n_openings);
	EXCHANGE(allow_replies);
	EXCHANGE(bind);
	EXCHANGE(bind_map);
}

const char *options_role_name(enum softwire_role role)
{
	return role == SOFTWIRE_INITIATOR ? "initiator" : "concentrator";
}

int options_load(enum softwire_role role, const char *path, const char *const *overrides,
        struct softwire_options *ret, void (*report)(const char *text), struct error *err)
{
	struct config_option table[TABLE_MAX];
	const size_t n = role_table(role, table);
	memset(ret, 0, sizeof(*ret));
	ret->role = role;
	int r = config_load(path, overrides, table, n, ret, report, err);
	return r < 0 ? r : options_check(ret, report, err);
}

void options_clear(struct softwire_options *o)
{
	struct config_option table[TABLE_MAX];
	const size_t n = role_table(o->role, table);
	config_clear(table, n, o);
	free(TAKE_POINTER(o->ranges));
	free(TAKE_POINTER(o->bind_map));
}

void options_describe(enum softwire_role role, FILE *out)
{
	struct config_option table[TABLE_MAX];
	const size_t n = role_table(role, table);
	config_describe(out, table, n);
}

bool options_trusts(const struct softwire_options *o, const struct ip_address *remote)
{
	for (size_t i = 0; i < o->n_trusted_addresses; i++)
		if (ip_in_prefix(remote, &o->trusted_addresses[i]))
			return true;
	return false;
}
