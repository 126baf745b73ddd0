/* SPDX-License-Identifier: ISC */
/* `pratique-agent inspect`: the posture of this host, or of a tree, for a person or as JSON. Contacts nobody.
 */
#include "agent/agent.h"
#include "agent/collect.h"
#include "agent/inspect_show.h"
#include "base/command_line.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_packages(const struct posture *p)
{
	if (p->packages_known)
		printf("%-12s %zu installed\n", "packages", p->n_packages);
	else
		show_row("packages", "unknown");
	char checked[CLOCK_TEXT_SIZE];
	if (!p->updates_known) {
		show_row("updates", "unknown");
		return;
	}
	printf("%-12s %zu missing from the security suite, lists of %s\n", "updates", p->n_updates,
	        p->updates_checked ? clock_format(p->updates_checked, checked) : "unknown time");
	for (size_t i = 0; i < p->n_updates; i++)
		printf("%-12s %s %s -> %s\n", "", p->updates[i].package, p->updates[i].installed,
		        p->updates[i].available);
}

static void print_unlisted(
        const char *label, const char *what, bool known, const struct posture_unlisted *list, size_t n)
{
	if (!known) {
		printf("%-12s unknown, of programs of no package that %s\n", label, what);
		return;
	}
	printf("%-12s %zu programs of no package %s\n", label, n, what);
	for (size_t i = 0; i < n; i++)
		printf("%-12s   %s: %s\n", "", list[i].program, list[i].how);
}

static void print_software(const struct posture *p)
{
	if (p->outdated_known)
		printf("%-12s %zu programs run replaced files\n", "outdated", p->n_outdated);
	else
		show_row("outdated", "unknown");
	for (size_t i = 0; i < p->n_outdated; i++) {
		const struct posture_outdated *o = &p->outdated[i];
		printf("%-12s   %s (%s), %u %s: %s\n", "", o->program, o->package ? o->package : "no package",
		        o->processes, o->processes == 1 ? "process" : "processes", o->replaced);
	}
	print_unlisted("listening", "listen", p->listening_known, p->listening, p->n_listening);
	print_unlisted("starting", "start at boot", p->starting_known, p->starting, p->n_starting);
}

static void print_network(const struct posture *p)
{
	show_interfaces(p);
	static const struct ip_address on_link;
	for (size_t i = 0; i < p->n_routes; i++) {
		const struct posture_route *r = &p->routes[i];
		char text[IP_TEXT_SIZE];
		printf("%-12s default %s %s%s dev %s\n", "route", r->v4 ? "IPv4" : "IPv6",
		        ip_equal(&r->gateway, &on_link) ? "on link" : "via ",
		        ip_equal(&r->gateway, &on_link) ? "" : ip_format(&r->gateway, text), r->interface);
	}
	printf("%-12s IPv4 %s, IPv6 %s\n", "forwarding", show_tristate(p->forwarding_v4),
	        show_tristate(p->forwarding_v6));
	show_configuration(p);
}

static void print_posture(const struct posture *p)
{
	show_row("system", show_known(p->os_name));
	show_row("architecture", show_known(p->architecture));
	printf("%-12s running %s, newest installed %s\n", "kernel", show_known(p->kernel_running),
	        show_known(p->kernel_installed));
	show_row("machine id", show_known(p->machine_id));
	show_product(p);
	print_packages(p);
	print_software(p);
	print_network(p);
	for (size_t i = 0; i < p->n_unknowns; i++)
		printf("%-12s %s: %s\n", "unknown", p->unknowns[i].field, p->unknowns[i].reason);
}

static int print(const struct posture *p, bool json)
{
	if (!json) {
		print_posture(p);
		return 0;
	}
	json_t *j = posture_to_json(p);
	int r = json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
	return r;
}

int agent_inspect(int argc, char **argv)
{
	const char *dir = "";
	bool json = false;
	const struct command_option options[] = {
		{ 0, "root", "DIR", "the tree below DIR instead of the running system", COMMAND_TEXT, &dir },
		{ 'j', "json", NULL, "everything, as one JSON object", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique-agent",
		.words = "inspect",
		.synopsis = "[--root DIR] [--json]",
		.about = "Reads what an inspection reports: product, operating system, kernel, packages, "
		         "security updates,\n"
		         "programs that run replaced files or belong to no package, network, firewall, "
		         "settings,\n"
		         "accounts and security software. What cannot be read is listed as unknown with the "
		         "reason.\n"
		         "Contacts nobody.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique-agent inspect\n"
		           "  pratique-agent inspect --root /srv/images/kiosk\n"
		           "  pratique-agent inspect --json | jq -r '.packages[].purl'",
	};
	struct error err;
	struct root root;
	int r = command_line_parse(&line, argc, argv, NULL);
	if (r != COMMAND_GO_ON)
		return r;
	r = root_open(dir, &root, &err);
	if (r < 0) {
		root_close(&root);
		return agent_fail("inspect", "%s", err.text);
	}
	struct posture *p = collect_posture(&root, NULL);
	r = print(p, json);
	posture_free(p);
	root_close(&root);
	return r < 0 ? agent_fail("inspect", "cannot write the output") : AGENT_OK;
}
