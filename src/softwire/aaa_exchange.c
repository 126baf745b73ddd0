/* SPDX-License-Identifier: ISC */
/*
 * One authentication: a request to a RADIUS server, or to the local users, and what comes of the answer. With
 * EAP the State of each challenge goes back to the server that made it (RFC 3579, 2.6.1).
 */
#include "softwire/aaa_private.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define EXCHANGE_ATTRIBUTES_MAX 3072
#define EAP_PACKET_MAX 3072
#define EAP_MTU 1280 /* RFC 3579, 2.4: servers make their fragments no longer */

struct aaa_exchange {
	struct aaa *aaa;
	struct writer port; /* its attributes */
	char *machine;
	enum ppp_method method;
	char user[AAA_TEXT_MAX + 1];
	uint8_t state[RADIUS_VALUE_MAX];
	size_t state_length;
	int server; /* that made the state; -1: none */
	struct radius_call *call;
	struct aaa_users_eap eap;
	struct aaa_users_answer *local; /* waits for its turn */
	struct event *later;
	char failure[160]; /* what `later` is to say where local is NULL */
	struct writer echo;
	uint32_t interim_s;
	aaa_answer_fn *on_answer;
	void *user_data;
	bool in_callback, is_gone;
};

struct aaa_exchange *aaa_exchange_new(struct aaa *aaa, const struct aaa_port *port)
{
	if (aaa->n_exchanges >= AAA_EXCHANGES_MAX) {
		aaa->numbers.refused_busy++;
		return NULL;
	}
	struct aaa_exchange *x = xcalloc(1, sizeof(*x));
	x->aaa = aaa;
	x->server = -1;
	x->machine = xstrdup(port->machine);
	x->port = wr_make(EXCHANGE_ATTRIBUTES_MAX);
	x->echo = wr_make(AAA_ECHO_MAX);
	aaa_write_port(&x->port, &aaa->settings, port);
	aaa->n_exchanges++;
	return x;
}

struct aaa_exchange *aaa_exchange_free(struct aaa_exchange *x)
{
	if (!x)
		return NULL;
	if (x->call)
		radius_servers_cancel(x->aaa->servers, x->call);
	x->call = NULL;
	if (x->in_callback) { /* the callback's caller does the rest */
		x->is_gone = true;
		return NULL;
	}
	if (x->later)
		event_free(x->later);
	if (x->local)
		OPENSSL_clear_free(x->local, sizeof(*x->local));
	x->aaa->n_exchanges--;
	free(x->machine);
	wr_free(&x->port);
	wr_free(&x->echo);
	OPENSSL_clear_free(x, sizeof(*x));
	return NULL;
}

static void answer(struct aaa_exchange *x, const struct aaa_answer *a)
{
	struct aaa_numbers *n = &x->aaa->numbers;
	uint64_t *const counters[] = { [AAA_ACCEPT] = &n->accepted,
		[AAA_REJECT] = &n->rejected,
		[AAA_CONTINUE] = &n->challenged,
		[AAA_UNAVAILABLE] = &n->unavailable };
	++*counters[a->outcome];
	x->in_callback = true;
	x->on_answer(a, x->user_data);
	x->in_callback = false;
	if (x->is_gone)
		aaa_exchange_free(x);
}

static void give_up(struct aaa_exchange *x, enum aaa_outcome outcome, const char *reason)
{
	answer(x, &(struct aaa_answer){ .outcome = outcome, .message = "", .reason = reason });
}

/* The text for the peer. MS-CHAPv2's begin with the Identifier, which the PPP packet has anyway: RFC
 * 2548, 2.3.3. */
static void read_message(
        const struct aaa_exchange *x, const struct radius_packet *p, char ret[RADIUS_VALUE_MAX + 1])
{
	struct radius_attribute a;
	uint8_t type = p->code == RADIUS_ACCESS_ACCEPT ? MS_CHAP2_SUCCESS : MS_CHAP_ERROR;
	ret[0] = '\0';
	if (x->method == PPP_MSCHAPV2) {
		if (!radius_find(p, RADIUS_VENDOR_MICROSOFT, type, &a) || a.length < 2)
			return;
		a.value++;
		a.length--;
		if (radius_get_text(&a, ret) < 0)
			ret[0] = '\0';
	} else if (!radius_find(p, 0, RADIUS_REPLY_MESSAGE, &a) || radius_get_text(&a, ret) < 0) {
		ret[0] = '\0';
	}
}

/* What accounting sends back: RFC 2865, 5.25; RFC 4372, 2.2. */
static int keep_echo(struct aaa_exchange *x, const struct radius_packet *p, struct error *err)
{
	struct radius_attribute a;
	wr_reset(&x->echo);
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);)
		if (!a.vendor && (a.type == RADIUS_CLASS || a.type == RADIUS_CHARGEABLE_USER_IDENTITY))
			radius_write(&x->echo, a.type, a.value, a.length);
	return wr_failed(&x->echo)
	        ? error_set(err, -E2BIG, "more than %d bytes of Class attributes", AAA_ECHO_MAX)
	        : 0;
}

/* An accept that we cannot keep our part of is a reject: RFC 2865, section 1.1. */
static void take_accept(struct aaa_exchange *x, const struct radius_packet *p, struct aaa_answer *a)
{
	struct aaa_profile *profile = xcalloc(1, sizeof(*profile));
	struct error err;
	snprintf(profile->user, sizeof(profile->user), "%s", x->user);
	if (aaa_profile_read(p, profile, &err) < 0 || keep_echo(x, p, &err) < 0) {
		a->outcome = AAA_REJECT;
		a->reason = err.text;
		a->eap = NULL;
		a->message = "";
	} else if (x->method == PPP_MSCHAPV2 && !*a->message) {
		a->outcome = AAA_REJECT;
		a->reason = "the server accepts MS-CHAPv2 without MS-CHAP2-Success";
	} else {
		a->outcome = AAA_ACCEPT;
		a->profile = profile;
		x->interim_s = profile->interim_s;
		snprintf(x->user, sizeof(x->user), "%s", profile->user);
	}
	answer(x, a);
	free(profile);
}

static void take_challenge(
        struct aaa_exchange *x, const struct radius_packet *p, unsigned server, struct aaa_answer *a)
{
	struct radius_attribute state;
	if (x->method != PPP_EAP || !a->eap) {
		a->outcome = AAA_REJECT;
		a->reason = "the server challenges a method that has no challenges";
	} else {
		a->outcome = AAA_CONTINUE;
		x->server = (int)server;
		x->state_length = 0;
		if (radius_find(p, 0, RADIUS_STATE, &state)) {
			memcpy(x->state, state.value, state.length);
			x->state_length = state.length;
		}
	}
	answer(x, a);
}

static void on_reply(void *user, const struct radius_packet *p, unsigned server)
{
	struct aaa_exchange *x = user;
	uint8_t eap[EAP_PACKET_MAX];
	char message[RADIUS_VALUE_MAX + 1], reason[400];
	x->call = NULL;
	if (!p) {
		give_up(x, AAA_UNAVAILABLE, "no RADIUS server answers");
		return;
	}
	read_message(x, p, message);
	int n = radius_concatenate(p, RADIUS_EAP_MESSAGE, eap, sizeof(eap));
	snprintf(reason, sizeof(reason), "%s", x->aaa->settings.servers[server].text);
	struct aaa_answer a = { .message = message, .reason = reason };
	if (x->method == PPP_EAP && n > 0) {
		a.eap = eap;
		a.eap_length = (size_t)n;
	}
	if (p->code == RADIUS_ACCESS_ACCEPT) {
		take_accept(x, p, &a);
	} else if (p->code == RADIUS_ACCESS_CHALLENGE) {
		take_challenge(x, p, server, &a);
	} else {
		a.outcome = AAA_REJECT;
		answer(x, &a);
	}
}

static void on_later(evutil_socket_t fd, short what, void *user)
{
	struct aaa_exchange *x = user;
	struct aaa_users_answer *local = TAKE_POINTER(x->local);
	if (!local) {
		give_up(x, AAA_UNAVAILABLE, x->failure);
		return;
	}
	const struct aaa_answer a = { .outcome = local->outcome,
		.profile = local->outcome == AAA_ACCEPT ? &local->profile : NULL,
		.eap = local->eap_length ? local->eap : NULL,
		.eap_length = local->eap_length,
		.message = local->message,
		.reason = local->outcome == AAA_REJECT ? local->reason : "local users" };
	answer(x, &a);
	OPENSSL_clear_free(local, sizeof(*local));
}

static void answer_later(struct aaa_exchange *x)
{
	if (!x->later)
		x->later = event_new(x->aaa->base, -1, 0, on_later, x);
	event_active(x->later, EV_TIMEOUT, 0);
}

static void ask_local(struct aaa_exchange *x, const struct ppp_auth_request *request)
{
	uint8_t random[16];
	if (RAND_bytes(random, sizeof(random)) != 1)
		abort();
	x->local = xcalloc(1, sizeof(*x->local));
	aaa_users_authenticate(x->aaa->settings.users, &x->eap, request, x->machine, random, x->local);
	answer_later(x);
}

static int ask_servers(struct aaa_exchange *x, const struct ppp_auth_request *request, struct error *err)
{
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	int r = aaa_write_credential(&w, request, err);
	wr_bytes(&w, x->port.data, x->port.length);
	if (request->method == PPP_EAP)
		radius_write_u32(&w, RADIUS_FRAMED_MTU, EAP_MTU);
	if (x->state_length)
		radius_write(&w, RADIUS_STATE, x->state, x->state_length);
	const struct radius_request ask = { .code = RADIUS_ACCESS_REQUEST,
		.attributes = w.data,
		.length = w.length,
		.password = request->method == PPP_PAP && request->password ? request->password
		        : request->method == PPP_PAP                        ? (const uint8_t *)""
		                                                            : NULL,
		.password_length = request->password_length,
		.server = x->server };
	if (r == 0 && (wr_failed(&w) || wr_failed(&x->port)))
		r = error_set(err, -EMSGSIZE, "the request does not fit into a packet");
	if (r == 0) {
		r = radius_servers_call(x->aaa->servers, &ask, on_reply, x, &x->call);
		if (r < 0)
			error_set(err, r, "%s",
			        r == -EAGAIN ? "too many requests wait for the RADIUS servers"
			                     : "no RADIUS server can take this request");
	}
	x->aaa->numbers.refused_busy += r == -EAGAIN;
	wr_free(&w);
	return r;
}

void aaa_authenticate(
        struct aaa_exchange *x, const struct ppp_auth_request *request, aaa_answer_fn *on_answer, void *user)
{
	struct error err;
	x->on_answer = on_answer;
	x->user_data = user;
	x->method = request->method;

	if (strlen(request->user) <= AAA_TEXT_MAX)
		snprintf(x->user, sizeof(x->user), "%s", request->user);
	if (x->aaa->settings.users) {
		ask_local(x, request);
	} else if (!x->aaa->servers) {
		snprintf(x->failure, sizeof(x->failure),
		        "neither a RADIUS server nor a users file is configured");
		answer_later(x);
	} else if (ask_servers(x, request, &err) < 0) {
		snprintf(x->failure, sizeof(x->failure), "%s", err.text);
		answer_later(x);
	}
}

void aaa_exchange_legacy(const struct aaa_exchange *x, const char **ret_user, const struct writer **ret_echo,
        uint32_t *ret_interim_s)
{
	*ret_user = x->user;
	*ret_echo = &x->echo;
	*ret_interim_s = x->interim_s;
}
