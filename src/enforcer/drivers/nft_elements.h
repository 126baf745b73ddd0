/* SPDX-License-Identifier: ISC */
/* Elements as libnftables commands, and back from its JSON listings. */
#pragma once

#include "enforcer/drivers/driver.h"

#include <jansson.h>
#include <stdio.h>

/* Removals first, then additions, grouped by set. An element whose time is over at now is not added. */
void nft_elements_write(FILE *out, const struct links *links, const struct element_change *changes,
        size_t count, time_ms now);

/* The sets that hold each fact once: index 0, 1, ... of link. NULL behind the last one. Writes "FAMILY
 * pratique NAME", with "map" or "set" in ret_type. Each kind has its own numbers: elements, sightings. */
bool nft_elements_set(
        const struct links *links, size_t link, size_t index, const char **ret_type, char name[64]);
bool nft_elements_sighting_set(const struct links *links, size_t link, size_t index, char name[64]);
/* Reads a listing of that set; what does not fit the form is an error (-EBADMSG). */
int nft_elements_read(const struct links *links, size_t link, size_t index, const json_t *listing,
        time_ms now, element_fn fn, void *context);
int nft_elements_read_sightings(
        size_t link, size_t index, const json_t *listing, sighting_fn fn, void *context);
/* The sets of the inet table that hold what is to be proven: index 0, 1, ...; NULL behind the last one. */
const char *nft_elements_wanted_set(size_t index);
int nft_elements_read_wanted(
        const struct links *links, size_t index, const json_t *listing, sighting_fn fn, void *context);
