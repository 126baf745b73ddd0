/* SPDX-License-Identifier: ISC */
/* What the files of aaa share: aaa.c (life), aaa_exchange.c (authentication), aaa_request.c (attributes),
 * aaa_account.c (accounts), aaa_accounting.c (what goes to the servers), aaa_coa.c (what comes from them). */
#pragma once

#include "base/table.h"
#include "net/workers.h"
#include "softwire/aaa_journal.h"
#include "softwire/aaa_profile.h"
#include "softwire/aaa_settings.h"
#include "softwire/aaa_spool.h"
#include "softwire/aaa_wheel.h"
#include "softwire/radius_servers.h"

#include <sys/queue.h>

#define AAA_ECHO_MAX 1024         /* bytes of Class and Chargeable-User-Identity attributes, RFC 2865, 5.25 */
#define AAA_BLOB_MAX 3400         /* bytes of the attributes that every record of a session has */
#define AAA_ACCOUNTING_WINDOW 128 /* records on their way to a server */
#define AAA_JITTER 10             /* interim records are up to a tenth earlier than said: RFC 2869, 5.16 */

struct aaa_numbers {
	uint64_t accepted, rejected, challenged, unavailable, refused_busy;
	uint64_t starts, interims, stops, recovered, accounting_sent, accounting_dropped, accounting_failed;
	uint64_t coa_done, coa_refused, disconnect_done, disconnect_refused;
};

struct aaa_account {
	struct aaa *aaa;
	char id[AAA_ID_SIZE];
	char *user;
	uint64_t key;                    /* of the id: records of one session never overtake each other */
	uint8_t *blob;                   /* attributes: who, where, addresses */
	size_t blob_length, port_length; /* its first part does not change when addresses do */
	time_ms started;                 /* wall */
	time_ms began;                   /* monotonic, of one that is open: clocks may be set meanwhile */
	struct aaa_usage usage;
	time_ms noted; /* wall, of usage */
	uint32_t interim_s;
	struct aaa_wheel_entry due; /* monotonic; of the next interim record */
	LIST_ENTRY(aaa_account) same_user;
	bool is_closed; /* its end is in the journal */
	bool is_open;   /* started or resumed; else of before a crash */
	aaa_usage_fn *on_usage;
	void *user_data;
};
LIST_HEAD(aaa_account_list, aaa_account);

struct aaa_flight {
	struct aaa *aaa;
	struct radius_call *call;
	uint64_t sequence, key;
	uint8_t *record;
	size_t length;
	bool is_used;
	struct event *retry;
};

/* Journal and spool on their way to the disk. */
struct aaa_sync {
	struct work work;
	struct aaa *aaa;
	bool is_under_way;
	int fds[1 + AAA_SPOOL_SYNC_MAX]; /* the journal first: it knows an account before its start is told */
	size_t n;
	uint64_t upto; /* records of the spool below it are durable then */
	int error;
};

struct aaa {
	struct event_base *base;
	struct aaa_settings settings;
	struct aaa_handlers handlers;
	struct aaa_options options;     /* strings owned */
	struct radius_servers *servers; /* NULL: none is configured */
	bool has_accounting;
	struct aaa_numbers numbers;
	size_t n_exchanges;

	struct table *accounts; /* by id */
	struct table *by_user;  /* struct aaa_account_list */
	struct aaa_wheel wheel; /* interim records */
	struct event *wheel_timer;
	char id_prefix[20];
	uint32_t id_count;
	size_t n_resumed;
	struct aaa_journal *journal; /* of open sessions */

	struct aaa_spool *spool; /* NULL: no accounting server */
	struct table *stopped;   /* keys whose stop was in the spool at start */
	struct aaa_flight flights[AAA_ACCOUNTING_WINDOW];
	struct event *sync_timer;
	struct aaa_sync sync;
	uint64_t durable; /* records of the spool below it may be told */
	bool is_dirty, is_pumping, has_complained;
	void (*on_flushed)(void *user);
	void *flush_user;
	struct event *flush_timer;

	struct aaa_coa *coa;
	int lock; /* on the state directory: two programs would tear its journals apart */
};

void aaa_notice(struct aaa *a, const char *format, ...) PRINTF_LIKE(2, 3);

/* aaa_request.c: attributes */
void aaa_write_port(struct writer *w, const struct aaa_settings *s, const struct aaa_port *port);
int aaa_write_credential(struct writer *w, const struct ppp_auth_request *request, struct error *err);
void aaa_write_addresses(struct writer *w, const struct aaa_addresses *addresses);
void aaa_write_usage(struct writer *w, const struct aaa_usage *usage);

/* aaa_exchange.c: what an accepted exchange leaves for the account */
void aaa_exchange_legacy(const struct aaa_exchange *x, const char **ret_user, const struct writer **ret_echo,
        uint32_t *ret_interim_s);

/* aaa_account.c */
int aaa_accounts_open(struct aaa *a, const char *directory, struct error *err);
void aaa_accounts_close(struct aaa *a);
void aaa_account_set_interim(struct aaa_account *account, uint32_t seconds);

/* aaa_accounting.c */
int aaa_accounting_open(struct aaa *a, const char *directory, struct error *err);
/* What waits from before. */
void aaa_accounting_resume(struct aaa *a);
void aaa_accounting_close(struct aaa *a);
/* Into the journal, and on its way. attributes: all but Acct-Delay-Time. event: wall. */
void aaa_accounting_tell(struct aaa *a, uint64_t key, enum radius_status status, time_ms event,
        const struct writer *attributes);
void aaa_accounting_switch(struct aaa *a, enum radius_status on_or_off);
bool aaa_accounting_has_stop(const struct aaa *a, uint64_t key);
void aaa_accounting_forget_stops(struct aaa *a);
void aaa_sync_soon(struct aaa *a);
/* To the operator, until records can be written again. */
void aaa_complain_once(struct aaa *a, const char *what, int error);

/* aaa_coa.c */
int aaa_coa_open(struct aaa *a, struct error *err);
void aaa_coa_close(struct aaa *a);
void aaa_coa_set_secrets(struct aaa *a);
void aaa_coa_get_counters(const struct aaa *a, struct radius_dynauth_counters *ret);
