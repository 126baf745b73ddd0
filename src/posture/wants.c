/* SPDX-License-Identifier: ISC */
/*
 * What a server asks for (RFC 5792 4.2.1, RFC 8412 5.7). Targets are kept as hashes: two that share one only
 * bring a record more than was asked for.
 */
#include "posture/attributes.h"

#include "proto/patnc/swima.h"
#include <errno.h>
#include <string.h>

/* FNV-1a */
static uint64_t hash(const char *text, size_t length)
{
	uint64_t h = 0xcbf29ce484222325ull;
	for (size_t i = 0; i < length; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3ull;
	return h;
}

static void read_targets(struct posture_wants *wants, struct swima_request *request)
{
	struct patnc_text target;
	wants->n_targets = 0;
	if (request->count > POSTURE_TARGETS_MAX)
		return;
	while (swima_next_target(request, &target))
		wants->targets[wants->n_targets++] = hash(target.at, target.length);
}

bool posture_is_wanted(const struct posture_wants *wants, const char *identifier)
{
	uint64_t h = hash(identifier, strlen(identifier));
	for (size_t i = 0; i < wants->n_targets; i++)
		if (wants->targets[i] == h)
			return true;
	return wants->n_targets == 0;
}

int posture_read_request(
        struct posture_wants *wants, const void *body, size_t length, struct patnc_error *ret_error)
{
	struct patnc_message message;
	struct patnc_attribute a;
	int result = patnc_read_message(body, length, NULL, &message, ret_error);
	while (result == 0 && patnc_next_attribute(&message, &a)) {
		struct patnc_list list;
		struct patnc_attribute_id id;
		struct swima_request request;
		if (a.vendor != PATNC_VENDOR_IETF)
			continue;
		if (a.type == PATNC_ATTRIBUTE_REQUEST) {
			result = patnc_get_attribute_request(&a, &list);
			while (result == 0 && patnc_next_attribute_id(&list, &id))
				wants->installed_packages |=
				        id.vendor == PATNC_VENDOR_IETF && id.type == PATNC_INSTALLED_PACKAGES;
		} else if (a.type == PATNC_SWIMA_REQUEST) {
			result = swima_get_request(&a, &request);
			wants->inventory = true;
			wants->inventory_id = result == 0 ? request.id : 0;
			wants->records = result == 0 && !request.identifiers_only;
			if (result == 0)
				read_targets(wants, &request);
		}
		if (result < 0)
			*ret_error = patnc_invalid_attribute(&message, &a);
	}
	return result;
}
