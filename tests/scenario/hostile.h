/* SPDX-License-Identifier: ISC */
/* What the parts of the hostile node share. */
#pragma once

#include "base/clock.h"
#include "crypto/openssl.h"
#include "crypto/x509.h"
#include "proto/patnc/pratique.h"
#include "proto/pttls/pttls.h"

#include <jansson.h>
#include <openssl/ssl.h>

struct hostile {
	const char *site, *name;
	int checks, failed;
};
extern struct hostile h;

struct hostile_peer {
	int fd;
	SSL *ssl;
	struct pttls_session *pttls;
	uint8_t exporter[PRATIQUE_EXPORTER_SIZE];
	bool ready, closed;
	size_t heard, batches;
	const char *said; /* the server's PT-TLS error */
	void (*on_batch)(struct hostile_peer *p, const uint8_t *bytes, size_t n);
	void *user;
};

void hostile_check(bool good, const char *format, ...) PRINTF_LIKE(2, 3);
/* Of the server's status. */
int64_t hostile_counter(const char *name);
/* Soon it is more than before. */
bool hostile_counted(const char *name, int64_t before);
int hostile_dial(void);
SSL_CTX *hostile_context(const char *dir, const char *name);
/* TLS; true when the handshake is done, as far as a client of TLS 1.3 knows. */
bool hostile_connect(struct hostile_peer *p, SSL_CTX *ctx);
bool hostile_negotiate(struct hostile_peer *p);
void hostile_write(struct hostile_peer *p, const void *bytes, size_t n);
void hostile_flush(struct hostile_peer *p);
/* Until it is enough, the connection ends, or the time is up. */
void hostile_listen(struct hostile_peer *p, bool (*enough)(const struct hostile_peer *p), int ms);
void hostile_close(struct hostile_peer *p);

void hostile_run_shapes(void);
/* The same without a look at what comes of it. */
void hostile_repeat_shapes(void);
void hostile_run_tokens(void);
void hostile_run_relay(const char *path);
