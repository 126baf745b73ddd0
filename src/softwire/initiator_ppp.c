/* SPDX-License-Identifier: ISC */
/* The initiator's PPP: how it proves itself, whom it believes, and what its NCPs bring. */
#include "softwire/initiator.h"

#include "crypto/secret.h"

#include "proto/ppp/eap_tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The concentrator proves itself to us (mutual CHAP). */
static void authenticate(void *context, const struct ppp_auth_request *request)
{
	struct session *s = context;
	const struct initiator *x = s->control->initiator;
	char message[PPP_MESSAGE_MAX] = "";
	const bool good = x->peer_password && ppp_verify_password(request, x->peer_password, message);
	const struct ppp_auth_answer answer = { .verdict = good ? PPP_ACCEPT : PPP_REJECT,
		.message = message };
	(void)ppp_answer(s->link, request->id, &answer, clock_monotonic_ms());
}

static int get_secret(void *context, enum ppp_method method, const char *peer, struct ppp_secret *ret)
{
	const struct control *c = ((struct session *)context)->control;
	if (!*c->o->ppp_user || (!c->initiator->password && method != PPP_EAP))
		return -ENOENT;
	snprintf(ret->user, sizeof(ret->user), "%s", c->o->ppp_user);
	snprintf(ret->password, sizeof(ret->password), "%s",
	        c->initiator->password ? c->initiator->password : "");
	return 0;
}

static void network(void *context, enum ppp_method method, const char *user)
{
	struct session *s = context;
	s->state = SESSION_OPEN;
	if (s->opened == 0) {
		s->opened = clock_monotonic_ms();
		s->opened_wall = clock_wall_ms();
	}
}

static void network_changed(struct session *s)
{
	struct control *c = s->control;
	struct initiator *x = c->initiator;
	session_tell_plane(s);
	if ((s->ipv4 || s->ipv6) && x->state == INITIATOR_LINKING) {
		initiator_enter(c, INITIATOR_UP);
		x->up_since = clock_monotonic_ms();
		c->counters.sessions_opened++;
		events_note(c->events, LOG_LEVEL_NOTICE, "up", "the softwire to %s is up",
		        c->o->concentrators.items[x->current]);
	}
	initiator_tell_host(c);
}

static void ipv4_up(void *context, const struct ppp_ipv4 *ipv4)
{
	struct session *s = context;
	s->control->initiator->ipv4 = *ipv4;
	memcpy(s->control->initiator->last_ipv4, ipv4->local, 4);
	s->ipv4 = true;
	network_changed(s);
}

static void ipv4_down(void *context)
{
	struct session *s = context;
	s->ipv4 = false;
	if (s->control->initiator->session == s)
		network_changed(s);
}

static void ipv6_up(void *context, const struct ppp_ipv6 *ipv6)
{
	struct session *s = context;
	s->ipv6 = true;
	initiator_start_ipv6(s, ipv6, clock_monotonic_ms());
	network_changed(s);
}

static void ipv6_down(void *context)
{
	struct session *s = context;
	s->ipv6 = false;
	if (s->control->initiator->session == s)
		network_changed(s);
}

static void link_ended(void *context, enum ppp_end end, const char *message)
{
	struct session *s = context;
	if (s->state >= SESSION_ENDING)
		return;
	s->state = SESSION_ENDING;
	s->end = (uint8_t)end;
	if (message && *message)
		s->end_text = xstrdup(message);
	timer_set(&s->control->timers, &s->timer, 0); /* at the next turn: this is the link's own callback */
}

static void set_ppp(struct control *c)
{
	struct initiator *x = c->initiator;
	const struct softwire_options *o = c->o;
	x->callbacks = (struct ppp_callbacks){ .send = session_ppp_send,
		.random = session_ppp_random,
		.authenticate = authenticate,
		.get_secret = get_secret,
		.network = network,
		.ipv4_up = ipv4_up,
		.ipv4_down = ipv4_down,
		.ipv6_up = ipv6_up,
		.ipv6_down = ipv6_down,
		.ended = link_ended };
	x->ppp = (struct ppp_config){ .role = PPP_INITIATOR,
		.n_give = o->n_methods,
		.n_eap = o->n_eap_types,
		.tls = x->tls,
		.ipv4 = o->ipv4,
		.ipv6 = o->ipv6,
		.name_servers = true,
		.name = c->name,
		.echo_ms = (unsigned)o->echo_ms,
		.echo_failures = (unsigned)o->echo_failures,
		.callbacks = &x->callbacks,
		.counters = &x->ppp_counters };
	memcpy(x->ppp.give, o->methods, sizeof(x->ppp.give));
	memcpy(x->ppp.eap, o->eap_types, sizeof(x->ppp.eap));
	if (x->peer_password) {
		x->ppp.demand[0] = PPP_CHAP_MD5;
		x->ppp.n_demand = 1;
	}
}

static int read_secrets(struct control *c, struct error *err)
{
	struct initiator *x = c->initiator;
	const struct softwire_options *o = c->o;
	int r = *o->ppp_password_file ? secret_read(o->ppp_password_file, &x->password, err) : 0;
	if (r == 0 && *o->ppp_peer_password_file)
		r = secret_read(o->ppp_peer_password_file, &x->peer_password, err);
	if (r == 0 && *o->ppp_eap_certificate) {
		x->tls = ppp_eap_tls_new(
		        o->ppp_eap_certificate, o->ppp_eap_key, o->ppp_eap_ca, o->ppp_eap_server_name, err);
		r = x->tls ? 0 : -EINVAL;
	}
	return r;
}

int initiator_open_ppp(struct control *c, struct error *err)
{
	int r = read_secrets(c, err);
	if (r == 0)
		set_ppp(c);
	return r;
}

void initiator_close_ppp(struct initiator *x)
{
	ppp_eap_tls_free(x->tls);
	secret_free(x->password);
	secret_free(x->peer_password);
}
