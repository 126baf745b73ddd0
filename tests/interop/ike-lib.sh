# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# The network of the IKE tests, and what they do with it; sourced, with the folder of the programs and ike_peer as
# arguments of the test.
#
#                 conc 10.9.0.1, 2001:db8:9::1        concentrator
#                  |
#     net: one bridge --- far 10.9.0.2, ...::2       an initiator without a NAT
#                  |  \
#               nat1   nat2                            10.9.0.11, .12: masquerade
#              /    \      \
#             a      b      c                          192.168.1.2, .3 and (again) .2
set -euo pipefail

bin=$(readlink -f "$1")
peer=$(readlink -f "$2")
plugin=$(readlink -f "$3")
ns=pq-ike-$$-
work=
passed=0
declare -A pids=()

[ "$(id -u)" = 0 ] || {
	echo "needs root: network namespaces"
	exit 77
}
[ -x /usr/sbin/charon-systemd ] || {
	echo "needs strongSwan: ./dev setup"
	exit 77
}
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

in_ns() {
	local name=$1
	shift
	ip netns exec "$ns$name" "$@"
}

fail() {
	local log
	echo "FAILED: $*"
	for log in "$work"/*.out "$work"/*.log; do
		[ -s "$log" ] && echo "--- $(basename "$log")" && tail -n 90 "$log"
	done
	exit 1
}

ok() {
	passed=$((passed + 1))
	echo "ok $passed - $*"
}

end_all() {
	local status=$? name pid
	for pid in "${pids[@]}"; do
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for name in conc far nat1 nat2 a b c net; do
		for pid in $(ip netns pids "$ns$name" 2>/dev/null); do
			kill -9 "$pid" 2>/dev/null || true
		done
		ip netns del "$ns$name" 2>/dev/null || true
	done
	if [ -z "${KEEP:-}" ] && [ -n "$work" ]; then rm -rf "$work"; fi
	exit "$status"
}

# eventually COMMAND...: within 20 s.
eventually() {
	local i
	for ((i = 0; i < 400; i++)); do
		if "$@"; then
			return 0
		fi
		sleep 0.05
	done
	return 1
}

# ---- network ----

# host NAME LINK-NS BRIDGE ADDRESS...: a namespace with eth0 in that bridge.
add_host() {
	local name=$1 where=$2 bridge=$3 address
	shift 3
	ip netns add "$ns$name"
	in_ns "$name" ip link set lo up
	in_ns "$name" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
	ip link add "p-$name" netns "$ns$where" type veth peer name eth0 netns "$ns$name"
	in_ns "$where" ip link set "p-$name" master "$bridge" up
	for address; do
		in_ns "$name" ip addr add "$address" dev eth0
	done
	in_ns "$name" ip link set eth0 up
}

add_bridge() {
	in_ns "$1" ip link add "$2" type bridge forward_delay 0
	in_ns "$1" ip link set "$2" up
}

# nat NAME ADDRESS: its inside is 192.168.1.0/24 and fd00:1::/64.
add_nat() {
	local name=$1 address=$2 address6=$3
	add_host "$name" net outside "$address" "$address6"
	add_bridge "$name" inside
	in_ns "$name" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	in_ns "$name" ip addr add 192.168.1.1/24 dev inside
	in_ns "$name" ip addr add fd00:1::1/64 dev inside
	in_ns "$name" nft -f - <<-'END'
		table inet nat {
			chain post {
				type nat hook postrouting priority srcnat
				oifname eth0 masquerade
			}
		}
	END
}

add_inside() {
	local name=$1 nat=$2 last=$3
	add_host "$name" "$nat" inside "192.168.1.$last/24" "fd00:1::$last/64"
	in_ns "$name" ip route add default via 192.168.1.1
	in_ns "$name" ip route add default via fd00:1::1
}

make_network() {
	work=$(mktemp -d)
	chmod 755 "$work"
	trap end_all EXIT
	trap 'exit 130' INT TERM
	exec </dev/null
	ip netns add "${ns}net"
	add_bridge net outside
	add_host conc net outside 10.9.0.1/24 2001:db8:9::1/64
	add_host far net outside 10.9.0.2/24 2001:db8:9::2/64
	add_nat nat1 10.9.0.11/24 2001:db8:9::11/64
	add_nat nat2 10.9.0.12/24 2001:db8:9::12/64
	add_inside a nat1 2
	add_inside b nat1 3
	add_inside c nat2 2
}

# ---- credentials ----

# issue CA ROLE NAME
issue() {
	"$bin/pratique" ca issue --dir "$work/$1" --role "$2" --name "$3" --out "$work/$1-keys" >/dev/null || fail "ca issue $3"
	chown nobody "$work/$1-keys/$3.key"
}

make_ca() {
	"$bin/pratique" ca init --dir "$work/$1" --site "$1.test" >/dev/null || fail "ca init $1"
	mkdir -p "$work/$1-keys"
	chmod 755 "$work/$1-keys"
	install -m 644 "$work/$1/ca.pem" "$work/$1-keys/ca.pem"
	install -m 644 "$work/$1/ca.crl" "$work/$1-keys/ca.crl"
}

# ---- ike_peer ----

# configure NAME LINES: adds what every configuration has.
configure() {
	local name=$1
	{
		echo "run_directory = $work/run-$name"
		echo "charon_plugin = $plugin"
		cat
	} >"$work/$name.conf"
}

# start NAME ROLE [HOST]: ike_peer with NAME.conf in namespace HOST; its output in NAME.out, what charon logs in NAME.log.
start() {
	local name=$1 role=$2 host=${3:-$1}
	rm -f "$work/$name.in"
	mkfifo "$work/$name.in"
	: >"$work/$name.out"
	ip netns exec "$ns$host" "$peer" "$role" "$work/$name.conf" <>"$work/$name.in" >>"$work/$name.out" 2>>"$work/$name.log" &
	pids[$name]=$!
	eventually said "$name" '^ready' || fail "$name: charon does not come up"
	eventually said "$name" '^hello ike' || fail "$name: the plugin does not come"
}

stop() {
	kill "${pids[$1]}" 2>/dev/null || true
	wait "${pids[$1]}" 2>/dev/null || true
	unset "pids[$1]"
}

tell() {
	local name=$1
	shift
	echo "$*" >>"$work/$name.in"
}

said() {
	grep -Eq -- "$2" "$work/$1.out"
}

logged() {
	grep -Eq -- "$2" "$work/$1.log"
}

# expect NAME REGEX WHAT
expect() {
	eventually said "$1" "$2" || fail "$3 ($1 did not say $2)"
	ok "$3"
}

expect_log() {
	eventually logged "$1" "$2" || fail "$3 ($1 did not log $2)"
	ok "$3"
}

refuse() {
	! said "$1" "$2" || fail "$3 ($1 said $2)"
	ok "$3"
}

count() {
	grep -Ec -- "$2" "$work/$1.out" || true
}

count_is() {
	[ "$(count "$1" "$2")" = "$3" ]
}

count_above() {
	[ "$(count "$1" "$2")" -gt "$3" ]
}

# field NAME REGEX FIELD: of the last such line.
field() {
	grep -E -- "$2" "$work/$1.out" | tail -n 1 | tr ' ' '\n' | sed -n "s/^$3=//p"
}

check_fails() {
	! "$peer" "$1" "$work/$2.conf" --check 2>"$work/$2.log" || fail "$2.conf passes --check"
	grep -Eq -- "$3" "$work/$2.log" || fail "$2.conf: $(cat "$work/$2.log")"
	ok "--check: $4"
}
