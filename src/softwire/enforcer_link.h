/* SPDX-License-Identifier: ISC */
/*
 * Where pratique-enforcer learns of the sessions, as attachments: a Unix stream socket on which it is told
 * all of them, then each change, and on which it says where it has placed them.
 */
#pragma once

#include "softwire/control_internal.h"

struct enforcer_link;
/* NULL and 0 where the configuration names no socket. */
int enforcer_link_new(struct control *c, struct enforcer_link **ret, struct error *err);
struct enforcer_link *enforcer_link_free(struct enforcer_link *l); /* NULL in, NULL out */
/* The session is (still) there with what it has now, or is gone. l may be NULL. */
/* One copy of a name for all sessions; NULL for NULL and "". */
const char *enforcer_link_intern(struct table *names, const char *name);
void enforcer_link_tell(struct enforcer_link *l, struct session *s, bool present);
bool enforcer_link_is_up(const struct enforcer_link *l);
