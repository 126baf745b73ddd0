/* SPDX-License-Identifier: ISC */
/*
 * An enrolment server for third-party clients: est_site CA-DIR CERTIFICATES. It has one token for "carol",
 * prints "PORT TOKEN" and serves on 127.0.0.1 until its standard input ends.
 */
#include "net/est.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *name;
	char text[EST_TOKEN_TEXT_SIZE];
	uint8_t hash[32];
	bool used;
} tokens[] = { { .name = "carol" }, { .name = "erin" } };

static int check_token(const char *name, const uint8_t hash[32], bool consume, struct est_grant *ret,
        void *user, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LENGTH(tokens); i++) {
		if (tokens[i].used || strcmp(name, tokens[i].name) != 0 ||
		        CRYPTO_memcmp(hash, tokens[i].hash, 32) != 0)
			continue;
		tokens[i].used = consume;
		*ret = (struct est_grant){ .role = ROLE_NODE };
		return 0;
	}
	return -EACCES;
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	char byte;
	if (read(fd, &byte, 1) <= 0)
		event_base_loopbreak(arg);
}

static int fail(const char *words)
{
	fprintf(stderr, "est_site: %s\n", words);
	return 1;
}

static int serve(struct event_base *base, struct http_server *http, struct tls_context *tls)
{
	struct error err;
	uint16_t port = 0;
	struct listener_config config = {
		.tls = tls, .connections_max = 100, .source_max = 100, .handshakes_max = 100
	};
	*(struct sockaddr_in *)&config.address =
	        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (http_server_listen(http, &config, &err) < 0 ||
	        listener_port(http_server_listener(http, 0), &port) < 0)
		return fail("cannot listen");
	for (size_t i = 0; i < ARRAY_LENGTH(tokens); i++)
		est_token_make(tokens[i].text, tokens[i].hash);
	printf("%u %s %s\n", port, tokens[0].text, tokens[1].text);
	fflush(stdout);
	struct event *input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, base);
	event_add(input, NULL);
	event_base_dispatch(base);
	event_free(input);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return fail("usage: est_site CA-DIR CERTIFICATES");
	char *ca_path FREE_ON_EXIT = xasprintf("%s/ca.pem", argv[1]);
	char *crl FREE_ON_EXIT = xasprintf("%s/ca.crl", argv[1]),
	          *pem FREE_ON_EXIT = xasprintf("%s/srv.pem", argv[2]);
	char *key FREE_ON_EXIT = xasprintf("%s/srv.key", argv[2]);
	const struct tls_config tls_config = { .server = true,
		.ca_path = ca_path,
		.crl_path = crl,
		.certificate_path = pem,
		.key_path = key,
		.peer_roles = TLS_ROLES_ALL,
		.peer_certificate_optional = true };
	struct tls_context *tls = NULL;
	struct http_server *http = NULL;
	struct est_server *est = NULL;
	struct error err;
	struct event_base *base = event_base_new();
	if (tls_context_new(&tls_config, &tls, &err) < 0)
		return fail(err.text);
	const struct est_server_config config = {
		.ca_dir = argv[1], .lifetime_ms = 30 * 86400000LL, .token = check_token
	};
	if (http_server_new(base, &http) < 0 || est_server_new(http, &config, &est) < 0 ||
	        tls_context_watch(tls, base, TLS_WATCH_MS, NULL, NULL) < 0)
		return fail("cannot begin");
	int code = serve(base, http, tls);
	http_server_free(http);
	est_server_free(est);
	tls_context_free(tls);
	event_base_free(base);
	return code;
}
