/* SPDX-License-Identifier: ISC */
/*
 * CoA and Disconnect-Requests (RFC 5176): the socket, which sessions are meant, and what they are asked. A
 * session is meant if every attribute of the request that identifies sessions stands in its account with the
 * same value. A Disconnect-Request ends all that are meant; a CoA-Request must mean exactly one.
 */
#include "softwire/aaa_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define RECEIVE_BATCH 64
#define SESSIONS_MAX 256 /* that one Disconnect-Request ends */
#define MISSING_ATTRIBUTE 402
#define NAS_MISMATCH 403

struct aaa_coa {
	struct aaa *aaa;
	struct radius_dynauth *machine;
	int fd;
	struct event *readable;
};

/* Where a datagram came from and to, so that the answer leaves from there. */
struct datagram {
	struct sockaddr_storage source;
	socklen_t source_length;
	struct ip_address from, to;
	bool has_to;
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
	size_t control_length;
	uint8_t bytes[RADIUS_PACKET_MAX];
	size_t length;
};

static bool identifies(const struct radius_attribute *a)
{
	static const uint8_t types[] = { RADIUS_USER_NAME, RADIUS_NAS_PORT, RADIUS_FRAMED_IP_ADDRESS,
		RADIUS_CALLED_STATION_ID, RADIUS_CALLING_STATION_ID, RADIUS_ACCT_SESSION_ID,
		RADIUS_ACCT_MULTI_SESSION_ID, RADIUS_NAS_PORT_ID, RADIUS_CHARGEABLE_USER_IDENTITY,
		RADIUS_FRAMED_INTERFACE_ID, RADIUS_FRAMED_IPV6_PREFIX, RADIUS_DELEGATED_IPV6_PREFIX,
		RADIUS_FRAMED_IPV6_ADDRESS, RADIUS_NAS_PORT_TYPE };
	return !a->vendor && memchr(types, a->type, sizeof(types));
}

/* A prefix may be written with more bytes than it needs: RFC 3162, 2.3. */
static bool is_same(const struct radius_attribute *a, const struct radius_attribute *b)
{
	struct ip_prefix p, q;
	if (a->type != b->type)
		return false;
	if ((a->type == RADIUS_FRAMED_IPV6_PREFIX || a->type == RADIUS_DELEGATED_IPV6_PREFIX) &&
	        radius_get_prefix(a, &p) == 0 && radius_get_prefix(b, &q) == 0)
		return p.length == q.length && ip_equal(&p.address, &q.address);
	return a->length == b->length && (a->length == 0 || memcmp(a->value, b->value, a->length) == 0);
}

static bool has_attribute(const struct aaa_account *account, const struct radius_attribute *wanted)
{
	struct radius_attribute a;
	struct reader r = rd_make(account->blob, account->blob_length);
	while (rd_left(&r)) {
		a.type = rd_u8(&r);
		a.length = (uint8_t)(rd_u8(&r) - 2);
		a.value = rd_bytes(&r, a.length);
		if (!rd_failed(&r) && is_same(&a, wanted))
			return true;
	}
	return false;
}

static bool is_meant(const struct aaa_account *account, const struct radius_packet *p)
{
	struct radius_attribute a;
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);)
		if (identifies(&a) && !has_attribute(account, &a))
			return false;
	return account->is_open;
}

struct meant {
	char ids[SESSIONS_MAX][AAA_ID_SIZE]; /* not pointers: ending one session may end others */
	size_t count;
	bool overflow;
};

static void consider(struct meant *m, const struct aaa_account *account, const struct radius_packet *p)
{
	if (!account || !is_meant(account, p))
		return;
	if (m->count == SESSIONS_MAX)
		m->overflow = true;
	else
		memcpy(m->ids[m->count++], account->id, AAA_ID_SIZE);
}

/* By id, else by user, else all are looked at. */
static void find_sessions(const struct aaa *aaa, const struct radius_packet *p, struct meant *m)
{
	struct radius_attribute a;
	if (radius_find(p, 0, RADIUS_ACCT_SESSION_ID, &a)) {
		consider(m, table_get(aaa->accounts, a.value, a.length), p);
	} else if (radius_find(p, 0, RADIUS_USER_NAME, &a)) {
		const struct aaa_account_list *same = table_get(aaa->by_user, a.value, a.length);
		for (const struct aaa_account *i = same ? LIST_FIRST(same) : NULL; i;
		        i = LIST_NEXT(i, same_user))
			consider(m, i, p);
	} else {
		TABLE_FOREACH(it, aaa->accounts)
			consider(m, it.value, p);
	}
}

/* Is it for this NAS? RFC 5176, section 3. */
static bool is_for_us(const struct aaa *aaa, const struct radius_packet *p, const struct datagram *d)
{
	const char *name = aaa->settings.nas_identifier;
	struct radius_attribute a;
	struct ip_address ip;
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);) {
		if (a.vendor)
			continue;
		if (a.type == RADIUS_NAS_IDENTIFIER &&
		        (a.length != strlen(name) || memcmp(a.value, name, a.length) != 0))
			return false;
		if (a.type == RADIUS_NAS_IP_ADDRESS &&
		        (radius_get_ipv4(&a, &ip) < 0 || !d->has_to || !ip_equal(&ip, &d->to)))
			return false;
		if (a.type == RADIUS_NAS_IPV6_ADDRESS &&
		        (radius_get_ipv6(&a, &ip) < 0 || !d->has_to || !ip_equal(&ip, &d->to)))
			return false;
	}
	return true;
}

static uint32_t disconnect(struct aaa *aaa, const struct radius_packet *p, const struct meant *m)
{
	struct error err;
	uint32_t cause = aaa_profile_check_disconnect(p, &err);
	if (cause) {
		aaa_notice(aaa, "Disconnect-Request refused: %s", err.text);
		return cause;
	}
	for (size_t i = 0; i < m->count; i++) {
		struct aaa_account *account = table_get_string(aaa->accounts, m->ids[i]);
		if (!account)
			continue; /* gone together with one before it */
		enum aaa_error_cause e = aaa->handlers.on_disconnect
		        ? aaa->handlers.on_disconnect(account, account->user_data)
		        : AAA_ADMINISTRATIVELY_PROHIBITED;
		cause = cause ? cause : e;
	}
	return cause;
}

static uint32_t change(struct aaa *aaa, const struct radius_packet *p, const struct meant *m)
{
	struct aaa_profile *wanted FREE_ON_EXIT = xcalloc(1, sizeof(*wanted));
	struct error err = { "" };
	uint32_t cause = aaa_profile_read_change(p, wanted, &err);
	if (cause) {
		aaa_notice(aaa, "CoA-Request refused: %s", err.text);
		return cause;
	}
	if (m->count > 1)
		return AAA_MULTIPLE_SESSIONS;
	struct aaa_account *account = table_get_string(aaa->accounts, m->ids[0]);
	if (!account || !aaa->handlers.on_change)
		return AAA_ADMINISTRATIVELY_PROHIBITED;
	bool has_interim = wanted->has & AAA_HAS_INTERIM;
	wanted->has &= ~(unsigned)AAA_HAS_INTERIM; /* that one is ours */
	if (wanted->has)
		cause = aaa->handlers.on_change(account, wanted, account->user_data);
	if (cause == AAA_DONE && has_interim && (account = table_get_string(aaa->accounts, m->ids[0])))
		aaa_account_set_interim(account, wanted->interim_s);
	return cause;
}

static uint32_t execute(struct aaa *aaa, const struct radius_packet *p, const struct datagram *d)
{
	struct meant *m FREE_ON_EXIT = xcalloc(1, sizeof(*m));
	struct radius_attribute a;
	bool identified = false;
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);)
		identified |= identifies(&a);
	if (!is_for_us(aaa, p, d))
		return NAS_MISMATCH;
	if (!identified)
		return MISSING_ATTRIBUTE;
	find_sessions(aaa, p, m);
	if (m->count == 0)
		return AAA_SESSION_NOT_FOUND;
	if (m->overflow)
		return AAA_MULTIPLE_SESSIONS;
	return p->code == RADIUS_DISCONNECT_REQUEST ? disconnect(aaa, p, m) : change(aaa, p, m);
}

static void count(struct aaa *aaa, const struct radius_packet *p, uint32_t cause)
{
	struct aaa_numbers *n = &aaa->numbers;
	if (p->code == RADIUS_DISCONNECT_REQUEST)
		cause ? n->disconnect_refused++ : n->disconnect_done++;
	else
		cause ? n->coa_refused++ : n->coa_done++;
}

static void send_answer(struct aaa_coa *c, struct datagram *d, const uint8_t *answer, size_t length)
{
	struct iovec iov = { (void *)answer, length };
	const struct msghdr m = { .msg_name = &d->source,
		.msg_namelen = d->source_length,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = d->control_length ? d->control : NULL,
		.msg_controllen = d->control_length };
	(void)sendmsg(c->fd, &m, MSG_DONTWAIT); /* the client asks again */
}

/* The address that a datagram was sent to, in the form in which it is the answer's source. */
static void take_destination(struct datagram *d, struct msghdr *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(h), sizeof(info));
			memcpy(d->to.bytes, &info.ipi6_addr, 16);
			if (!ip_is_link_local(&d->to))
				info.ipi6_ifindex = 0; /* the way back is the routing table's affair */
			memcpy(CMSG_DATA(h), &info, sizeof(info));
		} else if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(h), sizeof(info));
			d->to = (struct ip_address){ .bytes = { [10] = 0xff, [11] = 0xff } };
			memcpy(d->to.bytes + 12, &info.ipi_spec_dst, 4);
			info.ipi_ifindex = 0;
			memcpy(CMSG_DATA(h), &info, sizeof(info));
		} else {
			continue;
		}
		d->has_to = true;
	}
	d->control_length = d->has_to ? m->msg_controllen : 0;
}

static bool receive(struct aaa_coa *c, struct datagram *d)
{
	struct iovec iov = { d->bytes, sizeof(d->bytes) };
	struct msghdr m = { .msg_name = &d->source,
		.msg_namelen = sizeof(d->source),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = d->control,
		.msg_controllen = sizeof(d->control) };
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT);
	if (n < 0)
		return false;
	d->length = (size_t)n;
	d->source_length = m.msg_namelen;
	d->has_to = false;
	take_destination(d, &m);
	return ip_from_sockaddr((const struct sockaddr *)&d->source, &d->from, NULL) == 0;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
	struct aaa_coa *c = user;
	struct datagram d;
	for (int i = 0; i < RECEIVE_BATCH && receive(c, &d); i++) {
		struct radius_dynauth_request request;
		const uint8_t *answer;
		size_t length;
		int r = radius_dynauth_receive(c->machine, &d.from, d.bytes, d.length, clock_wall_ms(),
		        clock_monotonic_ms(), &request, &answer, &length);
		if (r < 0)
			continue;
		if (r == 1) {
			uint32_t cause = execute(c->aaa, &request.packet, &d);
			count(c->aaa, &request.packet, cause);
			radius_dynauth_answer(c->machine, &request, cause, &answer, &length);
		}
		send_answer(c, &d, answer, length);
	}
}

static int open_socket(const struct aaa *a, struct error *err)
{
	const struct endpoint *e = &a->settings.coa_listen;
	struct sockaddr_storage address;
	const int yes = 1, no = 0;
	int n = endpoint_resolve(e, &address, 1, err);
	if (n <= 0)
		return n < 0 ? n : error_set(err, -EINVAL, "coa_listen: no such address");
	bool v6 = address.ss_family == AF_INET6;
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "coa_listen: %s", strerror(errno));
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	(void)setsockopt(
	        fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&address,
	            v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) < 0) {
		int r = -errno;
		close(fd);
		return error_set(err, r, "coa_listen: [%s]:%u: %s", e->host, e->port, strerror(-r));
	}
	return fd;
}

int aaa_coa_open(struct aaa *a, struct error *err)
{
	if (!a->settings.has_coa)
		return 0;
	int fd = open_socket(a, err);
	if (fd < 0)
		return fd;
	struct aaa_coa *c = xcalloc(1, sizeof(*c));
	c->aaa = a;
	c->fd = fd;
	c->machine = radius_dynauth_new(a->settings.coa_clients, a->settings.n_coa_clients);
	c->readable = event_new(a->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	a->coa = c;
	return event_add(c->readable, NULL) == 0 ? 0 : error_set(err, -ENOMEM, "coa_listen: no memory");
}

void aaa_coa_close(struct aaa *a)
{
	if (!a->coa)
		return;
	event_free(a->coa->readable);
	close(a->coa->fd);
	radius_dynauth_free(a->coa->machine);
	free(a->coa);
	a->coa = NULL;
}

void aaa_coa_set_secrets(struct aaa *a)
{
	if (a->coa)
		radius_dynauth_set_clients(
		        a->coa->machine, a->settings.coa_clients, a->settings.n_coa_clients);
}

void aaa_coa_get_counters(const struct aaa *a, struct radius_dynauth_counters *ret)
{
	*ret = (struct radius_dynauth_counters){ 0 };
	if (a->coa)
		radius_dynauth_get_counters(a->coa->machine, ret);
}
