/* SPDX-License-Identifier: ISC */
/* `pratique vuln keys`: the keys of a signed repository of advisories, pratique-repository(5). */
#include "ctl/vuln_keys.h"

#include "base/file.h"
#include "crypto/secret.h"
#include "vuln/tree/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#define ROOT_DAYS 365
#define ROOT_DAYS_MAX 3650

int keys_passphrase(const struct keys_options *o, char **ret, struct error *err)
{
	*ret = NULL;
	return o->passphrase ? secret_read(o->passphrase, ret, err) : 0;
}

int keys_load(const char *path, const char *passphrase, EVP_PKEY **ret, struct error *err)
{
	const int r = key_load_encrypted(path, passphrase, ret, err);
	if (r != -ENOKEY)
		return r;
	const struct error why = *err;
	return error_set(err, r, "%s: --passphrase FILE", why.text);
}

static const char *holder_of(const struct keys_options *o)
{
	const char *slash = strrchr(o->out, '/');
	return o->holder ? o->holder : slash ? slash + 1 : o->out;
}

/* A key is never written over another one. */
static int make_key(const struct keys_options *o, struct tree_key *ret, struct error *err)
{
	char *public FREE_ON_EXIT = xasprintf("%s.pub", o->out);
	char *passphrase = NULL;
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	if (access(o->out, F_OK) == 0 || access(public, F_OK) == 0)
		return error_set(err, -EEXIST, "%s or %s is there already", o->out, public);
	int r = keys_passphrase(o, &passphrase, err);
	if (r == 0)
		r = key_generate(KEY_ED25519, &key, err);
	if (r == 0)
		r = key_save_encrypted(key, o->out, passphrase, err);
	secret_free(passphrase);
	if (r == 0)
		r = tree_key_write(public, key, holder_of(o), err);
	return r == 0 ? tree_key_read(public, ret, err) : r;
}

static void print_key(const char *path, const struct tree_key *key, bool json)
{
	char id[2 * KEY_THUMBPRINT_SIZE + 1];
	hex_format(key->id, sizeof(key->id), id);
	if (!json) {
		printf("%s: id %s, holder %s\n", path, id, key->holder);
		return;
	}
	json_t *j = json_pack("{s:s, s:s, s:s}", "public", path, "id", id, "holder", key->holder);
	char *text FREE_ON_EXIT = json_dumps(j, JSON_COMPACT);
	puts(text ? text : "{}");
	json_decref(j);
}

int keys_new(const struct keys_options *o)
{
	struct tree_key key;
	struct error err;
	if (!o->out || o->n_files)
		return ctl_usage(VULN_KEYS, "new takes --out FILE, and no argument");
	if (make_key(o, &key, &err) < 0)
		return ctl_fail(VULN_KEYS, "%s", err.text);
	if (!o->json)
		printf("%s: the key, for you only\n", o->out);
	char *public FREE_ON_EXIT = xasprintf("%s.pub", o->out);
	print_key(public, &key, o->json);
	tree_key_clear(&key);
	return CTL_OK;
}

/* ---- show ---- */

static void print_role(FILE *out, const struct tree_root *root, enum tree_role_name name)
{
	const struct tree_role *role = &root->roles[name];
	fprintf(out, "%-13s %zu of %zu keys\n", tree_role_text(name), role->threshold, role->n_keys);
	for (size_t i = 0; i < role->n_keys; i++) {
		const struct tree_key *key = &root->keys[role->keys[i]];
		char id[2 * KEY_THUMBPRINT_SIZE + 1];
		fprintf(out, "              %.16s  %s\n", hex_format(key->id, sizeof(key->id), id),
		        key->holder);
	}
}

void keys_print_root(FILE *out, const struct tree_root *root)
{
	char when[CLOCK_TEXT_SIZE];
	fprintf(out, "repository    %s\nroot          %" PRIu64 ", epoch %" PRIu64 ", until %s\n",
	        root->repository, root->version, root->epoch, clock_format(root->expires, when));
	for (enum tree_role_name name = 0; name < TREE_N_ROLES; name++)
		print_role(out, root, name);
}

int keys_read_root(const char *path, char **ret_text, struct tree_root *ret, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	struct tree_signing signing;
	size_t n;
	int r = file_read(path, TREE_ROOT_MAX, &text, &n, err);
	if (r == 0) {
		r = tree_root_signing(NULL, text, n, ret, &signing, err);
		r = r > 0 ? error_prefix(err, -EINVAL, "%s", path) : r;
	}
	if (r == 0 && ret_text)
		*ret_text = TAKE_POINTER(text);
	return r;
}

/* A root is JSON. */
static bool is_root(const char *path)
{
	char *text FREE_ON_EXIT = NULL;
	size_t n;
	if (file_read(path, TREE_ROOT_MAX, &text, &n, NULL) < 0)
		return false;
	const bool is = text[strspn(text, " \t\r\n")] == '{';
	OPENSSL_cleanse(text, n);
	return is;
}

static int show_key(const char *path, bool json, struct error *err)
{
	struct tree_key key;
	int r = tree_key_read(path, &key, err);
	if (r < 0)
		return r;
	print_key(path, &key, json);
	tree_key_clear(&key);
	return 0;
}

/* A root's payload is JSON, which --json gives as it is signed. */
static int show_root(const char *path, const char *from, bool json, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	struct tree_root root = { .version = 0 }, before = { .version = 0 };
	struct tree_signing s;
	size_t n;
	int r = from ? keys_read_root(from, NULL, &before, err) : 0;
	if (r == 0)
		r = file_read(path, TREE_ROOT_MAX, &text, &n, err);
	if (r == 0)
		r = tree_root_signing(from ? &before : NULL, text, n, &root, &s, err);
	if (r == 0 && json) {
		char *payload FREE_ON_EXIT = tree_root_format(&root);
		puts(payload);
	} else if (r == 0) {
		keys_print_root(stdout, &root);
		printf("signed        by %zu of the %zu keys that are needed\n", s.by_new, s.of_new);
		if (from)
			printf("              by %zu of the %zu that root %" PRIu64 " wants\n", s.by_old,
			        s.of_old, before.version);
	}
	tree_root_clear(&root);
	tree_root_clear(&before);
	return r > 0 ? error_prefix(err, -EINVAL, "%s", path) : r;
}

int keys_show(const struct keys_options *o)
{
	int code = CTL_OK;
	if (!o->n_files)
		return ctl_usage(VULN_KEYS, "show takes public keys and roots: FILE...");
	for (char **file = o->files; *file; file++) {
		struct error err;
		if ((is_root(*file) ? show_root(*file, o->from, o->json, &err)
		                    : show_key(*file, o->json, &err)) < 0)
			code = ctl_fail(VULN_KEYS, "%s", err.text);
	}
	return code;
}

/* ---- the command ---- */

static const struct {
	const char *name;
	int (*run)(const struct keys_options *o);
} actions[] = { { "new", keys_new }, { "show", keys_show }, { "root", keys_root }, { "rotate", keys_rotate },
	{ "revoke", keys_revoke }, { "sign", keys_sign }, { "assemble", keys_assemble } };

static const char about[] =
        "The keys of a signed repository of advisories. Few people hold root keys, each where nobody else "
        "is; "
        "the\n"
        "publisher alone holds an index key, and signs with it what there is now. A root says which keys "
        "these "
        "are;\n"
        "it is drawn up by one, signed by several, and put together again:\n\n"
        "  new       makes a key: FILE (0600) and FILE.pub\n"
        "  root      draws up the first root of a repository, unsigned\n"
        "  rotate    draws up the next root: with other index keys, more root keys, a later end\n"
        "  revoke    draws up the next root without the keys of these ids or holders\n"
        "  sign      says what a root means, and puts a signature under it\n"
        "  assemble  makes one root of copies that several people have signed\n"
        "  show      what a public key or a root is, and how many signatures it lacks\n\n"
        "`pratique vuln publish --repository DIR --root FILE` makes a root that is signed by enough of them "
        "the "
        "one\n"
        "that counts. A root that takes index keys away begins a new epoch: no index of before counts any "
        "more.";

static const char closing[] =
        "Exit status: 0 done, 1 failed or refused, 2 wrong usage.\n\n"
        "Examples:\n"
        "  pratique vuln keys new --out alice --passphrase secret\n"
        "  pratique vuln keys root --repository site.example --root-key alice.pub --root-key bob.pub "
        "--threshold 2 \\\n"
        "      --index-key vis.pub --out 1.root.json\n"
        "  pratique vuln keys sign --key alice --passphrase secret 1.root.json\n"
        "  pratique vuln keys rotate --from 1.root.json --index-key new.pub --out 2.root.json\n"
        "  pratique vuln keys revoke --from 2.root.json --out 3.root.json bob";

int ctl_vuln_keys(int argc, char **argv)
{
	struct keys_options o = { .days = ROOT_DAYS };
	const struct command_option options[] = {
		{ 'o', "out", "FILE", "what is made", COMMAND_TEXT, &o.out },
		{ 'k', "key", "FILE", "sign: your key", COMMAND_TEXT, &o.key },
		{ 0, "passphrase", "FILE", "new, sign: the key's passphrase is the first line of FILE",
		        COMMAND_TEXT, &o.passphrase },
		{ 0, "holder", "NAME", "new: whose it is; FILE's name unless given", COMMAND_TEXT,
		        &o.holder },
		{ 'r', "repository", "NAME", "root: of the repository", COMMAND_TEXT, &o.repository },
		{ 'f', "from", "ROOT", "rotate, revoke, show: the root before", COMMAND_TEXT, &o.from },
		{ 0, "root-key", "FILE", "root, rotate: a public key that may sign roots; may be repeated",
		        COMMAND_TEXTS, &o.root_keys },
		{ 0, "index-key", "FILE",
		        "root, rotate: a public key that may sign indexes, in the place of those of before; "
		        "may be\n"
		        "repeated",
		        COMMAND_TEXTS, &o.index_keys },
		{ 0, "threshold", "N", "how many root keys must sign a root", COMMAND_NUMBER, &o.threshold, 1,
		        TREE_KEYS_MAX },
		{ 0, "index-threshold", "N", "how many index keys must sign an index; 1", COMMAND_NUMBER,
		        &o.index_threshold, 1, TREE_KEYS_MAX },
		{ 'D', "days", "N", "root, rotate, revoke: how long it is valid; 365", COMMAND_NUMBER,
		        &o.days, 1, ROOT_DAYS_MAX },
		{ 'j', "json", NULL, "new, show: as JSON", COMMAND_FLAG, &o.json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = VULN_KEYS,
		.synopsis = "new --out FILE\nroot|rotate|revoke OPTIONS --out ROOT [WHO...]\nsign --key FILE "
		            "ROOT\n"
		            "assemble --out ROOT ROOT...\nshow FILE...",
		.about = about,
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = closing,
		.least = 1,
		.most = SIZE_MAX,
		.argument = "one of new, root, rotate, revoke, sign, assemble, show",
	};
	char **arguments;
	int code = command_line_parse(&line, argc, argv, &arguments);
	if (code != COMMAND_GO_ON)
		return code;
	for (o.files = arguments + 1; o.files[o.n_files];)
		o.n_files++;
	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
		if (strcmp(arguments[0], actions[i].name) == 0)
			return actions[i].run(&o);
	return command_line_wrong(&line, "there is no action \"%s\"", arguments[0]);
}
