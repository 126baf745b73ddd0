/* SPDX-License-Identifier: ISC */
/* What the API of a softwire answers (src/softwire/api.h), for people. */
#pragma once

#include <jansson.h>

void softwire_show_sessions(const json_t *answer);
void softwire_show_session(const json_t *session);
void softwire_show_status(const json_t *status);
