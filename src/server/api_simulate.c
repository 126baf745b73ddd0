/* SPDX-License-Identifier: ISC */
/*
 * The API's question what would become of the site: POST /v1/simulate. One at a time, in pieces between which
 * the loop turns; only what is written is committed in another thread, to a temporary index.
 */
#include "server/api.h"
#include "server/reverse.h"
#include "server/simulation.h"
#include "vuln/record.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define BODY_MAX (8u << 20)
#define PIECE_US 5000
#define STEPS 8
#define LIMIT_MS 120000 /* so long one may take */

enum phase { PHASE_REST, PHASE_COPY, PHASE_COMMIT, PHASE_JUDGE };

struct api_simulation {
	struct server *server;
	struct http_request *request; /* NULL: the client is gone */
	json_t *body;                 /* the question, until it is begun */
	enum phase phase;
	struct event *timer;
	struct work work;
	struct overlay *overlay;
	struct policy *policy; /* to be tried; NULL: the site's */
	struct simulation *simulation;
	/* What is in force while it is tried. */
	const struct policy *in_force;
	const struct vuln_index *index;
	time_ms until; /* monotonic */
	int result;    /* of the commit */
	struct error err;
};

static void end(struct api_simulation *a)
{
	if (a->request)
		http_reply_error(a->request, 503, "the server ends");
	if (a->timer)
		event_free(a->timer);
	json_decref(a->body);
	simulation_free(a->simulation);
	overlay_free(a->overlay);
	policy_free(a->policy);
	a->server->simulation = NULL;
	free(a);
}

static void fail(struct api_simulation *a, int status, const char *why)
{
	if (a->request)
		http_reply_error(a->request, status, "%s", why);
	a->request = NULL;
	end(a);
}

static void client_gone(void *context)
{
	((struct api_simulation *)context)->request = NULL;
}

static void turn_again(struct api_simulation *a)
{
	static const struct timeval at_once = { 0, 0 };
	evtimer_add(a->timer, &at_once);
}

/* ---- pieces ---- */

static void run_commit(struct work *w)
{
	struct api_simulation *a =
	        (struct api_simulation *)(void *)((char *)w - offsetof(struct api_simulation, work));
	a->result = overlay_commit(a->overlay, &a->err);
}

static void judge_begin(struct api_simulation *a)
{
	a->phase = PHASE_JUDGE;
	a->simulation = simulation_new(
	        a->server->site, TAKE_POINTER(a->policy), TAKE_POINTER(a->overlay), clock_wall_ms());
	turn_again(a);
}

static void commit_done(struct work *w)
{
	struct api_simulation *a =
	        (struct api_simulation *)(void *)((char *)w - offsetof(struct api_simulation, work));
	if (a->result == 0)
		a->result = overlay_open(a->overlay, &a->err);
	if (a->result < 0)
		fail(a, 500, a->err.text);
	else if (!a->server->site->index)
		fail(a, 503, "the vulnerability information went away");
	else
		judge_begin(a);
}

static void copy(struct api_simulation *a, int64_t end_us)
{
	int r;
	do
		r = overlay_step(a->overlay, &a->err);
	while (r > 0 && clock_monotonic_us() < end_us);
	if (r < 0) {
		fail(a, r == -E2BIG ? 400 : 500, a->err.text);
	} else if (r > 0) {
		turn_again(a);
	} else {
		a->phase = PHASE_COMMIT;
		a->work = (struct work){ .run = run_commit, .done = commit_done };
		workers_submit(a->server->workers, &a->work);
	}
}

static void judge(struct api_simulation *a, int64_t end_us)
{
	bool more;
	do
		more = simulation_work(a->simulation, STEPS);
	while (more && clock_monotonic_us() < end_us);
	if (more) {
		turn_again(a);
		return;
	}
	http_reply_json(a->request, 200, simulation_to_json(a->simulation));
	a->request = NULL;
	end(a);
}

/* ---- the question ---- */

static void add_packages(struct api_simulation *a)
{
	const struct site *site = a->server->site;
	TABLE_FOREACH(it, overlay_names(a->overlay)) {
		const uint32_t *ids;
		const size_t n = reverse_packages_of(site->reverse, it.value, &ids);
		for (size_t i = 0; i < n; i++)
			overlay_add_package(a->overlay, catalogue_package(site->catalogue, ids[i]));
	}
}

static int take_advisories(
        struct api_simulation *a, const json_t *list, const char *source, struct error *err)
{
	struct site *site = a->server->site;
	size_t i;
	json_t *record;
	if (!site->index)
		return error_set(err, -EAGAIN, "there is no vulnerability information");
	int r = overlay_new(site->index, a->server->options.state_directory, &a->overlay, err);
	json_array_foreach(list, i, record)
		if (r == 0)
			r = overlay_add(a->overlay, record, source, err);
	for (uint32_t p = 0; r == 0 && p < policy_memo_platforms(site->memo); p++) {
		const struct posture platform = policy_memo_platform_posture(site->memo, p);
		overlay_add_platform(a->overlay, &platform);
	}
	if (r == 0)
		add_packages(a);
	return r;
}

static int take_question(struct api_simulation *a, const json_t *body, struct error *err)
{
	const json_t *advisories = json_object_get(body, "advisories"),
	             *policy = json_object_get(body, "policy"), *source = json_object_get(body, "source");
	const char *name = json_string_value(source);
	int r = 0;
	if (!json_array_size(advisories) && !json_is_string(policy))
		return error_set(err, -EINVAL, "give advisories, a policy, or both");
	if (source && (!name || !*name || strlen(name) >= RECORD_SOURCE_MAX))
		return error_set(err, -EINVAL, "source: not the name of one");
	if (policy) {
		const char *text = json_string_value(policy);
		if (!text)
			return error_set(err, -EINVAL, "policy: not a text");
		r = policy_parse("policy", text, strlen(text), NULL, NULL, &a->policy, err);
	}
	return r == 0 && json_array_size(advisories) ? take_advisories(a, advisories, name, err) : r;
}

static void begin(struct api_simulation *a)
{
	struct error err = { "" };
	const int code = take_question(a, a->body, &err);
	json_decref(TAKE_POINTER(a->body));
	if (code < 0) {
		fail(a,
		        code == -EAGAIN                                               ? 503
		                : code == -EINVAL || code == -E2BIG || code == -EFBIG ? 400
		                                                                      : 500,
		        err.text);
		return;
	}
	a->phase = PHASE_COPY;
	if (a->overlay)
		turn_again(a);
	else
		judge_begin(a);
}

/* After a start little is known yet of who was not judged since: which systems there are, for one. */
static void rest(struct api_simulation *a, int64_t end_us)
{
	bool more;
	do
		more = site_leisure(a->server->site, clock_wall_ms(), STEPS);
	while (more && clock_monotonic_us() < end_us);
	if (more)
		turn_again(a);
	else
		begin(a);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
	struct api_simulation *a = context;
	const struct site *site = a->server->site;
	const int64_t end_us = clock_monotonic_us() + PIECE_US;
	if (!a->request)
		end(a);
	else if (clock_monotonic_ms() > a->until)
		fail(a, 503,
		        "that took too long: the server has more to do at the moment than there is time for");
	else if (site->policy != a->in_force || site->index != a->index)
		fail(a, 503, "the policy or the vulnerability information changed meanwhile: try again");
	else if (a->phase == PHASE_REST)
		rest(a, end_us);
	else if (a->phase == PHASE_COPY)
		copy(a, end_us);
	else
		judge(a, end_us);
}

static void handle_simulate(struct http_request *r, void *user)
{
	struct server *s = user;
	if (s->simulation) {
		http_reply_error(r, 503, "another simulation is under way");
		return;
	}
	json_t *body = http_request_json(r);
	if (!body)
		return;
	struct api_simulation *a = s->simulation = xcalloc(1, sizeof(*a));
	*a = (struct api_simulation){ .server = s,
		.request = r,
		.in_force = s->site->policy,
		.index = s->site->index,
		.until = clock_monotonic_ms() + LIMIT_MS };
	a->body = body;
	a->timer = evtimer_new(s->base, on_turn, a);
	if (!a->timer) {
		fail(a, 500, "no timer can be made");
		return;
	}
	http_request_on_gone(r, client_gone, a);
	if (site_leisure(s->site, clock_wall_ms(), 0))
		turn_again(a);
	else
		begin(a);
}

void api_simulation_stop(struct server *s)
{
	if (s->simulation)
		end(s->simulation);
}

static const struct api_route routes[] = {
	{ "POST", "/v1/simulate", handle_simulate, API_OPERATOR, BODY_MAX,
	        "Which nodes would move if these advisories, or this policy, were in force", NULL,
	        "SimulationRequest", 200, "Simulation" },
};
const struct api_family api_simulate_family = { routes, ARRAY_LENGTH(routes) };
