/* SPDX-License-Identifier: ISC */
#include "ctl/softwire_show.h"

#include "ctl/client.h"
#include "ctl/text_table.h"

#include <string.h>

#define AMOUNT_SIZE 24

/* 1234567 -> "1.2 M"; decimal, as rates are. */
static const char *amount(json_int_t n, char text[AMOUNT_SIZE])
{
	static const char units[] = " kMGTP";
	double value = (double)n;
	size_t i = 0;
	while (value >= 1000 && i + 2 < sizeof(units)) {
		value /= 1000;
		i++;
	}
	if (i == 0)
		snprintf(text, AMOUNT_SIZE, "%lld", (long long)n);
	else
		snprintf(text, AMOUNT_SIZE, value < 10 ? "%.1f %c" : "%.0f %c", value, units[i]);
	return text;
}

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

static const char *first(const json_t *session, const char *list)
{
	const char *s = json_string_value(json_array_get(json_object_get(session, list), 0));
	return s ? s : "";
}

static const char *age(const json_t *session, time_ms now, char text[CTL_AGO_SIZE])
{
	char *space;
	const char *said = ctl_ago(ctl_string(session, "since"), now, text);
	if (said == text && (space = strstr(text, " ago")))
		*space = '\0';
	return said;
}

/* "CN=alice" is enough of a distinguished name. */
static const char *short_name(const char *machine)
{
	const char *cn = strstr(machine, "CN=");
	return cn ? cn : machine;
}

static void add_row(struct text_table *t, const json_t *s, time_ms now)
{
	char ago[CTL_AGO_SIZE], in[AMOUNT_SIZE], out[AMOUNT_SIZE], speed_in[AMOUNT_SIZE],
	        speed_out[AMOUNT_SIZE];
	const char *segment = ctl_string(s, "segment"), *protection = ctl_string(s, "protection");
	bool clear = strcmp(protection, "clear") == 0;
	text_table_cell(t, TEXT_BOLD, "%s", ctl_string(s, "port"));
	text_table_cell(t, NULL, "%s", or_dash(ctl_string(s, "user")));
	text_table_cell(t, clear ? TEXT_YELLOW : NULL, "%s",
	        clear ? "(clear)" : short_name(ctl_string(s, "machine")));
	text_table_cell(t, NULL, "%s", ctl_string(s, "outer"));
	text_table_cell(t, NULL, "%s", or_dash(ctl_string(s, "ipv4")));
	text_table_cell(t, NULL, "%s", or_dash(first(s, "ipv6")));
	text_table_cell(t, NULL, "%s", or_dash(first(s, "delegated")));
	text_table_cell(t, *segment ? NULL : TEXT_DIM, "%s", or_dash(segment));
	text_table_cell(t, NULL, "%s", age(s, now, ago));
	text_table_cell(t, NULL, "%s/%s bit/s", amount(ctl_integer(s, "speed_in"), speed_in),
	        amount(ctl_integer(s, "speed_out"), speed_out));
	text_table_cell(t, NULL, "%s/%s B", amount(ctl_integer(s, "bytes_in"), in),
	        amount(ctl_integer(s, "bytes_out"), out));
}

static int compare_ports(const void *a, const void *b)
{
	return strcmp(ctl_string(*(json_t *const *)a, "port"), ctl_string(*(json_t *const *)b, "port"));
}

void softwire_show_sessions(const json_t *answer)
{
	static const char *const headings[] = { "PORT", "USER", "MACHINE", "FROM", "IPV4", "IPV6",
		"DELEGATED", "SEGMENT", "AGE", "RATE IN/OUT", "BYTES IN/OUT", NULL };
	const json_t *list = json_object_get(answer, "sessions");
	struct text_table *t = text_table_new(headings);
	const time_ms now = clock_wall_ms();
	size_t n = json_array_size(list);
	json_t **sorted = xcalloc(n + 1, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(list, i);
	qsort(sorted, n, sizeof(*sorted), compare_ports);
	for (size_t i = 0; i < n; i++)
		add_row(t, sorted[i], now);
	free(sorted);
	text_table_print(t, stdout);
	if (n == 0)
		puts("no softwire is up");
}

/* ---- one of anything: "name  value" lines ---- */

static void print_value(const char *name, const json_t *value)
{
	size_t i;
	const json_t *item;
	bool any = false;
	if (json_is_null(value))
		return;
	printf("%-22s ", name);
	if (json_is_array(value)) {
		json_array_foreach(value, i, item) {
			text_print(stdout, NULL, "%s%s", any ? ", " : "", json_string_value(item));
			any = true;
		}
		if (!any)
			putchar('-');
	} else if (json_is_integer(value)) {
		printf("%lld", (long long)json_integer_value(value));
	} else if (json_is_boolean(value)) {
		fputs(json_is_true(value) ? "yes" : "no", stdout);
	} else {
		text_print(stdout, NULL, "%s", json_string_value(value) ? json_string_value(value) : "");
	}
	putchar('\n');
}

static void print_object(const json_t *object)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		char *name FREE_ON_EXIT = xstrdup(key);
		for (char *c = name; *c; c++)
			if (*c == '_')
				*c = ' ';
		if (!json_is_object(value))
			print_value(name, value);
	}
}

void softwire_show_session(const json_t *session)
{
	print_object(session);
}

/* ---- status ---- */

static void print_pools(const json_t *pools)
{
	static const char *const headings[] = { "POOL", "KIND", "RANGE", "IN USE", "REMEMBERED", "CAPACITY",
		NULL };
	struct text_table *t;
	size_t i;
	const json_t *p;
	if (json_array_size(pools) == 0)
		return;
	t = text_table_new(headings);
	json_array_foreach(pools, i, p) {
		char capacity[AMOUNT_SIZE];
		bool full = ctl_integer(p, "in_use") >= ctl_integer(p, "capacity");
		text_table_cell(t, NULL, "%s", ctl_string(p, "name"));
		text_table_cell(t, NULL, "%s", ctl_string(p, "kind"));
		text_table_cell(t, NULL, "%s", ctl_string(p, "range"));
		text_table_cell(t, full ? TEXT_RED : NULL, "%lld", (long long)ctl_integer(p, "in_use"));
		text_table_cell(t, NULL, "%lld", (long long)ctl_integer(p, "remembered"));
		text_table_cell(t, NULL, "%s", amount(ctl_integer(p, "capacity"), capacity));
	}
	putchar('\n');
	text_table_print(t, stdout);
}

static void print_servers(const json_t *servers)
{
	size_t i;
	const json_t *s;
	if (json_array_size(servers))
		putchar('\n');
	json_array_foreach(servers, i, s) {
		bool up = ctl_boolean(s, "up");
		text_print(stdout, up ? NULL : TEXT_RED,
		        "RADIUS %s is %s: %lld requests, %lld timeouts, %lld forged replies",
		        ctl_string(s, "name"), up ? "up" : "away", (long long)ctl_integer(s, "requests"),
		        (long long)ctl_integer(s, "timeouts"), (long long)ctl_integer(s, "forged"));
		putchar('\n');
	}
}

/* Those that are not zero, of all processes. */
static void print_counters(const char *heading, const json_t *counters)
{
	const char *key;
	json_t *value;
	bool any = false;
	json_object_foreach((json_t *)(uintptr_t)counters, key, value) {
		if (json_integer_value(value) == 0)
			continue;
		if (!any)
			printf("\n%s:\n", heading);
		any = true;
		printf("  %-32s %lld\n", key, (long long)json_integer_value(value));
	}
}

static void print_events(const json_t *events)
{
	size_t i;
	const json_t *e;
	if (json_array_size(events))
		puts("\nlast events:");
	json_array_foreach(events, i, e) {
		text_print(stdout, strcmp(ctl_string(e, "kind"), "refused") == 0 ? TEXT_YELLOW : NULL,
		        "  %s  %s", ctl_string(e, "when"), ctl_string(e, "text"));
		putchar('\n');
	}
}

void softwire_show_status(const json_t *status)
{
	text_print(stdout, TEXT_BOLD, "%s %s, pratique %s", ctl_string(status, "role"),
	        ctl_string(status, "name"), ctl_string(status, "version"));
	printf("\nipsec        %s\nsessions     %lld over %lld associations\n", ctl_string(status, "ipsec"),
	        (long long)ctl_integer(status, "sessions"), (long long)ctl_integer(status, "associations"));
	if (json_object_get(status, "state"))
		printf("state        %s\n", ctl_string(status, "state"));
	if (json_object_get(status, "enforcer"))
		printf("enforcer     %s\n", ctl_boolean(status, "enforcer") ? "connected" : "not connected");
	print_pools(json_object_get(status, "pools"));
	print_servers(json_object_get(status, "aaa"));
	print_counters("filter", json_object_get(status, "filter"));
	print_counters("data plane", json_object_get(status, "dataplane"));
	print_counters("control", json_object_get(status, "counters"));
	print_events(json_object_get(status, "events"));
}
