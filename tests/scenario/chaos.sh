#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Server and enforcer are killed at random, CHAOS_KILLS times (220), while nodes are inspected, advisories come and go
# and operators work. All the while a stream of 1,000 packets a second of an admitted node, alice, loses nothing in
# either family; not one packet of mallory, who was never inspected, comes through; and what was promised to agents and operators
# is remembered. Then the disk is full: nobody is admitted, those who are bad are cut, and the site recovers by itself.
#
# usage: chaos.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"
here=$(dirname "$(readlink -f "$0")")
kills=${CHAOS_KILLS:-220}
RANDOM=${CHAOS_SEED:-$$}
echo "seed ${CHAOS_SEED:-$$}"

make_network alice bob carol mallory
# What the server keeps lies on a small disk of its own.
mkdir -m 700 "$site/state"
mount -t tmpfs -o size=24m,mode=700 none "$site/state"
make_site alice bob carol <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	role "always" { node "alice" }
	role "employee" { node "bob", "carol" }
	segment quarantine default { allow to server }
	segment isolated { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require patched { no advisory }
	admit role "always" to staff
	admit role "employee" to staff when patched
	otherwise isolated
	inspect every 30 min
	certificate lifetime 45 min
END
start_site
start echo "$here/enforcer-probe.py" serve 443
start mallory ip netns exec mallory "$here/enforcer-probe.py" serve 443
for name in alice bob carol; do
	enrol $name
	start_agent $name
done
for name in alice bob carol; do
	until_true 30 "$name is in staff" node_is $name .segment staff
done
# The first packet from an address waits for its proof.
for address in fd09:2::2 10.9.2.2; do
	until_true 10 "alice reaches $address" of alice "$here/enforcer-probe.py" until $address 443
done
start ledger "$here/chaos-ledger.py" watch "$site/promised" "$site/alice" "$site/bob" "$site/carol"

# ---- streams: LABEL NAMESPACE ADDRESS ----

streams=()
stream() {
	start "$1" ip netns exec "$2" "$here/enforcer-probe.py" stream "$3" 443 1000 3600
	streams+=("$1")
}
stream alice6 alice fd09:2::2
stream alice4 alice 10.9.2.2
stream mallory6 mallory fd09:2::2
stream mallory4 mallory 10.9.2.2
start to-mallory6 "$here/enforcer-probe.py" stream fd09:1::14 443 1000 3600
start to-mallory4 "$here/enforcer-probe.py" stream 10.9.1.14 443 1000 3600
streams+=(to-mallory6 to-mallory4)

# ---- the deaths ----

package=$(dpkg-query -W -f '${source:Package}\n' bash)
is_bad=0 tokens=0
declare -A killed=([server]=0 [enforcer]=0)

work_a_little() {
	case $((RANDOM % 6)) in
	0)
		advisory TEST-1 "$package" >"$site/TEST-1.json"
		mv "$site/TEST-1.json" "$site/vis/published/TEST-1.json"
		is_bad=1
		;;
	1)
		rm -f "$site/vis/published/TEST-1.json"
		is_bad=0
		;;
	2) api inspect bob >/dev/null 2>&1 ;;
	3) api inspect carol >/dev/null 2>&1 ;;
	4) api enrol --new "guest-$tokens" >/dev/null 2>&1 && echo "guest-$tokens" >>"$site/tokens" && tokens=$((tokens + 1)) ;;
	5) api reload >/dev/null 2>&1 ;;
	esac
	return 0
}

strike() {
	local who=enforcer
	[ $((RANDOM % 3)) != 0 ] || who=server
	kill -9 "${pids[$who]}"
	wait "${pids[$who]}" 2>/dev/null
	killed[$who]=$((killed[$who] + 1))
	if [ $who = server ]; then
		start server "$bin/pratique-server" --config "$site/server.conf"
	else
		start_enforcer
	fi
}

for ((i = 0; i < kills; i++)); do
	strike
	work_a_little
	# Some die in the middle of their start, some have time to come to work.
	sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
done
ok "killed: the server ${killed[server]} times, the enforcer ${killed[enforcer]} times"
until_true 30 "the server answers" api status
until_true 30 "the enforcer is back" says status '.enforcers[0].greeted'
now_in() {
	local name
	for name in bob carol; do
		node_is $name .segment "$1" && node_is $name .connected true || return 1
	done
}
if [ $is_bad = 1 ]; then
	until_true 30 "bob and carol are isolated, as the last advisory wants" now_in isolated
	rm -f "$site/vis/published/TEST-1.json"
fi
until_true 30 "without it they are in staff" now_in staff
node_is alice .segment staff || fail "alice is not in staff"

for name in "${streams[@]}"; do
	# It is below ip netns exec, which became it.
	kill "${pids[$name]}"
	wait "${pids[$name]}"
	unset "pids[$name]"
	result=$(tail -n 1 "$site/$name.log")
	sent=$(echo "$result" | sed -n 's/^sent \([0-9]*\) lost [0-9]*$/\1/p')
	[ "${sent:-0}" -gt $((kills * 50)) ] || fail "$name: $result"
	case $name in
	alice*) [ "$result" = "sent $sent lost 0" ] || fail "$name, who is admitted: $result" ;;
	*) [ "$result" = "sent $sent lost $sent" ] || fail "$name, who is not admitted: $result" ;;
	esac
	ok "$name: $result"
done

# ---- the disk is full ----

# Ended in order, the server leaves no log of writes behind in which there still were room.
kill "${pids[server]}"
wait "${pids[server]}" || fail "the server did not end in order"
start_server
until_true 30 "bob and carol are back" now_in staff

fill() {
	dd if=/dev/zero of="$site/state/filler" bs=64k 2>/dev/null
	dd if=/dev/zero of="$site/state/filler2" bs=1k 2>/dev/null
	! echo x 2>/dev/null >"$site/state/filler3"
}
fill || fail "the disk is not full"
advisory TEST-1 "$package" >"$site/TEST-1.json"
mv "$site/TEST-1.json" "$site/vis/published/TEST-1.json"
cut() {
	! probe_of bob fd09:2::2
}
probe_of() { of "$1" "$here/enforcer-probe.py" connect "$2" 443; }
until_true 10 "with a full disk an advisory cuts bob all the same" cut
until_true 10 "the server says why nothing is kept" grep -q "the disk is full" "$site/server.log"
until_true 10 "and counts it" sh -c "'$bin/pratique' status --json --socket '$site/server.sock' | jq -e '.counters.store_failures > 0'"
probe_of alice fd09:2::2 || fail "alice was cut by a full disk"
rm -f "$site/vis/published/TEST-1.json"
sleep 2
cut || fail "bob was admitted by a decision that nobody could keep"
ok "nobody is admitted meanwhile"
kill -9 "${pids[server]}"
wait "${pids[server]}" 2>/dev/null
start server "$bin/pratique-server" --config "$site/server.conf"
sleep 1
cut || fail "bob was admitted by a server that cannot keep it"
ok "nor by a server that starts on a full disk"
rm -f "$site"/state/filler*
up() {
	api status || { kill -0 "${pids[server]}" || start server "$bin/pratique-server" --config "$site/server.conf"; false; }
}
until_true 20 "with room again, the server answers" up
until_true 30 "and bob is admitted" now_in staff
until_true 10 "with packets" probe_of bob fd09:2::2

# ---- what was promised ----

kill "${pids[server]}"
wait "${pids[server]}" || fail "the server did not end in order"
said=$("$here/chaos-ledger.py" check "$site/promised" "$site/tokens" "$site/state/pratique.db") || fail "promised: $said"
ok "promised to agents and operators: $said"
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
ok "ended in order"
