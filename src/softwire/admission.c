/* SPDX-License-Identifier: ISC */
/*
 * Who a peer is, whether it may, and what it gets. A refusal is told to the peer by PPP, to the operator with
 * its reason, and counted; the peer never learns which of user, password and machine was wrong.
 */
#include "softwire/concentrator.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define PORT_NAME_PART 6 /* of the user's name, for people */
#define PORT_HASH_PART 8 /* hexadecimal digits */
#define PORT_TRIES 16

/* ---- identity ---- */

static bool is_anonymous(const struct session *s)
{
	return !*s->machine && !*s->user;
}

/* machine, NUL, user; *ret_length without a last NUL. Caller frees. */
static char *identity_key(const struct session *s, size_t *ret_length)
{
	size_t m = strlen(s->machine) + 1, u = strlen(s->user);
	char *key = xmalloc(m + u + 1);
	memcpy(key, s->machine, m);
	memcpy(key + m, s->user, u + 1);
	*ret_length = m + u;
	return key;
}

struct pool_holder admission_holder(const struct session *s)
{
	return (struct pool_holder){ s->machine, s->user, s->serial };
}

static void port_name(const struct session *s, const uint8_t hash[32], char ret[SESSION_PORT_SIZE])
{
	char machine[BINDING_NAME_SIZE];
	const char *name = *s->user ? s->user : binding_machine_name(s->machine, machine);
	size_t n = 0;
	for (const char *p = *name ? name : "anon"; *p && *p != '@' && n < PORT_NAME_PART; p++)
		if (isalnum((unsigned char)*p) && !((unsigned char)*p & 0x80))
			ret[n++] = (char)tolower((unsigned char)*p);
	if (n == 0)
		ret[n++] = 'x';
	snprintf(ret + n, SESSION_PORT_SIZE - n, "-%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
}

/* The same for the same identity, unless another identity that lives has that name; then the next one. */
static void choose_port(struct session *s)
{
	struct concentrator *x = s->control->concentrator;
	size_t length;
	char *key = identity_key(s, &length);
	uint8_t hash[32];
	for (uint8_t try = 0; try < PORT_TRIES; try++) {
		uint8_t *salted = xmalloc(length + 9);
		memcpy(salted, key, length);
		salted[length] = try;
		uint64_t serial = is_anonymous(s) ? s->serial : 0;
		memcpy(salted + length + 1, &serial, 8);
		SHA256(salted, length + 9, hash);
		free(salted);
		port_name(s, hash, s->port);
		const struct session *other = table_get_string(x->ports, s->port);
		if (!other || (strcmp(other->machine, s->machine) == 0 && strcmp(other->user, s->user) == 0))
			break;
	}
	memcpy(s->mac.bytes, hash + 4, 6);
	s->mac.bytes[0] = (uint8_t)((s->mac.bytes[0] & 0xfc) | 2); /* locally administered, one station */
	free(key);
}

/* ---- who lives ---- */

void admission_enter(struct session *s, time_ms now)
{
	struct concentrator *x = s->control->concentrator;
	size_t length;
	char *key = identity_key(s, &length), text[SESSION_TEXT_SIZE];
	if (!*s->port)
		choose_port(s);
	struct session *before = table_set_string(x->ports, s->port, s);
	struct session *same = is_anonymous(s) ? NULL : table_set(x->identities, key, length, s);
	free(key);
	if (!before || before == s)
		before = same;
	if (!before || before == s)
		return;
	s->control->counters.sessions_replaced++;
	s->segment = before->segment;
	events_note(s->control->events, LOG_LEVEL_NOTICE, "session", "%s replaces its earlier session",
	        session_text(s, text));
	concentrator_end(before, PPP_END_ADMIN, "replaced by a later session of the same identity", now);
}

void admission_leave(struct session *s)
{
	struct concentrator *x = s->control->concentrator;
	const struct pool_holder holder = admission_holder(s);
	size_t length;
	bool was_ours = *s->port && table_get_string(x->ports, s->port) == s;
	char *key = s->user ? identity_key(s, &length) : NULL;
	if (was_ours)
		table_remove_string(x->ports, s->port);
	if (key && table_get(x->identities, key, length) == s)
		table_remove(x->identities, key, length);
	free(key);
	if (was_ours)
		enforcer_link_tell(x->enforcer, s, false);
	if (s->user)
		pool_let_go(x->pools, &holder, clock_wall_ms());
}

/* ---- authentication ---- */

static void refuse(struct session *s, const char *user, const char *why)
{
	char from[IP_TEXT_SIZE];
	events_note(s->control->events, LOG_LEVEL_WARNING, "refused",
	        "user %.100s, machine %.150s, from %s: %s", user && *user ? user : "-",
	        *s->machine ? s->machine : "-", ip_format(&s->path.remote, from), why);
}

static void answer_reject(struct session *s, const char *message, const struct aaa_answer *from)
{
	const struct ppp_auth_answer answer = { .verdict = PPP_REJECT,
		.message = message,
		.eap = from ? from->eap : NULL,
		.eap_length = from ? from->eap_length : 0 };
	s->control->counters.authentication_failed++;
	(void)ppp_answer(s->link, s->auth_id, &answer, clock_monotonic_ms());
}

/* The user that AAA accepted, and the one that the peer asked with, both have to be the machine's. */
static bool is_bound(struct session *s, const char *accepted)
{
	const struct binding *b = s->control->concentrator->binding;
	struct error err;
	if (binding_allows(b, s->machine, accepted, &err) &&
	        (!s->asked_user || binding_allows(b, s->machine, s->asked_user, &err)))
		return true;
	s->control->counters.refused_binding++;
	refuse(s, accepted, err.text);
	return false;
}

static void accepted(struct session *s, const struct aaa_answer *a)
{
	const struct ppp_auth_answer answer = {
		.verdict = PPP_ACCEPT, .message = a->message, .eap = a->eap, .eap_length = a->eap_length
	};
	if (!is_bound(s, a->profile->user)) {
		answer_reject(s, "", NULL);
		return;
	}
	if (!s->user) {
		s->user = xstrdup(a->profile->user);
		s->profile = xmemdup(a->profile, sizeof(*a->profile));
	} else if (strcmp(s->user, a->profile->user) != 0) {
		refuse(s, a->profile->user, "the user of an open session has changed");
		answer_reject(s, "", NULL);
		return;
	}
	if (s->account)
		s->exchange = aaa_exchange_free(s->exchange); /* it was a later challenge */
	(void)ppp_answer(s->link, s->auth_id, &answer, clock_monotonic_ms());
}

static void on_answer(const struct aaa_answer *a, void *user)
{
	struct session *s = user;
	const struct ppp_auth_answer challenge = {
		.verdict = PPP_CHALLENGE, .message = a->message, .eap = a->eap, .eap_length = a->eap_length
	};
	const time_ms now = clock_monotonic_ms();
	switch (a->outcome) {
	case AAA_ACCEPT:
		accepted(s, a);
		break;
	case AAA_CONTINUE:
		(void)ppp_answer(s->link, s->auth_id, &challenge, now);
		break;
	case AAA_REJECT:
		refuse(s, s->asked_user, a->reason);
		answer_reject(s, a->message, a);
		break;
	case AAA_UNAVAILABLE:
		s->control->counters.aaa_unavailable++;
		refuse(s, s->asked_user, a->reason);
		answer_reject(s, "", a);
		break;
	}
	concentrator_session_run(s, now);
}

void admission_authenticate(void *context, const struct ppp_auth_request *request)
{
	struct session *s = context;
	struct control *c = s->control;
	const struct aaa_port port = { .machine = s->machine,
		.remote = s->path.remote,
		.local = s->path.local,
		.name = s->port,
		.tunnel = "" };
	s->auth_id = request->id;
	if (request->user && (!s->asked_user || strcmp(s->asked_user, request->user) != 0)) {
		free(s->asked_user);
		s->asked_user = xstrdup(request->user);
	}
	if (!s->exchange)
		s->exchange = aaa_exchange_new(c->concentrator->aaa, &port);
	if (!s->exchange) {
		c->counters.aaa_unavailable++;
		refuse(s, s->asked_user, "too many authentications wait already");
		answer_reject(s, "", NULL);
		return;
	}
	aaa_authenticate(s->exchange, request, on_answer, s);
}

/* ---- what it gets ---- */

static void apply_profile(struct session *s, time_ms now)
{
	const struct softwire_options *o = s->control->o;
	const struct aaa_profile *p = s->profile;
	const unsigned has = p ? p->has : 0;
	const time_ms timeout =
	        has & AAA_HAS_SESSION_TIMEOUT ? p->session_timeout_s * 1000LL : o->session_timeout_ms;
	s->idle_ms = has & AAA_HAS_IDLE_TIMEOUT ? p->idle_timeout_s * 1000LL : o->idle_timeout_ms;
	s->until = timeout ? now + timeout : 0;
	s->rate_in = has & AAA_HAS_RATE_UP ? p->rate_up : (uint64_t)o->rate_in;
	s->rate_out = has & AAA_HAS_RATE_DOWN ? p->rate_down : (uint64_t)o->rate_out;
	if (has & AAA_HAS_SEGMENT)
		s->wanted_segment = xstrdup(p->segment);
	if ((has & AAA_HAS_MTU) && p->mtu >= 1280)
		s->mtu = (uint16_t)MIN(p->mtu, (uint32_t)s->mtu);
}

static void make_grant(const struct session *s, struct ppp_grant *ret)
{
	static const uint8_t own_id[8] = CONCENTRATOR_INTERFACE_ID;
	const struct assignment *a = &s->assignment;
	size_t n = 0;
	*ret = (struct ppp_grant){ .ipv4 = a->ipv4, .ipv6 = a->ipv6 };
	memcpy(ret->v4.local, a->ipv4_own.bytes + 12, 4);
	memcpy(ret->v4.peer, a->ipv4_address.bytes + 12, 4);
	for (size_t i = 0; i < a->n_dns && n < 2; i++)
		if (ip_is_v4(&a->dns[i]))
			memcpy(ret->v4.name_servers[n++], a->dns[i].bytes + 12, 4);
	memcpy(ret->v6.local, own_id, 8);
	memcpy(ret->v6.peer, a->interface_id, 8);
}

static int assign(struct session *s, time_ms now)
{
	struct control *c = s->control;
	const struct pool_holder holder = admission_holder(s);
	struct error err;
	char text[SESSION_TEXT_SIZE];
	int r = assignment_take(c->o, c->concentrator->pools, s->profile,
	        s->asked_user ? s->asked_user : s->user, &holder, clock_wall_ms(), &s->assignment, &err);
	if (r < 0) {
		c->counters.refused_pool++;
		refuse(s, s->user, err.text);
		concentrator_end(s, PPP_END_SERVICE, "no address", now);
		return r;
	}
	if (r > 0)
		events_note(c->events, LOG_LEVEL_WARNING, "short", "%s goes on with less: %s",
		        session_text(s, text), err.text);
	apply_profile(s, now);
	free(TAKE_POINTER(s->profile));
	s->state = SESSION_OPEN;
	s->opened = now;
	s->opened_wall = clock_wall_ms();
	c->counters.sessions_opened++;
	admission_enter(s, now);
	c->work = true; /* the leases are made durable */
	const int slot = checkpoint_claim(c->checkpoint);
	s->slot = slot > 0 ? slot : 0;
	c->counters.checkpoint_lost += slot < 0;
	return 0;
}

static void note_open(const struct session *s)
{
	const struct assignment *a = &s->assignment;
	char text[SESSION_TEXT_SIZE], ipv4[IP_TEXT_SIZE], ipv6[IP_TEXT_SIZE], delegated[IP_TEXT_SIZE];
	events_note(s->control->events, LOG_LEVEL_NOTICE, "session", "%s is open: %s %s, delegated %s",
	        session_text(s, text), a->ipv4 ? ip_format(&a->ipv4_address, ipv4) : "no IPv4",
	        a->n_framed ? ip_prefix_format(&a->prefixes[0], ipv6) : "no prefix",
	        a->n_delegated ? ip_prefix_format(assignment_delegated(a), delegated) : "nothing");
}

void admission_network(void *context, enum ppp_method method, const char *user)
{
	struct session *s = context;
	const time_ms now = clock_monotonic_ms();
	struct ppp_grant grant;
	if (!s->user)
		s->user = xstrdup(""); /* nobody had to prove anything by PPP */
	if (s->state == SESSION_OPENING && assign(s, now) < 0)
		return;
	make_grant(s, &grant);
	(void)ppp_grant(s->link, &grant, now);
	note_open(s);
}
