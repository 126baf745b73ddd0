/* SPDX-License-Identifier: ISC */
/*
 * What an administrator says of a source: a section `source NAME { ... }` of pratique-vis's configuration.
 * Its options are here because the command line reads the same sections.
 */
#pragma once

#include "base/config.h"
#include "vuln/load.h"

struct source_config {
	struct config_named named;
	char *kind, *from, *root, *licence, *keyring, *trust, *products, *suite;
	int64_t precedence, fresh, every, skew;
	bool required, on_demand, partial;
	struct config_list ecosystems, components, architectures, hosts, labels;
	const char **ecosystem_names; /* NULL-terminated; NULL: all. source_config_check() sets it */
	const char **component_names, **architecture_names, **host_names, **label_names; /* and these */
	enum vuln_trust trust_level;
};

extern const struct config_option source_config_options[];
extern const size_t source_config_n_options;

/* What one option cannot say alone: kinds, trust and what it needs, addresses. Each fault goes to report. */
void source_config_check(struct source_config *c, const char *file, struct error_report *report);
/* Frees what source_config_check() made. */
void source_config_clear(struct source_config *c);

/* A signed repository (vuln/tree), which is followed and not loaded like the others: from is its address,
 * root the file of the root that is vouched for. */
#define SOURCE_CONFIG_REPOSITORY "repository"
bool source_config_is_repository(const struct source_config *c);

/* Whether it is on demand, and this ecosystem (its canonical name) is one that it is asked for by. */
bool source_config_answers(const struct source_config *c, const char *ecosystem);

/* One that is a SOURCE argument, with everything else as it is by default. Caller frees by
 * source_config_free(). */
struct source_config *source_config_of_spec(const char *spec);
struct source_config *source_config_free(struct source_config *c);

/* Strings are the configuration's. */
struct vuln_source source_config_describe(const struct source_config *c);
struct load_source source_config_to_load(const struct source_config *c, const char *cache, time_ms now);
