#!/bin/bash
# SPDX-License-Identifier: ISC
# Quarantine by default; admission; demotion that cuts what is open; expiry with every daemon dead. Both families.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

a6=2001:db8:1:1::10 a4=10.1.1.10 b6=2001:db8:1:1::11 b4=10.1.1.11
out6=2001:db8:1:2::2 out4=10.1.2.2
a_mac=02:00:00:00:00:0a b_mac=02:00:00:00:00:0b
bring_up

for to in $out6 $out4; do
	expect_reaches a "$to" 271 "quarantine reaches the server"
	expect_refused a "$to" 80 "quarantine reaches nothing else"
done
expect_refused a $b6 631 "nobody reaches a node in quarantine"
expect_refused a $b4 631 "nobody reaches a node in quarantine"
expect_refused out $a6 22 "nobody reaches a node in quarantine from outside"
expect_refused out $a4 22 "nobody reaches a node in quarantine from outside"
expect_refused gw $a6 22 "nor does the gateway itself"
for peer in fe80::b%eth0 fe80::1%eth0 $b6 $b4 $out6 $out4 10.1.1.1 2001:db8:1:1::1; do
	! pings a "$peer" || fail "a pings $peer out of quarantine"
done
ok "quarantine pings nobody, over global, IPv4 and link-local addresses"
expect_refused a fe80::b%eth0 22 "link-local between nodes is closed"

mark_heard
tell "who $a6"
expect_heard "^identity-attachment port-a $a_mac present.* $a6"
mark_heard
tell "who $b4"
expect_heard "^identity-attachment port-b $b_mac present.* $b4"
mark_heard
tell "who 2001:db8:1:1::99"
expect_heard "^identity 3 unknown"
ok "WHO is answered from the tables, and an address that nobody has is unknown"

place full port-a $a_mac staff 600
for to in $out6 $out4; do
	expect_reaches a "$to" 80 "staff reaches everything"
done
pings a $out6 || fail "staff should ping"
pings a $out4 || fail "staff should ping over IPv4"
expect_reaches out $a6 22 "staff is reached from outside where the segment says so"
expect_reaches out $a4 22 "staff is reached from outside where the segment says so"
expect_refused out $a6 80 "and only there"
expect_reaches a $b6 631 "staff prints on a node in quarantine"
expect_reaches a $b4 631 "staff prints on a node in quarantine"
expect_refused a $b6 22 "and only prints"
expect_refused b $a6 22 "which cannot open what staff accepts from its own segments' side of the policy"
expect_refused a fe80::b%eth0 631 "link-local between nodes stays closed"

# A new address of an admitted node is proven and bound by itself.
in_ns a ip addr add 2001:db8:1:1::1010/128 dev eth0
! probe a connect $out6 271 2001:db8:1:1::9999 2>/dev/null || fail "a source that the node does not have"
eventually probe a connect $out6 80 2001:db8:1:1::1010 || fail "a new address of an admitted node stays out"
ok "a new address of an admitted node is admitted"

spawn_probe a hold $out6 80 >"$work/hold6"
spawn_probe a hold $out4 80 >"$work/hold4"
spawn_probe out hold $a6 22 >"$work/hold-in"
for f in hold6 hold4 hold-in; do
	eventually grep -q up "$work/$f" || fail "$f: no connection"
done
sleep 0.3
[ "$(probe gw connections 80)" -ge 2 ] || fail "the kernel shows no state of open connections"
! grep -q cut "$work"/hold* || fail "an admitted connection was cut"
place add port-a $a_mac isolated 600
for f in hold6 hold4 hold-in; do
	eventually grep -q cut "$work/$f" || fail "$f: the connection outlived the demotion"
done
ok "demotion cuts open connections, in both directions and families"
expect_reaches a $out6 271 "isolated reaches the server"
expect_refused a $out6 80 "isolated reaches nothing else"
no_state() {
	[ "$(probe gw connections 80)" = 0 ] && [ "$(probe gw connections 22)" = 0 ]
}
eventually no_state || fail "the state of a cut connection stays: $(probe gw connections 80) $(probe gw connections 22)"
ok "the kernel's state of cut connections is cleaned"

place add port-a $a_mac staff 600 port-b $b_mac visitors 600
expect_reaches b $a6 22 "visitors reach staff where both sides allow it"
expect_refused a $b6 22 "staff does not reach visitors, who accept nothing"
place add nowhere 02:00:00:00:00:77 staff 600 port-b $b_mac staff 600
heard "^refusal nowhere 02:00:00:00:00:77" || fail "a placement at no port was not refused"
expect_reaches a $b6 22 "one refused element does not keep the others from their segment"

# No admission outlives its certificate, with every daemon dead.
place full port-a $a_mac staff 3
expect_reaches a $out6 80 "admitted for three seconds"
expect_refused b $out6 80 "a full batch that does not name a node ends its admission"
kill -9 "$enforcer_pid"
wait "$enforcer_pid" 2>/dev/null || true
expect_reaches a $out4 80 "admitted while the enforcer is dead"
sleep 3
for to in $out6 $out4; do
	expect_refused a "$to" 80 "expired with the enforcer dead"
	expect_reaches a "$to" 271 "quarantine goes on with the enforcer dead"
done
in_ns gw "$enforcer" --flush
expect_reaches a $out6 80 "--flush ends all separation"
echo "1..$passed"
