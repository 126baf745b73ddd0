/* SPDX-License-Identifier: ISC */
#include "proto/esp/replay.h"

#include <string.h>

#define WORD_BITS 64

_Static_assert(
        ESP_REPLAY_WORDS_MAX >= ESP_REPLAY_WINDOW_MAX / WORD_BITS + 2, "the ring holds the longest window");

static uint64_t *word_of(struct esp_replay *r, uint64_t sequence)
{
	return &r->words[sequence / WORD_BITS & r->mask];
}

static uint64_t bit_of(uint64_t sequence)
{
	return UINT64_C(1) << sequence % WORD_BITS;
}

void esp_replay_init(struct esp_replay *r, uint32_t window, bool esn, uint64_t top)
{
	uint32_t words = 2;
	while (words < window / WORD_BITS + 2)
		words *= 2;
	*r = (struct esp_replay){ .top = top, .window = window, .mask = words - 1, .esn = esn };
	memset(r->words, 0xff, sizeof(r->words));
	/* In the word of top what is above top is yet to come; the words after it are cleared when the window
	 * gets there. */
	*word_of(r, top) = bit_of(top) | (bit_of(top) - 1);
}

bool esp_replay_infer(const struct esp_replay *r, uint32_t low, uint64_t *ret)
{
	if (!r->esn) {
		*ret = low;
		return low != 0; /* 3.3.2: the first packet has number 1, and without ESN the counter must not
		                    cycle */
	}
	uint32_t top_low = (uint32_t)r->top, top_high = (uint32_t)(r->top >> 32);
	uint32_t bottom = top_low - r->window + 1; /* lower half of the window's left edge, modulo 2^32 */
	uint32_t high = top_high;
	if (top_low >= r->window - 1) { /* case A: the window lies in one subspace */
		if (low < bottom && high++ == UINT32_MAX)
			return false;
	} else if (low >= bottom &&
	        high-- == 0) { /* case B: it spans two, and low is in the elder, which may not exist */
		return false;
	}
	*ret = (uint64_t)high << 32 | low;
	return *ret != 0;
}

bool esp_replay_is_new(const struct esp_replay *r, uint64_t sequence)
{
	if (sequence > r->top)
		return true;
	return r->top - sequence < r->window && sequence != 0 &&
	        !(r->words[sequence / WORD_BITS & r->mask] & bit_of(sequence));
}

bool esp_replay_accept(struct esp_replay *r, uint64_t sequence)
{
	if (!esp_replay_is_new(r, sequence))
		return false;
	if (sequence > r->top) {
		uint64_t at = r->top / WORD_BITS, to = sequence / WORD_BITS;
		if (to - at > r->mask)
			at = to - r->mask - 1;
		while (at++ != to)
			r->words[at & r->mask] = 0;
		r->top = sequence;
	}
	*word_of(r, sequence) |= bit_of(sequence);
	return true;
}
