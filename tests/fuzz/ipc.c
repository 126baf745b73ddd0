/* SPDX-License-Identifier: ISC */
/* Frames from a peer: what decodes must encode to the same bytes. */
#include "ipc/ipc.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_message m;
	if (ipc_decode(data, size, &m, NULL) < 0)
		return 0;
	struct writer w CLEANUP(wr_free) = wr_make(IPC_FRAME_MAX);
	if (ipc_encode(&w, m.number, m.body, NULL) < 0 || w.length != size || memcmp(w.data, data, size) != 0)
		abort();
	ipc_message_clear(&m);
	return 0;
}
