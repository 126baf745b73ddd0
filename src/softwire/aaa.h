/* SPDX-License-Identifier: ISC */
/*
 * Who may use the softwire, what they get, and what they used: RADIUS (RFC 2865, 2866, 2869, 3162, 4372,
 * 4818, 5080, 5176, 6911; RadSec RFC 6614) with several servers, or a file of local users where no server is
 * configured. Asynchronous, on the program's event loop; no callback comes before the call that asked has
 * returned.
 *
 * An exchange is one authentication of one PPP link (with EAP: several answers). An account is one session
 * from its start to its stop: it is what Accounting-Requests tell and what CoA and Disconnect-Requests find.
 * Accounting goes through a journal on disk first, and from there to the servers, in order; so neither a
 * server that is away nor a kill -9 loses any of it. What RADIUS does not answer is never guessed.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "base/config.h"
#include "proto/ppp/ppp.h"
#include <event2/event.h>

#define AAA_PREFIXES_MAX 8
#define AAA_ROUTES_MAX 32
#define AAA_NAME_SERVERS_MAX 4 /* of each family */
#define AAA_TEXT_MAX 253       /* bytes of a text attribute */
#define AAA_ID_SIZE 33         /* an Acct-Session-Id with its NUL */
#define AAA_EXCHANGES_MAX 16384
#define AAA_ACCOUNTS_MAX 131072
#define AAA_COUNTERS_MAX 64

struct aaa;
struct aaa_exchange;
struct aaa_account;

/* What a program's struct of options embeds; AAA_OPTIONS puts the rows into its table of base/config.h. */
struct aaa_options {
	struct config_list servers, radsec_servers, coa_clients, attributes;
	char *users_file, *nas_identifier, *identity_attribute, *dictionary;
	char *radsec_ca, *radsec_certificate, *radsec_key;
	char *coa_listen;
	int64_t interim_ms, spool_max;
};
/* clang-format off */
#define AAA_OPTIONS(T, m) \
	{ "radius_server", CONFIG_LIST, offsetof(T, m.servers), NULL, 0, 0, \
	  "HOST:PORT secret-file=PATH [accounting=PORT|no] [timeout=MS] [tries=N] [dead-time=S] [status-server=yes|no] " \
	  "[message-authenticator=yes|no], in the order in which they are asked" }, \
	{ "radsec_server", CONFIG_LIST, offsetof(T, m.radsec_servers), NULL, 0, 0, \
	  "HOST:PORT [name=CERTIFICATE-NAME] [connections=N] [timeout=MS] [status-server=yes|no]: RADIUS over TLS" }, \
	{ "radsec_ca", CONFIG_PATH, offsetof(T, m.radsec_ca), "", 0, 0, "the CAs of the RadSec servers, PEM" }, \
	{ "radsec_certificate", CONFIG_PATH, offsetof(T, m.radsec_certificate), "", 0, 0, "our certificate for them" }, \
	{ "radsec_key", CONFIG_PATH, offsetof(T, m.radsec_key), "", 0, 0, "its key" }, \
	{ "radius_attribute", CONFIG_LIST, offsetof(T, m.attributes), NULL, 0, 0, \
	  "NAME=VALUE of the dictionary, added to every request, e.g. Operator-Name=1example.org" }, \
	{ "radius_dictionary", CONFIG_PATH, offsetof(T, m.dictionary), "/usr/share/freeradius/dictionary", 0, 0, \
	  "names of attributes, in FreeRADIUS's format; read only where an option uses a name that is not built in" }, \
	{ "radius_identity_attribute", CONFIG_STRING, offsetof(T, m.identity_attribute), "Tunnel-Client-Auth-Id", 0, 0, \
	  "the attribute that carries the identity proven by IKE; empty: none" }, \
	{ "nas_identifier", CONFIG_STRING, offsetof(T, m.nas_identifier), "", 0, 0, \
	  "NAS-Identifier; empty: the host's name" }, \
	{ "accounting_interim", CONFIG_DURATION, offsetof(T, m.interim_ms), "10 min", 60000, 86400000, \
	  "between interim records, where the server does not say" }, \
	{ "accounting_spool_max", CONFIG_INTEGER, offsetof(T, m.spool_max), "268435456", 1048576, 1ll << 36, \
	  "bytes of accounting that wait on disk for a server at most" }, \
	{ "coa_listen", CONFIG_STRING, offsetof(T, m.coa_listen), "", 0, 0, \
	  "ADDRESS:PORT for CoA and Disconnect-Requests, e.g. [::]:3799; empty: none are taken" }, \
	{ "coa_client", CONFIG_LIST, offsetof(T, m.coa_clients), NULL, 0, 0, \
	  "ADDRESS secret-file=PATH: who may send them" }, \
	{ "users_file", CONFIG_PATH, offsetof(T, m.users_file), "", 0, 0, \
	  "local users, where no RADIUS server is configured" }
/* clang-format on */

/* Everything that is wrong with them, the users file and the secret files included, each in turn given to
 * report (may be NULL), the first one in err. Touches nothing. */
int aaa_check(const struct aaa_options *options, void (*report)(const char *text), struct error *err);

/* Why a session ended: Acct-Terminate-Cause, RFC 2866, 5.10. ppp_end_cause() gives such numbers. */
enum aaa_cause {
	AAA_USER_REQUEST = 1,
	AAA_LOST_CARRIER,
	AAA_LOST_SERVICE,
	AAA_IDLE_TIMEOUT,
	AAA_SESSION_TIMEOUT,
	AAA_ADMIN_RESET,
	AAA_ADMIN_REBOOT,
	AAA_PORT_ERROR,
	AAA_NAS_ERROR,
	AAA_NAS_REQUEST,
	AAA_NAS_REBOOT,
};

/* What CoA and Disconnect-Requests are answered with: Error-Cause, RFC 5176, 3.6. 0: done, ACK. */
enum aaa_error_cause {
	AAA_DONE = 0,
	AAA_UNSUPPORTED_ATTRIBUTE = 401,
	AAA_INVALID_REQUEST = 404,
	AAA_UNSUPPORTED_SERVICE = 405,
	AAA_INVALID_ATTRIBUTE_VALUE = 407,
	AAA_ADMINISTRATIVELY_PROHIBITED = 501,
	AAA_SESSION_NOT_FOUND = 503,
	AAA_RESOURCES_UNAVAILABLE = 506,
	AAA_MULTIPLE_SESSIONS = 508,
};

/* Which fields of a profile an Access-Accept or a CoA-Request held. */
enum aaa_field {
	AAA_HAS_IPV4 = 1 << 0,
	AAA_HAS_INTERFACE_ID = 1 << 1,
	AAA_HAS_SESSION_TIMEOUT = 1 << 2,
	AAA_HAS_IDLE_TIMEOUT = 1 << 3,
	AAA_HAS_INTERIM = 1 << 4,
	AAA_HAS_SEGMENT = 1 << 5,
	AAA_HAS_RATE_UP = 1 << 6,
	AAA_HAS_RATE_DOWN = 1 << 7,
	AAA_HAS_MTU = 1 << 8,
};

/* What a user is given, decoded. Texts are NUL-terminated and "" where there is none. */
struct aaa_profile {
	unsigned has; /* enum aaa_field */
	char user[AAA_TEXT_MAX +
	        1]; /* who it is for AAA: the server's User-Name, else the one that was asked with */
	struct ip_address ipv4;  /* Framed-IP-Address; without AAA_HAS_IPV4 the concentrator chooses */
	uint8_t interface_id[8]; /* Framed-Interface-Id: the peer's */
	struct ip_prefix prefixes[AAA_PREFIXES_MAX]; /* Framed-IPv6-Prefix */
	size_t n_prefixes;
	struct ip_address addresses[AAA_PREFIXES_MAX]; /* Framed-IPv6-Address */
	size_t n_addresses;
	struct ip_prefix delegated[AAA_PREFIXES_MAX]; /* Delegated-IPv6-Prefix */
	size_t n_delegated;
	struct ip_prefix routes[AAA_ROUTES_MAX]; /* Framed-Route, Framed-IPv6-Route: behind the peer */
	size_t n_routes;
	struct ip_address dns4[AAA_NAME_SERVERS_MAX], dns6[AAA_NAME_SERVERS_MAX];
	size_t n_dns4, n_dns6;
	char pool[AAA_TEXT_MAX + 1];           /* Framed-Pool */
	char ipv6_pool[AAA_TEXT_MAX + 1];      /* Framed-IPv6-Pool */
	char delegated_pool[AAA_TEXT_MAX + 1]; /* Delegated-IPv6-Prefix-Pool */
	char segment[AAA_TEXT_MAX + 1];        /* Filter-Id, else Tunnel-Private-Group-Id */
	uint32_t session_timeout_s, idle_timeout_s, interim_s;
	uint64_t rate_up, rate_down; /* bit/s, from and to the peer: WISPr-Bandwidth-Max-Up, -Down */
	uint32_t mtu;                /* Framed-MTU */
};

/* Where and by whom a session is wanted. Strings are copied by whom they are given to. */
struct aaa_port {
	const char *name;         /* NAS-Port-Id: the session's port name, stable across reconnects */
	uint32_t number;          /* NAS-Port; 0: none */
	const char *machine;      /* what IKE proved; "" = nothing */
	struct ip_address remote; /* outer address of the peer: Calling-Station-Id, Tunnel-Client-Endpoint */
	struct ip_address local;  /* ours that it came to: Called-Station-Id, Tunnel-Server-Endpoint */
	const char *tunnel; /* for Acct-Multi-Session-Id: the same for sessions of one L2TP tunnel; or "" */
};

enum aaa_outcome {
	AAA_ACCEPT,
	AAA_REJECT,
	AAA_CONTINUE,    /* EAP: send answer.eap, come back with the response */
	AAA_UNAVAILABLE, /* no server answered, or too much waits already */
};
/* Valid during the callback. */
struct aaa_answer {
	enum aaa_outcome outcome;
	const struct aaa_profile *profile; /* AAA_ACCEPT only */
	const uint8_t *eap;                /* NULL, or what the peer is to be sent */
	size_t eap_length;
	const char *message; /* for the peer, as struct ppp_auth_answer wants it; "" = none */
	const char *reason;  /* for the log: which server, why; never a secret */
};
typedef void aaa_answer_fn(const struct aaa_answer *answer, void *user);

/* What the program does when a server wants something of a session; user_data is what aaa_account_start() was
 * given. Called from the loop; may stop the account. */
struct aaa_handlers {
	/* End this session. AAA_DONE: it is ending, the stop follows. */
	enum aaa_error_cause (*on_disconnect)(struct aaa_account *account, void *user_data);
	/* Apply those fields of change that change->has names (timeouts, segment, rates, interim), or none.
	 */
	enum aaa_error_cause (*on_change)(
	        struct aaa_account *account, const struct aaa_profile *change, void *user_data);
	/* Something that an operator should read: a server is dead or back, accounting is dropped, ... */
	void (*on_notice)(const char *text, void *user);
	void *user; /* for on_notice */
	/* Threads that wait for the disk, ended before aaa is freed; NULL: the loop waits. */
	struct workers *disk;
};

/* state_directory: for the journals; made if it is not there (0700). Reads secrets and users. Accounts that
 * were open when the program was last killed are known again; see aaa_accounts_settle(). */
int aaa_new(struct event_base *base, const struct aaa_options *options, const char *state_directory,
        const struct aaa_handlers *handlers, struct aaa **ret, struct error *err);
/* Exchanges and accounts must have been freed. What was not acknowledged stays in the journal. NULL in, NULL
 * out. */
struct aaa *aaa_free(struct aaa *aaa);
/* The program is going to end: Accounting-Off after all stops; on_done when the servers have everything, or
 * after AAA_FLUSH_MS. */
#define AAA_FLUSH_MS 3000
void aaa_flush(struct aaa *aaa, void (*on_done)(void *user), void *user);
/* Reads users, secrets and certificates again; on failure all stays as it was. The options stay. */
int aaa_reload(struct aaa *aaa, struct error *err);

/* NULL at AAA_EXCHANGES_MAX: refuse the peer as with AAA_UNAVAILABLE. */
struct aaa_exchange *aaa_exchange_new(struct aaa *aaa, const struct aaa_port *port);
/* Cancels what is under way: no callback any more. NULL in, NULL out. May be called in the callback. */
struct aaa_exchange *aaa_exchange_free(struct aaa_exchange *x);
/* One at a time. on_answer comes exactly once, later. request is copied as far as needed. An anonymous peer
 * does not come here. */
void aaa_authenticate(
        struct aaa_exchange *x, const struct ppp_auth_request *request, aaa_answer_fn *on_answer, void *user);

/* What the session has now; pointers are read during the call only. */
struct aaa_addresses {
	const struct ip_address *ipv4; /* NULL: none */
	const uint8_t *interface_id;   /* 8 bytes; NULL: none */
	const struct ip_prefix *prefixes;
	size_t n_prefixes;
	const struct ip_prefix *delegated;
	size_t n_delegated;
	const struct ip_address *addresses; /* single IPv6 addresses */
	size_t n_addresses;
};
struct aaa_usage {
	uint64_t bytes_in, bytes_out, packets_in, packets_out; /* "in": from the peer */
};

/* Begins the account of a session that is open, and tells its start. x: the exchange that was accepted (its
 * Class, Chargeable-User-Identity and user go on); NULL: an anonymous session, with user as its name. NULL at
 * AAA_ACCOUNTS_MAX. interim: aaa calls on_usage when an interim record is due; the program answers, now or
 * later, with aaa_account_interim(). */
typedef void aaa_usage_fn(struct aaa_account *account, void *user_data);
struct aaa_account *aaa_account_start(struct aaa *aaa, struct aaa_exchange *x, const struct aaa_port *port,
        const char *user, const struct aaa_addresses *addresses, aaa_usage_fn *on_usage, void *user_data);
/* Tells an interim record. addresses: NULL, or they are different from now on (at once where it matters, e.g.
 * a prefix was delegated). */
void aaa_account_interim(
        struct aaa_account *a, const struct aaa_usage *usage, const struct aaa_addresses *addresses);
/* Remembers usage for the stop after a crash; tells nobody. */
void aaa_account_note(struct aaa_account *a, const struct aaa_usage *usage);
/* Tells the stop and frees the account. NULL in, NULL out. */
struct aaa_account *aaa_account_stop(
        struct aaa_account *a, const struct aaa_usage *usage, enum aaa_cause cause);
/* Frees it without a word: the program ends, the session goes on, and will be resumed. */
struct aaa_account *aaa_account_leave(struct aaa_account *a);
/* Its Acct-Session-Id: unique, never used again. */
const char *aaa_account_id(const struct aaa_account *a);

/* After a restart, for a session that still lives: its account by its id; NULL where it is not known (start a
 * new one). */
struct aaa_account *aaa_account_resume(
        struct aaa *aaa, const char *id, aaa_usage_fn *on_usage, void *user_data);
/* Once after start, when all that live have been resumed: every other one that was open is stopped, with the
 * usage last known: cause NAS-Reboot where none was resumed (then Accounting-On follows), else
 * Lost-Service. Returns how many were stopped. */
size_t aaa_accounts_settle(struct aaa *aaa);

/* For `pratique softwire status`: names are static. Returns how many. */
struct aaa_counter {
	const char *name;
	uint64_t value;
};
size_t aaa_get_counters(const struct aaa *aaa, struct aaa_counter ret[AAA_COUNTERS_MAX]);
/* One server, for the same purpose. index from 0; -ENOENT behind the last. */
struct aaa_server_state {
	char name[128]; /* "udp 192.0.2.1:1812", "tls radius.example.org:2083" */
	bool up;
	uint64_t requests, replies, timeouts, retransmissions;
	uint64_t forged;    /* replies whose authenticator or Message-Authenticator is wrong or missing */
	uint64_t unmatched; /* replies to nothing that waits: late, or forged */
	size_t outstanding;
};
int aaa_get_server(const struct aaa *aaa, size_t index, struct aaa_server_state *ret);
