/* SPDX-License-Identifier: ISC */
/*
 * pratique-server: inspects nodes, decides by the site policy, certifies, and tells enforcement points. One
 * process, which keeps no privilege once its sockets are open and its keys are read.
 */
#include "base/file.h"
#include "base/log.h"
#include "net/daemon.h"
#include "net/sandbox.h"
#include "server/api.h"
#include "server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define OVERRIDES_MAX 64

/* ---- the policy ---- */

/* The line of the policy and the mark under it come in lines of their own. */
static void report_policy(const char *text, void *context)
{
	bool *any = context;
	char *copy FREE_ON_EXIT = xstrdup(text), *rest = copy;
	for (const char *line; (line = strsep(&rest, "\n"));)
		if (*line)
			log_error("%s", line);
	*any = true;
}

/* What is wrong is logged, all of it. */
static int load_policy(const struct server *s, struct policy **ret, struct error *err)
{
	bool any = false;
	int code = policy_load(s->options.policy, report_policy, &any, ret, err);
	if (code < 0 && !any)
		log_error("%s%s", err->text,
		        code == -EACCES ? "; the user of the service must be able to read it" : "");
	return code;
}

static void audit_reload(struct server *s, uint64_t before, const char *result)
{
	const uint64_t after = policy_fingerprint(s->site->policy);
	if (s->caller)
		api_audit(s, "reload", "policy", api_fingerprint(before), api_fingerprint(after), result);
	else
		api_audit_as(s, "signal SIGHUP", "signal", "reload", "policy", api_fingerprint(before),
		        api_fingerprint(after), result);
}

int server_reload_policy(struct server *s, struct error *err)
{
	struct policy *policy = NULL;
	const uint64_t before = policy_fingerprint(s->site->policy);
	int code = load_policy(s, &policy, err);
	if (code < 0) {
		s->reloads_failed++;
		audit_reload(s, before, err->text);
		site_note(s->site, clock_wall_ms(), "policy", NULL, NULL, "not reloaded: %.900s", err->text);
		return code;
	}
	s->reloads++;
	s->policy_loaded = clock_wall_ms();
	site_set_policy(s->site, policy, s->policy_loaded);
	enforcer_send_policy(s);
	audit_reload(s, before, "done");
	site_note(s->site, s->policy_loaded, "policy", NULL, NULL, "reloaded, fingerprint %016llx",
	        (unsigned long long)policy_fingerprint(policy));
	return 0;
}

static void on_reload(void *context)
{
	struct error err;
	if (server_reload_policy(context, &err) < 0)
		log_error("the old policy stays in force");
	else
		log_notice("policy reloaded");
}

/* ---- the site's effects ---- */

/* A demotion of one node leaves before anything else is said; those of many nodes leave together. */
static void on_place(void *context, struct site_attachment *a, bool urgent)
{
	struct server *s = context;
	enforcer_place(s, a);
	if (urgent && site_waiting(s->site) == 0)
		enforcer_flush(s);
}

static void on_retry(void *context, struct site_attachment *a)
{
	node_retry(a);
}

static void on_disconnect(void *context, struct site_attachment *a)
{
	node_disconnect(a);
}

static void on_event(void *context, const struct store_event *e)
{
	api_event(context, e);
}

static void on_work(void *context)
{
	turn_wants_work(context);
}

static void on_reported(void *context, const struct posture *posture)
{
	vis_want(context, posture);
}

static const struct site_effects effects = { on_place, on_retry, on_disconnect, on_event, on_work,
	on_reported };

/* ---- keys and sockets, while there may be privilege ---- */

/* The list that the CA directory keeps counts where none is named. */
static char *crl_path(const struct server_options *o)
{
	if (*o->crl)
		return xstrdup(o->crl);
	char *path = *o->ca_directory ? xasprintf("%s/ca.crl", o->ca_directory) : NULL;
	if (path && access(path, F_OK) < 0)
		free(TAKE_POINTER(path));
	return path;
}

static void on_tls_reload(const struct error *err, void *context)
{
	if (err)
		log_error("certificates not read again: %s", err->text);
	else
		log_info("certificates and revocation list read again");
	if (!err)
		enrolment_note_self(context);
}

static int new_tls(
        const struct server *s, unsigned roles, bool anonymous, struct tls_context **ret, struct error *err)
{
	char *crl FREE_ON_EXIT = crl_path(&s->options);
	const struct tls_config config = { .server = true,
		.ca_path = s->options.ca,
		.crl_path = crl,
		.certificate_path = s->options.certificate,
		.key_path = s->options.key,
		.peer_roles = roles,
		.peer_certificate_optional = anonymous };
	return tls_context_new(&config, ret, err);
}

int server_open_tls(
        struct server *s, unsigned roles, bool anonymous, struct tls_context **ret, struct error *err)
{
	int code = new_tls(s, roles, anonymous, ret, err);
	return code < 0 ? code : tls_context_watch(*ret, s->base, TLS_WATCH_MS, on_tls_reload, s);
}

static int load_identity(struct server *s, struct error *err)
{
	X509 *certificate = NULL;
	int code = certificate_load(s->options.certificate, &certificate, err);
	if (code == 0)
		code = certificate_identity(certificate, &s->identity, err);
	X509_free(certificate);
	if (code == 0 && s->identity.role != ROLE_SERVER)
		return error_set(err, -EINVAL, "%s: its role is %s, not server", s->options.certificate,
		        identity_role_name(s->identity.role));
	return code;
}

int server_read_address(const char *text, uint16_t port, struct sockaddr_storage *ret, struct error *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
	} else {
		return error_set(err, -EINVAL, "\"%s\" is not an address", text);
	}
	return 0;
}

static int listen_at(struct server *s, struct listener_config *config, const char *address, int64_t port,
        struct listener **listeners, size_t *count, struct error *err)
{
	if (*count == SERVER_PORTS_MAX)
		return error_set(err, -EINVAL, "addresses: more than %d", SERVER_PORTS_MAX);
	int code = server_read_address(address, (uint16_t)port, &config->address, err);
	if (code == 0)
		code = listener_new(s->base, config, &listeners[*count], err);
	if (code < 0)
		return error_prefix(err, code, "address %s, port %lld", address, (long long)port);
	++*count;
	return 0;
}

static int listen_everywhere(struct server *s, struct error *err)
{
	const struct server_options *o = &s->options;
	char *any = (char *)"::";
	const struct config_list fallback = { &any, 1 },
	                         *addresses = o->addresses.count ? &o->addresses : &fallback;
	struct listener_config nodes = { .tls = s->node_tls,
		.connections_max = (size_t)o->connections_max,
		.source_max = (size_t)o->connections_per_source,
		.source_is_host = true,
		.handshakes_max = (size_t)o->handshakes_max,
		.limits = STREAM_LIMITS_DEFAULT,
		.workers = s->workers,
		.on_stream = node_accept,
		.on_refused = node_refused,
		.user = s };
	struct listener_config enforcers = nodes;
	enforcers.tls = s->enforcer_tls;
	enforcers.connections_max = enforcers.source_max = enforcers.handshakes_max =
	        (size_t)o->enforcers_max;
	enforcers.on_stream = enforcer_accept;
	enforcers.on_refused = enforcer_refused;
	int code = 0;
	for (size_t i = 0; i < addresses->count && code == 0; i++) {
		code = listen_at(s, &nodes, addresses->items[i], o->node_port, s->node_listeners,
		        &s->n_node_listeners, err);
		if (code == 0)
			code = listen_at(s, &enforcers, addresses->items[i], o->enforcer_port,
			        s->enforcer_listeners, &s->n_enforcer_listeners, err);
	}
	return code;
}

/* Whom root becomes. */
static int find_user(const struct server *s, struct passwd **ret, struct error *err)
{
	struct passwd *p = getpwnam(s->options.user);
	if (p && p->pw_uid != 0) {
		*ret = p;
		return 0;
	}
	if (p)
		error_set(err, -EINVAL, "user: root may not be it; name an ordinary user");
	else
		error_set(err, -EINVAL,
		        "user: there is no user %s; make one (useradd --system --user-group --no-create-home "
		        "%s) or name another",
		        s->options.user, s->options.user);
	return -EINVAL;
}

/* The CA signs and revokes while nobody has root's rights. */
static int check_ca_directory(const struct server *s, struct error *err)
{
	const char *dir = s->options.ca_directory;
	struct passwd *p;
	struct stat st;
	if (!*dir)
		return 0;
	if (stat(dir, &st) < 0)
		return error_set(err, -errno, "ca_directory: %s: %s", dir, strerror(errno));
	if (geteuid() != 0)
		return 0;
	int code = find_user(s, &p, err);
	if (code == 0 && st.st_uid != p->pw_uid)
		code = error_set(err, -EACCES, "ca_directory: %s is not %s's: chown -R %s: %s", dir,
		        p->pw_name, p->pw_name, dir);
	return code;
}

/* As root: the state directory and what is in it become the service user's. A directory that is somebody's
 * already stays. */
static int give_state(struct server *s, struct error *err)
{
	static const char *const names[] = { "pratique.db", "pratique.db-wal", "pratique.db-shm",
		"token.key" };
	const char *dir = s->options.state_directory;
	struct stat st;
	struct passwd *p;
	int code = find_user(s, &p, err);
	if (code == 0)
		code = file_make_directory(dir, 0700, err);
	if (code < 0)
		return code;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		code = error_set(err, -errno, "%s: %s", dir, strerror(errno));
	} else if (st.st_uid == 0) {
		for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
			if (fchownat(fd, names[i], p->pw_uid, p->pw_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
			        errno != ENOENT)
				code = error_set(err, -errno, "%s/%s: %s", dir, names[i], strerror(errno));
		if (code == 0 && (fchown(fd, p->pw_uid, p->pw_gid) < 0 || fchmod(fd, 0700) < 0))
			code = error_set(err, -errno, "%s: %s", dir, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return code;
}

/* Signs quarantine certificates; made at the first start. */
static int load_token_key(struct server *s, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/token.key", s->options.state_directory);
	if (access(path, F_OK) == 0)
		return key_load(path, &s->token_key, err);
	int code = key_generate(KEY_ED25519, &s->token_key, err);
	return code < 0 ? code : key_save(s->token_key, path, err);
}

static void raise_limits(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* ---- start and end ---- */

static int open_privileged(struct server *s, struct error *err)
{
	struct passwd *p;
	int code = geteuid() == 0 ? find_user(s, &p, err) : 0;
	if (code == 0)
		code = check_ca_directory(s, err);
	if (code == 0)
		code = load_identity(s, err);
	if (code == 0)
		code = daemon_make_socket_directory(
		        s->options.socket, geteuid() == 0 ? s->options.user : NULL, err);
	if (code == 0)
		code = server_open_tls(s, TLS_ROLE(ROLE_NODE), false, &s->node_tls, err);
	if (code == 0)
		code = server_open_tls(s, TLS_ROLE(ROLE_ENFORCER), false, &s->enforcer_tls, err);
	if (code == 0)
		code = listen_everywhere(s, err);
	if (code == 0)
		code = api_start(s, err);
	if (code == 0)
		code = enrolment_listen(s, err);
	if (code == 0 && geteuid() == 0)
		code = give_state(s, err);
	return code;
}

static int open_site(struct server *s, struct error *err)
{
	struct policy *policy = NULL;
	int code = load_policy(s, &policy, err);
	if (code < 0)
		return error_set(err, code, "no policy, so nothing can be decided");
	if (code == 0)
		code = store_open(s->options.state_directory, &s->store, err);
	if (code == 0)
		code = load_token_key(s, err);
	if (code == 0)
		code = site_open(
		        s->store, policy, s->token_key, s->identity.name, &effects, s, &s->site, err);
	if (code < 0) {
		policy_free(policy);
		return code;
	}
	s->site->is_starting = true;
	s->site->program = program_number();
	s->policy_loaded = s->started;
	return 0;
}

static void on_stop(void *context)
{
	struct server *s = context;
	(void)daemon_notify("STOPPING=1");
	event_base_loopbreak(s->base);
}

/* What cannot be read any more now is not read again when it changes. */
static void check_readable(struct server *s)
{
	char *crl FREE_ON_EXIT = crl_path(&s->options);
	const char *const paths[] = { s->options.certificate, s->options.ca, crl };
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
		if (paths[i] && access(paths[i], R_OK) < 0)
			log_warning("%s is not readable by the user %s: no change of it is noticed", paths[i],
			        s->options.user);
}

static int start(struct server *s, struct error *err)
{
	raise_limits();
	s->started = clock_wall_ms();
	s->started_monotonic = clock_monotonic_ms();
	s->base = event_base_new();
	if (!s->base)
		return error_set(err, -ENOMEM, "no event loop");
	int code = daemon_signals_new(s->base, on_stop, on_reload, s, &s->signals);
	if (code < 0)
		return error_set(err, code, "signals cannot be handled: %s", strerror(-code));
	code = workers_new(s->base, &s->workers, err);
	if (code == 0)
		code = open_privileged(s, err);
	if (code == 0)
		code = daemon_drop_privileges(geteuid() == 0 ? s->options.user : NULL, NULL, 0, err);
	if (code == 0)
		check_readable(s);
	if (code == 0)
		code = workers_start(s->workers, err);
	if (code == 0)
		code = open_site(s, err);
	if (code == 0)
		code = api_tokens_load(s, err);
	if (code == 0)
		code = enrolment_start(s, err);
	if (code == 0)
		code = turn_start(s, err);
	if (code == 0)
		code = vis_start(s, err);
	if (code == 0)
		code = sandbox_enter(
		        SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_NETLINK | SANDBOX_THREADS,
		        err);
	if (code == 0)
		turn_begin(s);
	return code;
}

static void stop(struct server *s)
{
	struct error err;
	vis_stop(s);
	for (size_t i = 0; i < s->n_node_listeners; i++)
		listener_free(s->node_listeners[i]);
	for (size_t i = 0; i < s->n_enforcer_listeners; i++)
		listener_free(s->enforcer_listeners[i]);
	if (s->store && store_has_work(s->store) && store_commit(s->store, &err) < 0)
		log_error("%s", err.text);
	node_close_all(s);
	workers_free(s->workers); /* what they are at needs the store and the site */
	enforcer_close_all(s);
	enrolment_stop(s);
	api_stop(s);
	turn_stop(s);
	store_close(s->store);
	site_close(s->site);
	EVP_PKEY_free(s->token_key);
	tls_context_free(s->node_tls);
	tls_context_free(s->enforcer_tls);
	tls_context_free(s->enrolment_tls);
	tls_context_free(s->api_tls);
	daemon_signals_free(s->signals);
	if (s->base)
		event_base_free(s->base);
}

static int run(struct server *s)
{
	struct error err = { "" };
	int code = start(s, &err);
	if (code < 0) {
		log_error("%s", err.text);
	} else {
		log_notice("%s %s is ready: nodes on port %lld, enforcers on port %lld", s->identity.name,
		        PRATIQUE_VERSION, (long long)s->options.node_port,
		        (long long)s->options.enforcer_port);
		(void)daemon_notify("READY=1");
		event_base_dispatch(s->base);
		log_notice("stopped");
	}
	stop(s);
	return code < 0 ? 1 : 0;
}

/* ---- the command line ---- */

static void print_help(void)
{
	fputs("usage: pratique-server [OPTIONS]\n\n"
	      "Inspects nodes, decides by the site policy, certifies, and tells the enforcement points.\n\n"
	      "  -c, --config FILE        the configuration; default: the options as below\n"
	      "  -s, --set NAME=VALUE     one option, which wins over the file; may be repeated\n"
	      "      --check              check configuration, policy, keys and certificates, then end\n"
	      "  -h, --help               this text\n"
	      "  -V, --version            the version\n\n"
	      "Signals: SIGHUP reads the policy again, SIGTERM ends in order.\n"
	      "Exit status: 0 ended in order, 1 failed, 2 wrong usage.\n\n"
	      "Options of the configuration, one \"name = value\" a line:\n\n",
	        stdout);
	options_describe(stdout);
	fputs("\nExamples:\n"
	      "  pratique-server --config /etc/pratique/server.conf\n"
	      "  pratique-server --config /etc/pratique/server.conf --check\n"
	      "  pratique-server -c server.conf --set node_port=1271 --set log_level=debug\n",
	        stdout);
}

static int set_log_level(const char *name)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strcmp(names[i], name) == 0) {
			log_open("pratique-server", (enum log_level)(LOG_LEVEL_ERROR + i));
			return 0;
		}
	log_error("log_level: \"%s\" is none of error, warning, notice, info, debug", name);
	return -EINVAL;
}

static int check(struct server *s)
{
	struct policy *policy = NULL;
	struct tls_context *tls = NULL;
	struct passwd *p;
	struct error err;
	if (load_policy(s, &policy, &err) < 0)
		return 1;
	policy_free(policy);
	int code = geteuid() == 0 ? find_user(s, &p, &err) : 0;
	if (code == 0)
		code = api_check_options(&s->options, &err);
	if (code == 0)
		code = load_identity(s, &err);
	if (code == 0)
		code = new_tls(s, TLS_ROLE(ROLE_NODE), false, &tls, &err);
	if (code == 0)
		code = check_ca_directory(s, &err);
	tls_context_free(tls);
	if (code < 0)
		log_error("%s", err.text);
	return code < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = { { "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' }, { "check", no_argument, NULL, 'C' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 } };
	const char *overrides[OVERRIDES_MAX + 1] = { NULL }, *config = NULL;
	size_t n_overrides = 0;
	bool only_check = false;
	int option;
	log_open("pratique-server", LOG_LEVEL_INFO);
	while ((option = getopt_long(argc, argv, "c:s:hV", long_options, NULL)) != -1)
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 's':
			if (n_overrides < OVERRIDES_MAX)
				overrides[n_overrides++] = optarg;
			break;
		case 'C':
			only_check = true;
			break;
		case 'h':
			print_help();
			return 0;
		case 'V':
			puts("pratique-server " PRATIQUE_VERSION);
			return 0;
		default:
			fputs("See `pratique-server --help`.\n", stderr);
			return 2;
		}
	if (optind != argc || n_overrides == OVERRIDES_MAX) {
		log_error("too many arguments; see pratique-server --help");
		return 2;
	}
	struct server s = { 0 };
	struct error err = { "" };
	int code = options_load(config, overrides, &s.options, &err);
	if (code < 0)
		log_error("%s", err.text);
	if (code < 0 || set_log_level(s.options.log_level) < 0) {
		options_clear(&s.options);
		return 2;
	}
	code = only_check ? check(&s) : run(&s);
	options_clear(&s.options);
	return code;
}
