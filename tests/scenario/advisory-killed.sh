#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The server is killed hard while it carries an advisory out, at another moment each time, or the advisory comes while it is dead: afterwards
# the nodes are out, their certificates are revoked, the gateway lets none of their packets pass, and their agents know.
#
# usage: advisory-killed.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"
here=$(dirname "$(readlink -f "$0")")

nodes=(n1 n2 n3)
make_network "${nodes[@]}"
make_site "${nodes[@]}" <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	segment quarantine default { allow to server }
	segment isolated { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require patched { no advisory where severity >= high }
	admit to staff when patched
	otherwise isolated
	inspect every 30 min
	certificate lifetime 45 min
END
start_site
start echo "$here/enforcer-probe.py" serve 443
for name in "${nodes[@]}"; do
	enrol "$name" >/dev/null
	tr -d - </proc/sys/kernel/random/uuid >"$site/$name.id"
	start "$name" ip netns exec "$name" sh -c \
		"mount --bind '$site/$name.id' /etc/machine-id && exec '$bin/pratique-agent' run --config '$site/$name.conf'"
done

# all_in SEGMENT: by what the server decided, and what the gateway's packets do.
all_in() {
	[ "$(api nodes --json | jq "[.nodes[].attachments[] | select(.segment == \"$1\")] | length")" = "${#nodes[@]}" ]
}
reaches() {
	of "$1" "$here/enforcer-probe.py" connect fd09:2::2 443 >/dev/null 2>&1
}
all_reach() {
	local name
	for name in "${nodes[@]}"; do
		reaches "$name" || return 1
	done
}
none_reach() {
	local name
	for name in "${nodes[@]}"; do
		! reaches "$name" || return 1
	done
}
all_are_told() {
	local name
	for name in "${nodes[@]}"; do
		jq -e '.attachments[0].result.decision.compliant == false' "$site/$name/status.json" >/dev/null || return 1
	done
}
# No certificate of before is good any more: each node has at most the one that says that it is isolated.
all_are_revoked() {
	/usr/bin/python3 -c 'import sqlite3, sys
n, = sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM certificate WHERE revoked = 0 AND segment = ?", ["staff"]).fetchone()
sys.exit(n != 0)' "$site/state/pratique.db"
}
restart_server() {
	wait "${pids[server]}" 2>/dev/null
	start_server >/dev/null
	until_true 30 "the enforcer is back" says status '.enforcers[0].greeted' >/dev/null
}
package=$(dpkg-query -W -f '${source:Package}\n' bash)

until_true 120 "all nodes are in staff" all_in staff
until_true 20 "and reach what is behind the gateway" all_reach

# round MS: so long after the advisory the server is killed; "dead": before it comes.
round() {
	advisory TEST-1 "$package" >"$site/TEST-1.json"
	[ "$1" != dead ] || kill -9 "${pids[server]}"
	"$bin/pratique" vuln publish --dir "$site/vis/published" "$site/TEST-1.json" || fail "the advisory cannot be published"
	if [ "$1" != dead ]; then
		sleep "$(printf '0.%03d' "$1")"
		kill -9 "${pids[server]}"
	fi
	restart_server
	until_true 30 "killed at $1: the nodes are isolated" all_in isolated
	until_true 30 "killed at $1: the gateway lets none of them pass" none_reach
	until_true 30 "killed at $1: their agents know" all_are_told
	until_true 10 "killed at $1: their certificates are revoked" all_are_revoked
	"$bin/pratique" vuln publish --dir "$site/vis/published" --remove TEST-1 || fail "the advisory cannot be taken away"
	until_true 60 "and back in staff without it" all_in staff
	until_true 30 "and reach what is behind the gateway" all_reach
}
for moment in dead 000 004 009 015 022 030 045 070; do
	round "$moment"
done
echo "PASS"
