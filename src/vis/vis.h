/* SPDX-License-Identifier: ISC */
/* The vulnerability information server's work: sources and the published folder into the index, changes to
 * subscribers. */
#pragma once

#include "vis/folder.h"
#include "vis/front.h"
#include "vis/publisher.h"
#include "vis/repositories.h"
#include "vis/subscribers.h"
#include "vuln/source_config.h"

#define VIS_SOURCES_MAX 64
#define VIS_PUBLISHED "published" /* the source that the watched folder is */
#define VIS_PUBLISHED_PRECEDENCE 50
#define VIS_EMERGENCY_PRECEDENCE 10 /* FOLDER_EMERGENCY */

struct vis_config {
	const char *data;   /* the index */
	const char *socket; /* for subscribers; its directory is there */
	const char *watch;  /* NULL: no folder */
	const char *cache;  /* where what comes from URLs and repositories is kept; NULL: there are none */
	const struct source_config *sources[VIS_SOURCES_MAX];
	size_t n_sources;
	const char *metrics;             /* socket for who monitors it; NULL: none */
	int check_ms;                    /* how often the sources are looked at again */
	struct front_config front;       /* who answers requests; index is data */
	struct publisher_config publish; /* dir NULL: nothing; index is data */
	struct repositories_config
	        repositories; /* signed ones, and the VISes above; certificates as the front's */
};

struct vis;
/* Takes the socket; the event loop serves subscribers, and sees to it that sources are loaded beside it. */
int vis_open(struct event_base *base, const struct vis_config *config, struct vis **ret, struct error *err);
struct vis *vis_close(struct vis *v); /* NULL in, NULL out */
/* Looks at the sources again, now. */
void vis_check(struct vis *v);
/* True: it has ended the loop, because it cannot load sources any more. */
bool vis_is_broken(const struct vis *v);
/* Whether a source is being loaded, or waits for it. */
bool vis_is_loading(const struct vis *v);
struct loaders_counters;
const struct loaders_counters *vis_loads(const struct vis *v);
