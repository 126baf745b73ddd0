#!/bin/bash
# SPDX-License-Identifier: ISC
# Our L2TP endpoint against xl2tpd's control plane, in both roles, and against itself over IPv6; then tshark reads every packet
# that was ours.
#
#     theirs  192.0.2.1  2001:db8::1  ---veth---  192.0.2.2  2001:db8::2  ours
#
# A stand-in is where xl2tpd looks for pppd (the kernel here may have no PPP): its sessions stay up until that is ended.
#
# usage: l2tp-xl2tpd.sh L2TP-PEER
set -euo pipefail

peer=$(readlink -f "$1")
passed=0
ns=pq-l2tp-$$-
dir=
processes=()

skip() {
	echo "1..0 # SKIP $*"
	exit 0
}
[ "$(id -u)" = 0 ] || skip "needs root: network namespaces"
for tool in xl2tpd tshark tcpdump; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
faketime=$(find /usr/lib -name libfaketime.so.1 -print -quit)
[ -n "$faketime" ] || skip "libfaketime is not installed"

cleanup() {
	local pid
	for pid in "${processes[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for side in theirs ours; do
		ip netns del "$ns$side" 2>/dev/null || true
	done
	[ -z "$dir" ] || rm -rf "$dir"
}
trap cleanup EXIT

ok() {
	passed=$((passed + 1))
	echo "ok $passed - $*"
}

fail() {
	echo "not ok $((passed + 1)) - $*"
	for log in ours theirs; do
		[ ! -e "$dir/$log" ] || sed "s/^/# $log: /" "$dir/$log"
	done
	exit 1
}

# expect FILE PATTERN WORDS...: within 5 s
expect() {
	local file=$1 pattern=$2
	shift 2
	for _ in $(seq 100); do
		grep -qE "$pattern" "$dir/$file" && ok "$*" && return
		sleep 0.05
	done
	fail "$*: no /$pattern/"
}

network() {
	local side number=0
	for side in theirs ours; do
		ip netns add "$ns$side"
	done
	ip link add wire netns "${ns}theirs" type veth peer name wire netns "${ns}ours"
	for side in theirs ours; do
		number=$((number + 1))
		ip netns exec "$ns$side" sysctl -qw net.ipv6.conf.wire.accept_dad=0
		ip -n "$ns$side" link set lo up
		ip -n "$ns$side" link set wire up
		ip -n "$ns$side" addr add "192.0.2.$number/24" dev wire
		ip -n "$ns$side" addr add "2001:db8::$number/64" dev wire nodad
	done
}

# theirs SPEED: xl2tpd, for whom time passes so many times faster
theirs() {
	local speed=$1
	: >"$dir/theirs"
	ip netns exec "${ns}theirs" sh -c "mount --bind $dir/pppd /usr/sbin/pppd && cd $dir &&
		FAKETIME='+0 x$speed' LD_PRELOAD=$faketime exec xl2tpd -D -c xl2tpd.conf -s secrets -p pid -C control" \
		>>"$dir/theirs" 2>&1 &
	their_pid=$!
	processes+=("$their_pid")
	for _ in $(seq 100); do
		grep -q 'Listening on IP' "$dir/theirs" && [ -p "$dir/control" ] && return
		sleep 0.05
	done
	fail "xl2tpd did not start"
}

stop_theirs() {
	kill "$their_pid"
	wait "$their_pid" || true
}

# ours OPTIONS...: our endpoint, which is told what to do on descriptor 3
ours() {
	rm -f "$dir/commands"
	mkfifo "$dir/commands"
	ip netns exec "${ns}ours" "$peer" "$@" <"$dir/commands" >"$dir/ours" 2>&1 &
	our_pid=$!
	processes+=("$our_pid")
	exec 3>"$dir/commands"
}

stop_ours() {
	echo quit >&3
	exec 3>&-
	wait "$our_pid" || fail "our endpoint ended badly"
	grep -qE '^counters: .* retransmitted 0 .* malformed 0 unexpected 0 unknown 0' "$dir/ours" ||
		fail "our endpoint did not understand all, or was not understood"
}

configure() {
	cat >"$dir/xl2tpd.conf" <<-CONF
		[global]
		listen-addr = 192.0.2.1
		auth file = $dir/secrets
		debug avp = yes
		debug state = yes
		debug tunnel = yes
		[lns default]
		ip range = 10.9.0.10-10.9.0.20
		local ip = 10.9.0.1
		require authentication = no
		hostname = theirs.example
		challenge = yes
		pppoptfile = /dev/null
		[lac ours]
		lns = 192.0.2.2
		hostname = theirs.example
		challenge = yes
		require authentication = no
		pppoptfile = /dev/null
	CONF
	(umask 077 && echo '* * sesame' >"$dir/secrets")
	printf '#!/bin/sh\nexec tail -f /dev/null\n' >"$dir/pppd"
	chmod +x "$dir/pppd"
}

initiator() {
	theirs 1
	ours --local 192.0.2.2 --connect 192.0.2.1 --secret sesame --hide --hello 500
	expect ours '^tunnel up: host "theirs.example" .* authenticated$' "initiator: a tunnel to xl2tpd, authenticated both ways"
	echo call >&3
	expect ours '^session up' "initiator: a session"
	expect theirs 'Call established with 192.0.2.2' "initiator: xl2tpd says so, too, from hidden AVPs"
	expect theirs 'message type 6 \(Hello\)' "initiator: our HELLO"
	echo hangup >&3
	expect theirs 'message type 14 \(Call-Disconnect' "initiator: our CDN"
	: >"$dir/theirs"
	echo call >&3
	expect theirs 'Call established' "initiator: another session"
	echo close >&3
	expect theirs 'peer closing for reason 6 .*by command' "initiator: our StopCCN"
	stop_ours
	stop_theirs

	theirs 20
	ours --local 192.0.2.2 --connect 192.0.2.1 --secret sesame
	expect ours '^tunnel up' "initiator: a tunnel to an xl2tpd in a hurry"
	echo call >&3
	expect theirs 'Call established with 192.0.2.2' "initiator: a session"
	sleep 3.5 # its HELLO is due after 60 s of its time
	kill "$(sed -n 's/.*Call established.*PID: \([0-9]*\),.*/\1/p' "$dir/theirs")"
	expect ours '^session down: cause 1 ' "initiator: their CDN, when their pppd ends"
	stop_ours
	stop_theirs

	theirs 1
	ours --local 192.0.2.2 --connect 192.0.2.1 --secret barley
	expect ours '^tunnel down: cause 0 result 4 .*challenge was not answered' "initiator: another secret, no tunnel"
	stop_ours
	stop_theirs
}

concentrator() {
	ours --local 192.0.2.2 --secret sesame --hide --hello 500
	theirs 1
	echo "c ours" >"$dir/control"
	expect ours '^tunnel up: host "theirs.example" .* authenticated$' "concentrator: a tunnel from xl2tpd, authenticated both ways"
	expect ours '^session up' "concentrator: a session"
	expect theirs 'Call established with 192.0.2.2' "concentrator: xl2tpd says so, too"
	expect theirs 'message type 6 \(Hello\)' "concentrator: our HELLO"
	echo "d ours" >"$dir/control"
	expect ours '^tunnel down: cause 1 result 1 .*Goodbye' "concentrator: their StopCCN"
	: >"$dir/theirs"
	sleep 0.5
	echo "c ours" >"$dir/control"
	expect theirs 'Call established with 192.0.2.2' "concentrator: again"
	echo hangup >&3
	expect theirs 'message type 14 \(Call-Disconnect' "concentrator: our CDN"
	echo close >&3
	expect theirs 'peer closing for reason 6 .*by command' "concentrator: our StopCCN"
	stop_ours
	stop_theirs
}

ipv6() {
	mkfifo "$dir/silence"
	exec 4<>"$dir/silence"
	ip netns exec "${ns}theirs" "$peer" --local 2001:db8::1 --secret sesame --hide --name hub.example <&4 \
		>"$dir/theirs" 2>&1 &
	their_pid=$!
	processes+=("$their_pid")
	sleep 0.3
	ours --local 2001:db8::2 --connect 2001:db8::1 --secret sesame --hide --hello 300
	expect ours '^tunnel up: host "hub.example" .* authenticated$' "IPv6: a tunnel between two of ours"
	echo call >&3
	expect theirs '^session up' "IPv6: a session"
	sleep 0.5
	echo hangup >&3
	expect theirs '^session down: cause 1 result 3 ' "IPv6: CDN"
	echo close >&3
	expect theirs '^tunnel down: cause 1 result 6 ' "IPv6: StopCCN"
	stop_ours
	kill "$their_pid"
	wait "$their_pid" || true
}

# Every packet of ours is L2TP that tshark has nothing against.
captured() {
	local ours='udp && (ip.src == 192.0.2.2 || ipv6)'
	tshark -r "$dir/wire.pcap" -Y "$ours" 2>/dev/null >"$dir/all"
	tshark -r "$dir/wire.pcap" -Y "$ours && (_ws.malformed || _ws.expert.severity >= 6291456 || !l2tp)" 2>/dev/null >"$dir/bad"
	[ ! -s "$dir/bad" ] || fail "tshark: $(head -3 "$dir/bad")"
	[ "$(wc -l <"$dir/all")" -ge 30 ] || fail "tshark saw $(wc -l <"$dir/all") packets of ours only"
	local type
	for type in SCCRQ SCCRP SCCCN StopCCN Hello ICRQ ICRP ICCN CDN ZLB; do
		grep -q "Control Message - $type" "$dir/all" || fail "no $type of ours was seen"
	done
	ok "tshark: nothing against our $(wc -l <"$dir/all") packets of all ten kinds"
	tshark -r "$dir/wire.pcap" -Y 'ip.src == 192.0.2.1 && l2tp' 2>/dev/null >"$dir/all"
	grep -q 'Control Message - Hello' "$dir/all" || fail "xl2tpd sent no HELLO"
	ok "xl2tpd sent a HELLO, and was answered"
}

dir=$(mktemp -d)
network
configure
ip netns exec "${ns}ours" tcpdump -U -q -i wire -w "$dir/wire.pcap" udp >"$dir/tcpdump" 2>&1 &
tcpdump_pid=$!
processes+=("$tcpdump_pid")
for _ in $(seq 100); do
	grep -q 'listening on' "$dir/tcpdump" && break
	sleep 0.05
done
initiator
concentrator
ipv6
kill "$tcpdump_pid"
wait "$tcpdump_pid" || true
captured
echo "1..$passed"
