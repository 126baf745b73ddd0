/* SPDX-License-Identifier: ISC */
/* Who is there: a CA, a certificate for everybody, and for each node inventories that nobody else has. */
#include "bench/load.h"
#include "crypto/x509.h"
#include "posture/dpkg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define CHANGED 16 /* one package of so many has a version of its own */
#define CERTIFICATE_DAYS 2

static int issue(const char *dir, enum identity_role role, const char *name, struct error *err)
{
	char *ca FREE_ON_EXIT = xasprintf("%s/ca", dir);
	return ca_issue(ca, role, name, NULL, KEY_P256, CERTIFICATE_DAYS, dir, err);
}

int load_prepare(const char *dir, size_t n_nodes, struct error *err)
{
	char *ca FREE_ON_EXIT = xasprintf("%s/ca", dir), name[32];
	int r = ca_init(ca, "bench", KEY_P256, err);
	if (r == 0)
		r = issue(dir, ROLE_SERVER, LOAD_SERVER_NAME, err);
	if (r == 0)
		r = issue(dir, ROLE_ENFORCER, LOAD_ENFORCER_NAME, err);
	for (size_t i = 0; i < n_nodes && r == 0; i++) {
		snprintf(name, sizeof(name), "node-%zu", i);
		r = issue(dir, ROLE_NODE, name, err);
	}
	return r;
}

/* 127.1.0.0/16: all of 127.0.0.0/8 is this host's own. */
void load_node_address(unsigned number, struct sockaddr_storage *ret, struct ip_address *ret_ip)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(0x7f010100u + number) } };
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, &in, sizeof(in));
	(void)ip_from_sockaddr((const struct sockaddr *)ret, ret_ip, NULL);
}

void load_node_mac(unsigned number, struct mac_address *ret)
{
	*ret = (struct mac_address){ { 2, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number } };
}

/* ---- inventories ---- */

static void add_packages(struct posture *p, const struct posture *base, size_t n, unsigned salt)
{
	for (size_t i = 0; i < n; i++) {
		const struct posture_package *b = &base->packages[i];
		struct posture_package own = *b;
		if ((i + salt) % CHANGED == 0) {
			char *version FREE_ON_EXIT = xasprintf("%s+bench%u", b->version, salt);
			own.version = posture_string(p, version);
			own.source_version =
			        strcmp(b->version, b->source_version) == 0 ? own.version : b->source_version;
		}
		(void)posture_add_package(p, &own);
	}
}

static void add_network(struct posture *p, unsigned number)
{
	struct sockaddr_storage address;
	struct posture_interface interface = { .name = "eth0", .has_mac = true, .up = true };
	struct ip_prefix prefix = { .length = 112 };
	load_node_address(number, &address, &prefix.address);
	load_node_mac(number, &interface.mac);
	(void)posture_add_interface(p, &interface);
	(void)posture_add_address(p, 0, &prefix);
	p->network_known = true;
	p->forwarding_v4 = p->forwarding_v6 = TRI_NO;
	p->firewall_active = TRI_YES;
}

/* Its strings are also base's. */
static struct posture *make_posture(
        const struct posture *base, size_t n_packages, unsigned number, unsigned variant)
{
	struct posture *p = posture_new();
	char *machine FREE_ON_EXIT = xasprintf("%032x", number);
	p->os_id = "debian";
	p->os_version = "12";
	p->os_codename = "bookworm";
	p->os_name = "Debian GNU/Linux 12 (bookworm)";
	p->architecture = "amd64";
	p->kernel_running = p->kernel_installed = "6.1.0-30-amd64";
	p->machine_id = posture_string(p, machine);
	p->packages_known = p->updates_known = true;
	p->updates_checked = clock_wall_ms() / 1000 * 1000;
	add_packages(p, base, n_packages, number * LOAD_VARIANTS + variant);
	add_network(p, number);
	return p;
}

static int keep_message(uint32_t vendor, uint32_t subtype, const void *body, size_t length, void *context)
{
	struct load_inventory *inventory = context;
	if (inventory->n_messages == LOAD_MESSAGES)
		return -E2BIG;
	inventory->messages[inventory->n_messages++] =
	        (struct load_message){ vendor, subtype, xmemdup(body, length), length };
	inventory->n_bytes += length;
	return 0;
}

static int compose(struct load_node *n, unsigned variant)
{
	const struct posture_wants wants = { .inventory = true };
	struct load_inventory *inventory = &n->inventories[variant];
	struct posture *p = make_posture(n->load->example, n->load->n_packages, n->number, variant);
	posture_digest(p, inventory->digest);
	inventory->n_packages = p->n_packages;
	int r = posture_write_messages(p, &wants, &n->next_id, keep_message, inventory);
	posture_free(p);
	return r;
}

void load_forget_inventory(struct load_inventory *inventory)
{
	for (size_t m = 0; m < inventory->n_messages; m++)
		free(inventory->messages[m].body);
	inventory->n_messages = 0;
}

int load_compose(struct load_node *n)
{
	return n->inventories[n->turn].n_messages ? 0 : compose(n, n->turn);
}

static int compose_all(struct load_node *n)
{
	int r = 0;
	for (unsigned i = 0; i < LOAD_VARIANTS && r == 0; i++)
		r = compose(n, i);
	return r;
}

/* ---- reading it all ---- */

static int open_identity(
        struct load *l, const char *name, struct tls_context **ret, EVP_PKEY **ret_key, struct error *err)
{
	char *ca FREE_ON_EXIT = xasprintf("%s/ca/ca.pem", l->dir);
	char *certificate FREE_ON_EXIT = xasprintf("%s/%s.pem", l->dir, name);
	char *key FREE_ON_EXIT = xasprintf("%s/%s.key", l->dir, name);
	const struct tls_config config = { .ca_path = ca,
		.certificate_path = certificate,
		.key_path = key,
		.peer_roles = TLS_ROLE(ROLE_SERVER) };
	int r = ret_key ? key_load(key, ret_key, err) : 0;
	return r < 0 ? r : tls_context_new(&config, ret, err);
}

int load_read_site(struct load *l, const char *status, size_t n_packages, struct error *err)
{
	l->example = posture_new();
	int r = dpkg_read_status(status, l->example, err);
	l->n_packages = MIN(n_packages, l->example->n_packages);
	l->nodes = xcalloc(l->n_nodes, sizeof(*l->nodes));
	if (r == 0)
		r = open_identity(l, LOAD_ENFORCER_NAME, &l->enforcer_tls, NULL, err);
	for (unsigned i = 0; i < l->n_nodes && r == 0 && !l->is_enforcer; i++) {
		struct load_node *node = &l->nodes[i];
		struct ip_address address;
		char name[32];
		node->load = l;
		node->number = i;
		load_node_address(i, &node->local, &address);
		snprintf(name, sizeof(name), "node-%u", i);
		r = open_identity(l, name, &node->tls, &node->key, err);
		node->next_id = 1;
		if (r == 0 && !l->are_agents && (r = compose_all(node)) < 0)
			(void)error_set(err, r, "an inventory cannot be composed");
	}
	return r;
}

void load_clear_site(struct load *l)
{
	for (size_t i = 0; l->nodes && i < l->n_nodes; i++) {
		struct load_node *n = &l->nodes[i];
		for (size_t v = 0; v < LOAD_VARIANTS; v++)
			load_forget_inventory(&n->inventories[v]);
		if (n->timer)
			event_free(n->timer);
		free(n->certificate);
		tls_context_free(n->tls);
		EVP_PKEY_free(n->key);
		patnc_signature_input_free(&n->input);
	}
	free(l->nodes);
	posture_free(l->example);
	tls_context_free(l->enforcer_tls);
}
