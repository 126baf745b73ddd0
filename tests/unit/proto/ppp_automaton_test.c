/* SPDX-License-Identifier: ISC */
/* The state transition table of RFC 1661, 4.1, as the RFC prints it, against ours. */
#include "proto/ppp/automaton.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

/* "actions/new state"; r, p and x are the RFC's marks for options and for the crossed connection. */
static const struct {
	enum ppp_event event;
	const char *states[PPP_N_STATES];
} rows[] = {
	{ PPP_UP, { "2", "irc,scr/6", "-", "-", "-", "-", "-", "-", "-", "-" } },
	{ PPP_DOWN, { "-", "-", "0", "tls/1", "0", "1", "1", "1", "1", "tld/1" } },
	{ PPP_OPEN, { "tls/1", "1", "irc,scr/6", "3r", "5r", "5r", "6", "7", "8", "9r" } },
	{ PPP_CLOSE,
	        { "0", "tlf/0", "2", "2", "4", "4", "irc,str/4", "irc,str/4", "irc,str/4",
	                "tld,irc,str/4" } },
	{ PPP_TO_MORE, { "-", "-", "-", "-", "str/4", "str/5", "scr/6", "scr/6", "scr/8", "-" } },
	{ PPP_TO_LAST, { "-", "-", "-", "-", "tlf/2", "tlf/3", "tlf/3p", "tlf/3p", "tlf/3p", "-" } },
	{ PPP_RCR_GOOD,
	        { "-", "-", "sta/2", "irc,scr,sca/8", "4", "5", "sca/8", "sca,tlu/9", "sca/8",
	                "tld,scr,sca/8" } },
	{ PPP_RCR_BAD,
	        { "-", "-", "sta/2", "irc,scr,scn/6", "4", "5", "scn/6", "scn/7", "scn/6",
	                "tld,scr,scn/6" } },
	{ PPP_RCA, { "-", "-", "sta/2", "sta/3", "4", "5", "irc/7", "scr/6x", "irc,tlu/9", "tld,scr/6x" } },
	{ PPP_RCN,
	        { "-", "-", "sta/2", "sta/3", "4", "5", "irc,scr/6", "scr/6x", "irc,scr/8", "tld,scr/6x" } },
	{ PPP_RTR,
	        { "-", "-", "sta/2", "sta/3", "sta/4", "sta/5", "sta/6", "sta/6", "sta/6",
	                "tld,zrc,sta/5" } },
	{ PPP_RTA, { "-", "-", "2", "3", "tlf/2", "tlf/3", "6", "6", "8", "tld,scr/6" } },
	{ PPP_RUC, { "-", "-", "scj/2", "scj/3", "scj/4", "scj/5", "scj/6", "scj/7", "scj/8", "scj/9" } },
	{ PPP_RXJ_GOOD, { "-", "-", "2", "3", "4", "5", "6", "6", "8", "9" } },
	{ PPP_RXJ_BAD,
	        { "-", "-", "tlf/2", "tlf/3", "tlf/2", "tlf/3", "tlf/3", "tlf/3", "tlf/3",
	                "tld,irc,str/5" } },
	{ PPP_RXR, { "-", "-", "2", "3", "4", "5", "6", "7", "8", "ser/9" } },
};

static const struct {
	const char *word;
	enum ppp_action action;
} words[] = { { "tld", PPP_TLD }, { "irc", PPP_IRC }, { "zrc", PPP_ZRC }, { "scr", PPP_SCR },
	{ "str", PPP_STR }, { "sca", PPP_SCA }, { "scn", PPP_SCN }, { "sta", PPP_STA }, { "scj", PPP_SCJ },
	{ "ser", PPP_SER }, { "tlu", PPP_TLU }, { "tls", PPP_TLS }, { "tlf", PPP_TLF } };

static void format(const struct ppp_transition *t, char *ret, size_t size)
{
	size_t n = 0;
	if (!t->defined) {
		(void)snprintf(ret, size, "-");
		return;
	}
	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (t->actions & words[i].action)
			n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? "," : "", words[i].word);
	(void)snprintf(ret + n, size - n, "%s%u", n ? "/" : "", t->next);
}

static void the_table_is_the_rfcs(void **state)
{
	assert_int_equal(ARRAY_LENGTH(rows), PPP_N_EVENTS);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		for (unsigned s = 0; s < PPP_N_STATES; s++) {
			char ours[64], theirs[64];
			format(ppp_get_transition((enum ppp_state)s, rows[i].event), ours, sizeof(ours));
			/* Without the mark, which is behind the digit of the new state. */
			const char *slash = strrchr(rows[i].states[s], '/');
			size_t length = slash ? (size_t)(slash - rows[i].states[s]) + 2 : 1;
			(void)snprintf(theirs, sizeof(theirs), "%.*s", (int)length, rows[i].states[s]);
			assert_string_equal(ours, theirs);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_table_is_the_rfcs) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
