/* SPDX-License-Identifier: ISC */
#include "crypto/renewal.h"

#include "crypto/openssl.h"

#include <errno.h>

#define DAY_MS (24 * 3600 * (int64_t)1000)
#define CHECKS_A_LIFE 100

static int time_of(const ASN1_TIME *time, time_ms *ret)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return -EINVAL;
	*ret = (time_ms)timegm(&tm) * 1000;
	return 0;
}

int renewal_life(X509 *certificate, struct renewal_life *ret, struct error *err)
{
	struct renewal_life life = { 0 };
	if (time_of(X509_get0_notBefore(certificate), &life.from) < 0 ||
	        time_of(X509_get0_notAfter(certificate), &life.to) < 0 || life.to <= life.from)
		return openssl_error(err, -EINVAL, "certificate: malformed dates");
	*ret = life;
	return 0;
}

time_ms renewal_due(const struct renewal_life *life)
{
	return life->to - (life->to - life->from) / 3;
}

bool renewal_is_due(X509 *certificate, const struct bundle *trusted, time_ms now)
{
	struct renewal_life life = { 0 };
	if (renewal_life(certificate, &life, NULL) < 0)
		return false;
	/* The first of the CAs signs now. */
	bool is_old = trusted && bundle_issuer(trusted, certificate) != trusted->certificates[0];
	return is_old || renewal_due(&life) <= now;
}

static int64_t jitter(int64_t interval, uint32_t chance)
{
	return interval - interval / 4 * (int64_t)(chance % 1024) / 1024;
}

int64_t renewal_wait(const struct renewal_life *life, uint32_t chance)
{
	int64_t wait = (life->to - life->from) / CHECKS_A_LIFE;
	return jitter(MIN(MAX(wait, (int64_t)RENEWAL_CHECK_MIN_MS), RENEWAL_CHECK_MAX_MS), chance);
}

int64_t renewal_retry(const struct renewal_life *life, unsigned failures, uint32_t chance)
{
	int64_t wait = RENEWAL_RETRY_MIN_MS, most = MIN((life->to - life->from) / 20, RENEWAL_RETRY_MAX_MS);
	for (unsigned i = 1; i < failures && wait < most; i++)
		wait *= 2;
	return jitter(MAX(MIN(wait, most), (int64_t)RENEWAL_RETRY_MIN_MS), chance);
}

int renewal_warning(const struct renewal_life *life, time_ms now)
{
	static const int days[] = { 1, 7, 30 };
	const int64_t left = life->to - now, quarter = (life->to - life->from) / 4;
	if (left <= 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LENGTH(days); i++)
		if (left <= days[i] * DAY_MS && days[i] * DAY_MS <= quarter)
			return days[i];
	return 0;
}
