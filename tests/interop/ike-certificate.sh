#!/bin/bash
# SPDX-License-Identifier: ISC
#
# IKEv2 by certificate between two charons with our plugin, both from the generated configuration: keys, identities, rekeyings,
# deletion in both directions, a data plane that comes again, a charon that is killed.
#
#   ike-certificate.sh PROGRAMS IKE-PEER PLUGIN
# shellcheck source=tests/interop/ike-lib.sh
. "$(dirname "$0")/ike-lib.sh"

make_network
make_ca site
issue site concentrator conc.test
issue site node laptop.test

configure conc <<END
local = 10.9.0.1
local = 2001:db8:9::1
certificate = $work/site-keys/conc.test.pem
key = $work/site-keys/conc.test.key
ca = $work/site-keys/ca.pem
crl = $work/site-keys/ca.crl
END
configure far <<END
concentrator = 10.9.0.1
concentrator = 2001:db8:9::1
concentrator_name = conc.test
certificate = $work/site-keys/laptop.test.pem
key = $work/site-keys/laptop.test.key
ca = $work/site-keys/ca.pem
crl = $work/site-keys/ca.crl
END
start conc concentrator
start far initiator

# ---- no privilege, no socket ----

charon=$(pgrep -P "${pids[conc]}" -x charon-systemd)
[ "$(awk '/^Uid:/ { print $2, $3, $4 }' "/proc/$charon/status")" = "65534 65534 65534" ] || fail "charon's user"
[ "$(awk '/^Cap(Inh|Prm|Eff|Bnd|Amb):/ { print $2 }' "/proc/$charon/status" | sort -u)" = 0000000000000000 ] ||
	fail "charon's capabilities"
ok "charon runs as nobody, without any capability"
! in_ns conc ss -Hanup | grep -q charon || fail "charon has a UDP socket"
ok "charon has no UDP socket"

# ---- up ----

tell far initiate softwire
expect far '^child up .*name=softwire identity=conc.test .*authentication=1' "the initiator's CHILD_SA is up, with the concentrator's name"
expect conc '^child up .*identity=laptop.test .*authentication=1' "and the concentrator's, with the node's name"

# same_keys: the last SAs of both ends.
same_keys() {
	local field
	for field in spi key ikey esn encryption; do
		[ "$(field far '^sa in' $field)" = "$(field conc '^sa out' $field)" ] || return 1
		[ "$(field far '^sa out' $field)" = "$(field conc '^sa in' $field)" ] || return 1
	done
}
same_keys || fail "the keys differ"
[ -n "$(field far '^sa in' key)" ] || fail "there is no key"
ok "both ends have the same keys and SPIs"
said conc '^sa in .*from=10.9.0.2/0 to=10.9.0.1/0 encap=0 esn=1 window=1024 encryption=20' || fail "not AES-GCM with ESN"
ok "AES-GCM with extended sequence numbers, native ESP without a NAT"

# vici NAME COMMAND...: swanctl at that charon.
vici() {
	local name=$1
	shift
	in_ns "$name" swanctl "$@" --uri "unix://$work/run-$name/charon.vici" >/dev/null 2>&1
}

# ---- rekeying ----

first=$(field far '^sa in' spi)
reqid=$(field conc '^child up' reqid)
tell far expire "$(field far '^child up' reqid)" "$first" 10.9.0.2 soft
eventually count_is far '^sa out' 2 || fail "the initiator does not rekey"
eventually count_is conc '^sa out' 2 || fail "the concentrator has no new SA"
same_keys || fail "the keys differ after a rekeying"
[ "$(field far '^sa in' spi)" != "$first" ] || fail "the SPI is the old one"
ok "an SA at its soft limit is rekeyed, with new keys at both ends"
# child_is_new: CHILD names the newest SAs of both directions.
child_is_new() {
	[ "$(field "$1" '^child up' in)" = "$(field "$1" '^sa in' spi)" ] &&
		[ "$(field "$1" '^child up' out)" = "$(field "$1" '^sa out' spi)" ]
}
for name in far conc; do
	eventually child_is_new $name || fail "$name: CHILD has not the new SPIs"
done
[ "$(field conc '^child up' reqid)" = "$reqid" ] || fail "the reqid changed"
ok "CHILD names the new SPIs under the old reqid"

# owned_at_once NAME: no SA is without an owner, and none goes that is still the one to send on.
owned_at_once() {
	awk '
		function value(name, i) {
			for (i = 1; i <= NF; i++)
				if ($i ~ "^" name "=")
					return substr($i, length(name) + 2)
		}
		/^sa (in|out) / && known[value("reqid")] { waiting = value("spi"); next }
		waiting { if ($0 !~ "^child up .*=" waiting " ") bad = "SA " waiting " has no owner: " $0; waiting = "" }
		/^child up / { known[value("reqid")] = 1; sending = value("out") }
		/^child down / { sending = "" }
		/^sa gone / && value("spi") == sending { bad = "SA " sending " is still in use" }
		END { if (bad) print bad; exit bad != "" }' "$work/$1.out"
}
for name in far conc; do
	owned_at_once $name || fail "$name: a packet could be lost in a rekeying"
done
ok "each new SA has its owner at once, and the old one goes when it is not sent on any more"
eventually count_is far '^sa gone' 2 || fail "old SAs stay (initiator)"
eventually count_is conc '^sa gone' 2 || fail "old SAs stay (concentrator)"
ok "the old SAs go"

ike=$(field conc '^child up' ike)
other_ike() {
	[ "$(field "$1" '^child up' ike)" != "$2" ]
}
ike_far=$(field far '^child up' ike)
vici far --rekey --ike softwire || fail "swanctl --rekey"
eventually other_ike conc "$ike" || fail "the concentrator is not told of the new IKE_SA"
eventually other_ike far "$ike_far" || fail "the initiator is not told of the new IKE_SA"
[ "$(field conc '^child up' in)" = "$(field conc '^sa in' spi)" ] || fail "CHILD has other SPIs"
[ "$(field conc '^child up' identity)" = laptop.test ] || fail "the identity got lost"
ok "a rekeyed IKE_SA: the same CHILD_SA under its new number"

# ---- the data plane ends it; the peer is told ----

tell conc terminate "$(field conc '^child up' ike)"
expect conc '^child down .*identity=laptop.test' "the concentrator ends the association"
expect far '^child down ' "and the initiator knows at once"
eventually count_is far '^sa gone' 4 || fail "SAs stay (initiator)"
eventually count_is conc '^sa gone' 4 || fail "SAs stay (concentrator)"
ok "all SAs have gone"

# comes_up WHAT [NAME]: one more CHILD_SA at the concentrator after the initiator was told to begin.
comes_up() {
	local before
	before=$(count conc '^child up')
	tell far initiate "${2:-softwire}"
	eventually count_above conc '^child up' "$before" || fail "$1"
	eventually same_keys || fail "$1: the keys differ"
	ok "$1"
}
# goes_down NAME WHAT ORDER...: one more child down at NAME after the order.
goes_down() {
	local name=$1 what=$2 before
	shift 2
	before=$(count "$name" '^child down')
	tell "$@"
	eventually count_above "$name" '^child down' "$before" || fail "$what"
	ok "$what"
}

# An SA at its hard limit goes; the IKE_SA that is left without a CHILD_SA goes with it.
comes_up "up again"
old="IKE_SA certificate\\[$(field conc '^child up' ike)\\]"
goes_down conc "an SA at its hard limit takes its CHILD_SA down" \
	conc expire "$(field conc '^child up' reqid)" "$(field conc '^sa in' spi)" 10.9.0.1 hard
expect_log conc "deleting $old" "and the IKE_SA that has no CHILD_SA any more"

# ---- IPv6 ----

comes_up "the same over IPv6, by the name of the second concentrator" softwire2
said conc '^sa in .*from=2001:db8:9::2/0 to=2001:db8:9::1/0' || fail "not over IPv6"
goes_down conc "initiating again replaces the IKE_SA" far initiate softwire2

# ---- a data plane that comes again ----

eventually same_keys || fail "not up"
goes_down far "a data plane that comes again has no SAs: the peers are told" conc cut
logged conc 'the data plane is a new one' || fail "the plugin does not say why"
eventually count_is conc '^hello ike' 2 || fail "the plugin does not come again"
comes_up "and can come back"

# ---- charon is killed ----

kill -9 "$charon"
expect conc '^charon failed: charon was ended by signal 9' "a killed charon is noticed"
eventually count_is conc '^ready' 2 || fail "charon is not started again"
eventually count_is conc '^hello ike' 3 || fail "its plugin does not come"
comes_up "and another takes its place, with the same configuration"

# ---- failure is told with its reason ----

tell far initiate nothing
expect far '^failed nothing: charon has no configuration of that name yet' "an unknown name is answered"

tell conc reload
eventually count_is conc '^ready' 3 || fail "the configuration is not loaded again"
refuse far "^child down .*in=$(field far '^sa in' spi) " "a reload leaves IKE_SAs in place"

# ---- the end: the peer is told ----

goes_down far "charon tells its peers when it is told to end" conc stop
expect conc '^stopped' "and ends"
for name in conc far; do
	! grep -E 'ERROR: AddressSanitizer|runtime error:' "$work/$name.log" || fail "a sanitizer complains"
done
echo "1..$passed"
