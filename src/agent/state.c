/* SPDX-License-Identifier: ISC */
#include "agent/state.h"

#include "agent/options.h"
#include "base/file.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_FILE_MAX 16384

int state_open(const char *directory, struct error *err)
{
	int r = file_make_directory(directory, 0700, err);
	if (r == 0 && chmod(directory, 0700) < 0)
		r = error_set(err, -errno, "%s: %s", directory, strerror(errno));
	return r;
}

/* NULL for a name that is none: it comes from the other half. */
static char *path_of(const char *directory, const char *interface)
{
	if (!*interface)
		return xasprintf("%s/certificate", directory);
	return agent_interface_name_is_good(interface) ? xasprintf("%s/certificate-%s", directory, interface)
	                                               : NULL;
}

/* A file is one frame of the message itself: it has the same limits and the same checks. */
int state_keep_certificate(const char *directory, const struct ipc_certificate *c, struct error *err)
{
	char *path FREE_ON_EXIT = path_of(directory, c->interface);
	if (!path)
		return error_set(err, -EINVAL, "no interface name");
	if (!*c->text) {
		(void)unlink(path);
		return 0;
	}
	struct writer w = wr_make(CERTIFICATE_FILE_MAX);
	int r = ipc_encode(&w, IPC_CERTIFICATE, c, err);
	if (r == 0)
		r = file_replace(path, w.data, w.length, 0600, err);
	if (w.data)
		OPENSSL_cleanse(w.data, w.length);
	wr_free(&w);
	return r;
}

int state_load_certificate(
        const char *directory, const char *interface, struct ipc_certificate *ret, struct error *err)
{
	char *path FREE_ON_EXIT = path_of(directory, interface), *data FREE_ON_EXIT = NULL;
	struct ipc_message m = { 0 };
	size_t length;
	if (!path)
		return error_set(err, -EINVAL, "no interface name");
	int r = file_read(path, CERTIFICATE_FILE_MAX, &data, &length, err);
	if (r < 0)
		return r;
	r = ipc_decode((const uint8_t *)data, length, &m, err);
	OPENSSL_cleanse(data, length);
	if (r < 0)
		return error_prefix(err, -EBADMSG, "%s", path);
	struct ipc_certificate *c = m.body;
	if (m.number != IPC_CERTIFICATE || strcmp(c->interface, interface) != 0) {
		ipc_message_clear(&m);
		return error_set(err, -EBADMSG, "%s is not a certificate of this interface", path);
	}
	*ret = *c;
	*c = (struct ipc_certificate){ 0 };
	ipc_message_clear(&m);
	return 0;
}
