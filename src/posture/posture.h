/* SPDX-License-Identifier: ISC */
/*
 * The posture of a node: what an inspection reports (quarantine draft, section 5.1). Built by the agent's
 * collectors, carried as PA-TNC attributes (attributes.h), judged by the policy, shown as JSON. What could
 * not be read is absent here and listed in unknowns with the reason: absent never means "none".
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "base/error.h"
#include <jansson.h>

#define POSTURE_PACKAGES_MAX 65536
#define POSTURE_INTERFACES_MAX 256
#define POSTURE_ADDRESSES_MAX 64 /* an interface */
#define POSTURE_ROUTES_MAX 256
#define POSTURE_UNKNOWNS_MAX 256
#define POSTURE_PROGRAMS_MAX 1024     /* in each list of programs */
#define POSTURE_SETTINGS_MAX 256      /* of the kernel */
#define POSTURE_SSHD_SETTINGS_MAX 512 /* of sshd, those behind `Match` included */
#define POSTURE_ACCOUNTS_MAX 256
#define POSTURE_SOURCES_MAX 16
#define POSTURE_SOFTWARE_MAX 64       /* that one source is for */
#define POSTURE_SOFTWARE_TEXT_MAX 255 /* bytes of one of them */
#define POSTURE_STRING_MAX 1024

/* Three-valued: a policy never takes UNKNOWN for either. */
enum tristate { TRI_UNKNOWN = 0, TRI_NO, TRI_YES };

struct posture_package {
	const char *type;         /* purl type: "deb", "rpm", "apk", "npm", "pypi" */
	const char *name;         /* binary package */
	const char *version;      /* full, with epoch and revision */
	const char *architecture; /* NULL where unknown */
	const char *source;       /* source package; equal to name where the manager does not say */
	const char
	        *source_version; /* version of the source; equal to version where the manager does not say */
	uint32_t id;             /* in the posture's catalogue; 0 = it is in none */
};

/* A number that may be not known. */
struct posture_count {
	bool known;
	uint32_t value;
};

struct posture_interface {
	const char *name;
	/* The kernel's word for what it is made of ("bridge", "wireguard", "tun"), or by what it is:
	 * "ethernet", "wireless", "mobile", "arphrd-N". NULL: not known, and then nor are the next two. */
	const char *kind;
	const char *master;        /* the bridge, bond or VRF that it is a port of; NULL: none */
	const char *wireless_mode; /* "station", "ap", "ad-hoc", "mesh", "monitor", ...; NULL: none or not
	                              known */
	enum tristate point_to_point, proxy_v4,
	        proxy_v6; /* answers ARP, neighbour solicitations for others */
	struct mac_address mac;
	bool has_mac, up;
	struct ip_prefix *addresses; /* host bits kept: address and on-link prefix length */
	size_t n_addresses;
};

struct posture_route {             /* default routes only */
	struct ip_address gateway; /* all zero: on the link */
	const char *interface;
	bool v4;
};

struct posture_update { /* a newer version in the security suite */
	const char *package, *installed, *available;
};

/* A program that runs files which were replaced or removed since it was started. */
struct posture_outdated {
	const char *program;  /* path of its executable */
	const char *package;  /* that has the executable; NULL where none has it */
	const char *replaced; /* the packages of those files, or their paths where no package has them: in
	                       * order, with ", " between them */
	uint32_t processes;   /* how many run it; not part of the digest */
};

/* A program that no package manager of the node knows, and what makes it matter. */
struct posture_unlisted {
	const char *program; /* path of its executable, or of the script that an interpreter runs */
	const char *how; /* "tcp [::]:8080, udp 0.0.0.0:53" or "unit x.service, @reboot in /etc/crontab" */
};

/* What an interface is to somebody who looks for ways around the segments (quarantine draft, 9.9). */
enum posture_trait {
	POSTURE_BRIDGE = 1, /* joins links: bridge, Open vSwitch, team of ports in one */
	POSTURE_TUNNEL,     /* carries packets in others: VPN, tun/tap, encapsulations, PPP */
	POSTURE_WIRELESS,
	POSTURE_MOBILE, /* mobile broadband */
};

struct posture_setting {
	const char *name, *value;
	const char *match; /* sshd: the criteria of the `Match` block that it stands in; NULL: for all */
};
struct posture_settings {
	bool known;
	struct posture_setting *items;
	size_t count, capacity;
};

/* Where somebody says that there is prevention information about his software (quarantine draft, 5.1). It is
 * the node's claim: an address that no administrator's list has is never asked. */
struct posture_source {
	const char *url;       /* in the one form that url_canonical() gives */
	const char *file;      /* that says so; NULL: not told */
	const char **software; /* that it is for, see posture_software_canonical() */
	size_t n_software;
};

struct posture_unknown {
	const char *field;  /* dotted name as in the JSON: "firewall.active" */
	const char *reason; /* what was tried and how it failed */
};

/* Strings live in the posture's arena and are freed with it. NULL = not known. */
struct posture {
	const char *os_id, *os_version, *os_codename,
	        *os_name;         /* debian, 12, bookworm, "Debian GNU/Linux 12 (bookworm)" */
	const char *architecture; /* dpkg's word: amd64 */
	const char *kernel_running, *kernel_installed; /* release as uname -r; newest installed image */
	const char *machine_id;
	const char *product_vendor, *product_name, *product_serial, *product_uuid; /* DMI */
	const char *board_vendor, *board_name, *board_serial;
	const char *bios_vendor, *bios_version, *bios_date; /* date: 2024-02-29 */
	const char *chassis;                                /* "desktop", "notebook", "server", ... */
	const char *virtualization;                         /* "none", "kvm", "vmware", "container", ... */

	struct posture_package *packages;
	size_t n_packages, packages_capacity;
	struct posture_update *updates;
	size_t n_updates, updates_capacity;
	time_ms updates_checked; /* when the package lists were last refreshed, whole seconds; 0 = not known
	                          */

	/* Lists of programs are in the order of their paths, each program once. */
	struct posture_outdated *outdated;
	size_t n_outdated, outdated_capacity;
	struct posture_unlisted *listening; /* outside every package, and with a socket that listens */
	size_t n_listening, listening_capacity;
	struct posture_unlisted *starting; /* outside every package, and started at boot */
	size_t n_starting, starting_capacity;

	bool packages_known, updates_known, outdated_known, listening_known, starting_known;

	struct posture_interface *interfaces;
	size_t n_interfaces, interfaces_capacity;
	struct posture_route *routes;
	size_t n_routes, routes_capacity;
	bool network_known;
	enum tristate forwarding_v4, forwarding_v6;
	enum tristate masquerade;            /* the packet filter translates source addresses */
	struct posture_count routing_rules;  /* rules of policy routing that lead to tables of their own */
	struct posture_count ipsec_policies; /* of the kernel, outwards, with a transformation */

	enum tristate firewall_active;
	const char *firewall_input;       /* what no rule decides on the way in: "accept", "drop" */
	const char *firewall_fingerprint; /* SHA-256 over chains and rules without counters, in hexadecimal */
	struct posture_count firewall_rules;

	struct posture_settings settings; /* of the kernel, by their dotted names: settings.h */
	enum tristate sshd_installed;
	struct posture_settings sshd; /* what is or can be in effect: settings.h */
	bool passwordless_known;
	const char **passwordless; /* accounts that can log in with an empty password */
	size_t n_passwordless, passwordless_capacity;

	enum tristate antivirus_installed, antivirus_running;
	time_ms antivirus_signatures; /* when they were made; 0 = not known */
	struct posture_count antivirus_version;
	const char *mac_system; /* mandatory access control: "apparmor", "selinux", "none" */
	const char *mac_mode;   /* "enforcing", "permissive", "disabled" */
	struct posture_count mac_enforcing, mac_complaining; /* profiles of AppArmor */
	enum tristate audit_active;                          /* auditd runs and the kernel reports to it */
	struct posture_count audit_rules;

	struct posture_source *sources; /* as their files name them; a URL may be there several times */
	size_t n_sources, sources_capacity;

	struct posture_unknown *unknowns;
	size_t n_unknowns, unknowns_capacity;

	time_ms collected; /* wall clock, whole seconds; not part of the digest */

	struct posture_arena *arena;
	/* Whose packages have numbers (catalogue.h); NULL: nobody's. With what it has brought there. */
	struct posture_catalogue *catalogue;
	unsigned era;
	size_t brought, brought_bytes;
};

struct posture *posture_new(void);
struct posture *posture_free(struct posture *p); /* NULL in, NULL out */
static inline void posture_free_pointer(struct posture **p)
{
	posture_free(*p);
}

/* Copies a string of n bytes into the arena. The posture's strings come from hosts that nobody trusts yet and
 * end up on terminals and in JSON: bytes that are not UTF-8 and control characters become '?', and what is
 * longer than POSTURE_STRING_MAX is cut. Who must tell a cut string from a whole one checks the length
 * before. */
const char *posture_string_n(struct posture *p, const char *s, size_t n);
const char *posture_string(struct posture *p, const char *s);
/* Append; -E2BIG above the named limit. The strings must be in the arena or static. */
int posture_add_package(struct posture *p, const struct posture_package *package);
int posture_add_update(struct posture *p, const struct posture_update *update);
int posture_add_outdated(struct posture *p, const struct posture_outdated *outdated);
int posture_add_listening(struct posture *p, const struct posture_unlisted *unlisted);
int posture_add_starting(struct posture *p, const struct posture_unlisted *unlisted);
int posture_add_unknown(struct posture *p, const char *field, const char *format, ...) PRINTF_LIKE(3, 4);
int posture_add_interface(struct posture *p, const struct posture_interface *interface);
/* interface: position in p->interfaces; -EINVAL where there is none. */
int posture_add_address(struct posture *p, size_t interface, const struct ip_prefix *address);
int posture_add_route(struct posture *p, const struct posture_route *route);
/* -E2BIG above most, which is one of the limits above. */
int posture_add_setting(struct posture_settings *list, size_t most, const struct posture_setting *setting);
int posture_add_passwordless(struct posture *p, const char *account);
/* UNKNOWN where the interface's kind is not known. Devices that the kernel makes with a tunnel's module and
 * that nobody has switched on (tunl0, sit0) are no tunnels. */
enum tristate posture_interface_is(const struct posture_interface *interface, enum posture_trait trait);
/* Whether a default route leads out of the interface. */
bool posture_is_uplink(const struct posture *p, const struct posture_interface *interface);
/* Both take the one form alone: -EINVAL for anything else. The software is that of the source that was added
 * last. */
int posture_add_source(struct posture *p, const char *url, const char *file);
int posture_add_software(struct posture *p, const char *software);
/* Forgets all sources but the first n. */
void posture_cut_sources(struct posture *p, size_t n);
/* What a source may be for: an ecosystem of OSV ("PyPI", "Debian:12") or a package URL without a version
 * ("pkg:deb/debian/acme"), in the one form that it has here, which the caller frees. -EINVAL with the reason.
 */
int posture_software_canonical(const char *text, char **ret, struct error *err);
/* Forgets all interfaces and routes. */
void posture_clear_network(struct posture *p);

/* dpkg's word for uname's machine: amd64 for x86_64. NULL where it is not known. */
const char *posture_machine_architecture(const char *machine);

/* pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64&distro=bookworm; caller frees. More in purl.h. */
char *posture_purl(const struct posture *p, const struct posture_package *package);

/* The JSON of `pratique-agent inspect --json`; posture_from_json reads it back (the two are inverse). */
json_t *posture_to_json(const struct posture *p);
/* The same as compact text, for whoever keeps it: without what follows from the rest (purls; a source that is
 * the package itself), and with packages or without them. The caller frees; NULL where memory has run out.
 * ret_length is without the NUL. */
char *posture_to_json_text(const struct posture *p, bool with_packages, size_t *ret_length);
int posture_from_json(const json_t *json, struct posture **ret, struct error *err);
/* Adds what a JSON object (a part of the above) says to p; lists are appended. After a failure p holds a part
 * of it. */
int posture_merge_json(struct posture *p, const json_t *json, struct error *err);

/* SHA-256 over everything that an inspection judges, in a fixed order; `collected` is left out, so that an
 * unchanged node has an unchanged digest. */
void posture_digest(const struct posture *p, uint8_t ret_digest[32]);
