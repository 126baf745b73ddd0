/* SPDX-License-Identifier: ISC */
/* What tls_context.c and tls_stream.c share. */
#pragma once

#include "net/stream_internal.h"

LIST_HEAD(stream_list, stream);

/* What the verification of one connection needs and finds; hangs on its SSL. */
struct tls_verification {
	unsigned peer_roles;
	bool foreign;
	char expected_name[256]; /* empty: any */
	struct identity peer;
	bool has_peer;
	char reason[256]; /* why the peer was refused */
};

struct stream_list *tls_context_streams(struct tls_context *t);
/* The stream has just shaken hands: if the files were read again since it began, its peer is looked at again.
 */
void tls_context_check_late(struct tls_context *t, struct stream *s);
/* The verification of an SSL that tls_context_ssl() made. */
struct tls_verification *tls_verification_of(SSL *ssl);
