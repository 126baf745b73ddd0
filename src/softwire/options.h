/* SPDX-License-Identifier: ISC */
/*
 * The configuration of pratique-softwire, both roles. The tables in options.c are the reference: --help
 * prints the role's. options_load() finds every error before anything is touched; what is forbidden by the
 * softwire draft (3.4.1.1, 3.5.2) is an error here and not a warning later.
 */
#pragma once

#include "base/address.h"
#include "base/config.h"
#include "proto/ppp/ppp.h"
#include "softwire/aaa.h"
#include "softwire/ike.h"
#include "softwire/link.h"
#include "softwire/pool.h"

#define SOFTWIRE_LISTEN_MAX 16
#define SOFTWIRE_TRUSTED_MAX 32
#define SOFTWIRE_ROUTES_MAX 64
#define SOFTWIRE_DNS_MAX 4

enum softwire_role { SOFTWIRE_INITIATOR, SOFTWIRE_CONCENTRATOR };
enum softwire_ipsec { SOFTWIRE_IPSEC_NONE, SOFTWIRE_IPSEC_USERSPACE, SOFTWIRE_IPSEC_KERNEL };
/* Which PPP users may use a machine's association. */
enum softwire_bind { SOFTWIRE_BIND_ANY, SOFTWIRE_BIND_SAME_NAME, SOFTWIRE_BIND_MAP };

/* What the operator lets in at the outer addresses besides IKE and ESP. */
struct softwire_opening {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t port;
};

/* What leads to the peers besides the pools. */
struct softwire_route {
	struct ip_prefix prefix;
	const char *realm; /* of route_texts; whose AAA may give from it; "": everybody's */
};

struct softwire_options {
	enum softwire_role role;
	bool ipv4, ipv6, anonymous, default_route, delegation, allow_replies;
	/* as they stand in the file */
	char *user, *log_level, *name, *tun, *run_directory, *state_directory, *socket, *ipsec_text, *tap;
	struct config_list trusted_interfaces, trusted_address_texts;
	char *tunnel_secret_file;
	int64_t workers, outer_mtu, hello_ms, retransmissions, echo_ms, echo_failures;
	struct ike_options ike;
	/* concentrator */
	struct config_list listen_texts, auth_texts, pool_texts, route_texts, dns_texts, allow_texts;
	char *pool, *bind_text, *chap_password_file, *enforcer_socket, *search_domain;
	int64_t sessions_max, sessions_per_peer, half_open_max, half_open_per_source, session_timeout_ms,
	        idle_timeout_ms, rate_in, rate_out;
	struct aaa_options aaa;
	/* initiator */
	struct config_list concentrators, give_texts, eap_texts;
	char *ppp_user, *ppp_password_file, *ppp_peer_password_file, *downstream, *dns_mode_text, *local;
	char *ppp_eap_ca, *ppp_eap_certificate, *ppp_eap_key, *ppp_eap_server_name;
	int64_t retry_first_ms, retry_last_ms;
	/* what they mean; filled by options_load() */
	enum softwire_ipsec ipsec;
	struct ip_address listen[SOFTWIRE_LISTEN_MAX];
	size_t n_listen;
	struct ip_prefix trusted_addresses[SOFTWIRE_TRUSTED_MAX];
	size_t n_trusted_addresses;
	enum ppp_method methods[PPP_METHODS_MAX]; /* demanded (concentrator), given (initiator) */
	size_t n_methods;
	enum ppp_eap_type eap_types[PPP_METHODS_MAX];
	size_t n_eap_types;
	struct pool_range *ranges;
	size_t n_ranges;
	struct softwire_route routes[SOFTWIRE_ROUTES_MAX];
	size_t n_routes;
	struct ip_address dns[SOFTWIRE_DNS_MAX];
	size_t n_dns;
	struct softwire_opening openings[SOFTWIRE_LISTEN_MAX];
	size_t n_openings;
	enum softwire_bind bind;
	char *bind_map; /* path */
	enum link_dns dns_mode;
};

/* path NULL: defaults only. Every error is given to report (may be NULL), the first is in err. ret is to be
 * cleared in every case. */
int options_load(enum softwire_role role, const char *path, const char *const *overrides,
        struct softwire_options *ret, void (*report)(const char *text), struct error *err);
void options_clear(struct softwire_options *o);
/* What a change of an option concerns while the program runs. */
enum options_part {
	OPTIONS_CONTROL = 1, /* the concentrator's control, which goes on with its sessions */
	OPTIONS_FILTER = 2,
	OPTIONS_ROUTES = 4, /* the interface's own */
	OPTIONS_IKE = 8,
};
/* Which parts are different in new. -EINVAL: options that cannot be changed without a restart; each is given
 * to report. */
int options_compare(const struct softwire_options *now, const struct softwire_options *new,
        unsigned *ret_parts, void (*report)(const char *text));
/* Exchanges what can be changed; strings of other options stay where they are. */
void options_exchange(struct softwire_options *now, struct softwire_options *new);
void options_describe(enum softwire_role role, FILE *out);
const char *options_role_name(enum softwire_role role);

/* Whether clear L2TP may come from there (draft 3.4.1.1): the address is in trusted_address, or one of its
 * interfaces is trusted, which the filter has seen to. */
bool options_trusts(const struct softwire_options *o, const struct ip_address *remote);
