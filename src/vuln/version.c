/* SPDX-License-Identifier: ISC */
#include "vuln/version_key.h"

typedef int (*make_key)(struct version_text t, struct version_key *ret, struct error *err);

static const struct version_order {
	const char *name;
	make_key key, loose_key; /* loose_key NULL: what is not valid has no order */
	bool trims;              /* the tool drops white space around the version */
	int (*compare)(struct version_text a, struct version_text b); /* NULL: the keys' order */
	bool compares_all;                                            /* whatever the text */
} version_orders[VERSION_ECOSYSTEMS] = {
	[VERSION_DPKG] = { "dpkg", version_dpkg_key, .trims = true },
	[VERSION_RPM] = { "rpm", version_rpm_key },
	[VERSION_APK] = { "apk", version_apk_key, version_apk_loose_key },
	[VERSION_SEMVER] = { "semver", version_semver_key, version_semver_loose_key, true },
	[VERSION_PYPI] = { "pypi", version_pypi_key, version_pypi_loose_key, true },
	[VERSION_MAVEN] = { "maven", version_maven_key, .compare = version_maven_compare },
	[VERSION_GEM] = { "gem", version_gem_key, .trims = true },
	[VERSION_NUGET] = { "nuget", version_nuget_key, .trims = true },
	[VERSION_PACKAGIST] = { "packagist", version_packagist_key, .trims = true,
	        .compare = version_packagist_compare, .compares_all = true },
	[VERSION_HACKAGE] = { "hackage", version_numbers_key },
	[VERSION_CRAN] = { "cran", version_cran_key },
	[VERSION_PUB] = { "pub", version_pub_key, version_pub_loose_key },
	[VERSION_ALPM] = { "alpm", version_alpm_key, .compare = version_alpm_compare },
	[VERSION_GENTOO] = { "gentoo", version_gentoo_key },
	[VERSION_CONAN] = { "conan", version_conan_key },
	[VERSION_OPENSSL] = { "openssl", version_openssl_key },
	[VERSION_NGINX] = { "nginx", version_numbers_key },
	[VERSION_INTDOT] = { "intdot", version_numbers_key },
	[VERSION_DATETIME] = { "datetime", version_datetime_key },
	[VERSION_LEXICOGRAPHIC] = { "lexicographic", version_lexicographic_key },
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

static struct version_text text_of(enum version_ecosystem e, const char *version, size_t length)
{
	struct version_text t = { version, version + length };
	if (version_orders[e].trims) {
		while (t.at < t.end && is_space(*t.at))
			t.at++;
		while (t.end > t.at && is_space(t.end[-1]))
			t.end--;
	}
	return t;
}

static int make(enum version_ecosystem e, make_key key, const char *version, struct version_key *ret,
        struct error *err)
{
	const struct version_order *order = &version_orders[e];
	size_t length = strnlen(version, VERSION_MAX + 1);
	ret->length = 0;
	if (length > VERSION_MAX)
		return error_set(
		        err, -EINVAL, "invalid %s version: longer than %d bytes", order->name, VERSION_MAX);
	struct version_text t = text_of(e, version, length);
	if (t.at == t.end)
		return error_set(err, -EINVAL, "invalid %s version: it is empty", order->name);
	int r = key(t, ret, err);
	if (r == 0 && ret->length == VERSION_KEY_MAX)
		r = error_set(err, -EINVAL, "it has more parts than its key can hold");
	return r < 0 ? error_prefix(err, r, "invalid %s version \"%.200s\"", order->name, version) : 0;
}

int version_key_make(
        enum version_ecosystem e, const char *version, struct version_key *ret, struct error *err)
{
	return make(e, version_orders[e].key, version, ret, err);
}

int version_key_make_loosely(
        enum version_ecosystem e, const char *version, struct version_key *ret, struct error *err)
{
	int r = version_key_make(e, version, ret, err);
	return r < 0 && version_orders[e].loose_key ? make(e, version_orders[e].loose_key, version, ret, err)
	                                            : r;
}

static int compare_texts(enum version_ecosystem e, const char *a, const char *b)
{
	return version_orders[e].compare(text_of(e, a, strlen(a)), text_of(e, b, strlen(b)));
}

int version_check_visible(struct version_text t, struct error *err)
{
	for (const char *c = t.at; c < t.end; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return error_set(err, -EINVAL, "white space or a control character");
	return 0;
}

int version_take_epoch(struct version_text *t, struct version_text *ret_epoch, struct error *err)
{
	struct version_text rest = *t, epoch = version_take_digits(&rest);
	if (version_take(&rest, ':'))
		*t = rest;
	else
		epoch.end = epoch.at;
	*ret_epoch = epoch;
	return version_check_visible(*t, err);
}

int version_compare(enum version_ecosystem e, const char *a, const char *b, int *ret_order, struct error *err)
{
	struct version_key ka, kb;
	int r = version_key_make(e, a, &ka, err);
	if (r == 0)
		r = version_key_make(e, b, &kb, err);
	if (r != 0)
		return r;
	*ret_order = version_orders[e].compare ? compare_texts(e, a, b) : version_key_order(&ka, &kb);
	return 0;
}

int version_compare_loosely(
        enum version_ecosystem e, const char *a, const char *b, int *ret_order, struct error *err)
{
	struct version_key ka, kb;
	if (version_compare(e, a, b, ret_order, NULL) == 0)
		return 0;
	if (version_orders[e].compares_all && strnlen(a, VERSION_MAX + 1) <= VERSION_MAX &&
	        strnlen(b, VERSION_MAX + 1) <= VERSION_MAX) {
		*ret_order = compare_texts(e, a, b);
		return 0;
	}
	int r = version_key_make_loosely(e, a, &ka, err);
	if (r == 0)
		r = version_key_make_loosely(e, b, &kb, err);
	if (r == 0)
		*ret_order = version_key_order(&ka, &kb);
	return r;
}
