/* SPDX-License-Identifier: ISC */
#include "ctl/client.h"
#include "crypto/secret.h"
#include "net/http_client.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#define SCHEME "https://"
#define TOKEN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* ---- options ---- */

#define ASKING_OPTIONS 8

static size_t asking_options(struct ctl_asking *a, struct command_option o[ASKING_OPTIONS])
{
	size_t n = 0;
	o[n++] = (struct command_option){ 'j', "json", NULL, "JSON for scripts", COMMAND_FLAG, &a->json };
	o[n++] = (struct command_option){ 's', "socket", "PATH",
		a->daemon ? "where it listens, if not at its default"
		          : "the server's socket; default: " CTL_SOCKET,
		COMMAND_TEXT, &a->socket };
	if (a->daemon && !a->roles)
		return n;
	o[n++] = (struct command_option){ 0, "server", "URL",
		a->roles ? "over the network: https://HOST[:PORT], port 8446"
		         : "over the network: https://HOST[:PORT], port 8444; $PRATIQUE_SERVER",
		COMMAND_TEXT, &a->server };
	o[n++] = (struct command_option){ 0, "server-name", "NAME",
		"its name, if it is not HOST; $PRATIQUE_SERVER_NAME", COMMAND_TEXT, &a->server_name };
	o[n++] = (struct command_option){ 0, "ca", "FILE", "the site's CA; $PRATIQUE_CA; default: " CTL_CA,
		COMMAND_TEXT, &a->ca };
	if (!a->roles)
		o[n++] = (struct command_option){ 0, "token-file", "FILE",
			"what `pratique token new` printed; $PRATIQUE_TOKEN_FILE", COMMAND_TEXT,
			&a->token_file };
	o[n++] = (struct command_option){ 0, "certificate", "FILE",
		a->roles ? "an operator's or a program's certificate"
		         : "an operator's certificate, in place of a token",
		COMMAND_TEXT, &a->certificate };
	o[n++] = (struct command_option){ 0, "key", "FILE", "its key", COMMAND_TEXT, &a->key };
	return n;
}

static const char *or_environment(const char *value, const char *name)
{
	const char *set = value ? NULL : getenv(name);
	return set && *set ? set : value;
}

int ctl_asking_parse(
        struct ctl_asking *a, const struct command_line *c, int argc, char **argv, char ***ret_arguments)
{
	const char *socket = a->socket ? a->socket : CTL_SOCKET;
	struct command_option more[ASKING_OPTIONS];
	struct command_line line = *c;
	a->words = c->words;
	a->socket = NULL;
	line.program = "pratique";
	line.more = more;
	line.n_more = asking_options(a, more);
	int code = command_line_parse(&line, argc, argv, ret_arguments);
	if (code != COMMAND_GO_ON)
		return code;
	if (a->socket && a->server)
		return command_line_wrong(&line, "--socket or --server, not both");
	if (!a->certificate != !a->key)
		return command_line_wrong(&line, "--certificate and --key go together");
	if (!a->socket && !a->daemon)
		a->server = or_environment(a->server, "PRATIQUE_SERVER");
	a->server_name = or_environment(a->server_name, "PRATIQUE_SERVER_NAME");
	a->ca = or_environment(a->ca, "PRATIQUE_CA");
	a->token_file = or_environment(a->token_file, "PRATIQUE_TOKEN_FILE");
	if (a->server && strncmp(a->server, SCHEME, strlen(SCHEME)) != 0)
		return command_line_wrong(&line, "--server: \"%s\" does not begin with " SCHEME, a->server);
	if (a->server && !a->token_file && !a->certificate)
		return command_line_wrong(&line,
		        a->roles ? "over the network a certificate is needed: --certificate FILE --key FILE"
		                 : "over the network a token is needed: --token-file FILE");
	if (!a->socket)
		a->socket = socket;
	return COMMAND_GO_ON;
}

int ctl_asking_get(struct ctl_asking *a, const struct command_line *c, int argc, char **argv,
        const char *path, json_t **ret)
{
	*ret = NULL;
	int code = ctl_asking_parse(a, c, argc, argv, NULL);
	return code != COMMAND_GO_ON ? code : ctl_ask(a, "GET", path, NULL, ret);
}

/* ---- asking ---- */

/* Where a call goes: what http_call points to. */
struct target {
	struct endpoint endpoint;
	struct tls_context *tls;
	char *fields; /* with the token */
};

static void target_clear(struct target *t)
{
	tls_context_free(t->tls);
	if (t->fields)
		OPENSSL_cleanse(t->fields, strlen(t->fields));
	free(t->fields);
}

static int read_token(const char *path, char **ret_fields, struct error *err)
{
	char *text = NULL;
	int code = secret_read(path, &text, err);
	if (code < 0 || !text)
		return code;
	if (text[strspn(text, TOKEN_CHARACTERS)])
		code = error_set(err, -EINVAL, "%s: holds no token", path);
	else
		*ret_fields = xasprintf("Authorization: Bearer %s\r\n", text);
	secret_free(text);
	return code;
}

static int set_target(const struct ctl_asking *a, struct target *t, struct http_call *call, struct error *err)
{
	if (!a->server) {
		call->unix_path = a->socket;
		return 0;
	}
	char *host FREE_ON_EXIT = xstrdup(a->server + strlen(SCHEME));
	if (*host && host[strlen(host) - 1] == '/')
		host[strlen(host) - 1] = '\0';
	const struct tls_config config = { .ca_path = a->ca ? a->ca : CTL_CA,
		.certificate_path = a->certificate,
		.key_path = a->key,
		.peer_roles = a->roles ? a->roles : TLS_ROLE(ROLE_SERVER) };
	int code = endpoint_parse(host, a->port ? a->port : CTL_API_PORT, &t->endpoint, err);
	if (code < 0)
		return error_prefix(err, code, "--server");
	if (a->token_file)
		code = read_token(a->token_file, &t->fields, err);
	if (code == 0)
		code = tls_context_new(&config, &t->tls, err);
	call->endpoint = &t->endpoint;
	call->tls = t->tls;
	call->expected_name = a->server_name;
	call->fields = t->fields;
	return code;
}

/* What may be the reason, from what the socket says. */
static const char *hint_of(const struct ctl_asking *a, int code, const char *text)
{
	if (a->server || !strstr(text, a->socket))
		return "";
	if (code == -ECONNREFUSED || code == -ENOENT)
		return a->hint      ? a->hint
		        : a->daemon ? "; is the daemon running?"
		                    : "; is pratique-server running?";
	if (code != -EACCES && code != -EPERM)
		return "";
	return a->daemon ? "; only root and its own user may ask"
	                 : "; only root and the server's group may ask (its option socket_group)";
}

static int fail(const struct ctl_asking *a, int code, const struct error *err)
{
	return ctl_fail(a->words, "%s%s", err->text, hint_of(a, code, err->text));
}

int ctl_ask_text(const struct ctl_asking *a, const char *method, const char *path, json_t *body,
        char **ret_text, size_t *ret_length)
{
	struct error err = { "" };
	struct target target = { .tls = NULL };
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_call call = { .method = method,
		.path = path,
		.timeout_ms = a->timeout_ms,
		.content_type = text ? "application/json" : NULL,
		.body = text,
		.body_length = text ? strlen(text) : 0 };
	json_decref(body);
	int code = set_target(a, &target, &call, &err);
	if (code == 0)
		code = http_call_body(&call, ret_text, ret_length, &err);
	free(text);
	target_clear(&target);
	return code < 0 ? fail(a, code, &err) : CTL_OK;
}

int ctl_ask(const struct ctl_asking *a, const char *method, const char *path, json_t *body, json_t **ret)
{
	char *answer = NULL;
	size_t length = 0;
	*ret = NULL;
	int code = ctl_ask_text(a, method, path, body, &answer, &length);
	if (code != CTL_OK)
		return code;
	*ret = json_loadb(answer, length, 0, NULL);
	OPENSSL_cleanse(answer, length); /* it may be a token */
	free(answer);
	return *ret ? CTL_OK : ctl_fail(a->words, "the server's answer is not JSON");
}

int ctl_follow(const struct ctl_asking *a, const char *path, int (*on_line)(const char *line, void *user),
        void *user)
{
	struct error err = { "" };
	struct target target = { .tls = NULL };
	struct http_call call = { .method = "GET", .path = path };
	int code = set_target(a, &target, &call, &err);
	if (code == 0)
		code = http_follow(&call, on_line, user, &err);
	target_clear(&target);
	return code < 0 ? fail(a, code, &err) : CTL_OK;
}

char *ctl_encode(const char *name)
{
	static const char hex[] = "0123456789ABCDEF";
	char *encoded = xmalloc(3 * strlen(name) + 1), *out = encoded;
	for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
		if ((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
		        strchr("-._~", *c)) {
			*out++ = (char)*c;
			continue;
		}
		*out++ = '%';
		*out++ = hex[*c >> 4];
		*out++ = hex[*c & 15];
	}
	*out = '\0';
	return encoded;
}

char *ctl_node_path(const char *name, const char *rest)
{
	char *encoded = ctl_encode(name), *path = xasprintf("/v1/nodes/%s%s", encoded, rest);
	free(encoded);
	return path;
}

void ctl_print_json(const json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

const char *ctl_string(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

json_int_t ctl_integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool ctl_boolean(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const char *ctl_ago(const char *when, time_ms now, char text[CTL_AGO_SIZE])
{
	static const struct {
		const char *name;
		time_ms ms;
	} units[] = { { "days", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 } };
	time_ms at;
	if (!*when || clock_parse(when, &at) < 0)
		return "-";
	time_ms distance = at > now ? at - now : now - at;
	size_t i = 0;
	while (i + 1 < ARRAY_LENGTH(units) && distance < 2 * units[i].ms)
		i++;
	snprintf(text, CTL_AGO_SIZE, at > now ? "in %lld %s" : "%lld %s ago",
	        (long long)(distance / units[i].ms), units[i].name);
	return text;
}
