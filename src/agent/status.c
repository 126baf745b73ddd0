/* SPDX-License-Identifier: ISC */
#include "agent/status.h"

#include "agent/options.h"
#include "base/clock.h"
#include "base/file.h"
#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

struct status {
	char *path;
	json_t *json;
};

static void set_now(json_t *object, const char *key)
{
	char text[CLOCK_TEXT_SIZE];
	json_object_set_new(object, key, json_string(clock_format(clock_wall_ms(), text)));
}

static int write_file(struct status *s, struct error *err)
{
	set_now(s->json, "updated");
	char *text FREE_ON_EXIT = json_dumps(s->json, JSON_INDENT(2));
	return text ? file_replace(s->path, text, strlen(text), 0644, err)
	            : error_set(err, -ENOMEM, "%s: no memory", s->path);
}

int status_new(const char *path, struct status **ret, struct error *err)
{
	char *copy FREE_ON_EXIT = xstrdup(path);
	int r = file_make_directory(dirname(copy), 0755, err);
	if (r < 0)
		return r;
	struct status *s = xcalloc(1, sizeof(*s));
	s->path = xstrdup(path);
	s->json = json_pack("{sIs[]}", "pid", (json_int_t)getpid(), "attachments");
	r = write_file(s, err);
	if (r < 0)
		status_free(s);
	else
		*ret = s;
	return r;
}

struct status *status_free(struct status *s)
{
	if (s) {
		(void)unlink(s->path);
		free(s->path);
		json_decref(s->json);
		free(s);
	}
	return NULL;
}

/* The entry of that interface, made where there is none; NULL above the limit that the configuration has too.
 */
static json_t *entry_of(struct status *s, const char *interface)
{
	json_t *list = json_object_get(s->json, "attachments");
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *e = json_array_get(list, i);
		if (strcmp(json_string_value(json_object_get(e, "interface")), interface) == 0)
			return e;
	}
	if (json_array_size(list) == AGENT_INTERFACES_MAX)
		return NULL;
	json_t *e = json_object();
	if (json_object_set_new(e, "interface", json_string(interface)) < 0) {
		json_decref(e);
		return NULL;
	}
	json_array_append_new(list, e);
	return e;
}

int status_take_link(struct status *s, const struct ipc_agent_link *link, struct error *err)
{
	json_t *e = entry_of(s, link->interface);
	if (!e)
		return error_set(err, -E2BIG, "more attachments than are configured");
	json_object_set_new(e, "server", json_string(link->server));
	json_object_set_new(e, "connected", json_boolean(link->connected));
	json_object_set_new(e, "reason", json_string(link->reason));
	set_now(e, "since");
	return write_file(s, err);
}

int status_take_result(struct status *s, const char *interface, json_t *result, struct error *err)
{
	json_t *e = entry_of(s, interface);
	if (!e)
		return error_set(err, -E2BIG, "more attachments than are configured");
	json_object_set(e, "result", result);
	set_now(e, "decided");
	return write_file(s, err);
}

int status_take_identity(struct status *s, json_t *identity, struct error *err)
{
	json_object_set_new(s->json, "certificate", identity);
	return write_file(s, err);
}
