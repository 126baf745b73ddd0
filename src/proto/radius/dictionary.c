/* SPDX-License-Identifier: ISC */
/* Reading dictionary files. See dictionary.h. */
#include "proto/radius/dictionary.h"

#include "base/table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 5

struct radius_dictionary {
	struct table *attributes; /* name in small letters -> struct radius_definition */
	struct table *values;     /* "attribute\0value", small -> struct named_value */
	struct table *vendors;    /* name -> struct named_value, with its number */
	size_t count;
};

struct named_value {
	uint32_t number;
};

/* The types of the standard space that the data plane of names needs; a vendor's are read from files. */
static const struct radius_definition built_in[] = {
	{ "User-Name", 0, RADIUS_USER_NAME, false, RADIUS_DATA_TEXT },
	{ "User-Password", 0, RADIUS_USER_PASSWORD, false, RADIUS_DATA_OTHER },
	{ "CHAP-Password", 0, RADIUS_CHAP_PASSWORD, false, RADIUS_DATA_OTHER },
	{ "NAS-IP-Address", 0, RADIUS_NAS_IP_ADDRESS, false, RADIUS_DATA_IPV4 },
	{ "NAS-Port", 0, RADIUS_NAS_PORT, false, RADIUS_DATA_U32 },
	{ "Service-Type", 0, RADIUS_SERVICE_TYPE, false, RADIUS_DATA_U32 },
	{ "Framed-Protocol", 0, RADIUS_FRAMED_PROTOCOL, false, RADIUS_DATA_U32 },
	{ "Framed-IP-Address", 0, RADIUS_FRAMED_IP_ADDRESS, false, RADIUS_DATA_IPV4 },
	{ "Filter-Id", 0, RADIUS_FILTER_ID, false, RADIUS_DATA_TEXT },
	{ "Framed-MTU", 0, RADIUS_FRAMED_MTU, false, RADIUS_DATA_U32 },
	{ "Reply-Message", 0, RADIUS_REPLY_MESSAGE, false, RADIUS_DATA_TEXT },
	{ "Framed-Route", 0, RADIUS_FRAMED_ROUTE, false, RADIUS_DATA_TEXT },
	{ "State", 0, RADIUS_STATE, false, RADIUS_DATA_OCTETS },
	{ "Class", 0, RADIUS_CLASS, false, RADIUS_DATA_OCTETS },
	{ "Session-Timeout", 0, RADIUS_SESSION_TIMEOUT, false, RADIUS_DATA_U32 },
	{ "Idle-Timeout", 0, RADIUS_IDLE_TIMEOUT, false, RADIUS_DATA_U32 },
	{ "Called-Station-Id", 0, RADIUS_CALLED_STATION_ID, false, RADIUS_DATA_TEXT },
	{ "Calling-Station-Id", 0, RADIUS_CALLING_STATION_ID, false, RADIUS_DATA_TEXT },
	{ "NAS-Identifier", 0, RADIUS_NAS_IDENTIFIER, false, RADIUS_DATA_TEXT },
	{ "Proxy-State", 0, RADIUS_PROXY_STATE, false, RADIUS_DATA_OCTETS },
	{ "Acct-Session-Id", 0, RADIUS_ACCT_SESSION_ID, false, RADIUS_DATA_TEXT },
	{ "Acct-Multi-Session-Id", 0, RADIUS_ACCT_MULTI_SESSION_ID, false, RADIUS_DATA_TEXT },
	{ "Event-Timestamp", 0, RADIUS_EVENT_TIMESTAMP, false, RADIUS_DATA_U32 },
	{ "NAS-Port-Type", 0, RADIUS_NAS_PORT_TYPE, false, RADIUS_DATA_U32 },
	{ "Tunnel-Client-Endpoint", 0, RADIUS_TUNNEL_CLIENT_ENDPOINT, true, RADIUS_DATA_TEXT },
	{ "Tunnel-Server-Endpoint", 0, RADIUS_TUNNEL_SERVER_ENDPOINT, true, RADIUS_DATA_TEXT },
	{ "EAP-Message", 0, RADIUS_EAP_MESSAGE, false, RADIUS_DATA_OTHER },
	{ "Message-Authenticator", 0, RADIUS_MESSAGE_AUTHENTICATOR, false, RADIUS_DATA_OTHER },
	{ "Tunnel-Private-Group-Id", 0, RADIUS_TUNNEL_PRIVATE_GROUP_ID, true, RADIUS_DATA_TEXT },
	{ "Acct-Interim-Interval", 0, RADIUS_ACCT_INTERIM_INTERVAL, false, RADIUS_DATA_U32 },
	{ "NAS-Port-Id", 0, RADIUS_NAS_PORT_ID, false, RADIUS_DATA_TEXT },
	{ "Framed-Pool", 0, RADIUS_FRAMED_POOL, false, RADIUS_DATA_TEXT },
	{ "Chargeable-User-Identity", 0, RADIUS_CHARGEABLE_USER_IDENTITY, false, RADIUS_DATA_OCTETS },
	{ "Tunnel-Client-Auth-Id", 0, RADIUS_TUNNEL_CLIENT_AUTH_ID, true, RADIUS_DATA_TEXT },
	{ "NAS-IPv6-Address", 0, RADIUS_NAS_IPV6_ADDRESS, false, RADIUS_DATA_IPV6 },
	{ "Framed-Interface-Id", 0, RADIUS_FRAMED_INTERFACE_ID, false, RADIUS_DATA_INTERFACE_ID },
	{ "Framed-IPv6-Prefix", 0, RADIUS_FRAMED_IPV6_PREFIX, false, RADIUS_DATA_IPV6_PREFIX },
	{ "Framed-IPv6-Route", 0, RADIUS_FRAMED_IPV6_ROUTE, false, RADIUS_DATA_TEXT },
	{ "Framed-IPv6-Pool", 0, RADIUS_FRAMED_IPV6_POOL, false, RADIUS_DATA_TEXT },
	{ "Error-Cause", 0, RADIUS_ERROR_CAUSE, false, RADIUS_DATA_U32 },
	{ "Delegated-IPv6-Prefix", 0, RADIUS_DELEGATED_IPV6_PREFIX, false, RADIUS_DATA_IPV6_PREFIX },
	{ "Operator-Name", 0, 126, false, RADIUS_DATA_TEXT },
	{ "Framed-IPv6-Address", 0, RADIUS_FRAMED_IPV6_ADDRESS, false, RADIUS_DATA_IPV6 },
	{ "DNS-Server-IPv6-Address", 0, RADIUS_DNS_SERVER_IPV6_ADDRESS, false, RADIUS_DATA_IPV6 },
	{ "Delegated-IPv6-Prefix-Pool", 0, RADIUS_DELEGATED_IPV6_PREFIX_POOL, false, RADIUS_DATA_TEXT },
	{ "MS-Primary-DNS-Server", RADIUS_VENDOR_MICROSOFT, MS_PRIMARY_DNS_SERVER, false, RADIUS_DATA_IPV4 },
	{ "MS-Secondary-DNS-Server", RADIUS_VENDOR_MICROSOFT, MS_SECONDARY_DNS_SERVER, false,
	        RADIUS_DATA_IPV4 },
	{ "WISPr-Bandwidth-Max-Up", RADIUS_VENDOR_WISPR, WISPR_BANDWIDTH_MAX_UP, false, RADIUS_DATA_U32 },
	{ "WISPr-Bandwidth-Max-Down", RADIUS_VENDOR_WISPR, WISPR_BANDWIDTH_MAX_DOWN, false, RADIUS_DATA_U32 },
};

static const struct {
	const char *name;
	enum radius_data data;
} data_names[] = {
	{ "string", RADIUS_DATA_TEXT },
	{ "octets", RADIUS_DATA_OCTETS },
	{ "integer", RADIUS_DATA_U32 },
	{ "date", RADIUS_DATA_U32 },
	{ "ipaddr", RADIUS_DATA_IPV4 },
	{ "ipv6addr", RADIUS_DATA_IPV6 },
	{ "ipv6prefix", RADIUS_DATA_IPV6_PREFIX },
	{ "ifid", RADIUS_DATA_INTERFACE_ID },
};

static size_t small_letters(const char *text, char ret[RADIUS_NAME_MAX + 1])
{
	size_t n = 0;
	for (; text[n] && n < RADIUS_NAME_MAX; n++)
		ret[n] = (char)tolower((unsigned char)text[n]);
	ret[n] = '\0';
	return n;
}

static size_t value_key(const char *attribute, const char *value, char ret[2 * (RADIUS_NAME_MAX + 1)])
{
	size_t n = small_letters(attribute, ret) + 1;
	return n + small_letters(value, ret + n);
}

static void add_attribute(struct radius_dictionary *d, const struct radius_definition *definition)
{
	char name[RADIUS_NAME_MAX + 1];
	small_letters(definition->name, name);
	if (table_get_string(d->attributes, name))
		return;
	table_set_string(d->attributes, name, xmemdup(definition, sizeof(*definition)));
	d->count++;
}

struct radius_dictionary *radius_dictionary_new(void)
{
	struct radius_dictionary *d = xcalloc(1, sizeof(*d));
	d->attributes = table_new();
	d->values = table_new();
	d->vendors = table_new();
	for (size_t i = 0; i < ARRAY_LENGTH(built_in); i++)
		add_attribute(d, &built_in[i]);
	return d;
}

struct radius_dictionary *radius_dictionary_free(struct radius_dictionary *d)
{
	if (!d)
		return NULL;
	table_free(d->attributes, free);
	table_free(d->values, free);
	table_free(d->vendors, free);
	free(d);
	return NULL;
}

struct reading {
	struct radius_dictionary *d;
	radius_load_fn *load;
	void *user;
	struct error *err;
	unsigned depth, files;
};

/* Where a line stands, and in which vendor's block. */
struct place {
	const char *path;
	int line;
	bool in_vendor, is_other_form; /* a vendor whose attributes are not type, length, value */
	unsigned tlv;                  /* blocks that are open; their numbers are of another space */
	uint32_t vendor;
};

static int complain(struct reading *r, const struct place *at, const char *what, const char *word)
{
	return error_set(r->err, -EINVAL, "%.200s:%d: %s \"%.64s\"", at->path, at->line, what, word);
}

static int parse_number(const char *text, uint32_t *ret)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 0);
	if (errno || *end || v > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

/* ATTRIBUTE name number type [flags]. Numbers with a dot are parts of others (RFC 6929). */
static int read_attribute(struct reading *r, struct place *at, char **words, size_t n)
{
	struct radius_definition new = { .vendor = at->in_vendor ? at->vendor : 0,
		.data = RADIUS_DATA_OTHER };
	uint32_t number;
	if (n < 4)
		return complain(
		        r, at, "an attribute has a name, a number and a type:", n > 1 ? words[1] : "");
	if (at->is_other_form || at->tlv || strchr(words[2], '.'))
		return 0;
	if (strlen(words[1]) > RADIUS_NAME_MAX)
		return complain(r, at, "the name is too long:", words[1]);
	if (parse_number(words[2], &number) < 0)
		return complain(r, at, "not a number:", words[2]);
	if (number == 0 || number > UINT8_MAX)
		return 0; /* of the server's own inside */
	snprintf(new.name, sizeof(new.name), "%s", words[1]);
	new.type = (uint8_t)number;
	for (size_t i = 0; i < ARRAY_LENGTH(data_names); i++)
		if (strcmp(words[3], data_names[i].name) == 0)
			new.data = data_names[i].data;
	new.is_tagged = n > 4 && strstr(words[4], "has_tag");
	if (n > 4 && strstr(words[4], "encrypt"))
		new.data = RADIUS_DATA_OTHER;
	add_attribute(r->d, &new);
	return 0;
}

static void add_number(
        struct radius_dictionary *d, struct table *to, const void *key, size_t length, uint32_t number)
{
	struct named_value *value = xmalloc(sizeof(*value));
	value->number = number;
	struct named_value *before = table_set(to, key, length, value);
	d->count += !before;
	free(before);
}

static int read_value(struct reading *r, struct place *at, char **words, size_t n)
{
	char key[2 * (RADIUS_NAME_MAX + 1)];
	uint32_t number;
	if (n < 4)
		return complain(
		        r, at, "a value has an attribute, a name and a number:", n > 1 ? words[1] : "");
	if (parse_number(words[3], &number) == 0) /* else it is of a wider type than ours */
		add_number(r->d, r->d->values, key, value_key(words[1], words[2], key), number);
	return 0;
}

static int read_vendor(struct reading *r, struct place *at, char **words, size_t n)
{
	uint32_t number;
	if (n < 3 || parse_number(words[2], &number) < 0)
		return complain(r, at, "a vendor has a name and a number:", n > 1 ? words[1] : "");
	/* Another form than type and length of one byte each: its attributes are passed over. */
	if (n > 3 && strncmp(words[3], "format=1,1", 10) != 0)
		number |= 1u << 31;
	add_number(r->d, r->d->vendors, words[1], strlen(words[1]), number);
	return 0;
}

static int begin_vendor(struct reading *r, struct place *at, char **words, size_t n)
{
	const struct named_value *v = n > 1 ? table_get_string(r->d->vendors, words[1]) : NULL;
	if (!v)
		return complain(r, at, "no such vendor:", n > 1 ? words[1] : "");
	at->in_vendor = true;
	at->is_other_form = (v->number & 1u << 31) || n > 2; /* "format=" of RFC 6929 */
	at->vendor = v->number & ~(1u << 31);
	return 0;
}

static int end_vendor(struct reading *r, struct place *at, char **words, size_t n)
{
	at->in_vendor = at->is_other_form = false;
	return 0;
}

static int read_file(struct reading *r, const char *path);

static int include(struct reading *r, struct place *at, char **words, size_t n)
{
	if (n < 2)
		return complain(r, at, "what is to be included after", words[0]);
	const char *slash = strrchr(at->path, '/');
	int folder = words[1][0] == '/' || !slash ? 0 : (int)(slash - at->path) + 1;
	char *path FREE_ON_EXIT = xasprintf("%.*s%s", folder, at->path, words[1]);
	return read_file(r, path);
}

static int begin_tlv(struct reading *r, struct place *at, char **words, size_t n)
{
	at->tlv++;
	return 0;
}

static int end_tlv(struct reading *r, struct place *at, char **words, size_t n)
{
	if (at->tlv == 0)
		return complain(r, at, "nothing to end with", words[0]);
	at->tlv--;
	return 0;
}

static int pass_over(struct reading *r, struct place *at, char **words, size_t n)
{
	return 0;
}

static const struct {
	const char *word;
	int (*read)(struct reading *r, struct place *at, char **words, size_t n);
} lines[] = {
	{ "ATTRIBUTE", read_attribute },
	{ "VALUE", read_value },
	{ "VENDOR", read_vendor },
	{ "BEGIN-VENDOR", begin_vendor },
	{ "END-VENDOR", end_vendor },
	{ "$INCLUDE", include },
	{ "BEGIN-TLV", begin_tlv },
	{ "END-TLV", end_tlv },
	{ "FLAGS", pass_over },
};

static int read_line(struct reading *r, struct place *at, char *line)
{
	char *words[WORDS_MAX];
	size_t n = 0;
	line[strcspn(line, "#\r")] = '\0';
	for (char *word; n < WORDS_MAX && (word = strsep(&line, " \t"));)
		if (*word)
			words[n++] = word;
	if (n == 0)
		return 0;
	if (r->d->count > RADIUS_DICTIONARY_MAX)
		return error_set(
		        r->err, -EINVAL, "%s: more than %d definitions", at->path, RADIUS_DICTIONARY_MAX);
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
		if (strcasecmp(words[0], lines[i].word) == 0)
			return lines[i].read(r, at, words, n);
	return complain(r, at, "not a line of a dictionary:", words[0]);
}

static int read_file(struct reading *r, const char *path)
{
	char *text FREE_ON_EXIT = NULL;
	if (r->depth == RADIUS_DICTIONARY_DEPTH_MAX || r->files == RADIUS_DICTIONARY_FILES_MAX)
		return error_set(r->err, -ELOOP, "%s: included too deep, or too many files", path);
	int e = r->load(r->user, path, &text, r->err);
	if (e < 0)
		return e;
	r->depth++;
	r->files++;
	struct place at = { .path = path };
	char *rest = text;
	while (e == 0 && rest) {
		at.line++;
		e = read_line(r, &at, strsep(&rest, "\n"));
	}
	r->depth--;
	return e;
}

int radius_dictionary_read(
        struct radius_dictionary *d, const char *path, radius_load_fn *load, void *user, struct error *err)
{
	struct reading r = { .d = d, .load = load, .user = user, .err = err };
	return read_file(&r, path);
}

const struct radius_definition *radius_dictionary_find(const struct radius_dictionary *d, const char *name)
{
	char small[RADIUS_NAME_MAX + 1];
	if (strlen(name) > RADIUS_NAME_MAX)
		return NULL;
	small_letters(name, small);
	return table_get_string(d->attributes, small);
}

static int number_of(const struct radius_dictionary *d, const struct radius_definition *definition,
        const char *text, uint32_t *ret)
{
	char key[2 * (RADIUS_NAME_MAX + 1)];
	if (parse_number(text, ret) == 0)
		return 0;
	const struct named_value *v = table_get(d->values, key, value_key(definition->name, text, key));
	if (!v)
		return -EINVAL;
	*ret = v->number;
	return 0;
}

static int octets_of(const char *text, uint8_t *ret, size_t size)
{
	size_t n = strlen(text);
	if (strncmp(text, "0x", 2) != 0) {
		if (n > size)
			return -EINVAL;
		memcpy(ret, text, n); /* NOLINT(bugprone-not-null-terminated-result): octets, not a string */
		return (int)n;
	}
	n = (n - 2) / 2;
	if (strlen(text) % 2 || n > size || strspn(text + 2, "0123456789abcdefABCDEF") != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const char digits[3] = { text[2 + 2 * i], text[3 + 2 * i], '\0' };
		ret[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return (int)n;
}

static int interface_id_of(const char *text, uint8_t ret[8])
{
	char *full FREE_ON_EXIT = xasprintf("::%s", text);
	struct ip_address a;
	if (strstr(text, "::") || ip_parse(full, &a) < 0 || ip_is_v4(&a))
		return -EINVAL;
	memcpy(ret, a.bytes + 8, 8);
	return 8;
}

static int prefix_of(const char *text, uint8_t ret[18])
{
	struct ip_prefix p;
	if (ip_prefix_parse(text, &p) < 0 || ip_is_v4(&p.address))
		return -EINVAL;
	ret[0] = 0;
	ret[1] = p.length;
	memcpy(ret + 2, p.address.bytes, 16);
	return 18;
}

/* The value in its form on the wire: how many bytes, or negative. */
static int value_of(const struct radius_dictionary *d, const struct radius_definition *definition,
        const char *text, uint8_t ret[RADIUS_VALUE_MAX])
{
	struct ip_address a;
	uint32_t number;
	switch (definition->data) {
	case RADIUS_DATA_TEXT:
		if (strlen(text) > RADIUS_VALUE_MAX)
			return -EINVAL;
		memcpy(ret, text, strlen(text)); /* NOLINT(bugprone-not-null-terminated-result): as above */
		return (int)strlen(text);
	case RADIUS_DATA_OCTETS:
		return octets_of(text, ret, RADIUS_VALUE_MAX);
	case RADIUS_DATA_U32:
		if (number_of(d, definition, text, &number) < 0 ||
		        (definition->is_tagged && number > 0xffffff))
			return -EINVAL;
		for (int i = 0; i < 4; i++)
			ret[i] = (uint8_t)(number >> (24 - 8 * i));
		return 4;
	case RADIUS_DATA_IPV4:
	case RADIUS_DATA_IPV6:
		if (ip_parse(text, &a) < 0 || ip_is_v4(&a) != (definition->data == RADIUS_DATA_IPV4))
			return -EINVAL;
		memcpy(ret, a.bytes + (ip_is_v4(&a) ? 12 : 0), ip_is_v4(&a) ? 4 : 16);
		return ip_is_v4(&a) ? 4 : 16;
	case RADIUS_DATA_IPV6_PREFIX:
		return prefix_of(text, ret);
	case RADIUS_DATA_INTERFACE_ID:
		return interface_id_of(text, ret);
	case RADIUS_DATA_OTHER:
		break;
	}
	return -EINVAL;
}

int radius_dictionary_write(const struct radius_dictionary *d, const struct radius_definition *definition,
        const char *value, struct writer *w, struct error *err)
{
	uint8_t bytes[RADIUS_VALUE_MAX];
	int n = value_of(d, definition, value, bytes);
	if (n <= 0 || (definition->vendor && n > RADIUS_VENDOR_VALUE_MAX))
		return error_set(err, -EINVAL, "%s: \"%.100s\" is not a value of it%s", definition->name,
		        value, definition->data == RADIUS_DATA_OTHER ? "; it cannot be set here" : "");
	if (definition->vendor)
		radius_write_vendor(w, definition->vendor, definition->type, bytes, (size_t)n);
	else
		radius_write(w, definition->type, bytes, (size_t)n);
	return 0;
}

const char *radius_label(uint32_t vendor, uint8_t type, char text[RADIUS_LABEL_SIZE])
{
	for (size_t i = 0; i < ARRAY_LENGTH(built_in); i++) {
		if (built_in[i].vendor == vendor && built_in[i].type == type) {
			snprintf(text, RADIUS_LABEL_SIZE, "%s", built_in[i].name);
			return text;
		}
	}
	if (vendor)
		snprintf(text, RADIUS_LABEL_SIZE, "attribute %u of vendor %u", type, vendor);
	else
		snprintf(text, RADIUS_LABEL_SIZE, "attribute %u", type);
	return text;
}
