/* SPDX-License-Identifier: ISC */
/* `pratique-vis`: keeps the index of advisories and tells subscribers what changed. */
#include "base/config.h"
#include "base/file.h"
#include "base/log.h"
#include "net/daemon.h"
#include "net/sandbox.h"
#include "vis/vis.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_S_DEFAULT 300
#define CHECK_S_MAX 86400

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_WRONG_USAGE = 2 };

static void print_help(FILE *out)
{
	fputs("usage: pratique-vis --data DIR --socket PATH [--source SOURCE]... [--watch DIR]\n\n"
	      "The vulnerability information server: keeps an index of advisories that other programs read, "
	      "and\n"
	      "tells them by the socket which packages a change concerns.\n\n"
	      "Options:\n"
	      "  -d, --data DIR        the index; made where it is not there\n"
	      "  -s, --socket PATH     Unix socket for subscribers\n"
	      "  -S, --source SOURCE   a folder, archive or apt: as in `pratique vuln index`; loaded when it "
	      "has\n"
	      "                        changed. May be given several times\n"
	      "  -w, --watch DIR       a folder of published advisories, one OSV record a .json file; a "
	      "change in\n"
	      "                        it is in the index at once (see `pratique vuln publish`)\n"
	      "  -i, --interval SEC    how often the sources are looked at again (300); so does SIGHUP\n"
	      "  -u, --user USER       whom to run as when started by root (pratique)\n"
	      "  -m, --metrics SOCKET  Unix socket for `pratique metrics`; none unless given\n"
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
	      "Exit status: 0 stopped by SIGTERM or SIGINT, 1 failed, 2 wrong usage.\n\n"
	      "Examples:\n"
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

static int make_socket_directories(const struct vis_config *config, const char *user, struct error *err)
{
	const char *const sockets[] = { config->socket, config->metrics, config->front.http.socket };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(sockets) && r == 0; i++)
		if (sockets[i])
			r = daemon_make_socket_directory(sockets[i], user, err);
	return r;
}

/* What it reads comes from strangers: root does not do that. */
static int become(const char *user, const struct vis_config *config, struct error *err)
{
	if (geteuid() != 0)
		return make_socket_directories(config, NULL, err);
	const struct passwd *p = getpwnam(user);
	if (!p)
		return error_set(err, -ENOENT,
		        "there is no user %s; make one (useradd --system --user-group --no-create-home %s) "
		        "or name "
		        "another with --user",
		        user, user);
	int r = make_socket_directories(config, user, err);
	if (r == 0)
		r = give_index(config->data, p, err);
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
		r = sandbox_enter(SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_THREADS, &err);
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
		for (size_t i = 0; i < ARRAY_LENGTH(events); i++)
			event_free(events[i]);
	}
	vis_close(vis);
	event_base_free(base);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static bool take_interval(const char *text, struct vis_config *config)
{
	char *end;
	long seconds = strtol(text, &end, 10);
	if (end == text || *end || seconds < 1 || seconds > CHECK_S_MAX)
		return false;
	config->check_ms = (int)seconds * 1000;
	return true;
}

enum {
	OPTION_CRL = 256,
	OPTION_PUBLISH,
	OPTION_PUBLISH_KEY,
	OPTION_PUBLISH_LIFETIME,
	OPTION_RATE,
	OPTION_NAME,
	OPTION_FOLLOW,
	OPTION_REPOSITORY,
	OPTION_UPPER
};

static struct {
	const char *follow[PUSH_REPOSITORIES_MAX], *publish[PUSH_REPOSITORIES_MAX], *uppers[UPPERS_MAX];
} tree;

static const char *take_one_more(const char **items, size_t *n, size_t most, const char *value)
{
	if (*n == most)
		return "too many repositories or upper VISes";
	items[(*n)++] = value;
	return "";
}

/* The same for what has to do with the VISes above and below. */
static const char *take_tree_option(int option, const char *value, struct repositories_config *c)
{
	c->follow = tree.follow;
	c->publish = tree.publish;
	c->uppers = tree.uppers;
	switch (option) {
	case OPTION_NAME:
		c->name = value;
		return "";
	case OPTION_FOLLOW:
		return take_one_more(tree.follow, &c->n_follow, PUSH_REPOSITORIES_MAX, value);
	case OPTION_REPOSITORY:
		return take_one_more(tree.publish, &c->n_publish, PUSH_REPOSITORIES_MAX, value);
	case OPTION_UPPER:
		return take_one_more(tree.uppers, &c->n_uppers, UPPERS_MAX, value);
	default:
		return NULL;
	}
}

/* The same for what is published here. */
static const char *take_publish_option(int option, const char *value, struct publisher_config *c)
{
	switch (option) {
	case OPTION_PUBLISH:
		c->dir = value;
		return "";
	case OPTION_PUBLISH_KEY:
		if (c->n_keys == TREE_PUBLISH_KEYS_MAX)
			return "too many keys";
		c->keys[c->n_keys++] = value;
		return "";
	case OPTION_PUBLISH_LIFETIME:
		return config_parse_duration(value, &c->lifetime_ms) < 0 || c->lifetime_ms < 1000 ||
		                c->lifetime_ms > TREE_LIFETIME_MAX_MS
		        ? "--publish-lifetime is a time, as \"10 min\""
		        : "";
	default:
		return NULL;
	}
}

/* "", or what is wrong with it; NULL: it is none of these. */
static const char *take_http_option(int option, const char *value, struct vis_http_config *http)
{
	long rate;
	char *end;
	switch (option) {
	case 'l':
		if (http->n_listen == VIS_LISTEN_MAX)
			return "too many places to listen";
		http->listen[http->n_listen++] = value;
		return "";
	case 'L':
		http->socket = value;
		return "";
	case 'c':
		http->certificate = value;
		return "";
	case 'k':
		http->key = value;
		return "";
	case 'a':
		http->ca = value;
		return "";
	case OPTION_CRL:
		http->crl = value;
		return "";
	case 'P':
		http->public = true;
		return "";
	case OPTION_RATE:
		rate = strtol(value, &end, 10);
		http->rate = (size_t)rate;
		return end == value || *end || rate < 1 || rate > VIS_HTTP_RATE_MAX ? "--rate is 1 to 1000000"
		                                                                    : "";
	default:
		return NULL;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "data", required_argument, NULL, 'd' },
		{ "socket", required_argument, NULL, 's' }, { "source", required_argument, NULL, 'S' },
		{ "watch", required_argument, NULL, 'w' }, { "interval", required_argument, NULL, 'i' },
		{ "user", required_argument, NULL, 'u' }, { "metrics", required_argument, NULL, 'm' },
		{ "listen", required_argument, NULL, 'l' }, { "http", required_argument, NULL, 'L' },
		{ "certificate", required_argument, NULL, 'c' }, { "key", required_argument, NULL, 'k' },
		{ "ca", required_argument, NULL, 'a' }, { "crl", required_argument, NULL, OPTION_CRL },
		{ "name", required_argument, NULL, OPTION_NAME },
		{ "follow", required_argument, NULL, OPTION_FOLLOW },
		{ "repository", required_argument, NULL, OPTION_REPOSITORY },
		{ "publish", required_argument, NULL, OPTION_PUBLISH },
		{ "publish-key", required_argument, NULL, OPTION_PUBLISH_KEY },
		{ "publish-lifetime", required_argument, NULL, OPTION_PUBLISH_LIFETIME },
		{ "upper", required_argument, NULL, OPTION_UPPER }, { "public", no_argument, NULL, 'P' },
		{ "rate", required_argument, NULL, OPTION_RATE }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	struct vis_config config = { .check_ms = CHECK_S_DEFAULT * 1000 };
	const char *user = "pratique";
	struct error err;
	for (int o; (o = getopt_long(argc, argv, "d:s:S:w:i:u:m:l:L:c:k:a:PhV", options, NULL)) != -1;) {
		if (o == 'd') {
			config.data = optarg;
		} else if (o == 's') {
			config.socket = optarg;
		} else if (o == 'w') {
			config.watch = optarg;
		} else if (o == 'S') {
			if (config.n_sources == VIS_SOURCES_MAX)
				return wrong_usage("too many sources");
			config.sources[config.n_sources++] = optarg;
		} else if (o == 'i') {
			if (!take_interval(optarg, &config))
				return wrong_usage("--interval is 1 to 86400 seconds");
		} else if (o == 'u') {
			user = optarg;
		} else if (o == 'm') {
			config.metrics = optarg;
		} else if (o == 'h') {
			print_help(stdout);
			return EXIT_DONE;
		} else if (o == 'V') {
			puts("pratique-vis " PRATIQUE_VERSION);
			return EXIT_DONE;
		} else {
			const char *wrong = take_http_option(o, optarg, &config.front.http);
			if (!wrong)
				wrong = take_tree_option(o, optarg, &config.repositories);
			if (!wrong)
				wrong = take_publish_option(o, optarg, &config.publish);
			if (!wrong || *wrong)
				return wrong_usage(wrong ? wrong : "wrong options");
		}
	}
	if (!config.data || !config.socket || optind != argc)
		return wrong_usage("--data and --socket are needed, and nothing but options");
	if (!config.publish.dir != !config.publish.n_keys)
		return wrong_usage("--publish and --publish-key go together");
	config.front.index = config.publish.index = config.data;
	if (vis_http_check(&config.front.http, &err) < 0)
		return wrong_usage(err.text);
	log_open("pratique-vis", LOG_LEVEL_NOTICE);
	return run(&config, user);
}
