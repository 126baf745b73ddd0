/* SPDX-License-Identifier: ISC */
/* The security configuration as JSON, both ways: firewall, settings, sshd, accounts, security software. */
#include "posture/json.h"

#include <errno.h>

/* ---- to JSON ---- */

static json_t *firewall_to_json(const struct posture *p)
{
	json_t *o = json_object();
	posture_put_tristate(o, "active", p->firewall_active);
	posture_put_string(o, "input", p->firewall_input);
	posture_put_count(o, "rules", &p->firewall_rules);
	posture_put_string(o, "fingerprint", p->firewall_fingerprint);
	return o;
}

static json_t *settings_to_json(const struct posture_settings *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++) {
		json_t *o = json_object();
		posture_put_string(o, "name", list->items[i].name);
		posture_put_string(o, "value", list->items[i].value);
		posture_put_string(o, "match", list->items[i].match);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *sshd_to_json(const struct posture *p)
{
	json_t *o = json_object();
	posture_put_tristate(o, "installed", p->sshd_installed);
	if (p->sshd.known)
		json_object_set_new(o, "settings", settings_to_json(&p->sshd));
	return o;
}

static json_t *accounts_to_json(const struct posture *p)
{
	json_t *o = json_object();
	if (!p->passwordless_known)
		return o;
	json_t *names = json_array();
	for (size_t i = 0; i < p->n_passwordless; i++)
		json_array_append_new(names, json_string(p->passwordless[i]));
	json_object_set_new(o, "passwordless", names);
	return o;
}

static json_t *antivirus_to_json(const struct posture *p)
{
	json_t *o = json_object();
	posture_put_tristate(o, "installed", p->antivirus_installed);
	posture_put_tristate(o, "running", p->antivirus_running);
	posture_put_time(o, "signatures", p->antivirus_signatures);
	posture_put_count(o, "version", &p->antivirus_version);
	return o;
}

static json_t *mac_to_json(const struct posture *p)
{
	json_t *o = json_object();
	posture_put_string(o, "system", p->mac_system);
	posture_put_string(o, "mode", p->mac_mode);
	posture_put_count(o, "enforcing", &p->mac_enforcing);
	posture_put_count(o, "complaining", &p->mac_complaining);
	return o;
}

static json_t *audit_to_json(const struct posture *p)
{
	json_t *o = json_object();
	posture_put_tristate(o, "active", p->audit_active);
	posture_put_count(o, "rules", &p->audit_rules);
	return o;
}

json_t *posture_security_json(const struct posture *p)
{
	json_t *o = json_object(), *settings = json_object();
	json_object_set_new(o, "firewall", firewall_to_json(p));
	if (p->settings.known)
		json_object_set_new(settings, "kernel", settings_to_json(&p->settings));
	json_object_set_new(o, "settings", settings);
	json_object_set_new(o, "sshd", sshd_to_json(p));
	json_object_set_new(o, "accounts", accounts_to_json(p));
	json_object_set_new(o, "antivirus", antivirus_to_json(p));
	json_object_set_new(o, "mac", mac_to_json(p));
	json_object_set_new(o, "audit", audit_to_json(p));
	return o;
}

/* ---- from JSON ---- */

static int firewall_from_json(struct posture *p, const json_t *o, struct error *err)
{
	int r = posture_get_tristate(o, "active", &p->firewall_active, err);
	if (r == 0)
		r = posture_get_string(p, o, "firewall", "input", &p->firewall_input, err);
	if (r == 0)
		r = posture_get_count(o, "rules", &p->firewall_rules, err);
	if (r == 0)
		r = posture_get_string(p, o, "firewall", "fingerprint", &p->firewall_fingerprint, err);
	return r;
}

static int settings_from_json(struct posture *p, const json_t *object, const char *key,
        struct posture_settings *to, size_t most, struct error *err)
{
	const json_t *list = NULL;
	int r = posture_get_array(object, key, most, &list, err);
	if (r <= 0)
		return r;
	to->known = true;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct posture_setting setting = { .value = "" }; /* which may be empty */
		r = posture_need_string(p, o, "a setting", "name", &setting.name, err);
		if (r == 0)
			r = posture_get_string(p, o, "a setting", "value", &setting.value, err);
		if (r == 0)
			r = posture_get_string(p, o, "a setting", "match", &setting.match, err);
		if (r < 0)
			return error_prefix(err, r, "%s[%zu]", key, i);
		if (posture_add_setting(to, most, &setting) < 0)
			return error_set(err, -EINVAL, "%s: more than %zu in all", key, most);
	}
	return 0;
}

static int accounts_from_json(struct posture *p, const json_t *o, struct error *err)
{
	const json_t *list = NULL;
	int r = posture_get_array(o, "passwordless", POSTURE_ACCOUNTS_MAX, &list, err);
	if (r <= 0)
		return r;
	p->passwordless_known = true;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *name = json_array_get(list, i);
		if (!json_is_string(name) || json_string_length(name) > POSTURE_STRING_MAX)
			return error_set(err, -EINVAL, "accounts.passwordless[%zu] is no name", i);
		const char *text = posture_string_n(p, json_string_value(name), json_string_length(name));
		if (posture_add_passwordless(p, text) < 0)
			return error_set(err, -EINVAL, "accounts.passwordless: more than %d in all",
			        POSTURE_ACCOUNTS_MAX);
	}
	return 0;
}

static int antivirus_from_json(struct posture *p, const json_t *o, struct error *err)
{
	int r = posture_get_tristate(o, "installed", &p->antivirus_installed, err);
	if (r == 0)
		r = posture_get_tristate(o, "running", &p->antivirus_running, err);
	if (r == 0)
		r = posture_get_time(o, "signatures", &p->antivirus_signatures, err);
	if (r == 0)
		r = posture_get_count(o, "version", &p->antivirus_version, err);
	return r;
}

static int mac_from_json(struct posture *p, const json_t *o, struct error *err)
{
	int r = posture_get_string(p, o, "mac", "system", &p->mac_system, err);
	if (r == 0)
		r = posture_get_string(p, o, "mac", "mode", &p->mac_mode, err);
	if (r == 0)
		r = posture_get_count(o, "enforcing", &p->mac_enforcing, err);
	if (r == 0)
		r = posture_get_count(o, "complaining", &p->mac_complaining, err);
	return r;
}

int posture_security_from_json(struct posture *p, const json_t *json, struct error *err)
{
	const json_t *sshd = json_object_get(json, "sshd"), *audit = json_object_get(json, "audit");
	int r = firewall_from_json(p, json_object_get(json, "firewall"), err);
	if (r == 0)
		r = settings_from_json(p, json_object_get(json, "settings"), "kernel", &p->settings,
		        POSTURE_SETTINGS_MAX, err);
	if (r == 0)
		r = posture_get_tristate(sshd, "installed", &p->sshd_installed, err);
	if (r == 0)
		r = settings_from_json(p, sshd, "settings", &p->sshd, POSTURE_SSHD_SETTINGS_MAX, err);
	if (r == 0)
		r = accounts_from_json(p, json_object_get(json, "accounts"), err);
	if (r == 0)
		r = antivirus_from_json(p, json_object_get(json, "antivirus"), err);
	if (r == 0)
		r = mac_from_json(p, json_object_get(json, "mac"), err);
	if (r == 0)
		r = posture_get_tristate(audit, "active", &p->audit_active, err);
	if (r == 0)
		r = posture_get_count(audit, "rules", &p->audit_rules, err);
	return r;
}
