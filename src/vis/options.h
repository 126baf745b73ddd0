/* SPDX-License-Identifier: ISC */
/* The configuration of pratique-vis: /etc/pratique/vis.conf, and the command line, which wins. */
#pragma once

#include "base/config.h"
#include "vis/vis.h"
#include "vuln/source_config.h"

#define VIS_USER "pratique" /* unless another one is given */

struct vis_options {
	char *data, *socket, *watch, *metrics, *user, *cache;
	char *http, *certificate, *key, *ca, *crl;
	char *name, *publish;
	struct config_list listen, follow, repositories, uppers, publish_key;
	bool public;
	int64_t interval, rate, publish_lifetime;
	struct config_items sources;                /* struct source_config */
	struct source_config *all[VIS_SOURCES_MAX]; /* those, and those of the command line */
	size_t n_sources, n_own;                    /* n_own: of the latter, which are the last */
};

/* path NULL: the command line alone. specs: SOURCE arguments, NULL-terminated. Everything that is wrong goes
 * to report with its line, before anything is touched. */
int vis_options_load(const char *path, const char *const *overrides, const char *const *specs,
        struct vis_options *ret, void (*report)(const char *text), struct error *err);
/* What a start would end with, and can be known without touching anything: files, addresses, the user. As
 * vis_options_load() says what is wrong. */
int vis_options_check(
        const struct vis_options *o, const char *path, void (*report)(const char *text), struct error *err);
void vis_options_clear(struct vis_options *o);
void vis_options_describe(FILE *out);
/* What vis_open() takes; strings are the options'. */
struct vis_config vis_options_config(const struct vis_options *o);
