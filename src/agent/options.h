/* SPDX-License-Identifier: ISC */
/* The configuration of `pratique-agent run`: a table for base/config.h, and what it means. */
#pragma once

#include "base/config.h"

#define AGENT_SERVERS_MAX 16
#define AGENT_INTERFACES_MAX 16

struct agent_options {
	struct config_list servers, interfaces;
	char *server_name, *enrolment;
	char *ca, *crl, *certificate, *key;
	char *user;
	char *state_directory, *status_file;
	char *language;
	char *remediate;
	int64_t remediate_limit_ms;
	bool debug;
};

/* Fills options, which must be zeroed and are cleared by agent_options_clear() in every case. Checks what the
 * table cannot. */
int agent_options_load(const char *path, const char *const *overrides, struct agent_options *options,
        void (*report)(const char *text), struct error *err);
void agent_options_clear(struct agent_options *options);
void agent_options_describe(FILE *out);

/* 1 to 15 characters without '/' and blanks. */
bool agent_interface_name_is_good(const char *name);
