#!/bin/bash
# SPDX-License-Identifier: ISC
#
# What a softwire carries, between two network namespaces on this machine, which both ends and iperf3 share: TCP with 1 and 8 flows in
# both directions, and UDP packets of 1,420 bytes. Ours is the whole path: ESP (AES-128-GCM, ESN) in UDP, L2TP, PPP, source checks,
# counters. Beside it, in the same run: the bare link with and without offloads, and Debian's wireguard-go, OpenVPN (AES-128-GCM, no
# DCO) and strongSwan with kernel-libipsec (AES-128-GCM), each with the same inner MTU. Then the share of each stage's cycles, and what
# 20,000 sessions cost.
#
# usage: softwire.sh BUILD-DIRECTORY     (environment: BENCH_SECONDS of each measurement, default 4; BENCH_ONLY: "ours"; BENCH_PIN:
#                                        0 or 1, pins the workers of one end beginning with that processor)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
seconds=${BENCH_SECONDS:-4}
inner_mtu=1400
[ "$(id -u)" = 0 ] || fail "needs root for network namespaces. Run: sudo $root/dev bench softwire"

if [ -z "${BENCH_WORK:-}" ]; then
	build_tools bench/dataplane-driver
	make_work
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	code=0
	BENCH_WORK=$work unshare --mount --net --pid --fork --kill-child --mount-proc -- "$0" "$build" || code=$?
	exit "$code"
fi
make_work
mount -t tmpfs tmpfs /run
mkdir /run/netns

in_() {
	local where=$1
	shift
	ip netns exec "$where" "$@"
}

# The link's MTU leaves room for every headers' kind around 1,420 bytes; the bare link is measured at 1500.
new_link() {
	local n other
	for n in a b; do
		ip netns del $n 2>/dev/null || true
		ip netns add $n
		ip -n $n link set lo up
	done
	ip link add name eth0 netns a type veth peer name eth0 netns b
	for n in a b; do
		other=$([ $n = a ] && echo 1 || echo 2)
		ip -n $n addr add "10.0.0.$other/24" dev eth0
		ip -n $n link set dev eth0 mtu "$1" up
	done
	sleep 0.2
}

declare -A pids=()
start() {
	local name=$1
	shift
	"$@" >"$work/$name.log" 2>&1 </dev/null &
	pids[$name]=$!
}

stop_all() {
	local name
	for name in "${!pids[@]}"; do
		kill "${pids[$name]}" 2>/dev/null || true
		wait "${pids[$name]}" 2>/dev/null || true
		unset "pids[$name]"
	done
	ip netns pids a 2>/dev/null | xargs -r kill 2>/dev/null || true
	ip netns pids b 2>/dev/null | xargs -r kill 2>/dev/null || true
}

until_true() {
	local tries=$(($1 * 20)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || { tail -n 5 "$work"/*.log | cut -c 1-300 >&2; fail "not in time: $what"; }
		sleep 0.05
	done
}

# ---- measuring ----

server=
# iperf ARGUMENTS...: from a to b's address $peer; JSON in $work/iperf.json.
iperf() {
	[ -z "$server" ] || wait "$server" || true
	in_ b timeout $((seconds + 15)) iperf3 -s -1 >/dev/null 2>&1 &
	server=$!
	until_true 5 "iperf3's server" eval "in_ b ss -Hltn 'sport = 5201' | grep -q ."
	in_ a timeout $((seconds + 15)) iperf3 -c "$peer" -t "$seconds" -J "$@" >"$work/iperf.json" 2>/dev/null ||
		{ jq -r .error "$work/iperf.json" >&2 || true; return 1; }
}

gigabits() {
	jq -r '.end.sum_received.bits_per_second / 1e9 * 100 | round / 100' "$work/iperf.json"
}

# UDP datagrams that have come to b's sockets, those included that iperf3 was too slow for.
datagrams() {
	in_ b cat /proc/net/snmp | awk '/^Udp: [0-9]/ { print $2 + $6 }'
}

# Thousands of packets a second that came out of the tunnel, sent as fast as iperf3 can; before: datagrams() then.
packets() {
	jq -r --argjson n $(($(datagrams) - $1)) '$n / .end.sum.seconds / 1000 | round' "$work/iperf.json"
}

declare -A result=()
# measure NAME: all five into result, and a line of the table.
measure() {
	local name=$1
	iperf && result[$name.one]=$(gigabits) || result[$name.one]=0
	iperf -R && result[$name.one_back]=$(gigabits) || result[$name.one_back]=0
	iperf -P 8 && result[$name.eight]=$(gigabits) || result[$name.eight]=0
	iperf -P 8 -R && result[$name.eight_back]=$(gigabits) || result[$name.eight_back]=0
	before_udp_"${2:-nothing}"
	local before
	before=$(datagrams)
	iperf -u -b 0 -l 1392 && result[$name.udp]=$(packets "$before") || result[$name.udp]=0
	printf '  %-34s %8s %8s %8s %8s %10s\n' "$name" "${result[$name.one]}" "${result[$name.one_back]}" \
		"${result[$name.eight]}" "${result[$name.eight_back]}" "${result[$name.udp]}"
}

# TCP is measured with the same inner MTU everywhere; for UDP the tunnels take 1,420 bytes.
before_udp_nothing() {
	:
}
before_udp_tun() {
	ip -n a link set dev tun0 mtu 1420
	ip -n b link set dev tun0 mtu 1420
}

ratio() {
	awk -v what="$1" -v a="$2" -v theirs="$3" -v b="$4" -v unit="$5" 'BEGIN {
		printf "  ratio: ours : %s, %s = %.2f (%s : %s %s)\n", theirs, what, (b > 0 ? a / b : 0), a, b, unit }'
}

# ---- ours ----

tell() {
	timeout 5 cat >"$work/$1.in"
}

wait_log() {
	until_true "$3" "$1: $2" grep -q -- "$2" "$work/$1.log"
}

sessions() {
	tell a <<<"session 1 1 2 2 1 10.0.0.1 10.0.0.2 $1 0 0.0.0.0/0,::/0"
	tell b <<<"session 2 2 1 1 1 10.0.0.2 10.0.0.1 $1 0 10.9.0.1/32,2001:db8:a::1/128"
	sleep 0.3
}
before_udp_ours() {
	before_udp_tun
	sessions 1420
}

start_driver() {
	mkfifo "$work/$1.in"
	# shellcheck disable=SC2094
	start "$1" bash -c "exec 0<>'$work/$1.in'; ${BENCH_PIN:+DATAPLANE_PIN=$4} exec ip netns exec $1 $tools/dataplane-driver \
		$2 tun0 $inner_mtu $work/$1.sock ${BENCH_WORKERS:-0} $3"
	wait_log "$1" '^ready' 10
	echo 'charon on' | tell "$1"
}

start_ours() {
	rm -f "$work"/[ab].in
	new_link 1600
	start_driver a initiator 10.0.0.1 "${BENCH_PIN:-0}"
	start_driver b concentrator 10.0.0.2 $((1 - ${BENCH_PIN:-0}))
	for n in a b; do
		ip -n $n addr add "10.9.0.$([ $n = a ] && echo 1 || echo 2)/24" dev tun0
		ip -n $n link set dev tun0 up
	done
	tell a <<-END
		sa in 0x1001 10.0.0.1 4500 10.0.0.2 4500 gcm
		sa out 0x2001 10.0.0.1 4500 10.0.0.2 4500 gcm
		child up softwire gateway 1 1 0x1001 0x2001
	END
	tell b <<-END
		sa in 0x2001 10.0.0.2 4500 10.0.0.1 4500 gcm
		sa out 0x1001 10.0.0.2 4500 10.0.0.1 4500 gcm
		child up softwire alice 1 1 0x2001 0x1001
	END
	wait_log a '^association 1 up' 5
	wait_log b '^association 1 up' 5
	sessions $inner_mtu
	peer=10.9.0.2
}

statistics() {
	local lines
	lines=$(grep -c ' statistics$' "$work/$1.log" || true)
	echo statistics | tell "$1"
	until_true 5 "statistics of $1" eval "[ \"\$(grep -c ' statistics\$' $work/$1.log)\" -gt $lines ]"
	grep ' statistics$' "$work/$1.log" | tail -n 1 | tr ' ' '\n'
}

# The share of each stage in a data plane's cycles since it began.
stages() {
	statistics "$1" | awk -F = -v who="$2" '/^cycles_/ { name[++n] = substr($1, 8); value[n] = $2; sum += $2 }
		/^outer_out_packets/ || /^outer_in_packets/ { packets += $2 }
		END {
			printf "  cycles of the %s, a packet %.0f:", who, sum / (packets ? packets : 1)
			for (i = 1; i <= n; i++) printf " %s %.0f%%", name[i], 100 * value[i] / sum
			print ""
		}'
}

many_sessions() {
	local one
	sessions $inner_mtu
	ip -n a link set dev tun0 mtu $inner_mtu
	ip -n b link set dev tun0 mtu $inner_mtu
	iperf
	one=$(gigabits)
	echo 'sessions 20000 1 10.0.0.2 10.0.0.1' | tell b
	until_true 20 "20,000 sessions" eval "echo statistics >'$work/b.in'; sleep 0.2; tail -n 1 '$work/b.log' | grep -q 'sessions=20001 '"
	iperf
	awk -v many="$(gigabits)" -v one="$one" 'BEGIN {
		printf "  20,001 sessions : one, TCP = %.2f (%s : %s Gb/s)\n", (one > 0 ? many / one : 0), many, one }'
	awk '/^VmRSS/ { printf "  resident with 20,001 sessions: %.0f MB\n", $2 / 1024 }' \
		"/proc/$(pgrep -P "$(pgrep -f "dataplane-driver concentrator tun0" | head -n 1)" | head -n 1)/status"
}

# ---- the others ----

start_wireguard() {
	local n private_a private_b
	new_link 1600
	private_a=$(wg genkey)
	private_b=$(wg genkey)
	for n in a b; do
		start "wireguard-$n" ip netns exec $n wireguard-go -f "wg$n"
		until_true 5 "wireguard-go" test -S "/run/wireguard/wg$n.sock"
	done
	in_ a wg set wga listen-port 51820 private-key <(echo "$private_a") peer "$(wg pubkey <<<"$private_b")" \
		endpoint 10.0.0.2:51820 allowed-ips 0.0.0.0/0
	in_ b wg set wgb listen-port 51820 private-key <(echo "$private_b") peer "$(wg pubkey <<<"$private_a")" \
		endpoint 10.0.0.1:51820 allowed-ips 0.0.0.0/0
	for n in a b; do
		ip -n $n addr add "10.9.0.$([ $n = a ] && echo 1 || echo 2)/24" dev wg$n
		ip -n $n link set dev wg$n mtu $inner_mtu up
	done
	peer=10.9.0.2
	until_true 10 "WireGuard" in_ a ping -c 1 -W 1 $peer
}

before_udp_wireguard() {
	ip -n a link set dev wga mtu 1420
	ip -n b link set dev wgb mtu 1420
}

certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$work/$1.key" \
		-out "$work/$1.pem" 2>/dev/null
	openssl x509 -in "$work/$1.pem" -noout -fingerprint -sha256 | cut -d = -f 2
}

start_openvpn() {
	local of_a of_b
	new_link 1600
	of_a=$(certificate vpn-a)
	of_b=$(certificate vpn-b)
	local common=(--dev tun0 --proto udp --disable-dco --data-ciphers AES-128-GCM --tun-mtu "$inner_mtu" --mssfix 0
		--txqueuelen 1000 --sndbuf 2000000 --rcvbuf 2000000)
	start openvpn-b ip netns exec b openvpn "${common[@]}" --tls-server --dh none --ifconfig 10.9.0.2 10.9.0.1 --local 10.0.0.2 \
		--cert "$work/vpn-b.pem" --key "$work/vpn-b.key" --peer-fingerprint "$of_a"
	start openvpn-a ip netns exec a openvpn "${common[@]}" --tls-client --ifconfig 10.9.0.1 10.9.0.2 --remote 10.0.0.2 \
		--cert "$work/vpn-a.pem" --key "$work/vpn-a.key" --peer-fingerprint "$of_b"
	peer=10.9.0.2
	until_true 15 "OpenVPN" in_ a ping -c 1 -W 1 $peer
}

strongswan_end() {
	local n=$1 own=$2 other=$3
	mkdir -p "$work/swan-$n"
	cat >"$work/swan-$n/strongswan.conf" <<-END
		charon {
			load = random nonce openssl kdf hmac sha2 kernel-libipsec kernel-netlink socket-default vici
			install_routes = yes
			plugins { vici { socket = unix://$work/swan-$n/vici } }
			filelog { log { path = $work/swan-$n/log } }
		}
		swanctl { load = random nonce openssl }
	END
	cat >"$work/swan-$n/swanctl.conf" <<-END
		connections { x {
			version = 2
			local_addrs = 10.0.0.$own
			remote_addrs = 10.0.0.$other
			local { auth = psk }
			remote { auth = psk }
			children { x {
				local_ts = 10.9.0.$own/32
				remote_ts = 10.9.0.$other/32
				esp_proposals = aes128gcm16
			} }
		} }
		secrets { ike { secret = not-a-secret-for-a-benchmark } }
	END
	ip -n "$n" addr add "10.9.0.$own/32" dev lo
	start "swan-$n" unshare --mount bash -c "mkdir -p '$work/swan-$n/run'; mount --bind '$work/swan-$n/run' /var/run
		mkdir -p /run/netns; exec nsenter --net=/proc/$(netns_process "$n")/ns/net env STRONGSWAN_CONF='$work/swan-$n/strongswan.conf' /usr/lib/ipsec/charon"
	until_true 10 "charon" test -S "$work/swan-$n/vici"
	until_true 5 "swanctl" env STRONGSWAN_CONF="$work/swan-$n/strongswan.conf" swanctl --load-all --uri "unix://$work/swan-$n/vici" \
		--file "$work/swan-$n/swanctl.conf"
}

# A process in a namespace, for those that see another /run.
netns_process() {
	start "hold-$1" ip netns exec "$1" sleep 3600
	echo "${pids[hold-$1]}"
}

start_strongswan() {
	new_link 1600
	strongswan_end a 1 2
	strongswan_end b 2 1
	STRONGSWAN_CONF=$work/swan-a/strongswan.conf swanctl --initiate --child x --uri "unix://$work/swan-a/vici" --timeout 10 >"$work/swan.log" 2>&1 ||
		true
	peer=10.9.0.2
	until_true 10 "strongSwan" in_ a ping -c 1 -W 1 -I 10.9.0.1 $peer
	ip -n a link set dev ipsec0 mtu $inner_mtu
	ip -n b link set dev ipsec0 mtu $inner_mtu
}

before_udp_strongswan() {
	ip -n a link set dev ipsec0 mtu 1420
	ip -n b link set dev ipsec0 mtu 1420
}

# ---- the run ----

trap stop_all EXIT
print_machine
echo "TCP in Gb/s, $seconds s each, inner MTU $inner_mtu; UDP: thousands of 1,420-byte packets a second that arrive"
printf '  %-34s %8s %8s %8s %8s %10s\n' "" "1 flow" "1 back" "8 flows" "8 back" "UDP kp/s"

if [ "${BENCH_ONLY:-}" != ours ]; then
	new_link 1500
	peer=10.0.0.2
	measure "bare link, offloads"
	for n in a b; do
		in_ $n ethtool -K eth0 tso off gso off gro off >/dev/null 2>&1 || fail "ethtool is missing"
	done
	measure "bare link, no offloads"
fi

start_ours
measure ours ours
for what in "stages a initiator" "stages b concentrator"; do
	$what
done
many_sessions
stop_all

if [ "${BENCH_ONLY:-}" != ours ]; then
	start_wireguard
	measure "wireguard-go" wireguard
	stop_all
	start_openvpn
	measure "openvpn" tun
	stop_all
	start_strongswan
	measure "strongswan kernel-libipsec" strongswan
	stop_all
	for peer_name in "bare link, no offloads" "wireguard-go" "openvpn" "strongswan kernel-libipsec"; do
		ratio "TCP 1 flow" "${result[ours.one]}" "$peer_name" "${result[$peer_name.one]}" Gb/s
		ratio "TCP 1 flow back" "${result[ours.one_back]}" "$peer_name" "${result[$peer_name.one_back]}" Gb/s
		ratio "TCP 8 flows" "${result[ours.eight]}" "$peer_name" "${result[$peer_name.eight]}" Gb/s
		ratio "TCP 8 flows back" "${result[ours.eight_back]}" "$peer_name" "${result[$peer_name.eight_back]}" Gb/s
		ratio "UDP" "${result[ours.udp]}" "$peer_name" "${result[$peer_name.udp]}" kp/s
	done
fi
