/* SPDX-License-Identifier: ISC */
#include "tests/unit/vuln/load_fixture.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GPG "/usr/bin/gpg"

int load_set_up(void **state)
{
	struct load_fixture *f = calloc(1, sizeof(*f));
	const char *base = getenv("TMPDIR");
	snprintf(f->root, sizeof(f->root), "%s/pratique-load-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(f->root))
		return -1;
	char *index FREE_ON_EXIT = xasprintf("%s/index", f->root);
	if (vuln_update_open(index, &f->update, &f->err) < 0)
		return -1;
	*state = f;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int load_tear_down(void **state)
{
	struct load_fixture *f = *state;
	vuln_update_close(f->update);
	load_report_clear(&f->report);
	char *home FREE_ON_EXIT = xasprintf("%s/home", f->root);
	if (access(home, F_OK) == 0) /* its agent would outlive the test */
		load_run((const char *[]){ "/usr/bin/gpgconf", "--homedir", home, "--kill", "all", NULL });
	nftw(f->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

void load_write(struct load_fixture *f, const char *name, const void *bytes, size_t length)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->root, name);
	char *folder FREE_ON_EXIT = xstrdup(path);
	*strrchr(folder, '/') = '\0';
	struct error err;
	if (file_make_directory(folder, 0755, &err) < 0 ||
	        file_replace(path, bytes, length == SIZE_MAX ? strlen(bytes) : length, 0644, &err) < 0)
		fail_msg("%s", err.text);
}

int load_try(struct load_fixture *f, const char *kind, const char *name, enum vuln_trust trust,
        const char *keyring)
{
	char *from FREE_ON_EXIT = strncmp(name, "apt:", 4) == 0 ? xasprintf("apt:%s/%s", f->root, name + 4)
	                                                        : xasprintf("%s/%s", f->root, name);
	char *products FREE_ON_EXIT = f->products ? xasprintf("%s/%s", f->root, f->products) : NULL;
	char *ring FREE_ON_EXIT = keyring ? xasprintf("%s/%s", f->root, keyring) : NULL;
	const struct load_source source = { .name = "s",
		.kind = kind,
		.from = from,
		.keyring = ring,
		.trust = trust,
		.ecosystems = f->ecosystems,
		.products = products,
		.now = clock_wall_ms() };
	const struct load l = { .update = f->update, .report = &f->report };
	load_report_clear(&f->report);
	vuln_update_replace_source(f->update, "s");
	int r = load_source(&l, &source, &f->err);
	assert_int_equal(f->report.read, f->report.mapped + f->report.unmapped + f->report.refused);
	return r;
}

void load_expect(struct load_fixture *f, const char *kind, const char *name, uint64_t mapped,
        uint64_t unmapped, uint64_t refused)
{
	if (load_try(f, kind, name, VULN_TRUST_NONE, NULL) < 0)
		fail_msg("%s", f->err.text);
	const struct load_report *r = &f->report;
	if (r->mapped != mapped || r->unmapped != unmapped || r->refused != refused)
		fail_msg("%s: %d mapped, %d unmapped, %d refused: %s", name, (int)r->mapped, (int)r->unmapped,
		        (int)r->refused, r->first_refused[0] ? r->first_refused[0] : "");
}

struct found {
	char *ids[64];
	size_t n;
};

static int note_match(const struct vuln_match *m, void *found_)
{
	struct found *found = found_;
	assert_in_range(found->n, 0, 63);
	found->ids[found->n++] = m->fixed ? xasprintf("%s (fixed %s)", m->id, m->fixed) : xstrdup(m->id);
	return 0;
}

static int order_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *load_match(struct load_fixture *f, const char *os_id, const char *os_version, const char *type,
        const char *name, const char *version)
{
	struct vuln_update_result result;
	struct vuln_index *index = NULL;
	struct error err;
	struct posture_package package = {
		.type = type, .name = name, .version = version, .source = name, .source_version = version
	};
	const struct posture p = { .os_id = os_id,
		.os_version = os_version,
		.packages = &package,
		.n_packages = 1,
		.packages_known = true };
	struct found found = { .n = 0 };
	char *dir FREE_ON_EXIT = xasprintf("%s/index", f->root);
	if (vuln_update_commit(f->update, 1700000000000, NULL, NULL, &result, &err) < 0 ||
	        vuln_index_open(dir, &index, &err) < 0)
		fail_msg("%s", err.text);
	if (vuln_match_posture(index, &p, note_match, &found, NULL, &err) < 0)
		fail_msg("%s", err.text);
	vuln_index_close(index);
	qsort(found.ids, found.n, sizeof(*found.ids), order_texts);
	char *all = xstrdup("");
	for (size_t i = 0; i < found.n; i++) {
		char *more = xasprintf("%s%s%s", all, i ? " " : "", found.ids[i]);
		free(all);
		free(found.ids[i]);
		all = more;
	}
	return all;
}

void load_run(const char *const *words)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s failed (%d)", words[0], status);
}

bool load_have_gpg(void)
{
	if (access(GPG, X_OK) == 0 && access("/usr/bin/gpgv", X_OK) == 0)
		return true;
	print_message("# gpg and gpgv are not installed\n");
	return false;
}

void load_make_key(struct load_fixture *f, const char *name)
{
	char *home FREE_ON_EXIT = xasprintf("%s/home", f->root),
	           *out FREE_ON_EXIT = xasprintf("%s/%s.gpg", f->root, name);
	(void)mkdir(home, 0700);
	load_run((const char *[]){ GPG, "--homedir", home, "--batch", "--passphrase", "", "--quick-gen-key",
	        name, "ed25519", "sign", "0", NULL });
	load_run((const char *[]){
	        GPG, "--homedir", home, "--batch", "--output", out, "--export", name, NULL });
}

void load_sign(struct load_fixture *f, const char *key, const char *mode, const char *file, const char *out)
{
	char *home FREE_ON_EXIT = xasprintf("%s/home", f->root),
	           *in FREE_ON_EXIT = xasprintf("%s/%s", f->root, file);
	char *to FREE_ON_EXIT = xasprintf("%s/%s", f->root, out);
	load_run((const char *[]){ GPG, "--homedir", home, "--batch", "--yes", "--armor", "--local-user", key,
	        "--output", to, mode, in, NULL });
}
