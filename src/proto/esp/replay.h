/* SPDX-License-Identifier: ISC */
/*
 * The anti-replay window of one SA: RFC 4303 3.4.3 and appendix A. Numbers are of 64 bits throughout; without
 * ESN the upper half is zero. Asking changes nothing, so it may come before the ICV is checked; accepting
 * must come after.
 *
 * The bitmap is a ring of words of which there are always more than the window covers, so that moving the
 * window clears whole words and shifts nothing.
 */
#pragma once

#include "proto/esp/esp.h"

#define ESP_REPLAY_WORDS_MAX 128 /* power of two, at least ESP_REPLAY_WINDOW_MAX / 64 + 2 */

struct esp_replay {
	uint64_t top;    /* highest number that was accepted; 0: none yet */
	uint32_t window; /* numbers top - window + 1 to top may still come */
	uint32_t mask;   /* words in use, less one */
	bool esn;
	uint64_t words[ESP_REPLAY_WORDS_MAX];
};

/* window: 1 to ESP_REPLAY_WINDOW_MAX. Whatever is at or below top counts as seen. */
void esp_replay_init(struct esp_replay *r, uint32_t window, bool esn, uint64_t top);

/* The whole number of a packet that shows its lower half: appendix A2.2. False where there can be no such
 * number. */
bool esp_replay_infer(const struct esp_replay *r, uint32_t low, uint64_t *ret);

/* True if this number is not left of the window and was not accepted yet. */
bool esp_replay_is_new(const struct esp_replay *r, uint64_t sequence);

/* Marks it and moves the window. False, and nothing happens, if it is not new. */
bool esp_replay_accept(struct esp_replay *r, uint64_t sequence) MUST_CHECK;
