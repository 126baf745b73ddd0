/* SPDX-License-Identifier: ISC */
/* What every daemon does around its event loop: signals, readiness, privileges given up. */
#pragma once

#include "base/error.h"
#include <event2/event.h>
#include <stdbool.h>
#include <sys/capability.h>

/*
 * From root to user (with its groups), keeping exactly the capabilities in keep and no way to get others
 * back: the bounding and ambient sets are emptied, no_new_privs is set. Those of keep that were inheritable
 * stay so (a program that is started gets none of them unless they are made ambient). user NULL: the user
 * stays, the capabilities go. Started by an ordinary user, user must be NULL or that user. After this, key
 * files must be readable by user.
 */
int daemon_drop_privileges(const char *user, const cap_value_t *keep, size_t n_keep, struct error *err);

/* Before that: those of keep may be given to programs that are started later, as ambient capabilities.
 * Otherwise, with the bounding set empty, there is no way to. */
void daemon_keep_inheritable(const cap_value_t *keep, size_t n_keep);

/* Makes the directory that the Unix socket at path is to lie in, if it is not there, and gives it to user
 * (NULL: to whom we are). After a restart of the machine nothing is left of /run. */
int daemon_make_socket_directory(const char *path, const char *user, struct error *err);

/* Tells the service manager, if there is one ($NOTIFY_SOCKET; see sd_notify(3)): "READY=1", "STATUS=...",
 * "STOPPING=1". */
int daemon_notify(const char *state);

struct daemon_signals;
/* SIGTERM and SIGINT call on_stop, SIGHUP on_reload (may be NULL: ignored). SIGPIPE is ignored from now on.
 */
int daemon_signals_new(struct event_base *base, void (*on_stop)(void *user), void (*on_reload)(void *user),
        void *user, struct daemon_signals **ret);
struct daemon_signals *daemon_signals_free(struct daemon_signals *s);
