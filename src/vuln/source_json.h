/* SPDX-License-Identifier: ISC */
/* A source of the index as commands and pratique-vis show it. */
#pragma once

#include "vuln/vuln.h"
#include <jansson.h>

/* NULL where a text of it is not UTF-8. now: wall time, for its age. */
json_t *vuln_source_json(const struct vuln_source *s, time_ms now);
/* All of them, by name, in a list; NULL on failure, with err. */
json_t *vuln_index_sources_json(struct vuln_index *index, time_ms now, struct error *err);
