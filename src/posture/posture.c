/* SPDX-License-Identifier: ISC */
/*
 * The posture's memory: an arena that its strings live in, and growing arrays with named limits. Every string
 * is valid UTF-8 without control characters from the moment that it is in the arena.
 */
#include "posture/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ARENA_CHUNK 65536

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	char bytes[];
};

struct posture_arena {
	struct arena_chunk *chunks; /* the first one is being filled */
};

struct posture *posture_new(void)
{
	struct posture *p = xcalloc(1, sizeof(*p));
	p->arena = xcalloc(1, sizeof(*p->arena));
	return p;
}

struct posture *posture_free(struct posture *p)
{
	if (!p)
		return NULL;
	catalogue_detach(p);
	for (struct arena_chunk *c = p->arena->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(p->arena);
	posture_clear_network(p);
	free(p->interfaces);
	free(p->packages);
	free(p->updates);
	free(p->outdated);
	free(p->listening);
	free(p->starting);
	free(p->routes);
	posture_cut_sources(p, 0);
	free(p->sources);
	free(p->unknowns);
	free(p->settings.items);
	free(p->sshd.items);
	free(p->passwordless);
	free(p);
	return NULL;
}

static char *arena_take(struct posture_arena *a, size_t n)
{
	struct arena_chunk *c = a->chunks;
	if (!c || c->size - c->used < n) {
		size_t size = MAX(n, (size_t)ARENA_CHUNK);
		c = xmalloc(sizeof(*c) + size);
		*c = (struct arena_chunk){ .next = a->chunks, .size = size };
		a->chunks = c;
	}
	char *bytes = c->bytes + c->used;
	c->used += n;
	return bytes;
}

/* Length of the well-formed UTF-8 sequence at s, 0 where there is none (RFC 3629 4: no overlong forms, no
 * surrogates, nothing above U+10FFFF) or where it is a control character of C1. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	static const struct {
		uint8_t mask, lead, length;
		uint32_t least;
	} forms[] = { { 0xe0, 0xc0, 2, 0xa0 }, { 0xf0, 0xe0, 3, 0x800 }, { 0xf8, 0xf0, 4, 0x10000 } };
	for (size_t f = 0; f < ARRAY_LENGTH(forms); f++) {
		if ((*s & forms[f].mask) != forms[f].lead || n < forms[f].length)
			continue;
		uint32_t c = *s & (uint8_t)~forms[f].mask;
		for (size_t i = 1; i < forms[f].length; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		return c < forms[f].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0
		                                                                         : forms[f].length;
	}
	return 0;
}

/* Eight bytes of printable ASCII, as most are. */
static bool is_plain(const char *s)
{
	const uint64_t each = 0x0101010101010101ull;
	uint64_t bytes;
	memcpy(&bytes, s, sizeof(bytes));
	const uint64_t is_delete = bytes ^ each * 0x7f;
	return !(
	        (bytes | ((bytes - each * 0x20) & ~bytes) | ((is_delete - each) & ~is_delete)) & each * 0x80);
}

const char *posture_string_n(struct posture *p, const char *s, size_t n)
{
	n = MIN(n, (size_t)POSTURE_STRING_MAX);
	char *copy = arena_take(p->arena, n + 1);
	for (size_t i = 0; i < n;) {
		if (n - i >= sizeof(uint64_t) && is_plain(s + i)) {
			memcpy(copy + i, s + i, sizeof(uint64_t));
			i += sizeof(uint64_t);
			continue;
		}
		unsigned char c = (unsigned char)s[i];
		size_t length = c < 0x80 ? 1 : utf8_length((const unsigned char *)s + i, n - i);
		if (length == 0 || c < 0x20 || c == 0x7f) {
			copy[i++] = '?';
			continue;
		}
		memcpy(copy + i, s + i, length);
		i += length;
	}
	copy[n] = '\0';
	return copy;
}

const char *posture_string(struct posture *p, const char *s)
{
	return s ? posture_string_n(p, s, strlen(s)) : NULL;
}

int posture_add_package(struct posture *p, const struct posture_package *package)
{
	if (p->n_packages == POSTURE_PACKAGES_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->packages, p->n_packages, p->packages_capacity);
	p->packages[p->n_packages++] = *package;
	return 0;
}

int posture_add_update(struct posture *p, const struct posture_update *update)
{
	if (p->n_updates == POSTURE_PACKAGES_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->updates, p->n_updates, p->updates_capacity);
	p->updates[p->n_updates++] = *update;
	return 0;
}

int posture_add_outdated(struct posture *p, const struct posture_outdated *outdated)
{
	if (p->n_outdated == POSTURE_PROGRAMS_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->outdated, p->n_outdated, p->outdated_capacity);
	p->outdated[p->n_outdated++] = *outdated;
	return 0;
}

int posture_add_listening(struct posture *p, const struct posture_unlisted *unlisted)
{
	if (p->n_listening == POSTURE_PROGRAMS_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->listening, p->n_listening, p->listening_capacity);
	p->listening[p->n_listening++] = *unlisted;
	return 0;
}

int posture_add_starting(struct posture *p, const struct posture_unlisted *unlisted)
{
	if (p->n_starting == POSTURE_PROGRAMS_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->starting, p->n_starting, p->starting_capacity);
	p->starting[p->n_starting++] = *unlisted;
	return 0;
}

int posture_add_unknown(struct posture *p, const char *field, const char *format, ...)
{
	if (p->n_unknowns == POSTURE_UNKNOWNS_MAX)
		return -E2BIG;
	char reason[POSTURE_STRING_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	ARRAY_RESERVE_ONE(p->unknowns, p->n_unknowns, p->unknowns_capacity);
	p->unknowns[p->n_unknowns++] = (struct posture_unknown){ .field = posture_string(p, field),
		.reason = posture_string(p, reason) };
	return 0;
}

int posture_add_interface(struct posture *p, const struct posture_interface *interface)
{
	if (p->n_interfaces == POSTURE_INTERFACES_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->interfaces, p->n_interfaces, p->interfaces_capacity);
	struct posture_interface *i = &p->interfaces[p->n_interfaces++];
	*i = *interface;
	i->addresses = NULL;
	i->n_addresses = 0;
	return 0;
}

int posture_add_address(struct posture *p, size_t interface, const struct ip_prefix *address)
{
	if (interface >= p->n_interfaces)
		return -EINVAL;
	struct posture_interface *i = &p->interfaces[interface];
	if (i->n_addresses == POSTURE_ADDRESSES_MAX)
		return -E2BIG;
	i->addresses = xrealloc_array(i->addresses, i->n_addresses + 1, sizeof(*i->addresses));
	i->addresses[i->n_addresses++] = *address;
	return 0;
}

int posture_add_setting(struct posture_settings *list, size_t most, const struct posture_setting *setting)
{
	if (list->count >= most)
		return -E2BIG;
	ARRAY_RESERVE_ONE(list->items, list->count, list->capacity);
	list->items[list->count++] = *setting;
	return 0;
}

int posture_add_passwordless(struct posture *p, const char *account)
{
	if (p->n_passwordless == POSTURE_ACCOUNTS_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->passwordless, p->n_passwordless, p->passwordless_capacity);
	p->passwordless[p->n_passwordless++] = account;
	return 0;
}

void posture_clear_network(struct posture *p)
{
	for (size_t i = 0; i < p->n_interfaces; i++)
		free(p->interfaces[i].addresses);
	p->n_interfaces = 0;
	p->n_routes = 0;
	p->network_known = false;
}

int posture_add_route(struct posture *p, const struct posture_route *route)
{
	if (p->n_routes == POSTURE_ROUTES_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->routes, p->n_routes, p->routes_capacity);
	p->routes[p->n_routes++] = *route;
	return 0;
}

const char *posture_machine_architecture(const char *machine)
{
	static const struct {
		const char *machine, *architecture;
	} machines[] = { { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "i686", "i386" },
		{ "armv7l", "armhf" }, { "ppc64le", "ppc64el" }, { "s390x", "s390x" },
		{ "riscv64", "riscv64" } };
	for (size_t i = 0; i < ARRAY_LENGTH(machines); i++)
		if (strcmp(machine, machines[i].machine) == 0)
			return machines[i].architecture;
	return NULL;
}
