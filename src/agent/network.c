/* SPDX-License-Identifier: ISC */
#include "agent/network.h"

#include "agent/attachment.h"
#include "agent/privileges.h"
#include "base/log.h"
#include "crypto/pair.h"
#include "net/sandbox.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

static int load_identity(struct network *n, struct error *err)
{
	const struct agent_options *o = n->options;
	const struct tls_config config = { .ca_path = o->ca,
		.crl_path = *o->crl ? o->crl : NULL,
		.certificate_path = o->certificate,
		.key_path = o->key,
		.peer_roles = TLS_ROLE(ROLE_SERVER) };
	int r = pair_finish(o->key, o->certificate, err);
	if (r == 0)
		r = key_load(o->key, &n->key, err);
	return r < 0 ? r : tls_context_new(&config, &n->tls, err);
}

static struct attachment *find_attachment(struct network *n, const char *interface)
{
	for (size_t i = 0; i < n->n_attachments; i++)
		if (strcmp(n->attachments[i]->interface, interface) == 0)
			return n->attachments[i];
	return NULL;
}

static void take_posture(struct network *n, const struct ipc_posture *m)
{
	json_error_t where;
	struct posture *p = NULL;
	struct error err;
	json_t *json = json_loadb((const char *)m->json, m->json_length, 0, &where);
	if (!json || m->digest_length != sizeof(n->digest) || posture_from_json(json, &p, &err) < 0) {
		log_error("the collector's posture cannot be read: %s", json ? err.text : where.text);
		json_decref(json);
		return;
	}
	json_decref(json);
	posture_free(n->posture);
	n->posture = p;
	memcpy(n->digest, m->digest, sizeof(n->digest));
	for (size_t i = 0; i < n->n_attachments; i++)
		attachment_posture(n->attachments[i], m->request);
}

static void on_message(struct channel *c, const struct ipc_message *m, void *user)
{
	struct network *n = user;
	if (m->number == IPC_POSTURE) {
		take_posture(n, m->body);
	} else if (m->number == IPC_CERTIFICATE) {
		const struct ipc_certificate *kept = m->body;
		struct attachment *a = find_attachment(n, kept->interface);
		if (a)
			attachment_set_certificate(a, kept);
	}
}

static void on_channel_close(struct channel *c, const struct error *err, void *user)
{
	struct network *n = user;
	log_notice("the collector is gone: %s", err->text);
	n->exit_code = 1;
	event_base_loopbreak(n->base);
}

static void add_attachments(struct network *n)
{
	const struct config_list *list = &n->options->interfaces;
	size_t count = list->count ? list->count : 1;
	n->attachments = xcalloc(count, sizeof(struct attachment *));
	for (size_t i = 0; i < count; i++)
		n->attachments[n->n_attachments++] = attachment_new(n, list->count ? list->items[i] : "");
}

static void network_clear(struct network *n)
{
	for (size_t i = 0; i < n->n_attachments; i++)
		attachment_free(n->attachments[i]);
	free(n->attachments);
	channel_free(n->channel);
	tls_context_free(n->tls);
	EVP_PKEY_free(n->key);
	posture_free(n->posture);
}

static int loop(struct network *n, int fd)
{
	static const struct channel_handlers handlers = { on_message, on_channel_close };
	n->channel = channel_new(n->base, fd, IPC_FRAME_MAX, &handlers, n);
	add_attachments(n);
	event_base_dispatch(n->base);
	return n->exit_code;
}

int network_run(const struct agent_options *options, int fd, pid_t parent)
{
	struct network n = { .options = options };
	struct error err;
	int code = 1;
	(void)signal(SIGPIPE, SIG_IGN);
	int r = load_identity(&n, &err);
	if (r == 0)
		r = privileges_drop(options->user, parent, &err);
	if (r == 0)
		r = sandbox_enter(SANDBOX_READ | SANDBOX_SOCKETS | SANDBOX_NETLINK, &err);
	if (r == 0)
		n.base = event_base_new();
	if (r < 0)
		log_error("%s", err.text);
	else if (n.base)
		code = loop(&n, fd);
	network_clear(&n);
	if (n.base)
		event_base_free(n.base);
	return code;
}
