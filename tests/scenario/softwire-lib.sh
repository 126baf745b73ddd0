# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# The networks of the softwire scenarios, and what they do with them; sourced.
#
#      site          a host behind the concentrator: 2001:db8:1:2::2, 10.1.2.2
#        |
#       con          the concentrator: 192.0.2.1 on `outer`
#        |
#       net          the access network: routes, or is the NAT of `make_nat`
#        |
#       ini          the initiator: 198.51.100.2 (or 10.0.0.2 behind the NAT)
set -euo pipefail

bin=$(cd "${1:?the folder of the programs}" && pwd)
softwire=$bin/pratique-softwire
plugin=$(readlink -f "${2:-}" || true) # of charon, where a scenario has IPsec
ns=${PQ_NAME:-pq-softwire}-$$-
work=
processes=()
passed=0
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

[ "$(id -u)" = 0 ] || {
	echo "needs root: network namespaces and nftables"
	exit 77
}
[ -c /dev/net/tun ] || {
	echo "needs /dev/net/tun"
	exit 77
}

in_ns() {
	local name=$1
	shift
	ip netns exec "$ns$name" "$@"
}

fail() {
	local file
	echo "FAILED: $*"
	for file in "$work"/run-*/api.sock; do
		"$bin/pratique" softwire status --socket "$file" 2>&1 | sed "s|^|${file#"$work"}: |"
	done
	for file in "$work"/*.log; do
		echo "--- $file:" && tail -n 60 "$file"
	done
	exit 1
}

ok() {
	passed=$((passed + 1))
	echo "ok $passed - $*"
}

# spawn NAME LOG COMMAND...: in that namespace, in the background, ended with the test; its id is in $spawned.
spawn() {
	local name=$1 log=$2
	shift 2
	ip netns exec "$ns$name" "$@" <&0 >>"$work/$log.log" 2>&1 &
	spawned=$!
	processes+=("$spawned")
}

end_all() {
	local status=$? pid name
	for pid in "${processes[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${processes[@]}"; do
		timeout 12 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2>/dev/null || true
	done
	for name in site con net ini two other; do
		for pid in $(ip netns pids "$ns$name" 2>/dev/null); do
			kill -9 "$pid" 2>/dev/null || true
		done
		ip netns del "$ns$name" 2>/dev/null || true
	done
	if [ -n "$work" ]; then
		if grep -l -e 'ERROR: AddressSanitizer' -e 'runtime error:' "$work"/*.log; then
			grep -h -A 20 -e 'ERROR: AddressSanitizer' -e 'runtime error:' "$work"/*.log
			status=1
		fi
		[ -n "${PQ_KEEP:-}" ] || rm -rf "$work"
	fi
	exit "$status"
}

quiet() {
	in_ns "$1" sysctl -qw "${@:2}"
}

# wire A IF-A B IF-B: a veth pair between two namespaces, up.
wire() {
	ip link add "$2" netns "$ns$1" type veth peer name "$4" netns "$ns$3"
	quiet "$1" "net.ipv6.conf.$2.accept_dad=0"
	quiet "$3" "net.ipv6.conf.$4.accept_dad=0"
	in_ns "$1" ip link set "$2" up
	in_ns "$3" ip link set "$4" up
}

make_namespace() {
	ip netns add "$ns$1"
	in_ns "$1" ip link set lo up
}

make_network() {
	local name
	work=$(mktemp -d)
	chmod 755 "$work"
	trap end_all EXIT
	trap 'exit 130' INT TERM
	exec </dev/null
	for name in site con net ini; do
		make_namespace "$name"
	done
	wire site eth0 con inside
	wire con outer net to-con
	wire net to-ini ini eth0
	quiet con net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
	quiet net net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
	in_ns site ip addr add 2001:db8:1:2::2/64 dev eth0
	in_ns site ip addr add 10.1.2.2/24 dev eth0
	in_ns con ip addr add 2001:db8:1:2::1/64 dev inside
	in_ns con ip addr add 10.1.2.1/24 dev inside
	in_ns site ip route add default via 2001:db8:1:2::1
	in_ns site ip route add default via 10.1.2.1
	in_ns con ip addr add 192.0.2.1/24 dev outer
	in_ns con ip addr add 2001:db8:f::1/64 dev outer
	in_ns net ip addr add 192.0.2.254/24 dev to-con
	in_ns net ip addr add 2001:db8:f::fe/64 dev to-con
	in_ns con ip route add default via 192.0.2.254
	in_ns con ip route add default via 2001:db8:f::fe
}

# The initiator's network: routed as it is, both families.
make_routed() {
	in_ns net ip addr add 198.51.100.1/24 dev to-ini
	in_ns net ip addr add 2001:db8:e::1/64 dev to-ini
	in_ns ini ip addr add 198.51.100.2/24 dev eth0
	in_ns ini ip addr add 2001:db8:e::2/64 dev eth0
	in_ns ini ip route add default via 198.51.100.1
	in_ns ini ip route add 2001:db8:f::/64 via 2001:db8:e::1
}

# The same behind a NAT.
make_nat() {
	in_ns net ip addr add 10.0.0.1/24 dev to-ini
	in_ns ini ip addr add 10.0.0.2/24 dev eth0
	in_ns ini ip route add default via 10.0.0.1
	in_ns net nft -f - <<-'END'
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname "to-con" masquerade
			}
		}
	END
}

write_secret() {
	printf '%s\n' "$2" >"$work/$1"
	chmod 600 "$work/$1"
	chown nobody "$work/$1"
}

# make_certificates NAME...: of one CA; the one named concentrator is a concentrator's.
make_certificates() {
	local name role
	"$bin/pratique" ca init --dir "$work/ca" --site example >/dev/null
	install -m 644 "$work/ca/ca.pem" "$work/ca.pem"
	for name; do
		role=node
		[ "$name" != concentrator ] || role=concentrator
		"$bin/pratique" ca issue --dir "$work/ca" --role $role --name "$name" --out "$work" >/dev/null
		chown nobody "$work/$name.key"
	done
}

# What all scenarios' concentrators have in common.
write_concentrator() {
	write_secret users 'alice plain:wonderland
bob plain:builder'
	cat >"$work/concentrator.conf" <<-END
		user = nobody
		log_level = debug
		listen = 192.0.2.1
		listen = 2001:db8:f::1
		run_directory = $work/run-con
		state_directory = $work/state-con
		socket = $work/run-con/api.sock
		enforcer_socket = $work/run-con/sessions.sock
		users_file = $work/users
		pool = default ipv4 10.9.0.0/24
		pool = default framed 2001:db8:9000::/48
		pool = default delegated 2001:db8:a000::/40 length 56
		dns = 2001:db8:1:2::2
		hello = 2 s
		echo = 2 s
		workers = 1
	END
}

# write_keys NAME MACHINE [CA]: who NAME's configuration is to IKE, and whom it believes.
write_keys() {
	cat >>"$work/$1.conf" <<-END
		ipsec = userspace
		certificate = $work/$2.pem
		key = $work/$2.key
		ca = ${3:-$work/ca.pem}
		charon_plugin = $plugin
	END
	[ "$1" = concentrator ] || echo "concentrator_name = concentrator" >>"$work/$1.conf"
}

# write_initiator NAME USER PASSWORD
write_initiator() {
	write_secret "$1.password" "$3"
	cat >"$work/$1.conf" <<-END
		user = nobody
		log_level = debug
		concentrator = 192.0.2.1
		run_directory = $work/run-$1
		state_directory = $work/state-$1
		socket = $work/run-$1/api.sock
		ppp_user = $2
		ppp_password_file = $work/$1.password
		default_route = yes
		hello = 2 s
		echo = 2 s
		retry_first = 200 ms
		retry_last = 1 s
		workers = 1
	END
}

start_concentrator() {
	spawn con concentrator "$softwire" concentrator --config "$work/concentrator.conf"
	# shellcheck disable=SC2034 # the tests use it
	concentrator_pid=$spawned
}

# start_initiator NAMESPACE
start_initiator() {
	spawn "$1" "$1" "$softwire" initiator --config "$work/$1.conf"
	# shellcheck disable=SC2034 # the tests use it
	initiator_pid=$spawned
}

# In 20 s at most; the commands run every 100 ms.
eventually() {
	local i
	for ((i = 0; i < 200; i++)); do
		if "$@"; then
			return 0
		fi
		sleep 0.1
	done
	return 1
}

pings() {
	in_ns "$1" ping -n -q -c 1 -W 1 "$2" >/dev/null 2>&1
}

expect_pings() {
	eventually pings "$1" "$2" || fail "$1 does not reach $2: $3"
	ok "$1 reaches $2: $3"
}

expect_silence() {
	! pings "$1" "$2" || fail "$1 reaches $2: $3"
	ok "$1 does not reach $2: $3"
}

# sessions [JQ-FILTER]: of the concentrator.
sessions() {
	"$bin/pratique" softwire sessions --json --socket "$work/run-con/api.sock" 2>/dev/null | jq -r "${1:-.}"
}

session_count() {
	[ "$(sessions '.sessions | length')" = "$1" ]
}

# counter PART NAME: of the concentrator's status.
counter() {
	"$bin/pratique" softwire status --json --socket "$work/run-con/api.sock" | jq -r ".$1.$2 // 0"
}

# The children of a keeper: child KEEPER ROLE
child() {
	pgrep -P "$1" -f "pratique-softwire $2 " | head -1
}

# kill_initiator_control NAME: kills the control of $initiator_pid, which is NAME's, and waits for another one that has
# brought its session back.
kill_initiator_control() {
	control=$(child "$initiator_pid" control)
	kill -9 "$control"
	eventually control_is_restored "$1" || fail "the control of $1 that was killed has not brought its session back"
}

control_is_restored() {
	local now
	now=$(child "$initiator_pid" control)
	[ "$now" ] && [ "$now" != "$control" ] && [ "$("$bin/pratique" softwire status --json \
		--socket "$work/run-$1/api.sock" 2>/dev/null | jq -r '.counters.sessions_restored')" = 1 ]
}
