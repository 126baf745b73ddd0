/* SPDX-License-Identifier: ISC */
#include "ctl/client.h"
#include "net/http_client.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

int ctl_asking_option(struct ctl_asking *a, int option, const char *argument, bool *ret_done)
{
	switch (option) {
	case 's':
		a->socket = argument;
		return CTL_OK;
	case 'j':
		a->json = true;
		return CTL_OK;
	case 'h':
		fputs(a->help, stdout);
		*ret_done = true;
		return CTL_OK;
	default:
		return ctl_usage(a->words, "wrong option");
	}
}

int ctl_asking_parse(struct ctl_asking *a, int argc, char **argv, const char **ret_name, bool *ret_done)
{
	static const struct option options[] = { CTL_ASKING_LONG, { NULL, 0, NULL, 0 } };
	int option;
	*ret_done = false;
	while ((option = getopt_long(argc, argv, CTL_ASKING_SHORT, options, NULL)) != -1) {
		int code = ctl_asking_option(a, option, optarg, ret_done);
		if (code != CTL_OK || *ret_done)
			return code;
	}
	if (argc - optind != (ret_name ? 1 : 0))
		return ctl_usage(a->words, "%s",
		        !ret_name          ? "takes no arguments"
		                : a->wants ? a->wants
		                           : "takes one NODE");
	if (ret_name)
		*ret_name = argv[optind];
	return CTL_OK;
}

int ctl_ask(const struct ctl_asking *a, const char *method, const char *path, json_t *body, json_t **ret)
{
	struct error err = { "" };
	char *answer = NULL, *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	size_t length = 0;
	json_decref(body);
	int code = http_unix_call(a->socket, method, path, text, &answer, &length, &err);
	free(text);
	if (code < 0) {
		const char *daemon = a->daemon ? a->daemon : "pratique-server";
		char *hint FREE_ON_EXIT = NULL;
		if (strstr(err.text, a->socket) && (code == -ECONNREFUSED || code == -ENOENT))
			hint = xasprintf("; is %s running?", daemon);
		else if (strstr(err.text, a->socket) && (code == -EACCES || code == -EPERM))
			hint = xstrdup(a->daemon ? "; only root and its own user may ask"
			                         : "; only root and the server's group may ask (its option "
			                           "socket_group)");
		return ctl_fail(a->words, "%s%s", err.text, hint ? hint : "");
	}
	*ret = json_loadb(answer, length, 0, NULL);
	free(answer);
	return *ret ? CTL_OK : ctl_fail(a->words, "the server's answer is not JSON");
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
