/* SPDX-License-Identifier: ISC */
#include "softwire/keeper.h"

#include "base/log.h"
#include "net/daemon.h"
#include "net/ipc_packet.h"
#include "softwire/checkpoint.h"
#include "softwire/initiator_record.h"
#include "softwire/outer.h"
#include "softwire/process.h"
#include "softwire/tun_address.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPLACED_MAX 64         /* sessions that are just being replaced by those that have come again */
#define FILTER_LOOK_S 2         /* between two looks whether the filter is still there */
#define SOCKET_BUFFER (4 << 20) /* of control's sockets, as far as the system lets us */

enum child_name { CHILD_PLANE, CHILD_CONTROL, N_CHILDREN };
static const char *const child_roles[] = { "dataplane", "control" };

struct child {
	pid_t pid; /* 0: does not run */
	time_ms started;
	int64_t wait_ms; /* before the next start */
	struct event *restart;
	bool is_replaced; /* it was asked to make room */
};

enum ending { RUNNING, ENDING_CONTROL, ENDING_CHARON, ENDING_PLANE, ENDED };

struct keeper {
	struct softwire_options *o;
	const struct reload_source *source;
	const char *const *arguments; /* of the children */
	struct event_base *base;
	struct daemon_signals *signals;
	struct event *reaper, *patience, *look;
	uint64_t filter_put_back;
	bool filter_is_lost;
	struct resources resources;
	int planes[2], keepers[2]; /* pairs: control's end first */
	int checkpoint;
	struct ipc_packet *control; /* over keepers[1] */
	struct outer *outer;
	struct child children[N_CHILDREN];
	enum ending ending;
	bool ready;
	int code;
};

static void proceed(struct keeper *k);
static int start_child(struct keeper *k, enum child_name name, struct error *err);

/* ---- what control says ---- */

static void answer_counters(struct keeper *k, uint32_t request)
{
	struct spd_counter counters[SPD_COUNTERS_MAX];
	struct ipc_statistic values[2 * SPD_COUNTERS_MAX];
	char names[2 * SPD_COUNTERS_MAX][64];
	struct ipc_statistics answer = { .request = request, .values = values };
	struct error err;
	int n = spd_read_counters(k->resources.spd, counters, &err);
	if (n < 0)
		log_warning("the filter's counters cannot be read: %s", err.text);
	for (int i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "filter_%.40s", counters[i].name);
		values[answer.n_values++] = (struct ipc_statistic){ names[i], counters[i].packets };
	}
	values[answer.n_values++] = (struct ipc_statistic){ (char *)"filter_put_back", k->filter_put_back };
	(void)ipc_packet_send(k->control, IPC_STATISTICS, &answer, NULL);
}

/* A firewall that begins with "flush ruleset" takes ours away too. */
static void on_look(evutil_socket_t fd, short what, void *user)
{
	struct keeper *k = user;
	struct error err;
	int r = spd_keep(k->resources.spd, &err);
	if (r < 0 && !k->filter_is_lost)
		log_error("the packet filter is gone and cannot be put back: %s", err.text);
	k->filter_is_lost = r < 0;
	if (r <= 0)
		return;
	k->filter_put_back++;
	log_warning("somebody has flushed or changed our packet filter; it is as it should be again. A "
	            "firewall that "
	            "begins with \"flush ruleset\" should flush its own tables only");
}

static void on_message(struct ipc_packet *p, const struct ipc_message *m, void *user)
{
	struct keeper *k = user;
	switch (m->number) {
	case IPC_HELLO:
		if (!k->ready) {
			log_notice("ready");
			(void)daemon_notify("READY=1");
		}
		k->ready = true;
		outer_control_started(k->outer);
		break;
	case IPC_STATISTICS:
		answer_counters(k, ((const struct ipc_statistics *)m->body)->request);
		break;
	case IPC_LINK:
		outer_link(k->outer, m->body);
		break;
	case IPC_OUTER:
		outer_set(k->outer, m->body);
		break;
	default:
		log_warning("control sent a message that is not for the keeper: %s", ipc_name(m->number));
	}
}

static const struct ipc_packet_handlers control_handlers = { on_message, NULL };

/* ---- descriptors ---- */

static int make_pair(int pair[2], struct error *err)
{
	const int size = SOCKET_BUFFER;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "socketpair: %s", strerror(errno));
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_channels(struct keeper *k)
{
	k->control = ipc_packet_free(k->control); /* and keepers[1] */
	close_fd(&k->keepers[0]);
	close_fd(&k->planes[0]);
	close_fd(&k->planes[1]);
	close_fd(&k->checkpoint);
}

/* What connects this generation of processes. */
static int open_channels(struct keeper *k, struct error *err)
{
	const bool concentrator = k->o->role == SOFTWIRE_CONCENTRATOR;
	const size_t slots = concentrator ? (size_t)k->o->sessions_max + REPLACED_MAX : INITIATOR_SLOTS;
	close_channels(k);
	int r = make_pair(k->planes, err);
	if (r == 0)
		r = make_pair(k->keepers, err);
	if (r < 0)
		return r;
	k->control = ipc_packet_new(k->base, k->keepers[1], &control_handlers, k);
	k->checkpoint =
	        checkpoint_make(slots, concentrator ? CHECKPOINT_RECORD_MAX : INITIATOR_RECORD_MAX, err);
	return k->checkpoint < 0 ? k->checkpoint : 0;
}

/* ---- children ---- */

/* The data plane's configuration, as it lies in memory. */
static int write_plane_config(struct keeper *k, struct error *err)
{
	k->resources.plane.control = k->planes[1];
	int fd = memfd_create("dataplane", MFD_CLOEXEC);
	if (fd < 0 ||
	        pwrite(fd, &k->resources.plane, sizeof(k->resources.plane), 0) !=
	                (ssize_t)sizeof(k->resources.plane)) {
		int code = error_set(err, -errno, "the data plane's configuration: %s", strerror(errno));
		close_fd(&fd);
		return code;
	}
	return fd;
}

static int start_plane(struct keeper *k, struct error *err)
{
	const struct dataplane_config *c = &k->resources.plane;
	int others[DATAPLANE_SOCKETS_MAX + DATAPLANE_WORKERS_MAX + 3];
	struct process_spec spec = {
		.role = child_roles[CHILD_PLANE], .arguments = k->arguments, .others = others
	};
	int fd = write_plane_config(k, err);
	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < c->n_sockets; i++)
		others[spec.n_others++] = c->sockets[i].fd;
	for (uint32_t i = 0; i < c->n_workers; i++)
		if (c->workers[i].tun >= 0)
			others[spec.n_others++] = c->workers[i].tun;
	others[spec.n_others++] = c->control;
	if (c->charon_listener >= 0)
		others[spec.n_others++] = c->charon_listener;
	if (c->tap >= 0)
		others[spec.n_others++] = c->tap;
	spec.named[spec.n_named++] = (struct process_inherited){ "config", fd };
	int r = process_start(&spec, &k->children[CHILD_PLANE].pid, err);
	close(fd);
	return r;
}

static int start_control(struct keeper *k, struct error *err)
{
	struct process_spec spec = { .role = child_roles[CHILD_CONTROL],
		.arguments = k->arguments,
		.named = { { "dataplane", k->planes[0] }, { "keeper", k->keepers[0] },
		        { "checkpoint", k->checkpoint } },
		.n_named = 3 };
	return process_start(&spec, &k->children[CHILD_CONTROL].pid, err);
}

static int start_child(struct keeper *k, enum child_name name, struct error *err)
{
	int r = name == CHILD_PLANE ? start_plane(k, err) : start_control(k, err);
	if (r == 0)
		k->children[name].started = clock_monotonic_ms();
	return r;
}

static void restart_later(struct keeper *k, enum child_name name)
{
	struct child *c = &k->children[name];
	if (c->is_replaced || clock_monotonic_ms() - c->started > KEEPER_STEADY_MS)
		c->wait_ms = 0;
	c->is_replaced = false;
	const struct timeval wait = { c->wait_ms / 1000, c->wait_ms % 1000 * 1000 };
	c->wait_ms = MIN(MAX(2 * c->wait_ms, KEEPER_RESTART_FIRST_MS), KEEPER_RESTART_LAST_MS);
	event_add(c->restart, &wait);
}

static void give_up(struct keeper *k)
{
	k->code = 1;
	k->ending = ENDED;
	event_base_loopbreak(k->base);
}

static void start_all(struct keeper *k)
{
	struct error err;
	int r = open_channels(k, &err);
	if (r == 0)
		r = start_child(k, CHILD_PLANE, &err);
	if (r == 0)
		r = start_child(k, CHILD_CONTROL, &err);
	if (r == 0)
		r = outer_start(k->outer, k->control, &err);
	if (r == 0)
		return;
	log_error("%s", err.text);
	give_up(k);
}

static void on_restart_plane(evutil_socket_t fd, short what, void *arg)
{
	start_all(arg);
}

static void on_restart_control(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;
	struct error err;
	if (start_child(k, CHILD_CONTROL, &err) < 0) {
		log_error("%s", err.text);
		restart_later(k, CHILD_CONTROL);
	}
}

/* ---- ends ---- */

static const char *how_it_ended(int status, char text[48])
{
	if (WIFSIGNALED(status))
		snprintf(text, 48, "signal %d (%s)", WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(text, 48, "status %d", WEXITSTATUS(status));
	return text;
}

/* Without its data plane nothing else can go on: keys, sessions and sockets were there. */
static void plane_died(struct keeper *k)
{
	struct child *control = &k->children[CHILD_CONTROL];
	event_del(control->restart);
	outer_stop_now(k->outer);
	if (control->pid)
		kill(control->pid, SIGKILL);
	else
		restart_later(k, CHILD_PLANE);
}

static void control_died(struct keeper *k)
{
	if (k->children[CHILD_PLANE].pid)
		restart_later(k, CHILD_CONTROL);
	else
		restart_later(k, CHILD_PLANE);
}

static void reaped(struct keeper *k, pid_t pid, int status)
{
	char text[48];
	if (outer_reaped(k->outer, pid, status))
		return;
	for (int i = 0; i < N_CHILDREN; i++) {
		if (k->children[i].pid != pid)
			continue;
		k->children[i].pid = 0;
		if (k->ending != RUNNING) {
			proceed(k);
			return;
		}
		if (k->children[i].is_replaced)
			log_info("%s has made room for the next one", child_roles[i]);
		else
			log_error("%s ended with %s; it is started again", child_roles[i],
			        how_it_ended(status, text));
		if (i == CHILD_PLANE)
			plane_died(k);
		else
			control_died(k);
	}
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		reaped(arg, pid, status);
}

static void be_patient(struct keeper *k, int ms)
{
	const struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
	event_add(k->patience, &wait);
}

/* The next step of an orderly end, when the one before is done. */
static void proceed(struct keeper *k)
{
	if (k->ending == ENDING_CONTROL && !k->children[CHILD_CONTROL].pid) {
		k->ending = ENDING_CHARON;
		be_patient(k, KEEPER_CHARON_END_MS);
		outer_stop(k->outer);
	}
	if (k->ending == ENDING_CHARON && outer_is_stopped(k->outer)) {
		k->ending = ENDING_PLANE;
		be_patient(k, KEEPER_PLANE_END_MS);
		if (k->children[CHILD_PLANE].pid)
			kill(k->children[CHILD_PLANE].pid, SIGTERM);
	}
	if (k->ending == ENDING_PLANE && !k->children[CHILD_PLANE].pid) {
		k->ending = ENDED;
		event_base_loopbreak(k->base);
	}
}

static void on_impatient(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;
	log_warning("the end takes too long: what still runs is killed");
	if (k->ending == ENDING_CONTROL && k->children[CHILD_CONTROL].pid)
		kill(k->children[CHILD_CONTROL].pid, SIGKILL);
	else if (k->ending == ENDING_CHARON)
		outer_stop_now(k->outer);
	else if (k->children[CHILD_PLANE].pid)
		kill(k->children[CHILD_PLANE].pid, SIGKILL);
	proceed(k);
}

static void on_charon_stopped(void *user)
{
	proceed(user);
}

static void on_stop(void *user)
{
	struct keeper *k = user;
	if (k->ending != RUNNING)
		return;
	(void)daemon_notify("STOPPING=1");
	k->ending = ENDING_CONTROL;
	for (int i = 0; i < N_CHILDREN; i++)
		event_del(k->children[i].restart);
	be_patient(k, KEEPER_CONTROL_END_MS);
	if (k->children[CHILD_CONTROL].pid)
		kill(k->children[CHILD_CONTROL].pid, SIGTERM);
	proceed(k);
}

/* ---- another configuration ---- */

static void report(const char *text)
{
	log_error("%s", text);
}

static void signal_control(struct keeper *k, int number)
{
	struct child *c = &k->children[CHILD_CONTROL];
	if (!c->pid)
		return; /* the next one reads everything */
	c->is_replaced = number == SIGUSR1;
	kill(c->pid, number);
}

/* Filter and interface as o has them; before: what they were made of. */
static int renew_resources(
        struct keeper *k, unsigned parts, const struct softwire_options *before, struct error *err)
{
	int r = parts & OPTIONS_FILTER ? spd_renew(k->resources.spd, err) : 0;
	if (r == 0 && (parts & OPTIONS_ROUTES))
		r = tun_address_change(before, k->o, k->resources.tun, err);
	return r;
}

static int adopt(struct keeper *k, struct softwire_options *new, unsigned parts, struct error *err)
{
	struct error again;
	options_exchange(k->o, new);
	int r = renew_resources(k, parts, new, err);
	if (r == 0)
		r = reload_keep(k->o, k->source, err);
	if (r == 0)
		return 0;
	options_exchange(k->o, new);
	if (renew_resources(k, parts, new, &again) < 0)
		log_error("%s", again.text);
	return r;
}

static void on_reload(void *user)
{
	struct keeper *k = user;
	struct softwire_options new;
	struct error err;
	unsigned parts = 0;
	if (k->ending != RUNNING)
		return;
	if (reload_read(k->o, k->source, &new, &parts, report) < 0) {
		log_error("the configuration stays as it was");
	} else if (parts && adopt(k, &new, parts, &err) < 0) {
		log_error("the configuration stays as it was: %s", err.text);
	} else {
		if (parts)
			log_notice("the new configuration is in force");
		signal_control(k, parts & OPTIONS_CONTROL ? SIGUSR1 : SIGHUP);
		outer_reload(k->outer);
	}
	options_clear(&new);
}

/* ---- life ---- */

static int watch_filter(struct keeper *k, struct error *err)
{
	const struct timeval each = { .tv_sec = FILTER_LOOK_S };
	k->look = event_new(k->base, -1, EV_PERSIST, on_look, k);
	return k->look && event_add(k->look, &each) == 0 ? 0 : error_set(err, -ENOMEM, "no event loop");
}

static int set_up(struct keeper *k, struct error *err)
{
	k->base = event_base_new();
	if (!k->base || daemon_signals_new(k->base, on_stop, on_reload, k, &k->signals) < 0)
		return error_set(err, -ENOMEM, "no event loop");
	k->reaper = evsignal_new(k->base, SIGCHLD, on_child, k);
	k->patience = evtimer_new(k->base, on_impatient, k);
	k->children[CHILD_PLANE].restart = evtimer_new(k->base, on_restart_plane, k);
	k->children[CHILD_CONTROL].restart = evtimer_new(k->base, on_restart_control, k);
	if (!k->reaper || !k->patience || event_add(k->reaper, NULL) < 0)
		return error_set(err, -ENOMEM, "no event loop");
	int r = resources_open(k->o, &k->resources, err);
	if (r == 0)
		r = watch_filter(k, err);
	if (r == 0)
		r = resources_drop_privileges(k->o, err);
	if (r == 0)
		r = reload_keep(k->o, k->source, err);
	if (r == 0)
		r = outer_new(k->base, k->o, &k->resources, on_charon_stopped, k, &k->outer, err);
	return r;
}

static void tear_down(struct keeper *k)
{
	for (int i = 0; i < N_CHILDREN; i++) {
		if (k->children[i].pid)
			kill(k->children[i].pid, SIGKILL);
		if (k->children[i].restart)
			event_free(k->children[i].restart);
	}
	k->outer = outer_free(k->outer);
	close_channels(k);
	resources_close(&k->resources);
	if (k->reaper)
		event_free(k->reaper);
	if (k->patience)
		event_free(k->patience);
	if (k->look)
		event_free(k->look);
	daemon_signals_free(k->signals);
	if (k->base)
		event_base_free(k->base);
}

int keeper_run(struct softwire_options *o, const struct reload_source *source)
{
	char *kept FREE_ON_EXIT = reload_path(o);
	const char *arguments[PROCESS_ARGUMENTS_MAX + 1] = { options_role_name(o->role), "--config", kept };
	size_t n = 3;
	struct keeper k = { .o = o,
		.source = source,
		.arguments = arguments,
		.planes = { -1, -1 },
		.keepers = { -1, -1 },
		.checkpoint = -1 };
	struct error err = { "" };
	for (size_t i = 0; source->overrides[i] && n + 2 < ARRAY_LENGTH(arguments); i++) {
		arguments[n++] = "--set";
		arguments[n++] = source->overrides[i];
	}
	dataplane_config_clear(&k.resources.plane);
	if (set_up(&k, &err) < 0) {
		log_error("%s", err.text);
		tear_down(&k);
		return 1;
	}
	start_all(&k);
	if (k.ending != ENDED)
		event_base_dispatch(k.base);
	tear_down(&k);
	if (k.code == 0)
		log_notice("stopped");
	return k.code;
}
