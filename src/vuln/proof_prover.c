/* SPDX-License-Identifier: ISC */
#include "vuln/proof_prover.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Descriptors travel without gaps: a bit says which of them are there. */
struct request {
	uint32_t there;
	uint64_t file_max;
};

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int) * PROOF_FDS)];
};

static int send_run(int prover, const struct proof_run *run)
{
	struct request request = { .file_max = run->file_max };
	union control control = { .bytes = "" };
	int fds[PROOF_FDS], n = 0;
	for (int i = 0; i < PROOF_FDS; i++)
		if (run->fds[i] >= 0) {
			request.there |= 1u << i;
			fds[n++] = run->fds[i];
		}
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
	memcpy(CMSG_DATA(head), fds, sizeof(int) * (size_t)n);
	ssize_t sent;
	do
		sent = sendmsg(prover, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int proof_run_there(int prover, const struct proof_run *run)
{
	int32_t result;
	ssize_t n;
	int r = send_run(prover, run);
	if (r < 0)
		return r;
	do
		n = recv(prover, &result, sizeof(result), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(result) ? result : -ECONNRESET;
}

static void close_run(struct proof_run *run)
{
	for (int i = 0; i < PROOF_FDS; i++)
		if (run->fds[i] >= 0)
			close(run->fds[i]);
}

static void take_descriptors(struct msghdr *m, const struct request *request, struct proof_run *ret)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(m);
	int fds[PROOF_FDS] = { 0 }, n = 0, at = 0;
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	        head->cmsg_len >= CMSG_LEN(0))
		n = (int)MIN((head->cmsg_len - CMSG_LEN(0)) / sizeof(int), (size_t)PROOF_FDS);
	if (n > 0)
		memcpy(fds, CMSG_DATA(head), sizeof(int) * (size_t)n);
	for (int i = 0; i < PROOF_FDS; i++)
		ret->fds[i] = (request->there >> i & 1) && at < n ? fds[at++] : -1;
	while (at < n)
		close(fds[at++]);
}

/* 1: there is one; 0: there will be none. */
static int receive_run(int fd, struct proof_run *ret)
{
	struct request request = { .there = 0 };
	union control control;
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	take_descriptors(&m, &request, ret);
	ret->file_max = request.file_max;
	static const int needed[] = { PROOF_FD_STATUS, PROOF_FD_KEYRING, PROOF_FD_MESSAGE, PROOF_FD_NULL };
	bool whole = n == (ssize_t)sizeof(request) && !(m.msg_flags & MSG_CTRUNC);
	for (size_t i = 0; i < ARRAY_LENGTH(needed); i++)
		whole &= ret->fds[needed[i]] >= 0;
	if (whole)
		return 1;
	close_run(ret);
	return -EPROTO;
}

int proof_serve(int fd)
{
	struct proof_run run = { .file_max = 0 };
	int r;
	while ((r = receive_run(fd, &run)) > 0) {
		int32_t result = proof_run_here(&run);
		close_run(&run);
		if (send(fd, &result, sizeof(result), MSG_NOSIGNAL) < 0)
			return -errno;
	}
	return r;
}
