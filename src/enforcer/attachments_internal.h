/* SPDX-License-Identifier: ISC */
/* What attachments.c, attachments_session.c and attachments_impostor.c share. */
#pragma once

#include "base/table.h"
#include "enforcer/attachments.h"

#define RECENT_EVENTS_MAX 256

struct port {
	uint16_t link;
	char name[IFNAMSIZ];
	bool carrier;
	size_t n_attachments;
};
struct mac_key {
	uint16_t link;
	struct mac_address mac;
};
struct ip_key {
	uint16_t link;
	uint16_t length; /* of the prefix; 128 */
	struct ip_address ip;
};
/* So that one noisy node does not fill the server's log. */
struct recent {
	const char *kind;
	char port[IFNAMSIZ];
	struct mac_address mac;
	struct ip_address ip;
	time_ms at;
};

struct attachments {
	attachment_effect_fn effect;
	void *context;
	struct table *ports;  /* name -> port */
	struct table *by_mac; /* mac_key -> attachment, which it owns */
	struct table *by_ip;  /* ip_key -> attachment */
	size_t prefixes[129]; /* how many of each length are bound */
	struct recent recent[RECENT_EVENTS_MAX];
	size_t next_recent;
	struct attachments_statistics statistics;
};

/* A link-local address is one of its link, any other one of all. */
struct ip_key attachments_ip_key(uint16_t link, const struct ip_address *ip, uint8_t length);
struct attachment *attachments_by_mac(
        const struct attachments *a, uint16_t link, const struct mac_address *mac);
/* Who has it, or the longest prefix that it is in. */
struct attachment *attachments_by_ip(const struct attachments *a, uint16_t link, const struct ip_address *ip);
/* Who has exactly this prefix; or, unless that is at itself, the one that it lies in. */
const struct attachment *attachments_by_prefix(const struct attachments *a, const struct attachment *at,
        const struct ip_address *ip, uint8_t length);
/* NULL where there are too many. */
struct attachment *attachments_attach(
        struct attachments *a, struct port *p, const struct mac_address *mac, time_ms now);
bool attachments_bind(struct attachments *a, struct attachment *at, const struct ip_address *ip,
        uint8_t length, time_ms now);
void attachments_release(struct attachments *a, struct attachment *at, struct attachment_address *address);
void attachments_tell_changed(struct attachments *a, const struct attachment *at);
/* An event, unless the same was told of a little ago. */
void attachments_tell(struct attachments *a, const char *kind, const struct sighting *s, time_ms now,
        const char *format, ...) PRINTF_LIKE(5, 6);
struct sighting attachments_sighting_of(const struct attachment *at, const struct ip_address *ip);

/* attachments_impostor.c: s claimed what is owner's, who is asked now. */
void attachments_accuse(struct attachment *owner, const struct sighting *s, time_ms now);
/* owner has answered: whoever accused it took what belongs to somebody who is there. */
void attachments_convict(struct attachments *a, struct attachment *owner, time_ms now);
