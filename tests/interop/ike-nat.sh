#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Initiators behind NATs, at once: a and b behind one, c behind another with a's private address. Transport mode, so each
# CHILD_SA's selectors are the NAT's address (RFC 3948, 5.2; RFC 7296, 2.23.1), and a's and b's are equal. Over IPv4 and IPv6; then a NAT
# that gives another port.
#
#   ike-nat.sh PROGRAMS IKE-PEER PLUGIN
# shellcheck source=tests/interop/ike-lib.sh
. "$(dirname "$0")/ike-lib.sh"

make_network
make_ca site
issue site concentrator conc.test
configure conc <<END
local = 10.9.0.1
local = 2001:db8:9::1
certificate = $work/site-keys/conc.test.pem
key = $work/site-keys/conc.test.key
ca = $work/site-keys/ca.pem
END
start conc concentrator
for name in a b c; do
	issue site node "$name.test"
	configure "$name" <<-END
		concentrator = 10.9.0.1
		concentrator = 2001:db8:9::1
		concentrator_name = conc.test
		certificate = $work/site-keys/$name.test.pem
		key = $work/site-keys/$name.test.key
		ca = $work/site-keys/ca.pem
	END
	start "$name" initiator
done

# all_up NAT1 NAT2 CONC: each has its own association, its own keys, and UDP encapsulation.
all_up() {
	local name reqids=
	for name in a b c; do
		said conc "^child up .*identity=$name.test " || fail "$name: no CHILD_SA"
		[ "$(field "$name" '^sa in' key)" = "$(conc_sa out "$name" key)" ] || fail "$name: the keys differ"
		[ "$(field "$name" '^sa out' key)" = "$(conc_sa in "$name" key)" ] || fail "$name: the keys differ"
		[ "$(conc_sa in "$name" encap)" = 1 ] || fail "$name: ESP is not in UDP"
		reqids="$reqids $(field conc "^child up .*identity=$name.test " reqid)"
	done
	[ "$(echo "$reqids" | tr ' ' '\n' | grep . | sort -u | wc -l)" = 3 ] || fail "they share a reqid:$reqids"
	[ "$(conc_sa in a from | cut -d/ -f1)" = "$1" ] || fail "a's address is not the NAT's"
	[ "$(conc_sa in b from | cut -d/ -f1)" = "$1" ] || fail "b's address is not the NAT's"
	[ "$(conc_sa in c from | cut -d/ -f1)" = "$2" ] || fail "c's address is not the NAT's"
	[ "$(conc_sa in a from)" != "$(conc_sa in b from)" ] || fail "a and b have one port"
	[ "$(conc_sa out a to)" = "$(conc_sa in a from)" ] || fail "a's two SAs have different paths"
}

# conc_sa in|out NAME FIELD: of the concentrator's SA for that peer.
conc_sa() {
	local spi
	spi=$(field conc "^child up .*identity=$2.test " "$1")
	field conc "^sa $1 spi=$spi " "$3"
}

# up_over TO: the three of them.
up_over() {
	local name
	for name in a b c; do
		[[ "$(conc_sa in "$name" to)" == "$1"/* && "$(conc_sa out "$name" from)" == "$1"/* ]] || return 1
	done
}

for name in a b c; do
	tell "$name" initiate softwire
done
eventually count_is conc '^child up' 3 || fail "they are not all up"
all_up 10.9.0.11 10.9.0.12
ok "two behind one NAT, and one with the same private address behind another: each has its own SAs and its own reqid"
for name in a c; do
	[ "$(field $name '^sa out' from)" = 192.168.1.2/4500 ] || fail "$name has another address"
done
logged conc 'TS 10.9.0.1/32\[udp/l2f\] === 10.9.0.11/32\[udp/l2f\]' || fail "the selectors are not the NAT's address"
ok "their selectors are their NAT's address"

# Rekeying one leaves the other in place.
reqid=$(field conc '^child up .*identity=b.test ' reqid)
tell conc expire "$reqid" "$(conc_sa in b spi)" 10.9.0.1 soft
eventually count_is b '^sa gone' 1 || fail "b is not rekeyed"
eventually count_is conc '^sa gone' 1 || fail "b's old SA stays"
[ "$(field conc '^child up .*identity=b.test ' reqid)" = "$reqid" ] || fail "b's reqid changed"
[ "$(conc_sa in b key)" = "$(field b '^sa out' key)" ] || fail "b's keys differ"
refuse conc "^sa gone spi=$(conc_sa in a spi)" "the concentrator rekeys one of two with equal selectors, and only that one"

# ---- another mapping ----

tell conc mapping "$(field conc '^child up .*identity=a.test ' reqid)" "$(conc_sa in a spi)" 10.9.0.1 10.9.0.11 61234
expect conc "^sa moved spi=$(conc_sa in a spi) from=10.9.0.11/61234" "the inbound SA follows a NAT that rebinds"
eventually count_is conc '^sa moved' 2 || fail "the outbound SA does not follow"
refuse conc '^child down' "and the association lives on"

# The NAT forgets everything: the next IKE message comes from another port, and the peer's answers go there.
in_ns nat2 nft flush ruleset
in_ns nat2 nft -f - <<-'END'
	table inet nat {
		chain post {
			type nat hook postrouting priority srcnat
			oifname eth0 meta l4proto udp masquerade to :41000-42000
		}
	}
END
in_ns nat2 conntrack -F 2>/dev/null || in_ns nat2 ip link set eth0 down
in_ns nat2 ip link set eth0 up
in_ns c swanctl --rekey --ike softwire --uri "unix://$work/run-c/charon.vici" >/dev/null 2>&1 || true
expect conc '^sa moved spi=[0-9a-f]* from=10.9.0.12/41[0-9]*' "an IKE message from another port moves the SAs too"

# ---- IPv6 ----

for name in a b c; do
	tell "$name" initiate softwire2
done
eventually up_over 2001:db8:9::1 || fail "they are not all up over IPv6"
all_up 2001:db8:9::11 2001:db8:9::12
ok "the same over IPv6"

! grep -E 'ERROR: AddressSanitizer|runtime error:' "$work"/*.log || fail "a sanitizer complains"
echo "1..$passed"
