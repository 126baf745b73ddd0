/* SPDX-License-Identifier: ISC */
/* The enforcer's configuration file. */
#pragma once

#include "base/config.h"
#include "enforcer/element.h"

struct options {
	char *name, *server_name, *ca, *crl, *certificate, *key, *state, *user;
	struct config_list servers, bridges, interfaces, softwires;
	int64_t log_group, away_after_ms;
};
extern const struct config_option options_table[];
extern const size_t options_count;

/* The Unix socket of softwires[i], whose link is the i-th of its kind: what follows the interface's name. */
const char *options_softwire_socket(const struct options *o, size_t i);

/* -EINVAL with what is wrong; options_clear() in every case. */
int options_load(const char *path, const char *const *overrides, void (*report)(const char *text),
        struct options *ret, struct links *ret_links, struct error *err);
void options_clear(struct options *o);
