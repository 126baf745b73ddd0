# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# The network of the enforcer's scenario tests, and what they do with it; sourced.
#
#        a --+                          nodes: isolated ports of br-nodes, /128 and /32 addresses, no prefix on the
#            |  gw: br-nodes, enforcer  link; the gateway answers ARP for their neighbours (proxy_arp_pvlan)
#        b --+      |
#                  out                  a host behind the gateway
#
# Link-local fe80::1 is the gateway, fe80::a and fe80::b the nodes.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
enforcer=${PRATIQUE_ENFORCER:?the path of pratique-enforcer}
driver=${PRATIQUE_ENFORCER_DRIVER:?the path of enforcer-driver}
ns=pq-enforcer-$$-
work=
processes=()
passed=0

[ "$(id -u)" = 0 ] || {
	echo "needs root: network namespaces and nftables"
	exit 77
}

in_ns() {
	local name=$1
	shift
	ip netns exec "$ns$name" "$@"
}

probe() {
	local name=$1
	shift
	in_ns "$name" /usr/bin/python3 "$here/enforcer-probe.py" "$@"
}

fail() {
	echo "FAILED: $*"
	echo "--- server:" && cat "$work/heard" 2>/dev/null
	echo "--- enforcer:" && cat "$work/log" 2>/dev/null
	exit 1
}

ok() {
	passed=$((passed + 1))
	echo "ok $passed - $*"
}

# spawn NAME COMMAND...: runs in that namespace, in the background, and is ended with the test. The process is the
# command itself (ip execs it), so that its id is the one to kill.
spawn() {
	local name=$1
	shift
	ip netns exec "$ns$name" "$@" <&0 &
	processes+=($!)
}

spawn_probe() {
	local name=$1
	shift
	spawn "$name" /usr/bin/python3 "$here/enforcer-probe.py" "$@"
}

end_all() {
	local status=$? pid name
	for pid in "${processes[@]}"; do
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for name in gw a b c d ids out; do
		for pid in $(ip netns pids "$ns$name" 2>/dev/null); do
			kill -9 "$pid" 2>/dev/null || true
		done
		ip netns del "$ns$name" 2>/dev/null || true
	done
	[ -z "$work" ] || rm -rf "$work"
	exit "$status"
}

quiet() {
	in_ns "$1" sysctl -qw "${@:2}"
}

# host NAME MAC LAST: a node at port-NAME.
make_node() {
	local name=$1 mac=$2 last=$3
	ip netns add "$ns$name"
	ip link add "port-$name" netns "${ns}gw" type veth peer name eth0 netns "$ns$name"
	in_ns gw ip link set "port-$name" master br-nodes
	in_ns gw ip link set "port-$name" type bridge_slave isolated on
	quiet gw "net.ipv6.conf.port-$name.disable_ipv6=1"
	quiet "$name" net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.accept_ra=1 net.ipv6.conf.eth0.addr_gen_mode=1
	in_ns "$name" ip link set lo up
	in_ns "$name" ip link set eth0 address "$mac" up
	in_ns gw ip link set "port-$name" up
	in_ns "$name" ip addr add "fe80::$name/64" dev eth0
	in_ns "$name" ip addr add "2001:db8:1:1::$last/128" dev eth0
	in_ns "$name" ip addr add "10.1.1.$last/32" dev eth0
	in_ns "$name" ip route add default via fe80::1 dev eth0
	in_ns "$name" ip route add default via inet 10.1.1.1 dev eth0 onlink src "10.1.1.$last"
}

make_network() {
	work=$(mktemp -d)
	chmod 755 "$work"
	trap end_all EXIT
	exec </dev/null
	trap 'exit 130' INT TERM
	ip netns add "${ns}gw"
	ip netns add "${ns}out"
	in_ns gw ip link set lo up
	in_ns gw ip link add br-nodes type bridge forward_delay 0
	for key in iptables ip6tables arptables; do
		quiet gw "net.bridge.bridge-nf-call-$key=0" 2>/dev/null || true
	done
	quiet gw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1 net.ipv6.conf.br-nodes.accept_dad=0 \
		net.ipv4.conf.br-nodes.proxy_arp_pvlan=1 net.ipv4.neigh.br-nodes.proxy_delay=0 \
		net.ipv4.conf.br-nodes.send_redirects=0 net.ipv4.conf.all.send_redirects=0
	in_ns gw ip link set br-nodes address 02:00:00:00:00:01 up
	in_ns gw ip addr add fe80::1/64 dev br-nodes
	in_ns gw ip addr add 2001:db8:1:1::1/64 dev br-nodes
	in_ns gw ip addr add 10.1.1.1/24 dev br-nodes
	ip link add eth-out netns "${ns}gw" type veth peer name eth0 netns "${ns}out"
	quiet gw net.ipv6.conf.eth-out.accept_dad=0
	quiet out net.ipv6.conf.eth0.accept_dad=0
	in_ns gw ip addr add 2001:db8:1:2::1/64 dev eth-out
	in_ns gw ip addr add 10.1.2.1/24 dev eth-out
	in_ns gw ip link set eth-out up
	in_ns out ip link set lo up
	in_ns out ip addr add 2001:db8:1:2::2/64 dev eth0
	in_ns out ip addr add 10.1.2.2/24 dev eth0
	in_ns out ip link set eth0 up
	in_ns out ip route add default via 2001:db8:1:2::1
	in_ns out ip route add default via 10.1.2.1
	make_node a 02:00:00:00:00:0a 10
	make_node b 02:00:00:00:00:0b 11
}

# A node alone on the gateway's interface eth-c: c.
make_wire() {
	ip link add eth-c netns "${ns}gw" type veth peer name eth0 netns "${ns}c"
	quiet gw net.ipv6.conf.eth-c.accept_dad=0
	quiet c net.ipv6.conf.eth0.accept_dad=0
	in_ns gw ip link set eth-c address 02:00:00:00:00:02 up
	in_ns gw ip addr add 2001:db8:1:4::1/64 dev eth-c
	in_ns gw ip addr add 10.1.4.1/24 dev eth-c
	in_ns c ip link set lo up
	in_ns c ip link set eth0 address 02:00:00:00:00:0c up
	in_ns c ip addr add 2001:db8:1:4::10/64 dev eth0
	in_ns c ip addr add 10.1.4.10/24 dev eth0
	in_ns c ip route add default via 2001:db8:1:4::1
	in_ns c ip route add default via 10.1.4.1
}

# make_softwire NAME: a namespace in which all hosts behind the softwires of sw0 are; what matters is the source address.
s1=2001:db8:1:5::10 s1_pd=2001:db8:1:600::10 s1_v4=10.1.5.10 s2=2001:db8:1:7::10
make_softwire() {
	local name=$1 address prefix
	ip netns add "$ns$name"
	ip link add sw0 netns "${ns}gw" type veth peer name eth0 netns "$ns$name"
	quiet gw net.ipv6.conf.sw0.accept_dad=0
	quiet "$name" net.ipv6.conf.eth0.accept_dad=0
	in_ns gw ip link set sw0 address 02:00:00:00:00:03 up
	in_ns "$name" ip link set lo up
	in_ns "$name" ip link set eth0 address 02:00:00:00:00:04 up
	in_ns gw ip addr add fe80::3/64 dev sw0
	in_ns "$name" ip addr add fe80::4/64 dev eth0
	for address in $s1 $s1_pd $s2 2001:db8:1:9::10; do
		in_ns "$name" ip addr add "$address/128" dev eth0
	done
	in_ns "$name" ip addr add $s1_v4/32 dev eth0
	in_ns "$name" ip neigh add fe80::3 lladdr 02:00:00:00:00:03 dev eth0
	in_ns "$name" ip route add default via fe80::3 dev eth0
	in_ns "$name" ip -4 route add default via inet6 fe80::3 dev eth0 src $s1_v4
	in_ns gw ip neigh add fe80::4 lladdr 02:00:00:00:00:04 dev sw0
	for prefix in 2001:db8:1:5::/64 2001:db8:1:600::/56 2001:db8:1:7::/64 2001:db8:1:9::/64; do
		in_ns gw ip route add $prefix via fe80::4 dev sw0
	done
	in_ns gw ip -4 route add 10.1.5.0/24 via inet6 fe80::4 dev sw0
}

say_sessions() {
	echo "$*" >&"$concentrator_in"
}
was_placed() {
	grep -qx "placed $1 $2" "$work/placed"
}
start_concentrator() {
	: >"$work/placed"
	rm -f "$work/sessions"
	mkfifo "$work/sessions"
	exec {concentrator_in}<>"$work/sessions"
	spawn gw /usr/bin/python3 "$here/enforcer-concentrator.py" "$work/softwire.sock" <"$work/sessions" >"$work/placed"
	eventually test -S "$work/softwire.sock" || fail "the concentrator does not start"
}

# In 30 s at most; the commands run every 50 ms.
eventually() {
	local i
	for ((i = 0; i < 200; i++)); do
		if "$@"; then
			return 0
		fi
		sleep 0.05
	done
	return 1
}

heard() {
	grep -qE "$1" "$work/heard"
}

# Waits for a line of the server's that was not there when mark_heard was called.
mark_heard() {
	seen_lines=$(wc -l <"$work/heard")
}
heard_since() {
	tail -n "+$((seen_lines + 1))" "$work/heard" | grep -E "$1" >/dev/null
}
expect_heard() {
	eventually heard_since "$1" || fail "the server did not hear: $1"
}

tell() {
	echo "$*" >&"$driver_in"
}

# tell, and wait for APPLIED of that generation.
generation=0
place() {
	generation=$((generation + 1))
	mark_heard
	tell "place $generation $*"
	expect_heard "^applied $generation "
}

start_driver() {
	: >"$work/heard"
	mkfifo "$work/commands"
	exec {driver_in}<>"$work/commands"
	spawn gw "$driver" "$work/socket" <"$work/commands" >"$work/heard"
	eventually test -S "$work/socket" || fail "the server does not start"
	chmod 666 "$work/socket"
	tell "policy $work/policy"
}

write_files() {
	cat >"$work/enforcer.conf" <<-END
		name = gateway
		server = unix:$work/socket
		bridge = br-nodes
		state = $work/state
		user = nobody
		away_after = ${away_after:-30 s}
	END
	cat >"$work/policy" <<-'END'
		site 2001:db8:1::/48, 10.1.0.0/16
		role "employee" { node "a", "b" }
		enforcer "gateway" { nodes 2001:db8:1:1::/64, 10.1.1.0/24 }
		define server { address 2001:db8:1:2::2, 10.1.2.2 tcp 271 udp 271 }
		segment quarantine default { allow to server  allow from segment staff tcp 631 }
		segment isolated { allow to server }
		segment staff level 2 { allow to any  allow from any tcp 22, 443 }
		segment visitors level 1 { allow to any }
		require inspected { firewall.active }
		admit role "employee" to staff when inspected
		otherwise isolated
		inspect every 30 min
		certificate lifetime 45 min
	END
}

start_enforcer() {
	spawn gw "$enforcer" --config "$work/enforcer.conf" --verbose >>"$work/log" 2>&1
	# shellcheck disable=SC2034 # the tests use it
	enforcer_pid=${processes[-1]}
}

# The daemon runs as nobody, with CAP_NET_ADMIN (bit 12) and nothing else.
check_privileges() {
	local uid capabilities
	uid=$(awk '/^Uid:/ { print $3 }' "/proc/$enforcer_pid/status")
	capabilities=$(awk '/^Cap(Prm|Eff|Bnd|Amb):/ { print $2 }' "/proc/$enforcer_pid/status" | sort | uniq | tr '\n' ' ')
	[ "$uid" = "$(id -u nobody)" ] || fail "the enforcer runs as user $uid"
	[[ $capabilities =~ ^(0000000000000000 )?0000000000001000\ $ ]] || fail "the enforcer has capabilities $capabilities"
	grep -q '^Seccomp:.2$' "/proc/$enforcer_pid/status" || fail "the enforcer may ask the kernel for anything"
}

connected_count() {
	[ "$(grep -c '^hello' "$work/heard")" -ge "$1" ]
}

# Everything up, and both nodes known with both families' addresses.
bring_up() {
	make_network
	write_files
	start_driver
	start_enforcer
	eventually connected_count 1 || fail "the enforcer did not come to its server"
	check_privileges
	spawn_probe out serve 271 80 22 443
	spawn_probe a serve 22 80
	spawn_probe b serve 22 631 80
	eventually reaches a 2001:db8:1:2::2 271 || fail "a does not reach the server in quarantine"
	reaches b 2001:db8:1:2::2 271 || fail "b does not reach the server in quarantine"
	eventually reaches a 10.1.2.2 271 || fail "a does not reach the server in quarantine, over IPv4"
	eventually reaches b 10.1.2.2 271 || fail "b does not reach the server in quarantine, over IPv4"
}

reaches() {
	probe "$1" connect "$2" "$3"
}
pings() {
	in_ns "$1" ping -n -q -c 1 -W 1 "$2" >/dev/null 2>&1
}
expect_reaches() {
	reaches "$1" "$2" "$3" || fail "$1 should reach $2 port $3 ($4)"
	ok "$1 reaches $2 port $3: $4"
}
expect_refused() {
	! reaches "$1" "$2" "$3" || fail "$1 should not reach $2 port $3 ($4)"
	ok "$1 does not reach $2 port $3: $4"
}
