#!/bin/bash
# SPDX-License-Identifier: ISC
#
# What a node may send to the inspection port, and what it may present there, against a running site: bad bytes in every layer,
# certificates of all wrong kinds, quarantine certificates and postures that are somebody else's, silence, and floods. Each is
# counted, the node stays in quarantine, the server's memory stays what it was, and alice is inspected in the middle of it.
#
# usage: hostile.sh BIN-DIRECTORY HOSTILE-DRIVER
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"
driver=$(readlink -f "$2")

make_network alice mallory forger
make_site alice <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	segment quarantine default { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require present { agent.present }
	admit to staff when present
	otherwise quarantine
	inspect every 30 min
	certificate lifetime 45 min
END
cat >>"$site/server.conf" <<-'END'
	assessment_time = 3 s
	handshakes_max = 64
	connections_per_source = 128
END
for who in mallory forger revoked; do
	"$bin/pratique" ca issue --dir "$site/ca" --role node --name "$who" --out "$site" >>"$site/enrol.log" || fail "no certificate for $who"
done
"$bin/pratique" ca revoke --dir "$site/ca" revoked >>"$site/enrol.log" || fail "not revoked"
# What is freed is to be seen as freed.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=1:detect_leaks=0
start_site
enrol alice
start_agent alice
until_true 20 "alice is admitted" node_is alice .segment staff

# memory: of the server, in KiB
memory() {
	awk '/^VmRSS:/ { print $2 }' "/proc/${pids[server]}/status"
}

# attack NODE WAY...: as that node.
attack() {
	local node=$1 way=$2
	shift 2
	ip netns exec "$node" "$driver" "$way" "$site" "$@" >"$site/$way.log" 2>&1 || {
		grep -B 1 -A 1 '^not ok\|^Bail' "$site/$way.log"
		fail "$way"
	}
	ok "$way: $(grep -c '^ok' "$site/$way.log") promises kept"
}


# Silence takes its time, so it goes beside the rest.
attack forger stalls forger &
stalls=$!
attack mallory mutations mallory
wait "$stalls" || fail "stalls"
counter_above connections_timed_out 0 || fail "those who said nothing are not counted"
before=$(memory)
attack mallory again mallory
after=$(memory)
echo "the server's memory before and after the repetition: $before KiB, $after KiB"
[ $((after - before)) -lt 20480 ] || fail "memory grew by $((after - before)) KiB"
attack mallory certificates mallory
node_is mallory .segment quarantine || fail "mallory is not in quarantine"

# ---- floods, and the honest meanwhile ----

before=$(memory)
refused=$(counter connections_refused_full)
ip netns exec mallory "$driver" flood "$site" mallory 6 >"$site/flood.log" 2>&1 &
pids[flood]=$!
until_true 20 "the flood is felt" counter_above connections_refused_full "$refused"
kill "${pids[alice]}" && wait "${pids[alice]}"
inspected=$(counter assessments_short)
start_agent alice
until_true 20 "alice connects anew in the middle of it" counter_above assessments_short "$inspected"
for _ in 1 2 3; do
	inspected=$(counter assessments_full)
	from=$(date +%s%3N)
	api inspect alice >/dev/null || fail "alice cannot be asked in the flood"
	until_true 20 "alice is inspected in the middle of it" counter_above assessments_full "$inspected"
	echo "within $(($(date +%s%3N) - from)) ms"
done
wait "${pids[flood]}" || fail "flood: $(cat "$site/flood.log")"
after=$(memory)
grep '^#' "$site/flood.log"
echo "the server's memory before and after the flood: $before KiB, $after KiB"
[ $((after - before)) -lt 40960 ] || fail "memory grew by $((after - before)) KiB"
node_is alice .segment staff || fail "alice lost her place"

# ---- what is somebody else's ----

attack forger tokens forger
attack mallory relay forger "$site/forger.token"

"$bin/pratique" status --all --socket "$site/server.sock" | grep -i 'refused\|errors\|too long' || fail "status does not show what was refused"
kill "${pids[server]}"
wait "${pids[server]}" || fail "the server did not end in order"
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
ok "ended in order"
