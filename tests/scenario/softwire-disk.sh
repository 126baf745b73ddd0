#!/bin/bash
# SPDX-License-Identifier: ISC
# A disk that does not answer: while no fdatasync() of the concentrator returns, sessions come up and live, and what is on its way to the
# disk is told to no server. When the disk is back, everything is.
# Arguments: the folder of the programs, sessions-load, the library of slow_disk.c.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"
load=$(readlink -f "$2") slow=$(readlink -f "$3")
# shellcheck source=lab/freeradius.sh
. "$(dirname "$(readlink -f "$0")")/../../lab/freeradius.sh"
command -v freeradius >/dev/null || {
	echo "needs freeradius"
	exit 77
}

make_network
make_routed
in_ns ini ip route add local 10.66.0.0/16 dev lo
in_ns net ip route add 10.66.0.0/16 via 198.51.100.2
freeradius_new "$work/radius"
freeradius_listen "$work/radius" 127.0.0.1
freeradius_client "$work/radius" 127.0.0.1 testing-secret
freeradius_user "$work/radius" DEFAULT sesame
freeradius_start "$work/radius" ip netns exec "${ns}con"
write_secret radius-secret testing-secret
write_concentrator
sed -i -e '/^users_file/d' -e '/^log_level/d' "$work/concentrator.conf"
cat >>"$work/concentrator.conf" <<-END
	ipsec = none
	trusted_interface = outer
	trusted_address = 10.66.0.0/16
	radius_server = 127.0.0.1:1812 secret-file=$work/radius-secret accounting=1813
	ppp_auth = chap
END
gate=$work/slow
spawn con concentrator env LD_PRELOAD="$slow" SLOW_DISK="$gate" "ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0" \
	"$softwire" concentrator --config "$work/concentrator.conf"
concentrator_pid=$spawned
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
told() {
	[ "$(freeradius_records "$work/radius" "Acct-Status-Type = $1")" = "$2" ]
}
eventually told Accounting-On 1 || fail "no Accounting-On"

# load NAME: ten initiators; then they stay.
said() {
	grep -q "^$2" "$work/load-$1.log"
}
begin() {
	mkfifo "$work/commands-$1"
	ip netns exec "${ns}ini" "$load" --again "$2" 10 192.0.2.1 10 10 "$1" sesame <"$work/commands-$1" >"$work/load-$1.log" 2>&1 &
	loader=$!
	processes+=("$loader")
}
begin fast 10.66.0.1
exec 4>"$work/commands-fast"
eventually said fast 'up 10 of 10' || fail "sessions do not come up"
eventually told Start 10 || fail "starts are not told"
identities=$(sessions '[.sessions[].id] | sort | join(" ")')
ok "ten sessions while the disk answers"

touch "$gate"
echo end >&4 # their stops, and the leases that they let go, wait for the disk
exec 4>&-
none() {
	session_count 0
}
eventually none || fail "sessions do not end while the disk does not answer"
wait "$loader" || fail "the generator failed" # its port is free
begin slow 10.66.1.1
exec 5>"$work/commands-slow"
eventually said slow 'up 10 of 10' || fail "sessions do not come up while the disk does not answer"
eventually session_count 10 || fail "the concentrator does not know them"
[ "$(sessions '[.sessions[].id] | sort | join(" ")')" != "$identities" ] || fail "these are the sessions of before"
identities=$(sessions '[.sessions[].id] | sort | join(" ")')
ok "ten sessions end, and ten come up, while the disk does not answer"
sleep 8 # four HELLOs and echoes each
[ "$(sessions '[.sessions[].id] | sort | join(" ")')" = "$identities" ] || fail "they did not live on"
[ "$(counter counters aaa_accounting_waiting)" -ge 20 ] || fail "their records do not wait"
told Start 10 || fail "starts are told that may still be forgotten"
told Stop 0 || fail "stops are told that may still be forgotten"
ok "they live on; their starts and stops are told to nobody"

rm "$gate"
eventually told Start 20 || fail "starts are not told when the disk is back"
eventually told Stop 10 || fail "stops are not told when the disk is back"
ok "the disk is back: everything is told"
echo end >&5
exec 5>&-
eventually none || fail "sessions do not end"
kill "$concentrator_pid"
wait "$concentrator_pid" || fail "the concentrator did not end in order"
told Stop 20 || fail "not every stop is told at the end"
ok "and in the end there is nothing open"
echo "1..$passed"
