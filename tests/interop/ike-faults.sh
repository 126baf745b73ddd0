#!/bin/bash
# SPDX-License-Identifier: ISC
#
# IKE under attack and on a broken network: a flood of half-open IKE_SAs is answered with COOKIEs while others get in, garbage
# is survived, a dead peer is noticed, a peer that does not answer is told of, and an attempt that another one replaces
# ends in silence.
#
#   ike-faults.sh PROGRAMS IKE-PEER PLUGIN
# shellcheck source=tests/interop/ike-lib.sh
. "$(dirname "$0")/ike-lib.sh"

flood() {
	in_ns far /usr/bin/python3 "$(dirname "$0")/ike-flood.py" "$@"
}

make_network
make_ca site
issue site concentrator conc.test
configure conc <<END
local = 10.9.0.1
certificate = $work/site-keys/conc.test.pem
key = $work/site-keys/conc.test.key
ca = $work/site-keys/ca.pem
cookie_threshold = 10
half_open_source_max = 40
half_open_max = 100
END
start conc concentrator
for name in a c; do
	issue site node "$name.test"
	configure "$name" <<-END
		concentrator = 10.9.0.1
		concentrator_name = conc.test
		certificate = $work/site-keys/$name.test.pem
		key = $work/site-keys/$name.test.key
		ca = $work/site-keys/ca.pem
		dpd = 1 s
	END
	start "$name" initiator
done
tell a initiate softwire
expect conc '^child up .*identity=a.test' "one is in place"

# ---- floods ----

flood half-open 10.9.0.1 60 >"$work/flood.log"
read -r _ accepted _ cookies _ silent <"$work/flood.log"
if [ "$accepted" -lt 9 ] || [ "$accepted" -gt 12 ] || [ "$cookies" -lt 40 ]; then
	fail "flood: $(cat "$work/flood.log")"
fi
ok "above the threshold IKE_SA_INIT is answered with a COOKIE, without state (accepted $accepted, cookies $cookies, silent $silent)"
tell c initiate softwire
expect conc '^child up .*identity=c.test' "somebody who returns his COOKIE gets in meanwhile"

charon=$(pgrep -P "${pids[conc]}" -x charon-systemd)
before=$(awk '/^VmRSS:/ { print $2 }' "/proc/$charon/status")
flood garbage 10.9.0.1 20000
after=$(awk '/^VmRSS:/ { print $2 }' "/proc/$charon/status")
[ $((after - before)) -lt 20000 ] || fail "charon grew from $before to $after kB"
tell c initiate softwire
eventually count_is conc '^child up .*identity=c.test' 2 || fail "charon does not answer after garbage"
refuse conc '^charon failed' "20,000 malformed messages later charon lives, as large as before ($before and $after kB)"
refuse conc '^child down .*identity=a.test' "and the one that was in place is unharmed"

# ---- a broken network ----

in_ns conc ip link set eth0 down
tell c initiate softwire
sleep 0.5
tell c initiate softwire
expect a '^child down .*identity=conc.test' "a peer that is dead is noticed (DPD)"
expect c '^failed softwire: the peer does not answer' "one that does not answer is told of"
[ "$(count c '^failed')" = 1 ] || fail "the attempt that was replaced failed too"
ok "and an attempt that another one replaced ends in silence"

! grep -E 'ERROR: AddressSanitizer|runtime error:' "$work"/*.log || fail "a sanitizer complains"
echo "1..$passed"
