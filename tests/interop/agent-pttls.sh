#!/bin/sh
# SPDX-License-Identifier: ISC
#
# pratique-agent is assessed by strongSwan's TNC server, which knows nothing of Pratique:
#
#   pratique-agent run  ---TLS 1.3, 127.0.0.1:1271--->  charon (tnc-pdp; OS and SWIMA verifiers, policies in SQLite)
#
# The certificates are of the site CA. There is no nonce, no certificate of admission and no decision of ours: what the agent has to
# show is the recommendation. It is allowed, denied where this host forwards packets, and inspected again when the agent has noticed
# a change.
#
#   agent-pttls.sh BIN-DIRECTORY
set -eu
# shellcheck source=tests/interop/nea-site.sh
. "$(dirname "$0")/nea-site.sh"
# shellcheck source=tests/interop/strongswan-peers.sh
. "$here/strongswan-peers.sh"

bin=$(readlink -f "$1")
agent=$bin/pratique-agent
pratique_site "$bin/pratique"
mkdir "$site/agent" "$site/dpkg"
cp /var/lib/dpkg/status "$site/dpkg/status"
mount -t tmpfs none /var/lib/dpkg
cp "$site/dpkg/status" /var/lib/dpkg/status
installed=$(grep -c '^Status: .* installed$' /var/lib/dpkg/status)
cat >"$site/agent.conf" <<END
server = 127.0.0.1:1271
server_name = server.test
ca = $site/ca.pem
certificate = $site/node.test.pem
key = $site/node.test.key
state_directory = $site/agent
status_file = $site/agent/status.json
user = nobody
debug = yes
END

status() {
	"$agent" status --file "$site/agent/status.json" "$@"
}

# shows SECONDS WHAT JQ: what the agent says of its only attachment.
shows() {
	tries=$(($1 * 20))
	until status --json 2>/dev/null | jq -e ".attachments[0] | $3" >/dev/null; do
		tries=$((tries - 1))
		if [ $tries -le 0 ]; then
			status --json >"$site/status.log" 2>&1 || true
			fail "$2: not $3"
		fi
		sleep 0.05
	done
	echo "ok: $2"
}

agent_start() {
	: >"$site/charon.log"
	start "$site/agent.log" "$agent" run --config "$site/agent.conf"
	agent_pid=$!
}

agent_stop() {
	kill "$agent_pid"
	wait "$agent_pid" || fail "the agent did not end in order"
}

no_misunderstanding() {
	grep -E 'malformed|cannot be|PB-TNC error|could not read' "$site/agent.log" && fail "$1: the agent did not understand something"
	grep -E 'PA-TNC error|PB-TNC error|invalid|unsupported' "$site/charon.log" && fail "$1: charon did not understand something"
	return 0
}

# count PATTERN: lines in charon's log.
count() {
	grep -Ec -- "$1" "$site/charon.log" || true
}

# seen SECONDS WHAT COUNT PATTERN: so many lines in charon's log.
seen() {
	tries=$(($1 * 20))
	until [ "$(count "$4")" -ge "$3" ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "$2: '$4' was not logged $3 times"
		sleep 0.05
	done
	echo "ok: $2"
}

database R
tnc_server_start

agent_start
shows 20 "allowed: it shows the recommendation" '.result.recommendation == "allowed"'
shows 1 "allowed: and the assessment" '.result.assessment == "compliant"'
shows 1 "allowed: no decision of ours is made up" '.result | has("decision") | not'
expect "$site/charon.log" 'negotiated TLS 1.3' "allowed: TLS 1.3"
expect "$site/charon.log" "processed $installed packages" "allowed: charon counted all $installed packages"
expect "$site/charon.log" "received inventory of $installed SW IDs" "allowed: and as many software identifiers"
no_misunderstanding allowed
status >"$site/shown.log"
expect "$site/shown.log" 'access allowed' "allowed: people are told so"

# ---- on the connection that stays open ----

python3 "$here/socket-nodelay.py" "$(pgrep -P "$agent_pid")" 1271 -- sleep 1 >"$site/nodelay.log" 2>&1 ||
	fail "the agent's socket delays"
echo "ok: TCP_NODELAY is set on the agent's socket"
assessments=$(count 'creating PB-TNC RESULT batch')
sleep 5
[ "$(count 'creating PB-TNC RESULT batch')" = "$assessments" ] || fail "unchanged: inspected again without a reason"
echo "ok: unchanged: nothing is asked again"
printf '\nPackage: new\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n' >>"$site/dpkg/status"
cp "$site/dpkg/status" /var/lib/dpkg/status-new
mv /var/lib/dpkg/status-new /var/lib/dpkg/status
installed=$((installed + 1))
seen 10 "changed: inspected again, with the new package" 1 "processed $installed packages"
[ "$(count 'accepting PT-TLS stream')" = 1 ] || fail "changed: that took another connection"
echo 1 >/proc/sys/net/ipv4/ip_forward
shows 20 "denied: where this host forwards packets" '.result.recommendation == "denied"'
shows 1 "denied: with the assessment" '.result.assessment == "significant differences"'
shows 1 "denied: and the reason" '.result.reasons | length > 0 and all(length > 0)'
status >"$site/shown.log"
expect "$site/shown.log" 'access denied' "denied: people are told so"
expect "$site/shown.log" 'reasons +[^ ]' "denied: and why"
no_misunderstanding denied
echo 0 >/proc/sys/net/ipv4/ip_forward
shows 20 "allowed again" '.result.recommendation == "allowed"'

# ---- whole records, and the end ----

agent_stop
database ''
agent_start
seen 20 "records: charon got the record of each package" 1 "received $installed SWID tags|$installed SW IDs and $installed SWID tags"
shows 10 "records: allowed" '.result.recommendation == "allowed"'
no_misunderstanding records
kill "$charon"
wait "$charon" || true
shows 10 "gone: it says that the server is gone" '.connected | not'
agent_stop
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
echo "ok: ended in order"
