/* SPDX-License-Identifier: ISC */
/* What desired.c (what is to be) and desired_commit.c (making it so) share. */
#pragma once

#include "base/table.h"
#include "enforcer/desired.h"

struct spot_key {
	char port[IFNAMSIZ];
	struct mac_address mac;
};

/* A place where an attachment is, was, or is to be. A port's own element has a spot with MAC zero. */
struct spot {
	struct spot_key key;
	uint16_t link;
	bool is_port, present; /* the port exists; the attachment is proven */
	bool placed;
	bool suspended; /* an impostor: its placement does not count for now */
	uint8_t mark;
	time_ms expires;
	uint64_t generation;
	bool no_grace;      /* what an earlier run left; its expiry may include the grace already */
	bool dirty, failed; /* failed: the driver refused it; tried again with time */
	uint8_t old_mark;   /* while a new policy is tried */
	bool was_placed;
	bool listed; /* in the full batches that are being read */
	struct element *applied, *wanted;
	size_t n_applied, n_wanted;
};

struct desired {
	const struct links *links;
	struct driver *driver;
	const struct attachments *attachments;
	struct ipc_segments policy; /* deep copy; the initial one is its own */
	struct table *spots;
	struct spot **dirty;
	size_t n_dirty, dirty_capacity;
	size_t n_placed;
	bool away;
	time_ms last_floor;
	uint64_t generation;
	moved_fn moved;
	void *moved_context;
};

struct spot *desired_find_spot(const struct desired *d, const char *port, const struct mac_address *mac);
struct spot *desired_need_spot(struct desired *d, const char *port, const struct mac_address *mac);
void desired_free_spot(void *spot);

/* Whether the spot's placement counts now, and until when: the grace included. */
bool desired_is_admitted(const struct desired *d, const struct spot *s, time_ms now);
time_ms desired_grace_of(const struct desired *d, uint8_t mark);
/* Appends the difference between what the spot has and what it is to have. */
void desired_plan(struct desired *d, struct spot *s, time_ms now, struct element_changes *changes);
/* It has what was planned. */
void desired_settle(struct desired *d, struct spot *s);
/* A spot that stands for nothing any more is forgotten. */
void desired_drop_empty(struct desired *d, struct spot *s);
/* What the enforcement point has becomes what the spots have; elements that belong to no spot are removed.
 * restore may be NULL. */
int desired_read_applied(
        struct desired *d, element_fn restore, void *context, time_ms now, struct error *err);
