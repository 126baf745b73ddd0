/* SPDX-License-Identifier: ISC */
/*
 * A server for the enforcer's scenario tests: ipc over a Unix socket, told what to do by lines on standard
 * input, and telling what it hears by lines on standard output.
 *
 *   policy FILE                             send its segments
 *   place GENERATION full|add [PORT MAC SEGMENT SECONDS]...
 *   who ADDRESS
 *   floor yes|no                            send FLOOR every 200 ms (yes at first)
 *   drop                                    close the connection
 *   quit
 */
#include "enforcer/dry_run.h"
#include "enforcer/segments.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct driver {
	int listener, peer;
	struct ipc_segments segments;
	struct writer in;
	char line[4096];
	size_t line_length;
	bool floor;
	uint32_t request;
	time_ms last_floor;
};

static void send_message(struct driver *d, enum ipc_number number, const void *body)
{
	struct writer w = wr_make(IPC_FRAME_MAX);
	struct error err;
	if (d->peer < 0)
		return;
	if (ipc_encode(&w, number, body, &err) < 0)
		printf("error %s\n", err.text);
	for (size_t at = 0; at < w.length;) {
		ssize_t n = send(d->peer, w.data + at, w.length - at, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	wr_free(&w);
}

/* ---- what it hears ---- */

static void print_attachment(const char *what, const struct ipc_attachment *a)
{
	char mac[MAC_TEXT_SIZE], ip[IP_TEXT_SIZE];
	printf("%s %s %s %s%s", what, a->port, mac_format(&a->mac, mac), a->present ? "present" : "gone",
	        a->contested ? " contested" : "");
	for (size_t i = 0; i < a->n_addresses; i++)
		printf(" %s", ip_format(&a->addresses[i].ip, ip));
	if (*a->machine)
		printf(" machine=%s user=%s", a->machine, a->user);
	printf("\n");
}

static void print_message(const struct ipc_message *m)
{
	char mac[MAC_TEXT_SIZE];
	const struct ipc_hello *hello = m->body;
	const struct ipc_attachments *attachments = m->body;
	const struct ipc_applied *applied = m->body;
	const struct ipc_identity *identity = m->body;
	const struct ipc_event *event = m->body;
	const struct ipc_counters *counters = m->body;
	switch (m->number) {
	case IPC_HELLO:
		printf("hello %s %s generation %llu\n", hello->role, hello->name,
		        (unsigned long long)hello->generation);
		break;
	case IPC_ATTACHMENTS:
		if (attachments->full)
			printf("attachments full %zu%s\n", attachments->n_attachments,
			        attachments->more ? " more" : "");
		for (size_t i = 0; i < attachments->n_attachments; i++)
			print_attachment("attachment", &attachments->attachments[i]);
		break;
	case IPC_APPLIED:
		printf("applied %llu latency %u elements %u refusals %zu\n",
		        (unsigned long long)applied->generation, applied->latency_us, applied->elements,
		        applied->n_refusals);
		for (size_t i = 0; i < applied->n_refusals; i++)
			printf("refusal %s %s %s\n", applied->refusals[i].port,
			        mac_format(&applied->refusals[i].mac, mac), applied->refusals[i].reason);
		break;
	case IPC_IDENTITY:
		printf("identity %u %s\n", identity->request, identity->found ? "found" : "unknown");
		if (identity->found)
			print_attachment("identity-attachment", &identity->attachments[0]);
		break;
	case IPC_EVENT:
		printf("event %s %s %s %s\n", event->kind, event->port, mac_format(&event->mac, mac),
		        event->text);
		break;
	case IPC_COUNTERS:
		for (size_t i = 0; i < counters->n_segments; i++)
			printf("counter %u passed %llu refused %llu limited %llu\n",
			        counters->segments[i].mark,
			        (unsigned long long)counters->segments[i].passed_packets,
			        (unsigned long long)counters->segments[i].refused_packets,
			        (unsigned long long)counters->segments[i].limited_packets);
		for (size_t i = 0; i < counters->n_values; i++)
			printf("value %s %llu\n", counters->values[i].name,
			        (unsigned long long)counters->values[i].value);
		break;
	default:
		printf("unexpected %d\n", m->number);
	}
}

static void close_peer(struct driver *d)
{
	if (d->peer >= 0) {
		close(d->peer);
		printf("disconnected\n");
	}
	d->peer = -1;
	wr_reset(&d->in);
}

static void read_peer(struct driver *d)
{
	uint8_t buffer[65536];
	size_t size;
	ssize_t n = recv(d->peer, buffer, sizeof(buffer), 0);
	if (n <= 0) {
		close_peer(d);
		return;
	}
	wr_bytes(&d->in, buffer, (size_t)n);
	while (ipc_frame_size(d->in.data, d->in.length, IPC_FRAME_MAX, &size) > 0 && size <= d->in.length) {
		struct ipc_message m;
		struct error err;
		if (ipc_decode(d->in.data, size, &m, &err) < 0) {
			printf("error %s\n", err.text);
		} else {
			print_message(&m);
			ipc_message_clear(&m);
		}
		wr_consume(&d->in, size);
	}
}

/* ---- what it is told ---- */

static void greet(struct driver *d)
{
	static char role[] = "server", name[] = "test";
	struct ipc_hello hello = { role, name, IPC_VERSION, 0 };
	printf("connected\n");
	send_message(d, IPC_HELLO, &hello);
	if (d->segments.n_segments)
		send_message(d, IPC_SEGMENTS, &d->segments);
}

static void load_policy(struct driver *d, const char *path)
{
	struct policy *p;
	struct error err;
	if (policy_load(path, NULL, NULL, &p, &err) < 0) {
		printf("error %s\n", err.text);
		return;
	}
	ipc_body_clear(IPC_SEGMENTS, &d->segments);
	dry_run_segments(p, &d->segments);
	policy_free(p);
	send_message(d, IPC_SEGMENTS, &d->segments);
}

static void place(struct driver *d, char *rest)
{
	struct ipc_placement placements[64] = { 0 };
	struct ipc_place batch = { .placements = placements };
	char *generation = strtok(rest, " "), *how = strtok(NULL, " "), *port;
	if (!generation || !how)
		return;
	batch.generation = strtoull(generation, NULL, 10);
	batch.full = strcmp(how, "full") == 0;
	while ((port = strtok(NULL, " ")) && batch.n_placements < 64) {
		struct ipc_placement *p = &placements[batch.n_placements++];
		char *mac = strtok(NULL, " "), *segment = strtok(NULL, " "), *seconds = strtok(NULL, " ");
		if (!mac || !segment || !seconds || mac_parse(mac, &p->mac) < 0) {
			printf("error place: PORT MAC SEGMENT SECONDS\n");
			return;
		}
		const struct ipc_segment *s = segments_by_name(&d->segments, segment);
		p->port = port;
		p->mark = s ? s->mark : 199;
		p->expires_ms = clock_wall_ms() + (time_ms)(strtod(seconds, NULL) * 1000);
		p->generation = batch.generation;
	}
	send_message(d, IPC_PLACE, &batch);
}

/* False: quit. */
static bool obey(struct driver *d, char *line)
{
	char *rest = strchr(line, ' ');
	if (rest)
		*rest++ = '\0';
	if (strcmp(line, "quit") == 0)
		return false;
	if (strcmp(line, "drop") == 0) {
		close_peer(d);
	} else if (strcmp(line, "floor") == 0 && rest) {
		d->floor = strcmp(rest, "yes") == 0;
	} else if (strcmp(line, "policy") == 0 && rest) {
		load_policy(d, rest);
	} else if (strcmp(line, "place") == 0 && rest) {
		place(d, rest);
	} else if (strcmp(line, "who") == 0 && rest) {
		struct ipc_who who = { .request = ++d->request };
		if (ip_parse(rest, &who.address) == 0)
			send_message(d, IPC_WHO, &who);
	} else {
		printf("error %s?\n", line);
	}
	return true;
}

static bool read_commands(struct driver *d)
{
	ssize_t n = read(STDIN_FILENO, d->line + d->line_length, sizeof(d->line) - 1 - d->line_length);
	char *end;
	if (n <= 0)
		return false;
	d->line_length += (size_t)n;
	d->line[d->line_length] = '\0';
	while ((end = strchr(d->line, '\n'))) {
		*end = '\0';
		if (!obey(d, d->line))
			return false;
		d->line_length -= (size_t)(end + 1 - d->line);
		memmove(d->line, end + 1, d->line_length + 1);
	}
	return d->line_length < sizeof(d->line) - 1;
}

static void send_floor(struct driver *d)
{
	time_ms now = clock_monotonic_ms();
	struct ipc_floor floor = { .policy_fingerprint = d->segments.policy_fingerprint,
		.sent_ms = clock_wall_ms() };
	if (!d->floor || now - d->last_floor < 200)
		return;
	d->last_floor = now;
	send_message(d, IPC_FLOOR, &floor);
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4) < 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	struct driver d = { .peer = -1, .in = wr_make(IPC_FRAME_MAX), .floor = true };
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2 || (d.listener = listen_on(argv[1])) < 0) {
		fprintf(stderr, "usage: enforcer-driver SOCKET (%s)\n", strerror(errno));
		return 2;
	}
	for (bool go_on = true; go_on;) {
		struct pollfd fds[3] = { { STDIN_FILENO, POLLIN, 0 }, { d.listener, POLLIN, 0 },
			{ d.peer, POLLIN, 0 } };
		poll(fds, 3, 100);
		if (fds[0].revents)
			go_on = read_commands(&d);
		if (fds[1].revents) {
			close_peer(&d);
			d.peer = accept4(d.listener, NULL, NULL, SOCK_CLOEXEC);
			greet(&d);
		} else if (fds[2].revents) {
			read_peer(&d);
		}
		send_floor(&d);
	}
	close_peer(&d);
	close(d.listener);
	ipc_body_clear(IPC_SEGMENTS, &d.segments);
	wr_free(&d.in);
	return 0;
}
