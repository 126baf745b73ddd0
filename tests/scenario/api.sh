#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The server's API over the network, in a namespace of its own with nothing but the loopback: TLS, tokens, roles, the command
# line as a remote client, the audit of it all, and clients that mean no good.
#
# usage: api.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/own-net-lib.sh
. "$(dirname "$0")/own-net-lib.sh"
here=$(dirname "$(readlink -f "$0")")

ip link set lo up

# ---- the site ----

mkdir -m 700 "$site/state"
mkdir -m 755 "$site/index"
"$bin/pratique" ca init --dir "$site/ca" --site "scenario" >/dev/null || fail "the CA cannot be made"
issue() {
	"$bin/pratique" ca issue --dir "$site/ca" --out "$site" "$@" >/dev/null || fail "no certificate: $*"
}
issue --role server --name srv --alt-name ::1 --alt-name 127.0.0.1
issue --role operator --name olga
issue --role node --name alice
cp "$site/ca/ca.pem" "$site/ca/ca.crl" "$site/"
mkdir "$site/other"
"$bin/pratique" ca init --dir "$site/other/ca" --site "another" >/dev/null || fail "no other CA"
"$bin/pratique" ca issue --dir "$site/other/ca" --out "$site/other" --role operator --name mallory >/dev/null || fail "no mallory"
chown -R nobody "$site/ca" "$site/state"
cat >"$site/policy" <<-'END'
	site fd09::/16
	enforcer "gateway" { nodes fd09:1::/64 }
	define server { address fd09:2::2 tcp 271 }
	segment quarantine default { allow to server }
	otherwise quarantine
	inspect every 30 min
	certificate lifetime 45 min
END
cat >"$site/server.conf" <<-END
	socket = $site/server.sock
	socket_group = daemon
	addresses = ::1
	certificate = $site/srv.pem
	key = $site/srv.key
	ca = $site/ca.pem
	ca_directory = $site/ca
	policy = $site/policy
	state_directory = $site/state
	index_directory = $site/index
	vis_socket =
	user = nobody
	api_listen = [::1]:8444
	api_listen = 127.0.0.1:9444
	api_connections_max = 24
	api_connections_per_source = 20
END
chmod 644 "$site"/*.conf "$site/policy" "$site"/*.pem "$site"/*.crl
chmod 755 "$site"

start_server() {
	"$bin/pratique-server" --config "$site/server.conf" >>"$site/server.log" 2>&1 &
	pids[daemon]=$!
	until_true 20 "the server answers" local_api status
}

stop_server() {
	kill "${pids[daemon]}"
	wait "${pids[daemon]}" || fail "the server did not end in order"
	unset "pids[daemon]"
}

local_api() {
	"$bin/pratique" "$@" --socket "$site/server.sock"
}

# remote TOKEN COMMAND...: over TLS.
remote() {
	local token=$1
	shift
	"$bin/pratique" "$@" --server 'https://[::1]' --ca "$site/ca.pem" --token-file "$site/$token.token"
}

# refused_as WORDS COMMAND...: it fails, and says why.
refused_as() {
	local words=$1 said
	shift
	if said=$("$@" 2>&1 >/dev/null); then
		fail "not refused: $*"
	fi
	grep -q -- "$words" <<<"$said" || fail "$*: said \"$said\", not \"$words\""
	ok "refused: $words"
}

counter() {
	local_api status --json | jq -r ".counters.$1"
}

audited() {
	local_api audit --json --lines 10000 | jq -es "any(.[]; $1)" >/dev/null
}

start_server
(
	umask 077
	for role in viewer operator admin; do
		local_api token new --name "$role" --role "$role" >"$site/$role.token" 2>/dev/null
	done
)
[ -s "$site/admin.token" ] || fail "no token"

# ---- roles ----

remote viewer status | grep -q '^server  *srv' || fail "a viewer does not see the status"
ok "a viewer sees"
[ "$(remote viewer nodes --json | jq -c .nodes)" = "[]" ] || fail "a viewer does not see the nodes"
PRATIQUE_SERVER='https://127.0.0.1:9444' PRATIQUE_CA=$site/ca.pem PRATIQUE_TOKEN_FILE=$site/viewer.token \
	"$bin/pratique" status >/dev/null || fail "not by the environment, over IPv4"
ok "by the environment, over IPv4"
refused_as 'needs the role operator' remote viewer reload
refused_as 'needs the role operator' remote viewer audit
refused_as 'needs the role operator' remote viewer enrol --new bob
refused_as 'needs the role admin' remote operator token list
refused_as 'needs the role admin' remote operator token new --name x --role admin
refused_as 'needs the role admin' remote operator enrol --new gw --role enforcer
remote operator reload >/dev/null || fail "an operator cannot reload"
remote operator enrol --new bob >/dev/null 2>&1 || fail "an operator cannot make an enrolment token"
remote admin enrol --new gw --role enforcer >/dev/null 2>&1 || fail "an admin cannot"
ok "each role may what is its own"
refused_as 'there is a token of this name' remote admin token new --name viewer --role viewer
"$bin/pratique" status --server 'https://[::1]:8444' --ca "$site/ca.pem" --certificate "$site/olga.pem" --key "$site/olga.key" \
	>/dev/null || fail "an operator's certificate is not enough"
"$bin/pratique" reload --server 'https://[::1]:8444' --ca "$site/ca.pem" --certificate "$site/olga.pem" --key "$site/olga.key" \
	>/dev/null || fail "an operator's certificate may not reload"
ok "an operator's certificate is an operator"
(umask 077; : >"$site/empty.token")
refused_as 'empty.token' remote empty status
chmod 644 "$site/viewer.token"
refused_as 'viewer.token' remote viewer status
chmod 600 "$site/viewer.token"

# ---- the socket's group ----

# as USER COMMAND...: on the socket, as that user and its own group.
as() {
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --clear-groups "$bin/pratique" "$@" --socket "$site/server.sock"
}
as daemon reload >/dev/null || fail "the group of the socket is no operator"
refused_as 'needs the role admin' as daemon token list
refused_as 'only root and the server' as games status
stop_server
sed -i 's/^socket_group = daemon/&\nsocket_group_role = viewer/' "$site/server.conf"
start_server
as daemon status >/dev/null || fail "the group of the socket is no viewer"
refused_as 'needs the role operator' as daemon reload
audited '.who == "user 1" and .origin == "unix" and .action == "POST /v1/reload"' || fail "its refusal is not audited"
ok "the socket's group has the role that the configuration gives it"

# ---- who is at the other end ----

refused_as 'certificate' "$bin/pratique" status --server 'https://[::1]' --ca "$site/other/ca/ca.pem" --token-file "$site/viewer.token"
refused_as 'certificate' "$bin/pratique" status --server 'https://[::1]' --ca "$site/ca.pem" --server-name elsewhere \
	--token-file "$site/viewer.token"
for who in alice other/mallory; do
	refused_as '' "$bin/pratique" status --server 'https://[::1]' --ca "$site/ca.pem" --certificate "$site/$who.pem" \
		--key "$site/$who.key"
done

# ---- tokens end ----

(umask 077; local_api token new --name brief --role viewer --expires "1 s" >"$site/brief.token" 2>/dev/null)
expired() { remote brief status 2>&1 | grep -q 'the token has expired'; }
until_true 20 "a token expires" expired
(umask 077; local_api token new --name taken --role viewer >"$site/taken.token" 2>/dev/null)
remote taken events --follow >"$site/follow.out" 2>&1 &
follower=$!
followed() { [ "$(local_api status --json | jq '.limits[] | select(.name == "event_followers").used')" = 1 ]; }
until_true 20 "somebody follows the events" followed
remote admin token revoke taken >/dev/null || fail "a token cannot be revoked"
wait "$follower" || fail "a revoked token's stream does not end in order"
refused_as 'none of this server' remote taken status
ok "a revoked token is out at once, its streams too"
stop_server
start_server
remote viewer status >/dev/null || fail "a token is forgotten by a restart"
refused_as 'none of this server' remote taken status
grep -qF "$(cut -d_ -f3 "$site/viewer.token")" "$site"/state/* "$site/server.log" && fail "a secret is on the disk"
ok "tokens survive a restart, as hashes"

# ---- the audit ----

audited '.who == "token operator" and .origin == "::1" and .action == "reload" and .result == "done"' || fail "reload is not audited"
audited '.who == "operator olga" and .action == "reload"' || fail "olga's reload is not audited"
audited '.who == "token viewer" and .action == "POST /v1/reload" and (.result | startswith("needs the role"))' ||
	fail "a refusal is not audited"
audited '.who == "user 0" and .origin == "unix" and .action == "token new" and .subject == "admin" and .after.role == "admin"' ||
	fail "a new token is not audited"
audited '.who == "token admin" and .action == "token revoke" and .before.role == "viewer"' || fail "a revoked token is not audited"
audited '.who == "token operator" and .action == "enrolment token" and .subject == "bob"' || fail "an enrolment token is not audited"
audited '.who == "nobody" and (.result | test("expired"))' || fail "a failed proof is not audited"
kill -HUP "${pids[daemon]}"
reloaded() { audited '.who == "signal SIGHUP" and .action == "reload"'; }
until_true 20 "a reload by signal is audited" reloaded
[ -z "$(local_api audit --json --since 2999-01-01)" ] || fail "--since does not count"
local_api audit --lines 3 --since "1 hour" | grep -q 'signal SIGHUP' || fail "audit for people does not show the signal"
ok "who, from where, what, before, after and the result are kept"

# ---- the description, and what a monitoring system reads ----

python3 "$here/api-schema.py" "$site/server.sock" - || fail "the answers are not as described"
curl -sS --fail --cacert "$site/ca.pem" -H "Authorization: Bearer $(cat "$site/viewer.token")" 'https://[::1]:8444/metrics' \
	>"$site/metrics" || fail "no metrics over the network"
python3 "$here/metrics-check.py" pratique_server_ pratique_server_api_requests_total pratique_server_limit \
	process_resident_memory_bytes process_start_time_seconds pratique_server_build_info <"$site/metrics" || fail "the metrics"
diff <(grep -c '^pratique_server_limit_used' "$site/metrics") <(local_api status --json | jq '.limits | length') ||
	fail "not every limit is among the metrics"
diff <(grep -o '^pratique_server_[a-z_0-9]*_total ' "$site/metrics" | sed 's/^pratique_server_//; s/_total $//' | sort) \
	<(local_api status --json | jq -r '.counters | keys[], "policy_reloads", "policy_reloads_failed"' | sort) ||
	fail "not every counter is among the metrics"
for word in $(local_api status --json | jq -r '.counters | keys[]'); do
	local_api status --all | grep -q "^  $word " || fail "$word is not in the status for people"
done
for word in $(local_api status --json | jq -r '.limits[].name'); do
	local_api status --all | grep -q "^$word " || fail "$word is not in the status for people"
done
ok "each counter and each limit is in status and metrics"

# ---- backup and restore ----

reload_for_ever() { while local_api reload; do :; done >/dev/null 2>&1; }
reload_for_ever &
load=$!
changes() { local_api audit --json --lines 10000 | wc -l; }
before=$(changes)
until_true 20 "there is load" sh -c "[ \"\$('$bin/pratique' audit --json --lines 10000 --socket '$site/server.sock' | wc -l)\" -gt $((before + 5)) ]"
before=$(changes)
"$bin/pratique" backup --state-directory "$site/state" "$site/backup" || fail "no backup under load"
"$bin/pratique" backup --state-directory "$site/state" --secrets --ca-directory "$site/ca" --json "$site/backup.all" |
	jq -e '[.members[].name] == ["pratique.db", "token.key", "ca/ca.key", "ca/ca.pem", "ca/ca.crl", "ca/issued"]' >/dev/null ||
	fail "the secrets are not in the backup that was to have them"
kill "$load"
wait "$load" 2>/dev/null
[ "$(stat -c %a "$site/backup")" = 600 ] || fail "others can read the backup"
grep -q 'PRIVATE KEY' "$site/backup" && fail "a key is in a backup without --secrets"
"$bin/pratique" restore --check "$site/backup" | grep -q 'pratique.db' || fail "the backup is not good"
refused_as 'another server is using' "$bin/pratique" restore --state-directory "$site/state" "$site/backup"
remote admin token revoke operator >/dev/null || fail "a token cannot be revoked"
stop_server
head -c 20000 "$site/backup" >"$site/backup.cut"
refused_as 'cut short' "$bin/pratique" restore --state-directory "$site/state" "$site/backup.cut"
"$bin/pratique" backup --state-directory "$site/state" "$site/backup.later" >/dev/null || fail "no backup without a server"
[ -z "$(find "$site/state" ! -user nobody)" ] || fail "a backup leaves files that are not the service's"
start_server
stop_server
"$bin/pratique-server" --config "$site/server.conf" --check --set api_listen=nowhere 2>&1 | grep -q 'api_listen.*"nowhere" is not an address' ||
	fail "--check does not look at api_listen"
"$bin/pratique" restore --state-directory "$site/state" "$site/backup" | grep -q '^restored' || fail "no restore"
[ "$(stat -c %U "$site/state/pratique.db")" = nobody ] || fail "the database is not the service's"
start_server
[ "$(changes)" -ge "$before" ] || fail "something that was acknowledged before the backup is not in it"
audited '.action == "restore" and .who == "user 0"' || fail "the restore is not audited"
remote viewer status >/dev/null || fail "a token of the backup is not good"
refused_as 'none of this server' remote operator status
mkdir -m 700 "$site/elsewhere" "$site/elsewhere.ca"
"$bin/pratique" restore --state-directory "$site/elsewhere" --ca-directory "$site/elsewhere.ca" "$site/backup.all" >/dev/null ||
	fail "no restore elsewhere"
cmp "$site/ca/ca.key" "$site/elsewhere.ca/ca.key" || fail "the CA is another"
[ "$(stat -c %a "$site/elsewhere.ca/ca.key" "$site/elsewhere.ca/ca.pem" | xargs)" = "600 644" ] || fail "the modes of the CA's files"
cmp "$site/state/token.key" "$site/elsewhere/token.key" || fail "the key is another"
ok "backups under load, and back"

# ---- those who mean no good ----

python3 "$here/api-hostile.py" "$site" "$(cat "$site/viewer.token")" || fail "hostile clients"
above() { [ "$(counter "$1")" -gt "$2" ]; }
above api_unproven 9 || fail "wrong tokens are not counted"
above api_limited 0 || fail "floods are not counted"
above api_connections_refused_source 0 || fail "a crowd is not counted"
above api_handshakes_failed 0 || fail "wrong TLS is not counted"
local_api status >/dev/null || fail "the server is gone"
kill -0 "${pids[daemon]}" || fail "the server is gone"
stop_server
ok "ended in order"

# ---- too few files ----

echo "connections_per_source = 1000" >>"$site/server.conf"
prlimit --nofile=100:100 "$bin/pratique-server" --config "$site/server.conf" >"$site/few.log" 2>&1 &
pids[daemon]=$!
until_true 20 "the server answers with 100 files" local_api status
grep -q "connections_max is 20000, but this process may have only 100 files open" "$site/few.log" || fail "it is not said at the start"
python3 - "$site" <<-'END' || fail "a crowd cannot come"
	import socket, sys, time, pathlib
	log, crowd = pathlib.Path(sys.argv[1], "few.log"), []
	for _ in range(300):
	    s = socket.socket(socket.AF_INET6)
	    s.settimeout(0.2)
	    try:
	        s.connect(("::1", 271))
	    except OSError:
	        pass
	    crowd.append(s)
	    if "no file descriptor or memory is left" in log.read_text():
	        break
	for _ in range(600):
	    if "no file descriptor or memory is left" in log.read_text():
	        break
	    time.sleep(0.05)
	else:
	    sys.exit("nothing is said")
END
until_true 20 "and answers again when they have gone" local_api status
above connections_failed 0 || fail "those that were not taken are not counted"
local_api events --json | jq -es 'any(.[]; .kind == "full")' >/dev/null || fail "there is no event of it"
stop_server
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
ok "too few files are said, counted and survived"
