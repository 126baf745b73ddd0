/* SPDX-License-Identifier: ISC */
/*
 * What an inspection found, with all that follows from it alone; the node's, as numbers of packages in memory
 * and the rest in the store. A posture itself is in memory from its inspection until it is on the disk, and
 * while it is judged.
 *
 * The catalogue is on the disk with the postures that name its packages, in the same turn. A package leaves
 * when no posture on the disk names it any more; a turn that is lost is written again by the next tick.
 */
#include "posture/catalogue.h"
#include "posture/package_list.h"
#include "server/named.h"
#include "server/reverse.h"
#include "server/site.h"

#include <errno.h>
#include <string.h>

/* ---- computing ---- */

static void number_packages(struct site_posture *p)
{
	const struct posture *posture = p->posture;
	p->packed = package_list_pack(posture, &p->packed_length);
	if (!p->packed)
		return;
	p->package_ids = xmalloc((posture->n_packages + 1) * sizeof(*p->package_ids));
	for (size_t i = 0; i < posture->n_packages; i++)
		p->package_ids[i] = posture->packages[i].id;
	p->n_package_ids = package_list_sort(p->package_ids, posture->n_packages);
}

static void write_posture(struct site_posture *p)
{
	number_packages(p);
	p->text = posture_to_json_text(p->posture, !p->packed, &p->text_length);
	if (p->text && p->text_length > STORE_POSTURE_MAX)
		free(TAKE_POINTER(p->text));
}

static void clear_posture(struct site_posture *p)
{
	posture_free(p->posture);
	free(p->text);
	free(p->packed);
	free(p->package_ids);
	vuln_named_clear(&p->named);
}

/* Those that came in another way than the reader's usual one. False where one found no room. */
static bool name_packages(struct posture_catalogue *catalogue, struct posture *p)
{
	for (size_t i = 0; i < p->n_packages; i++) {
		if (p->packages[i].id)
			continue;
		if (!p->catalogue)
			catalogue_attach(catalogue, p);
		const struct posture_package *known = catalogue_add(catalogue, p, &p->packages[i], NULL, 0);
		if (!known)
			return false;
		p->packages[i] = *known;
	}
	return true;
}

struct site_posture *site_posture_new(struct posture_catalogue *catalogue, struct posture *posture)
{
	struct site_posture *p = xcalloc(1, sizeof(*p));
	p->posture = posture;
	(void)name_packages(catalogue, posture);
	write_posture(p);
	vuln_named_collect(posture, &p->named);
	posture_digest(posture, p->digest);
	return p;
}

struct site_posture *site_posture_free(struct site_posture *p)
{
	if (!p)
		return NULL;
	clear_posture(p);
	free(p);
	return NULL;
}

/* ---- the numbers ---- */

static void keep_id(struct site_ids *list, uint32_t id)
{
	ARRAY_RESERVE_ONE(list->ids, list->n, list->capacity);
	list->ids[list->n++] = id;
}

static void store_package(struct site *site, uint32_t id)
{
	const struct posture_package *p = catalogue_package(site->catalogue, id);
	if (catalogue_is_stored(site->catalogue, id))
		return;
	store_put_package(site->store,
	        &(struct store_package){ .id = id,
	                .type = p->type,
	                .name = p->name,
	                .version = p->version,
	                .architecture = p->architecture,
	                .source = strcmp(p->source, p->name) ? p->source : NULL,
	                .source_version = strcmp(p->source_version, p->version) ? p->source_version : NULL });
	catalogue_set_stored(site->catalogue, id, true);
	keep_id(&site->fresh, id);
}

void site_end_packages(struct site *site, int result)
{
	for (size_t i = 0; i < site->fresh.n && result < 0; i++)
		catalogue_set_stored(site->catalogue, site->fresh.ids[i], false);
	site->fresh.n = 0;
}

/* Takes ids over, which is NULL where they are not known. What the node has no more goes to left, and is
 * still referred to. */
static void set_packages(
        struct site *site, struct site_node *node, uint32_t *ids, size_t n, struct site_ids *left)
{
	size_t i = 0, j = 0;
	while (i < node->n_package_ids || j < n) {
		const uint32_t before = i < node->n_package_ids ? node->package_ids[i] : UINT32_MAX,
		               after = j < n ? ids[j] : UINT32_MAX;
		i += before <= after;
		j += after <= before;
		if (after < before) {
			catalogue_refer(site->catalogue, after);
			reverse_add(site->reverse, after, node->number);
			store_package(site, after);
		} else if (before < after) {
			reverse_remove(site->reverse, before, node->number);
			keep_id(left, before);
		}
	}
	free(node->package_ids);
	node->package_ids = ids;
	node->n_package_ids = n;
	free(TAKE_POINTER(node->facts));
	node->platform = POLICY_MEMO_NO_PLATFORM;
}

/* ---- to the store ---- */

struct pending_posture {
	struct site *site;
	struct site_node *node;
	struct site_ids left; /* which the disk has until the turn is durable */
};

static void posture_is_durable(int result, void *context)
{
	struct pending_posture *p = context;
	struct site_node *node = p->node;
	node->unsettled--;
	for (size_t i = 0; i < p->left.n; i++)
		if (result == 0)
			catalogue_drop(p->site->catalogue, p->left.ids[i]);
		else
			keep_id(&node->left, p->left.ids[i]);
	if (result < 0)
		p->site->postures_unsaved = node->is_unsaved = true;
	site_release_posture(node);
	free(p->left.ids);
	free(p);
}

/* Its packages are those that the node has now, and are stored. */
static void store_it(
        struct site *site, struct site_node *node, const struct site_posture *p, struct site_ids left)
{
	struct pending_posture *pending = xmalloc(sizeof(*pending));
	store_put_posture(site->store, node->name,
	        &(struct store_posture){ .json = p->text,
	                .length = p->text_length,
	                .packages = p->packed,
	                .packages_length = p->packed_length });
	*pending = (struct pending_posture){ site, node, left };
	node->unsettled++;
	store_when_durable(site->store, posture_is_durable, pending);
}

int site_take_posture(struct site *site, struct site_node *node, struct site_posture *inspected,
        bool is_signed, time_ms now)
{
	if (!inspected->text) {
		site->counters.postures_refused++;
		site_posture_free(inspected);
		return -E2BIG;
	}
	node->replaced = posture_free(node->replaced);
	/* What a brake might hold is compared with what was before. */
	if (policy_brake(site->policy) && node->attachments)
		(void)site_node_posture(site, node);
	node->replaced = TAKE_POINTER(node->posture);
	struct site_ids left = node->left;
	node->left = (struct site_ids){ 0 };
	set_packages(site, node, TAKE_POINTER(inspected->package_ids), inspected->n_package_ids, &left);
	node->posture = TAKE_POINTER(inspected->posture);
	for (size_t i = 0; i < node->n_package_ids && node->is_unsaved; i++)
		store_package(site, node->package_ids[i]);
	node->posture_stored = node->is_verified = true;
	node->is_unsaved = false;
	node->posture_signed = is_signed;
	node->inspected = now;
	memcpy(node->posture_digest, inspected->digest, sizeof(node->posture_digest));
	site_save_node(site, node);
	store_it(site, node, inspected, left);
	named_set(site, node, &inspected->named);
	site_posture_free(inspected);
	if (site->effects.reported)
		site->effects.reported(site->context, node->posture);
	return 0;
}

/* ---- from the store ---- */

/* The numbers to what they stand for. -EBADMSG where one stands for nothing. */
static int add_packages(struct site *site, struct posture *p, const struct store_posture *stored)
{
	uint32_t *ids FREE_ON_EXIT = NULL;
	size_t n;
	int r = package_list_unpack(stored->packages, stored->packages_length, &ids, &n);
	p->packages = xmalloc((n + 1) * sizeof(*p->packages));
	p->packages_capacity = n + 1;
	p->packages_known = true;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct posture_package *package = catalogue_package(site->catalogue, ids[i]);
		r = package ? posture_add_package(p, package) : -EBADMSG;
	}
	return r;
}

struct reading {
	struct site *site;
	struct posture *posture;
	bool has_numbers;
};

static int read_posture(const char *node, const struct store_posture *stored, void *context)
{
	struct reading *r = context;
	json_t *json = json_loadb(stored->json, stored->length, 0, NULL);
	int code = json ? posture_from_json(json, &r->posture, NULL) : -EBADMSG;
	json_decref(json);
	r->has_numbers = stored->packages;
	if (code == 0 && r->has_numbers)
		catalogue_attach(r->site->catalogue, r->posture);
	return code == 0 && r->has_numbers ? add_packages(r->site, r->posture, stored) : code;
}

/* Of an older schema, or of a time when there was no room: its packages get numbers, and it is stored so. */
static void convert(struct site *site, struct site_node *node, struct posture *p)
{
	struct site_ids left = { 0 };
	struct site_posture new = { .posture = p };
	if (!name_packages(site->catalogue, p))
		return;
	write_posture(&new);
	if (new.text &&new.packed) {
		set_packages(site, node, TAKE_POINTER(new.package_ids), new.n_package_ids, &left);
		store_it(site, node, &new, left);
	}
	new.posture = NULL;
	clear_posture(&new);
}

/* What is read back is what was inspected. */
static bool is_genuine(struct site_node *node, const struct reading *r)
{
	uint8_t digest[32];
	if (!r->has_numbers || node->is_verified)
		return true;
	posture_digest(r->posture, digest);
	node->is_verified = memcmp(digest, node->posture_digest, sizeof(digest)) == 0;
	return node->is_verified;
}

const struct posture *site_node_posture(struct site *site, struct site_node *node)
{
	struct reading r = { .site = site };
	struct error err = { "it is not what was inspected" };
	if (node->posture || !node->posture_stored)
		return node->posture;
	int code = store_get_posture(site->store, node->name, read_posture, &r, &err);
	if (code == 0 && is_genuine(node, &r)) {
		node->posture = r.posture;
		if (!r.has_numbers && r.posture->packages_known)
			convert(site, node, r.posture);
		return node->posture;
	}
	posture_free(r.posture);
	if (code == -EIO || code == -ENOMEM) /* perhaps it can be another time */
		return NULL;
	node->posture_stored = false;
	site->counters.postures_unreadable++;
	site_note_refusal(site, site->ticked, "posture", node,
	        "the stored posture cannot be read, so it counts as not inspected: %.800s", err.text);
	return NULL;
}

void site_release_posture(struct site_node *node)
{
	if (!node->unsettled && !node->is_unsaved && node->posture_stored)
		node->posture = posture_free(node->posture);
}

/* ---- at the start ---- */

static int restore_package(const struct store_package *p, void *context)
{
	struct site *site = context;
	const struct posture_package package = { .type = p->type,
		.name = p->name,
		.version = p->version,
		.architecture = p->architecture,
		.source = p->source ? p->source : p->name,
		.source_version = p->source_version ? p->source_version : p->version };
	/* Postures that name one which is not restored are not readable; their nodes are told to come. */
	if (p->id <= 0 || p->id > CATALOGUE_PACKAGES_MAX ||
	        catalogue_restore(site->catalogue, (uint32_t)p->id, &package) < 0)
		site->counters.packages_unreadable++;
	return 0;
}

static int restore_numbers(const char *name, const struct store_posture *stored, void *context)
{
	struct site *site = context;
	struct site_node *node = site_find_node(site, name);
	uint32_t *ids = NULL;
	size_t n;
	if (!node || package_list_unpack(stored->packages, stored->packages_length, &ids, &n) < 0)
		return 0;
	n = package_list_sort(ids, n);
	for (size_t i = 0; i < n; i++)
		if (!catalogue_package(site->catalogue, ids[i])) {
			free(ids);
			return 0;
		}
	struct site_ids left = { 0 };
	set_packages(site, node, ids, n, &left);
	return 0;
}

int site_restore_packages(struct site *site, struct error *err)
{
	int code = store_each_package(site->store, restore_package, site, err);
	return code < 0 ? code : store_each_posture(site->store, restore_numbers, site, err);
}

/* ---- time ---- */

static void save_again(struct site *site, struct site_node *node)
{
	struct site_posture p = { .posture = node->posture };
	write_posture(&p);
	if (p.text) {
		node->is_unsaved = false;
		for (size_t i = 0; i < node->n_package_ids; i++)
			store_package(site, node->package_ids[i]);
		site_save_node(site, node);
		store_it(site, node, &p, node->left);
		node->left = (struct site_ids){ 0 };
	}
	p.posture = NULL;
	clear_posture(&p);
}

static void package_is_gone(uint32_t id, bool was_stored, void *context)
{
	struct site *site = context;
	site->packages_gone++;
	reverse_forget(site->reverse, id);
	policy_memo_forget(site->memo, id);
	if (was_stored)
		store_remove_package(site->store, id);
}

void site_tick_postures(struct site *site)
{
	if (site->postures_unsaved) {
		site->postures_unsaved = false;
		TABLE_FOREACH(it, site->nodes) {
			struct site_node *node = it.value;
			if (node->is_unsaved && !node->unsettled)
				save_again(site, node);
		}
	}
	catalogue_collect(site->catalogue, package_is_gone, site);
	site->counters.packages_refused = catalogue_size(site->catalogue).refused;
}
