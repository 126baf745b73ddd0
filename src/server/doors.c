/* SPDX-License-Identifier: ISC */
/* The ports for nodes and enforcers when they are full: said in the log and as an event, once a minute at
 * most. */
#include "base/log.h"
#include "server/server.h"

#include <sys/resource.h>

#define DOORS_OWN_FILES 256 /* descriptors for everything but connections of nodes and enforcers */
#define DOORS_SAY_MS 60000

void doors_check_files(const struct server *s)
{
	const uint64_t wanted =
	        (uint64_t)s->options.connections_max + (uint64_t)s->options.enforcers_max + DOORS_OWN_FILES;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY &&
	        files.rlim_cur < wanted)
		log_warning("connections_max is %lld, but this process may have only %llu files open: beyond "
		            "that nodes have to wait; raise LimitNOFILE of its unit (`ulimit -Hn`) to %llu",
		        (long long)s->options.connections_max, (unsigned long long)files.rlim_cur,
		        (unsigned long long)wanted);
}

static void add_up(struct doors *d, struct listener *const *listeners, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct listener_counters c;
		listener_get_counters(listeners[i], &c);
		d->full += c.refused_total;
		d->failed += c.accept_errors;
	}
}

void doors_tick(struct server *s, time_ms now)
{
	struct doors *was = &s->doors, d = { .said = was->said };
	add_up(&d, s->node_listeners, s->n_node_listeners);
	add_up(&d, s->enforcer_listeners, s->n_enforcer_listeners);
	if ((d.full == was->full && d.failed == was->failed) ||
	        (d.said && now - d.said < DOORS_SAY_MS && now >= d.said))
		return;
	const char *why = d.failed > was->failed
	        ? "no file descriptor or memory is left for one more: raise LimitNOFILE of the unit"
	        : "connections_max or enforcers_max of the configuration is reached";
	log_warning("connections wait or are refused (%llu since the last word): %s",
	        (unsigned long long)(d.full + d.failed - was->full - was->failed), why);
	site_note(s->site, now, "full", NULL, NULL, "connections wait or are refused: %s", why);
	d.said = now;
	*was = d;
}
