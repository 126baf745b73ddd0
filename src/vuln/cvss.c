/* SPDX-License-Identifier: ISC */
/*
 * CVSS base scores. v2: "A Complete Guide to CVSS 2.0", section 3.2.1. v3.0 and v3.1: their section 7.1 (8.1
 * in v3.0) with Roundup; both give the same base score for the rounding of v3.1's appendix A, which is done
 * in integers.
 */
#include "vuln/severity.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define METRICS_MAX 64 /* in one vector */

/* A metric's values and their weights; the index of the metric is its place in the vector's array of weights.
 */
struct metric {
	const char *name;
	const char *values; /* one letter each */
	double weights[4];
};

static const struct metric metrics_v2[] = {
	{ "AV", "LAN", { 0.395, 0.646, 1.0 } },
	{ "AC", "HML", { 0.35, 0.61, 0.71 } },
	{ "Au", "MSN", { 0.45, 0.56, 0.704 } },
	{ "C", "NPC", { 0.0, 0.275, 0.660 } },
	{ "I", "NPC", { 0.0, 0.275, 0.660 } },
	{ "A", "NPC", { 0.0, 0.275, 0.660 } },
};
enum { V2_AV, V2_AC, V2_AU, V2_C, V2_I, V2_A, V2_N };

static const struct metric metrics_v3[] = {
	{ "AV", "NALP", { 0.85, 0.62, 0.55, 0.2 } },
	{ "AC", "LH", { 0.77, 0.44 } },
	{ "PR", "NLH", { 0.85, 0.62, 0.27 } }, /* scope unchanged */
	{ "UI", "NR", { 0.85, 0.62 } },
	{ "S", "UC", { 0.0, 1.0 } },
	{ "C", "HLN", { 0.56, 0.22, 0.0 } },
	{ "I", "HLN", { 0.56, 0.22, 0.0 } },
	{ "A", "HLN", { 0.56, 0.22, 0.0 } },
};
enum { V3_AV, V3_AC, V3_PR, V3_UI, V3_S, V3_C, V3_I, V3_A, V3_N };

/* One "NAME:VALUE" of n bytes. Names that are not base metrics are passed over. */
static bool take_metric(const char *at, size_t n, const struct metric *metrics, size_t n_metrics,
        double *weights, uint32_t *seen)
{
	const char *colon = memchr(at, ':', n);
	if (!colon || colon == at || (size_t)(colon - at) + 1 >= n)
		return false;
	size_t n_name = (size_t)(colon - at);
	for (size_t i = 0; i < n_metrics; i++) {
		if (strlen(metrics[i].name) != n_name || memcmp(metrics[i].name, at, n_name) != 0)
			continue;
		const char *value = strchr(metrics[i].values, colon[1]);
		if (!value || n != n_name + 2 || (*seen & (1u << i)))
			return false;
		*seen |= 1u << i;
		weights[i] = metrics[i].weights[value - metrics[i].values];
		return true;
	}
	return true;
}

static int take_vector(const char *vector, const struct metric *metrics, size_t n_metrics, double *weights)
{
	uint32_t seen = 0;
	for (size_t i = 0; i < METRICS_MAX; i++) {
		size_t n = strcspn(vector, "/");
		if (!take_metric(vector, n, metrics, n_metrics, weights, &seen))
			return -EINVAL;
		if (vector[n] == '\0')
			return seen == (1u << n_metrics) - 1 ? 0 : -EINVAL;
		vector += n + 1;
	}
	return -EINVAL;
}

static int score_v2(const char *vector, int *ret_tenths)
{
	double w[V2_N];
	int r = take_vector(vector, metrics_v2, V2_N, w);
	if (r < 0)
		return r;
	double impact = 10.41 * (1 - (1 - w[V2_C]) * (1 - w[V2_I]) * (1 - w[V2_A]));
	double exploitability = 20 * w[V2_AV] * w[V2_AC] * w[V2_AU];
	double base = (0.6 * impact + 0.4 * exploitability - 1.5) * (impact > 0 ? 1.176 : 0);
	*ret_tenths = (int)lround(base * 10);
	return 0;
}

/* v3.1 appendix A: the smallest tenth that is not below the score, free of what floating point adds. */
static int round_up(double score)
{
	long hundred_thousandths = lround(score * 100000);
	return (int)((hundred_thousandths + 9999) / 10000);
}

static int score_v3(const char *vector, int *ret_tenths)
{
	double w[V3_N];
	int r = take_vector(vector, metrics_v3, V3_N, w);
	if (r < 0)
		return r;
	bool changed = w[V3_S] > 0;
	if (changed && w[V3_PR] < 0.5)
		w[V3_PR] = 0.50;
	else if (changed && w[V3_PR] < 0.7)
		w[V3_PR] = 0.68;
	double iss = 1 - (1 - w[V3_C]) * (1 - w[V3_I]) * (1 - w[V3_A]);
	double impact = changed ? 7.52 * (iss - 0.029) - 3.25 * pow(iss - 0.02, 15) : 6.42 * iss;
	double exploitability = 8.22 * w[V3_AV] * w[V3_AC] * w[V3_PR] * w[V3_UI];
	double base = (changed ? 1.08 : 1.0) * (impact + exploitability);
	*ret_tenths = impact <= 0 ? 0 : round_up(base < 10 ? base : 10);
	return 0;
}

int cvss_score(const char *vector, int *ret_tenths)
{
	if (strncmp(vector, "CVSS:3.0/", 9) == 0 || strncmp(vector, "CVSS:3.1/", 9) == 0)
		return score_v3(vector + 9, ret_tenths);
	if (strncmp(vector, "CVSS:4.0/", 9) == 0)
		return cvss4_score(vector + 9, ret_tenths);
	if (strncmp(vector, "CVSS:", 5) == 0)
		return -ENOTSUP;
	return score_v2(vector, ret_tenths);
}
