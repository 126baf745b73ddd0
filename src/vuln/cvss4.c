/* SPDX-License-Identifier: ISC */
/*
 * CVSS v4.0 scores (section 8 of its specification): a vector is in one of 270 MacroVectors, each of which
 * has a score; from that the vector's distance to the most severe ones in its MacroVector takes a proportion
 * of what lies between it and the next lower one. Threat and environmental metrics count; those that are not
 * defined are the worst.
 */
#include "vuln/severity.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define VECTOR_METRICS_MAX 64

/* The order is that of the distances; values are in the order of severity, the worst first. */
enum { AV, PR, UI, AC, AT, VC, VI, VA, CR, IR, AR, SC, SI, SA, E, N_METRICS };
static const struct {
	const char *name, *values;
	bool base;     /* has to be there; others are the first value where they are not defined */
	bool modified; /* M... overrides it */
} metrics[N_METRICS] = {
	[AV] = { "AV", "NALP", true, true },
	[PR] = { "PR", "NLH", true, true },
	[UI] = { "UI", "NPA", true, true },
	[AC] = { "AC", "LH", true, true },
	[AT] = { "AT", "NP", true, true },
	[VC] = { "VC", "HLN", true, true },
	[VI] = { "VI", "HLN", true, true },
	[VA] = { "VA", "HLN", true, true },
	[CR] = { "CR", "HML", false, false },
	[IR] = { "IR", "HML", false, false },
	[AR] = { "AR", "HML", false, false },
	/* S, safety, is for the modified metrics alone, and not for confidentiality; it takes the first
	   place. */
	[SC] = { "SC", "SHLN", true, true },
	[SI] = { "SI", "SHLN", true, true },
	[SA] = { "SA", "SHLN", true, true },
	[E] = { "E", "APU", false, false },
};

/* Scores in tenths by EQ1, EQ2, EQ3 (a row), EQ4, EQ5, EQ6; -1: there is no such MacroVector. */
static const int8_t scores[18][18] = {
	{ 100, 99, 98, 95, 95, 92, 100, 96, 93, 87, 91, 81, 93, 90, 89, 80, 81, 68 },
	{ 98, 95, 95, 92, 90, 84, 93, 92, 89, 81, 81, 65, 88, 80, 78, 70, 69, 48 },
	{ -1, 92, -1, 82, -1, 72, -1, 79, -1, 69, -1, 50, -1, 69, -1, 55, -1, 27 },
	{ 99, 97, 95, 92, 92, 85, 95, 91, 90, 83, 84, 71, 92, 81, 82, 71, 72, 53 },
	{ 95, 93, 92, 85, 85, 73, 92, 82, 80, 72, 70, 59, 84, 70, 71, 52, 50, 30 },
	{ -1, 86, -1, 75, -1, 52, -1, 71, -1, 52, -1, 29, -1, 63, -1, 29, -1, 17 },
	{ 98, 95, 94, 87, 91, 81, 94, 89, 86, 74, 77, 64, 87, 75, 74, 63, 63, 49 },
	{ 94, 89, 88, 77, 76, 67, 86, 76, 74, 58, 59, 50, 72, 57, 57, 52, 52, 25 },
	{ -1, 83, -1, 70, -1, 54, -1, 65, -1, 58, -1, 26, -1, 53, -1, 21, -1, 13 },
	{ 95, 90, 88, 76, 76, 70, 90, 77, 75, 62, 61, 53, 77, 66, 68, 59, 52, 30 },
	{ 89, 78, 76, 67, 62, 58, 74, 59, 57, 57, 47, 23, 61, 52, 57, 29, 24, 16 },
	{ -1, 71, -1, 59, -1, 30, -1, 58, -1, 26, -1, 15, -1, 23, -1, 13, -1, 6 },
	{ 93, 87, 86, 72, 75, 58, 86, 74, 74, 61, 56, 34, 70, 54, 52, 40, 40, 22 },
	{ 85, 75, 74, 55, 62, 51, 72, 57, 55, 41, 46, 19, 53, 36, 34, 19, 19, 8 },
	{ -1, 64, -1, 51, -1, 20, -1, 47, -1, 21, -1, 11, -1, 24, -1, 9, -1, 4 },
	{ 88, 75, 73, 53, 60, 50, 73, 55, 59, 40, 41, 20, 54, 43, 45, 22, 20, 11 },
	{ 75, 55, 58, 45, 40, 21, 61, 51, 48, 18, 20, 9, 46, 18, 17, 7, 8, 2 },
	{ -1, 53, -1, 24, -1, 14, -1, 24, -1, 12, -1, 5, -1, 10, -1, 3, -1, 1 },
};

/* The most severe vectors of the MacroVectors, class by class: values as places in metrics[].values. EQ3 and
 * EQ6 go together, as they share metrics. depth: the steps from the most severe vector to the least. */
#define CLASS_METRICS_MAX 6
#define CLASS_VECTORS_MAX 5
struct class_level {
	int depth, n;
	uint8_t most[CLASS_VECTORS_MAX][CLASS_METRICS_MAX];
};
static const struct class_level eq1[] = { { 1, 1, { { 0, 0, 0 } } },
	{ 4, 3, { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } } }, { 5, 2, { { 3, 0, 0 }, { 1, 1, 1 } } } };
static const struct class_level eq2[] = { { 1, 1, { { 0, 0 } } }, { 2, 2, { { 1, 0 }, { 0, 1 } } } };
static const struct class_level eq36[3][2] = {
	{ { 7, 1, { { 0, 0, 0, 0, 0, 0 } } }, { 6, 2, { { 0, 0, 1, 1, 1, 0 }, { 0, 0, 0, 1, 1, 1 } } } },
	{ { 8, 2, { { 1, 0, 0, 0, 0, 0 }, { 0, 1, 0, 0, 0, 0 } } },
	        { 8, 5,
	                { { 1, 0, 1, 0, 1, 0 }, { 1, 0, 0, 0, 1, 1 }, { 0, 1, 0, 1, 0, 1 },
	                        { 0, 1, 1, 1, 0, 0 }, { 1, 1, 0, 0, 0, 1 } } } },
	{ { 0 }, { 10, 1, { { 1, 1, 1, 0, 0, 0 } } } },
};
static const struct class_level eq4[] = { { 6, 1, { { 1, 0, 0 } } }, { 5, 1, { { 1, 1, 1 } } },
	{ 4, 1, { { 2, 2, 2 } } } };

/* Which MacroVector: the level of each class. */
struct macro {
	int eq1, eq2, eq3, eq4, eq5, eq6;
};

static int score_of(struct macro m)
{
	if (m.eq1 > 2 || m.eq2 > 1 || m.eq3 > 2 || m.eq4 > 2 || m.eq5 > 2 || m.eq6 > 1)
		return -1;
	return scores[(m.eq1 * 2 + m.eq2) * 3 + m.eq3][(m.eq4 * 3 + m.eq5) * 2 + m.eq6];
}

/* Tables 24 to 29. v: the places of the values. */
static struct macro macro_of(const uint8_t v[N_METRICS])
{
	struct macro m;
	bool any = v[AV] == 0 || v[PR] == 0 || v[UI] == 0;
	m.eq1 = v[AV] == 0 && v[PR] == 0 && v[UI] == 0 ? 0 : any && v[AV] != 3 ? 1 : 2;
	m.eq2 = v[AC] == 0 && v[AT] == 0 ? 0 : 1;
	m.eq3 = v[VC] == 0 && v[VI] == 0 ? 0 : v[VC] == 0 || v[VI] == 0 || v[VA] == 0 ? 1 : 2;
	m.eq4 = v[SI] == 0 || v[SA] == 0 ? 0 : v[SC] == 1 || v[SI] == 1 || v[SA] == 1 ? 1 : 2;
	m.eq5 = v[E];
	m.eq6 = (v[CR] == 0 && v[VC] == 0) || (v[IR] == 0 && v[VI] == 0) || (v[AR] == 0 && v[VA] == 0) ? 0
	                                                                                               : 1;
	return m;
}

/* From the first of the most severe vectors that is at least as severe in each metric. */
static int distance(const struct class_level *level, const uint8_t *v, int n_metrics)
{
	for (int i = 0; i < level->n; i++) {
		int sum = 0;
		bool below = true;
		for (int k = 0; k < n_metrics; k++) {
			sum += v[k] - level->most[i][k];
			below = below && v[k] >= level->most[i][k];
		}
		if (below)
			return sum;
	}
	return 0;
}

struct interpolation {
	double sum;
	int score, n;
};

static void add_class(struct interpolation *in, int next_lower, int steps, int depth)
{
	if (next_lower < 0)
		return;
	in->n++;
	in->sum += (double)(in->score - next_lower) * steps / depth;
}

static int next_of_eq36(struct macro m)
{
	struct macro by3 = m, by6 = m;
	by3.eq3++;
	by6.eq6++;
	if (m.eq3 == 0 && m.eq6 == 0)
		return score_of(by3) > score_of(by6) ? score_of(by3) : score_of(by6);
	if (m.eq6 == 1)
		return score_of(by3);
	return m.eq3 == 1 ? score_of(by6) : -1;
}

static int interpolate(struct macro m, const uint8_t v[N_METRICS])
{
	struct interpolation in = { .score = score_of(m) };
	struct macro next = m;
	next.eq1++;
	add_class(&in, score_of(next), distance(&eq1[m.eq1], v + AV, 3), eq1[m.eq1].depth);
	next = m;
	next.eq2++;
	add_class(&in, score_of(next), distance(&eq2[m.eq2], v + AC, 2), eq2[m.eq2].depth);
	add_class(&in, next_of_eq36(m), distance(&eq36[m.eq3][m.eq6], v + VC, 6), eq36[m.eq3][m.eq6].depth);
	next = m;
	next.eq4++;
	add_class(&in, score_of(next), distance(&eq4[m.eq4], v + SC, 3), eq4[m.eq4].depth);
	next = m;
	next.eq5++;
	add_class(&in, score_of(next), 0, 1);
	double tenths = in.score - (in.n ? in.sum / in.n : 0);
	/* Half a tenth is rounded up, whatever floating point makes of it. */
	return tenths < 0 ? 0 : (int)floor(tenths + 0.5 + 1e-5);
}

/* One "NAME:VALUE": 1 taken, 0 none of those that count, negative malformed. X leaves a metric as it is. */
static int take_metric(const char *at, size_t n, uint8_t v[N_METRICS], uint8_t modified[N_METRICS])
{
	const char *colon = memchr(at, ':', n);
	if (!colon || colon == at || (size_t)(colon - at) + 1 >= n)
		return -EINVAL;
	bool m = at[0] == 'M' && colon - at > 1;
	for (int i = 0; i < N_METRICS; i++) {
		const char *name = m ? at + 1 : at;
		if (strlen(metrics[i].name) != (size_t)(colon - name) ||
		        memcmp(metrics[i].name, name, (size_t)(colon - name)) != 0 ||
		        (m && !metrics[i].modified))
			continue;
		uint8_t *place = m ? &modified[i] : &v[i];
		const char *value = strchr(metrics[i].values, colon[1]);
		bool is_x = colon[1] == 'X' && (m || !metrics[i].base);
		/* Safety is a value of MSI and MSA alone. */
		if (colon + 2 != at + n || *place != UINT8_MAX || (!value && !is_x) ||
		        (colon[1] == 'S' && (!m || i == SC)))
			return -EINVAL;
		*place = is_x ? UINT8_MAX - 1 : (uint8_t)(value - metrics[i].values);
		return 1;
	}
	return 0;
}

static int take_vector(const char *vector, uint8_t v[N_METRICS])
{
	uint8_t modified[N_METRICS];
	memset(v, UINT8_MAX, N_METRICS);
	memset(modified, UINT8_MAX, sizeof(modified));
	for (size_t i = 0; i < VECTOR_METRICS_MAX; i++) {
		size_t n = strcspn(vector, "/");
		if (take_metric(vector, n, v, modified) < 0)
			return -EINVAL;
		if (vector[n])
			vector += n + 1;
		else
			break;
		if (i + 1 == VECTOR_METRICS_MAX)
			return -EINVAL;
	}
	for (int i = 0; i < N_METRICS; i++) {
		if (v[i] == UINT8_MAX && metrics[i].base)
			return -EINVAL;
		if (modified[i] < UINT8_MAX - 1)
			v[i] = modified[i];
		else if (v[i] >= UINT8_MAX - 1)
			v[i] = 0; /* the worst */
	}
	return 0;
}

int cvss4_score(const char *vector, int *ret_tenths)
{
	uint8_t v[N_METRICS];
	int r = take_vector(vector, v);
	if (r < 0)
		return r;
	bool harmless = v[VC] == 2 && v[VI] == 2 && v[VA] == 2 && v[SC] == 3 && v[SI] == 3 && v[SA] == 3;
	*ret_tenths = harmless ? 0 : interpolate(macro_of(v), v);
	return 0;
}
