#!/bin/bash
# SPDX-License-Identifier: ISC
# 100,000 SCCRQs a second (or as many as this machine can, which is printed) from 60,000 sources for 10 s, on the clear interface of a
# concentrator that trusts them: memory stays bounded, the session in place does not notice, and when it is over the next one comes as
# fast as ever.
# Arguments: the folder of the programs, l2tp-flood.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"
flood=$(readlink -f "$2")
export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=4 # what is measured is ours

make_network
make_routed
write_concentrator
cat >>"$work/concentrator.conf" <<-END
	ipsec = none
	log_level = notice
	trusted_interface = outer
	trusted_address = 198.51.100.0/24
	trusted_address = 10.66.0.0/16
END
sed -i '/^log_level = debug/d' "$work/concentrator.conf"
write_initiator ini alice wonderland
cat >>"$work/ini.conf" <<-END
	ipsec = none
	trusted_interface = eth0
	trusted_address = 192.0.2.1/32
END
in_ns net ip route add local 10.66.0.0/16 dev lo

resident() {
	awk '/^VmRSS/ { print $2 }' "/proc/$(child "$concentrator_pid" "$1")/status"
}

start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
eventually session_count 1 || fail "there is no session"
expect_pings ini 10.1.2.2 "before the flood"
id=$(sessions '.sessions[0].id')
control=$(child "$concentrator_pid" control)
before=$(resident control)

spawn net flood "$flood" 10.66.0.1 60000 192.0.2.1 100000 10
flood_pid=$spawned
most=0 half_open=0 lost=0
while kill -0 "$flood_pid" 2>/dev/null; do
	now=$(resident control)
	[ "$now" -le "$most" ] || most=$now
	now=$(counter counters l2tp_half_open || echo 0)
	[ "${now:-0}" -le "$half_open" ] || half_open=$now
	pings ini 10.1.2.2 || lost=$((lost + 1))
done
wait "$flood_pid" || fail "the flood failed"
sent=$(sed -n 's/^sent //p' "$work/flood.log")
[ "$sent" -ge 100000 ] || fail "only $sent SCCRQs were sent"
[ "$half_open" -gt 64 ] || fail "the flood did not get to L2TP: $half_open half-open"
[ "$half_open" -le 4096 ] || fail "$half_open half-open tunnels"
[ $((most - before)) -le 65536 ] || fail "control had $before KB and now has $most KB"
ok "$sent SCCRQs, $((sent / 10)) a second: $half_open half-open tunnels at most, control grew from $before KB to $most KB"
[ "$(child "$concentrator_pid" control)" = "$control" ] || fail "control has been started anew"
session_count 1 || fail "the session did not survive"
[ "$(sessions '.sessions[0].id')" = "$id" ] || fail "the session is another one"
[ "$lost" -le 2 ] || fail "$lost pings were lost in it"
ok "the session in place went on, $lost pings lost"
kill "$initiator_pid"
wait "$initiator_pid" || true
eventually session_count 0 || fail "the session does not end"
start_initiator ini
eventually session_count 1 || fail "no session comes after the flood"
expect_pings ini 10.1.2.2 "after the flood"
echo "1..$passed"
