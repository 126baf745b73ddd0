/* SPDX-License-Identifier: ISC */
/* What the front answers; each is a file of routes of that name. */
#pragma once

#include "vis/front.h"

extern const struct front_service status_service, osv_service, match_service, push_service;
