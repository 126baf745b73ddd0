/* SPDX-License-Identifier: ISC */
/* `pratique vuln publish`: puts advisories into the folder that `pratique-vis --watch` looks at, or an index
 * into a signed repository (vuln_repository.c). */
#include "base/file.h"
#include "ctl/ctl.h"
#include "ctl/vuln_repository.h"
#include "vuln/osv.h"
#include "vuln/tree/publish.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS "vuln publish"
#define FILE_MODE 0644

#define PLAIN ".json"
#define EMERGENCY ".emergency.json" /* for pratique-vis these are a source of their own */

/* DIR/ID and the suffix; what a file name should not hold is written as %XX. Caller frees. */
static char *path_of(const char *dir, const char *id, const char *suffix)
{
	char *path = xmalloc(strlen(dir) + 3 * strlen(id) + strlen(suffix) + 2);
	char *out = path + sprintf(path, "%s/", dir);
	for (const char *c = id; *c; c++) {
		if (*c == '/' || *c == '%' || (*c == '.' && c == id))
			out += sprintf(out, "%%%02X", (unsigned char)*c);
		else
			*out++ = *c;
	}
	memcpy(out, suffix, strlen(suffix) + 1);
	return path;
}

/* The id of the record of a sound file, which the caller frees; NULL with the reason. */
static char *check_file(const char *file, struct osv_parser *parser, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	struct record record = { .id = "" };
	int r = file_read(file, OSV_RECORD_MAX, &text, &length, err);
	if (r < 0)
		return NULL;
	parser->counts = (struct osv_counts){ 0 };
	if (text[strspn(text, " \t\r\n")] == '[')
		r = error_set(err, -EINVAL, "a list; a FILE is one record");
	else
		r = osv_parse_text(parser, "published", text, length, err);
	if (r == 0 && parser->counts.affected_refused)
		r = error_set(err, -EINVAL, "%s", parser->counts.first_refused.text);
	if (r == 0)
		r = record_read(parser->record.w.data, parser->record.w.length, &record);
	if (r < 0) {
		error_prefix(err, r, "%s", file);
		return NULL;
	}
	return xstrdup(record.id);
}

/* The same record is never there twice, as an emergency and as none. */
static int put_file(const char *dir, const char *file, const char *id, bool emergency, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	char *path FREE_ON_EXIT = path_of(dir, id, emergency ? EMERGENCY : PLAIN);
	char *other FREE_ON_EXIT = path_of(dir, id, emergency ? PLAIN : EMERGENCY);
	size_t length;
	int r = file_read(file, OSV_RECORD_MAX, &text, &length, err);
	if (r == 0)
		r = file_replace(path, text, length, FILE_MODE, err);
	if (r == 0 && unlink(other) < 0 && errno != ENOENT)
		r = error_set(err, -errno, "%s: %s", other, strerror(errno));
	return r;
}

/* files: by id, those that were looked at. What it says may be the wish of who publishes, or a slip. */
static int look_at(char *file, struct osv_parser *parser, struct table *files)
{
	struct error err;
	char *id FREE_ON_EXIT = check_file(file, parser, &err);
	if (!id)
		return ctl_fail(WORDS, "%s", err.text);
	const char *other = table_get_string(files, id);
	if (other)
		return ctl_fail(WORDS, "%s and %s are both %s", other, file, id);
	table_set_string(files, id, file);
	if (parser->counts.unmapped && !parser->counts.withdrawn)
		fprintf(stderr, "pratique " WORDS ": %s: " OSV_UNMAPPED "\n", file);
	return CTL_OK;
}

static int look_at_all(char **files, struct table *by_id)
{
	struct osv_parser parser = { 0 };
	int code = CTL_OK;
	for (; *files; files++)
		if (look_at(*files, &parser, by_id) != CTL_OK)
			code = CTL_FAILURE;
	osv_parser_clear(&parser);
	return code;
}

static int put_all(const char *dir, const struct table *by_id, bool emergency)
{
	struct error err;
	TABLE_FOREACH(it, by_id) {
		char *id FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		if (put_file(dir, it.value, id, emergency, &err) < 0)
			return ctl_fail(WORDS, "%s", err.text);
	}
	return CTL_OK;
}

static int publish(const char *dir, char **files, bool emergency)
{
	struct stat st;
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return ctl_fail(WORDS,
		        "%s: no such folder; pratique-vis makes the one that it watches (watch = %s in its "
		        "vis.conf)",
		        dir, dir);
	struct table *by_id = table_new();
	int code = look_at_all(files, by_id);
	if (code == CTL_OK)
		code = put_all(dir, by_id, emergency);
	table_free(by_id, NULL);
	return code;
}

static int remove_ids(const char *dir, char **ids)
{
	int code = CTL_OK;
	for (; *ids; ids++) {
		char *plain FREE_ON_EXIT = path_of(dir, *ids, PLAIN);
		char *emergency FREE_ON_EXIT = path_of(dir, *ids, EMERGENCY);
		bool gone = unlink(emergency) == 0;
		if (unlink(plain) < 0 && !(gone && errno == ENOENT))
			code = ctl_fail(WORDS, "%s: %s", plain, strerror(errno));
	}
	return code;
}

int ctl_vuln_publish(int argc, char **argv)
{
	const char *dir = NULL;
	bool removes = false, emergency = false;
	struct repository_options tree = { .dir = NULL };
	const struct command_option options[] = {
		{ 'd', "dir", "DIR", "the watched folder", COMMAND_TEXT, &dir },
		{ 0, "remove", NULL, "take the advisories with these ids away again", COMMAND_FLAG,
		        &removes },
		{ 0, "emergency", NULL,
		        "as emergencies: where the policy says `emergency source \"emergency\"`, neither "
		        "brake nor "
		        "delay\n"
		        "holds what they demote",
		        COMMAND_FLAG, &emergency },
		{ 'r', "repository", "DIR", "a signed repository, which any web server may serve",
		        COMMAND_TEXT, &tree.dir },
		{ 0, "root", "FILE",
		        "a root that is signed by enough keys counts from now on; may be repeated",
		        COMMAND_TEXTS, &tree.roots },
		{ 'I', "index", "DIR",
		        "what the repository is to say: all of this index, but what others publish",
		        COMMAND_TEXT, &tree.index },
		{ 'k', "key", "FILE", "an index key of the repository; may be repeated", COMMAND_TEXTS,
		        &tree.keys },
		{ 0, "passphrase", "FILE", "the keys' passphrase is the first line of FILE", COMMAND_TEXT,
		        &tree.passphrase },
		{ 0, "lifetime", "TIME", "the index expires after; 10 min unless given", COMMAND_DURATION,
		        &tree.lifetime_ms, 1000, TREE_LIFETIME_MAX_MS },
		{ 'j', "json", NULL, "--index: the summary as JSON", COMMAND_FLAG, &tree.json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "--dir DIR [--emergency] FILE...\n--dir DIR --remove ID...\n"
		            "--repository DIR [--root FILE]... [--index DIR --key FILE]",
		.about = "Checks each FILE, an OSV record (JSON), and puts it into DIR under the name of its "
		         "id, whole or\n"
		         "not at all; the `pratique-vis --watch DIR` that looks there has it in its index at "
		         "once. A\n"
		         "record that is there under the same id is replaced. Nothing is published unless "
		         "every FILE is\n"
		         "sound.\n\n"
		         "With --repository: makes roots count, and publishes an index as it is now, once. "
		         "`pratique-vis\n"
		         "--publish` does it whenever something changes.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Exit status: 0 published, 1 refused or failed, 2 wrong usage.\n\n"
		        "Examples:\n"
		        "  pratique vuln publish --dir /var/lib/pratique/vis/published SITE-2026-1.json\n"
		        "  pratique vuln publish --dir /var/lib/pratique/vis/published --remove SITE-2026-1\n"
		        "  pratique vuln publish --repository /srv/www/site --root 1.root.json --index index "
		        "--key "
		        "vis.key",
		.most = SIZE_MAX,
		.argument = "a FILE (or an ID with --remove)",
	};
	char **names;
	int code = command_line_parse(&line, argc, argv, &names);
	if (code != COMMAND_GO_ON)
		return code;
	if (tree.dir ? dir || *names || !(tree.roots.n || tree.index) || !tree.index != !tree.keys.n
	             : !dir || !*names)
		return command_line_wrong(&line,
		        "it takes --dir and FILE... (or ID...), or --repository with --root, or with --index "
		        "and --key");
	if (tree.dir)
		return repository_publish(&tree);
	if (removes && emergency)
		return command_line_wrong(&line, "--remove takes emergencies away as it does the others");
	return removes ? remove_ids(dir, names) : publish(dir, names, emergency);
}
