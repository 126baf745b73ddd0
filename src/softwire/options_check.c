/* SPDX-License-Identifier: ISC */
#include "softwire/options_check.h"

#include "base/file.h"
#include "base/log.h"
#include "crypto/secret.h"
#include "softwire/binding.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct checking {
	struct softwire_options *o;
	struct error_report errors;
};

/* ---- one text each ---- */

static int find_word(const char *const *words, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (words[i] && strcmp(words[i], text) == 0)
			return (int)i;
	return -1;
}

static void check_ipsec(struct checking *c)
{
	static const char *const words[] = { "none", "userspace", "kernel" };
	int i = find_word(words, ARRAY_LENGTH(words), c->o->ipsec_text);
	if (i < 0)
		error_report_add(
		        &c->errors, "ipsec: \"%s\" is none of userspace, kernel, none", c->o->ipsec_text);
	else
		c->o->ipsec = (enum softwire_ipsec)i;
}

static void check_log_level(struct checking *c)
{
	static const char *const words[] = { "error", "warning", "notice", "info", "debug" };
	if (find_word(words, ARRAY_LENGTH(words), c->o->log_level) < 0)
		error_report_add(&c->errors,
		        "log_level: \"%s\" is none of error, warning, notice, info, debug", c->o->log_level);
}

static bool is_interface_name(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n >= IFNAMSIZ || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		            strchr("-_.", *s)))
			return false;
	return true;
}

static void check_interfaces(struct checking *c)
{
	struct softwire_options *o = c->o;
	if (!is_interface_name(o->tun))
		error_report_add(&c->errors, "tun: \"%s\" is no interface name", o->tun);
	if (o->trusted_interfaces.count > SOFTWIRE_TRUSTED_MAX)
		error_report_add(&c->errors, "trusted_interface: more than %d", SOFTWIRE_TRUSTED_MAX);
	for (size_t i = 0; i < o->trusted_interfaces.count; i++)
		if (!is_interface_name(o->trusted_interfaces.items[i]))
			error_report_add(&c->errors, "trusted_interface: \"%s\" is no interface name",
			        o->trusted_interfaces.items[i]);
	if (o->role == SOFTWIRE_INITIATOR && *o->downstream && !is_interface_name(o->downstream))
		error_report_add(&c->errors, "downstream: \"%s\" is no interface name", o->downstream);
}

static void check_trusted_addresses(struct checking *c)
{
	struct softwire_options *o = c->o;
	for (size_t i = 0; i < o->trusted_address_texts.count; i++) {
		const char *text = o->trusted_address_texts.items[i];
		if (o->n_trusted_addresses == SOFTWIRE_TRUSTED_MAX) {
			error_report_add(&c->errors, "trusted_address: more than %d", SOFTWIRE_TRUSTED_MAX);
			return;
		}
		if (ip_prefix_parse(text, &o->trusted_addresses[o->n_trusted_addresses]) < 0)
			error_report_add(&c->errors,
			        "trusted_address: \"%s\" is no prefix (ADDRESS/LENGTH, host bits zero)",
			        text);
		else
			o->n_trusted_addresses++;
	}
}

/* Draft 3.4.1.1: CHAP and the like never run unprotected on a public network, so clear L2TP is for declared
 * interfaces and peers only. */
static void check_protection(struct checking *c)
{
	const struct softwire_options *o = c->o;
	if ((o->trusted_interfaces.count == 0) != (o->trusted_address_texts.count == 0))
		error_report_add(&c->errors,
		        "trusted_interface and trusted_address: clear L2TP wants both, the interface and "
		        "the prefixes of its peers");
	if (o->ipsec == SOFTWIRE_IPSEC_NONE && o->trusted_interfaces.count == 0)
		error_report_add(&c->errors,
		        "ipsec: none is for trusted networks only: name trusted_interface and "
		        "trusted_address, or use ipsec = userspace");
}

static void check_secret(struct checking *c, const char *option, const char *path, size_t max)
{
	struct error err;
	char *secret = NULL;
	if (!*path)
		return;
	if (secret_read(path, &secret, &err) < 0)
		error_report_add(&c->errors, "%s: %s", option, err.text);
	else if (secret && strlen(secret) > max)
		error_report_add(&c->errors, "%s: the secret is longer than %zu bytes", option, max);
	secret_free(secret);
}

static void check_file(struct checking *c, const char *option, const char *path)
{
	if (*path && access(path, R_OK) < 0)
		error_report_add(&c->errors, "%s: %s: %s", option, path, strerror(errno));
}

/* ---- lists ---- */

static void check_methods(struct checking *c, const struct config_list *texts)
{
	static const char *const words[PPP_N_METHODS] = {
		[PPP_PAP] = "pap", [PPP_CHAP_MD5] = "chap", [PPP_MSCHAPV2] = "mschapv2", [PPP_EAP] = "eap"
	};
	struct softwire_options *o = c->o;
	if (texts->count == 0) {
		static const enum ppp_method usual[] = { PPP_EAP, PPP_MSCHAPV2, PPP_CHAP_MD5 };
		memcpy(o->methods, usual, sizeof(usual));
		o->n_methods = ARRAY_LENGTH(usual);
	}
	for (size_t i = 0; i < texts->count; i++) {
		int method = find_word(words, PPP_N_METHODS, texts->items[i]);
		bool again = false;
		for (size_t j = 0; j < o->n_methods; j++)
			again = again || (int)o->methods[j] == method;
		if (method < 0)
			error_report_add(&c->errors, "ppp_auth: \"%s\" is none of eap, mschapv2, chap, pap",
			        texts->items[i]);
		else if (again || o->n_methods == PPP_METHODS_MAX)
			error_report_add(&c->errors, "ppp_auth: \"%s\" is there twice", texts->items[i]);
		else
			o->methods[o->n_methods++] = (enum ppp_method)method;
	}
}

static void check_eap(struct checking *c)
{
	static const char *const words[] = { "md5", "tls", "mschapv2" };
	static const enum ppp_eap_type types[] = { PPP_EAP_MD5, PPP_EAP_TLS, PPP_EAP_MSCHAPV2 };
	struct softwire_options *o = c->o;
	bool tls = false;
	if (o->eap_texts.count == 0) {
		o->eap_types[o->n_eap_types++] = PPP_EAP_MSCHAPV2;
		o->eap_types[o->n_eap_types++] = PPP_EAP_MD5;
	}
	for (size_t i = 0; i < o->eap_texts.count; i++) {
		int word = find_word(words, ARRAY_LENGTH(words), o->eap_texts.items[i]);
		if (word < 0)
			error_report_add(&c->errors, "ppp_eap: \"%s\" is none of tls, mschapv2, md5",
			        o->eap_texts.items[i]);
		else if (o->n_eap_types == PPP_METHODS_MAX)
			error_report_add(&c->errors, "ppp_eap: more than %d", PPP_METHODS_MAX);
		else
			o->eap_types[o->n_eap_types++] = types[word];
		tls = tls || (word >= 0 && types[word] == PPP_EAP_TLS);
	}
	if (tls && (!*o->ppp_eap_ca || !*o->ppp_eap_certificate || !*o->ppp_eap_key))
		error_report_add(
		        &c->errors, "ppp_eap: tls wants ppp_eap_ca, ppp_eap_certificate and ppp_eap_key");
	check_file(c, "ppp_eap_ca", o->ppp_eap_ca);
	check_file(c, "ppp_eap_certificate", o->ppp_eap_certificate);
	check_file(c, "ppp_eap_key", o->ppp_eap_key);
}

static bool is_unicast(const struct ip_address *a)
{
	static const struct ip_address zero;
	const uint8_t *b = a->bytes;
	if (ip_is_v4(a))
		return b[12] != 0 && b[12] < 224;
	return !ip_equal(a, &zero) && b[0] != 0xff && !ip_is_link_local(a);
}

static void check_listen(struct checking *c)
{
	struct softwire_options *o = c->o;
	if (o->listen_texts.count == 0)
		error_report_add(&c->errors, "listen: name the outer addresses of this concentrator");
	for (size_t i = 0; i < o->listen_texts.count; i++) {
		struct ip_address a;
		const char *text = o->listen_texts.items[i];
		bool again = false;
		if (ip_parse(text, &a) < 0 || !is_unicast(&a)) {
			error_report_add(&c->errors, "listen: \"%s\" is no unicast address", text);
			continue;
		}
		for (size_t j = 0; j < o->n_listen; j++)
			again = again || ip_equal(&a, &o->listen[j]);
		if (again)
			error_report_add(&c->errors, "listen: %s is there twice", text);
		else if (o->n_listen == SOFTWIRE_LISTEN_MAX)
			error_report_add(&c->errors, "listen: more than %d addresses", SOFTWIRE_LISTEN_MAX);
		else
			o->listen[o->n_listen++] = a;
	}
}

static void check_openings(struct checking *c)
{
	struct softwire_options *o = c->o;
	for (size_t i = 0; i < o->allow_texts.count; i++) {
		const char *text = o->allow_texts.items[i];
		bool tcp = strncmp(text, "tcp ", 4) == 0, udp = strncmp(text, "udp ", 4) == 0;
		char *end = NULL;
		unsigned long port = tcp || udp ? strtoul(text + 4, &end, 10) : 0;
		if (strcmp(text, "replies") == 0) {
			o->allow_replies = true;
			continue;
		}
		if (!end || *end || port == 0 || port > 65535)
			error_report_add(&c->errors,
			        "allow: \"%s\" is neither \"tcp PORT\", \"udp PORT\" nor \"replies\"", text);
		else if (port == 1701 && udp)
			error_report_add(
			        &c->errors, "allow: UDP port 1701 is L2TP; trusted_interface is for that");
		else if (o->n_openings == ARRAY_LENGTH(o->openings))
			error_report_add(&c->errors, "allow: more than %zu", ARRAY_LENGTH(o->openings));
		else
			o->openings[o->n_openings++] =
			        (struct softwire_opening){ tcp ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t)port };
	}
}

static void check_dns(struct checking *c)
{
	struct softwire_options *o = c->o;
	for (size_t i = 0; i < o->dns_texts.count; i++) {
		if (o->n_dns == SOFTWIRE_DNS_MAX)
			error_report_add(&c->errors, "dns: more than %d", SOFTWIRE_DNS_MAX);
		else if (ip_parse(o->dns_texts.items[i], &o->dns[o->n_dns]) < 0)
			error_report_add(&c->errors, "dns: \"%s\" is no address", o->dns_texts.items[i]);
		else
			o->n_dns++;
	}
}

/* "PREFIX" or "PREFIX REALM". */
static void check_route(struct checking *c, const char *text)
{
	struct softwire_route *r = &c->o->routes[c->o->n_routes];
	const size_t n = strcspn(text, " \t");
	char *prefix FREE_ON_EXIT = xstrndup(text, n);
	r->realm = text + n + strspn(text + n, " \t");
	if (ip_prefix_parse(prefix, &r->prefix) < 0)
		error_report_add(&c->errors, "route: \"%s\" is no prefix", prefix);
	else if (r->prefix.length == (ip_is_v4(&r->prefix.address) ? 96 : 0))
		error_report_add(&c->errors, "route: \"%s\": everything cannot lead to the peers", prefix);
	else if (strpbrk(r->realm, " \t@\""))
		error_report_add(&c->errors, "route: \"%s\" is no realm", r->realm);
	else
		c->o->n_routes++;
}

static void check_routes(struct checking *c)
{
	struct softwire_options *o = c->o;
	for (size_t i = 0; i < o->route_texts.count; i++) {
		if (o->n_routes == SOFTWIRE_ROUTES_MAX) {
			error_report_add(&c->errors, "route: more than %d", SOFTWIRE_ROUTES_MAX);
			return;
		}
		check_route(c, o->route_texts.items[i]);
	}
}

static void check_pools(struct checking *c)
{
	struct softwire_options *o = c->o;
	struct error err;
	bool has_default = false;
	if (o->pool_texts.count > POOL_MAX)
		error_report_add(&c->errors, "pool: more than %d", POOL_MAX);
	o->ranges = xcalloc(o->pool_texts.count + 1, sizeof(*o->ranges));
	for (size_t i = 0; i < MIN(o->pool_texts.count, (size_t)POOL_MAX); i++) {
		struct pool_range *range = &o->ranges[o->n_ranges];
		if (pool_range_parse(o->pool_texts.items[i], range, &err) < 0) {
			error_report_add(&c->errors, "pool: %s", err.text);
			continue;
		}
		has_default = has_default || strcmp(range->name, o->pool) == 0;
		o->n_ranges++;
	}
	if (!has_default && o->aaa.servers.count + o->aaa.radsec_servers.count == 0)
		error_report_add(&c->errors,
		        "default_pool: there is no pool \"%s\", and no RADIUS server that could give "
		        "addresses",
		        o->pool);
}

/* ---- roles ---- */

static void check_aaa(struct checking *c)
{
	struct softwire_options *o = c->o;
	struct error err;
	const bool any = *o->aaa.users_file || o->aaa.servers.count + o->aaa.radsec_servers.count > 0;
	if (o->anonymous && o->auth_texts.count > 0)
		error_report_add(
		        &c->errors, "anonymous: yes means no authentication by PPP; remove ppp_auth");
	if (!o->anonymous && !any)
		error_report_add(&c->errors,
		        "nobody can be authenticated: configure radius_server, radsec_server or users_file "
		        "(or anonymous = yes, deliberately)");
	if (any && aaa_check(&o->aaa, c->errors.report, &err) < 0) {
		error_report_note(&c->errors, &err);
	}
}

static void check_binding(struct checking *c)
{
	struct softwire_options *o = c->o;
	struct binding *b = NULL;
	struct error err;
	if (strcmp(o->bind_text, "any") == 0) {
		o->bind = SOFTWIRE_BIND_ANY;
	} else if (strcmp(o->bind_text, "same-name") == 0) {
		o->bind = SOFTWIRE_BIND_SAME_NAME;
	} else if (strncmp(o->bind_text, "map /", 5) == 0) {
		o->bind = SOFTWIRE_BIND_MAP;
		o->bind_map = xstrdup(o->bind_text + 4);
	} else {
		error_report_add(
		        &c->errors, "bind: \"%s\" is none of any, same-name, map /PATH", o->bind_text);
		return;
	}
	if (binding_new(o->bind, o->bind_map, &b, &err) < 0)
		error_report_add(&c->errors, "bind: %s", err.text);
	binding_free(b);
}

static void check_concentrator(struct checking *c)
{
	check_listen(c);
	check_openings(c);
	check_dns(c);
	check_pools(c);
	check_routes(c);
	check_methods(c, &c->o->auth_texts);
	if (c->o->anonymous)
		c->o->n_methods = 0;
	check_secret(c, "chap_password_file", c->o->chap_password_file, PPP_SECRET_MAX);
	check_aaa(c);
	check_binding(c);
}

static void check_initiator(struct checking *c)
{
	struct softwire_options *o = c->o;
	struct error err;
	struct ip_address local;
	if (o->concentrators.count == 0)
		error_report_add(&c->errors, "concentrator: name one at least");
	if (o->concentrators.count > LINK_CONCENTRATORS_MAX)
		error_report_add(&c->errors, "concentrator: more than %d", LINK_CONCENTRATORS_MAX);
	if (*o->local && (ip_parse(o->local, &local) < 0 || !is_unicast(&local)))
		error_report_add(&c->errors, "local: \"%s\" is no unicast address", o->local);
	if (link_dns_parse(o->dns_mode_text, &o->dns_mode, &err) < 0)
		error_report_add(&c->errors, "dns_mode: %s", err.text);
	check_methods(c, &o->give_texts);
	if (!*o->ppp_user)
		o->n_methods = 0;
	check_eap(c);
	if (*o->ppp_user && !*o->ppp_password_file && !*o->ppp_eap_certificate)
		error_report_add(&c->errors,
		        "ppp_password_file: %s has no password (and no ppp_eap_certificate)", o->ppp_user);
	if (strlen(o->ppp_user) > PPP_NAME_MAX)
		error_report_add(&c->errors, "ppp_user: longer than %d bytes", PPP_NAME_MAX);
	check_secret(c, "ppp_password_file", o->ppp_password_file, PPP_SECRET_MAX);
	check_secret(c, "ppp_peer_password_file", o->ppp_peer_password_file, PPP_SECRET_MAX);
	if (o->retry_first_ms > o->retry_last_ms)
		error_report_add(&c->errors, "retry_first: longer than retry_last");
}

int options_check(struct softwire_options *o, void (*report)(const char *text), struct error *err)
{
	struct checking c = { .o = o, .errors = { report, err, 0 } };
	check_ipsec(&c);
	check_log_level(&c);
	check_interfaces(&c);
	check_trusted_addresses(&c);
	check_protection(&c);
	check_secret(&c, "tunnel_secret_file", o->tunnel_secret_file, 128);
	if (!o->ipv4 && !o->ipv6)
		error_report_add(&c.errors, "ipv4, ipv6: one of them at least is to be yes");
	if (o->role == SOFTWIRE_CONCENTRATOR)
		check_concentrator(&c);
	else
		check_initiator(&c);
	return c.errors.result;
}
