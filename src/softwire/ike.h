/* SPDX-License-Identifier: ISC */
/*
 * IKE by strongSwan's charon: its configuration, written from our options into a run directory, and its
 * process. charon has no privilege and opens no UDP socket: with our plugin (src/charon) in it, IKE messages
 * and ESP keys pass the data plane (messages 90 to 107 of ipc/messages.def). In kernel mode (`ipsec kernel`)
 * it has Debian's own kernel and socket plugins instead, with CAP_NET_ADMIN and CAP_NET_BIND_SERVICE, and
 * ours only tells what is up.
 *
 * Authentication, in order of preference: certificates of our CA, EAP by RADIUS (the concentrator itself
 * always shows its certificate; RFC 7296, 2.16), a pre-shared key a peer. A key that several peers share is a
 * configuration error (softwire draft 3.5.2; RFC 3193, 5.1.4). IKEv1 only where it is switched on, in main
 * mode. Traffic selectors are the SPD of the softwire draft, 3.5.5: UDP to port 1701, in ESP transport mode.
 */
#pragma once

#include "base/address.h"
#include "base/config.h"
#include "base/error.h"
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define IKE_CHILD \
	"softwire" /* the name in IKE_INITIATE, IKE_FAILED and CHILD; to the second concentrator softwire2, \
	              ... */
#define IKE_CONCENTRATORS_MAX 16
#define IKE_LOCAL_MAX 64 /* outer addresses of a concentrator */
#define IKE_PSK_MAX 4096 /* peers with a pre-shared key */
#define IKE_PSK_FILE_MAX (1u << 20)
#define IKE_RADIUS_MAX 8

enum ike_role { IKE_INITIATOR, IKE_CONCENTRATOR };

/* What stands in the configuration file; IKE_CONFIG_ROWS are its rows. */
struct ike_options {
	char *certificate, *key, *ca, *crl; /* paths */
	char *identity, *concentrator_name;
	char *psk_file;
	struct config_list ike_radius;                /* concentrator: ADDRESS:PORT */
	char *ike_radius_secret;                      /* path */
	char *eap, *eap_identity, *eap_password_file; /* initiator */
	bool ikev1, esn, force_encapsulation;
	struct config_list esp, ike;
	char *unique, *peer_role;
	int64_t dpd_ms, ike_rekey_ms, esp_rekey_ms, esp_rekey_bytes, esp_rekey_packets;
	int64_t cookie_threshold, half_open_source_max, half_open_max, ike_sa_max;
	char *charon, *plugin; /* paths */
};

/* clang-format off */
#define IKE_CONFIG_ROWS(type, member) \
	{ "certificate", CONFIG_PATH, offsetof(type, member.certificate), "", \
		.help = "our certificate for IKE (PEM)" }, \
	{ "key", CONFIG_PATH, offsetof(type, member.key), "", .help = "its private key (PEM, mode 0600)" }, \
	{ "ca", CONFIG_PATH, offsetof(type, member.ca), "", .help = "CA that peers' certificates must be of (PEM)" }, \
	{ "crl", CONFIG_PATH, offsetof(type, member.crl), "", \
		.help = "its revocation list (PEM); where it is given, a peer without a valid one is refused" }, \
	{ "identity", CONFIG_STRING, offsetof(type, member.identity), "", \
		.help = "our IKE identity; default: the name in our certificate" }, \
	{ "concentrator_name", CONFIG_STRING, offsetof(type, member.concentrator_name), "", \
		.help = "initiator: IKE identity that the concentrator must prove" }, \
	{ "peer_role", CONFIG_STRING, offsetof(type, member.peer_role), "", \
		.help = "role (OU) that a peer's certificate must state; default: node, and for an initiator's peer " \
			"concentrator; any: a CA that writes no roles" }, \
	{ "psk_file", CONFIG_PATH, offsetof(type, member.psk_file), "", \
		.help = "pre-shared keys, a line a peer: IDENTITY SECRET (mode 0600)" }, \
	{ "ike_radius", CONFIG_LIST, offsetof(type, member.ike_radius), NULL, \
		.help = "concentrator: ADDRESS:PORT of a RADIUS server for EAP in IKEv2" }, \
	{ "ike_radius_secret", CONFIG_PATH, offsetof(type, member.ike_radius_secret), "", \
		.help = "file with the secret shared with it" }, \
	{ "eap", CONFIG_STRING, offsetof(type, member.eap), "", \
		.help = "initiator: EAP method in IKEv2, mschapv2 or tls; it must derive keys" }, \
	{ "eap_identity", CONFIG_STRING, offsetof(type, member.eap_identity), "", .help = "initiator: EAP user" }, \
	{ "eap_password_file", CONFIG_PATH, offsetof(type, member.eap_password_file), "", \
		.help = "initiator: file with the user's password (mode 0600)" }, \
	{ "ikev1", CONFIG_BOOLEAN, offsetof(type, member.ikev1), "no", \
		.help = "concentrator: IKEv1 main mode too, for old peers; initiator: IKEv1 instead of IKEv2" }, \
	{ "esp", CONFIG_LIST, offsetof(type, member.esp), NULL, \
		.help = "aes128gcm, aes256gcm, chacha20poly1305, aes128-sha256, aes256-sha256, aes256-sha512; or " \
			"null-sha256 alone: integrity only; or aes128-sha1, aes256-sha1: for old peers, in IKEv1 only" }, \
	{ "ike", CONFIG_LIST, offsetof(type, member.ike), NULL, \
		.help = "IKE proposals in strongSwan's words, instead of the usual ones" }, \
	{ "esn", CONFIG_BOOLEAN, offsetof(type, member.esn), "yes", .help = "extended sequence numbers" }, \
	{ "force_encapsulation", CONFIG_BOOLEAN, offsetof(type, member.force_encapsulation), "no", \
		.help = "ESP in UDP without a NAT too" }, \
	{ "unique", CONFIG_STRING, offsetof(type, member.unique), "replace", \
		.help = "a second IKE_SA of an identity: replace, keep (the first) or never (look)" }, \
	{ "dpd", CONFIG_DURATION, offsetof(type, member.dpd_ms), "30 s", 1000, 3600000, \
		"silence after which the peer is asked whether it lives" }, \
	{ "ike_rekey", CONFIG_DURATION, offsetof(type, member.ike_rekey_ms), "4 hour", 10000, 86400000, \
		"age at which an IKE_SA is rekeyed" }, \
	{ "esp_rekey", CONFIG_DURATION, offsetof(type, member.esp_rekey_ms), "1 hour", 5000, 86400000, \
		"age at which ESP is rekeyed" }, \
	{ "esp_rekey_bytes", CONFIG_INTEGER, offsetof(type, member.esp_rekey_bytes), "0", 0, INT64_MAX / 2, \
		"bytes after which it is; 0: no such limit" }, \
	{ "esp_rekey_packets", CONFIG_INTEGER, offsetof(type, member.esp_rekey_packets), "4000000000", 0, INT64_MAX / 2, \
		"packets after which it is; 0: no such limit" }, \
	{ "cookie_threshold", CONFIG_INTEGER, offsetof(type, member.cookie_threshold), "30", 0, 1000000, \
		"half-open IKE_SAs above which COOKIEs are asked for" }, \
	{ "half_open_source_max", CONFIG_INTEGER, offsetof(type, member.half_open_source_max), "64", 1, 1000000, \
		"half-open IKE_SAs of one source address" }, \
	{ "half_open_max", CONFIG_INTEGER, offsetof(type, member.half_open_max), "2000", 1, 1000000, \
		"half-open IKE_SAs in all" }, \
	{ "ike_sa_max", CONFIG_INTEGER, offsetof(type, member.ike_sa_max), "60000", 1, 1000000, "IKE_SAs in all" }, \
	{ "charon", CONFIG_PATH, offsetof(type, member.charon), "/usr/sbin/charon-systemd", \
		.help = "strongSwan's IKE daemon" }, \
	{ "charon_plugin", CONFIG_PATH, offsetof(type, member.plugin), "", \
		.help = "our plugin for it; default: beside our programs, then in our library folder" }
/* clang-format on */

/* One daemon's IKE. All of it is borrowed and must outlive what it is given to. */
struct ike_setup {
	enum ike_role role;
	bool kernel; /* `ipsec kernel` */
	const struct ike_options *options;
	const struct ip_address *local; /* our outer addresses; an initiator may have none: any */
	size_t n_local;
	const struct config_list *concentrators; /* initiator: their addresses or DNS names */
	const char *run_directory;               /* exists, belongs to user, mode 0700; absolute */
	const char *dataplane_socket;            /* SEQPACKET, listening; absolute */
	uid_t uid;                               /* whom charon runs as (and swanctl); not 0 */
	gid_t gid;
};

/* Everything that can be wrong with the options is found here, before anything is touched: which of them
 * belong together, files that cannot be read, shared or repeated pre-shared keys (file and lines). Each
 * finding goes to report (may be NULL), the first into err. -EINVAL. */
int ike_check(const struct ike_setup *setup, void (*report)(const char *text), struct error *err);

/* Of the CHILD_SA to the concentrator with that index; returns text. */
#define IKE_CHILD_SIZE 32
const char *ike_child_name(size_t concentrator, char text[IKE_CHILD_SIZE]);

/* The generated strongswan.conf and swanctl.conf, secrets left out, for --print-ike. */
int ike_print_configuration(const struct ike_setup *setup, FILE *out, struct error *err);

/* Writes strongswan.conf and swanctl/ into the run directory, atomically file by file. */
int ike_write_configuration(const struct ike_setup *setup, struct error *err);

/* ---- the process ---- */

struct ike_service;
struct ike_events {
	/* charon runs and has its configuration: peers can come, IKE_INITIATE has an effect. Also after a
	 * restart and a reload. */
	void (*ready)(void *user);
	/* charon or the loading of its configuration ended with a failure; it is started again after
	 * again_ms. */
	void (*failed)(void *user, const char *text, int64_t again_ms);
	/* After ike_stop(): charon has told its peers and is gone. */
	void (*stopped)(void *user);
	void *user;
};

/* Writes the configuration, starts charon, loads it when charon listens, and starts charon again whenever it
 * ends (0.2 s later, doubling to 5 s). Never blocks. charon dies with the calling process. */
int ike_start(struct event_base *base, const struct ike_setup *setup, const struct ike_events *events,
        struct ike_service **ret, struct error *err);
/* For each child that the caller reaps; true: it was one of ours, and has been dealt with. */
bool ike_reaped(struct ike_service *s, pid_t pid, int status);
/* Writes and loads the configuration again; IKE_SAs stay. */
int ike_reload(struct ike_service *s, struct error *err);
/* charon ends after telling its peers (the data plane must still run); after 3 s it is killed. Then
 * events->stopped. */
void ike_stop(struct ike_service *s);
/* Kills what still runs. */
struct ike_service *ike_free(struct ike_service *s);
