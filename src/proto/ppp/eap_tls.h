/* SPDX-License-Identifier: ISC */
/*
 * The peer of EAP-TLS (RFC 5216; with TLS 1.3, RFC 9190): fragments in, fragments out, OpenSSL on memory
 * between them. The server's certificate must be issued by the configured CA for the configured name. Keys
 * are not exported: PPP has no use for them.
 */
#pragma once

#include "base/cursor.h"
#include "base/error.h"
#include <stdbool.h>

#define EAP_TLS_MESSAGE_MAX 65536 /* bytes of one TLS message group of the server (RFC 5216, 2.1.5) */

struct ppp_eap_tls;
/* PEM files: our certificate with its chain and its key, the CAs of the server; the server's name (a DNS name
 * of its certificate). NULL with the reason in err. */
struct ppp_eap_tls *ppp_eap_tls_new(
        const char *certificate, const char *key, const char *ca, const char *server_name, struct error *err);
struct ppp_eap_tls *ppp_eap_tls_free(struct ppp_eap_tls *tls);

struct ppp_eap_tls_peer;
struct ppp_eap_tls_peer *ppp_eap_tls_peer_new(const struct ppp_eap_tls *tls);
struct ppp_eap_tls_peer *ppp_eap_tls_peer_free(struct ppp_eap_tls_peer *peer);
/* Did we find the server's certificate wanting? */
bool ppp_eap_tls_peer_distrusts(const struct ppp_eap_tls_peer *peer);
/* Takes what follows the Type of a Request and writes the Response from its Type on, of at most `most` bytes.
 * Negative when the server broke the protocol; -EPERM: its certificate was not good. */
int ppp_eap_tls_peer_receive(struct ppp_eap_tls_peer *peer, const uint8_t *data, size_t length, size_t most,
        struct writer *response);
/* The handshake is through, with TLS 1.3 the server's commitment too: an EAP Success is to be believed. */
bool ppp_eap_tls_peer_is_complete(const struct ppp_eap_tls_peer *peer);
