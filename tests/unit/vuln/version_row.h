/* SPDX-License-Identifier: ISC */
/* One row of a table of versions, checked both ways round. */
#pragma once

#include "tests/unit/test.h"
#include "vuln/version.h"

static inline char order_sign(int order)
{
	return order < 0 ? '<' : order > 0 ? '>' : '=';
}

static inline void check_row(enum version_ecosystem e, const char *a, char expected, const char *b)
{
	struct error err;
	int order = 0, back = 0;
	if (version_compare(e, a, b, &order, &err) < 0 || version_compare(e, b, a, &back, &err) < 0)
		fail_msg("%s", err.text);
	if (order_sign(order) != expected)
		fail_msg("%s: %s %c %s expected, got %c", version_ecosystem_name(e), a, expected, b,
		        order_sign(order));
	assert_true((order < 0) == (back > 0) && (order == 0) == (back == 0));
}
