/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/listener.h"

#include "charon/orders.h"
#include <collections/hashtable.h>
#include <daemon.h>
#include <sa/eap/eap_method.h>
#include <stdio.h>
#include <threading/mutex.h>

#define IDENTITY_MAX 255
#define NAME_MAX_LENGTH 63
#define REASON_MAX 255

enum authentication { AUTHENTICATION_CERTIFICATE = 1, AUTHENTICATION_PSK = 2, AUTHENTICATION_EAP = 3 };

/* An IKE_SA that we began and whose CHILD_SA is not up. */
struct attempt {
	uint32_t ike;
	char name[NAME_MAX_LENGTH + 1];
	const char *reason;
	bool doubtful; /* it alone need not be the cause: another one takes its place */
};

struct pratique_listener {
	listener_t public;
	struct link *link;
	struct children *children;
	struct kernel_peers *kernel; /* NULL: not in kernel mode */
	const char *role;            /* that a peer's certificate must state; NULL: any */
	mutex_t *mutex;
	struct attempt attempts[LISTENER_ATTEMPTS_MAX]; /* ike 0: free */
};

/* ---- who the peer is ---- */

static void print_identity(char text[IDENTITY_MAX + 1], identification_t *id)
{
	if (snprintf(text, IDENTITY_MAX + 1, "%Y", id) > IDENTITY_MAX)
		text[0] = '\0'; /* rather nobody than another one with the same beginning */
}

/* The strongest of the peer's rounds; with EAP that is EAP, whose identity is told beside the other. */
static enum authentication authentication_of(ike_sa_t *ike_sa)
{
	enum authentication found = 0;
	enumerator_t *rounds = ike_sa->create_auth_cfg_enumerator(ike_sa, FALSE);
	auth_cfg_t *cfg;
	while (rounds->enumerate(rounds, &cfg)) {
		uintptr_t class = (uintptr_t)cfg->get(cfg, AUTH_RULE_AUTH_CLASS);
		if (class == AUTH_CLASS_EAP)
			found = AUTHENTICATION_EAP;
		else if (class == AUTH_CLASS_PUBKEY && found != AUTHENTICATION_EAP)
			found = AUTHENTICATION_CERTIFICATE;
		else if (class == AUTH_CLASS_PSK && !found)
			found = AUTHENTICATION_PSK;
	}
	rounds->destroy(rounds);
	return found;
}

static void tell(struct pratique_listener *this, ike_sa_t *ike_sa, const struct ipc_child *m, bool rekeyed)
{
	host_t *local = ike_sa->get_my_host(ike_sa), *remote = ike_sa->get_other_host(ike_sa);
	if (this->kernel && m->up)
		kernel_peers_up(this->kernel, m, rekeyed, local, remote);
	else if (this->kernel)
		kernel_peers_down(this->kernel, m, remote);
	else if (m->up)
		children_up(this->children, m);
	else
		children_down(this->children, m);
}

static void tell_child(
        struct pratique_listener *this, ike_sa_t *ike_sa, child_sa_t *child, bool up, bool rekeyed)
{
	char identity[IDENTITY_MAX + 1], eap[IDENTITY_MAX + 1] = "";
	struct ipc_child m = {
		.up = up,
		.reqid = child->get_reqid(child),
		.spi_in = ntohl(child->get_spi(child, TRUE)),
		.spi_out = ntohl(child->get_spi(child, FALSE)),
		.ike = ike_sa->get_unique_id(ike_sa),
		.name = child->get_name(child),
		.identity = identity,
		.eap_identity = eap,
		.authentication = authentication_of(ike_sa),
	};
	print_identity(identity, ike_sa->get_other_id(ike_sa));
	if (m.authentication == AUTHENTICATION_EAP)
		print_identity(eap, ike_sa->get_other_eap_id(ike_sa));
	if (up && (!identity[0] || (m.authentication == AUTHENTICATION_EAP && !eap[0]))) {
		DBG1(DBG_IKE, "an identity of more than %d characters is refused", IDENTITY_MAX);
		orders_terminate(m.ike);
		return;
	}
	tell(this, ike_sa, &m, rekeyed);
}

/* ---- attempts of our own ---- */

static struct attempt *find_attempt(struct pratique_listener *this, uint32_t ike)
{
	for (size_t i = 0; i < LISTENER_ATTEMPTS_MAX; i++)
		if (this->attempts[i].ike == ike)
			return &this->attempts[i];
	return NULL;
}

static void begin_attempt(struct pratique_listener *this, ike_sa_t *ike_sa)
{
	peer_cfg_t *cfg = ike_sa->get_peer_cfg(ike_sa);
	child_cfg_t *child;
	if (!cfg || !ike_sa->has_condition(ike_sa, COND_ORIGINAL_INITIATOR))
		return;
	enumerator_t *children = cfg->create_child_cfg_enumerator(cfg);
	this->mutex->lock(this->mutex);
	struct attempt *a = find_attempt(this, ike_sa->get_unique_id(ike_sa));
	a = a ? a : find_attempt(this, 0);
	if (a && children->enumerate(children, &child)) {
		a->ike = ike_sa->get_unique_id(ike_sa);
		a->reason = NULL;
		a->doubtful = false;
		snprintf(a->name, sizeof(a->name), "%s", child->get_name(child));
	}
	this->mutex->unlock(this->mutex);
	children->destroy(children);
}

static void give_reason(struct pratique_listener *this, ike_sa_t *ike_sa, alert_t alert, const char *reason)
{
	this->mutex->lock(this->mutex);
	struct attempt *a = ike_sa ? find_attempt(this, ike_sa->get_unique_id(ike_sa)) : NULL;
	/* The first is the cause, and says more than that the peer has not proven who it is. */
	bool says_more = alert != ALERT_PEER_AUTH_FAILED && alert != ALERT_CERT_VALIDATION_FAILED;
	if (a && (!a->reason || (a->doubtful && says_more))) {
		a->reason = reason;
		a->doubtful = alert == ALERT_CERT_VALIDATION_FAILED;
	}
	this->mutex->unlock(this->mutex);
}

/* Takes the attempt out; false: there is none. */
static bool end_attempt(struct pratique_listener *this, ike_sa_t *ike_sa, struct attempt *ret)
{
	this->mutex->lock(this->mutex);
	struct attempt *a = find_attempt(this, ike_sa->get_unique_id(ike_sa));
	if (a) {
		*ret = *a;
		a->ike = 0;
	}
	this->mutex->unlock(this->mutex);
	return a;
}

void pratique_listener_forget(struct pratique_listener *this, const char *child)
{
	this->mutex->lock(this->mutex);
	for (size_t i = 0; i < LISTENER_ATTEMPTS_MAX; i++)
		if (this->attempts[i].ike && streq(this->attempts[i].name, child))
			this->attempts[i].ike = 0;
	this->mutex->unlock(this->mutex);
}

static void tell_failure(struct pratique_listener *this, ike_sa_t *ike_sa)
{
	struct attempt a;
	char reason[REASON_MAX + 1];
	if (!end_attempt(this, ike_sa, &a))
		return;
	snprintf(reason, sizeof(reason), "%s",
	        a.reason ? a.reason : "the negotiation ended without a CHILD_SA");
	struct ipc_ike_failed m = { .name = a.name, .reason = reason };
	(void)link_send(this->link, IPC_IKE_FAILED, &m, false);
}

static const struct {
	alert_t alert;
	const char *text;
} alert_texts[] = {
	{ ALERT_LOCAL_AUTH_FAILED, "the peer refused our authentication" },
	{ ALERT_PEER_AUTH_FAILED, "the peer could not prove who it is" },
	{ ALERT_PEER_ADDR_FAILED, "the peer's name has no address" },
	{ ALERT_PEER_INIT_UNREACHABLE, "the peer does not answer" },
	{ ALERT_RETRANSMIT_SEND_TIMEOUT, "the peer does not answer" },
	{ ALERT_PROPOSAL_MISMATCH_IKE, "no IKE proposal suits both" },
	{ ALERT_PROPOSAL_MISMATCH_CHILD, "no ESP proposal suits both" },
	{ ALERT_TS_MISMATCH, "no traffic selector suits both" },
	{ ALERT_INSTALL_CHILD_SA_FAILED, "the data plane did not take the SAs" },
	{ ALERT_AUTHORIZATION_FAILED, "the peer is not authorized" },
	{ ALERT_CERT_EXPIRED, "the peer's certificate has expired" },
	{ ALERT_CERT_REVOKED, "the peer's certificate is revoked" },
	{ ALERT_CERT_VALIDATION_FAILED, "the peer's certificate could not be checked" },
	{ ALERT_CERT_NO_ISSUER, "the peer's certificate is of an unknown CA" },
	{ ALERT_CERT_UNTRUSTED_ROOT, "the peer's certificate is of a CA that is not trusted" },
};

METHOD(listener_t, alert, bool, struct pratique_listener *this, ike_sa_t *ike_sa, alert_t alert, va_list args)
{
	for (size_t i = 0; i < countof(alert_texts); i++)
		if (alert_texts[i].alert == alert)
			give_reason(this, ike_sa, alert, alert_texts[i].text);
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool, struct pratique_listener *this, ike_sa_t *ike_sa,
        ike_sa_state_t state)
{
	if (state == IKE_CONNECTING)
		begin_attempt(this, ike_sa);
	else if (state == IKE_DESTROYING)
		tell_failure(this, ike_sa);
	return TRUE;
}

/* ---- up and down ---- */

static bool has_other_child(ike_sa_t *ike_sa, child_sa_t *gone)
{
	bool other = false;
	child_sa_t *child;
	enumerator_t *children = ike_sa->create_child_sa_enumerator(ike_sa);
	while (children->enumerate(children, &child))
		other = other || child != gone;
	children->destroy(children);
	return other;
}

METHOD(listener_t, child_updown, bool, struct pratique_listener *this, ike_sa_t *ike_sa, child_sa_t *child,
        bool up)
{
	struct attempt a;
	tell_child(this, ike_sa, child, up, false);
	if (up)
		(void)end_attempt(this, ike_sa, &a);
	else if (ike_sa->get_state(ike_sa) == IKE_ESTABLISHED && !has_other_child(ike_sa, child))
		orders_terminate(ike_sa->get_unique_id(ike_sa));
	return TRUE;
}

METHOD(listener_t, child_rekey, bool, struct pratique_listener *this, ike_sa_t *ike_sa, child_sa_t *old,
        child_sa_t *new)
{
	tell_child(this, ike_sa, new, true, true);
	return TRUE;
}

/* The CHILD_SAs live on under another IKE_SA. */
METHOD(listener_t, ike_rekey, bool, struct pratique_listener *this, ike_sa_t *old, ike_sa_t *new)
{
	child_sa_t *child;
	enumerator_t *children = new->create_child_sa_enumerator(new);
	while (children->enumerate(children, &child))
		if (child->get_state(child) == CHILD_INSTALLED)
			tell_child(this, new, child, true, true);
	children->destroy(children);
	return TRUE;
}

/* ---- EAP ---- */

/* Those that derive a key: RFC 5216, 5281, 4186, 4187, 5448, 4851, 5433, 4764, 5106, 5931, 7170, PEAP,
 * MS-CHAPv2. */
static const uint8_t eap_with_keys[] = { 13, 18, 21, 23, 25, 26, 43, 47, 49, 50, 51, 52, 55 };

static bool eap_derives_keys(auth_cfg_t *cfg)
{
	uintptr_t type = (uintptr_t)cfg->get(cfg, AUTH_RULE_EAP_TYPE);
	uintptr_t vendor = (uintptr_t)cfg->get(cfg, AUTH_RULE_EAP_VENDOR);
	return !vendor && type <= UINT8_MAX && memchr(eap_with_keys, (int)type, sizeof(eap_with_keys));
}

/* ---- roles ---- */

/* Our CA writes it as the one OU of the subject (crypto/x509.h). One more OU is one too many. */
static bool has_role(certificate_t *certificate, const char *role)
{
	identification_t *subject = certificate->get_subject(certificate);
	enumerator_t *parts = subject->create_part_enumerator(subject);
	unsigned found = 0, fits = 0;
	id_part_t type;
	chunk_t value;
	while (parts->enumerate(parts, &type, &value)) {
		if (type != ID_PART_RDN_OU)
			continue;
		found++;
		fits += chunk_equals(value, chunk_from_str((char *)role));
	}
	parts->destroy(parts);
	return found == 1 && fits == 1;
}

static bool is_of_role(struct pratique_listener *this, ike_sa_t *ike_sa, auth_cfg_t *cfg)
{
	certificate_t *certificate = cfg->get(cfg, AUTH_RULE_SUBJECT_CERT);
	if (!this->role || !certificate || has_role(certificate, this->role))
		return TRUE;
	DBG1(DBG_IKE, "the peer's certificate \"%Y\" is not that of a %s (peer_role)",
	        certificate->get_subject(certificate), this->role);
	give_reason(this, ike_sa, ALERT_AUTHORIZATION_FAILED, "the peer's certificate is of another role");
	return FALSE;
}

METHOD(listener_t, authorize, bool, struct pratique_listener *this, ike_sa_t *ike_sa, bool final,
        bool *success)
{
	enumerator_t *rounds;
	auth_cfg_t *cfg;
	if (!final)
		return TRUE;
	rounds = ike_sa->create_auth_cfg_enumerator(ike_sa, FALSE);
	while (rounds->enumerate(rounds, &cfg)) {
		if (!is_of_role(this, ike_sa, cfg))
			*success = FALSE;
		if ((uintptr_t)cfg->get(cfg, AUTH_RULE_AUTH_CLASS) == AUTH_CLASS_EAP &&
		        !eap_derives_keys(cfg)) {
			DBG1(DBG_IKE, "an EAP method that derives no key is refused");
			*success = FALSE;
		}
	}
	rounds->destroy(rounds);
	return TRUE;
}

struct pratique_listener *pratique_listener_create(
        struct link *link, struct children *children, struct kernel_peers *kernel, const char *role)
{
	struct pratique_listener *this;
	INIT(this,
	        .public = {
	                .alert = _alert,
	                .ike_state_change = _ike_state_change,
	                .ike_rekey = _ike_rekey,
	                .child_updown = _child_updown,
	                .child_rekey = _child_rekey,
	                .authorize = _authorize,
	        },
	        .link = link,
	        .children = children,
	        .kernel = kernel,
	        .role = role,
	        .mutex = mutex_create(MUTEX_TYPE_DEFAULT), );
	charon->bus->add_listener(charon->bus, &this->public);
	return this;
}

struct pratique_listener *pratique_listener_free(struct pratique_listener *this)
{
	if (!this)
		return NULL;
	charon->bus->remove_listener(charon->bus, &this->public);
	this->mutex->destroy(this->mutex);
	free(this);
	return NULL;
}
