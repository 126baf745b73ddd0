/* SPDX-License-Identifier: ISC */
/*
 * One PPP link. The first two bytes choose its role and what it demands and gives; then come steps, each an
 * act and a length: frames of the peer, time, answers of AAA, grants, exports. One act acknowledges what the
 * link asked for last, so that the phases behind LCP are reached.
 */
#include "proto/ppp/ppp.h"
#include "base/file.h"
#include "crypto/x509.h"
#include "proto/ppp/eap_tls.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct ppp_link *link;
	struct ppp_config config;
	struct ppp_parameters parameters;
	struct ppp_counters counters;
	time_ms now;
	uint64_t random;
	uint32_t request;
	bool ended, ipv4, ipv6;
	uint8_t asked[PPP_FRAME_MAX]; /* the last Configure-Request */
	size_t asked_length;
};

static void on_send(void *context, const uint8_t *frame, size_t length)
{
	struct fuzz *f = context;
	if (length < 6 || length > PPP_FRAME_MAX || (frame[4] << 8 | frame[5]) + 2 != (int)length)
		abort();
	/* No secret in clear on a link that is not protected. */
	if (!f->parameters.is_protected && frame[0] == 0xc0 && frame[1] == 0x23)
		abort();
	if (!f->parameters.is_protected && frame[0] == 0xc2 && frame[1] == 0x23)
		abort();
	if (frame[2] == 1 && (frame[0] == 0x80 || (frame[0] == 0xc0 && frame[1] == 0x21))) {
		memcpy(f->asked, frame, length);
		f->asked_length = length;
	}
}

static void on_random(void *context, void *bytes, size_t length)
{
	struct fuzz *f = context;
	for (size_t i = 0; i < length; i++) {
		f->random = f->random * 6364136223846793005ULL + 1442695040888963407ULL;
		((uint8_t *)bytes)[i] = (uint8_t)(f->random >> 56);
	}
}

static void on_authenticate(void *context, const struct ppp_auth_request *request)
{
	struct fuzz *f = context;
	char message[PPP_MESSAGE_MAX];
	if (strlen(request->user) > PPP_NAME_MAX || request->id == f->request)
		abort();
	f->request = request->id;
	if (ppp_verify_password(request, "sesame", message)) {
		struct ppp_auth_answer answer = { .verdict = PPP_ACCEPT, .message = message };
		if (ppp_answer(f->link, request->id, &answer, f->now) < 0)
			abort();
	}
}

static int on_get_secret(void *context, enum ppp_method method, const char *peer, struct ppp_secret *ret)
{
	(void)snprintf(ret->user, sizeof(ret->user), "carol%.100s", peer);
	(void)snprintf(ret->password, sizeof(ret->password), "sesame");
	return 0;
}

static void on_network(void *context, enum ppp_method method, const char *user)
{
	if (((struct fuzz *)context)->ended)
		abort();
}

static void on_ipv4_up(void *context, const struct ppp_ipv4 *ipv4)
{
	struct fuzz *f = context;
	const uint8_t *own = f->config.role == PPP_INITIATOR ? ipv4->local : ipv4->peer;
	if (f->ipv4 || own[0] == 0 || own[0] == 127 || own[0] >= 224)
		abort();
	f->ipv4 = true;
}

static void on_ipv4_down(void *context)
{
	struct fuzz *f = context;
	if (!f->ipv4)
		abort();
	f->ipv4 = false;
}

static void on_ipv6_up(void *context, const struct ppp_ipv6 *ipv6)
{
	static const uint8_t zero[8];
	struct fuzz *f = context;
	if (f->ipv6 || memcmp(ipv6->local, ipv6->peer, 8) == 0 || memcmp(ipv6->local, zero, 8) == 0 ||
	        memcmp(ipv6->peer, zero, 8) == 0)
		abort();
	f->ipv6 = true;
}

static void on_ipv6_down(void *context)
{
	struct fuzz *f = context;
	if (!f->ipv6)
		abort();
	f->ipv6 = false;
}

static void on_ended(void *context, enum ppp_end end, const char *message)
{
	struct fuzz *f = context;
	if (f->ended || f->ipv4 || f->ipv6 || end >= PPP_N_ENDS || strlen(message) > 255)
		abort();
	f->ended = true;
}

static const struct ppp_callbacks callbacks = { on_send, on_random, on_authenticate, on_get_secret,
	on_network, on_ipv4_up, on_ipv4_down, on_ipv6_up, on_ipv6_down, on_ended };

/* Made once a process: parsing certificates is not what is fuzzed. */
static struct ppp_eap_tls *get_tls(void)
{
	static struct ppp_eap_tls *tls;
	if (tls)
		return tls;
	char folder[] = "/tmp/fuzz-ppp-XXXXXX";
	if (!mkdtemp(folder))
		abort();
	char *ca FREE_ON_EXIT = xasprintf("%s/ca.pem", folder);
	char *certificate FREE_ON_EXIT = xasprintf("%s/carol.pem", folder);
	char *key FREE_ON_EXIT = xasprintf("%s/carol.key", folder);
	char *command FREE_ON_EXIT = xasprintf("rm -rf %s", folder);
	if (ca_init(folder, "fuzz", KEY_P256, NULL) < 0 ||
	        ca_issue(folder, ROLE_NODE, "carol", NULL, KEY_P256, 30, folder, NULL) < 0)
		abort();
	tls = ppp_eap_tls_new(certificate, key, ca, "aaa.test", NULL);
	if (!tls || system(command) != 0)
		abort();
	return tls;
}

static void configure(struct fuzz *f, uint8_t first, uint8_t second)
{
	f->config = (struct ppp_config){ .role = first & 1 ? PPP_CONCENTRATOR : PPP_INITIATOR,
		.eap = { PPP_EAP_TLS, PPP_EAP_MSCHAPV2, PPP_EAP_MD5 },
		.n_eap = 3,
		.ipv4 = true,
		.ipv6 = true,
		.name_servers = true,
		.echo_ms = first & 2 ? 1000 : 0,
		.challenge_ms = first & 4 ? 5000 : 0,
		.callbacks = &callbacks,
		.counters = &f->counters };
	for (enum ppp_method m = PPP_PAP; m < PPP_N_METHODS; m++) {
		if (second & 1u << (m - 1))
			f->config.demand[f->config.n_demand++] = m;
		if (second & 0x10u << (m - 1))
			f->config.give[f->config.n_give++] = m;
	}
	if (second & 0x80)
		f->config.tls = get_tls();
	f->parameters =
	        (struct ppp_parameters){ .is_protected = !(first & 8), .mru = first & 16 ? 576 : 1400 };
	f->random = first;
	f->now = 1000;
}

static void answer(struct fuzz *f, enum ppp_verdict verdict, const uint8_t *bytes, size_t n)
{
	char *text FREE_ON_EXIT = xstrndup((const char *)bytes, n);
	struct ppp_auth_answer a = { verdict, text, n ? bytes : NULL, n };
	(void)ppp_answer(f->link, f->request, &a, f->now);
}

static void grant(struct fuzz *f, const uint8_t *bytes, size_t n)
{
	struct ppp_grant g = {
		.ipv4 = true, .ipv6 = true, .v4 = { { 192, 0, 2, 1 }, { 192, 0, 2, 77 }, { { 0 } } }
	};
	if (n == sizeof(g.v6))
		memcpy(&g.v6, bytes, n);
	else if (n)
		g.ipv4 = false;
	(void)ppp_grant(f->link, &g, f->now);
}

static void acknowledge(struct fuzz *f)
{
	f->asked[2] = 2;
	if (f->asked_length)
		ppp_receive(f->link, f->asked, f->asked_length, f->now);
}

static void hand_over(struct fuzz *f)
{
	uint8_t bytes[PPP_EXPORT_MAX];
	size_t n;
	if (ppp_link_export(f->link, f->now, bytes, &n) < 0)
		return;
	ppp_link_free(f->link);
	f->link = ppp_link_import(&f->config, &f->parameters, f, bytes, n, f->now);
	if (!f->link || (ppp_get_ipv4(f->link) != NULL) != f->ipv4 ||
	        (ppp_get_ipv6(f->link) != NULL) != f->ipv6)
		abort();
}

static void step(struct fuzz *f, uint8_t act, const uint8_t *bytes, size_t n)
{
	if (act < 0x80)
		ppp_receive(f->link, bytes, n, f->now);
	else if (act < 0x90)
		acknowledge(f);
	else if (act < 0xa0)
		answer(f, act % 3, bytes, n);
	else if (act < 0xb0)
		grant(f, bytes, n);
	else if (act < 0xc0)
		hand_over(f);
	else if (act < 0xc8)
		ppp_link_free(ppp_link_import(&f->config, &f->parameters, f, bytes, n, f->now));
	else if (act < 0xd0)
		ppp_close(f->link, act % 5, f->now);
	else if (act == 0xd0)
		ppp_lower_down(f->link, f->now);
	else
		f->now += 1 << (act & 15);
	if (ppp_deadline(f->link) <= f->now)
		ppp_tick(f->link, f->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { .link = NULL };
	if (size < 2)
		return 0;
	struct reader r = rd_make(data + 2, size - 2);
	configure(&f, data[0], data[1]);
	f.link = ppp_link_new(&f.config, &f.parameters, &f);
	ppp_lower_up(f.link, f.now);
	while (rd_left(&r) >= 2) {
		uint8_t act = rd_u8(&r);
		size_t n = rd_u8(&r);
		n = MIN(act & 1 ? 8 * n : n, rd_left(&r));
		step(&f, act, rd_bytes(&r, n), n);
	}
	if (f.ended != ppp_is_ended(f.link))
		abort();
	ppp_link_free(f.link);
	return 0;
}
