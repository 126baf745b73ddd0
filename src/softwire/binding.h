/* SPDX-License-Identifier: ISC */
/*
 * Which PPP user may come over which machine's association (draft 3.4, requirement 4: the authenticated
 * session is bound to the device identifier, to prevent service theft).
 *
 * The map's lines are "IDENTITY USER [USER...]", # comments; IDENTITY is in double quotes where it has spaces
 * ("C=CH, O=example, CN=alice"). "*" as a user: any.
 */
#pragma once

#include "softwire/options.h"

#define BINDING_ROWS_MAX 65536
#define BINDING_FILE_MAX (4u << 20)

struct binding;
/* path: of the map, NULL for other rules. -EINVAL with file and line. */
int binding_new(enum softwire_bind rule, const char *path, struct binding **ret, struct error *err);
struct binding *binding_free(struct binding *b); /* NULL in, NULL out */
/* machine: the IKE identity; "" = unprotected or anonymous, where only the rule `any` lets a user in. On
 * refusal err has the reason. */
bool binding_allows(const struct binding *b, const char *machine, const char *user, struct error *err);
/* The machine's short name: the CN of a distinguished name, else the identity itself. */
#define BINDING_NAME_SIZE 256
const char *binding_machine_name(const char *identity, char ret[BINDING_NAME_SIZE]);
