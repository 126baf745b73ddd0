#!/bin/bash
# SPDX-License-Identifier: ISC
# The enforcer is killed and comes back: an admitted node loses no packet, demotions made meanwhile take effect, first
# claims stay first. The server is away: admissions last until they expire, and no longer than their segment's grace.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

away_after="1 s"
a6=2001:db8:1:1::10
out6=2001:db8:1:2::2 out4=10.1.2.2
a_mac=02:00:00:00:00:0a b_mac=02:00:00:00:00:0b
bring_up

restart() {
	local before
	before=$(grep -c '^hello' "$work/heard")
	kill -9 "$enforcer_pid"
	wait "$enforcer_pid" 2>/dev/null || true
	"$@"
	start_enforcer
	eventually connected_count $((before + 1)) || fail "the enforcer did not come back to its server"
}

place full port-a $a_mac staff 600
expect_reaches a $out6 80 "admitted"
rules() {
	in_ns gw nft -a list chain inet pratique judge
}
before=$(rules)
for to in $out6 $out4; do
	spawn_probe a stream "$to" 443 1000 5 >"$work/stream"
	stream=${processes[-1]}
	sleep 1
	restart sleep 0.3
	sleep 0.5
	restart true
	wait "$stream"
	grep -q '^sent 5000 lost 0$' "$work/stream" || fail "kill -9 and restart, twice: $(cat "$work/stream")"
	ok "1,000 packets a second to $to for 5 s over two kill -9: $(cat "$work/stream")"
done
[ "$(rules)" = "$before" ] || fail "rules that were in force were made again"
ok "rules that are in force are left alone"
heard "^value generation $generation$" || fail "the generation did not survive"
ok "the generation survives"

# A node that is demoted in the first batch after a restart.
restart true
place full
expect_refused a $out6 80 "demoted by the first batch after a restart"

# The server goes away: an admission expires, and lasts for its segment's grace where there is one.
sed -i 's/segment visitors level 1 {/segment visitors level 1 { grace 4 s /' "$work/policy"
tell "policy $work/policy"
eventually grep -q "is in force" "$work/log" || fail "the policy with a grace was refused"
place full port-a $a_mac staff 3 port-b $b_mac visitors 3
expect_reaches a $out6 80 "admitted for three seconds"
expect_reaches b $out6 80 "admitted for three seconds, with a grace of four"
tell "floor no"
tell "drop"
sleep 3.2
expect_refused a $out6 80 "expired while the server is away"
expect_reaches b $out6 80 "in its grace while the server is away"
before=$(grep -c '^hello' "$work/heard")
kill -9 "$enforcer_pid"
wait "$enforcer_pid" 2>/dev/null || true
start_enforcer
sleep 0.5
expect_reaches b $out6 80 "in its grace over a restart of the enforcer, too"
sleep 4
expect_refused b $out6 80 "the grace is over, and was given once"
tell "floor yes"
place full port-a $a_mac staff 600 port-b $b_mac visitors 600
expect_reaches a $out6 80 "admitted again by the server that is back"

# The server comes back before the end: the expiry is what the certificate says.
place full port-b $b_mac visitors 3
tell "floor no"
sleep 1.7
eventually grep -q "server is away" "$work/log" || fail "the server's silence was not noticed"
tell "floor yes"
sleep 2.5
expect_refused b $out6 80 "back in time, no grace"

# Policies that follow each other, with segments that come and go in front of the others, and other rules: a node whose
# segment stays loses nothing, and its elements are not touched.
place full port-a $a_mac staff 600 port-b $b_mac visitors 600
sed -i 's/^segment quarantine/segment extra { allow to server }\n&/' "$work/policy"
streams=()
for to in $out6 $out4; do
	spawn_probe a stream "$to" 443 1000 4 >"$work/stream-$to"
	streams+=("${processes[-1]}")
done
sleep 0.7
in_force() {
	[ "$(grep -c "is in force" "$work/log")" -gt "$lines" ]
}
for i in 1 2 3 4 5 6; do
	lines=$(grep -c "is in force" "$work/log")
	if [ $((i % 2)) = 1 ]; then
		sed -i "s/^segment extra {/segment extra$i { allow to server  allow to any icmpv6 }\n&/" "$work/policy"
	else
		sed -i '/^segment extra[0-9]/d' "$work/policy"
	fi
	tell "policy $work/policy"
	eventually in_force || fail "policy $i was refused"
done
in_ns gw nft list map bridge pratique placed_0 | grep ': 0x00000003' >/dev/null || fail "a's mark changed"
wait "${streams[@]}"
for to in $out6 $out4; do
	grep -q '^sent 4000 lost 0$' "$work/stream-$to" || fail "changes of policy: $(cat "$work/stream-$to")"
	ok "1,000 packets a second to $to over six changes of policy: $(cat "$work/stream-$to")"
done
expect_reaches b $out6 80 "placed by the name of its segment"

# An enforcer that finds rules of a policy that it does not know begins anew.
kill -9 "$enforcer_pid"
wait "$enforcer_pid" 2>/dev/null || true
rm -f "$work/state/state"
tell "drop"
start_enforcer
eventually grep -q "had another policy" "$work/log" || fail "rules of an unknown policy were taken over"
place full port-a $a_mac staff 600
expect_reaches a $out6 80 "placed by the server after a start without a state"
expect_refused b $out6 80 "not placed after a start without a state"

# What was bound before stays bound: b cannot take a's address while the enforcer is dead, nor after.
steal() {
	local i
	for i in 1 2 3; do
		probe b na eth0 $b_mac $a6 fe80::b
		probe b arp eth0 $b_mac 10.1.1.10
	done
}
restart steal
mark_heard
tell "who $a6"
expect_heard "^identity-attachment port-a $a_mac present.* $a6"
expect_reaches out $a6 22 "a keeps its address over a restart in which b claims it"
echo "1..$passed"
