/* SPDX-License-Identifier: ISC */
/*
 * A signed repository as it lies in a directory, for those who are told of it: its newest index, and what
 * somebody lacks who stands at an earlier point of it. The directory is a publisher's or a follower's own
 * (vuln/tree); its files change under us by rename only.
 */
#pragma once

#include "net/push_event.h"

struct served {
	char *name, *dir;
	struct push_path path; /* the VISes that it came by, ourselves first */
	char *bytes;           /* the index as the publisher signed it; NULL: none yet */
	size_t length;
	struct tree_index index;
};
struct served *served_new(const char *name, const char *dir);
struct served *served_free(struct served *s); /* NULL in, NULL out */

/* Looks at the directory: 1, the index is another one; 0, it is as it was, or there is none yet. */
int served_load(struct served *s, struct error *err);
/* What brings somebody from that point to the newest: the index, and those files of it that are small enough
 * to travel with it. To be cleared by push_event_clear(). */
void served_event(const struct served *s, struct tree_point from, struct push_event *ret);
/* Whether the newest index names this file ("SHA256.zst"). */
bool served_names(const struct served *s, const char *file);
