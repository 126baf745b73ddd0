/* SPDX-License-Identifier: ISC */
/*
 * AAA as the concentrator uses it, driven by lines on standard input, for tests against real servers. Every
 * authentication is a whole PPP conversation: an initiator's link and a concentrator's, back to back.
 *
 *   aaa_driver CONFIG STATE-DIRECTORY
 *
 *   auth NAME METHOD USER PASSWORD    pap, chap, mschapv2, eap-md5, eap-mschapv2, eap-tls; answers "NAME
 * accept ..." or "NAME reject ...", when there is an answer start NAME | interim NAME BYTES | stop NAME BYTES
 * CAUSE | leave NAME | drop NAME resume NAME ID | settle | flush | counters | servers | reload bench
 * AUTHENTICATIONS             so many PAP authentications with account start, at most 512 at once
 */
#include "proto/ppp/eap_tls.h"
#include "softwire/aaa.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#define NAMES_MAX 64
#define BENCH_AT_ONCE 512

struct options {
	struct aaa_options aaa;
	char *tls_certificate, *tls_key, *tls_ca, *tls_name;
};
static const struct config_option option_rows[] = {
	AAA_OPTIONS(struct options, aaa),
	{ "tls_certificate", CONFIG_PATH, offsetof(struct options, tls_certificate), "", 0, 0,
	        "of the initiator" },
	{ "tls_key", CONFIG_PATH, offsetof(struct options, tls_key), "", 0, 0, "of the initiator" },
	{ "tls_ca", CONFIG_PATH, offsetof(struct options, tls_ca), "", 0, 0, "of the server" },
	{ "tls_name", CONFIG_STRING, offsetof(struct options, tls_name), "", 0, 0, "of the server" },
};

struct end {
	struct ppp_link *link;
	struct ppp_config config;
	struct conversation *conversation;
	bool is_initiator;
};

struct frame {
	STAILQ_ENTRY(frame) next;
	struct end *to;
	size_t length;
	uint8_t bytes[PPP_FRAME_MAX];
};

struct conversation {
	char name[32], user[254], password[254];
	struct end ends[2];
	struct aaa_exchange *exchange;
	struct aaa_account *account;
	STAILQ_HEAD(, frame) frames;
	struct event *run;
	bool is_used, is_told;
	uint32_t request;
	char last[400];
};

static struct driver {
	struct event_base *base;
	struct options options;
	struct aaa *aaa;
	struct conversation conversations[NAMES_MAX];
	struct ppp_eap_tls *tls;
	struct event *input;
	size_t bench_left, bench_begun, bench_failed;
	int64_t bench_began;
} d;

static const struct ip_prefix own_prefix = { .address = { .bytes = { 0x20, 0x01, 0x0d, 0xb8, 0, 9 } },
	.length = 64 };
static const struct ip_prefix own_delegated = { .address = { .bytes = { 0x20, 0x01, 0x0d, 0xb8, 0, 8 } },
	.length = 56 };

static struct aaa_port port_of(const char *name)
{
	static struct aaa_port p = { .machine = "laptop.example", .tunnel = "t-17", .number = 7 };
	ip_parse("192.0.2.77", &p.remote);
	ip_parse("198.51.100.1", &p.local);
	p.name = name;
	return p;
}

static void later(struct conversation *c)
{
	const struct timeval now = { 0, 1000 };
	event_add(c->run, &now);
}

static void ppp_send(void *context, const uint8_t *bytes, size_t length)
{
	struct end *from = context;
	struct conversation *c = from->conversation;
	struct frame *f = xcalloc(1, sizeof(*f));
	f->to = from->is_initiator ? &c->ends[1] : &c->ends[0];
	f->length = length;
	memcpy(f->bytes, bytes, length);
	STAILQ_INSERT_TAIL(&c->frames, f, next);
	later(c);
}

static void ppp_random(void *context, void *bytes, size_t length)
{
	if (RAND_bytes(bytes, (int)length) != 1)
		abort();
}

static void tell(struct conversation *c)
{
	if (!c->is_told)
		printf("%s %s\n", c->name, c->last);
	c->is_told = true;
}

static void describe(struct conversation *c, const struct aaa_profile *p)
{
	char text[IP_TEXT_SIZE];
	struct writer w = wr_make(sizeof(c->last) - 1);
	char *head FREE_ON_EXIT = xasprintf("accept user=%s", p->user);
	wr_bytes(&w, head, strlen(head));
	for (size_t i = 0; i < p->n_prefixes; i++) {
		char *s FREE_ON_EXIT = xasprintf(" prefix=%s", ip_prefix_format(&p->prefixes[i], text));
		wr_bytes(&w, s, strlen(s));
	}
	for (size_t i = 0; i < p->n_delegated; i++) {
		char *s FREE_ON_EXIT = xasprintf(" delegated=%s", ip_prefix_format(&p->delegated[i], text));
		wr_bytes(&w, s, strlen(s));
	}
	char *tail FREE_ON_EXIT = xasprintf(" ipv4=%s segment=%s timeout=%u up=%llu dns=%zu",
	        p->has & AAA_HAS_IPV4 ? ip_format(&p->ipv4, text) : "-", p->segment, p->session_timeout_s,
	        (unsigned long long)p->rate_up, p->n_dns4 + p->n_dns6);
	wr_bytes(&w, tail, strlen(tail));
	snprintf(c->last, sizeof(c->last), "%.*s", (int)w.length, (const char *)w.data);
	wr_free(&w);
}

static void on_answer(const struct aaa_answer *a, void *user)
{
	struct conversation *c = user;
	static const enum ppp_verdict verdicts[] = { [AAA_ACCEPT] = PPP_ACCEPT,
		[AAA_REJECT] = PPP_REJECT,
		[AAA_CONTINUE] = PPP_CHALLENGE,
		[AAA_UNAVAILABLE] = PPP_REJECT };
	const struct ppp_auth_answer answer = { .verdict = verdicts[a->outcome],
		.message = a->message,
		.eap = a->eap,
		.eap_length = a->eap_length };
	if (a->outcome == AAA_ACCEPT)
		describe(c, a->profile);
	else if (a->outcome != AAA_CONTINUE)
		snprintf(c->last, sizeof(c->last), "%s message=%s reason=%s",
		        a->outcome == AAA_REJECT ? "reject" : "unavailable", a->message, a->reason);
	(void)ppp_answer(c->ends[1].link, c->request, &answer, clock_monotonic_ms());
	later(c);
}

static void ppp_authenticate(void *context, const struct ppp_auth_request *request)
{
	struct conversation *c = ((struct end *)context)->conversation;
	c->request = request->id;
	aaa_authenticate(c->exchange, request, on_answer, c);
}

static int ppp_get_secret(void *context, enum ppp_method method, const char *peer, struct ppp_secret *ret)
{
	struct conversation *c = ((struct end *)context)->conversation;
	snprintf(ret->user, sizeof(ret->user), "%s", c->user);
	snprintf(ret->password, sizeof(ret->password), "%s", c->password);
	return 0;
}

/* The initiator is satisfied too: with MS-CHAPv2 and TLS it has checked the server. */
static void ppp_network(void *context, enum ppp_method method, const char *user)
{
	struct end *e = context;
	if (e->is_initiator)
		tell(e->conversation);
}

static void ppp_ended(void *context, enum ppp_end end, const char *message)
{
	struct end *e = context;
	struct conversation *c = e->conversation;
	if (!strncmp(c->last, "accept", 6))
		snprintf(c->last, sizeof(c->last), "distrusted %s", ppp_end_text(end));
	else if (!*c->last)
		snprintf(c->last, sizeof(c->last), "ended %s", ppp_end_text(end));
	tell(c);
}

static void ppp_ipv4(void *context, const struct ppp_ipv4 *ipv4)
{
}
static void ppp_ipv6(void *context, const struct ppp_ipv6 *ipv6)
{
}
static void ppp_down(void *context)
{
}

static const struct ppp_callbacks callbacks = { ppp_send, ppp_random, ppp_authenticate, ppp_get_secret,
	ppp_network, ppp_ipv4, ppp_down, ppp_ipv6, ppp_down, ppp_ended };

static void on_run(evutil_socket_t fd, short what, void *user)
{
	struct conversation *c = user;
	time_ms now = clock_monotonic_ms(), next = PPP_NEVER;
	struct frame *f;
	while ((f = STAILQ_FIRST(&c->frames))) {
		STAILQ_REMOVE_HEAD(&c->frames, next);
		ppp_receive(f->to->link, f->bytes, f->length, now);
		free(f);
	}
	for (int i = 0; i < 2; i++) {
		if (ppp_deadline(c->ends[i].link) <= now)
			ppp_tick(c->ends[i].link, now);
		next = MIN(next, ppp_deadline(c->ends[i].link));
	}
	const struct timeval pause = { MAX(next - now, 1) / 1000, MAX(next - now, 1) % 1000 * 1000 };
	if (next != PPP_NEVER && !STAILQ_FIRST(&c->frames))
		event_add(c->run, &pause);
	fflush(stdout);
}

static void set_method(struct ppp_config *i, struct ppp_config *s, const char *name)
{
	static const struct {
		const char *name;
		enum ppp_method method;
		enum ppp_eap_type eap;
	} rows[] = {
		{ "pap", PPP_PAP, 0 },
		{ "chap", PPP_CHAP_MD5, 0 },
		{ "mschapv2", PPP_MSCHAPV2, 0 },
		{ "eap-md5", PPP_EAP, PPP_EAP_MD5 },
		{ "eap-mschapv2", PPP_EAP, PPP_EAP_MSCHAPV2 },
		{ "eap-tls", PPP_EAP, PPP_EAP_TLS },
	};
	for (size_t r = 0; r < ARRAY_LENGTH(rows); r++) {
		if (strcmp(rows[r].name, name) != 0)
			continue;
		i->give[i->n_give++] = s->demand[s->n_demand++] = rows[r].method;
		i->eap[i->n_eap++] = rows[r].eap;
	}
}

static void start_conversation(struct conversation *c, const char *method)
{
	const struct ppp_parameters parameters = { .is_protected = true, .mru = 1400 };
	struct ppp_config base = { .callbacks = &callbacks, .ipv6 = true, .tls = d.tls };
	for (int i = 0; i < 2; i++) {
		struct end *e = &c->ends[i];
		e->config = base;
		e->config.role = i == 0 ? PPP_INITIATOR : PPP_CONCENTRATOR;
		e->conversation = c;
		e->is_initiator = i == 0;
	}
	set_method(&c->ends[0].config, &c->ends[1].config, method);
	for (int i = 0; i < 2; i++)
		c->ends[i].link = ppp_link_new(&c->ends[i].config, &parameters, &c->ends[i]);
	for (int i = 0; i < 2; i++)
		ppp_lower_up(c->ends[i].link, clock_monotonic_ms());
	later(c);
}

static struct conversation *find(const char *name)
{
	for (size_t i = 0; name && i < NAMES_MAX; i++)
		if (d.conversations[i].is_used && strcmp(d.conversations[i].name, name) == 0)
			return &d.conversations[i];
	return NULL;
}

static struct conversation *find_or_make(const char *name)
{
	struct conversation *c = find(name);
	for (size_t i = 0; !c && i < NAMES_MAX; i++)
		if (!d.conversations[i].is_used)
			c = &d.conversations[i];
	if (!c || c->is_used)
		return c;
	c->is_used = true;
	STAILQ_INIT(&c->frames);
	c->run = event_new(d.base, -1, 0, on_run, c);
	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

static void forget(struct conversation *c)
{
	struct frame *f;
	if (!c->is_used)
		return;
	while ((f = STAILQ_FIRST(&c->frames))) {
		STAILQ_REMOVE_HEAD(&c->frames, next);
		free(f);
	}
	for (int i = 0; i < 2; i++)
		ppp_link_free(c->ends[i].link);
	aaa_exchange_free(c->exchange);
	event_free(c->run);
	*c = (struct conversation){ 0 };
}

static void do_auth(char **words)
{
	struct conversation *c = find_or_make(words[1]);
	const struct aaa_port port = port_of(words[1]);
	snprintf(c->user, sizeof(c->user), "%s", words[3]);
	snprintf(c->password, sizeof(c->password), "%s", words[4]);
	c->exchange = aaa_exchange_new(d.aaa, &port);
	start_conversation(c, words[2]);
}

static void on_usage(struct aaa_account *account, void *user)
{
}

static struct aaa_usage usage_of(const char *bytes)
{
	uint64_t n = bytes ? strtoull(bytes, NULL, 10) : 0;
	return (struct aaa_usage){ n, 2 * n, n / 100, n / 50 };
}

static void do_start(char **words)
{
	struct conversation *c = find_or_make(words[1]);
	const struct aaa_port port = port_of(words[1]);
	struct ip_address ipv4;
	ip_parse("10.9.0.5", &ipv4);
	const struct aaa_addresses a = { .ipv4 = &ipv4, .prefixes = &own_prefix, .n_prefixes = 1 };
	c->account = aaa_account_start(d.aaa, c->exchange, &port, c->user, &a, on_usage, c);
	printf("%s id=%s\n", c->name, aaa_account_id(c->account));
}

static void do_interim(char **words)
{
	struct conversation *c = find(words[1]);
	const struct aaa_usage usage = usage_of(words[2]);
	const struct aaa_addresses a = {
		.prefixes = &own_prefix, .n_prefixes = 1, .delegated = &own_delegated, .n_delegated = 1
	};
	aaa_account_interim(c->account, &usage, &a);
}

static void do_stop(char **words)
{
	struct conversation *c = find(words[1]);
	const struct aaa_usage usage = usage_of(words[2]);
	c->account = aaa_account_stop(c->account, &usage, (enum aaa_cause)atoi(words[3] ? words[3] : "1"));
	forget(c);
}

static void do_leave(char **words)
{
	struct conversation *c = find(words[1]);
	c->account = aaa_account_leave(c->account);
	forget(c);
}

static void do_drop(char **words)
{
	forget(find(words[1]));
}

static void do_resume(char **words)
{
	struct conversation *c = find_or_make(words[1]);
	c->account = aaa_account_resume(d.aaa, words[2], on_usage, c);
	printf("%s %s\n", c->name, c->account ? "resumed" : "unknown");
}

static void do_settle(char **words)
{
	printf("settled %zu\n", aaa_accounts_settle(d.aaa));
}

static void on_flushed(void *user)
{
	event_base_loopbreak(d.base);
}

static void do_flush(char **words)
{
	aaa_flush(d.aaa, on_flushed, NULL);
}

static void do_counters(char **words)
{
	struct aaa_counter all[AAA_COUNTERS_MAX];
	size_t n = aaa_get_counters(d.aaa, all);
	for (size_t i = 0; i < n; i++)
		printf("counter %s %llu\n", all[i].name, (unsigned long long)all[i].value);
}

static void do_servers(char **words)
{
	struct aaa_server_state s;
	for (size_t i = 0; aaa_get_server(d.aaa, i, &s) == 0; i++)
		printf("server %s %s requests=%llu replies=%llu timeouts=%llu forged=%llu unmatched=%llu\n",
		        s.name, s.up ? "up" : "down", (unsigned long long)s.requests,
		        (unsigned long long)s.replies, (unsigned long long)s.timeouts,
		        (unsigned long long)s.forged, (unsigned long long)s.unmatched);
}

static void do_reload(char **words)
{
	struct error err;
	if (aaa_reload(d.aaa, &err) < 0)
		printf("reload failed: %s\n", err.text);
	else
		printf("reloaded\n");
}

/* Speed. */

struct load {
	struct aaa_exchange *exchange;
	char password[8];
};
static void bench_next(void);

static void on_bench_answer(const struct aaa_answer *a, void *user)
{
	struct load *l = user;
	const struct aaa_port port = port_of("bench");
	const struct aaa_addresses none = { 0 };
	if (a->outcome == AAA_ACCEPT)
		(void)aaa_account_start(d.aaa, l->exchange, &port, "", &none, NULL, NULL);
	else
		d.bench_failed++;
	aaa_exchange_free(l->exchange);
	free(l);
	if (--d.bench_left == 0)
		printf("bench %.2f s, %zu failed\n", (double)(clock_monotonic_us() - d.bench_began) / 1e6,
		        d.bench_failed);
	fflush(stdout);
	bench_next();
}

static void bench_next(void)
{
	while (d.bench_begun && d.bench_left - d.bench_begun < BENCH_AT_ONCE) {
		const struct aaa_port port = port_of("bench");
		struct load *l = xcalloc(1, sizeof(*l));
		const struct ppp_auth_request r = { .method = PPP_PAP,
			.user = "bench",
			.password = (const uint8_t *)"sesame",
			.password_length = 6 };
		d.bench_begun--;
		l->exchange = aaa_exchange_new(d.aaa, &port);
		aaa_authenticate(l->exchange, &r, on_bench_answer, l);
	}
}

static void do_bench(char **words)
{
	d.bench_left = d.bench_begun = (size_t)atol(words[1] ? words[1] : "1000");
	d.bench_failed = 0;
	d.bench_began = clock_monotonic_us();
	bench_next();
}

/* Words. */

static const struct {
	const char *word;
	size_t least;
	bool existing;
	void (*run)(char **words);
} commands[] = {
	{ "auth", 5, false, do_auth },
	{ "start", 2, false, do_start },
	{ "interim", 3, true, do_interim },
	{ "stop", 3, true, do_stop },
	{ "leave", 2, true, do_leave },
	{ "drop", 2, true, do_drop },
	{ "resume", 3, false, do_resume },
	{ "settle", 1, false, do_settle },
	{ "flush", 1, false, do_flush },
	{ "counters", 1, false, do_counters },
	{ "servers", 1, false, do_servers },
	{ "reload", 1, false, do_reload },
	{ "bench", 2, false, do_bench },
};

static void on_input(evutil_socket_t fd, short what, void *user)
{
	char line[1024], *words[8] = { 0 };
	size_t n = 0;
	if (!fgets(line, sizeof(line), stdin)) {
		event_base_loopbreak(d.base);
		return;
	}
	line[strcspn(line, "\n")] = '\0';
	char *rest = line;
	while (n < 7 && (words[n] = strsep(&rest, " ")))
		n++;
	bool known = false;
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (strcmp(words[0], commands[i].word) != 0)
			continue;
		known = n >= commands[i].least && (!commands[i].existing || find(words[1]));
		if (known)
			commands[i].run(words);
	}
	if (!known)
		printf("? %s\n", words[0]);
	fflush(stdout);
}

static enum aaa_error_cause on_disconnect(struct aaa_account *account, void *user)
{
	struct conversation *c = user;
	const struct aaa_usage usage = usage_of("1");
	printf("%s disconnected\n", c->name);
	fflush(stdout);
	c->account = aaa_account_stop(account, &usage, AAA_ADMIN_RESET);
	forget(c);
	return AAA_DONE;
}

static enum aaa_error_cause on_change(
        struct aaa_account *account, const struct aaa_profile *change, void *user)
{
	struct conversation *c = user;
	printf("%s changed segment=%s timeout=%u\n", c->name, change->segment, change->session_timeout_s);
	fflush(stdout);
	return AAA_DONE;
}

static void on_notice(const char *text, void *user)
{
	printf("notice %s\n", text);
	fflush(stdout);
}

static void report(const char *text)
{
	fprintf(stderr, "%s\n", text);
}

static int open_all(const char *state, struct error *err)
{
	const struct aaa_handlers handlers = { on_disconnect, on_change, on_notice, NULL };
	const struct options *o = &d.options;
	if (*o->tls_certificate &&
	        !(d.tls = ppp_eap_tls_new(o->tls_certificate, o->tls_key, o->tls_ca, o->tls_name, err)))
		return -EINVAL;
	int r = aaa_check(&o->aaa, report, err);
	return r < 0 ? r : aaa_new(d.base, &o->aaa, state, &handlers, &d.aaa, err);
}

static void close_all(void)
{
	for (size_t i = 0; i < NAMES_MAX; i++) {
		d.conversations[i].account = aaa_account_leave(d.conversations[i].account);
		forget(&d.conversations[i]);
	}
	aaa_free(d.aaa);
	ppp_eap_tls_free(d.tls);
	if (d.input)
		event_free(d.input);
	event_base_free(d.base);
	config_clear(option_rows, ARRAY_LENGTH(option_rows), &d.options);
}

int main(int argc, char **argv)
{
	struct error err = { "" };
	if (argc != 3) {
		fprintf(stderr, "usage: %s CONFIG STATE-DIRECTORY\n", argv[0]);
		return 2;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	d.base = event_base_new();
	int r = config_load(argv[1], NULL, option_rows, ARRAY_LENGTH(option_rows), &d.options, report, &err);
	if (r == 0)
		r = open_all(argv[2], &err);
	if (r == 0) {
		d.input = event_new(d.base, 0, EV_READ | EV_PERSIST, on_input, NULL);
		if (event_add(d.input, NULL) < 0) /* a file cannot be waited for */
			r = error_set(&err, -EINVAL, "standard input must be a pipe");
	}
	if (r < 0)
		fprintf(stderr, "aaa_driver: %s\n", err.text);
	else
		printf("ready\n");
	fflush(stdout);
	if (r == 0)
		event_base_dispatch(d.base);
	close_all();
	return r < 0;
}
