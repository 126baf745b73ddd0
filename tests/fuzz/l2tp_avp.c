/* SPDX-License-Identifier: ISC */
/* L2TP headers and AVPs, with a secret for hidden ones: the first byte is the secret's length. */
#include "proto/l2tp/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[256] = "sesame";
	struct l2tp_control_header header;
	struct l2tp_data_header frame;
	static struct l2tp_avps avps;
	if (size < 1)
		return 0;
	if (l2tp_data_read(data + 1, size - 1, &frame) &&
	        (size_t)frame.header_size + frame.payload_size > size - 1)
		abort();
	if (!l2tp_read_control_header(data + 1, size - 1, &header) ||
	        !l2tp_read_avps(&avps, data + 13, header.length - 12))
		return 0;
	l2tp_reveal(&avps, secret, data[0]);
	if (l2tp_has_hidden(&avps))
		abort();
	unsigned sum = 0;
	for (int i = 0; i < L2TP_N_ATTRIBUTES; i++) {
		for (size_t k = 0; k < avps.value[i].length; k++)
			sum += avps.value[i].bytes[k];
		char *text FREE_ON_EXIT = l2tp_avp_text(&avps, (enum l2tp_attribute)i, 4);
		sum += l2tp_avp_u32(&avps, (enum l2tp_attribute)i) + (uint8_t)text[0];
	}
	return sum == UINT32_MAX - 1;
}
