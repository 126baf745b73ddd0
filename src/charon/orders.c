/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/orders.h"

#include <collections/array.h>
#include <daemon.h>
#include <processing/jobs/callback_job.h>

struct order {
	struct link *link;
	struct pratique_listener *listener;
	char *child;
	uint32_t unique_id;
};

static void free_order(struct order *o)
{
	free(o->child);
	free(o);
}

static void queue_order(struct order *o, callback_job_cb_t run)
{
	lib->processor->queue_job(lib->processor,
	        (job_t *)callback_job_create(run, o, (callback_job_cleanup_t)free_order, NULL));
}

/* ---- which IKE_SAs ---- */

/* Unique ids of all, or of those of one configuration, or only those that live. */
static array_t *list_ike_sas(peer_cfg_t *only)
{
	array_t *ids = array_create(sizeof(uint32_t), 0);
	enumerator_t *all = charon->ike_sa_manager->create_enumerator(charon->ike_sa_manager, TRUE);
	ike_sa_t *ike_sa;
	while (all->enumerate(all, &ike_sa)) {
		peer_cfg_t *cfg = ike_sa->get_peer_cfg(ike_sa);
		uint32_t id = ike_sa->get_unique_id(ike_sa);
		if (!only || (cfg && streq(cfg->get_name(cfg), only->get_name(only))))
			array_insert(ids, ARRAY_TAIL, &id);
	}
	all->destroy(all);
	return ids;
}

static void terminate_listed(array_t *ids, bool force)
{
	uint32_t id;
	while (array_remove(ids, ARRAY_HEAD, &id))
		charon->controller->terminate_ike(charon->controller, id, force, NULL, NULL, 0);
	array_destroy(ids);
}

/* ---- jobs ---- */

static job_requeue_t run_terminate(struct order *o)
{
	charon->controller->terminate_ike(charon->controller, o->unique_id, FALSE, NULL, NULL, 0);
	return JOB_REQUEUE_NONE;
}

static job_requeue_t run_terminate_all(struct order *o)
{
	array_t *ids = list_ike_sas(NULL);
	if (array_count(ids))
		DBG1(DBG_IKE, "the data plane is a new one: %d IKE_SAs are given up", array_count(ids));
	terminate_listed(ids, FALSE);
	return JOB_REQUEUE_NONE;
}

static child_cfg_t *find_child(const char *name, peer_cfg_t **ret_peer)
{
	child_cfg_t *found = NULL, *child;
	peer_cfg_t *peer;
	enumerator_t *peers = charon->backends->create_peer_cfg_enumerator(
	        charon->backends, NULL, NULL, NULL, NULL, IKE_ANY);
	while (!found && peers->enumerate(peers, &peer)) {
		enumerator_t *children = peer->create_child_cfg_enumerator(peer);
		while (!found && children->enumerate(children, &child))
			if (streq(child->get_name(child), name)) {
				found = child->get_ref(child);
				*ret_peer = peer->get_ref(peer);
			}
		children->destroy(children);
	}
	peers->destroy(peers);
	return found;
}

static job_requeue_t run_initiate(struct order *o)
{
	char reason[] = "charon has no configuration of that name yet";
	peer_cfg_t *peer;
	child_cfg_t *child = find_child(o->child, &peer);
	if (!child) {
		struct ipc_ike_failed m = { .name = o->child, .reason = reason };
		(void)link_send(o->link, IPC_IKE_FAILED, &m, false);
		return JOB_REQUEUE_NONE;
	}
	pratique_listener_forget(o->listener, o->child);
	terminate_listed(list_ike_sas(peer), TRUE);
	DBG1(DBG_IKE, "the data plane asks for '%s'", o->child);
	/* Takes both references, and returns at once without a callback. */
	charon->controller->initiate(charon->controller, peer, child, NULL, NULL, 0, FALSE);
	return JOB_REQUEUE_NONE;
}

void orders_initiate(struct link *link, struct pratique_listener *listener, const char *child)
{
	struct order *o = xcalloc(1, sizeof(*o));
	o->link = link;
	o->listener = listener;
	o->child = xstrdup(child);
	queue_order(o, (callback_job_cb_t)run_initiate);
}

void orders_terminate(uint32_t unique_id)
{
	struct order *o = xcalloc(1, sizeof(*o));
	o->unique_id = unique_id;
	queue_order(o, (callback_job_cb_t)run_terminate);
}

void orders_terminate_all(void)
{
	queue_order(xcalloc(1, sizeof(struct order)), (callback_job_cb_t)run_terminate_all);
}
