/* SPDX-License-Identifier: ISC */
#include "base/log.h"
#include "enforcer/dry_run.h"
#include "enforcer/enforcer.h"
#include "enforcer/privileges.h"
#include "net/daemon.h"
#include "net/sandbox.h"

#include <getopt.h>
#include <stdio.h>

#define OVERRIDES_MAX 64

static const char usage[] =
        "usage: pratique-enforcer --config FILE [--set NAME=VALUE]... [--verbose]\n"
        "       pratique-enforcer --config FILE --dry-run POLICY\n"
        "       pratique-enforcer --flush\n"
        "\n"
        "Separates the segments of a site in this gateway, as the server decides. Needs root, or "
        "CAP_NET_ADMIN.\n"
        "\n"
        "  --config FILE      the configuration\n"
        "  --set NAME=VALUE   an option that wins over the file\n"
        "  --dry-run POLICY   print the rules that this policy file means, and change nothing\n"
        "  --flush            remove all rules: nodes are separated no more\n"
        "  --verbose          log what is done, too\n"
        "  --help, --version\n"
        "\n"
        "Exit status: 0 ended in order, 1 failed, 2 wrong usage or configuration.\n"
        "\n"
        "Options of the configuration:\n";

static const char examples[] =
        "\n"
        "Examples:\n"
        "  pratique-enforcer --config /etc/pratique/enforcer.conf\n"
        "  pratique-enforcer --config enforcer.conf --set bridge=br-lab --dry-run site.policy | nft -c -f -\n"
        "  pratique-enforcer --flush\n";

struct arguments {
	const char *config, *dry_run;
	bool flush, verbose;
	const char *overrides[OVERRIDES_MAX + 1];
	size_t n_overrides;
};

static int bad_usage(const char *what)
{
	fprintf(stderr, "pratique-enforcer: %s\nSee `pratique-enforcer --help`.\n", what);
	return 2;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option known[] = { { "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' }, { "dry-run", required_argument, NULL, 'n' },
		{ "flush", no_argument, NULL, 'f' }, { "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { 0 } };
	int c;
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			a->config = optarg;
			break;
		case 's':
			if (a->n_overrides == OVERRIDES_MAX)
				return bad_usage("too many --set");
			a->overrides[a->n_overrides++] = optarg;
			break;
		case 'n':
			a->dry_run = optarg;
			break;
		case 'f':
			a->flush = true;
			break;
		case 'v':
			a->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			config_describe(stdout, options_table, options_count);
			fputs(examples, stdout);
			return 0;
		case 'V':
			puts("pratique-enforcer " PRATIQUE_VERSION);
			return 0;
		default:
			fputs("See `pratique-enforcer --help`.\n", stderr);
			return 2;
		}
	}
	if (optind < argc)
		return bad_usage("no arguments besides options");
	if (!a->config && !a->flush)
		return bad_usage("--config FILE is needed");
	return -1;
}

static void report(const char *text)
{
	log_error("%s", text);
}

static int flush(void)
{
	static const struct links none;
	struct error err;
	struct driver *d = driver_nftables_new(&none, 0, &err);
	struct ways *w = NULL;
	int r = d ? d->ops->flush(d, &err) : -1;
	if (r == 0)
		r = ways_new(&w, &err);
	if (r == 0)
		r = ways_flush(w, &err);
	ways_free(w);
	if (r < 0)
		log_error("%s", err.text);
	if (d)
		d->ops->free(d);
	return r < 0 ? 1 : 0;
}

/* ---- the daemon ---- */

static void stop(void *base)
{
	daemon_notify("STOPPING=1");
	event_base_loopbreak(base);
}

static int loop(struct enforcer *e)
{
	struct daemon_signals *signals;
	if (daemon_signals_new(e->base, stop, NULL, e->base, &signals) < 0)
		return 1;
	daemon_notify("READY=1");
	privileges_hurry(true);
	int r = event_base_dispatch(e->base);
	daemon_signals_free(signals);
	return r < 0 ? 1 : 0;
}

static int run(const struct options *o, const struct links *links)
{
	struct enforcer e = { 0 };
	struct error err = { { 0 } };
	bool fallback;
	int code = 1;
	int r = enforcer_open(&e, o, links, &err);
	if (r == 0)
		r = privileges_drop(o->user, o->state, &fallback, &err);
	if (r == 0 && fallback)
		log_warning("there is no user %s: running as nobody", o->user);
	if (r == 0)
		r = enforcer_start(&e, &err);
	if (r == 0)
		r = sandbox_enter(SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_NETLINK, &err);
	if (r == 0)
		code = loop(&e);
	else
		log_error("%s", err.text);
	enforcer_close(&e);
	return code;
}

int main(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct options o;
	struct links links;
	struct error err;
	int code = parse(argc, argv, &a);
	if (code >= 0)
		return code;
	log_open("pratique-enforcer", a.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_NOTICE);
	if (a.flush)
		return flush();
	if (options_load(a.config, a.overrides, report, &o, &links, &err) < 0)
		code = 2;
	else if (a.dry_run)
		code = dry_run(stdout, a.dry_run, &links, (uint16_t)o.log_group, report);
	else
		code = run(&o, &links);
	options_clear(&o);
	return code;
}
