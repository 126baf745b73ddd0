/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin of strongSwan's charon by which our data plane is its IPsec stack and its network
 * (libstrongswan-pratique.so). Debian's charon finds it preloaded, by the name of its one exported function.
 *
 * strongswan.conf, in charon.plugins.pratique:
 *   dataplane   path of the data plane's socket
 *   peer_role   the role that a peer's certificate must state; none: any
 *   kernel      yes: charon keeps its own kernel and socket plugins; this one only tells what is up
 */
#include "charon/address.h"
#include "charon/children.h"
#include "charon/ike_socket.h"
#include "charon/kernel_ipsec.h"
#include "charon/kernel_net.h"
#include "charon/listener.h"
#include "charon/orders.h"
#include <daemon.h>
#include <plugins/plugin.h>
#include <threading/mutex.h>

struct pratique_plugin {
	plugin_t public;
	struct kernel_peers *kernel; /* NULL: not in kernel mode */
	char *role;                  /* NULL: any */
	struct link *link;
	struct children *children;
	struct pratique_listener *listener;
	mutex_t *mutex; /* of what follows, which the link's thread uses */
	socket_t *socket;
	kernel_ipsec_t *ipsec;
};

/* charon makes sockets and kernel interfaces by functions without an argument; there is one plugin of a kind.
 */
static struct pratique_plugin *the_plugin;

plugin_t *pratique_plugin_create(void) __attribute__((visibility("default")));

/* ---- from the data plane ---- */

static void expire_sa(const struct ipc_sa_expire *m)
{
	host_t *destination = address_to_host(&m->destination, 0);
	charon->kernel->expire(charon->kernel, IPPROTO_ESP, htonl(m->spi), destination, m->hard);
	destination->destroy(destination);
}

static void move_peer(const struct ipc_sa_mapping *m)
{
	host_t *destination = address_to_host(&m->destination, 0);
	host_t *source = address_to_host(&m->new_source, m->new_source_port);
	charon->kernel->mapping(charon->kernel, IPPROTO_ESP, htonl(m->spi), destination, source);
	destination->destroy(destination);
	source->destroy(source);
}

static void take_message(void *user, const struct ipc_message *m)
{
	struct pratique_plugin *this = user;
	this->mutex->lock(this->mutex);
	switch ((int)m->number) {
	case IPC_IKE_PACKET:
		if (this->socket)
			ike_socket_deliver(this->socket, m->body);
		break;
	case IPC_SA_USED:
		if (this->ipsec)
			pratique_kernel_ipsec_used(this->ipsec, m->body);
		break;
	case IPC_SA_EXPIRE:
		expire_sa(m->body);
		break;
	case IPC_SA_MAPPING:
		move_peer(m->body);
		break;
	case IPC_IKE_INITIATE:
		orders_initiate(this->link, this->listener, ((const struct ipc_ike_initiate *)m->body)->name);
		break;
	case IPC_IKE_TERMINATE:
		orders_terminate(((const struct ipc_ike_terminate *)m->body)->ike);
		break;
	case IPC_HELLO:
		break;
	default:
		DBG1(DBG_NET, "the data plane sent %s, which is not for charon", ipc_name(m->number));
		break;
	}
	this->mutex->unlock(this->mutex);
}

static void become_connected(void *user, bool again)
{
	if (again)
		orders_terminate_all();
}

/* ---- features ---- */

static kernel_ipsec_t *create_ipsec(void)
{
	kernel_ipsec_t *ipsec = pratique_kernel_ipsec_create(the_plugin->link, the_plugin->children);
	the_plugin->mutex->lock(the_plugin->mutex);
	the_plugin->ipsec = ipsec;
	the_plugin->mutex->unlock(the_plugin->mutex);
	return ipsec;
}

static socket_t *create_socket(void)
{
	socket_t *socket = ike_socket_create(the_plugin->link);
	the_plugin->mutex->lock(the_plugin->mutex);
	the_plugin->socket = socket;
	the_plugin->mutex->unlock(the_plugin->mutex);
	return socket;
}

/* The features above are gone when this one is unregistered: it is told of before they are destroyed. */
static bool register_listener(struct pratique_plugin *this, plugin_feature_t *feature, bool reg, void *data)
{
	const struct link_handler handler = { take_message, become_connected, this };
	if (reg) {
		this->listener =
		        pratique_listener_create(this->link, this->children, this->kernel, this->role);
		link_run(this->link, &handler);
		return TRUE;
	}
	this->mutex->lock(this->mutex);
	this->listener = pratique_listener_free(this->listener);
	this->socket = NULL;
	this->ipsec = NULL;
	this->mutex->unlock(this->mutex);
	return TRUE;
}

METHOD(plugin_t, get_name, char *, struct pratique_plugin *this)
{
	return "pratique";
}

METHOD(plugin_t, get_features, int, struct pratique_plugin *this, plugin_feature_t *features[])
{
	static plugin_feature_t all[] = {
		PLUGIN_CALLBACK((plugin_feature_callback_t)register_listener, NULL),
		PLUGIN_PROVIDE(CUSTOM, "pratique"),
		PLUGIN_DEPENDS(CUSTOM, "kernel-ipsec"),
		PLUGIN_DEPENDS(CUSTOM, "socket"),
		PLUGIN_CALLBACK(kernel_ipsec_register, create_ipsec),
		PLUGIN_PROVIDE(CUSTOM, "kernel-ipsec"),
		PLUGIN_CALLBACK(kernel_net_register, pratique_kernel_net_create),
		PLUGIN_PROVIDE(CUSTOM, "kernel-net"),
		PLUGIN_CALLBACK(socket_register, create_socket),
		PLUGIN_PROVIDE(CUSTOM, "socket"),
		PLUGIN_DEPENDS(CUSTOM, "kernel-ipsec"),
	};
	*features = all;
	return this->kernel ? 4 : countof(all);
}

METHOD(plugin_t, destroy, void, struct pratique_plugin *this)
{
	link_free(this->link);
	children_free(this->children);
	kernel_peers_free(this->kernel);
	this->mutex->destroy(this->mutex);
	free(this->role);
	the_plugin = NULL;
	free(this);
}

plugin_t *pratique_plugin_create(void)
{
	struct pratique_plugin *this;
	char *path = lib->settings->get_str(lib->settings, "%s.plugins.pratique.dataplane", NULL, lib->ns),
	     *role;
	struct link *link = path ? link_new(path) : NULL;
	if (!link) {
		DBG1(DBG_LIB, "%s.plugins.pratique.dataplane must name the data plane's socket", lib->ns);
		return NULL;
	}
	INIT(this,
	        .public = {
	                .get_name = _get_name,
	                .get_features = _get_features,
	                .destroy = _destroy,
	        },
	        .link = link,
	        .mutex = mutex_create(MUTEX_TYPE_DEFAULT), );
	this->children = children_new(link);
	if (lib->settings->get_bool(lib->settings, "%s.plugins.pratique.kernel", FALSE, lib->ns))
		this->kernel = kernel_peers_new(link);
	role = lib->settings->get_str(lib->settings, "%s.plugins.pratique.peer_role", NULL, lib->ns);
	this->role = role ? strdup(role) : NULL;
	the_plugin = this;
	return &this->public;
}
