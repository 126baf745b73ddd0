#!/bin/bash
# SPDX-License-Identifier: ISC
# The initiator's host, for real: what the keeper sets by netlink, how it follows the network, and that everything is as
# before after undo, exit, kill -9 and the next start.
#
#        lan --- host ===tun0=== (the softwire)
#                 | eth0, eth1: two ways out; the concentrator is 192.0.2.1 and 2001:db8:c::1, behind either
#                net
#
# usage: link.sh LINK-DRIVER
set -euo pipefail

driver=$1
ns=pq-address-$$-
work=
processes=()
passed=0

[ "$(id -u)" = 0 ] || {
	echo "needs root: network namespaces and a TUN"
	exit 77
}
[ -c /dev/net/tun ] || {
	echo "needs /dev/net/tun"
	exit 77
}

fail() {
	echo "FAILED: $*"
	echo "--- driver:" && cat "$work/said"
	on_host ip addr show
	on_host ip route show
	on_host ip -6 route show
	exit 1
}

ok() {
	passed=$((passed + 1))
	echo "ok $passed - $*"
}

on_host() {
	ip netns exec "${ns}host" "$@"
}

end() {
	exec 3>&- || true
	for pid in "${processes[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for name in host net lan; do
		ip netns del "$ns$name" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap end EXIT

# wait_for WHAT SECONDS COMMAND...: until it succeeds; sets waited (milliseconds).
wait_for() {
	local what=$1 seconds=$2 start
	shift 2
	start=$(date +%s%N)
	until "$@"; do
		[ $((($(date +%s%N) - start) / 1000000)) -lt $((seconds * 1000)) ] || fail "$what"
		sleep 0.01
	done
	waited=$((($(date +%s%N) - start) / 1000000))
}

said() {
	grep -qxF -- "$1" "$work/said"
}

said_times() {
	[ "$(grep -cxF -- "$1" "$work/said")" -ge "$2" ]
}

# start [DNS-MODE]: a driver of its own; fd 3 is its input.
start() {
	: >"$work/said"
	rm -f "$work/orders"
	mkfifo "$work/orders"
	ip netns exec "${ns}host" env PATH="$work/bin:$PATH" "$driver" tun0 "$work/state" "$work/etc/resolv.conf" \
		"${1:-resolv.conf}" lan0 192.0.2.1 2001:db8:c::1 <"$work/orders" >"$work/said" 2>&1 &
	pid=$!
	processes+=("$pid")
	exec 3>"$work/orders"
	wait_for "the driver starts" 15 said ready
}

# apply LINE: one LINK message, applied.
applied=0
apply() {
	applied=$(grep -cx applied "$work/said" || true)
	echo "$1" >&3
	wait_for "applied: $1" 15 said_times applied $((applied + 1))
}

has() {
	local what=$1
	shift
	grep -qE -- "$what" <<<"$("$@")" || fail "$* shows no $what"
}

has_not() {
	local what=$1
	shift
	! grep -qE -- "$what" <<<"$("$@")" || fail "$* shows $what"
}

not() {
	! "$@"
}

# Our pin goes there now.
pinned() {
	grep -qE "^192.0.2.1 $1 .*proto 197" <<<"$(on_host ip route show)"
}

snapshot() {
	on_host ip -o addr show | grep -v -e tun0 -e ' fe80' | sed 's/valid_lft.*//' | sort
	on_host ip route show table main | sort
	on_host ip -6 route show table main | grep -v -e tun0 -e expires -e '^fe80' | sort
	on_host cat /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv6/conf/eth0/accept_ra
	cat "$work/etc/resolv.conf"
	find "$work/etc" -printf '%M %P %l\n' | sort
}

same_as_before() {
	snapshot >"$work/after"
	diff -u "$work/before" "$work/after" || fail "the host is not as it was before: $1"
	[ ! -e "$work/state" ] || fail "the state file is still there: $1"
	ok "everything is as before: $1"
}

work=$(mktemp -d)
mkdir "$work/etc" "$work/bin"
printf 'search example.net\nnameserver 9.9.9.9\noptions edns0\n' >"$work/etc/resolv.conf"
for name in host net lan; do
	ip netns add "$ns$name"
	ip -n "$ns$name" link set lo up
done
ip -n "${ns}host" link add eth0 type veth peer name host0 netns "${ns}net"
ip -n "${ns}host" link add eth1 type veth peer name host1 netns "${ns}net"
ip -n "${ns}host" link add lan0 type veth peer name eth0 netns "${ns}lan"
on_host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
ip netns exec "${ns}net" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip -n "${ns}net" addr add 192.0.2.1/32 dev lo
ip -n "${ns}net" -6 addr add 2001:db8:c::1/128 dev lo
for i in 0 1; do
	ip -n "${ns}net" addr add 10.0.$i.1/24 dev host$i
	ip -n "${ns}net" -6 addr add 2001:db8:$i::1/64 dev host$i nodad
	ip -n "${ns}net" link set host$i up
	ip -n "${ns}host" link set eth$i up
	ip -n "${ns}host" addr add 10.0.$i.2/24 dev eth$i
	ip -n "${ns}host" -6 addr add 2001:db8:$i::2/64 dev eth$i nodad
done
ip -n "${ns}lan" link set eth0 up
ip -n "${ns}host" link set lan0 up
ip -n "${ns}host" route add default via 10.0.0.1 dev eth0
ip -n "${ns}host" -6 route add default via 2001:db8:0::1 dev eth0
sleep 0.5
snapshot >"$work/before"

start
wait_for "the source is told" 15 said "moved 10.0.0.2"
has '^192.0.2.1 via 10.0.0.1 dev eth0' on_host ip route show
has '^2001:db8:c::1 via 2001:db8::1 dev eth0' on_host ip -6 route show
ok "the concentrator's addresses are pinned over the way there"

line="up 1380 address 10.9.0.2/32 address 2001:db8:9000:1::2/64 route 0.0.0.0/0 route ::/0 route 2001:db8:7::/48"
line="$line dns 2001:db8::53 dns 10.9.0.1 delegated 2001:db8:a000::/56"
apply "$line"
has 'mtu 1380' on_host ip link show tun0
has 'inet 10.9.0.2/32' on_host ip addr show tun0
has 'inet6 2001:db8:9000:1::2/64' on_host ip addr show tun0
has_not 'inet6 fe80' on_host ip addr show tun0
has 'dev tun0' on_host ip route get 198.51.100.1
has 'dev tun0' on_host ip -6 route get 2001:db8:ffff::1
has 'dev eth0' on_host ip route get 192.0.2.1
has 'dev eth0' on_host ip -6 route get 2001:db8:c::1
on_host ping -c 1 -W 2 192.0.2.1 >/dev/null || fail "the concentrator is not reached past the default route"
on_host ping -6 -c 1 -W 2 2001:db8:c::1 >/dev/null || fail "the concentrator is not reached past the IPv6 default route"
ok "addresses, routes and MTU are set, and the concentrator is reached past them"
has 'inet6 2001:db8:a000::1/64' on_host ip addr show lan0
has 'unreachable 2001:db8:a000::/56' on_host ip -6 route show
has '^1$' on_host cat /proc/sys/net/ipv6/conf/all/forwarding
has '^2$' on_host cat /proc/sys/net/ipv6/conf/eth0/accept_ra
! on_host ip -6 route get 2001:db8:a000:5::1 >/dev/null 2>&1 || fail "an unassigned part of the prefix goes somewhere"
ok "the delegated prefix is on the downstream interface, the rest of it unreachable"
[ "$(grep -c ^nameserver "$work/etc/resolv.conf")" = 2 ] || fail "two name servers"
has '^nameserver 2001:db8::53$' cat "$work/etc/resolv.conf"
has '^search example.net$' cat "$work/etc/resolv.conf"
has_not '9.9.9.9' cat "$work/etc/resolv.conf"
ok "resolv.conf names the softwire's servers and keeps the search list"

apply "up 1380 address 10.9.0.2/32 route 10.0.0.0/8 dns 10.9.0.1"
has_not '2001:db8:9000' on_host ip addr show tun0
has 'dev eth0' on_host ip route get 198.51.100.1
has '^0$' on_host cat /proc/sys/net/ipv6/conf/all/forwarding
[ "$(grep -c ^nameserver "$work/etc/resolv.conf")" = 1 ] || fail "one name server"
ok "what a later message does not say is undone"
apply "$line"

ip -n "${ns}host" route add 10.77.0.0/16 via 10.0.0.1
echo "$line route 10.77.0.0/16" >&3
wait_for "a route that is there already is reported" 15 grep -q '^failed: 10.77.0.0/16 on tun0: File exists' "$work/said"
has 'via 10.0.0.1 dev eth0' on_host ip route get 10.77.0.1
apply "$line"
has 'via 10.0.0.1 dev eth0' on_host ip route get 10.77.0.1
ip -n "${ns}host" route del 10.77.0.0/16
ok "a route of the host's own is neither replaced nor taken away"

# The network changes: cable out, another way, another gateway.
ip -n "${ns}host" link set eth0 down
wait_for "told that there is no way" 15 said "moved ::"
has '^unreachable 192.0.2.1' on_host ip route show
! on_host ip route get 192.0.2.1 >/dev/null 2>&1 || fail "packets to the concentrator would go round in the softwire"
ok "without a way packets to the concentrator are refused, not sent into the softwire"
ip -n "${ns}host" route add default via 10.0.1.1 dev eth1 metric 50
wait_for "told of the new address" 15 said "moved 10.0.1.2"
[ "$waited" -lt 2000 ] || fail "it took $waited ms"
has '^192.0.2.1 via 10.0.1.1 dev eth1' on_host ip route show
on_host ping -c 1 -W 2 192.0.2.1 >/dev/null || fail "the concentrator is not reached over the other way"
ok "the new address was told after $waited ms, and the pin follows"
ip -n "${ns}host" addr add 10.0.1.3/24 dev eth1
ip -n "${ns}host" addr del 10.0.1.2/24 dev eth1
ip -n "${ns}host" addr add 10.0.1.3/24 dev eth1 2>/dev/null || true
ip -n "${ns}host" route replace default via 10.0.1.1 dev eth1 metric 50
wait_for "told of the changed address" 15 said "moved 10.0.1.3"
ok "a new address on the same interface is told ($waited ms)"
ip -n "${ns}host" -6 route add default via 2001:db8:1::1 dev eth1
wait_for "the other family's way is told too" 15 said "moved 2001:db8:1::2"
ip -n "${ns}host" -6 addr add 2001:db8:1::99/64 dev eth1 nodad
ip -n "${ns}host" -6 addr change 2001:db8:1::2/64 dev eth1 preferred_lft 0
sleep 1
has 'src 2001:db8:1::99 ' on_host ip -6 route get 2001:db8:c::1
has_not 'moved 2001:db8:1::99' cat "$work/said"
ip -n "${ns}host" -6 addr del 2001:db8:1::2/64 dev eth1
wait_for "told when the old address has gone" 15 said "moved 2001:db8:1::99"
ok "an address that is only deprecated is kept, one that has gone is left"
ip -n "${ns}host" -6 addr add 2001:db8:1::2/64 dev eth1 nodad
ip -n "${ns}host" -6 addr del 2001:db8:1::99/64 dev eth1
ip -n "${ns}host" -6 route del default dev eth1
ip -n "${ns}host" route add 192.0.2.1/32 via 10.0.1.1 dev eth1 metric 7
wait_for "not pinned beside the host's own route" 15 not pinned via
has '^192.0.2.1 .*metric 7' on_host ip route show
ip -n "${ns}host" route del 192.0.2.1/32 metric 7
wait_for "pinned again" 15 pinned 'via 10.0.1.1'
ok "the host's own route to the concentrator is respected"
ip -n "${ns}host" route del default dev eth1
ip -n "${ns}host" addr add 10.0.1.2/24 dev eth1
ip -n "${ns}host" addr del 10.0.1.3/24 dev eth1
ip -n "${ns}host" link set eth0 up
ip -n "${ns}host" addr add 10.0.0.2/24 dev eth0 2>/dev/null || true
ip -n "${ns}host" route add default via 10.0.0.1 dev eth0
ip -n "${ns}host" -6 addr add 2001:db8:0::2/64 dev eth0 nodad 2>/dev/null || true
ip -n "${ns}host" -6 route add default via 2001:db8:0::1 dev eth0
wait_for "pinned over the first way" 15 pinned 'via 10.0.0.1'
# In another order than at the beginning, so that "as before" is taken anew.
echo undo >&3
wait_for "undone" 15 said undone
has '^192.0.2.1 via 10.0.0.1' on_host ip route show
has_not 'tun0' on_host ip route show
exec 3>&-
wait "$pid" || fail "the driver's end: $?"
sleep 1.5
has_not '192.0.2.1' on_host ip route show
snapshot >"$work/before"
grep -q 9.9.9.9 "$work/before" || fail "resolv.conf is not back"
ok "undo takes all but the pins back, and exit takes the pins"

start
apply "$line"
exec 3>&-
wait "$pid" || fail "the driver's end: $?"
same_as_before "after exit"

start
apply "$line"
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
[ -s "$work/state" ] || fail "no state file"
has '192.0.2.1' on_host ip route show
has '2001:db8:a000::1' on_host ip addr show lan0
grep -q 2001:db8::53 "$work/etc/resolv.conf" || fail "the crash undid something"
exec 3>&-
start
has_not '2001:db8:a000::1' on_host ip addr show lan0
grep -q 9.9.9.9 "$work/etc/resolv.conf" || fail "the next start did not put resolv.conf back"
exec 3>&-
wait "$pid" || fail "the driver's end: $?"
same_as_before "after kill -9 and the next start"

# Killed anywhere on the way: many times, at random moments.
for i in $(seq 30); do
	start
	echo "$line" >&3
	sleep "0.0$((RANDOM % 60 + 10))"
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	exec 3>&-
done
start
exec 3>&-
wait "$pid" || fail "the driver's end: $?"
same_as_before "after 30 kills on the way"

# A symbolic link stays one, and what somebody else has written meanwhile stays.
mv "$work/etc/resolv.conf" "$work/etc/stub"
ln -s stub "$work/etc/resolv.conf"
snapshot >"$work/before"
start
apply "$line"
[ ! -L "$work/etc/resolv.conf" ] || fail "the symbolic link was not replaced"
grep -q 9.9.9.9 "$work/etc/stub" || fail "the link's target was written"
exec 3>&-
wait "$pid"
same_as_before "with resolv.conf a symbolic link"
start
apply "$line"
printf 'nameserver 8.8.8.8\n' >"$work/etc/new"
mv "$work/etc/new" "$work/etc/resolv.conf"
exec 3>&-
wait "$pid"
grep -q 8.8.8.8 "$work/etc/resolv.conf" || fail "somebody else's resolv.conf was replaced"
[ ! -e "$work/etc/resolv.conf.pratique" ] || fail "the kept file is still there"
ok "a resolv.conf that somebody else has written since stays"

# The programs of the host that manage name servers.
for program in resolvconf resolvectl; do
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "%s $*" >>"%s/called"\n[ "$1" != -a ] || cat >>"%s/called"\n' "$program" "$work" "$work" \
		>"$work/bin/$program"
	chmod +x "$work/bin/$program"
done
start resolvconf
apply "$line"
exec 3>&-
wait "$pid"
printf '%s\n' 'resolvconf -a tun0.pratique' 'nameserver 2001:db8::53' 'nameserver 10.9.0.1' 'resolvconf -d tun0.pratique' \
	| diff - "$work/called" || fail "what resolvconf was told"
rm "$work/called"
start resolvectl
apply "$line"
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
exec 3>&-
start none
exec 3>&-
wait "$pid"
printf '%s\n' 'resolvectl dns tun0 2001:db8::53 10.9.0.1' 'resolvectl domain tun0 ~.' 'resolvectl revert tun0' \
	| diff - "$work/called" || fail "what resolvectl was told"
ok "resolvconf and resolvectl are told, and told again after a crash and another configuration"
printf '#!/bin/sh\nexit 1\n' >"$work/bin/resolvconf"
start resolvconf
echo "$line" >&3
wait_for "a failing resolvconf is reported" 15 grep -q '^failed: resolvconf failed' "$work/said"
has 'inet 10.9.0.2/32' on_host ip addr show tun0
exec 3>&-
wait "$pid"
ok "a name server program that fails is reported, and the rest is set"
echo "passed: $passed"
