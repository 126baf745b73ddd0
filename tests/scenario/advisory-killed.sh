#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The server dies while it carries an advisory out: between every two of its steps (decided, told to the gateway, on the disk with the
# certificates' revocation, told to the agents), at other moments, or before the advisory comes. Afterwards the nodes are out, their
# certificates are revoked, the gateway lets none of their packets pass, and their agents know; and what the gateway was told before the
# death it keeps, whatever the disk says. Then the same with the advisory's end, which lets them in again.
#
# usage: advisory-killed.sh BIN-DIRECTORY KILL-AT-LIBRARY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"
here=$(dirname "$(readlink -f "$0")")
kill_at=$(readlink -f "$2")

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
database() {
	/usr/bin/python3 -c 'import sqlite3, sys
print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone())' "$site/state/pratique.db" "$1"
}
# A decision and the revocation that belongs to it are on the disk together, or neither is.
is_consistent() {
	[ "$(database "SELECT count(*) FROM attachment a JOIN certificate c ON c.node = a.node
		WHERE a.segment = 'isolated' AND c.segment = 'staff' AND c.revoked = 0")" = 0 ] || fail "killed at $1: isolated with a good certificate"
	[ "$(database "SELECT count(*) FROM attachment a WHERE a.segment = 'isolated' AND NOT EXISTS
		(SELECT 1 FROM decision d WHERE d.node = a.node AND d.segment = 'isolated' AND d.generation >= a.generation)")" = 0 ] ||
		fail "killed at $1: isolated without a decision"
}

# The server with kill_at.c, which lives until a point is armed.
truncate -s 32 "$site/kill-at"
start_server() {
	start server env LD_PRELOAD="$kill_at" KILL_AT="$site/kill-at" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
		"$bin/pratique-server" --config "$site/server.conf"
	until_true 30 "the server answers" api status
}
arm() {
	truncate -s 0 "$site/kill-at.new"
	printf '%s' "$1" >"$site/kill-at.new"
	truncate -s 32 "$site/kill-at.new"
	dd if="$site/kill-at.new" of="$site/kill-at" conv=notrunc status=none
}
trace() {
	tail -c 16 "$site/kill-at" | tr -d '\0'
}
is_dead() {
	! kill -0 "${pids[server]}" 2>/dev/null
}
restart_server() {
	wait "${pids[server]}" 2>/dev/null
	arm ""
	start_server >/dev/null
	until_true 30 "the enforcer is back" says status '.enforcers[0].greeted' >/dev/null
}
package=$(dpkg-query -W -f '${source:Package}\n' bash)

publish() {
	"$bin/pratique" vuln publish --dir "$site/vis/published" "$@" || fail "the advisory cannot be published: $*"
}
# Whoever passes the gateway writes its name, again and again.
watch_gateway() {
	local name
	while :; do
		for name in "${nodes[@]}"; do
			! reaches "$name" || echo "$name" >>"$site/passed"
		done
	done
}

isolated_for_good() {
	until_true 30 "killed at $1: the nodes are isolated" all_in isolated
	until_true 30 "killed at $1: the gateway lets none of them pass" none_reach
	until_true 30 "killed at $1: their agents know" all_are_told
	until_true 10 "killed at $1: their certificates are revoked" all_are_revoked
}
admitted_again() {
	until_true 60 "and back in staff without it" all_in staff
	until_true 30 "and reach what is behind the gateway" all_reach
	until_true 30 "which their agents know" all_are_admitted
}
all_are_admitted() {
	local name
	for name in "${nodes[@]}"; do
		jq -e '.attachments[0].result.decision.compliant == true' "$site/$name/status.json" >/dev/null || return 1
	done
}

# die_at POINT TRACE COMMAND...: the command leads to a change; the server dies at the point, after these steps.
die_at() {
	local point=$1 want=$2
	shift 2
	arm "$point"
	"$@"
	until_true 30 "it dies at $point" is_dead
	[[ "$(trace)" =~ ^$want$ ]] || fail "at $point these steps were done: $(trace), not $want"
	wait "${pids[server]}" 2>/dev/null
}

# At every point of a demotion: told to the gateway, then on the disk, then told to the agents.
demotion() {
	local watcher=
	die_at "$1" "$2" publish "$site/TEST-1.json"
	is_consistent "$1"
	if [ "$1" != place ]; then
		until_true 10 "dead at $1, and the gateway lets none pass" none_reach
		: >"$site/passed"
		watch_gateway &
		watcher=$!
	fi
	restart_server
	isolated_for_good "$1"
	[ -n "$watcher" ] || return 0
	kill "$watcher"
	wait "$watcher" 2>/dev/null
	[ ! -s "$site/passed" ] || fail "killed at $1: what the gateway knew was taken back: $(sort -u "$site/passed")"
}
# And of an admission: on the disk first.
admission() {
	die_at "$1" "$2" publish --remove TEST-1
	is_consistent "$1"
	[[ "$2" == *S* ]] || none_reach || fail "dead at $1, nothing is on the disk, and somebody passes"
	restart_server
	admitted_again
}

# killed_after MS: so long after the advisory; "dead": before it comes.
killed_after() {
	[ "$1" != dead ] || kill -9 "${pids[server]}"
	publish "$site/TEST-1.json"
	if [ "$1" != dead ]; then
		sleep "$(printf '0.%03d' "$1")"
		kill -9 "${pids[server]}"
	fi
	restart_server
	isolated_for_good "$1"
	publish --remove TEST-1
	admitted_again
}

start_site
start echo "$here/enforcer-probe.py" serve 443
for name in "${nodes[@]}"; do
	enrol "$name" >/dev/null
	tr -d - </proc/sys/kernel/random/uuid >"$site/$name.id"
	start "$name" ip netns exec "$name" sh -c \
		"mount --bind '$site/$name.id' /etc/machine-id && exec '$bin/pratique-agent' run --config '$site/$name.conf'"
done
until_true 120 "all nodes are in staff" all_in staff
until_true 20 "and reach what is behind the gateway" all_reach
advisory TEST-1 "$package" >"$site/TEST-1.json"

# judged_at_start N: how many nodes the last start found that something may have changed for.
judged_at_start() {
	grep "judged at once" "$site/server.log" | tail -n 1 | grep -q "server: $1 of ${#nodes[@]} nodes" ||
		fail "the start judged others: $(grep "judged at once" "$site/server.log" | tail -n 1)"
}
kill -9 "${pids[server]}"
restart_server
judged_at_start 0
until_true 30 "and all are still in staff" all_in staff
killed_after dead
grep "judged at once" "$site/server.log" | tail -n 1 | grep -q "0 of" && fail "the start did not see the advisory"
killed_after 015
demotion place ''
admission sync ''
demotion placed 'P'
admission synced 'S+'
demotion sync 'P+'
admission place 'S+R*'
demotion synced 'P+S+'
admission placed 'S+R*P'
demotion retry 'P+S+'
admission retry 'S+P*'
demotion retried 'P+S+R'
admission retried 'S+P*R'
echo "PASS"
