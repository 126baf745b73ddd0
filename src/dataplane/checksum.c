/* SPDX-License-Identifier: ISC */
#include "dataplane/checksum.h"

#include <arpa/inet.h>
#include <stdatomic.h>

typedef uint64_t sum_function(const uint8_t *bytes, size_t n);

/* One loop that compilers turn into the widest vectors that they may use. */
static inline __attribute__((always_inline)) uint64_t sum_words(const uint8_t *bytes, size_t n)
{
	uint64_t sum = 0;
	size_t words = n / 4;
	for (size_t i = 0; i < words; i++) {
		uint32_t word;
		memcpy(&word, bytes + 4 * i, sizeof(word));
		sum += word;
	}
	bytes += 4 * words;
	if (n & 2) {
		uint16_t word;
		memcpy(&word, bytes, sizeof(word));
		sum += word;
		bytes += 2;
	}
	if (n & 1) {
		uint16_t word = 0;
		memcpy(&word, bytes, 1);
		sum += word;
	}
	return sum;
}

static uint64_t sum_plain(const uint8_t *bytes, size_t n)
{
	return sum_words(bytes, n);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint8_t *bytes, size_t n)
{
	return sum_words(bytes, n);
}

__attribute__((target("avx512f,avx512bw"))) static uint64_t sum_avx512(const uint8_t *bytes, size_t n)
{
	return sum_words(bytes, n);
}

static sum_function *best(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
		return sum_avx512;
	return __builtin_cpu_supports("avx2") ? sum_avx2 : sum_plain;
}
#else
static sum_function *best(void)
{
	return sum_plain;
}
#endif

uint64_t checksum_sum(const void *bytes, size_t n)
{
	static _Atomic(sum_function *) chosen;
	sum_function *sum = atomic_load_explicit(&chosen, memory_order_relaxed);
	if (!sum) {
		sum = best();
		atomic_store_explicit(&chosen, sum, memory_order_relaxed);
	}
	return sum(bytes, n);
}

uint64_t checksum_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t length)
{
	uint64_t sum = (uint64_t)htons(protocol) + htons((uint16_t)length) + htons((uint16_t)(length >> 16));
	return sum + (ip[0] >> 4 == 4 ? sum_plain(ip + 12, 8) : sum_plain(ip + 8, 32));
}

void checksum_set_ip4(uint8_t *ip)
{
	checksum_put(ip + 10, 0);
	checksum_put(ip + 10, (uint16_t)~checksum_fold(sum_plain(ip, (size_t)(ip[0] & 15) * 4)));
}
