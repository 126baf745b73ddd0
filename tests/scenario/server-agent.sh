#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Server, enforcer, vis and agent, each a real process, on a network of namespaces:
#
#     alice 10.9.1.11, fd09:1::11 --- port-alice [gw] br-nodes --- s1 --- s0 server 10.9.2.2, fd09:2::2
#
# What is checked: a whole inspection, admission by certificate in one exchange, re-inspection on a new advisory and the time
# that it takes, a policy reload, revocation and refusal, enrolment, and a server that is killed in the middle of things.
#
# usage: server-agent.sh BIN-DIRECTORY
set -u

bin=$(readlink -f "$1")
if [ "$(id -u)" != 0 ]; then
	echo "SKIP: needs root for network namespaces of its own"
	exit 77
fi
for program in pratique pratique-server pratique-enforcer pratique-vis pratique-agent; do
	[ -x "$bin/$program" ] || { echo "FAIL: $bin/$program is not built"; exit 1; }
done

if [ -z "${PQ_SERVER_SITE:-}" ]; then
	site=$(mktemp -d "${TMPDIR:-/tmp}/pq-server.XXXXXX")
	trap 'rm -rf "$site"' EXIT
	trap 'exit 1' INT TERM HUP
	PQ_SERVER_SITE=$site unshare --net --mount --propagation private -- "$0" "$bin" && status=0 || status=$?
	exit "$status"
fi
site=$PQ_SERVER_SITE
mkdir -p /run/netns
mount -t tmpfs -o mode=755 none "$site"
mount -t tmpfs -o mode=755 none /run/netns

declare -A pids=()
cleanup() {
	local name
	for name in "${!pids[@]}"; do
		kill "${pids[$name]}" 2>/dev/null
	done
	wait
	ip netns del pq-server-alice 2>/dev/null
	ip netns del pq-server-gw 2>/dev/null
	return 0
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

fail() {
	echo "FAIL: $*"
	for log in "$site"/*.log; do
		echo "--- $log"
		tail -n 40 "$log"
	done
	exit 1
}

ok() {
	echo "ok: $*"
}

# until SECONDS WHAT COMMAND...: the command succeeds within so many seconds.
until_true() {
	local tries=$(($1 * 50)) what=$2
	shift 2
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "$what"
		sleep 0.02
	done
	ok "$what"
}

api() {
	"$bin/pratique" "$@" --socket "$site/server.sock"
}

# field NODE JQ: one value of what the API says of a node.
node_is() {
	[ "$(api explain "$1" --json | jq -r "$2")" = "$3" ]
}

counter() {
	api status --json | jq -r ".counters.$1"
}

counter_above() {
	[ "$(counter "$1")" -gt "$2" ]
}

# ---- the network ----

ip link set lo up
ip netns add pq-server-gw
ip netns add pq-server-alice
gw() { ip netns exec pq-server-gw "$@"; }
alice() { ip netns exec pq-server-alice "$@"; }
ip link add s0 type veth peer name s1 netns pq-server-gw
ip link add port-alice netns pq-server-gw type veth peer name eth0 netns pq-server-alice
ip addr add 10.9.2.2/24 dev s0
ip addr add fd09:2::2/64 dev s0 nodad
ip link set s0 up
gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
gw ip link set lo up
gw ip addr add 10.9.2.1/24 dev s1
gw ip addr add fd09:2::1/64 dev s1 nodad
gw ip link set s1 up
gw ip link add br-nodes type bridge mcast_snooping 0 forward_delay 0
gw ip link set br-nodes up
gw ip addr add 10.9.1.1/24 dev br-nodes
gw ip addr add fd09:1::1/64 dev br-nodes nodad
gw ip link set port-alice master br-nodes
gw ip link set port-alice up
# shellcheck disable=SC2016 # $f is that shell's
gw sh -c 'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$f" ] || echo 0 >"$f"; done'
alice ip link set lo up
alice ip link set eth0 address 02:00:00:00:00:a1
alice ip link set eth0 up
alice ip addr add 10.9.1.11/24 dev eth0
alice ip addr add fd09:1::11/64 dev eth0 nodad
alice ip route add default via 10.9.1.1
alice ip route add default via fd09:1::1
ip route add 10.9.1.0/24 via 10.9.2.1
ip route add fd09:1::/64 via fd09:2::1

# ---- the site ----

mkdir -m 700 "$site/state" "$site/agent" "$site/enforcer"
mkdir -m 755 "$site/vis" "$site/vis/published" "$site/vis/index"
"$bin/pratique" ca init --dir "$site/ca" --site "scenario" >/dev/null || fail "the CA cannot be made"
for who in "server srv" "enforcer gateway"; do
	# shellcheck disable=SC2086 # two words
	set -- $who
	"$bin/pratique" ca issue --dir "$site/ca" --role "$1" --name "$2" --out "$site" >/dev/null || fail "no certificate for $2"
done
chown -R nobody "$site/ca" "$site/state" "$site/vis"
cat >"$site/policy" <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	role "employee" { node "alice" }
	segment quarantine default { allow to server }
	segment isolated { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require patched { no advisory }
	admit role "employee" to staff when patched
	otherwise isolated
	inspect every 30 min
	certificate lifetime 45 min
END
cat >"$site/server.conf" <<-END
	socket = $site/server.sock
	certificate = $site/srv.pem
	key = $site/srv.key
	ca = $site/ca/ca.pem
	ca_directory = $site/ca
	policy = $site/policy
	state_directory = $site/state
	index_directory = $site/vis/index
	vis_socket = $site/vis/socket
	user = nobody
	remediation_uri = https://help.example/
END
cat >"$site/enforcer.conf" <<-END
	name = gateway
	server = [fd09:2::2]:2711
	server_name = srv
	ca = $site/ca/ca.pem
	certificate = $site/gateway.pem
	key = $site/gateway.key
	bridge = br-nodes
	state = $site/enforcer
	user = nobody
END
cat >"$site/agent.conf" <<-END
	server = [fd09:2::2]:271
	server_name = srv
	ca = $site/ca/ca.pem
	certificate = $site/agent/alice.pem
	key = $site/agent/alice.key
	user = nobody
	state_directory = $site/agent
	status_file = $site/agent-status.json
END
chmod 644 "$site"/*.conf "$site/policy" "$site"/*.pem

# advisory ID PACKAGE: every version of it is affected.
advisory() {
	local now
	now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	cat <<-END
		{"schema_version":"1.6.0","id":"$1","modified":"$now","published":"$now","summary":"made for a test",
		 "affected":[{"package":{"ecosystem":"Debian:12","name":"$2"},
		 "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"999:1"}]}]}],
		 "database_specific":{"severity":"HIGH"}}
	END
}

# start NAME COMMAND...
start() {
	local name=$1
	shift
	"$@" >>"$site/$name.log" 2>&1 &
	pids[$name]=$!
}

start_server() {
	start server "$bin/pratique-server" --config "$site/server.conf"
	until_true 10 "the server answers" api status
}

advisory TEST-0 no-such-package >"$site/vis/published/TEST-0.json"
start vis setpriv --reuid nobody --regid nogroup --clear-groups "$bin/pratique-vis" --data "$site/vis/index" --socket "$site/vis/socket" --watch "$site/vis/published"
until_true 10 "vis has an index" test -e "$site/vis/index/data.mdb"
start_server
start enforcer ip netns exec pq-server-gw "$bin/pratique-enforcer" --config "$site/enforcer.conf"
until_true 10 "the enforcer is connected" sh -c "'$bin/pratique' status --json --socket '$site/server.sock' | jq -e '.enforcers[0].greeted'"
until_true 5 "vis is connected" sh -c "'$bin/pratique' status --json --socket '$site/server.sock' | jq -e '.advisories.vis_connected'"
for name in server vis; do
	caps=$(awk '/^Cap(Inh|Prm|Eff|Amb):/ { print $2 }' "/proc/${pids[$name]}/status" | sort -u)
	[ "$caps" = 0000000000000000 ] || fail "$name has capabilities: $caps"
	grep -q '^Seccomp:.2$' "/proc/${pids[$name]}/status" || fail "$name may ask the kernel for anything"
done
ok "server and vis have no capability and a filter of system calls"

# ---- 1. enrolment, and a whole inspection ----

token=$(api enrol --new alice) || fail "no token"
"$bin/pratique" enrol --server '[fd09:2::2]:8443' --server-name srv --ca "$site/ca/ca.pem" --name alice --token "$token" \
	--out "$site/agent" >>"$site/enrol.log" 2>&1 || fail "alice cannot enrol"
ok "alice is enrolled"
"$bin/pratique" enrol --server '[fd09:2::2]:8443' --server-name srv --ca "$site/ca/ca.pem" --name alice --token "$token" \
	--out "$site" >>"$site/enrol.log" 2>&1 && fail "a token was good twice"
ok "the token is good once"
start agent ip netns exec pq-server-alice "$bin/pratique-agent" run --config "$site/agent.conf"
until_true 20 "alice is inspected and admitted" node_is alice .segment staff
node_is alice .state compliant || fail "alice is not compliant"
node_is alice .posture_signed true || fail "the posture is not signed"
node_is alice '.attachments[0].port' port-alice || fail "the attachment is not the proven one"
counter_above assessments_full 0 || fail "that was no whole inspection"

# ---- 2. the certificate is enough ----

kill "${pids[agent]}" && wait "${pids[agent]}"
short=$(counter assessments_short)
start agent ip netns exec pq-server-alice "$bin/pratique-agent" run --config "$site/agent.conf"
until_true 20 "a certificate stands in for an inspection" counter_above assessments_short "$short"
node_is alice .segment staff || fail "alice is not in staff any more"

# ---- 3. a new advisory for a package that she has ----

connections=$(counter connections)
package=$(dpkg-query -W -f '${source:Package}\n' bash)
before=$(date +%s%3N)
advisory TEST-1 "$package" >"$site/TEST-1.json"
mv "$site/TEST-1.json" "$site/vis/published/TEST-1.json"
until_true 5 "a new advisory isolates her" node_is alice .segment isolated
after=$(date +%s%3N)
[ $((after - before)) -lt 1000 ] || fail "that took $((after - before)) ms"
ok "within $((after - before)) ms"
until_true 10 "and she is inspected again" node_is alice .decision.cause inspection
[ "$(counter connections)" = "$connections" ] || fail "that took a new connection"
node_is alice '.decision.findings[0].advisory' TEST-1 || fail "the finding does not name the advisory"
api explain alice | grep -q '^bash .* TEST-1 ' || fail "explain does not name package and advisory"
rm "$site/vis/published/TEST-1.json"
until_true 10 "it is withdrawn, and she is back" node_is alice .segment staff

# ---- 4. the policy is read again ----

sed -i 's/^\(\s*\)otherwise/\1otherwise nowhere #/' "$site/policy"
api reload 2>>"$site/reload.log" && fail "a bad policy was taken"
node_is alice .segment staff || fail "a bad policy moved alice"
sed -i 's/otherwise nowhere # /otherwise /; s/role "employee" { node "alice" }/role "employee" { node "nobody" }/' "$site/policy"
api reload >/dev/null || fail "a good policy was refused"
until_true 5 "a new policy moves her" node_is alice .segment isolated
sed -i 's/node "nobody"/node "alice"/' "$site/policy"
kill -HUP "${pids[server]}"
until_true 5 "and the old one moves her back, by SIGHUP" node_is alice .segment staff

# An enforcement point that the policy names no more has nobody placed, and is sent away.
nobody_placed() { ! gw nft list map inet pratique nodes6 | grep -q 'elements'; }
nobody_placed && fail "alice is not placed in the gateway"
sed -i 's/enforcer "gateway"/enforcer "other"/' "$site/policy"
api reload >/dev/null || fail "a policy with another enforcement point was refused"
until_true 5 "an enforcer that the policy names no more has nobody placed" nobody_placed
until_true 5 "and is sent away" sh -c "'$bin/pratique' status --json --socket '$site/server.sock' | jq -e '.enforcers == []'"
sed -i 's/enforcer "other"/enforcer "gateway"/' "$site/policy"
api reload >/dev/null || fail "the policy was refused"
until_true 20 "named again, it is back" \
	sh -c "'$bin/pratique' status --json --socket '$site/server.sock' | jq -e '.enforcers[0].greeted'"
until_true 20 "and so is alice" node_is alice .segment staff

# ---- 5. the server is killed in the middle of things ----

for round in 1 2 3 4 5; do
	api inspect alice >/dev/null 2>&1
	sleep "0.0$((round * 2))"
	kill -9 "${pids[server]}"
	wait "${pids[server]}" 2>/dev/null
	start_server >/dev/null
	until_true 10 "killed, restarted, the enforcer is back ($round)" \
		sh -c "'$bin/pratique' status --json --socket '$site/server.sock' | jq -e '.enforcers[0].greeted'"
	node_is alice .segment staff || fail "alice lost her place"
	until_true 20 "and so is alice" node_is alice .connected true
done
until_true 20 "she is inspected as before" sh -c "'$bin/pratique' inspect alice --socket '$site/server.sock'"

# ---- 6. revocation ----

api revoke alice --reason "a test" >/dev/null || fail "alice cannot be revoked"
node_is alice .segment quarantine || fail "alice is not in quarantine"
until_true 20 "she is refused from then on" sh -c "grep -q 'revoked' '$site/server.log'"
sleep 1
node_is alice .connected false || fail "she is connected again"
token=$(api enrol --new alice) || fail "no token"
kill "${pids[agent]}" && wait "${pids[agent]}"
rm -f "$site"/agent/alice.*
"$bin/pratique" enrol --server '[fd09:2::2]:8443' --server-name srv --ca "$site/ca/ca.pem" --name alice --token "$token" \
	--out "$site/agent" >>"$site/enrol.log" 2>&1 || fail "alice cannot enrol again"
start agent ip netns exec pq-server-alice "$bin/pratique-agent" run --config "$site/agent.conf"
until_true 20 "enrolled again, she is admitted again" node_is alice .segment staff

# ---- 7. the end in order ----

kill "${pids[server]}"
wait "${pids[server]}" || fail "the server did not end in order"
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
ok "ended in order"
