#!/bin/bash
# SPDX-License-Identifier: ISC
# What a concentrator limits: anonymous peers, a pool that is full, sessions altogether, their time and their rate; and what
# it reads again on SIGHUP. In clear text between declared peers.
# Arguments: the folder of the programs.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"

declare_peers() {
	cat >>"$work/concentrator.conf" <<-END
		ipsec = none
		trusted_interface = outer
		trusted_address = 198.51.100.0/24
	END
}

# clear_initiator NAMESPACE USER PASSWORD
clear_initiator() {
	write_initiator "$1" "$2" "$3"
	cat >>"$work/$1.conf" <<-END
		ipsec = none
		trusted_interface = eth0
		trusted_address = 192.0.2.1/32
	END
}

stop_concentrator() {
	kill "$concentrator_pid"
	wait "$concentrator_pid" || fail "the concentrator did not end in order"
}

make_network
make_routed
make_namespace two
wire net to-two two eth0
in_ns two ip addr add 198.51.100.130/25 dev eth0
in_ns net ip addr add 198.51.100.129/25 dev to-two
in_ns two ip route add default via 198.51.100.129

# ---- anonymous, and a pool of one ----

write_concentrator
sed -i -e '/^users_file/d' -e '/^pool/d' "$work/concentrator.conf"
declare_peers
cat >>"$work/concentrator.conf" <<-END
	anonymous = yes
	ipv6 = no
	pool = default ipv4 10.9.0.0/30
	session_timeout = 8 s
	rate_to_peer = 1000000
	tap = $work/inner.pcap
END
clear_initiator ini alice wonderland
sed -i '/^ppp_/d' "$work/ini.conf"
clear_initiator two bob builder
sed -i '/^ppp_/d' "$work/two.conf"
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
eventually session_count 1 || fail "there is no anonymous session"
expect_pings ini 10.1.2.2 "anonymous, where the concentrator allows that"
[ "$(sessions '.sessions[0] | .user, .machine' | xargs)" = "null null" ] || fail "it is not anonymous: $(sessions)"
id=$(sessions '.sessions[0].id')
start_initiator two
full() {
	[ "$(counter counters refused_pool)" -gt 0 ]
}
eventually full || fail "a full pool is not noticed"
[ "$(sessions '[.sessions[].id] | index("'"$id"'")')" != null ] || fail "the full pool has ended the session that was there"
grep -q "10.9.0.0\|pool" "$work/concentrator.log" || fail "the reason is not told"
ok "a full pool refuses the next peer, with the reason, and leaves the others alone"
kill "$initiator_pid"
wait "$initiator_pid" || true
timed_out() {
	grep -q "ended: the session's time is over" "$work/concentrator.log"
}
eventually timed_out || fail "a session does not end with its time"
ok "a session ends with its time, and the initiator comes again"
eventually session_count 1 || fail "it did not come again"
expect_pings ini 10.1.2.2 "again"
[ "$(in_ns site ping -n -q -i 0.002 -s 1000 -c 1000 "$(sessions '.sessions[0].ipv4')" | awk '/received/ { print $4 }')" -lt 900 ] ||
	fail "8 Mbit/s pass where 1 is allowed"
ok "what is above the rate is dropped"
stop_concentrator
[ "$(tshark -r "$work/inner.pcap" -Y icmp 2>/dev/null | wc -l)" -gt 2 ] || fail "the tap has no packets"
ok "the tap has the inner packets"
for pid in "${processes[@]}"; do
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
done
processes=()

# ---- a family whose pool is full does not take the other down ----

write_concentrator
declare_peers
sed -i 's,^pool = default ipv4.*,pool = default ipv4 10.9.0.0/30,' "$work/concentrator.conf"
clear_initiator ini alice wonderland
clear_initiator two bob builder
: >"$work/concentrator.log"
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
eventually session_count 1 || fail "there is no session"
first=$initiator_pid
start_initiator two
expect_pings two 2001:db8:1:2::2 "IPv6, where IPv4's pool is full"
[ "$(sessions '.sessions[] | select(.user == "bob") | .ipv4')" = null ] || fail "it has an IPv4 address: $(sessions)"
grep -q "bob.* goes on with less: .*in use" "$work/concentrator.log" || fail "what is short is not told"
expect_pings ini 10.1.2.2 "IPv4, who came first"
ok "a full pool of one family leaves the other"
kill "$first" "$initiator_pid"
wait "$first" "$initiator_pid" || true
stop_concentrator

# ---- one session altogether; users that change ----

write_concentrator
declare_peers
echo 'sessions_max = 1' >>"$work/concentrator.conf"
clear_initiator ini alice wonderland
clear_initiator two carol newcomer
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start again"
start_initiator two
unknown() {
	[ "$(counter counters authentication_failed)" -gt 0 ]
}
eventually unknown || fail "carol is known already"
session_count 0 || fail "carol is let in"
write_secret users 'alice plain:wonderland
carol plain:newcomer'
kill -HUP "$concentrator_pid"
eventually session_count 1 || fail "carol is not let in after SIGHUP"
ok "SIGHUP: a new user is let in"
start_initiator ini
limited() {
	[ "$(counter counters refused_limit)" -gt 0 ]
}
eventually limited || fail "the limit of sessions is not kept"
[ "$(sessions '.sessions | map(.user) | join(" ")')" = carol ] || fail "who is there: $(sessions)"
ok "above the limit nobody is let in, and who is there stays"
stop_concentrator

# ---- silence ----

sed -i '/^sessions_max/d' "$work/concentrator.conf"
echo 'idle_timeout = 6 s' >>"$work/concentrator.conf"
: >"$work/concentrator.log"
start_concentrator
idle() {
	grep -q "ended: .*idle" "$work/concentrator.log"
}
eventually idle || fail "a silent session stays"
ok "a silent session ends"
stop_concentrator
echo "1..$passed"
