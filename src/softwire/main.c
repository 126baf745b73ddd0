/* SPDX-License-Identifier: ISC */
/*
 * pratique-softwire: one program, and each of its processes. The roles are people's; `dataplane` and
 * `control` are what the keeper starts with descriptors of its own.
 */
#include "base/log.h"
#include "net/sandbox.h"
#include "softwire/control.h"
#include "softwire/keeper.h"
#include "softwire/process.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OVERRIDES_MAX 64

static const char usage[] =
        "usage: pratique-softwire initiator|concentrator --config FILE [--set NAME=VALUE]...\n"
        "       pratique-softwire initiator|concentrator --config FILE --check|--print-filter|--print-ike\n"
        "\n"
        "Brings up softwires: L2TPv2 and PPP, protected by IKE and IPsec ESP. The concentrator is the site's "
        "end,\n"
        "the initiator is the laptop's or the branch router's.\n"
        "\n"
        "  -c, --config FILE     the configuration\n"
        "  -s, --set NAME=VALUE  one option, which wins over the file; may be repeated\n"
        "      --check           find every error of the configuration, then end; touches nothing\n"
        "      --print-filter    the packet filter (nft) that would be in force\n"
        "      --print-ike       charon's configuration that would be written, without secrets\n"
        "  -h, --help            this text; after a role: with the role's options\n"
        "  -V, --version         the version\n"
        "\n"
        "Signals: SIGTERM ends in order, SIGHUP reads the configuration and its files again and keeps "
        "sessions.\n"
        "Exit status: 0 ended in order, 1 failed, 2 wrong usage or configuration.\n";

static const char examples[] =
        "\n"
        "Examples:\n"
        "  pratique-softwire concentrator --config /etc/pratique/concentrator.conf --check\n"
        "  pratique-softwire initiator --config /etc/pratique/initiator.conf\n"
        "  pratique-softwire concentrator -c concentrator.conf --print-filter | nft -c -f -\n"
        "  pratique softwire sessions\n";

enum action { RUN, CHECK, PRINT_FILTER, PRINT_IKE };

struct arguments {
	enum softwire_role role;
	enum action action;
	const char *config;
	const char *overrides[OVERRIDES_MAX + 1];
	size_t n_overrides;
};

static int bad_usage(const char *what)
{
	fprintf(stderr, "pratique-softwire: %s\nSee `pratique-softwire --help`.\n", what);
	return 2;
}

static int print_help(const struct arguments *a, bool has_role)
{
	fputs(usage, stdout);
	if (has_role) {
		printf("\nOptions of the %s's configuration, one \"name = value\" a line:\n\n",
		        options_role_name(a->role));
		options_describe(a->role, stdout);
	}
	fputs(examples, stdout);
	return 0;
}

/* -1: go on; else the exit code. argv[0] is the role. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option known[] = { { "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' }, { "check", no_argument, NULL, 'C' },
		{ "print-filter", no_argument, NULL, 'F' }, { "print-ike", no_argument, NULL, 'I' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { 0 } };
	int c;
	while ((c = getopt_long(argc, argv, "c:s:hV", known, NULL)) != -1)
		switch (c) {
		case 'c':
			a->config = optarg;
			break;
		case 's':
			if (a->n_overrides == OVERRIDES_MAX)
				return bad_usage("too many --set");
			a->overrides[a->n_overrides++] = optarg;
			break;
		case 'C':
			a->action = CHECK;
			break;
		case 'F':
			a->action = PRINT_FILTER;
			break;
		case 'I':
			a->action = PRINT_IKE;
			break;
		case 'h':
			return print_help(a, true);
		case 'V':
			puts("pratique-softwire " PRATIQUE_VERSION);
			return 0;
		default:
			fputs("See `pratique-softwire --help`.\n", stderr);
			return 2;
		}
	if (optind < argc)
		return bad_usage("no arguments besides options");
	if (!a->config && a->n_overrides == 0)
		return bad_usage("--config FILE is needed");
	return -1;
}

static bool find_role(const char *word, enum softwire_role *ret)
{
	for (int role = SOFTWIRE_INITIATOR; role <= SOFTWIRE_CONCENTRATOR; role++)
		if (strcmp(word, options_role_name((enum softwire_role)role)) == 0) {
			*ret = (enum softwire_role)role;
			return true;
		}
	return false;
}

static void report(const char *text)
{
	log_error("%s", text);
}

static void set_log_level(const char *program, const char *name)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strcmp(names[i], name) == 0)
			log_open(program, (enum log_level)(LOG_LEVEL_ERROR + i));
}

static void make_ike_setup(const struct softwire_options *o, struct ike_setup *ret, char **ret_socket)
{
	struct error err;
	*ret_socket = xasprintf("%s/dataplane", o->run_directory);
	*ret = (struct ike_setup){ .role = o->role == SOFTWIRE_INITIATOR ? IKE_INITIATOR : IKE_CONCENTRATOR,
		.kernel = o->ipsec == SOFTWIRE_IPSEC_KERNEL,
		.options = &o->ike,
		.local = o->listen,
		.n_local = o->n_listen,
		.concentrators = &o->concentrators,
		.run_directory = o->run_directory,
		.dataplane_socket = *ret_socket };
	if (resources_find_user(o, &ret->uid, &ret->gid, &err) < 0)
		ret->uid = ret->gid = 65534;
}

/* What options_load() cannot know: the user, and IKE's own rules. */
static int check(const struct softwire_options *o)
{
	struct ike_setup setup;
	char *socket = NULL;
	struct error err;
	uid_t uid;
	gid_t gid;
	int r = resources_find_user(o, &uid, &gid, &err), code = 0;
	if (r < 0) {
		report(err.text);
		code = 1;
	}
	make_ike_setup(o, &setup, &socket);
	if (o->ipsec != SOFTWIRE_IPSEC_NONE && ike_check(&setup, report, &err) < 0)
		code = 1;
	free(socket);
	return code;
}

static int print_ike(const struct softwire_options *o)
{
	struct ike_setup setup;
	char *socket = NULL;
	struct error err;
	make_ike_setup(o, &setup, &socket);
	int r = o->ipsec == SOFTWIRE_IPSEC_NONE ? error_set(&err, -EINVAL, "ipsec = none: there is no IKE")
	                                        : ike_print_configuration(&setup, stdout, &err);
	free(socket);
	if (r < 0)
		report(err.text);
	return r < 0 ? 1 : 0;
}

static int act(const struct arguments *a, struct softwire_options *o)
{
	const struct reload_source source = { a->config, a->overrides, check };
	switch (a->action) {
	case PRINT_FILTER:
		spd_write(stdout, o, NULL, 0);
		return 0;
	case PRINT_IKE:
		return print_ike(o);
	case CHECK:
		return check(o);
	case RUN:
		break;
	}
	int code = check(o);
	return code ? code : keeper_run(o, &source);
}

/* argv[0] is the role, as on the command line of the keeper. */
static int load(int argc, char **argv, struct arguments *a, struct softwire_options *o)
{
	struct error err;
	if (!find_role(argv[0], &a->role))
		return bad_usage("the first argument is initiator or concentrator");
	int code = parse(argc, argv, a);
	if (code >= 0)
		return code;
	if (options_load(a->role, a->config, a->overrides, o, report, &err) < 0) {
		options_clear(o);
		return 2;
	}
	return -1;
}

/* ---- the keeper's children ---- */

static int run_plane(const struct process_inheritance *i, struct error *err)
{
	struct dataplane_config *config = xcalloc(1, sizeof(*config));
	int fd = process_descriptor(i, "config"), r;
	if (fd < 0 || pread(fd, config, sizeof(*config), 0) != (ssize_t)sizeof(*config))
		r = error_set(err, -EINVAL, "dataplane: only the keeper starts this");
	else
		r = dataplane_run(config, err);
	if (fd >= 0)
		close(fd);
	free(config);
	return r;
}

static int run_control(const struct process_inheritance *i, int argc, char **argv, struct error *err)
{
	struct arguments a = { 0 };
	struct softwire_options o;
	const struct control_descriptors descriptors = { process_descriptor(i, "dataplane"),
		process_descriptor(i, "keeper"), process_descriptor(i, "checkpoint") };
	if (descriptors.dataplane < 0 || descriptors.keeper < 0 || descriptors.checkpoint < 0 || argc < 1)
		return error_set(err, -EINVAL, "control: only the keeper starts this");
	if (load(argc, argv, &a, &o) >= 0)
		return error_set(err, -EINVAL, "control: the configuration is not good any more");
	set_log_level(o.role == SOFTWIRE_INITIATOR ? "pratique-softwire initiator"
	                                           : "pratique-softwire concentrator",
	        o.log_level);
	int r = control_run(&o, &descriptors, err);
	options_clear(&o);
	return r;
}

static int run_child(int argc, char **argv)
{
	static const unsigned control_needs =
	        SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_NETLINK | SANDBOX_THREADS;
	struct process_inheritance i;
	struct error err = { "" };
	bool plane = strcmp(argv[1], "dataplane") == 0;
	log_open(plane ? "pratique-softwire dataplane" : "pratique-softwire control", LOG_LEVEL_INFO);
	int r = process_inherit(argc, argv, &i, &err);
	if (r == 0)
		r = process_harden(&err);
	if (r == 0)
		r = sandbox_enter(plane ? SANDBOX_SOCKETS | SANDBOX_THREADS : control_needs, &err);
	if (r == 0)
		r = plane ? run_plane(&i, &err)
		          : run_control(&i, argc - i.arguments, argv + i.arguments, &err);
	if (r < 0)
		log_error("%s", err.text);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct softwire_options o;
	log_open("pratique-softwire", LOG_LEVEL_INFO);
	if (argc < 2) {
		fputs(usage, stderr);
		return 2;
	}
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		return print_help(&a, false);
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
		puts("pratique-softwire " PRATIQUE_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "dataplane") == 0 || strcmp(argv[1], "control") == 0)
		return run_child(argc, argv);
	int code = load(argc - 1, argv + 1, &a, &o);
	if (code >= 0)
		return code;
	set_log_level("pratique-softwire", o.log_level);
	code = act(&a, &o);
	options_clear(&o);
	return code;
}
