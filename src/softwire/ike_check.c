/* SPDX-License-Identifier: ISC */
#include "base/file.h"
#include "crypto/secret.h"
#include "crypto/x509.h"
#include "softwire/ike_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define RADIUS_PORT 1812
#define IKE_PROPOSAL_MAX 128

struct checking {
	const struct ike_setup *s;
	const struct ike_options *o;
	struct error_report errors;
};

/* ---- words ---- */

static const struct {
	const char *word, *proposal;
	bool old; /* for IKEv1 alone */
} esp_words[] = {
	{ "aes128gcm", "aes128gcm16" },
	{ "aes256gcm", "aes256gcm16" },
	{ "chacha20poly1305", "chacha20poly1305" },
	{ "aes128-sha256", "aes128-sha256" },
	{ "aes256-sha256", "aes256-sha256" },
	{ "aes256-sha512", "aes256-sha512" },
	{ "null-sha256", "null-sha256" },
	{ "aes128-sha1", "aes128-sha1", .old = true },
	{ "aes256-sha1", "aes256-sha1", .old = true },
};
const char *const ike_esp_usual[] = { "aes128gcm", "aes256gcm", "chacha20poly1305", "aes128-sha256",
	"aes256-sha256", NULL };

const char *ike_esp_proposal(const char *word)
{
	for (size_t i = 0; i < ARRAY_LENGTH(esp_words); i++)
		if (strcmp(esp_words[i].word, word) == 0)
			return esp_words[i].proposal;
	return NULL;
}

bool ike_esp_is_old(const char *word)
{
	for (size_t i = 0; i < ARRAY_LENGTH(esp_words); i++)
		if (strcmp(esp_words[i].word, word) == 0)
			return esp_words[i].old;
	return false;
}

enum ike_own ike_own_proof(const struct ike_setup *s)
{
	if (*s->options->eap)
		return IKE_OWN_EAP;
	if (ike_has_certificate(s))
		return IKE_OWN_CERTIFICATE;
	return *s->options->psk_file ? IKE_OWN_PSK : IKE_OWN_NOTHING;
}

int ike_parse_server(const char *text, struct ip_address *ret, uint16_t *ret_port, struct error *err)
{
	char address[IP_TEXT_SIZE], *end = NULL;
	const char *port = NULL, *close = *text == '[' ? strchr(text, ']') : NULL;
	size_t n = close ? (size_t)(close - text - 1) : strcspn(text, ":");
	if (!close && text[n] && strchr(text + n + 1, ':'))
		n = strlen(text); /* an IPv6 address alone */
	if (close ? close[1] == ':' : text[n] == ':')
		port = close ? close + 2 : text + n + 1;
	unsigned long number = port ? strtoul(port, &end, 10) : RADIUS_PORT;
	if (n < sizeof(address))
		snprintf(address, sizeof(address), "%.*s", (int)n, close ? text + 1 : text);
	if (n >= sizeof(address) || ip_parse(address, ret) < 0 || number == 0 || number > UINT16_MAX ||
	        (port && (end == port || *end)) || (close && close[1] && close[1] != ':'))
		return error_set(err, -EINVAL, "\"%s\" is not ADDRESS:PORT", text);
	*ret_port = (uint16_t)number;
	return 0;
}

/* ---- files ---- */

/* By us, and by charon's user, who is somebody else as long as we are root. */
static void check_readable(struct checking *c, const char *option, const char *path)
{
	struct stat st;
	if (!*path)
		return;
	if (access(path, R_OK) < 0 || stat(path, &st) < 0)
		error_report_add(&c->errors, "%s: %s: %s", option, path, strerror(errno));
	else if (geteuid() == 0 && c->s->uid != 0 && st.st_uid != c->s->uid && !(st.st_mode & S_IROTH) &&
	        !(st.st_mode & S_IRGRP && st.st_gid == c->s->gid))
		error_report_add(&c->errors, "%s: %s: user %u, whom charon runs as, cannot read it; chown it",
		        option, path, c->s->uid);
}

static void check_private(struct checking *c, const char *option, const char *path)
{
	struct error e;
	if (*path && file_check_private(path, &e) < 0)
		error_report_add(&c->errors, "%s: %s", option, e.text);
}

static void check_secret(struct checking *c, const char *option, const char *path)
{
	struct error e;
	char *secret = NULL;
	if (!*path)
		return;
	if (secret_read(path, &secret, &e) < 0)
		error_report_add(&c->errors, "%s: %s", option, e.text);
	secret_free(secret);
}

int ike_own_identity(const struct ike_setup *s, char **ret, struct error *err)
{
	struct identity in_certificate;
	X509 *x = NULL;
	const char *found = s->options->identity;
	if (!*found && ike_has_certificate(s)) {
		int r = certificate_load(s->options->certificate, &x, err);
		if (r < 0)
			return r;
		/* Those of a site CA have the name as a DNS name too, which charon asks for. Others: the
		 * subject. */
		if (certificate_identity(x, &in_certificate, NULL) == 0)
			found = in_certificate.name;
		X509_free(x);
	}
	*ret = xstrdup(found);
	return 0;
}

int ike_find_plugin(const struct ike_setup *s, char **ret, struct error *err)
{
	static const char name[] = "libstrongswan-pratique.so";
	static const char *const below[] = { "", "../src/charon/", "../lib/pratique/",
		"../lib/x86_64-linux-gnu/pratique/" };
	char self[PATH_MAX];
	if (*s->options->plugin) {
		*ret = xstrdup(s->options->plugin);
		return 0;
	}
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n < 0 ? 0 : n] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; slash && i < ARRAY_LENGTH(below); i++) {
		char *path = xasprintf("%s%s%s", self, below[i], name);
		if (access(path, R_OK) == 0) {
			*ret = path;
			return 0;
		}
		free(path);
	}
	return error_set(err, -ENOENT, "charon_plugin: no %s near %s; give its path", name, self);
}

static void check_programs(struct checking *c)
{
	struct error e;
	char *plugin = NULL;
	if (access(c->o->charon, X_OK) < 0)
		error_report_add(&c->errors, "charon: %s: %s; it is in Debian's package charon-systemd",
		        c->o->charon, strerror(errno));
	if (ike_find_plugin(c->s, &plugin, &e) < 0 || !plugin)
		error_report_add(&c->errors, "%s", e.text);
	else if (strpbrk(plugin, " :"))
		error_report_add(&c->errors,
		        "charon_plugin: %s: it is preloaded, so there can be no blank or colon in the path",
		        plugin);
	else
		check_readable(c, "charon_plugin", plugin);
	free(plugin);
	if (strlen(c->s->run_directory) > sizeof(((struct sockaddr_un *)NULL)->sun_path) - 16)
		error_report_add(&c->errors, "run_directory: %s is too long for a Unix socket in it",
		        c->s->run_directory);
}

/* ---- algorithms ---- */

static void check_esp(struct checking *c)
{
	const struct config_list *l = &c->o->esp;
	bool null = false;
	size_t old = 0;
	for (size_t i = 0; i < l->count; i++) {
		if (!ike_esp_proposal(l->items[i]))
			error_report_add(&c->errors,
			        "esp: \"%s\" is none of aes128gcm, aes256gcm, chacha20poly1305, "
			        "aes128-sha256, "
			        "aes256-sha256, aes256-sha512, null-sha256, aes128-sha1, aes256-sha1",
			        l->items[i]);
		old += ike_esp_is_old(l->items[i]);
		null = null || strcmp(l->items[i], "null-sha256") == 0;
	}
	/* Beside others it would be a downgrade that an attacker's patience could get. */
	if (null && l->count > 1)
		error_report_add(&c->errors, "esp: null-sha256 (integrity only) stands alone or not at all");
	if (old && !c->o->ikev1)
		error_report_add(&c->errors,
		        "esp: HMAC-SHA1 is for old peers: it needs ikev1 = yes, and is not offered in IKEv2");
	else if (old && old == l->count && c->s->role == IKE_CONCENTRATOR)
		error_report_add(
		        &c->errors, "esp: beside HMAC-SHA1, which is not offered in IKEv2, it needs what is");
}

static void check_ike_proposals(struct checking *c)
{
	const struct config_list *l = &c->o->ike;
	for (size_t i = 0; i < l->count; i++) {
		const char *p = l->items[i];
		if (!*p || strlen(p) > IKE_PROPOSAL_MAX ||
		        p[strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-_")])
			error_report_add(&c->errors,
			        "ike: \"%s\" is not a proposal like aes256gcm16-prfsha384-ecp384", p);
		if (strstr(p, "null") || strstr(p, "md5") || strstr(p, "des") || strstr(p, "modp768") ||
		        strncmp(p, "default", 7) == 0)
			error_report_add(&c->errors, "ike: \"%s\" is not secure", p);
	}
}

/* ---- authentication ---- */

static void check_certificates(struct checking *c)
{
	const struct ike_options *o = c->o;
	if (!*o->certificate != !*o->key)
		error_report_add(&c->errors, "certificate, key: both or none");
	if (*o->certificate && !*o->ca)
		error_report_add(
		        &c->errors, "ca: peers' certificates must be of some CA; give its certificate");
	if (*o->crl && !*o->ca)
		error_report_add(&c->errors, "crl: it is the CA's; give ca too");
	check_readable(c, "certificate", o->certificate);
	check_readable(c, "key", o->key);
	check_private(c, "key", o->key);
	check_readable(c, "ca", o->ca);
	check_readable(c, "crl", o->crl);
}

static void check_role(struct checking *c)
{
	const char *role = c->o->peer_role;
	bool good = strlen(role) <= IKE_ROLE_MAX;
	for (const char *p = role; *p; p++)
		good = good && *p > ' ' && *p < 127 && *p != '"' && *p != '\\';
	if (!good)
		error_report_add(&c->errors, "peer_role: \"%s\" is not one word of at most %d characters",
		        role, IKE_ROLE_MAX);
}

static void check_identity(struct checking *c, const char *option, const char *identity)
{
	struct error e;
	if (*identity && ike_identity_check(identity, &e) < 0)
		error_report_add(&c->errors, "%s: %s", option, e.text);
}

/* Peers may call themselves so; a concentrator's connection to it would be anybody's. */
static bool is_any_address(const char *identity)
{
	static const struct ip_address any4 = { { [10] = 0xff, [11] = 0xff } }, any6;
	struct ip_address ip;
	return ip_parse(identity, &ip) == 0 && (ip_equal(&ip, &any4) || ip_equal(&ip, &any6));
}

static void check_psk(struct checking *c)
{
	struct ike_psk_list psk = { 0 };
	struct error e = { "" };
	if (!*c->o->psk_file)
		return;
	if (ike_psk_load(c->o->psk_file, &psk, c->errors.report, &e) < 0) {
		error_report_note(&c->errors, &e);
		return;
	}
	if (c->s->role == IKE_INITIATOR && *c->o->concentrator_name &&
	        !ike_psk_find(&psk, c->o->concentrator_name))
		error_report_add(&c->errors, "psk_file: %s has no key for %s (concentrator_name)",
		        c->o->psk_file, c->o->concentrator_name);
	for (size_t i = 0; i < psk.count && c->s->role == IKE_CONCENTRATOR; i++)
		if (is_any_address(psk.items[i].identity))
			error_report_add(&c->errors, "%s:%u: %s is nobody's address", c->o->psk_file,
			        psk.items[i].line, psk.items[i].identity);
	ike_psk_clear(&psk);
}

static void check_initiator_eap(struct checking *c)
{
	const struct ike_options *o = c->o;
	bool mschapv2 = strcmp(o->eap, "mschapv2") == 0, tls = strcmp(o->eap, "tls") == 0;
	if (!*o->eap)
		return;
	if (!mschapv2 && !tls)
		error_report_add(&c->errors,
		        "eap: \"%s\" is none of mschapv2, tls: only methods that derive keys bind EAP to IKE",
		        o->eap);
	if (mschapv2 && (!*o->eap_identity || !*o->eap_password_file))
		error_report_add(&c->errors, "eap: mschapv2 wants eap_identity and eap_password_file");
	if (mschapv2 && *o->certificate)
		error_report_add(&c->errors, "eap, certificate: mschapv2 or a certificate, not both");
	if (tls && !*o->certificate)
		error_report_add(&c->errors, "eap: tls wants certificate and key");
	if (!*o->ca)
		error_report_add(&c->errors, "eap: the concentrator proves itself by certificate; give ca");
	check_identity(c, "eap_identity", o->eap_identity);
	check_secret(c, "eap_password_file", o->eap_password_file);
}

/* With IKEv1 and a pre-shared key only addresses tell peers apart (RFC 2409, 5.4). */
static void check_initiator_ikev1(struct checking *c)
{
	const struct config_list *l = c->s->concentrators;
	struct ip_address ignored;
	if (!c->o->ikev1)
		return;
	if (ike_own_proof(c->s) == IKE_OWN_EAP)
		error_report_add(&c->errors, "ikev1, eap: IKEv1 has no EAP");
	for (size_t i = 0; ike_own_proof(c->s) == IKE_OWN_PSK && i < l->count; i++)
		if (ip_parse(l->items[i], &ignored) < 0)
			error_report_add(&c->errors,
			        "ikev1: with a pre-shared key the concentrator is an address, not \"%s\"",
			        l->items[i]);
}

static void check_initiator(struct checking *c)
{
	const struct ike_options *o = c->o;
	if (c->s->concentrators->count == 0 || c->s->concentrators->count > IKE_CONCENTRATORS_MAX)
		error_report_add(&c->errors, "concentrator: 1 to %d of them", IKE_CONCENTRATORS_MAX);
	for (size_t i = 0; i < c->s->concentrators->count; i++)
		if (ike_identity_check(c->s->concentrators->items[i], NULL) < 0 ||
		        strpbrk(c->s->concentrators->items[i], " ,%/"))
			error_report_add(&c->errors, "concentrator: \"%s\" is not an address or a name",
			        c->s->concentrators->items[i]);
	/* Otherwise whoever has a certificate of the CA could play the concentrator. */
	if (!*o->concentrator_name)
		error_report_add(
		        &c->errors, "concentrator_name: the IKE identity that the concentrator must prove");
	if (ike_own_proof(c->s) == IKE_OWN_NOTHING)
		error_report_add(&c->errors,
		        "certificate and key, eap, or psk_file: we must prove ourselves by one of them");
	if (*o->certificate && *o->psk_file)
		error_report_add(&c->errors, "certificate, psk_file: one of them");
	if (o->ike_radius.count || *o->ike_radius_secret)
		error_report_add(&c->errors, "ike_radius: is the concentrator's");
	check_initiator_eap(c);
	check_initiator_ikev1(c);
}

static void check_radius(struct checking *c)
{
	const struct ike_options *o = c->o;
	struct ip_address address;
	struct error e;
	uint16_t port;
	if (o->ike_radius.count > IKE_RADIUS_MAX)
		error_report_add(&c->errors, "ike_radius: more than %d", IKE_RADIUS_MAX);
	for (size_t i = 0; i < o->ike_radius.count; i++)
		if (ike_parse_server(o->ike_radius.items[i], &address, &port, &e) < 0)
			error_report_add(&c->errors, "ike_radius: %s", e.text);
	if (!o->ike_radius.count != !*o->ike_radius_secret)
		error_report_add(&c->errors, "ike_radius, ike_radius_secret: both or none");
	if (o->ike_radius.count && !*o->certificate)
		error_report_add(&c->errors,
		        "ike_radius: with EAP the concentrator proves itself by certificate; give "
		        "certificate and key");
	check_secret(c, "ike_radius_secret", o->ike_radius_secret);
}

static void check_concentrator(struct checking *c)
{
	const struct ike_options *o = c->o;
	/* RFC 3193, 4: every L2TP packet is checked against its own tunnel's SA. */
	if (c->s->kernel)
		error_report_add(&c->errors,
		        "ipsec: kernel is for initiators only: of several peers the kernel does not tell "
		        "whose SA a packet came by; a concentrator has ipsec = userspace");
	if (c->s->n_local == 0 || c->s->n_local > IKE_LOCAL_MAX)
		error_report_add(&c->errors, "outer addresses: 1 to %d of them", IKE_LOCAL_MAX);
	if (!*o->certificate && !*o->psk_file)
		error_report_add(&c->errors,
		        "certificate and key, or psk_file: peers must be able to prove themselves");
	if (*o->eap || *o->eap_identity || *o->eap_password_file)
		error_report_add(&c->errors, "eap: is the initiator's; the concentrator's is ike_radius");
	if (*o->concentrator_name)
		error_report_add(&c->errors, "concentrator_name: is the initiator's; ours is identity");
	check_radius(c);
}

int ike_check(const struct ike_setup *setup, void (*report)(const char *text), struct error *err)
{
	static const char *const unique[] = { "replace", "keep", "never" };
	struct checking c = { setup, setup->options, { report, err, 0 } };
	bool known = false;
	for (size_t i = 0; i < ARRAY_LENGTH(unique); i++)
		known = known || strcmp(setup->options->unique, unique[i]) == 0;
	if (!known)
		error_report_add(
		        &c.errors, "unique: \"%s\" is none of replace, keep, never", setup->options->unique);
	check_esp(&c);
	check_ike_proposals(&c);
	check_certificates(&c);
	check_role(&c);
	check_identity(&c, "identity", setup->options->identity);
	check_identity(&c, "concentrator_name", setup->options->concentrator_name);
	if (setup->role == IKE_INITIATOR)
		check_initiator(&c);
	else
		check_concentrator(&c);
	check_psk(&c);
	check_programs(&c);
	return c.errors.result;
}
