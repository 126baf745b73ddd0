/* SPDX-License-Identifier: ISC */
/*
 * The packages of a posture as the numbers that its catalogue gave them, in few bytes: each as the difference
 * to the one before, zigzag and seven bits a byte, the lowest first. In the order of the posture, so that
 * what is read back is the same posture.
 */
#pragma once

#include "posture/posture.h"

/* NULL where the packages are not known, or not all of them have numbers; else the caller frees. */
uint8_t *package_list_pack(const struct posture *p, size_t *ret_length);
/* The numbers as they were packed; the caller frees. -EBADMSG for bytes that are no such list, or a list of
 * more than POSTURE_PACKAGES_MAX. */
int package_list_unpack(const void *bytes, size_t length, uint32_t **ret_ids, size_t *ret_n);
/* The numbers of a posture that has them, or those of a list: ascending, each once. ids is changed; returns
 * how many there are. */
size_t package_list_sort(uint32_t *ids, size_t n);
