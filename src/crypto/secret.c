/* SPDX-License-Identifier: ISC */
#include "crypto/secret.h"
#include "base/file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

int secret_read(const char *path, char **ret, struct error *err)
{
	char *data = NULL;
	size_t length = 0;
	int r = file_check_private(path, err);
	if (r == 0)
		r = file_read(path, SECRET_FILE_MAX, &data, &length, err);
	if (r < 0 || !data)
		return r;
	size_t n = strcspn(data, "\r\n");
	if (n == 0 || memchr(data, '\0', n))
		r = error_set(err, -EINVAL, "%s: its first line is to be the secret", path);
	else
		*ret = xstrndup(data, n);
	OPENSSL_cleanse(data, length);
	free(data);
	return r;
}

void secret_free(char *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}
