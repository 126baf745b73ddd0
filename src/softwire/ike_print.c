/* SPDX-License-Identifier: ISC */
/*
 * strongswan.conf and swanctl.conf. Texts from our options are printable and without quotes (ike_check()), so
 * that they stand in double quotes as they are; keys are written in hexadecimal.
 */
#include "softwire/ike_internal.h"

#include "crypto/bundle.h"

#include <stdio.h>
#include <string.h>

#define HARD_LIFE_MIN_S 10 /* of an ESP SA after it should have been rekeyed */
#define REPLAY_WINDOW 1024 /* packets; what the data plane has */
#define KERNEL_REQID 1701
#define KEEP_ALIVE_S 20 /* NAT keepalives, RFC 3948, 4 */
#define OLD_CHILD_S 5   /* inbound SA of before a rekeying: what is on its way still passes */
#define HALF_OPEN_S 30

static int64_t seconds(int64_t ms)
{
	return ms < 1000 ? 1 : ms / 1000;
}

/* ---- strongswan.conf ---- */

/* Nothing that we do not use: each plugin reads bytes of strangers. */
static void print_plugins(const struct ike_setup *s, FILE *out)
{
	const struct ike_options *o = s->options;
	fprintf(out,
	        "\tload = random nonce openssl pem pkcs1 pkcs8 x509 revocation constraints pubkey kdf hmac "
	        "drbg "
	        "pratique%s vici",
	        s->kernel ? " kernel-netlink socket-default" : "");
	if (s->role == IKE_CONCENTRATOR && o->ike_radius.count)
		fprintf(out, " eap-identity eap-radius");
	if (s->role == IKE_INITIATOR && *o->eap)
		fprintf(out, " eap-identity eap-%s", o->eap);
	fprintf(out, "\n");
}

static void print_limits(const struct ike_setup *s, FILE *out)
{
	const struct ike_options *o = s->options;
	fprintf(out, "\tcookie_threshold = %lld\n", (long long)o->cookie_threshold);
	/* COOKIEs for one busy source alone, before it is blocked. */
	fprintf(out, "\tcookie_threshold_ip = %lld\n", (long long)(o->half_open_source_max + 1) / 2);
	fprintf(out, "\tblock_threshold = %lld\n", (long long)o->half_open_source_max + 1);
	fprintf(out, "\tinit_limit_half_open = %lld\n", (long long)o->half_open_max);
	fprintf(out, "\tikesa_limit = %lld\n", (long long)o->ike_sa_max);
	fprintf(out, "\thalf_open_timeout = %d\n", HALF_OPEN_S);
	if (s->role == IKE_CONCENTRATOR)
		fprintf(out,
		        "\tikesa_table_size = 4096\n\tikesa_table_segments = 16\n\tretransmit_timeout = 2.0\n"
		        "\tretransmit_base = 1.6\n\tretransmit_tries = 5\n");
	else
		fprintf(out,
		        "\tretransmit_timeout = 1.0\n\tretransmit_base = 1.5\n\tretransmit_tries = 4\n"
		        "\tinitiator_only = yes\n");
}

static void print_radius(const struct ike_setup *s, const char *secret, FILE *out)
{
	const struct config_list *l = &s->options->ike_radius;
	if (s->role != IKE_CONCENTRATOR || l->count == 0)
		return;
	fprintf(out, "\t\teap-radius {\n\t\t\taccounting = no\n\t\t\tservers {\n");
	for (size_t i = 0; i < l->count; i++) {
		struct ip_address address;
		uint16_t port;
		char text[IP_TEXT_SIZE];
		if (ike_parse_server(l->items[i], &address, &port, NULL) < 0)
			continue;
		fprintf(out, "\t\t\t\tserver%zu {\n\t\t\t\t\taddress = %s\n\t\t\t\t\tauth_port = %u\n", i + 1,
		        ip_format(&address, text), port);
		if (secret)
			fprintf(out, "\t\t\t\t\tsecret = \"%s\"\n", secret);
		else
			fprintf(out, "\t\t\t\t\t# the secret is left out here\n");
		fprintf(out, "\t\t\t\t}\n");
	}
	fprintf(out, "\t\t\t}\n\t\t}\n");
}

static void print_role(const struct ike_setup *s, FILE *out)
{
	const char *role = s->options->peer_role;
	if (strcmp(role, IKE_ANY_ROLE) == 0)
		return;
	if (!*role)
		role = identity_role_name(s->role == IKE_CONCENTRATOR ? ROLE_NODE : ROLE_CONCENTRATOR);
	fprintf(out, "\t\t\tpeer_role = \"%s\"\n", role);
}

void ike_print_strongswan(const struct ike_setup *s, const char *radius_secret, FILE *out)
{
	fprintf(out,
	        "# Written by pratique-softwire from its own configuration; changes are lost.\ncharon {\n");
	print_plugins(s, out);
	fprintf(out, "\tport = 500\n\tport_nat_t = 4500\n\tthreads = 16\n");
	fprintf(out,
	        "\tinstall_routes = no\n\tinstall_virtual_ip = no\n\tprocess_route = no\n\tsend_vendor_id = "
	        "no\n");
	fprintf(out, "\treuse_ikesa = no\n\tkeep_alive = %ds\n\tdelete_rekeyed_delay = %d\n", KEEP_ALIVE_S,
	        OLD_CHILD_S);
	print_limits(s, out);
	fprintf(out,
	        "\tfilelog {\n\t\tstderr {\n\t\t\tdefault = 1\n\t\t\tenc = 0\n\t\t\tasn = 0\n\t\t\tike_name "
	        "= yes\n"
	        "\t\t\tflush_line = yes\n\t\t}\n\t}\n");
	fprintf(out, "\tplugins {\n\t\tpratique {\n\t\t\tdataplane = %s\n\t\t\tkernel = %s\n",
	        s->dataplane_socket, s->kernel ? "yes" : "no");
	print_role(s, out);
	fprintf(out, "\t\t}\n");
	if (s->kernel)
		fprintf(out, "\t\tkernel-netlink {\n\t\t\troam_events = no\n\t\t}\n");
	fprintf(out, "\t\tvici {\n\t\t\tsocket = unix://%s/charon.vici\n\t\t}\n", s->run_directory);
	print_radius(s, radius_secret, out);
	fprintf(out, "\t}\n}\ncharon-systemd {\n\tjournal {\n\t\tdefault = -1\n\t}\n}\n");
	fprintf(out, "swanctl {\n\tload = random openssl pem pkcs1 pkcs8 x509 pubkey\n}\n");
}

/* ---- swanctl.conf: proposals ---- */

static void print_ike_proposals(const struct ike_setup *s, FILE *out)
{
	const struct config_list *l = &s->options->ike;
	fprintf(out, "\t\tproposals = ");
	for (size_t i = 0; i < l->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", l->items[i]);
	if (l->count == 0)
		fprintf(out,
		        "aes128gcm16-prfsha256-x25519-ecp256, aes256gcm16-prfsha384-x25519-ecp384-ecp256, "
		        "chacha20poly1305-prfsha256-x25519, "
		        "aes128-aes256-sha256-sha384-x25519-ecp256-ecp384-modp2048-modp3072");
	fprintf(out, "\n");
}

/* Twice: with a key exchange of its own for rekeying, and for peers that do without. */
static void print_esp_proposals(const struct ike_setup *s, bool ikev1, FILE *out)
{
	static const char *const exchanges[] = { "-x25519-ecp256", "" };
	const struct config_list *l = &s->options->esp;
	const char *esn = s->options->esn && !ikev1 ? "-esn-noesn" : "", *comma = "";
	const char *const *words = l->count ? (const char *const *)l->items : ike_esp_usual;
	size_t n = l->count;
	for (; l->count == 0 && words[n];)
		n++;
	fprintf(out, "\t\t\t\tesp_proposals = ");
	for (size_t e = ikev1 ? 1 : 0; e < ARRAY_LENGTH(exchanges); e++)
		for (size_t i = 0; i < n; i++) {
			if (!ikev1 && ike_esp_is_old(words[i]))
				continue;
			fprintf(out, "%s%s%s%s", comma, ike_esp_proposal(words[i]), exchanges[e], esn);
			comma = ", ";
		}
	fprintf(out, "\n");
}

/* ---- swanctl.conf: one connection ---- */

struct connection {
	const char *name, *child;
	bool ikev1;
	const char *remote; /* NULL: any */
	const char *local_auth, *remote_auth;
	const char *remote_id; /* NULL: any */
	const char *identity;  /* ours; "" */
};

static void print_addresses(const struct ike_setup *s, const struct connection *c, FILE *out)
{
	char text[IP_TEXT_SIZE];
	fprintf(out, "\t\tlocal_addrs = ");
	for (size_t i = 0; i < s->n_local; i++)
		fprintf(out, "%s%s", i ? ", " : "", ip_format(&s->local[i], text));
	fprintf(out, "%s\n\t\tremote_addrs = %s\n", s->n_local ? "" : "%any", c->remote ? c->remote : "%any");
}

/* An address by its type and in hexadecimal: charon takes 0.0.0.0 and :: for anybody. */
static void print_id(const char *indent, const char *identity, FILE *out)
{
	struct ip_address ip;
	if (ip_parse(identity, &ip) < 0) {
		fprintf(out, "%sid = \"%s\"\n", indent, identity);
		return;
	}
	bool v4 = ip_is_v4(&ip);
	fprintf(out, "%sid = \"%s:#", indent, v4 ? "ipv4" : "ipv6");
	for (size_t i = v4 ? 12 : 0; i < sizeof(ip.bytes); i++)
		fprintf(out, "%02x", ip.bytes[i]);
	fprintf(out, "\"\n");
}

/* While the CA rolls over to another one there are two; charon reads one of a file. */
static void print_cas(const struct ike_setup *s, FILE *out)
{
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	fprintf(out, "\t\t\tcacerts = ca.pem");
	if (bundle_load(s->options->ca, &trusted, NULL) == 0)
		for (size_t i = 1; i < trusted.n; i++)
			fprintf(out, ", ca-%zu.pem", i + 1);
	fputc('\n', out);
}

static void print_ends(const struct ike_setup *s, const struct connection *c, FILE *out)
{
	const struct ike_options *o = s->options;
	bool certificate = ike_has_certificate(s) && strcmp(c->local_auth, "psk") != 0;
	fprintf(out, "\t\tlocal {\n\t\t\tauth = %s\n", c->local_auth);
	if (certificate)
		fprintf(out, "\t\t\tcerts = certificate.pem\n");
	if (*c->identity)
		print_id("\t\t\t", c->identity, out);
	if (*o->eap_identity)
		fprintf(out, "\t\t\teap_id = \"%s\"\n", o->eap_identity);
	fprintf(out, "\t\t}\n\t\tremote {\n\t\t\tauth = %s\n", c->remote_auth);
	print_id("\t\t\t", c->remote_id ? c->remote_id : "%any", out);
	if (strcmp(c->remote_auth, "pubkey") == 0) {
		print_cas(s, out);
		fprintf(out, "\t\t\trevocation = %s\n", *o->crl ? "strict" : "relaxed");
	}
	if (strcmp(c->remote_auth, "eap-radius") == 0)
		fprintf(out, "\t\t\teap_id = %%any\n");
	fprintf(out, "\t\t}\n");
}

/* The SPD of the softwire draft, 3.5.5. The marks are never in a packet: they give each CHILD_SA a reqid of
 * its own, which peers with equal selectors (behind one NAT; RFC 3948, 5.2) would share. */
static void print_child(const struct ike_setup *s, const struct connection *c, FILE *out)
{
	const struct ike_options *o = s->options;
	fprintf(out, "\t\tchildren {\n\t\t\t%s {\n\t\t\t\tmode = transport\n", c->child);
	fprintf(out, "\t\t\t\tlocal_ts = dynamic[udp/1701]\n\t\t\t\tremote_ts = dynamic[udp%s]\n",
	        s->role == IKE_INITIATOR ? "/1701" : "");
	print_esp_proposals(s, c->ikev1, out);
	fprintf(out, "\t\t\t\tpolicies = no\n");
	/* The sockets of the data plane demand SAs of this number (dataplane/open_policy.h). */
	if (s->kernel)
		fprintf(out, "\t\t\t\treqid = %d\n", KERNEL_REQID);
	else
		fprintf(out, "\t\t\t\tmark_in = %%unique\n\t\t\t\tmark_out = %%unique\n");
	/* Seconds are whole: a short life leaves time enough between its soft and its hard end all the same.
	 */
	const int64_t rekey = seconds(o->esp_rekey_ms);
	fprintf(out, "\t\t\t\treplay_window = %d\n\t\t\t\trekey_time = %llds\n", REPLAY_WINDOW,
	        (long long)rekey);
	fprintf(out, "\t\t\t\tlife_time = %llds\n\t\t\t\trand_time = %llds\n",
	        (long long)(rekey + MAX(rekey / 10, HARD_LIFE_MIN_S)), (long long)(rekey / 10));
	if (o->esp_rekey_bytes)
		fprintf(out, "\t\t\t\trekey_bytes = %lld\n", (long long)o->esp_rekey_bytes);
	if (o->esp_rekey_packets)
		fprintf(out, "\t\t\t\trekey_packets = %lld\n", (long long)o->esp_rekey_packets);
	fprintf(out,
	        "\t\t\t\tstart_action = none\n\t\t\t\tdpd_action = clear\n\t\t\t\tclose_action = none\n");
	fprintf(out, "\t\t\t}\n\t\t}\n");
}

static void print_connection(const struct ike_setup *s, const struct connection *c, FILE *out)
{
	const struct ike_options *o = s->options;
	fprintf(out, "\t%s {\n\t\tversion = %d\n", c->name, c->ikev1 ? 1 : 2);
	if (c->ikev1)
		fprintf(out, "\t\taggressive = no\n\t\tdpd_timeout = %llds\n",
		        (long long)seconds(o->dpd_ms) * 4);
	else
		fprintf(out, "\t\tchildless = never\n");
	print_addresses(s, c, out);
	print_ike_proposals(s, out);
	/* MOBIKE moves tunnel mode only (RFC 4555, 3.1): a changed address is a new IKE_SA, at once. */
	fprintf(out, "\t\tmobike = no\n\t\tfragmentation = yes\n\t\tencap = %s\n\t\tunique = %s\n",
	        o->force_encapsulation ? "yes" : "no", o->unique);
	fprintf(out, "\t\tsend_cert = always\n\t\tkeyingtries = 1\n\t\tdpd_delay = %llds\n",
	        (long long)seconds(o->dpd_ms));
	fprintf(out, "\t\treauth_time = 0s\n\t\trekey_time = %llds\n", (long long)seconds(o->ike_rekey_ms));
	print_ends(s, c, out);
	print_child(s, c, out);
	fprintf(out, "\t}\n");
}

/* ---- swanctl.conf: which connections ---- */

const char *ike_child_name(size_t concentrator, char text[IKE_CHILD_SIZE])
{
	if (concentrator == 0)
		snprintf(text, IKE_CHILD_SIZE, "%s", IKE_CHILD);
	else
		snprintf(text, IKE_CHILD_SIZE, "%s%zu", IKE_CHILD, concentrator + 1);
	return text;
}

static void print_initiator(const struct ike_setup *s, const char *identity, FILE *out)
{
	const enum ike_own own = ike_own_proof(s);
	const struct ike_options *o = s->options;
	char child[IKE_CHILD_SIZE];
	struct connection c = {
		.name = child,
		.child = child,
		.ikev1 = o->ikev1,
		.local_auth = own == IKE_OWN_PSK     ? "psk"
		        : own == IKE_OWN_CERTIFICATE ? "pubkey"
		                                     : "eap",
		.remote_auth = own == IKE_OWN_PSK ? "psk" : "pubkey",
		.remote_id = o->concentrator_name,
		.identity = own == IKE_OWN_EAP && !*identity ? o->eap_identity : identity,
	};
	for (size_t i = 0; i < s->concentrators->count; i++) {
		(void)ike_child_name(i, child);
		c.remote = s->concentrators->items[i];
		print_connection(s, &c, out);
	}
}

/* Main mode finds the key by the address: one connection a peer (RFC 2409, 5.4), and none for peers that
 * roam. */
static void print_ikev1_psk(
        const struct ike_setup *s, const char *identity, const struct ike_psk_list *psk, FILE *out)
{
	for (size_t i = 0; psk && i < psk->count; i++) {
		struct ip_address address;
		char name[IKE_CHILD_SIZE];
		if (ip_parse(psk->items[i].identity, &address) < 0)
			continue;
		snprintf(name, sizeof(name), "ikev1-psk%zu", i + 1);
		struct connection c = { name, IKE_CHILD, true, psk->items[i].identity, "psk", "psk",
			psk->items[i].identity, identity };
		print_connection(s, &c, out);
	}
}

static void print_concentrator(
        const struct ike_setup *s, const char *identity, const struct ike_psk_list *psk, FILE *out)
{
	const struct ike_options *o = s->options;
	struct connection c = { "certificate", IKE_CHILD, false, NULL, "pubkey", "pubkey", NULL, identity };
	if (ike_has_certificate(s))
		print_connection(s, &c, out);
	if (o->ike_radius.count) {
		c.name = "eap";
		c.remote_auth = "eap-radius";
		print_connection(s, &c, out);
	}
	if (*o->psk_file) {
		c = (struct connection){ "psk", IKE_CHILD, false, NULL, "psk", "psk", NULL, identity };
		print_connection(s, &c, out);
	}
	if (o->ikev1 && ike_has_certificate(s)) {
		c = (struct connection){ "ikev1", IKE_CHILD, true, NULL, "pubkey", "pubkey", NULL, identity };
		print_connection(s, &c, out);
	}
	if (o->ikev1)
		print_ikev1_psk(s, identity, psk, out);
}

static void print_bytes(const uint8_t *bytes, size_t n, FILE *out)
{
	fprintf(out, "0x");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%02x", bytes[i]);
}

static void print_secrets(
        const struct ike_setup *s, const struct ike_psk_list *psk, const char *password, FILE *out)
{
	fprintf(out, "secrets {\n");
	for (size_t i = 0; psk && i < psk->count; i++) {
		fprintf(out, "\tike-%zu {\n", i + 1);
		print_id("\t\t", psk->items[i].identity, out);
		fprintf(out, "\t\tsecret = ");
		print_bytes(psk->items[i].secret, psk->items[i].length, out);
		fprintf(out, "\n\t}\n");
	}
	if (password) {
		fprintf(out, "\teap-own {\n\t\tid = \"%s\"\n\t\tsecret = ", s->options->eap_identity);
		print_bytes((const uint8_t *)password, strlen(password), out);
		fprintf(out, "\n\t}\n");
	}
	if (!psk && !password)
		fprintf(out, "\t# secrets are left out here\n");
	fprintf(out, "}\n");
}

void ike_print_swanctl(const struct ike_setup *s, const char *identity, const struct ike_psk_list *psk,
        const char *password, bool secrets, FILE *out)
{
	fprintf(out,
	        "# Written by pratique-softwire from its own configuration; changes are lost.\nconnections "
	        "{\n");
	if (s->role == IKE_INITIATOR)
		print_initiator(s, identity, out);
	else
		print_concentrator(s, identity, psk, out);
	fprintf(out, "}\n");
	print_secrets(s, secrets ? psk : NULL, secrets ? password : NULL, out);
}
