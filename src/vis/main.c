/* SPDX-License-Identifier: ISC */
/* `pratique-vis`: keeps the index of advisories and tells subscribers what changed. */
#include "base/file.h"
#include "base/log.h"
#include "net/daemon.h"
#include "net/sandbox.h"
#include "vis/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OVERRIDES_MAX 64

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_WRONG_USAGE = 2 };

static void print_help(FILE *out)
{
	fputs("usage: pratique-vis --config FILE [--set NAME=VALUE]... [--check]\n"
	      "       pratique-vis --data DIR --socket PATH [--source SOURCE]... [--watch DIR] [OPTIONS]\n\n"
	      "The vulnerability information server: keeps an index of advisories that other programs read, "
	      "and\n"
	      "tells them by the socket which packages a change concerns.\n\n"
	      "Options:\n"
	      "  -C, --config FILE     the configuration; what follows wins over it\n"
	      "      --set NAME=VALUE  one option of the configuration\n"
	      "      --check           find every error of the configuration, then end; touches nothing\n"
	      "  -d, --data DIR        the index; made where it is not there\n"
	      "  -s, --socket PATH     Unix socket for subscribers\n"
	      "  -S, --source SOURCE   a folder, archive or apt: as in `pratique vuln index`; loaded when it "
	      "has\n"
	      "                        changed; or NAME=repository:ADDRESS#ROOT-FILE, another publisher's "
	      "signed\n"
	      "                        repository in a directory or at a URL. May be given several times\n"
	      "  -w, --watch DIR       a folder of published advisories, one OSV record a .json file; a "
	      "change in\n"
	      "                        it is in the index at once (see `pratique vuln publish`)\n"
	      "  -i, --interval SEC    how often the sources are looked at again (300); so does SIGHUP\n"
	      "  -u, --user USER       whom to run as when started by root (pratique)\n"
	      "  -m, --metrics SOCKET  Unix socket for `pratique metrics`; none unless given\n"
	      "  -l, --listen, -L, --http, -c, --certificate, -k, --key, -a, --ca, --crl, -P, --public, "
	      "--rate\n"
	      "                        as in the configuration\n"
	      "      --repository 'NAME DIR'\n"
	      "                        a signed repository that is published in DIR: pushed to the VISes "
	      "below\n"
	      "      --upper 'HOST[:PORT] [NAME]'\n"
	      "                        a VIS above us, with the NAME of its certificate; several are tried "
	      "in order\n"
	      "      --follow 'NAME ROOT-FILE [SHARD ...]'\n"
	      "                        a signed repository from above, by the root that is vouched for; all "
	      "of it, or\n"
	      "                        these shards and what is asked for (\"on-demand\": only that)\n"
	      "      --name NAME       ours among VISes; the certificate's unless given\n"
	      "      --publish DIR     what this VIS knows itself, as a signed repository for any web "
	      "server; its roots "
	      "are\n"
	      "                        there (`pratique vuln publish --root`)\n"
	      "      --publish-key FILE\n"
	      "                        an index key of it; may be given several times\n"
	      "      --publish-lifetime TIME\n"
	      "                        how long its index is good (10 min); it is signed again at a third of "
	      "that\n"
	      "  -h, --help            this text\n"
	      "  -V, --version         the version\n\n"
	      "Options of the configuration, one \"name = value\" a line:\n\n",
	        out);
	vis_options_describe(out);
	fputs("\nExit status: 0 stopped by SIGTERM or SIGINT, 1 failed, 2 wrong usage or configuration.\n\n"
	      "Examples:\n"
	      "  pratique-vis --config /etc/pratique/vis.conf --check\n"
	      "  pratique-vis --data /var/lib/pratique/vis/index --socket /run/pratique/vis.sock --source "
	      "apt:\n"
	      "  pratique-vis --data index --socket vis.sock --source debian=osv.tar.xz --watch published\n",
	        out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "pratique-vis: %s\nSee `pratique-vis --help`.\n", what);
	return EXIT_WRONG_USAGE;
}

static void on_stop(evutil_socket_t signal, short what, void *base)
{
	event_base_loopexit(base, NULL);
}

static void on_hangup(evutil_socket_t signal, short what, void *vis)
{
	vis_check(vis);
}

/* The index becomes the user's where it is new or was made by root, as `pratique vuln index` makes it. */
static int give_index(const char *dir, const struct passwd *p, struct error *err)
{
	static const char *const names[] = { "data.mdb", "lock.mdb" };
	struct stat st;
	bool new = access(dir, F_OK) < 0;
	int r = file_make_directory(dir, 0755, err);
	if (r < 0)
		return r;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (fstat(fd, &st) == 0 && st.st_uid == 0 && (new || faccessat(fd, names[0], F_OK, 0) == 0)) {
		for (size_t i = 0; i < ARRAY_LENGTH(names) && r == 0; i++)
			if (fchownat(fd, names[i], p->pw_uid, p->pw_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
			        errno != ENOENT)
				r = error_set(err, -errno, "%s/%s: %s", dir, names[i], strerror(errno));
		if (r == 0 && fchown(fd, p->pw_uid, p->pw_gid) < 0)
			r = error_set(err, -errno, "%s: %s", dir, strerror(errno));
	}
	close(fd);
	return r;
}

/* A new one becomes the user's, and stays whose it is where it was there. */
static int give_cache(const char *dir, const struct passwd *p, struct error *err)
{
	if (!dir || access(dir, F_OK) == 0)
		return 0;
	int r = file_make_directory(dir, 0755, err);
	if (r == 0 && lchown(dir, p->pw_uid, p->pw_gid) < 0)
		r = error_set(err, -errno, "%s: %s", dir, strerror(errno));
	return r;
}

static int make_socket_directories(const struct vis_config *config, const char *user, struct error *err)
{
	const char *const sockets[] = { config->socket, config->metrics, config->front.http.socket };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(sockets) && r == 0; i++)
		if (sockets[i])
			r = daemon_make_socket_directory(sockets[i], user, err);
	return r;
}

/* The folder stays that of whom publishes: we only read it. */
static int make_folder(const struct vis_config *config, struct error *err)
{
	return config->watch ? file_make_directory(config->watch, 0755, err) : 0;
}

/* What it reads comes from strangers: root does not do that. */
static int become(const char *user, const struct vis_config *config, struct error *err)
{
	int r = make_folder(config, err);
	if (r < 0)
		return r;
	if (geteuid() != 0)
		return make_socket_directories(config, NULL, err);
	const struct passwd *p = getpwnam(user);
	if (!p)
		return error_set(err, -ENOENT,
		        "there is no user %s; make one (useradd --system --user-group --no-create-home %s) "
		        "or name "
		        "another with --user",
		        user, user);
	r = make_socket_directories(config, user, err);
	if (r == 0)
		r = give_index(config->data, p, err);
	if (r == 0)
		r = give_cache(config->cache, p, err);
	return r == 0 ? daemon_drop_privileges(user, NULL, 0, err) : r;
}

static int run(const struct vis_config *config, const char *user)
{
	struct event_base *base = event_base_new();
	struct vis *vis = NULL;
	struct error err;
	if (!base) {
		log_error("no event loop");
		return EXIT_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	int r = become(user, config, &err);
	if (r == 0)
		r = vis_open(base, config, &vis, &err);
	if (r == 0)
		r = sandbox_enter(
		        SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_THREADS | SANDBOX_SIGNALS,
		        &err);
	if (r < 0) {
		log_error("%s", err.text);
	} else {
		struct event *events[] = { evsignal_new(base, SIGTERM, on_stop, base),
			evsignal_new(base, SIGINT, on_stop, base),
			evsignal_new(base, SIGHUP, on_hangup, vis) };
		for (size_t i = 0; i < ARRAY_LENGTH(events); i++)
			event_add(events[i], NULL);
		log_notice("ready");
		r = event_base_dispatch(base);
		if (r >= 0 && vis_is_broken(vis))
			r = -ECHILD;
		for (size_t i = 0; i < ARRAY_LENGTH(events); i++)
			event_free(events[i]);
	}
	vis_close(vis);
	event_base_free(base);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

struct arguments {
	const char *config;
	char *overrides[OVERRIDES_MAX + 1]; /* ours to free */
	const char *specs[VIS_SOURCES_MAX + 1];
	size_t n_overrides, n_specs;
	bool check, has_data, has_socket;
};

enum {
	OPTION_SET = 256,
	OPTION_CHECK,
	OPTION_CRL,
	OPTION_RATE,
	OPTION_NAME,
	OPTION_FOLLOW,
	OPTION_REPOSITORY,
	OPTION_UPPER,
	OPTION_PUBLISH,
	OPTION_PUBLISH_KEY,
	OPTION_PUBLISH_LIFETIME
};

/* What has a name of the configuration. */
static const struct {
	int letter;
	const char *format;
} settings[] = { { 'd', "data=%s" }, { 's', "socket=%s" }, { 'w', "watch=%s" }, { 'i', "interval=%s s" },
	{ 'u', "user=%s" }, { 'm', "metrics=%s" }, { 'l', "listen=%s" }, { 'L', "http=%s" },
	{ 'c', "certificate=%s" }, { 'k', "key=%s" }, { 'a', "ca=%s" }, { OPTION_CRL, "crl=%s" },
	{ 'P', "public=yes" }, { OPTION_RATE, "rate=%s" }, { OPTION_SET, "%s" }, { OPTION_NAME, "name=%s" },
	{ OPTION_FOLLOW, "follow=%s" }, { OPTION_REPOSITORY, "repository=%s" }, { OPTION_UPPER, "upper=%s" },
	{ OPTION_PUBLISH, "publish=%s" }, { OPTION_PUBLISH_KEY, "publish_key=%s" },
	{ OPTION_PUBLISH_LIFETIME, "publish_lifetime=%s" } };

static bool take_setting(struct arguments *a, int letter, const char *value)
{
	for (size_t i = 0; i < ARRAY_LENGTH(settings); i++)
		if (settings[i].letter == letter && a->n_overrides < OVERRIDES_MAX) {
			a->overrides[a->n_overrides++] = xasprintf(settings[i].format, value);
			return true;
		}
	return false;
}

/* Goes on where it returns -1. */
static int take_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option known[] = { { "config", required_argument, NULL, 'C' },
		{ "set", required_argument, NULL, OPTION_SET }, { "check", no_argument, NULL, OPTION_CHECK },
		{ "data", required_argument, NULL, 'd' }, { "socket", required_argument, NULL, 's' },
		{ "source", required_argument, NULL, 'S' }, { "watch", required_argument, NULL, 'w' },
		{ "interval", required_argument, NULL, 'i' }, { "user", required_argument, NULL, 'u' },
		{ "metrics", required_argument, NULL, 'm' }, { "listen", required_argument, NULL, 'l' },
		{ "http", required_argument, NULL, 'L' }, { "certificate", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' }, { "ca", required_argument, NULL, 'a' },
		{ "crl", required_argument, NULL, OPTION_CRL }, { "public", no_argument, NULL, 'P' },
		{ "rate", required_argument, NULL, OPTION_RATE },
		{ "name", required_argument, NULL, OPTION_NAME },
		{ "follow", required_argument, NULL, OPTION_FOLLOW },
		{ "repository", required_argument, NULL, OPTION_REPOSITORY },
		{ "upper", required_argument, NULL, OPTION_UPPER },
		{ "publish", required_argument, NULL, OPTION_PUBLISH },
		{ "publish-key", required_argument, NULL, OPTION_PUBLISH_KEY },
		{ "publish-lifetime", required_argument, NULL, OPTION_PUBLISH_LIFETIME },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 } };
	for (int o; (o = getopt_long(argc, argv, "C:d:s:S:w:i:u:m:l:L:c:k:a:PhV", known, NULL)) != -1;) {
		a->has_data |= o == 'd';
		a->has_socket |= o == 's';
		if (o == 'C') {
			a->config = optarg;
		} else if (o == OPTION_CHECK) {
			a->check = true;
		} else if (o == 'S') {
			if (a->n_specs == VIS_SOURCES_MAX)
				return wrong_usage("too many sources");
			a->specs[a->n_specs++] = optarg;
		} else if (o == 'h') {
			print_help(stdout);
			return EXIT_DONE;
		} else if (o == 'V') {
			puts("pratique-vis " PRATIQUE_VERSION);
			return EXIT_DONE;
		} else if (!take_setting(a, o, optarg)) {
			return wrong_usage("wrong options");
		}
	}
	if (optind != argc || (!a->config && !(a->has_data && a->has_socket)))
		return wrong_usage("--config, or --data and --socket are needed, and nothing but options");
	return -1;
}

static void report(const char *text)
{
	fprintf(stderr, "pratique-vis: %s\n", text);
}

static int run_configured(const struct arguments *a)
{
	struct vis_options options;
	struct error err;
	int code = EXIT_WRONG_USAGE;
	if (vis_options_load(
	            a->config, (const char *const *)a->overrides, a->specs, &options, report, &err) == 0) {
		const struct vis_config config = vis_options_config(&options);
		const char *where = a->config ? a->config : "command line";
		if (a->check) {
			if (vis_options_check(&options, a->config, report, &err) == 0) {
				printf("%s: good, %zu sources\n", where, config.n_sources);
				code = EXIT_DONE;
			}
		} else if (vis_http_check(&config.front.http, &err) < 0) {
			fprintf(stderr, "pratique-vis: %s: %s\n", where, err.text);
		} else {
			log_open("pratique-vis", LOG_LEVEL_NOTICE);
			code = run(&config, options.user);
		}
	}
	vis_options_clear(&options);
	return code;
}

int main(int argc, char **argv)
{
	struct arguments a = { 0 };
	int code = take_arguments(argc, argv, &a);
	if (code < 0)
		code = run_configured(&a);
	for (size_t i = 0; i < a.n_overrides; i++)
		free(a.overrides[i]);
	return code;
}
