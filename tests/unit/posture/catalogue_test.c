/* SPDX-License-Identifier: ISC */
#include "posture/catalogue.h"
#include "posture/package_list.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct posture *attached(struct posture_catalogue *c)
{
	struct posture *p = posture_new();
	catalogue_attach(c, p);
	return p;
}

static struct posture_package package(const char *name, const char *version)
{
	return (struct posture_package){ "deb", name, version, "amd64", name, version, 0 };
}

static const struct posture_package *add(struct posture_catalogue *c, struct posture *p, const char *name)
{
	const struct posture_package one = package(name, "1");
	return catalogue_add(c, p, &one, name, strlen(name));
}

static const struct posture_package *find(struct posture_catalogue *c, const char *text)
{
	catalogue_begin(c);
	const struct posture_package *found = catalogue_find(c, text, strlen(text));
	catalogue_end(c);
	return found;
}

static void test_one_number_a_package(void **state)
{
	struct posture_catalogue *c = catalogue_new();
	struct posture *p = attached(c);
	struct posture_package bash = package("bash", "5.2"), other = bash;
	assert_null(find(c, "pkg:deb/debian/bash@5.2"));
	const struct posture_package *a = catalogue_add(c, p, &bash, "pkg:deb/debian/bash@5.2", 23);
	assert_int_equal(a->id, 1);
	assert_string_equal(a->name, "bash");
	assert_ptr_not_equal(a->name, bash.name);
	assert_ptr_equal(a->source, a->name); /* equal strings once */
	assert_ptr_equal(find(c, "pkg:deb/debian/bash@5.2"), a);
	/* The same in other words. */
	assert_ptr_equal(catalogue_add(c, p, &bash, "pkg:deb/bash@5.2", 16), a);
	assert_null(find(c, "pkg:deb/bash@5.2"));
	/* Not known is not empty, and each field counts. */
	other.architecture = NULL;
	assert_int_equal(catalogue_add(c, p, &other, NULL, 0)->id, 2);
	other.architecture = "";
	assert_int_equal(catalogue_add(c, p, &other, NULL, 0)->id, 3);
	other = bash;
	other.source_version = "5";
	assert_int_equal(catalogue_add(c, p, &other, NULL, 0)->id, 4);
	assert_string_equal(catalogue_package(c, 4)->source_version, "5");
	assert_null(catalogue_package(c, 0));
	assert_null(catalogue_package(c, 5));
	assert_null(catalogue_package(c, UINT32_MAX));
	assert_int_equal(catalogue_limit(c), 5);
	other.name = NULL;
	assert_null(catalogue_add(c, p, &other, NULL, 0));
	posture_free(p);
	catalogue_free(c);
}

static void gone(uint32_t id, bool was_stored, void *context)
{
	*(size_t *)context += 1 + (was_stored ? 1000000 : 0);
}

static void fill(struct posture_catalogue *c, size_t from, size_t to)
{
	char name[32];
	for (size_t i = from; i < to;) {
		struct posture *p = attached(c); /* one alone may not bring so many */
		for (size_t n = 0; n < CATALOGUE_NEW_PACKAGES_MAX && i < to; n++, i++) {
			snprintf(name, sizeof(name), "p%zu", i);
			assert_non_null(add(c, p, name));
		}
		posture_free(p);
	}
}

static void collect(struct posture_catalogue *c, size_t calls, size_t *n)
{
	for (size_t i = 0; i < calls; i++)
		catalogue_collect(c, gone, n);
}

static void test_what_nobody_has_is_collected(void **state)
{
	const size_t many = CATALOGUE_UNUSED_MAX + 100;
	struct posture_catalogue *c = catalogue_new();
	size_t n = 0;
	fill(c, 0, 1000);
	collect(c, 10, &n);
	assert_int_equal(n, 0); /* few are kept: they may come again */
	fill(c, 1000, many);
	struct posture *p = attached(c);
	const struct posture_package *looked_up = find(c, "p7");
	catalogue_refer(c, find(c, "p8")->id);
	catalogue_set_stored(c, find(c, "p9")->id, true);
	collect(c, 1, &n); /* doomed */
	collect(c, 100, &n);
	assert_int_equal(n, 0); /* since p has been there before */
	posture_free(p);
	p = attached(c);
	assert_string_equal(find(c, "p10")->name, "p10");
	collect(c, many / CATALOGUE_COLLECTED_MAX + 2, &n);
	assert_int_equal(n, 1000000 + many - 2); /* all but what is referred to, and p10, looked up since */
	assert_null(find(c, "p7"));
	(void)looked_up;
	assert_string_equal(find(c, "p8")->name, "p8");
	assert_string_equal(find(c, "p10")->name, "p10");
	posture_free(p);
	/* The numbers are given again. */
	const uint32_t limit = catalogue_limit(c);
	fill(c, 0, 1000);
	assert_int_equal(catalogue_limit(c), limit);
	assert_string_equal(find(c, "p7")->name, "p7");
	const struct catalogue_size size = catalogue_size(c);
	assert_int_equal(size.packages, 1000 + 0);
	assert_int_equal(size.referred, 1);
	catalogue_drop(c, find(c, "p8")->id);
	assert_int_equal(catalogue_size(c).referred, 0);
	catalogue_free(c);
}

/* One host brings so many new ones and no more; what others brought it gets. */
static void test_nobody_fills_it(void **state)
{
	struct posture_catalogue *c = catalogue_new();
	char name[POSTURE_STRING_MAX + 1], *long_name = name;
	fill(c, 0, 10);
	struct posture *p = attached(c);
	for (size_t i = 0; i < CATALOGUE_NEW_PACKAGES_MAX; i++) {
		snprintf(name, sizeof(name), "q%zu", i);
		assert_non_null(add(c, p, name));
	}
	assert_null(add(c, p, "one-more"));
	assert_non_null(add(c, p, "p3"));
	assert_int_equal(catalogue_size(c).refused, 1);
	posture_free(p);
	p = attached(c);
	size_t n = 0;
	memset(name, 'x', sizeof(name));
	name[POSTURE_STRING_MAX] = '\0';
	for (;; n++) {
		(void)snprintf(name, 12, "%011zu", n);
		name[11] = 'x';
		if (!add(c, p, long_name))
			break;
	}
	assert_true(n > 100 && n < CATALOGUE_NEW_BYTES_MAX / POSTURE_STRING_MAX);
	posture_free(p);
	catalogue_free(c);
}

static void test_full(void **state)
{
	struct posture_catalogue *c = catalogue_new();
	fill(c, 0, CATALOGUE_PACKAGES_MAX);
	struct posture *p = attached(c);
	assert_null(add(c, p, "one-more"));
	posture_free(p);
	size_t n = 0;
	collect(c, 2, &n);
	assert_int_equal(n, CATALOGUE_COLLECTED_MAX);
	p = attached(c);
	assert_non_null(add(c, p, "one-more"));
	posture_free(p);
	catalogue_free(c);
}

static void test_restoring(void **state)
{
	struct posture_catalogue *c = catalogue_new();
	struct posture_package bash = package("bash", "5.2"), dash = package("dash", "1");
	char *long_name FREE_ON_EXIT = xmalloc(POSTURE_STRING_MAX + 2);
	assert_int_equal(catalogue_restore(c, 3, &bash), 0);
	assert_int_equal(catalogue_restore(c, 3, &dash), -EINVAL);
	assert_int_equal(catalogue_restore(c, 2, &dash), -EINVAL);
	assert_int_equal(catalogue_restore(c, 0, &dash), -EINVAL);
	assert_int_equal(catalogue_restore(c, CATALOGUE_PACKAGES_MAX + 1, &dash), -EINVAL);
	assert_int_equal(catalogue_restore(c, 9, &bash), 0); /* a number that a lost turn left */
	memset(long_name, 'x', POSTURE_STRING_MAX + 1);
	long_name[POSTURE_STRING_MAX + 1] = '\0';
	dash.version = long_name;
	assert_int_equal(catalogue_restore(c, 10, &dash), -EINVAL);
	assert_true(catalogue_is_stored(c, 3));
	assert_string_equal(catalogue_package(c, 3)->version, "5.2");
	assert_null(catalogue_package(c, 2));
	/* The numbers in between are given. */
	struct posture *p = attached(c);
	assert_in_range(catalogue_add(c, p, &bash, NULL, 0)->id, 3, 9);
	for (int i = 0; i < 7; i++)
		assert_in_range(add(c, p, (const char[]){ (char)('a' + i), '\0' })->id, 1, 8);
	assert_int_equal(add(c, p, "last")->id, 10);
	assert_false(catalogue_is_stored(c, 10));
	posture_free(p);
	catalogue_free(c);
}

/* ---- many threads ---- */

#define THREADS 4
#define ROUNDS 300
#define NAMES 500

struct crowd {
	struct posture_catalogue *c;
	unsigned seed;
};

static void *come_and_go(void *context)
{
	struct crowd crowd = *(struct crowd *)context;
	for (int round = 0; round < ROUNDS; round++) {
		struct posture *p = attached(crowd.c);
		for (int i = 0; i < 100; i++) {
			char name[64];
			crowd.seed = crowd.seed * 1103515245 + 12345;
			snprintf(name, sizeof(name), "%u", crowd.seed / 65536 % NAMES);
			const struct posture_package *found = find(crowd.c, name);
			if (!found)
				found = add(crowd.c, p, name);
			if (strcmp(found->name, name) != 0 || posture_add_package(p, found) < 0)
				abort();
		}
		for (size_t i = 0; i < p->n_packages; i++) /* they are still there */
			if (strcmp(p->packages[i].version, "1") != 0)
				abort();
		posture_free(p);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct posture_catalogue *c = catalogue_new();
	struct crowd crowds[THREADS];
	pthread_t threads[THREADS];
	size_t n = 0;
	fill(c, 0, CATALOGUE_UNUSED_MAX + 1); /* so that there is always something to collect */
	for (unsigned i = 0; i < THREADS; i++) {
		crowds[i] = (struct crowd){ c, i };
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowds[i]), 0);
	}
	for (int i = 0; i < ROUNDS; i++)
		catalogue_collect(c, gone, &n);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	collect(c, CATALOGUE_UNUSED_MAX / CATALOGUE_COLLECTED_MAX + 2, &n);
	assert_true(n > CATALOGUE_UNUSED_MAX);
	catalogue_free(c);
}

/* ---- lists ---- */

static void check_list(const uint32_t *ids, size_t n)
{
	struct posture *p = posture_new();
	uint32_t *back = NULL;
	size_t length, n_back;
	p->packages_known = true;
	for (size_t i = 0; i < n; i++) {
		struct posture_package one = package("x", "1");
		one.id = ids[i];
		assert_int_equal(posture_add_package(p, &one), 0);
	}
	uint8_t *bytes = package_list_pack(p, &length);
	assert_non_null(bytes);
	assert_int_equal(package_list_unpack(bytes, length, &back, &n_back), 0);
	assert_int_equal(n_back, n);
	if (n)
		assert_memory_equal(back, ids, n * sizeof(*ids));
	free(bytes);
	free(back);
	posture_free(p);
}

static void test_lists(void **state)
{
	static const uint32_t ids[] = { 1, 2, 3, 900, 7, 7, UINT32_MAX, 1, 64, 65, 8192, 2147483648u };
	uint32_t sorted[ARRAY_LENGTH(ids)], up[300], *none;
	size_t n;
	for (size_t i = 0; i <= ARRAY_LENGTH(ids); i++)
		check_list(ids, i);
	memcpy(sorted, ids, sizeof(ids));
	n = package_list_sort(sorted, ARRAY_LENGTH(ids));
	assert_int_equal(n, ARRAY_LENGTH(ids) - 2);
	for (size_t i = 1; i < n; i++)
		assert_true(sorted[i - 1] < sorted[i]);
	for (uint32_t i = 0; i < ARRAY_LENGTH(up); i++)
		up[i] = ARRAY_LENGTH(up) - i;
	assert_int_equal(package_list_sort(up, ARRAY_LENGTH(up)), ARRAY_LENGTH(up));
	for (uint32_t i = 0; i < ARRAY_LENGTH(up); i++)
		assert_int_equal(up[i], i + 1);
	assert_int_equal(package_list_sort(up, 0), 0);
	/* In few bytes where neighbours are neighbours. */
	struct posture *p = posture_new();
	assert_null(package_list_pack(p, &n)); /* not known */
	p->packages_known = true;
	for (uint32_t i = 1; i <= 900; i++) {
		struct posture_package one = package("x", "1");
		one.id = i;
		assert_int_equal(posture_add_package(p, &one), 0);
	}
	free(package_list_pack(p, &n));
	assert_int_equal(n, 900);
	p->packages[5].id = 0;
	assert_null(package_list_pack(p, &n)); /* one has no number */
	posture_free(p);
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = { { "\x00", 1 }, { "\x01", 1 }, { "\x80", 1 }, { "\x80\x00", 2 }, { "\x02\x03", 2 },
		{ "\xff\xff\xff\xff\xff\x01", 6 }, { "\xfe\xff\xff\xff\x7f", 5 }, { "\x04\x80", 2 } };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(package_list_unpack(bad[i].bytes, bad[i].n, &none, &n), -EBADMSG);
}

static void test_too_long_a_list(void **state)
{
	uint8_t *bytes FREE_ON_EXIT = xmalloc(POSTURE_PACKAGES_MAX + 1);
	uint32_t *ids = NULL;
	size_t n;
	memset(bytes, 2, POSTURE_PACKAGES_MAX + 1); /* each one more */
	assert_int_equal(package_list_unpack(bytes, POSTURE_PACKAGES_MAX, &ids, &n), 0);
	assert_int_equal(n, POSTURE_PACKAGES_MAX);
	free(ids);
	assert_int_equal(package_list_unpack(bytes, POSTURE_PACKAGES_MAX + 1, &ids, &n), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_number_a_package),
		cmocka_unit_test(test_what_nobody_has_is_collected),
		cmocka_unit_test(test_nobody_fills_it),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_restoring),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_too_long_a_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
