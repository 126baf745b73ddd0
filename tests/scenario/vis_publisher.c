/* SPDX-License-Identifier: ISC */
/*
 * A publisher of a signed repository, for the scenarios of the tree: publishes at once what it is told on
 * standard input, and says where the repository stands.
 *
 *   vis-publisher DIR NAME LIFETIME-MS KEY-FILE
 *   put ID ECOSYSTEM FIXED     -> "EPOCH.GENERATION"
 *   remove ID
 *   sign                       the index anew, as it is due
 */
#include "base/file.h"
#include "vuln/tree/publish.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SOURCE "debian"

static int write_root(const char *dir, const char *name, EVP_PKEY *key, struct error *err)
{
	struct tree_root root = { .version = 1, .epoch = 1, .n_keys = 1 };
	char *path FREE_ON_EXIT = xasprintf("%s/1.root.json", dir);
	char *text FREE_ON_EXIT = NULL;
	if (access(path, F_OK) == 0)
		return 0;
	root.expires = clock_wall_ms() + (time_ms)365 * 86400 * 1000;
	snprintf(root.repository, sizeof(root.repository), "%s", name);
	root.keys[0].key = key;
	(void)key_thumbprint(key, root.keys[0].id);
	for (size_t i = 0; i < TREE_N_ROLES; i++)
		root.roles[i] = (struct tree_role){ .threshold = 1, .n_keys = 1 };
	char *payload FREE_ON_EXIT = tree_root_format(&root);
	char *envelope FREE_ON_EXIT = tree_envelope_make(TREE_ROLE_ROOT, name, payload);
	int r = tree_envelope_sign(envelope, strlen(envelope), key, &text, err);
	return r ? r : file_replace(path, text, strlen(text), 0644, err);
}

static int load_key(const char *path, EVP_PKEY **ret, struct error *err)
{
	if (access(path, F_OK) == 0)
		return key_load(path, ret, err);
	int r = key_generate(KEY_ED25519, ret, err);
	return r < 0 ? r : key_save(*ret, path, err);
}

static int publish(struct tree_publisher *p, struct error *err)
{
	struct tree_publish_result result;
	char point[TREE_POINT_SIZE];
	int r = tree_publisher_commit(p, clock_wall_ms(), &result, err);
	if (r == 0)
		printf("%s\n", tree_point_format(result.point, point));
	fflush(stdout);
	return r;
}

static int obey(struct tree_publisher *p, char *line, struct error *err)
{
	char id[128], ecosystem[128], fixed[128], now[CLOCK_TEXT_SIZE];
	int r = 0;
	if (sscanf(line, "put %127s %127s %127s", id, ecosystem, fixed) == 3) {
		char *text FREE_ON_EXIT = xasprintf(
		        "{\"id\":\"%s\",\"modified\":\"%s\",\"summary\":\"a test\",\"affected\":[{"
		        "\"package\":{\"ecosystem\":\"%s\",\"name\":\"openssl\"},\"ranges\":[{\"type\":"
		        "\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"%s\"}]}]}]}",
		        id, clock_format(clock_wall_ms(), now), ecosystem, fixed);
		r = tree_publisher_put(p, SOURCE, text, strlen(text), 0, err);
	} else if (sscanf(line, "remove %127s", id) == 1) {
		tree_publisher_remove(p, SOURCE, id);
	} else if (strncmp(line, "sign", 4) != 0) {
		return error_set(err, -EINVAL, "what is \"%s\"?", line);
	}
	return r ? r : publish(p, err);
}

static int run(struct tree_publisher *p, struct error *err)
{
	char line[512];
	setvbuf(stdin, NULL, _IONBF, 0);
	int r = publish(p, err);
	while (r == 0) {
		struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
		const time_ms left = tree_publisher_due(p) - clock_wall_ms();
		if (poll(&in, 1, (int)MIN(MAX(left, (time_ms)0), (time_ms)1000)) > 0) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			line[strcspn(line, "\n")] = '\0';
			r = obey(p, line, err);
		} else if (left <= 0) {
			r = publish(p, err);
		}
	}
	return r;
}

int main(int argc, char **argv)
{
	struct error err = { "" };
	EVP_PKEY *key = NULL;
	struct tree_publisher *p = NULL;
	if (argc != 5)
		return 2;
	int r = load_key(argv[4], &key, &err);
	if (r == 0)
		r = file_make_directory(argv[1], 0755, &err);
	if (r == 0)
		r = write_root(argv[1], argv[2], key, &err);
	const struct tree_publish_config config = {
		.dir = argv[1], .keys = &key, .n_keys = 1, .lifetime_ms = strtoll(argv[3], NULL, 10)
	};
	if (r == 0)
		r = tree_publisher_open(&config, &p, &err);
	const struct tree_source source = { .name = SOURCE, .trust = "none", .precedence = 100 };
	if (r == 0)
		r = tree_publisher_set_sources(p, &source, 1, &err);
	if (r == 0)
		r = run(p, &err);
	if (r != 0)
		fprintf(stderr, "vis-publisher: %s\n", err.text);
	tree_publisher_close(p);
	EVP_PKEY_free(key);
	return r ? 1 : 0;
}
