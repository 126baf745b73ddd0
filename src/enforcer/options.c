/* SPDX-License-Identifier: ISC */
#include "enforcer/options.h"
#include "enforcer/drivers/nft_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIELD(f) offsetof(struct options, f)

const struct config_option options_table[] = {
	{ "name", CONFIG_STRING, FIELD(name), NULL,
	        .help = "of this enforcement point, as the policy calls it" },
	{ "server", CONFIG_LIST, FIELD(servers), NULL, .help = "ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH" },
	{ "server_name", CONFIG_STRING, FIELD(server_name), "",
	        .help = "that the server's certificate must have" },
	{ "ca", CONFIG_PATH, FIELD(ca), "", .help = "certificate of the site CA (PEM)" },
	{ "crl", CONFIG_PATH, FIELD(crl), "", .help = "its revocation list (PEM)" },
	{ "certificate", CONFIG_PATH, FIELD(certificate), "", .help = "of this enforcer (PEM, OU=enforcer)" },
	{ "key", CONFIG_PATH, FIELD(key), "", .help = "its private key (PEM, mode 0600)" },
	{ "bridge", CONFIG_LIST, FIELD(bridges), NULL, .help = "whose ports are nodes' ports" },
	{ "interface", CONFIG_LIST, FIELD(interfaces), NULL, .help = "routed, with nodes behind it" },
	{ "softwire", CONFIG_LIST, FIELD(softwires), NULL,
	        .help = "INTERFACE SOCKET of a pratique-softwire concentrator, whose sessions are nodes" },
	{ "state", CONFIG_PATH, FIELD(state), "/var/lib/pratique-enforcer",
	        .help = "directory of the last safe state" },
	{ "user", CONFIG_STRING, FIELD(user), "pratique", .help = "to run as once everything is open" },
	{ "log_group", CONFIG_INTEGER, FIELD(log_group), "7", 0, 65535, "NFLOG group of refused packets" },
	{ "away_after", CONFIG_DURATION, FIELD(away_after_ms), "30 s", 1000, 3600000,
	        "silence after which the server counts as away" },
};
const size_t options_count = ARRAY_LENGTH(options_table);

void options_clear(struct options *o)
{
	config_clear(options_table, options_count, o);
}

static int add_link(
        const char *option, const char *name, enum link_kind kind, struct links *links, struct error *err)
{
	if (!element_port_valid(name))
		return error_set(
		        err, -EINVAL, "%s: \"%s\" is not the name of a network interface", option, name);
	for (size_t j = 0; j < links->count; j++)
		if (strcmp(links->items[j].name, name) == 0)
			return error_set(err, -EINVAL, "%s: %s is given twice", option, name);
	if (links->count == ENFORCER_LINKS_MAX)
		return error_set(err, -EINVAL, "%s: more than %d links", option, ENFORCER_LINKS_MAX);
	struct link *l = &links->items[links->count++];
	l->kind = kind;
	snprintf(l->name, sizeof(l->name), "%s", name);
	return 0;
}

const char *options_softwire_socket(const struct options *o, size_t i)
{
	const char *text = o->softwires.items[i];
	return text + strcspn(text, " \t") + strspn(text + strcspn(text, " \t"), " \t");
}

static int add_softwires(const struct options *o, struct links *links, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < o->softwires.count && r == 0; i++) {
		const char *text = o->softwires.items[i], *path = options_softwire_socket(o, i);
		char *name FREE_ON_EXIT = xstrndup(text, strcspn(text, " \t"));
		if (*path != '/')
			return error_set(err, -EINVAL,
			        "softwire: \"%s\" is not INTERFACE and the path of a socket", text);
		r = add_link("softwire", name, LINK_SOFTWIRE, links, err);
	}
	return r;
}

static int add_links(const struct config_list *names, bool routed, struct links *links, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < names->count && r == 0; i++)
		r = add_link(routed ? "interface" : "bridge", names->items[i],
		        routed ? LINK_ROUTED : LINK_BRIDGE, links, err);
	return r;
}
int options_load(const char *path, const char *const *overrides, void (*report)(const char *text),
        struct options *ret, struct links *ret_links, struct error *err)
{
	*ret = (struct options){ 0 };
	*ret_links = (struct links){ 0 };
	int r = config_load(path, overrides, options_table, options_count, ret, report, err);
	if (r < 0)
		return r;
	r = add_links(&ret->bridges, false, ret_links, err);
	if (r == 0)
		r = add_links(&ret->interfaces, true, ret_links, err);
	if (r == 0)
		r = add_softwires(ret, ret_links, err);
	if (r == 0 && ret_links->count == 0)
		r = error_set(
		        err, -EINVAL, "bridge, interface, softwire: at least one of them must be given");
	if (r == 0 && ret->log_group == NFT_WAKE_GROUP)
		r = error_set(err, -EINVAL, "log_group: %d is the enforcer's own", NFT_WAKE_GROUP);
	if (r == 0 && (!*ret->ca != !*ret->certificate || !*ret->ca != !*ret->key))
		r = error_set(err, -EINVAL, "ca, certificate, key: all three or none");
	if (r < 0 && report)
		report(err->text);
	return r;
}
