/* SPDX-License-Identifier: ISC */
/*
 * What RADIUS peers may send. The first byte chooses: any bytes as they are; a packet that is signed here, as
 * an answer to a call or as a CoA-Request, so that what is behind the signature is reached; a dictionary.
 */
#include "proto/radius/client.h"
#include "proto/radius/dynauth.h"
#include "softwire/aaa_profile.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct radius_secret secret = { .bytes = "hush", .length = 4 };
static const struct ip_address source = { .bytes = { [15] = 1 } };

static void walk(const struct radius_packet *p)
{
	struct aaa_profile *profile FREE_ON_EXIT = xcalloc(1, sizeof(*profile));
	struct error err = { "" };
	uint8_t joined[512];
	size_t n = 0;
	struct radius_attribute a;
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a); n++) {
		char text[RADIUS_VALUE_MAX + 1], label[RADIUS_LABEL_SIZE];
		struct ip_prefix prefix;
		if (a.value < p->bytes || a.value + a.length > p->bytes + p->length)
			abort();
		if (radius_get_text(&a, text) == 0 && strlen(text) != a.length)
			abort();
		if (radius_get_prefix(&a, &prefix) == 0 && prefix.length > 128)
			abort();
		if (!*radius_label(a.vendor, a.type, label))
			abort();
	}
	if (n < p->n_attributes)
		abort();
	if (radius_concatenate(p, RADIUS_EAP_MESSAGE, joined, sizeof(joined)) > (int)sizeof(joined))
		abort();
	if (aaa_profile_read(p, profile, &err) < 0 && !*err.text)
		abort();
	memset(profile, 0, sizeof(*profile));
	err.text[0] = '\0';
	if (aaa_profile_read_change(p, profile, &err) && !*err.text)
		abort();
}

static void ignore(void *user, unsigned server, unsigned path, const uint8_t *bytes, size_t length)
{
	memcpy(user, bytes, RADIUS_PACKET_MIN);
}

static void no_random(void *user, void *bytes, size_t length)
{
	memset(bytes, 7, length);
}

static void on_answer(void *user, const struct radius_packet *answer, unsigned server)
{
	if (answer)
		walk(answer);
}

/* The attributes with a header before them, a Message-Authenticator, and the signature. */
static bool sign(struct writer *w, uint8_t code, uint8_t id, const uint8_t *authenticator,
        const uint8_t *data, size_t size)
{
	static const uint8_t none[RADIUS_AUTHENTICATOR_SIZE];
	radius_write_header(w, code, id, none);
	radius_write_message_authenticator(w);
	wr_bytes(w, data, size);
	return (authenticator ? radius_sign_response(w, authenticator, &secret)
	                      : radius_sign_computed(w, &secret)) == 0;
}

static void as_answer(const uint8_t *data, size_t size, bool is_signed)
{
	static const struct radius_client_callbacks callbacks = { ignore, no_random, NULL, NULL };
	const struct radius_server_config server = { .services = RADIUS_AUTHENTICATION,
		.n_paths = 1,
		.secret = secret,
		.timeout_ms = 1000,
		.tries = 1,
		.message_authenticator = true };
	const struct radius_request request = {
		.code = RADIUS_ACCESS_REQUEST, .attributes = (const uint8_t *)"", .server = -1
	};
	uint8_t sent[RADIUS_PACKET_MIN];
	struct radius_client *c = radius_client_new(&server, 1, &callbacks, sent);
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	if (radius_client_call(c, &request, on_answer, NULL, 0, NULL) < 0)
		abort();
	if (!is_signed)
		(void)radius_client_receive(c, 0, 0, data, size, 1);
	else if (sign(&w, size ? data[0] : 2, sent[1], sent + 4, data, size))
		(void)radius_client_receive(c, 0, 0, w.data, w.length, 1);
	radius_client_tick(c, 100000);
	if (radius_client_count(c))
		abort();
	wr_free(&w);
	radius_client_free(c);
}

static void as_change(const uint8_t *data, size_t size)
{
	const struct radius_dynauth_client client = { .address = source, .secret = secret };
	struct radius_dynauth *d = radius_dynauth_new(&client, 1);
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	struct radius_dynauth_request r;
	const uint8_t *answer;
	size_t length;
	if (sign(&w, size && data[0] & 1 ? RADIUS_COA_REQUEST : RADIUS_DISCONNECT_REQUEST, 1, NULL, data,
	            size)) {
		int e = radius_dynauth_receive(
		        d, &source, w.data, w.length, 1000, 1000, &r, &answer, &length);
		if (e == 1) {
			walk(&r.packet);
			radius_dynauth_answer(d, &r, 0, &answer, &length);
			if (radius_dynauth_receive(
			            d, &source, w.data, w.length, 1000, 1000, &r, &answer, &length) != 0)
				abort();
		}
	}
	wr_free(&w);
	radius_dynauth_free(d);
}

static int load(void *user, const char *path, char **ret, struct error *err)
{
	*ret = xstrdup(user);
	return 0;
}

static void as_dictionary(const uint8_t *data, size_t size)
{
	struct radius_dictionary *d = radius_dictionary_new();
	char *text FREE_ON_EXIT = xstrndup((const char *)data, size);
	struct error err = { "" };
	if (radius_dictionary_read(d, "dictionary", load, text, &err) < 0 && !*err.text)
		abort();
	radius_dictionary_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct radius_packet p;
	struct error err = { "" };
	if (size < 1)
		return 0;
	uint8_t kind = data[0] & 3;
	data++;
	size--;
	if (kind == 0) {
		if (radius_parse(data, size, &p, &err) == 0)
			walk(&p);
		else if (!*err.text)
			abort();
		as_answer(data, size, false);
	} else if (kind == 1) {
		as_answer(data, size, true);
	} else if (kind == 2) {
		as_change(data, size);
	} else {
		as_dictionary(data, size);
	}
	return 0;
}
