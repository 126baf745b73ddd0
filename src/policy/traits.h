/* SPDX-License-Identifier: ISC */
/* What a policy can ask of one interface of a node: the words behind `no interface where`. */
#pragma once

#include "policy/ast.h"

struct policy_trait {
	const char *name;
	const char *words; /* "is a bridge", for a finding */
	/* One of both. text: false where it is not known; NULL in *ret: it has none. */
	enum tristate (*is)(const struct posture *p, const struct posture_interface *i);
	bool (*text)(const struct posture_interface *i, const char **ret);
	const char *reported_as;
};

const struct policy_trait *policy_trait_find(const char *name); /* NULL: there is no such trait */
const char *policy_trait_names(void);                           /* for messages: "`bridge`, ..." */
/* For one interface; an expression of POLICY_INTERFACE_IS, POLICY_INTERFACE_TEXT and what joins them. */
enum tristate policy_trait_value(
        const struct posture *p, const struct posture_interface *i, const struct policy_expression *e);
/* Why an expression about that interface is not known. */
const char *policy_trait_doubt(
        const struct posture *p, const struct posture_interface *i, const struct policy_expression *e);
