/* SPDX-License-Identifier: ISC */
/* What the agent tells people on its host: one small JSON file, replaced at every change, which
 * `pratique-agent status` reads. */
#pragma once

#include "ipc/ipc.h"
#include <jansson.h>

#define STATUS_FILE_MAX (4u << 20)

struct status;

/* Makes the folder of path. */
int status_new(const char *path, struct status **ret, struct error *err);
/* Removes the file: a status that nobody keeps up is worse than none. NULL in, NULL out. */
struct status *status_free(struct status *s);
int status_take_link(struct status *s, const struct ipc_agent_link *link, struct error *err);
/* What renewal has to say; the reference is taken over. */
int status_take_identity(struct status *s, json_t *identity, struct error *err);
/* result: a new reference is taken. */
int status_take_result(struct status *s, const char *interface, json_t *result, struct error *err);
