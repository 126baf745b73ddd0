/* SPDX-License-Identifier: ISC */
/* What a datagram is before any SA is known: RFC 3948 2.1 to 2.3, RFC 4303 2.1. */
#include "proto/esp/esp_private.h"

uint32_t esp_read_spi(const uint8_t *data, size_t length)
{
	if (length < ESP_HEADER_LENGTH)
		return 0;
	uint32_t spi = esp_load_u32(data);
	return spi < ESP_SPI_MIN ? 0 : spi;
}

enum esp_udp_kind esp_udp_kind(const uint8_t *data, size_t length)
{
	if (length == 1 && data[0] == ESP_KEEPALIVE_BYTE)
		return ESP_UDP_KEEPALIVE;
	if (length > ESP_NON_ESP_MARKER && esp_load_u32(data) == 0)
		return ESP_UDP_IKE;
	return esp_read_spi(data, length) ? ESP_UDP_ESP : ESP_UDP_INVALID;
}
