/* SPDX-License-Identifier: ISC */
#include "vuln/version_key.h"

static const struct version_order {
	const char *name;
	int (*key)(struct version_text t, struct version_key *ret, struct error *err);
	bool trims; /* the tool drops white space around the version */
} version_orders[] = {
	[VERSION_DPKG] = { "dpkg", version_dpkg_key, true },
	[VERSION_RPM] = { "rpm", version_rpm_key, false },
	[VERSION_APK] = { "apk", version_apk_key, false },
	[VERSION_SEMVER] = { "semver", version_semver_key, true },
	[VERSION_PYPI] = { "pypi", version_pypi_key, true },
};

const char *version_ecosystem_name(enum version_ecosystem e)
{
	return version_orders[e].name;
}

int version_ecosystem_parse(const char *name, enum version_ecosystem *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(version_orders); i++)
		if (strcmp(name, version_orders[i].name) == 0) {
			*ret = (enum version_ecosystem)i;
			return 0;
		}
	return -EINVAL;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int version_key_make(
        enum version_ecosystem e, const char *version, struct version_key *ret, struct error *err)
{
	const struct version_order *order = &version_orders[e];
	size_t length = strnlen(version, VERSION_MAX + 1);
	ret->length = 0;
	if (length > VERSION_MAX)
		return error_set(
		        err, -EINVAL, "invalid %s version: longer than %d bytes", order->name, VERSION_MAX);
	struct version_text t = { version, version + length };
	if (order->trims) {
		while (t.at < t.end && is_space(*t.at))
			t.at++;
		while (t.end > t.at && is_space(t.end[-1]))
			t.end--;
	}
	if (t.at == t.end)
		return error_set(err, -EINVAL, "invalid %s version: it is empty", order->name);
	int r = order->key(t, ret, err);
	return r < 0 ? error_prefix(err, r, "invalid %s version \"%.200s\"", order->name, version) : 0;
}

int version_compare(enum version_ecosystem e, const char *a, const char *b, int *ret_order, struct error *err)
{
	struct version_key ka, kb;
	int r = version_key_make(e, a, &ka, err);
	if (r < 0)
		return r;
	r = version_key_make(e, b, &kb, err);
	if (r < 0)
		return r;
	*ret_order = version_key_order(&ka, &kb);
	return 0;
}
