/* SPDX-License-Identifier: ISC */
/*
 * What outlives the process: the policy's segments, the placements and their generation, as the same frames
 * in which they came (ipc.h): HELLO with the generation, SEGMENTS, PLACE.
 */
#pragma once

#include "ipc/ipc.h"

struct state {
	uint64_t generation;
	struct ipc_segments segments; /* none where n_segments is 0 */
	struct ipc_place place;
};
/* -ENOENT where there is no file. A file that cannot be read is an error; the caller starts without. */
int state_load(const char *path, struct state *ret, struct error *err);
int state_save(const char *path, const struct state *s, struct error *err);
void state_clear(struct state *s);
