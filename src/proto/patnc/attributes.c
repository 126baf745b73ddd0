/* SPDX-License-Identifier: ISC */
/* The attributes of RFC 5792 4.2, one get and one put each. */
#include "proto/patnc/field.h"

#include <errno.h>
#include <string.h>

struct patnc_text patnc_read_text(struct reader *r, size_t n)
{
	const uint8_t *at = rd_bytes(r, n);
	if (at && n && memchr(at, 0, n))
		rd_fail(r);
	if (rd_failed(r))
		return (struct patnc_text){ 0 };
	return (struct patnc_text){ .at = (const char *)at, .length = n };
}

void patnc_write_text8(struct writer *w, struct patnc_text text)
{
	w->failed |= text.length > UINT8_MAX;
	wr_u8(w, (uint8_t)text.length);
	wr_bytes(w, text.at, text.length);
}

void patnc_write_text16(struct writer *w, struct patnc_text text)
{
	w->failed |= text.length > UINT16_MAX;
	wr_u16(w, (uint16_t)text.length);
	wr_bytes(w, text.at, text.length);
}

int patnc_done(const struct reader *r)
{
	return rd_failed(r) || r->left ? -EBADMSG : 0;
}

int patnc_read_time(struct reader *r, char ret[PATNC_TIME_SIZE + 1])
{
	static const char shape[PATNC_TIME_SIZE + 1] = "0000-00-00T00:00:00Z";
	const uint8_t *at = rd_bytes(r, PATNC_TIME_SIZE);
	for (size_t i = 0; at && i < PATNC_TIME_SIZE; i++) {
		bool good = shape[i] == '0' ? at[i] >= '0' && at[i] <= '9' : at[i] == (uint8_t)shape[i];
		if (!good) {
			rd_fail(r);
			return -EBADMSG;
		}
	}
	if (!at)
		return -EBADMSG;
	memcpy(ret, at, PATNC_TIME_SIZE);
	ret[PATNC_TIME_SIZE] = 0;
	return 0;
}

void patnc_write_time(struct writer *w, const char *time)
{
	const char *text = time[0] ? time : "0000-00-00T00:00:00Z";
	w->failed |= strlen(text) != PATNC_TIME_SIZE;
	if (!w->failed)
		wr_bytes(w, text, PATNC_TIME_SIZE);
}

static size_t begin(struct writer *w, enum patnc_type type)
{
	return patnc_begin_attribute(w, PATNC_VENDOR_IETF, type, false);
}

int patnc_get_attribute_request(const struct patnc_attribute *a, struct patnc_list *ret)
{
	if (a->length % 8)
		return -EBADMSG;
	*ret = (struct patnc_list){ .rest = patnc_value(a), .count = a->length / 8 };
	return 0;
}

bool patnc_next_attribute_id(struct patnc_list *list, struct patnc_attribute_id *ret)
{
	rd_skip(&list->rest, 1);
	uint32_t vendor = rd_u24(&list->rest), type = rd_u32(&list->rest);
	if (rd_failed(&list->rest))
		return false;
	*ret = (struct patnc_attribute_id){ vendor, type };
	return true;
}

void patnc_put_attribute_request(struct writer *w, const struct patnc_attribute_id *ids, size_t n)
{
	size_t at = begin(w, PATNC_ATTRIBUTE_REQUEST);
	for (size_t i = 0; i < n; i++) {
		wr_u8(w, 0);
		wr_u24(w, ids[i].vendor);
		wr_u32(w, ids[i].type);
	}
	patnc_end_attribute(w, at);
}

int patnc_get_product_information(const struct patnc_attribute *a, struct patnc_product *ret)
{
	struct reader r = patnc_value(a);
	struct patnc_product product;
	product.vendor = rd_u24(&r);
	product.id = rd_u16(&r);
	product.name = patnc_read_text(&r, rd_left(&r));
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = product;
	return 0;
}

void patnc_put_product_information(struct writer *w, const struct patnc_product *product)
{
	size_t at = begin(w, PATNC_PRODUCT_INFORMATION);
	wr_u24(w, product->vendor);
	wr_u16(w, product->id);
	wr_bytes(w, product->name.at, product->name.length);
	patnc_end_attribute(w, at);
}

int patnc_get_numeric_version(const struct patnc_attribute *a, struct patnc_numeric_version *ret)
{
	struct reader r = patnc_value(a);
	struct patnc_numeric_version version;
	version.major = rd_u32(&r);
	version.minor = rd_u32(&r);
	version.build = rd_u32(&r);
	version.service_pack_major = rd_u16(&r);
	version.service_pack_minor = rd_u16(&r);
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = version;
	return 0;
}

void patnc_put_numeric_version(struct writer *w, const struct patnc_numeric_version *version)
{
	size_t at = begin(w, PATNC_NUMERIC_VERSION);
	wr_u32(w, version->major);
	wr_u32(w, version->minor);
	wr_u32(w, version->build);
	wr_u16(w, version->service_pack_major);
	wr_u16(w, version->service_pack_minor);
	patnc_end_attribute(w, at);
}

int patnc_get_string_version(const struct patnc_attribute *a, struct patnc_string_version *ret)
{
	struct reader r = patnc_value(a);
	struct patnc_string_version version;
	version.version = patnc_read_text(&r, rd_u8(&r));
	version.build = patnc_read_text(&r, rd_u8(&r));
	version.configuration = patnc_read_text(&r, rd_u8(&r));
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = version;
	return 0;
}

void patnc_put_string_version(struct writer *w, const struct patnc_string_version *version)
{
	size_t at = begin(w, PATNC_STRING_VERSION);
	patnc_write_text8(w, version->version);
	patnc_write_text8(w, version->build);
	patnc_write_text8(w, version->configuration);
	patnc_end_attribute(w, at);
}

int patnc_get_operational_status(const struct patnc_attribute *a, struct patnc_operational_status *ret)
{
	struct reader r = patnc_value(a);
	struct patnc_operational_status status;
	status.status = rd_u8(&r);
	status.result = rd_u8(&r);
	rd_skip(&r, 2);
	if (patnc_read_time(&r, status.last_use) < 0 || patnc_done(&r) < 0)
		return -EBADMSG;
	if (status.status > PATNC_OPERATIONAL || status.result > PATNC_RESULT_FAILURE)
		return -EBADMSG;
	*ret = status;
	return 0;
}

void patnc_put_operational_status(struct writer *w, const struct patnc_operational_status *status)
{
	size_t at = begin(w, PATNC_OPERATIONAL_STATUS);
	wr_u8(w, status->status);
	wr_u8(w, status->result);
	wr_u16(w, 0);
	patnc_write_time(w, status->last_use);
	patnc_end_attribute(w, at);
}

int patnc_get_port_filter(const struct patnc_attribute *a, struct patnc_list *ret)
{
	if (a->length % 4)
		return -EBADMSG;
	*ret = (struct patnc_list){ .rest = patnc_value(a), .count = a->length / 4 };
	return 0;
}

bool patnc_next_port(struct patnc_list *list, struct patnc_port *ret)
{
	struct patnc_port port;
	port.blocked = rd_u8(&list->rest) & 1;
	port.protocol = rd_u8(&list->rest);
	port.port = rd_u16(&list->rest);
	if (rd_failed(&list->rest))
		return false;
	*ret = port;
	return true;
}

void patnc_put_port_filter(struct writer *w, const struct patnc_port *ports, size_t n)
{
	size_t at = begin(w, PATNC_PORT_FILTER);
	for (size_t i = 0; i < n; i++) {
		wr_u8(w, ports[i].blocked);
		wr_u8(w, ports[i].protocol);
		wr_u16(w, ports[i].port);
	}
	patnc_end_attribute(w, at);
}

static struct patnc_package read_package(struct reader *r)
{
	struct patnc_package package;
	package.name = patnc_read_text(r, rd_u8(r));
	package.version = patnc_read_text(r, rd_u8(r));
	return package;
}

int patnc_get_installed_packages(const struct patnc_attribute *a, struct patnc_list *ret)
{
	struct reader r = patnc_value(a);
	rd_skip(&r, 2);
	uint16_t count = rd_u16(&r);
	struct reader packages = r;
	for (uint16_t i = 0; i < count && !rd_failed(&r); i++)
		(void)read_package(&r);
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = (struct patnc_list){ .rest = packages, .count = count };
	return 0;
}

bool patnc_next_package(struct patnc_list *list, struct patnc_package *ret)
{
	if (rd_left(&list->rest) == 0)
		return false;
	struct patnc_package package = read_package(&list->rest);
	if (rd_failed(&list->rest))
		return false;
	*ret = package;
	return true;
}

size_t patnc_begin_installed_packages(struct writer *w)
{
	size_t at = begin(w, PATNC_INSTALLED_PACKAGES);
	wr_u32(w, 0);
	return at;
}

void patnc_put_package(struct writer *w, const struct patnc_package *package)
{
	patnc_write_text8(w, package->name);
	patnc_write_text8(w, package->version);
}

void patnc_end_installed_packages(struct writer *w, size_t at, uint16_t count)
{
	wr_patch_u16(w, at + PATNC_ATTRIBUTE_HEADER_SIZE + 2, count);
	patnc_end_attribute(w, at);
}

static int get_u32(const struct patnc_attribute *a, uint32_t max, uint32_t *ret)
{
	struct reader r = patnc_value(a);
	uint32_t value = rd_u32(&r);
	if (patnc_done(&r) < 0 || value > max)
		return -EBADMSG;
	*ret = value;
	return 0;
}

static void put_u32(struct writer *w, enum patnc_type type, uint32_t value)
{
	size_t at = begin(w, type);
	wr_u32(w, value);
	patnc_end_attribute(w, at);
}

int patnc_get_assessment_result(const struct patnc_attribute *a, enum patnc_assessment *ret)
{
	uint32_t value;
	if (get_u32(a, PATNC_ASSESSMENT_UNKNOWN, &value) < 0)
		return -EBADMSG;
	*ret = (enum patnc_assessment)value;
	return 0;
}

void patnc_put_assessment_result(struct writer *w, enum patnc_assessment result)
{
	put_u32(w, PATNC_ASSESSMENT_RESULT, result);
}

int patnc_get_remediation_instructions(const struct patnc_attribute *a, struct patnc_remediation *ret)
{
	struct reader r = patnc_value(a);
	struct patnc_remediation remediation = { 0 };
	rd_skip(&r, 1);
	remediation.vendor = rd_u24(&r);
	remediation.type = rd_u32(&r);
	remediation.value = r.at;
	remediation.length = rd_left(&r);
	if (remediation.vendor == PATNC_VENDOR_IETF && remediation.type == PATNC_REMEDIATION_URI) {
		remediation.text = patnc_read_text(&r, rd_left(&r));
	} else if (remediation.vendor == PATNC_VENDOR_IETF && remediation.type == PATNC_REMEDIATION_STRING) {
		remediation.text = patnc_read_text(&r, rd_u32(&r));
		remediation.language = patnc_read_text(&r, rd_u8(&r));
	} else {
		rd_skip(&r, rd_left(&r));
	}
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = remediation;
	return 0;
}

void patnc_put_remediation_instructions(struct writer *w, const struct patnc_remediation *remediation)
{
	size_t at = begin(w, PATNC_REMEDIATION_INSTRUCTIONS);
	wr_u8(w, 0);
	wr_u24(w, remediation->vendor);
	wr_u32(w, remediation->type);
	if (remediation->vendor == PATNC_VENDOR_IETF && remediation->type == PATNC_REMEDIATION_STRING) {
		wr_u32(w, (uint32_t)remediation->text.length);
		wr_bytes(w, remediation->text.at, remediation->text.length);
		patnc_write_text8(w, remediation->language);
	} else if (remediation->vendor == PATNC_VENDOR_IETF && remediation->type == PATNC_REMEDIATION_URI) {
		wr_bytes(w, remediation->text.at, remediation->text.length);
	} else {
		wr_bytes(w, remediation->value, remediation->length);
	}
	patnc_end_attribute(w, at);
}

int patnc_get_forwarding_enabled(const struct patnc_attribute *a, enum patnc_forwarding *ret)
{
	uint32_t value;
	if (get_u32(a, PATNC_FORWARDING_UNKNOWN, &value) < 0)
		return -EBADMSG;
	*ret = (enum patnc_forwarding)value;
	return 0;
}

void patnc_put_forwarding_enabled(struct writer *w, enum patnc_forwarding forwarding)
{
	put_u32(w, PATNC_FORWARDING_ENABLED, forwarding);
}

int patnc_get_factory_default_password(const struct patnc_attribute *a, bool *ret)
{
	uint32_t value;
	if (get_u32(a, 1, &value) < 0)
		return -EBADMSG;
	*ret = value;
	return 0;
}

void patnc_put_factory_default_password(struct writer *w, bool enabled)
{
	put_u32(w, PATNC_FACTORY_DEFAULT_PASSWORD, enabled);
}
