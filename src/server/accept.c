/* SPDX-License-Identifier: ISC */
/*
 * What a quarantine certificate must be to stand in for a whole inspection (quarantine draft, 5.2). Each line
 * is one way in which it could be somebody else's, somewhere else's or out of date; whatever fails, the node
 * is inspected in full.
 */
#include "server/site.h"

#include <string.h>
#include <strings.h>

/* Whether the claims are about this node at this attachment. */
static const char *check_claims(const struct site *site, const struct site_node *node,
        const struct site_attachment *a, const struct token_claims *c)
{
	char mac[MAC_TEXT_SIZE];
	if (strcmp(c->issuer, site->name) != 0)
		return "it is another server's";
	if (strcmp(c->node, node->name) != 0)
		return "it is another node's";
	if (!site_is_key_of(node, c->thumbprint))
		return "it is for another key";
	if (strcmp(c->enforcement_point, a->enforcement_point) != 0 || strcmp(c->port, a->port) != 0 ||
	        strcasecmp(c->mac, mac_format(&a->mac, mac)) != 0)
		return "it is for another attachment";
	if (!*a->decided.certificate || strcmp(c->id, a->decided.certificate) != 0)
		return "it is not the last one that was issued there";
	return NULL;
}

static const char *check_posture(const struct site_node *node, const struct site_attachment *a,
        const struct token_claims *c, const uint8_t digest[32])
{
	if (!node->posture_stored || !node->posture_signed)
		return "no signed posture of the node is stored";
	if (memcmp(digest, node->posture_digest, 32) != 0)
		return "the posture has changed";
	if (memcmp(digest, c->posture_digest, 32) != 0 ||
	        memcmp(digest, a->decided.certificate_digest, 32) != 0)
		return "it certifies another posture";
	return NULL;
}

enum site_acceptance site_accept(struct site *site, const struct site_node *node,
        const struct site_attachment *a, const char *token, const uint8_t digest[32], bool is_signed,
        time_ms now, const char **why)
{
	struct token_claims c;
	*why = NULL;
	if (!a)
		*why = "no attachment is proven";
	else if (!is_signed)
		*why = "the node did not sign that its posture is unchanged";
	else if (a->node != node)
		*why = "another node was inspected on this attachment since";
	else if (token_verify(token, site->token_key, now, &c, NULL) < 0)
		*why = "it is not valid, or not any more";
	else if (!(*why = check_claims(site, node, a, &c)))
		*why = check_posture(node, a, &c, digest);
	if (!*why)
		return SITE_ACCEPTED;
	site->counters.certificates_refused++;
	return SITE_REFUSED;
}
