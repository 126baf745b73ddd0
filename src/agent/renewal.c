/* SPDX-License-Identifier: ISC */
#include "agent/renewal.h"

#include "agent/channel.h"
#include "agent/child.h"
#include "agent/privileges.h"
#include "base/log.h"
#include "crypto/pair.h"
#include "crypto/renewal.h"
#include "net/est.h"
#include "net/sandbox.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENROLMENT_PORT 8443
#define FRAME_MAX (4u << 20)
#define SETTLE_MS 2000 /* after a renewal, until the new certificate is shown to the server */
#define NOWHERE "none"

struct renewal {
	struct renewal_config config;
	struct event_base *base;
	struct event *timer;
	struct channel *channel; /* while somebody asks */
	pid_t child;
	unsigned failures;
	size_t server; /* of the servers; the next to ask */
	bool answered;
	char name[IDENTITY_NAME_MAX + 1];
	struct renewal_life life;
	time_ms next, renewed; /* wall; renewed: 0 = not by us */
	char failure[512];
};

/* ---- the one who asks: another process ---- */

struct asking {
	const struct agent_options *options;
	char where[300];
	int fd;
	pid_t parent;
};

static void clear_renewed(struct ipc_renewed *m)
{
	if (m->key)
		OPENSSL_cleanse(m->key, m->key_length);
	OPENSSL_free(m->key);
	OPENSSL_free(m->certificate);
	free(m->ca);
	free(m->crl);
	free(m->failure);
}

static int send_renewed(int fd, const struct ipc_renewed *m, struct error *err)
{
	struct writer w = wr_make(FRAME_MAX);
	int r = ipc_encode(&w, IPC_RENEWED, m, err);
	for (size_t sent = 0; r == 0 && sent < w.length;) {
		ssize_t n = send(fd, w.data + sent, w.length - sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			r = error_set(err, -errno, "%s", strerror(errno));
		else if (n > 0)
			sent += (size_t)n;
	}
	if (w.data)
		OPENSSL_cleanse(w.data, w.length);
	wr_free(&w);
	return r;
}

/* DER of both; OpenSSL's memory. */
static int encode_pair(EVP_PKEY *key, X509 *certificate, struct ipc_renewed *m, struct error *err)
{
	int key_length = i2d_PrivateKey(key, &m->key), length = i2d_X509(certificate, &m->certificate);
	if (key_length <= 0 || length <= 0)
		return error_set(err, -EIO, "the new key cannot be handed over");
	m->key_length = (size_t)key_length;
	m->certificate_length = (size_t)length;
	return 0;
}

static int renew_if_due(struct est_session *s, X509 *old, struct ipc_renewed *m, struct error *err)
{
	EVP_PKEY *key = NULL, *public_key = X509_get0_pubkey(old);
	X509 *certificate = NULL;
	struct bundle trusted = { 0 };
	enum key_kind kind = KEY_P256;
	int r = bundle_parse((const char *)m->ca, m->ca_length, &trusted, err);
	if (r == 0 && public_key)
		(void)key_get_kind(public_key, &kind);
	if (r == 0 && renewal_is_due(old, &trusted, clock_wall_ms())) {
		r = est_session_renew(s, (const char *)m->ca, kind, &key, &certificate, err);
		if (r == 0)
			r = encode_pair(key, certificate, m, err);
	}
	EVP_PKEY_free(key);
	X509_free(certificate);
	bundle_clear(&trusted);
	return r;
}

static int ask(const struct asking *a, struct ipc_renewed *m, struct error *err)
{
	const struct agent_options *o = a->options;
	struct endpoint endpoint;
	struct est_session *s = NULL;
	X509 *old = NULL;
	char *ca = NULL, *crl = NULL;
	int r = endpoint_parse(a->where, ENROLMENT_PORT, &endpoint, err);
	const struct est_client client = { .endpoint = &endpoint,
		.ca_path = o->ca,
		.expected_name = *o->server_name ? o->server_name : NULL };
	if (r == 0)
		r = certificate_load(o->certificate, &old, err);
	if (r == 0)
		r = est_session_open(&client, o->key, o->certificate, &s, err);
	if (r == 0)
		r = privileges_drop(o->user, a->parent, err);
	if (r == 0)
		r = sandbox_enter(SANDBOX_READ | SANDBOX_SOCKETS | SANDBOX_NETLINK, err);
	if (r == 0)
		r = est_session_trust(s, &ca, *o->crl ? &crl : NULL, err);
	m->ca = (uint8_t *)ca;
	m->ca_length = ca ? strlen(ca) : 0;
	m->crl = (uint8_t *)crl;
	m->crl_length = crl ? strlen(crl) : 0;
	if (r == 0)
		r = renew_if_due(s, old, m, err);
	est_session_close(s);
	X509_free(old);
	return r;
}

static int run_asking(int fd, pid_t parent, void *context)
{
	struct asking *a = context;
	struct ipc_renewed m = { 0 };
	struct error err = { "" };
	a->fd = fd;
	a->parent = parent;
	alarm(RENEWAL_ASKING_MS / 1000);
	int r = ask(a, &m, &err);
	if (r < 0) {
		clear_renewed(&m);
		m = (struct ipc_renewed){ 0 };
	}
	m.failure = xstrdup(r < 0 ? err.text : "");
	r = send_renewed(fd, &m, &err);
	clear_renewed(&m);
	return r < 0;
}

/* ---- what it brought ---- */

static int check_pair(const struct agent_options *o, EVP_PKEY *key, X509 *certificate, struct error *err)
{
	struct bundle trusted = { 0 };
	X509 *old = NULL;
	struct identity before, now;
	int r = bundle_load(o->ca, &trusted, err);
	if (r == 0)
		r = certificate_load(o->certificate, &old, err);
	if (r == 0)
		r = certificate_identity(old, &before, err);
	if (r == 0)
		r = certificate_identity(certificate, &now, err);
	if (r == 0)
		r = bundle_check(&trusted, certificate, key, clock_wall_ms(), err);
	if (r == 0 && (strcmp(before.name, now.name) != 0 || before.role != now.role))
		r = error_set(
		        err, -EPERM, "the new certificate is for %s, not for %s", now.name, before.name);
	X509_free(old);
	bundle_clear(&trusted);
	return r;
}

static int install_pair(struct renewal *r, const struct ipc_renewed *m, struct error *err)
{
	const struct agent_options *o = r->config.options;
	const unsigned char *key_at = m->key, *at = m->certificate;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &key_at, (long)m->key_length);
	X509 *certificate = d2i_X509(NULL, &at, (long)m->certificate_length);
	int code = key && certificate
	        ? check_pair(o, key, certificate, err)
	        : error_set(err, -EBADMSG, "the new key and certificate cannot be read");
	if (code == 0)
		code = pair_replace(o->key, o->certificate, key, certificate, err);
	if (code == 0)
		r->renewed = clock_wall_ms();
	EVP_PKEY_free(key);
	X509_free(certificate);
	return code;
}

static int install(struct renewal *r, const struct ipc_renewed *m, struct error *err)
{
	const struct agent_options *o = r->config.options;
	if (*m->failure)
		return error_set(err, -EREMOTEIO, "%s", m->failure);
	char *ca FREE_ON_EXIT = xstrndup((const char *)m->ca, m->ca_length);
	char *crl FREE_ON_EXIT = m->crl_length ? xstrndup((const char *)m->crl, m->crl_length) : NULL;
	int code = est_install_trust(o->ca, ca, *o->crl ? o->crl : NULL, crl, err);
	if (code > 0)
		log_notice("the site's CAs and lists were brought up to date");
	if (code >= 0)
		code = m->key_length ? install_pair(r, m, err) : 0;
	if (code == 0 && m->key_length)
		log_notice("the certificate of %s was renewed, with a new key", r->name);
	return code;
}

/* ---- when ---- */

static uint32_t chance(void)
{
	uint32_t n = 0;
	(void)RAND_bytes((unsigned char *)&n, sizeof(n));
	return n;
}

static void wait_for(struct renewal *r, int64_t ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	r->next = clock_wall_ms() + ms;
	event_add(r->timer, &tv);
	r->config.changed(r->config.context);
}

/* What the certificate says now; a file that cannot be read is the network half's to complain of. */
static void look(struct renewal *r)
{
	X509 *certificate = NULL;
	struct identity who;
	if (certificate_load(r->config.options->certificate, &certificate, NULL) == 0 &&
	        certificate_identity(certificate, &who, NULL) == 0) {
		snprintf(r->name, sizeof(r->name), "%s", who.name);
		(void)renewal_life(certificate, &r->life, NULL);
	}
	X509_free(certificate);
}

static void failed(struct renewal *r, const char *why)
{
	if (strcmp(r->failure, why) != 0)
		log_warning("certificate and CAs of %s are not brought up to date: %s", r->name, why);
	snprintf(r->failure, sizeof(r->failure), "%s", why);
	r->failures++;
	r->server++;
	wait_for(r, renewal_retry(&r->life, r->failures, chance()));
}

static void on_message(struct channel *c, const struct ipc_message *m, void *user)
{
	struct renewal *r = user;
	struct error err;
	if (m->number != IPC_RENEWED || r->answered)
		return;
	const struct ipc_renewed *renewed = m->body;
	r->answered = true;
	if (install(r, renewed, &err) < 0) {
		failed(r, err.text);
		return;
	}
	r->failures = 0;
	r->failure[0] = '\0';
	look(r);
	wait_for(r, renewed->key_length ? SETTLE_MS : renewal_wait(&r->life, chance()));
}

static void on_close(struct channel *c, const struct error *err, void *user)
{
	struct renewal *r = user;
	r->channel = channel_free(r->channel);
	if (!r->answered)
		failed(r, "the process that asks ended without an answer");
	r->answered = true;
}

static void begin(struct renewal *r)
{
	static const struct channel_handlers handlers = { on_message, on_close };
	const struct agent_options *o = r->config.options;
	struct asking a = { .options = o };
	struct endpoint endpoint;
	struct error err;
	int fd;
	/* Of a server only the host: its port is where nodes are inspected. */
	const char *server = o->servers.items[r->server % o->servers.count];
	if (*o->enrolment)
		snprintf(a.where, sizeof(a.where), "%s", o->enrolment);
	else if (endpoint_parse(server, ENROLMENT_PORT, &endpoint, NULL) == 0)
		snprintf(a.where, sizeof(a.where), strchr(endpoint.host, ':') ? "[%s]" : "%s", endpoint.host);
	if (child_run(SOCK_STREAM, run_asking, &a, &r->child, &fd, &err) < 0) {
		failed(r, err.text);
		return;
	}
	r->answered = false;
	r->channel = channel_new(r->base, fd, FRAME_MAX, &handlers, r);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
	struct renewal *r = user;
	struct error err;
	if (r->channel)
		return;
	if (pair_finish(r->config.options->key, r->config.options->certificate, &err) < 0)
		log_error("%s", err.text);
	look(r);
	begin(r);
}

/* ---- the whole ---- */

struct renewal *renewal_new(struct event_base *base, const struct renewal_config *config)
{
	if (strcmp(config->options->enrolment, NOWHERE) == 0)
		return NULL;
	struct renewal *r = xcalloc(1, sizeof(*r));
	r->config = *config;
	r->base = base;
	r->answered = true;
	r->timer = event_new(base, -1, 0, on_timer, r);
	if (!r->timer)
		abort(); /* as the x-allocators do */
	look(r);
	int64_t first = MIN(renewal_wait(&r->life, chance()), (int64_t)(chance() % RENEWAL_FIRST_MS));
	wait_for(r, MAX(first, (int64_t)RENEWAL_RETRY_MIN_MS));
	return r;
}

struct renewal *renewal_free(struct renewal *r)
{
	if (!r)
		return NULL;
	if (r->child > 0)
		(void)kill(r->child, SIGKILL);
	channel_free(r->channel);
	event_free(r->timer);
	free(r);
	return NULL;
}

bool renewal_reap(struct renewal *r, pid_t pid)
{
	if (!r || pid != r->child)
		return false;
	r->child = 0;
	return true;
}

static void set_time(json_t *j, const char *key, time_ms at)
{
	char text[CLOCK_TEXT_SIZE];
	if (at)
		json_object_set_new(j, key, json_string(clock_format(at, text)));
}

json_t *renewal_to_json(const struct renewal *r)
{
	json_t *j = json_pack("{s:s}", "node", r->name);
	int days = renewal_warning(&r->life, clock_wall_ms());
	set_time(j, "expires", r->life.to);
	if (r->life.to)
		set_time(j, "due", renewal_due(&r->life));
	set_time(j, "renewed", r->renewed);
	set_time(j, "next", r->next);
	if (*r->failure)
		json_object_set_new(j, "failure", json_string(r->failure));
	if (days)
		json_object_set_new(j, "warning",
		        json_string(days < 0 ? "the certificate has expired; it needs a new enrolment"
		                             : "the certificate ends soon and was not renewed"));
	return j;
}
