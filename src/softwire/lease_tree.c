/* SPDX-License-Identifier: ISC */
#include "softwire/lease_tree.h"

#include <string.h>

struct ip_address lease_prefix_end(const struct ip_prefix *p)
{
	struct ip_address a = p->address;
	for (size_t bit = p->length; bit < 128; bit = (bit / 8 + 1) * 8)
		a.bytes[bit / 8] |= (uint8_t)(0xff >> bit % 8);
	return a;
}

static int order(const struct ip_address *a, const struct ip_address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct lease *lease_tree_overlap(struct lease *root, const struct ip_prefix *p)
{
	const struct ip_address end = lease_prefix_end(p);
	struct lease *found = NULL;
	for (struct lease *l = root; l;) {
		const struct ip_address l_end = lease_prefix_end(&l->prefix);
		if (order(&l_end, &p->address) < 0)
			l = l->right;
		else if (order(&l->prefix.address, &end) > 0)
			l = l->left;
		else {
			found = l;
			l = l->left;
		}
	}
	return found;
}

/* All below `at` go left, the others right. */
static void split(struct lease *l, const struct ip_address *at, struct lease **left, struct lease **right)
{
	while (l) {
		if (order(&l->prefix.address, at) < 0) {
			*left = l;
			left = &l->right;
			l = l->right;
		} else {
			*right = l;
			right = &l->left;
			l = l->left;
		}
	}
	*left = *right = NULL;
}

void lease_tree_insert(struct lease **root, struct lease *l)
{
	while (*root && (*root)->priority >= l->priority)
		root = order(&l->prefix.address, &(*root)->prefix.address) < 0 ? &(*root)->left
		                                                               : &(*root)->right;
	split(*root, &l->prefix.address, &l->left, &l->right);
	*root = l;
}

void lease_tree_remove(struct lease **root, struct lease *l)
{
	while (*root != l)
		root = order(&l->prefix.address, &(*root)->prefix.address) < 0 ? &(*root)->left
		                                                               : &(*root)->right;
	struct lease *left = l->left, *right = l->right;
	while (left && right) { /* merge */
		if (left->priority >= right->priority) {
			*root = left;
			root = &left->right;
			left = left->right;
		} else {
			*root = right;
			root = &right->left;
			right = right->left;
		}
	}
	*root = left ? left : right;
}
