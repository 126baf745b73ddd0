#!/bin/bash
# SPDX-License-Identifier: ISC
# Rates, ways and logs of a segment (quarantine draft, 6.1), on a bridge (a, b), behind a routed interface (c) and in
# softwires (d): what a node may send and be sent, that what it sends goes through the filter `ids` or nowhere, and that
# what it opens is logged, within limits.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

out6=2001:db8:1:2::2 out4=10.1.2.2
a4=10.1.1.10 a_mac=02:00:00:00:00:0a b_mac=02:00:00:00:00:0b
c6=2001:db8:1:4::10 c_mac=02:00:00:00:00:0c mac1=02:5f:00:00:00:01

# The filter: a router with one leg, which sends back what comes.
make_filter() {
	ip netns add "${ns}ids"
	ip link add eth-ids netns "${ns}gw" type veth peer name eth0 netns "${ns}ids"
	quiet gw net.ipv6.conf.eth-ids.accept_dad=0
	quiet ids net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1 \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
	in_ns ids ip link set lo up
	address_filter
	in_ns ids ip addr add 2001:db8:1:8::2/64 dev eth0
	in_ns ids ip addr add 10.1.8.2/24 dev eth0
	in_ns ids ip link set eth0 up
	in_ns ids ip route add default via 2001:db8:1:8::1
	in_ns ids ip route add default via 10.1.8.1
	in_ns ids nft "add table inet seen; add chain inet seen forward { type filter hook forward priority 0; }
		add rule inet seen forward meta nfproto ipv6 counter; add rule inet seen forward meta nfproto ipv4 counter
		add rule inet seen forward ip6 nexthdr icmpv6 icmpv6 type nd-redirect drop
		add chain inet seen out { type filter hook output priority 0; }
		add rule inet seen out icmpv6 type nd-redirect drop"
}
address_filter() {
	in_ns gw ip link set eth-ids up
	in_ns gw ip addr replace 2001:db8:1:8::1/64 dev eth-ids
	in_ns gw ip addr replace 10.1.8.1/24 dev eth-ids
}
# How many packets the filter has forwarded.
filtered() {
	in_ns ids nft -j list chain inet seen forward | jq '[.nftables[].rule?.expr[]?.counter?.packets // 0] | add'
}

make_network
make_filter
ip netns add "${ns}c"
make_wire
make_softwire d
write_files
printf 'interface = eth-c\nsoftwire = sw0 %s\n' "$work/softwire.sock" >>"$work/enforcer.conf"
sed -i 's/^segment isolated { allow to server }/segment isolated { allow to server  log }/
s/^segment visitors .*/define ids { address 10.1.8.2, 2001:db8:1:8::2 }\
segment visitors level 1 { allow to any  allow from any  log new }\
segment slow level 3 { allow to any  allow from any  rate 4 Mbit\/s up 8 Mbit\/s down }\
segment guest level 4 { allow to any  route via ids  log }\
segment half level 5 { allow to any  route via ids4 }\
define ids4 { address 10.1.8.2 }/' "$work/policy"
start_driver
start_concentrator
start_enforcer
eventually connected_count 1 || fail "the enforcer did not come to its server"
eventually grep -q connected "$work/placed" || fail "the enforcer did not come to the concentrator"
spawn_probe out serve 271 80
mark_heard
say_sessions "full sw-1,$mac1,alice,alice@home,2001:db8:1:5::/64+2001:db8:1:600::/56+10.1.5.10/32"
expect_heard "^attachment sw-1 $mac1 present"
for node in a b c; do
	eventually reaches $node $out6 271 || fail "$node does not reach the server in quarantine"
	eventually reaches $node $out4 271 || fail "$node does not reach the server in quarantine, over IPv4"
done

# ---- rates ----

# flooded SINK SEEN SOURCE TARGET [SOURCES]: how many bytes of two seconds' flood come through, in $bytes.
flooded() {
	local sink=$1 from=$2 to=$3 sources=${4:-}
	spawn_probe "$sink" sink 4999 >"$work/sink"
	local pid=${processes[-1]}
	eventually grep -q ready "$work/sink" || fail "no sink"
	# shellcheck disable=SC2086 # no source: no word
	probe "$from" flood "$to" 4999 2 $sources
	wait "$pid" || fail "nothing came from $from to $to"
	bytes=$(awk '/^bytes/ { print $2 }' "$work/sink")
}
# within KBYTES WHAT: two seconds at that many 1,000 bytes a second, and a second's worth and a burst at first. The headers
# are counted, too; what a busy machine does not send, it does not.
within() {
	[ "$bytes" -le $(($1 * 1000 * 3 + 140000 + $1 * 200)) ] || fail "$2: $bytes bytes in two seconds, above $1 kB/s"
	[ "$bytes" -ge $(($1 * 1000)) ] || fail "$2: $bytes bytes in two seconds, far below $1 kB/s"
	ok "$2: $bytes bytes in two seconds at $1 kB/s"
}
limited() {
	awk '/^counter '"$1"' / { n = $8 } END { print n + 0 }' "$work/heard"
}
place full port-a $a_mac slow 600 port-b $b_mac staff 600 eth-c $c_mac slow 600 sw-1 $mac1 slow 600
flooded out a $out6
within 500 "a sends over IPv6"
flooded a out $a4
within 1000 "a is sent over IPv4"
flooded out c $out6
within 500 "c, on a routed interface, sends"
flooded c out $c6
within 1000 "c, on a routed interface, is sent"
# Both prefixes of a session are one node.
flooded out d $out6 $s1,$s1_pd
within 500 "a softwire session sends from two prefixes"
flooded d out $s1_pd
within 1000 "a softwire session is sent"
flooded out b $out6
[ "$bytes" -ge 3000000 ] || fail "b, without a rate, sends $bytes bytes only"
ok "b, in a segment without a rate, has none: $bytes bytes"
reported() {
	[ "$(limited 5)" -gt 1000 ]
}
eventually reported || fail "what was dropped above the rate is not reported: $(limited 5)"
ok "what was dropped above the rate is reported: $(limited 5) packets"

# ---- ways ----

place full port-a $a_mac guest 600 port-b $b_mac staff 600 eth-c $c_mac guest 600 sw-1 $mac1 guest 600
# through NAME TARGET [SOURCE]: reaches port 80, and the filter saw it.
through() {
	local before
	before=$(filtered)
	eventually probe "$1" connect "$2" 80 "${@:3}" || fail "$1 does not reach $2 through the filter"
	[ "$(filtered)" -ge $((before + 3)) ] || fail "$1 reached $2, and the filter saw nothing of it"
	ok "$1 reaches $2 through the filter"
}
for to in $out6 $out4; do
	through a "$to"
	through c "$to"
done
through d $out6 $s1
through d $out4 $s1_v4
before=$(filtered)
expect_reaches b $out6 80 "staff, by the main table"
[ "$(filtered)" = "$before" ] || fail "staff's traffic went through the filter"
ok "staff's traffic does not"

# Whoever takes the rules away, or the filter's network: closed, and made again.
rules_are_there() {
	[ "$(in_ns gw ip rule | grep -c 'proto 143')" = 12 ] && [ "$(in_ns gw ip -6 rule | grep -c 'proto 143')" = 9 ]
}
eventually rules_are_there || fail "the rules are others: $(in_ns gw ip rule; in_ns gw ip -6 rule)"
kill -STOP "$enforcer_pid"
for family in -4 -6; do
	in_ns gw ip $family rule flush
	in_ns gw ip $family rule add pref 32766 lookup main
done
expect_refused a $out6 80 "the routing rules are gone: the packet filter closes"
expect_refused a $out4 80 "the routing rules are gone: the packet filter closes"
kill -CONT "$enforcer_pid"
eventually rules_are_there || fail "the rules were not made again"
through a $out6
mark_heard
in_ns gw ip link set eth-ids down
expect_heard "^event route-lost "
for to in $out6 $out4; do
	expect_refused a "$to" 80 "the filter's network is down"
	expect_reaches b "$to" 80 "staff goes on"
done
! probe d connect $out6 80 $s1 || fail "a softwire session reaches out past the filter"
ok "nor does a softwire session leak"
mark_heard
address_filter
expect_heard "^event route-back "
through a $out6
through a $out4

# A crash, and what has changed meanwhile; a family without a host goes nowhere.
kill -9 "$enforcer_pid"
wait "$enforcer_pid" 2>/dev/null || true
through a $out6
in_ns gw ip rule add pref 28800 fwmark 0x77/0xff iif br-nodes lookup 28919 protocol 143
in_ns gw ip route add default via 10.1.8.2 table 28919 protocol 143
start_enforcer
eventually connected_count 2 || fail "the enforcer did not come back"
eventually rules_are_there || fail "a rule of nobody's stays: $(in_ns gw ip rule)"
[ -z "$(in_ns gw ip route show table 28919 2>/dev/null)" ] || fail "a route of nobody's stays"
ok "what an earlier run left and nobody wants is gone"
through a $out4
place full port-a $a_mac half 600 port-b $b_mac visitors 600 eth-c $c_mac isolated 600
through a $out4
expect_refused a $out6 80 "a family without a host in its way"

# ---- logs ----

spawn_probe gw log 7 >"$work/logged"
eventually grep -q ready "$work/logged" || fail "no log"
expect_reaches b $out6 80 "opened, and logged"
logged() {
	grep -q "$1" "$work/logged"
}
eventually logged "^pratique visitors opened:.*2001:db8:1:1::11 $out6" || fail "not logged: $(cat "$work/logged")"
expect_refused c $out6 80 "refused, and logged"
eventually logged "^pratique isolated refused:.*$c6 $out6" || fail "not logged: $(cat "$work/logged")"
ok "what is opened is logged with the segment's name"
probe b scan 2001:db8:1:2 1500 9999
sleep 1
lines=$(grep -c "opened:.*2001:db8:1:1::11" "$work/logged")
[ "$lines" -le 140 ] || fail "one node made $lines lines of 1,500 tries"
[ "$lines" -ge 50 ] || fail "one node made $lines lines only"
ok "one node made $lines lines of 1,500 tries"

# ---- gone ----

sed -i 's/  route via ids4\?//; /^define ids/d' "$work/policy"
tell "policy $work/policy"
no_rules() {
	! in_ns gw ip rule | grep -q 'proto 143' && ! in_ns gw ip -6 rule | grep -q 'proto 143'
}
eventually no_rules || fail "rules stay that the policy does not want: $(in_ns gw ip rule)"
ok "the ways are gone with the policy's"
echo "1..$passed"
