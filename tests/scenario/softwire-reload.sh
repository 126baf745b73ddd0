#!/bin/bash
# SPDX-License-Identifier: ISC
# A concentrator's configuration is changed while it runs: what is good is in force after SIGHUP, and the sessions that it still allows
# go on without a lost packet; what is wrong, or cannot be changed, is named in the log and changes nothing. In clear text.
# Arguments: the folder of the programs.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"

# clear_initiator NAMESPACE USER PASSWORD
clear_initiator() {
	write_initiator "$1" "$2" "$3"
	cat >>"$work/$1.conf" <<-END
		ipsec = none
		trusted_interface = eth0
		trusted_address = 192.0.2.1/32
	END
}
said() {
	[ "$(grep -c -- "$1" "$work/concentrator.log")" -ge "${2:-1}" ]
}
reload() {
	kill -HUP "$concentrator_pid"
}
# refused WORDS WHAT: the configuration as it is now changes nothing.
refused() {
	local before
	before=$(grep -c "stays as it was" "$work/concentrator.log" || true)
	reload
	eventually said "stays as it was" $((before + 1)) || fail "$2 is taken"
	said "$1" || fail "$2: the log does not say \"$1\""
	[ "$(child "$concentrator_pid" control)" = "$control" ] || fail "$2: control was started anew"
	ok "$2: the log says why, and nothing is changed"
}
in_force=0
accepted() {
	in_force=$((in_force + 1))
	reload
	eventually said "the new configuration is in force" $in_force || fail "$1 is not taken"
}
# user NAME KEY: of that user's session.
user() {
	sessions ".sessions[] | select(.user == \"$1\") | .$2"
}
is_up() {
	[ -n "$(user "$1" id)" ]
}

make_network
make_routed
make_namespace two
wire net to-two two eth0
in_ns two ip addr add 198.51.100.130/25 dev eth0
in_ns net ip addr add 198.51.100.129/25 dev to-two
in_ns two ip route add default via 198.51.100.129
write_concentrator
cat >>"$work/concentrator.conf" <<-END
	ipsec = none
	trusted_interface = outer
	trusted_address = 198.51.100.0/25
END
cp "$work/concentrator.conf" "$work/good"
clear_initiator ini alice wonderland
clear_initiator two carol newcomer
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
start_initiator two
eventually session_count 1 || fail "there is no session"
expect_pings ini 10.1.2.2 "before"
id=$(user alice id) port=$(user alice port)
control=$(child "$concentrator_pid" control)

echo 'pool = default ipv9 10.7.0.0/24' >>"$work/concentrator.conf"
refused "pool: " "a pool that is none"
cp "$work/good" "$work/concentrator.conf"
echo 'pool = default ipv4 10.9.0.0/25' >>"$work/concentrator.conf"
refused "10.9.0.0/25 overlaps 10.9.0.0/24" "a pool in another one"
cp "$work/good" "$work/concentrator.conf"
printf 'listen = 192.0.2.7\nsessions_max = 7\ndns = 10.1.2.2\n' >>"$work/concentrator.conf"
refused "listen: cannot be changed while pratique-softwire runs" "another address to listen on"
said "sessions_max: cannot be changed" || fail "the second one is not named"
[ "$(sessions '.sessions[0].id')" = "$id" ] || fail "the session is another one"

# Users, trusted addresses, pools, routes, name servers and timers at once, under traffic.
cp "$work/good" "$work/concentrator.conf"
cat >>"$work/concentrator.conf" <<-END
	trusted_address = 198.51.100.128/25
	users_file = $work/more-users
	pool = staff ipv4 10.9.1.0/24
	route = 10.88.0.0/24
	dns = 10.1.2.2
	echo = 3 s
END
sed -i -e '0,/^users_file/{/^users_file/d}' -e '0,/^echo/{/^echo/d}' "$work/concentrator.conf"
write_secret more-users 'alice plain:wonderland
carol plain:newcomer'
in_ns ini ping -n -q -i 0.02 -c 250 10.1.2.2 >"$work/pings" &
pinger=$!
sleep 0.5
accepted "the new configuration"
eventually is_up carol || fail "carol is not let in after SIGHUP"
ok "another users file and another trusted address: carol is let in"
expect_pings two 10.1.2.2 "by the new configuration"
wait "$pinger" || true
grep -q ' 0% packet loss' "$work/pings" || fail "packets were lost: $(cat "$work/pings")"
[ "$(user alice id)" = "$id" ] || fail "alice had to come again"
[ "$(child "$concentrator_pid" control)" != "$control" ] || fail "control is the old one"
ok "alice's session went on meanwhile, without a lost packet"
in_ns con ip route show dev softwire0 | grep '^10.88.0.0/24' >/dev/null || fail "the new route is not there"
in_ns con ip addr show dev softwire0 | grep '10.9.1.1/32' >/dev/null || fail "the new pool's address is not there"
ok "routes and addresses of the interface are those of the new configuration"
session_lives() {
	sleep 5 # HELLOs and echoes by the new rules
	[ "$(user alice id)" = "$id" ]
}
session_lives || fail "the session did not live on"

# What the configuration does not allow any more ends, and nothing else.
sed -i '/^trusted_address = 198.51.100.128/d; /^route/d' "$work/concentrator.conf"
accepted "less than before"
eventually session_count 1 || fail "carol's session lives on"
[ "$(user alice id)" = "$id" ] || fail "alice's does not"
said "carol.* ends: 198.51.100.130 is no trusted_address any more" || fail "the log does not say why"
! in_ns con ip route show dev softwire0 | grep '^10.88.0.0/24' >/dev/null || fail "the route is still there"
ok "an address that is trusted no more: its session ends, the other goes on"
sed -i 's,10.9.0.0/24,10.10.0.0/24,' "$work/concentrator.conf"
accepted "another pool"
moved_over() {
	[[ "$(user alice ipv4)" == 10.10.0.* ]]
}
eventually moved_over || fail "alice has an address of no pool: $(sessions)"
[ "$(user alice port)" = "$port" ] || fail "alice has another port name"
expect_pings ini 10.1.2.2 "with an address of the new pool"

# What is in the file and was not accepted is nobody's configuration.
echo 'sense = none' >>"$work/concentrator.conf"
id=$(user alice id)
kill -9 "$(child "$concentrator_pid" control)"
sleep 1
eventually session_count 1 || fail "control does not come back while the file is wrong"
[ "$(user alice id)" = "$id" ] || fail "it is another session"
ok "control that dies while the file is wrong comes back with the configuration that was accepted"
sed -i '/^sense/d' "$work/concentrator.conf"

kill "$concentrator_pid"
wait "$concentrator_pid" || fail "the concentrator did not end in order"
echo "1..$passed"
