/* SPDX-License-Identifier: ISC */
/* What an inspection found, with all that follows from it alone; the node's, in memory and in the store. */
#include "server/site.h"

#include <errno.h>
#include <string.h>

struct site_posture *site_posture_new(struct posture *posture)
{
	struct site_posture *p = xcalloc(1, sizeof(*p));
	p->posture = posture;
	p->text = posture_to_json_text(posture, &p->text_length);
	if (p->text && p->text_length > STORE_POSTURE_MAX)
		free(TAKE_POINTER(p->text));
	posture_digest(posture, p->digest);
	p->package_keys = site_package_keys(posture, &p->n_package_keys);
	return p;
}

struct site_posture *site_posture_free(struct site_posture *p)
{
	if (!p)
		return NULL;
	posture_free(p->posture);
	free(p->text);
	free(p->package_keys);
	free(p);
	return NULL;
}

int site_take_posture(struct site *site, struct site_node *node, struct site_posture *inspected,
        bool is_signed, time_ms now)
{
	if (!inspected->text) {
		site->counters.postures_refused++;
		site_posture_free(inspected);
		return -E2BIG;
	}
	posture_free(node->replaced);
	/* What a brake might hold is compared with what was before. */
	if (policy_brake(site->policy) && node->attachments)
		(void)site_node_posture(site, node);
	node->replaced = TAKE_POINTER(node->posture);
	free(node->package_keys);
	node->posture = TAKE_POINTER(inspected->posture);
	node->package_keys = TAKE_POINTER(inspected->package_keys);
	node->n_package_keys = inspected->n_package_keys;
	node->posture_stored = true;
	node->posture_signed = is_signed;
	node->inspected = now;
	memcpy(node->posture_digest, inspected->digest, sizeof(node->posture_digest));
	site_save_node(site, node);
	store_put_posture(site->store, node->name, inspected->text, inspected->text_length);
	site_posture_free(inspected);
	return 0;
}

const struct posture *site_node_posture(struct site *site, struct site_node *node)
{
	if (node->posture || !node->posture_stored)
		return node->posture;
	char *text = NULL;
	size_t length;
	if (store_get_posture(site->store, node->name, &text, &length, NULL) < 0)
		return NULL;
	json_t *json = json_loadb(text, length, 0, NULL);
	free(text);
	if (json && posture_from_json(json, &node->posture, NULL) == 0) {
		free(node->package_keys);
		node->package_keys = site_package_keys(node->posture, &node->n_package_keys);
	}
	json_decref(json);
	return node->posture;
}
