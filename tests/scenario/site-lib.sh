# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# A site of real processes on a network of namespaces, which nobody else sees; sourced with the script's arguments, the
# first of which is the folder of the programs. The script's own namespace is the server's host:
#
#     NODE 10.9.1.11..., fd09:1::11... --- port-NODE [gw] br-nodes --- s1 --- s0 server 10.9.2.2, fd09:2::2
# shellcheck source=tests/scenario/own-net-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/own-net-lib.sh"
for program in pratique pratique-server pratique-enforcer pratique-vis pratique-agent; do
	[ -x "$bin/$program" ] || { echo "FAIL: $bin/$program is not built"; exit 1; }
done

api() {
	"$bin/pratique" "$@" --socket "$site/server.sock"
}

# node_is NODE FILTER VALUE: what the API says of a node.
node_is() {
	[ "$(api explain "$1" --json | jq -r "$2")" = "$3" ]
}

counter() {
	api status --json | jq -r ".counters.$1"
}

counter_above() {
	[ "$(counter "$1")" -gt "$2" ]
}

# of NODE COMMAND...: in its namespace; gw is one too.
of() {
	local name=$1
	shift
	ip netns exec "$name" "$@"
}

# make_network NODE...
make_network() {
	local name n=10
	namespaces=(gw "$@")
	for name in "${namespaces[@]}"; do
		ip netns add "$name"
		of "$name" ip link set lo up
	done
	ip link set lo up
	ip link add s0 type veth peer name s1 netns gw
	ip addr add 10.9.2.2/24 dev s0
	ip addr add fd09:2::2/64 dev s0 nodad
	ip link set s0 up
	of gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	of gw ip addr add 10.9.2.1/24 dev s1
	of gw ip addr add fd09:2::1/64 dev s1 nodad
	of gw ip link set s1 up
	of gw ip link add br-nodes type bridge mcast_snooping 0 forward_delay 0
	of gw ip link set br-nodes up
	of gw ip addr add 10.9.1.1/24 dev br-nodes
	of gw ip addr add fd09:1::1/64 dev br-nodes nodad
	# shellcheck disable=SC2016 # $f is that shell's
	of gw sh -c 'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$f" ] || echo 0 >"$f"; done'
	for name in "$@"; do
		n=$((n + 1))
		ip link add "port-$name" netns gw type veth peer name eth0 netns "$name"
		of gw ip link set "port-$name" master br-nodes
		of gw ip link set "port-$name" up
		of "$name" ip link set eth0 address "02:00:00:00:00:$n"
		of "$name" ip link set eth0 up
		of "$name" ip addr add "10.9.1.$n/24" dev eth0
		of "$name" ip addr add "fd09:1::$n/64" dev eth0 nodad
		of "$name" ip route add default via 10.9.1.1
		of "$name" ip route add default via fd09:1::1
	done
	ip route add 10.9.1.0/24 via 10.9.2.1
	ip route add fd09:1::/64 via fd09:2::1
}

# make_site NODE...: the CA, keys and configurations; the policy is on standard input.
make_site() {
	local who
	mkdir -m 700 "$site/state" "$site/enforcer"
	mkdir -m 755 "$site/vis" "$site/vis/published" "$site/vis/index"
	[ -d "$site/ca" ] || "$bin/pratique" ca init --dir "$site/ca" --site "scenario" >/dev/null || fail "the CA cannot be made"
	for who in server:srv enforcer:gateway; do
		[ -f "$site/${who#*:}.pem" ] || "$bin/pratique" ca issue --dir "$site/ca" --role "${who%:*}" --name "${who#*:}" --out "$site" >/dev/null ||
			fail "no certificate for $who"
	done
	chown -R nobody "$site/ca" "$site/state" "$site/vis"
	cat >"$site/policy"
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
	for who in "$@"; do
		mkdir -m 700 "$site/$who"
		cat >"$site/$who.conf" <<-END
			server = [fd09:2::2]:271
			server_name = srv
			ca = $site/ca/ca.pem
			certificate = $site/$who/$who.pem
			key = $site/$who/$who.key
			user = nobody
			state_directory = $site/$who
			status_file = $site/$who/status.json
		END
	done
	chmod 644 "$site"/*.conf "$site/policy" "$site"/*.pem
}

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

# start NAME PROGRAM...: no function of ours, whose shell would be what is killed.
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

# says COMMAND FILTER: what `pratique COMMAND --json` says is so.
says() {
	api "$1" --json | jq -e "$2"
}

start_enforcer() {
	start enforcer ip netns exec gw "$bin/pratique-enforcer" --config "$site/enforcer.conf"
}

# start_agent NODE
start_agent() {
	start "$1" ip netns exec "$1" "$bin/pratique-agent" run --config "$site/$1.conf"
}

# enrol NODE: by a new token, which is in $token afterwards.
enrol() {
	token=$(api enrol --new "$1") || fail "no token for $1"
	"$bin/pratique" enrol --server '[fd09:2::2]:8443' --server-name srv --ca "$site/ca/ca.pem" --name "$1" --token "$token" \
		--out "$site/$1" >>"$site/enrol.log" 2>&1 || fail "$1 cannot enrol"
	ok "$1 is enrolled"
}

# start_site: vis, server and enforcer.
start_site() {
	# Backports are judged by the advisories of the next release, and this machine may have some.
	advisory TEST-0 no-such-package | jq '.affected += [.affected[0] | .package.ecosystem = "Debian:13"]' >"$site/vis/published/TEST-0.json"
	start vis setpriv --reuid nobody --regid nogroup --clear-groups "$bin/pratique-vis" --data "$site/vis/index" \
		--socket "$site/vis/socket" --watch "$site/vis/published" --metrics "$site/vis/metrics"
	until_true 10 "vis has an index" test -e "$site/vis/index/data.mdb"
	start_server
	start_enforcer
	until_true 10 "the enforcer is connected" says status '.enforcers[0].greeted'
	until_true 5 "vis is connected" says status '.advisories.vis_connected'
}
