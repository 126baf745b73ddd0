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
        const uint8_t certified[32], const uint8_t digest[32])
{
	if (!node->posture_stored || !node->posture_signed)
		return "no signed posture of the node is stored";
	if (memcmp(digest, node->posture_digest, 32) != 0)
		return "the posture has changed";
	if (memcmp(digest, certified, 32) != 0 || memcmp(digest, a->decided.certificate_digest, 32) != 0)
		return "it certifies another posture";
	return NULL;
}

void site_seal_certificate(const struct site_node *node, const char *token, uint8_t ret[32])
{
	uint8_t parts[64];
	memcpy(parts, node->thumbprint, 32);
	sha256_bytes(token, strlen(token), parts + 32);
	sha256_bytes(parts, sizeof(parts), ret);
}

/* The last one that was issued there, to this node with this key, byte by byte. */
static bool is_sealed(
        const struct site_node *node, const struct site_attachment *a, const char *token, time_ms now)
{
	static const uint8_t none[32];
	uint8_t seal[32];
	const struct site_placement *p = &a->decided;
	if (!*p->certificate || p->expires <= now || memcmp(p->certificate_seal, none, sizeof(none)) == 0)
		return false;
	site_seal_certificate(node, token, seal);
	return memcmp(p->certificate_seal, seal, sizeof(seal)) == 0;
}

/* NULL, or why the certificate itself cannot be accepted. */
static const char *check_certificate(const struct site *site, const struct site_node *node,
        const struct site_attachment *a, const char *token, const uint8_t digest[32], time_ms now)
{
	struct token_claims c;
	if (is_sealed(node, a, token, now))
		return check_posture(node, a, a->decided.certificate_digest, digest);
	if (token_verify(token, site->token_key, now, &c, NULL) < 0)
		return "it is not valid, or not any more";
	const char *why = check_claims(site, node, a, &c);
	return why ? why : check_posture(node, a, c.posture_digest, digest);
}

enum site_acceptance site_accept(struct site *site, const struct site_node *node,
        const struct site_attachment *a, const char *token, const uint8_t digest[32], bool is_signed,
        time_ms now, const char **why)
{
	*why = NULL;
	if (!a)
		*why = "no attachment is proven";
	else if (!is_signed)
		*why = "the node did not sign that its posture is unchanged";
	else if (a->node != node)
		*why = "another node was inspected on this attachment since";
	else
		*why = check_certificate(site, node, a, token, digest, now);
	if (!*why)
		return SITE_ACCEPTED;
	site->counters.certificates_refused++;
	return SITE_REFUSED;
}
