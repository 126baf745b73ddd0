/* SPDX-License-Identifier: ISC */
#include "vuln/proof_gpgv.h"

#include "base/clock.h"
#include "base/file.h"
#include "vuln/proof_keys.h"
#include "vuln/proof_prover.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_MAX (256u << 10)
#define MEMORY_MAX ((rlim_t)2 << 30)
#define EXIT_NO_PROGRAM 127

/* Where the child finds its files; 1 is what it writes. */
enum { AT_STATUS = 3, AT_KEYRING, AT_MESSAGE, AT_TEXT, AT_END };

static char status_option[] = "3", keyring_file[] = "/proc/self/fd/4", message_file[] = "/proc/self/fd/5",
            text_file[] = "/proc/self/fd/6";

static void limit(int what, rlim_t most)
{
	const struct rlimit l = { most, most };
	(void)setrlimit(what, &l);
}

/* Only calls that are safe behind a fork(). */
_Noreturn static void become_gpgv(const struct proof_run *run, char *const *argv)
{
	static char *const environment[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL };
	int high[PROOF_FDS];
	/* Above all numbers that are taken, so that none is closed before it has been moved. */
	for (int i = 0; i < PROOF_FDS; i++)
		high[i] = run->fds[i] < 0 ? -1 : fcntl(run->fds[i], F_DUPFD_CLOEXEC, 64);
	int null = high[PROOF_FD_NULL], output = high[PROOF_FD_OUTPUT];
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(EXIT_NO_PROGRAM);
	for (int i = 0; i < PROOF_FD_OUTPUT; i++)
		if (high[i] >= 0 && dup2(high[i], AT_STATUS + i) < 0)
			_exit(EXIT_NO_PROGRAM);
	if (dup2(output < 0 ? null : output, STDOUT_FILENO) < 0 || chdir("/") < 0)
		_exit(EXIT_NO_PROGRAM);
	(void)close_range(run->fds[PROOF_FD_TEXT] < 0 ? AT_TEXT : AT_END, ~0u, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, PROOF_SECONDS_MAX);
	limit(RLIMIT_FSIZE, run->file_max);
#if !defined(__SANITIZE_ADDRESS__)
	limit(RLIMIT_AS, MEMORY_MAX);
#endif
	(void)signal(SIGPIPE, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(PROOF_GPGV, argv, environment);
	_exit(EXIT_NO_PROGRAM);
}

/* Its exit code, or a negative errno value; killed where it takes too long. */
static int await(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	time_ms end = clock_monotonic_ms() + PROOF_SECONDS_MAX * 1000;
	bool late = fd < 0;
	while (!late) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		time_ms left = end - clock_monotonic_ms();
		int n = left > 0 ? poll(&wait, 1, (int)left) : 0;
		if (n > 0)
			break;
		late = n == 0;
	}
	if (late)
		(void)kill(pid, SIGKILL);
	if (fd >= 0)
		close(fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (late)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

int proof_run_here(const struct proof_run *run)
{
	static char weak[] = "--weak-digest", sha1[] = "SHA1", rmd[] = "RIPEMD160", home[] = "--homedir",
	            nowhere[] = "/nonexistent", ring[] = "--keyring", status_fd[] = "--status-fd",
	            end[] = "--", to[] = "--output", standard[] = "-";
	static char *const detached[] = { (char *)PROOF_GPGV, home, nowhere, weak, sha1, weak, rmd, status_fd,
		status_option, ring, keyring_file, end, message_file, text_file, NULL };
	static char *const around[] = { (char *)PROOF_GPGV, home, nowhere, weak, sha1, weak, rmd, status_fd,
		status_option, ring, keyring_file, to, standard, end, message_file, NULL };
	sigset_t all, before;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		become_gpgv(run, run->fds[PROOF_FD_TEXT] >= 0 ? detached : around);
	int r = pid < 0 ? -errno : 0;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		r = await(pid);
	return r == EXIT_NO_PROGRAM ? -ENOENT : r;
}

static int run_gpgv(const struct proof_keys *keys, struct proof_run *run, struct error *err)
{
	run->fds[PROOF_FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (run->fds[PROOF_FD_NULL] < 0)
		return error_set(err, -errno, "/dev/null: %s", strerror(errno));
	int r = keys->prover > 0 ? proof_run_there(keys->prover, run) : proof_run_here(run);
	if (r == -ENOENT)
		return error_set(err, -ENOENT, "%s cannot be run: install gpgv", PROOF_GPGV);
	return r < 0 ? error_set(err, r, "%s: %s", PROOF_GPGV, strerror(-r)) : 0;
}

static const char *skip_word(const char *at)
{
	at += strcspn(at, " ");
	return at + strspn(at, " ");
}

/* VALIDSIG's fields: fingerprint, date, seconds, expiry, version, reserved, public key algorithm, digest
 * algorithm, class. */
static bool take_valid(const char *line, bool clearsigned, char ret_signer[PROOF_FINGERPRINT_SIZE])
{
	size_t n = strspn(line, "0123456789ABCDEF");
	const char *class = line;
	for (int i = 0; i < 8; i++)
		class = skip_word(class);
	/* 00 is over bytes, 01 over text, whose line ends and trailing white space do not count. */
	bool text = strncmp(class, "01", 2) == 0, binary = strncmp(class, "00", 2) == 0;
	if (n < 40 || n >= PROOF_FINGERPRINT_SIZE || !(clearsigned ? text : binary))
		return false;
	snprintf(ret_signer, PROOF_FINGERPRINT_SIZE, "%.*s", (int)n, line);
	return true;
}

struct tally {
	int signatures, good, bad, unknown, stale;
	bool last_good; /* the signature at hand: an expired key's is VALIDSIG as well */
};

static const struct {
	const char *word;
	size_t counter;
} status_words[] = { { "NEWSIG", offsetof(struct tally, signatures) },
	{ "BADSIG", offsetof(struct tally, bad) }, { "ERRSIG", offsetof(struct tally, unknown) },
	{ "EXPSIG", offsetof(struct tally, stale) }, { "EXPKEYSIG", offsetof(struct tally, stale) },
	{ "REVKEYSIG", offsetof(struct tally, stale) } };

static bool word_is(const char *line, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(line, word, n) == 0;
}

static void take_status(
        struct tally *t, const char *line, bool clearsigned, char ret_signer[PROOF_FINGERPRINT_SIZE])
{
	size_t n = strcspn(line, " ");
	for (size_t i = 0; i < ARRAY_LENGTH(status_words); i++)
		if (word_is(line, n, status_words[i].word)) {
			(*(int *)((char *)t + status_words[i].counter))++;
			t->last_good = false;
		}
	if (word_is(line, n, "GOODSIG")) {
		t->last_good = true;
	} else if (word_is(line, n, "VALIDSIG")) {
		t->good += t->last_good && take_valid(skip_word(line), clearsigned, ret_signer);
		t->last_good = false;
	}
}

int proof_judge_status(
        char *status, bool clearsigned, char ret_signer[PROOF_FINGERPRINT_SIZE], struct error *err)
{
	static const char prefix[] = "[GNUPG:] ";
	struct tally t = { 0 };
	char signer[PROOF_FINGERPRINT_SIZE] = "";
	for (char *rest = status, *line; (line = strsep(&rest, "\n"));)
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			take_status(&t, line + strlen(prefix), clearsigned, signer);
	if (t.signatures > PROOF_SIGNATURES_MAX)
		return error_set(err, -EBADMSG, "more than %d signatures", PROOF_SIGNATURES_MAX);
	if (t.bad)
		return error_set(err, -EBADMSG, "the signature is not over this text");
	if (t.good) {
		memcpy(ret_signer, signer, sizeof(signer));
		return 0;
	}
	return error_set(err, -EBADMSG, "%s",
	        t.stale ? "the signature or its key has expired or was revoked"
	                : t.unknown
	                ? "the signature is by no key of the keyring, or by a digest that is too weak"
	                : "there is no signature that counts");
}

static int read_back(
        int fd, size_t limit, const char *what, char **ret, size_t *ret_length, struct error *err)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, -errno, "%s: %s", what, strerror(errno));
	return file_read_descriptor(fd, what, limit, ret, ret_length, err);
}

/* All but the keyring, which the keys keep. */
static void close_run(const struct proof_run *run)
{
	for (int i = 0; i < PROOF_FDS; i++)
		if (i != PROOF_FD_KEYRING && run->fds[i] >= 0)
			close(run->fds[i]);
}

int proof_run_gpgv(const struct proof_keys *keys, const void *message, size_t message_length,
        const void *text, size_t length, struct proof_output *output, char ret_signer[PROOF_FINGERPRINT_SIZE],
        struct error *err)
{
	struct proof_run run = {
		.fds = { [PROOF_FD_STATUS] = proof_memory_file("status", "", 0),
		        [PROOF_FD_KEYRING] = keys->fd,
		        [PROOF_FD_MESSAGE] = proof_memory_file("message", message, message_length),
		        [PROOF_FD_TEXT] = text ? proof_memory_file("text", text, length) : -1,
		        [PROOF_FD_OUTPUT] = output ? proof_memory_file("output", "", 0) : -1,
		        [PROOF_FD_NULL] = -1 },
		.file_max = output ? output->limit : STATUS_MAX
	};
	const int *fds = run.fds;
	int r = 0;
	char *status FREE_ON_EXIT = NULL, *signed_text FREE_ON_EXIT = NULL;
	size_t status_length, signed_length = 0;
	if (fds[PROOF_FD_STATUS] < 0 || fds[PROOF_FD_MESSAGE] < 0 || (text && fds[PROOF_FD_TEXT] < 0) ||
	        (output && fds[PROOF_FD_OUTPUT] < 0))
		r = error_set(err, -EIO, "no memory for a signature's check");
	if (r == 0)
		r = run_gpgv(keys, &run, err);
	if (r == 0)
		r = read_back(
		        fds[PROOF_FD_STATUS], STATUS_MAX, "what gpgv says", &status, &status_length, err);
	if (r == 0)
		r = proof_judge_status(status, !text, ret_signer, err);
	if (r == 0 && output)
		r = read_back(fds[PROOF_FD_OUTPUT], output->limit, "the signed text", &signed_text,
		        &signed_length, err);
	close_run(&run);
	if (r < 0)
		return r;
	if (output) {
		output->text = TAKE_POINTER(signed_text);
		output->length = signed_length;
	}
	return 0;
}
