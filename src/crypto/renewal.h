/* SPDX-License-Identifier: ISC */
/*
 * When a certificate is to be renewed: at two thirds of its life, or as soon as another CA of the site signs
 * than the one that made it. Time is an argument.
 */
#pragma once

#include "crypto/bundle.h"

#define RENEWAL_CHECK_MIN_MS 2000
#define RENEWAL_CHECK_MAX_MS (6 * 3600 * 1000LL)
#define RENEWAL_RETRY_MIN_MS 1000
#define RENEWAL_RETRY_MAX_MS (3600 * 1000LL)

struct renewal_life {
	time_ms from, to;
};
int renewal_life(X509 *certificate, struct renewal_life *ret, struct error *err);
/* When two thirds of it are over. */
time_ms renewal_due(const struct renewal_life *life);
/* Whether this certificate is to be renewed now. trusted may be NULL. */
bool renewal_is_due(X509 *certificate, const struct bundle *trusted, time_ms now);
/* How long to wait before looking again whether there is a new CA or it is time: a hundredth of the life,
 * within the limits; three quarters to all of it by chance, so that a site's nodes do not come in step. */
int64_t renewal_wait(const struct renewal_life *life, uint32_t chance);
/* How long to wait after the n-th failure in a row (from 1). */
int64_t renewal_retry(const struct renewal_life *life, unsigned failures, uint32_t chance);
/* Whose end is near enough to be told of: 30, 7 or 1 days, the least that it is within, but not more than a
 * quarter of its life, since a certificate is renewed before that; 0 = it is not near, -1 = it is over. */
int renewal_warning(const struct renewal_life *life, time_ms now);
