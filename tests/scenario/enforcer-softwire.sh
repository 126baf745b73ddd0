#!/bin/bash
# SPDX-License-Identifier: ISC
# Softwire sessions as attachments: two hosts behind the gateway's interface sw0, as if they came out of a concentrator,
# which a script plays. s1 has a /64, a delegated /56 and an IPv4 address, s2 a /64; their prefixes place them.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

out6=2001:db8:1:2::2 out4=10.1.2.2
mac1=02:5f:00:00:00:01 mac2=02:5f:00:00:00:02
one="sw-1,$mac1,alice,alice@home,2001:db8:1:5::/64+2001:db8:1:600::/56+10.1.5.10/32"
two="sw-2,$mac2,bob,bob@home,2001:db8:1:7::/64"

reaches_from() {
	probe c connect "$2" "$3" "$1"
}
expect_from() {
	eventually reaches_from "$1" "$2" "$3" || fail "$1 should reach $2 port $3 ($4)"
	ok "$1 reaches $2 port $3: $4"
}
refuse_from() {
	! reaches_from "$1" "$2" "$3" || fail "$1 should not reach $2 port $3 ($4)"
	ok "$1 does not reach $2 port $3: $4"
}
make_network
make_softwire c
write_files
echo "softwire = sw0 $work/softwire.sock" >>"$work/enforcer.conf"
start_driver
start_concentrator
start_enforcer
eventually connected_count 1 || fail "the enforcer did not come to its server"
eventually grep -q connected "$work/placed" || fail "the enforcer did not come to the concentrator"
spawn_probe out serve 271 80
spawn_probe c serve 22

refuse_from $s1 $out6 271 "there is no session yet"
mark_heard
say_sessions "full $one $two"
expect_heard "^attachment sw-1 $mac1 present.*machine=alice user=alice@home"
expect_from $s1 $out6 271 "quarantine reaches the server"
expect_from $s1_v4 $out4 271 "quarantine reaches the server over IPv4"
refuse_from $s1 $out6 80 "quarantine reaches nothing else"
refuse_from 2001:db8:1:9::10 $out6 271 "nobody's prefix comes in"
eventually was_placed sw-1 quarantine || fail "the concentrator was not told of quarantine"

mark_heard
tell "who $s1_pd"
expect_heard "^identity-attachment sw-1 $mac1 present.*machine=alice"
ok "an address in a delegated prefix is its session's"
place full sw-1 $mac1 staff 600
for from in $s1 $s1_pd; do
	expect_from "$from" $out6 80 "admitted"
done
expect_from $s1_v4 $out4 80 "admitted over IPv4"
refuse_from $s2 $out6 80 "the other session stays in quarantine"
expect_reaches out $s1 22 "admitted, and reached from outside"
expect_refused out $s2 22 "nobody reaches a session in quarantine"
eventually was_placed sw-1 staff || fail "the concentrator was not told of staff"

in_ns c /usr/bin/python3 - "$s1" "$out6" >"$work/flow" <<-'END' &
	import socket, sys, time
	s = socket.socket(socket.AF_INET6)
	s.bind((sys.argv[1], 0))
	s.settimeout(2)
	s.connect((sys.argv[2], 80))
	print("open", flush=True)
	time.sleep(3)
	try:
	    s.sendall(b"x")
	    time.sleep(0.5)
	    s.sendall(b"x")
	    print("alive" if s.recv(1) else "closed", flush=True)
	except OSError as e:
	    print("cut", e, flush=True)
END
flow=$!
eventually grep -q open "$work/flow" || fail "the flow did not open"

kill -9 "$enforcer_pid"
wait "$enforcer_pid" 2>/dev/null || true
expect_from $s1 $out6 80 "admitted while the enforcer is dead"
start_enforcer
eventually connected_count 2 || fail "the enforcer did not come back"
expect_from $s1 $out6 80 "admitted after the restart"
place add sw-1 $mac1 quarantine 600
refuse_from $s1 $out6 80 "demoted"
wait "$flow" || true
grep -q "^cut" "$work/flow" || fail "an open connection outlived the demotion: $(cat "$work/flow")"
ok "an open connection ends with the demotion"

place add sw-1 $mac1 staff 600
expect_from $s1 $out6 80 "admitted again"
mark_heard
say_sessions "add sw-1,gone"
expect_heard "^attachment sw-1 $mac1 gone"
refuse_from $s1 $out6 271 "the session has ended"
mark_heard
say_sessions "full $one"
expect_heard "^attachment sw-2 $mac2 gone"
refuse_from $s2 $out6 271 "a full list without it ends a session"
refuse_from $s1 $out6 80 "a session that comes back is in quarantine"

mark_heard
say_sessions "full $one sw-3,02:5f:00:00:00:03,mallory,m,2001:db8:1:5::/64"
expect_heard "^event address-contested"
expect_from $s1 $out6 271 "a prefix stays with the session that has it"
echo "1..$passed"
