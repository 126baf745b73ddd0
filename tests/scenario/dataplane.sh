#!/bin/bash
# SPDX-License-Identifier: ISC
# The data plane alone: what passes, and what an attacker gets: other suites and families, spoofed inner sources, another's
# session, replayed and forged ESP, clear text, router messages, floods, a control that starts anew, a charon that goes.
#
# usage: dataplane.sh DATAPLANE-DRIVER
set -euo pipefail
driver=$1
# shellcheck source=tests/scenario/dataplane-lib.sh
source "$(dirname "$(readlink -f "$0")")/dataplane-lib.sh"

# Sends what was seen once more: replay INTERFACE COUNT, in the router.
replay() {
	in_ router python3 - "$1" "$2" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
		s.bind((sys.argv[1], 0))
		s.settimeout(5)
		frames = []
		while len(frames) < int(sys.argv[2]):
		    frame = s.recv(4096)
		    if b"\x11\x94" in frame[34:38]:  # UDP to or from 4500
		        frames.append(frame[:40] + b"\0\0" + frame[42:])  # its checksum was left to the interface
		for frame in frames:
		    s.send(frame)
	END
}

# A datagram from c's plain network: datagram DESTINATION PORT HEX [SOURCE-PORT]
datagram() {
	in_ c python3 - "$@" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
		s.sendto(bytes.fromhex(sys.argv[3]), (sys.argv[1], int(sys.argv[2])))
	END
}

# More L2TP control messages than one source may have.
flood() {
	in_ c python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		for _ in range(5000):
		    s.sendto(bytes.fromhex("c802000c0000000000000000"), ("fd00:2::2", 1701))
	END
}

# Traffic from a source that is not its own: spoof HOST ADDRESS DESTINATION
spoof() {
	ip -n "$1" addr add "$2" dev lo
	in_ "$1" ping -c 2 -i 0.1 -W 1 -I "${2%/*}" "$3"
	ip -n "$1" addr del "$2" dev lo
}

# With another suite and other SPIs (number N), and a ping through.
suite() {
	local n=$1
	child a 1 10.0.1.2 4500 10.0.2.2 4500 "0x1${n}01" "0x2${n}01" gateway "$2"
	child b 1 10.0.2.2 4500 10.0.1.2 4500 "0x2${n}01" "0x1${n}01" alice "$2"
	sleep 0.3
	pings a 10.9.0.2 && pings a 2001:db8:a::2
}

network
start a initiator 1 10.0.1.2 fd00:1::2
DATAPLANE_TAP=$dir/tap start b concentrator 2 10.0.2.2 +fd00:2::2
start c initiator 3 10.0.3.2 fd00:3::2
for host in a b c; do
	echo 'charon on' | tell $host
done
child a 1 10.0.1.2 4500 10.0.2.2 4500 0x1001 0x2001 gateway
child c 1 10.0.3.2 4500 10.0.2.2 4500 0x1002 0x2002 gateway
child b 1 10.0.2.2 4500 10.0.1.2 4500 0x2001 0x1001 alice
check "an association is told when its SAs and its child are" wait_for b '^association 1 up alice 10.0.1.2' 5
tell b <<-END
	sa in 0x2002 10.0.2.2 4500 10.0.3.2 4500 gcm
	sa out 0x1002 10.0.2.2 4500 10.0.3.2 4500 gcm
	child up softwire carol 2 2 0x2002 0x1002
END
wait_for b '^association 2 up carol' 5
wait_for a '^association 1 up' 5
wait_for c '^association 1 up' 5
tell a <<<'session 1 1 2 2 1 10.0.1.2 10.0.2.2 1400 0 0.0.0.0/0,::/0'
tell c <<<'session 1 1 2 3 1 10.0.3.2 10.0.2.2 1400 0 0.0.0.0/0,::/0'
tell b <<-END
	session 2 2 1 1 1 10.0.2.2 10.0.1.2 1400 0 10.9.0.1/32,2001:db8:a::1/128
	session 2 3 1 1 2 10.0.2.2 10.0.3.2 1400 0 10.9.0.3/32,2001:db8:a::3/128
END
sleep 0.3
check "IPv4 passes" pings a 10.9.0.2
check "IPv6 passes" pings a 2001:db8:a::2
check "and the other initiator's" pings c 10.9.0.2

check "TCP passes" iperf a 10.9.0.2 -t 2
check "and in trains: far fewer writes to the TUN than packets" \
	test "$(($(statistic b inner_in_packets) / $(statistic b tun_writes)))" -ge 4
check "TCP over IPv6, backwards" iperf a 2001:db8:a::2 -t 1 -R
check "UDP passes" iperf a 10.9.0.2 -u -b 20M -l 1300 -t 1
check "without loss" jq -e '.end.sum.lost_percent < 1' "$dir/iperf.json"
check "a packet that is to be fragmented" in_ a ping -c 2 -i 0.1 -W 2 -M dont -s 3000 10.9.0.2

check "the tap has decrypted packets" eval "tcpdump -n -r '$dir/tap' -c 1 'icmp and src 10.9.0.1' | grep -q 10.9.0.2"
check "and no more than it may have" test "$(stat -c %s "$dir/tap")" -le $((1048576 + 24))
check "what was left out is counted" test "$(statistic b tap_full)" -gt 0

check "AES-CBC with HMAC" suite 2 cbc
check "ChaCha20-Poly1305" suite 3 chacha
check "integrity only" suite 4 null
check "back to AES-GCM" suite 5 gcm

check "a spoofed inner IPv4 source is dropped and counted" grows b inner_spoofed spoof a 10.9.0.77/32 10.9.0.2
check "a spoofed inner IPv6 source too" grows b inner_spoofed spoof a 2001:db8:a::77/128 2001:db8:a::2
check "another initiator's source too" grows b inner_spoofed spoof a 10.9.0.3/32 10.9.0.2

# c, with its own good association, sends as a's session.
tell c <<<'session 1 1 2 2 1 10.0.3.2 10.0.2.2 1400 0 0.0.0.0/0,::/0'
sleep 0.2
check "a session's packets in another association are dropped and counted" \
	grows b l2tp_wrong_association pings c 10.9.0.2 2
tell c <<<'session 1 1 2 3 1 10.0.3.2 10.0.2.2 1400 0 0.0.0.0/0,::/0'

# RFC 4301, 5.2: what was decrypted has to be what its SA is for.
check "what is protected, and not to L2TP's port, is dropped and counted" \
	grows b l2tp_wrong_port tell a <<<'l2tp 1 10.0.1.2 10.0.2.2 c802000c0000000000000000 53'

in_ a ping -q -i 0.05 -w 4 10.9.0.2 >/dev/null &
check "replayed ESP is dropped and counted" grows b esp_replayed replay b 8
wait $! || true
check "ESP of an unknown SPI" grows b esp_no_sa datagram 10.0.2.2 4500 "12345678$(printf '00%.0s' {1..60})"
check "forged ESP of a known SPI" grows b esp_bad_icv datagram 10.0.2.2 4500 "000025010000ffff$(printf '00%.0s' {1..60})"
check "short ESP" grows b esp_invalid datagram 10.0.2.2 4500 0000
check "keepalives are nothing" grows b keepalives datagram 10.0.2.2 4500 ff

check "clear L2TP to an untrusted address is dropped and counted" \
	grows b clear_refused datagram 10.0.2.2 1701 c802000c0000000000000000
check "to a trusted one it goes to control" grows b punted_l2tp datagram fd00:2::2 1701 c802000c0000000000000000
check "with its addresses" wait_for b '^l2tp 0 fd00:3::2 .* c802000c0000000000000000' 5
check "data of a protected session in clear is refused there too" \
	grows b l2tp_wrong_association datagram fd00:2::2 1701 000200020002ff0300210000
check "IKE goes to charon" grows b ike_in datagram 10.0.2.2 500 0011223344
check "from 4500 without its marker" grows b ike_in datagram 10.0.2.2 4500 00000000aabbcc
check "as it came" wait_for b '^ike 4500 10.0.3.2 [0-9]* aabbcc' 5
tell b <<<'ike 10.0.2.2 4500 10.0.1.2 4500 ddeeff'
check "and back" wait_for a '^ike 4500 10.0.2.2 4500 ddeeff' 5

tell a <<<'ppp 1 1 c0210901000800000000'
check "PPP control frames go to control" wait_for b '^ppp 2 2 c0210901000800000000' 5
# A router advertisement from fe80::1 to ff02::1, of an initiator.
zeroes=0000000000000000000000000000
ra=00576000000000103aff${zeroes/#0000/fe80}0001${zeroes/#0000/ff02}00018600$zeroes
check "router advertisements of initiators are dropped and counted" grows b inner_rogue tell a <<<"ppp 1 1 $ra"
check "floods of control messages are limited" grows b punt_limited_source flood

count=$(lines b)
echo hello | tell b
check "a control that starts anew is told the associations" wait_for b '^associations_told' 5 "$((count + 1))"
check "and nothing is cut off" pings a 10.9.0.2

echo 'charon off' | tell b
sleep 0.3
check "without charon the SAs go on" pings a 10.9.0.2
echo 'charon on' | tell b
sleep 0.3
child b 1 10.0.2.2 4500 10.0.1.2 4500 0x2901 0x1901 alice
check "a peer that comes back takes its old association's place" wait_for b '^association 1 down alice' 5
check "as a new one" wait_for b '^association 3 up alice' 5
check "whose old session is gone" grows b esp_no_sa pings a 10.9.0.2 2
# 10 GHz, two workers and what is counted for control.
check "no stage is said to have had more cycles than there were" \
	test "$(($(statistic b cycles_receive) / 30000000000))" -le "$((SECONDS + 1))"
finish
