/* SPDX-License-Identifier: ISC */
/* What the files of ike.h share. */
#pragma once

#include "softwire/ike.h"
#include "softwire/ike_psk.h"

#define IKE_ANY_ROLE "any" /* peer_role of CAs that write none */
#define IKE_ROLE_MAX 64

/* How we prove ourselves as an initiator. */
enum ike_own { IKE_OWN_NOTHING, IKE_OWN_CERTIFICATE, IKE_OWN_PSK, IKE_OWN_EAP };
enum ike_own ike_own_proof(const struct ike_setup *s);
static inline bool ike_has_certificate(const struct ike_setup *s)
{
	return *s->options->certificate != '\0';
}

/* ESP in strongSwan's words; NULL: no such word. */
const char *ike_esp_proposal(const char *word);
/* Not to be offered in IKEv2. */
bool ike_esp_is_old(const char *word);
extern const char *const ike_esp_usual[];
/* -EINVAL unless "ADDRESS:PORT" or "[ADDRESS]:PORT"; the port may be left out: 1812. */
int ike_parse_server(const char *text, struct ip_address *ret, uint16_t *ret_port, struct error *err);
/* Our plugin's path: the option, beside the program, the library folder. -ENOENT. Caller frees. */
int ike_find_plugin(const struct ike_setup *s, char **ret, struct error *err);
/* Our identity: the option, or the name in the certificate; "" where charon shall take the certificate's
 * subject. Caller frees. */
int ike_own_identity(const struct ike_setup *s, char **ret, struct error *err);

void ike_print_strongswan(const struct ike_setup *s, const char *radius_secret, FILE *out);
/* identity: see above. psk and password may be NULL. */
void ike_print_swanctl(const struct ike_setup *s, const char *identity, const struct ike_psk_list *psk,
        const char *password, bool secrets, FILE *out);
