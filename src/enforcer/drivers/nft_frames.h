/* SPDX-License-Identifier: ISC */
/* The tables that see frames: bridge for bridges, netdev for routed interfaces. See nft_rules.h. */
#pragma once

#include "enforcer/element.h"
#include <stdio.h>

void nft_frames_declare(FILE *out, const struct links *links);
/* default_mark: what an attachment gets that is not placed, and a source address that is not proven. paced:
 * some segment has a rate down. */
void nft_frames_write(FILE *out, const struct links *links, uint8_t default_mark, bool paced);
