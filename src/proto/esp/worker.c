/* SPDX-License-Identifier: ISC */
/* What belongs to a thread: the backend's state, the batch under way, and its slot in each SA. */
#include "proto/esp/esp_private.h"

#include <errno.h>
#include <openssl/crypto.h>

static int start_ipsec_mb(struct esp_worker *worker, struct error *err)
{
#ifdef ESP_HAVE_IPSEC_MB
	worker->backend = &esp_backend_ipsec_mb;
	return worker->backend->start(worker, err);
#else
	return error_set(
	        err, -ENOTSUP, "ESP: this build has no ipsec-mb (meson option ipsec_mb); use openssl");
#endif
}

static int start_openssl(struct esp_worker *worker, struct error *err)
{
	worker->backend = &esp_backend_openssl;
	return worker->backend->start(worker, err);
}

static int start(struct esp_worker *worker, enum esp_backend_kind kind, struct error *err)
{
	switch (kind) {
	case ESP_BACKEND_OPENSSL:
		return start_openssl(worker, err);
	case ESP_BACKEND_IPSEC_MB:
		return start_ipsec_mb(worker, err);
	case ESP_BACKEND_AUTO:
		break;
	}
	return start_ipsec_mb(worker, NULL) == 0 ? 0 : start_openssl(worker, err);
}

int esp_worker_new(unsigned index, enum esp_backend_kind kind, struct esp_worker **ret, struct error *err)
{
	if (index >= ESP_WORKERS_MAX)
		return error_set(
		        err, -EINVAL, "ESP: worker %u; there are %u at most", index, ESP_WORKERS_MAX);
	struct esp_worker *worker = xcalloc(1, sizeof(*worker));
	worker->index = index;
	int r = start(worker, kind, err);
	if (r < 0) {
		free(worker);
		return r;
	}
	*ret = worker;
	return 0;
}

struct esp_worker *esp_worker_free(struct esp_worker *worker)
{
	if (!worker)
		return NULL;
	worker->backend->stop(worker);
	OPENSSL_cleanse(worker, sizeof(*worker));
	free(worker);
	return NULL;
}

const char *esp_worker_backend(const struct esp_worker *worker)
{
	return worker->backend->name;
}

static EVP_CIPHER_CTX *new_iv_cipher(const struct esp_sa *sa)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, sa->iv_key, NULL) == 1 &&
	        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

struct esp_keys *esp_worker_keys(struct esp_worker *worker, struct esp_sa *sa)
{
	struct esp_keys **slot = &sa->keys[worker->index];
	if (*slot)
		return *slot;
	struct esp_keys *keys = worker->backend->new_keys(worker, sa);
	if (!keys)
		return NULL;
	keys->backend = worker->backend;
	if (sa->suite->encryption == ESP_ENCRYPTION_AES_CBC && !sa->inbound &&
	        !(keys->iv = new_iv_cipher(sa))) {
		worker->backend->free_keys(keys);
		return NULL;
	}
	*slot = keys;
	return keys;
}

const char *esp_status_name(enum esp_status status)
{
	static const char *const names[] = { [ESP_OK] = "ok",
		[ESP_DUMMY] = "dummy",
		[ESP_REPLAYED] = "replayed",
		[ESP_BAD_ICV] = "bad ICV",
		[ESP_BAD_PADDING] = "bad padding",
		[ESP_TOO_SHORT] = "too short",
		[ESP_EXPIRED] = "expired",
		[ESP_REFUSED] = "refused" };
	return (size_t)status < ARRAY_LENGTH(names) ? names[status] : "?";
}
