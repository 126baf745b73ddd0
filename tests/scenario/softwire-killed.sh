#!/bin/bash
# SPDX-License-Identifier: ISC
# A concentrator with 1,000 sessions is killed, all of its processes at once, and started again: every session comes back as it
# was, and accounting has closed each of those before exactly once. How long it takes is `./dev bench sessions`'s to judge; here it is
# printed. The initiators are bench/sessions_load.c, in clear between declared peers; FreeRADIUS authenticates and accounts.
# Arguments: the folder of the programs, sessions-load.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"
load=$(readlink -f "$2")
# shellcheck source=lab/freeradius.sh
. "$(dirname "$(readlink -f "$0")")/../../lab/freeradius.sh"
command -v freeradius >/dev/null || {
	echo "needs freeradius"
	exit 77
}
n=${PQ_SESSIONS:-1000}

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
sed -i -e '/^users_file/d' -e '/^log_level/d' -e '/^echo/d' -e '/^hello/d' -e '/^pool/d' "$work/concentrator.conf"
cat >>"$work/concentrator.conf" <<-END
	log_level = warning
	ipsec = none
	trusted_interface = outer
	trusted_address = 10.66.0.0/16
	radius_server = 127.0.0.1:1812 secret-file=$work/radius-secret accounting=1813
	ppp_auth = chap
	pool = default ipv4 10.9.0.0/20
	pool = default framed 2001:db8:9000::/48
	pool = default delegated 2001:db8:a000::/40 length 56
END

# at_last SECONDS COMMAND...: like eventually, for a thousand
at_last() {
	local i tries=$(($1 * 5))
	shift
	for ((i = 0; i < tries; i++)); do
		! "$@" || return 0
		sleep 0.2
	done
	return 1
}
said() {
	grep -q "^$1" "$work/load.log"
}
# What a session is to its peer and to the site.
identities() {
	sessions '.sessions | sort_by(.user)[] | [.user, .port, .ipv4, (.prefixes // [] | join(" ")), (.delegated // [] | join(" "))] | @tsv'
}
all_told() {
	[ "$(counter counters aaa_accounting_waiting)" = 0 ] && [ "$(count open)" = "$n" ]
}
# accounts: of each account STATES ID: how often it was started and how often stopped; what a server is told twice, because
# its answer was lost or late, is the same event at the same time.
accounts() {
	freeradius_details "$work/radius" | awk -v RS= '
		function value(name) { return match($0, "\n\t" name " = [^\n]*") ? substr($0, RSTART + length(name) + 5, RLENGTH - length(name) - 5) : "" }
		{
			status = value("Acct-Status-Type"); id = value("Acct-Session-Id")
			if (status != "Start" && status != "Stop") next
			event = id status value("Event-Timestamp") value("Acct-Terminate-Cause")
			if (event in seen) next
			seen[event] = 1; ids[id] = 1
			if (status == "Start") started[id]++; else { stopped[id]++; cause[id] = value("Acct-Terminate-Cause") }
		}
		END { for (id in ids) print started[id] + 0, stopped[id] + 0, id, cause[id] }'
}
# count open|closed|wrong
count() {
	accounts | awk -v what="$1" '
		{ is = $1 == 1 && $2 == 0 ? "open" : $1 == 1 && $2 == 1 ? "closed" : "wrong" }
		is == what { n++ }
		END { print n + 0 }'
}

start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
mkfifo "$work/commands"
ip netns exec "${ns}ini" "$load" --again 10.66.0.1 100 192.0.2.1 "$n" 64 user sesame <"$work/commands" >"$work/load.log" 2>&1 &
processes+=("$!")
exec 4>"$work/commands"
at_last 120 said up || fail "the sessions do not come up"
said "up $n of $n " || fail "not all sessions came up"
at_last 60 session_count "$n" || fail "the concentrator has other sessions"
at_last 60 all_told || fail "accounting does not know $n sessions: $(count open)"
ok "$n sessions with accounts: $(sed -n 's/^up //p' "$work/load.log")"
identities >"$work/before"
accounts | awk '$2 == 0 { print $3 }' | sort >"$work/open-before"

echo mark >&4
at_last 20 said marked || fail "the generator does not listen"
kill -9 "$concentrator_pid"
nothing_left() {
	! ip netns pids "${ns}con" | xargs -r ps -o comm= -p | grep pratique-soft >/dev/null
}
eventually nothing_left || fail "processes of the concentrator live on"
ok "the keeper was killed, and nothing of it is left"
start_concentrator
at_last 120 said back || fail "not all come back: $(sessions '.sessions | length') of $n"
ok "all are back: $(sed -n 's/^back //p' "$work/load.log")"
at_last 60 session_count "$n" || fail "the concentrator has other sessions"
identities >"$work/after"
diff "$work/before" "$work/after" >"$work/difference" || fail "sessions are not what they were: $(head -n 6 "$work/difference")"
ok "each has its port name, addresses and prefixes as before"

# Every account of before is closed, once, and every session of now has one.
at_last 60 all_told || fail "accounting: $(count open) open, $(count closed) closed, $(count wrong) neither"
[ "$(count wrong)" = 0 ] || fail "accounts are closed twice or without a start: $(accounts | awk '$1 != 1 || $2 > 1' | head)"
accounts | awk '$2 == 0 { print $3 }' | sort >"$work/open-after"
[ -z "$(comm -12 "$work/open-before" "$work/open-after")" ] || fail "accounts of before are still open"
reboots=$(accounts | awk '$4 == "NAS-Reboot"' | wc -l)
[ "$reboots" = "$n" ] || fail "$reboots accounts were closed by the restart, not $n"
[ "$(freeradius_records "$work/radius" 'Acct-Status-Type = Accounting-On')" -ge 2 ] || fail "no Accounting-On"
ok "accounting: $n accounts of before are closed once, by NAS-Reboot; $n are open; Accounting-On was told"

kill "$concentrator_pid"
wait "$concentrator_pid" || fail "the concentrator did not end in order"
none_open() {
	[ "$(count open)" = 0 ]
}
at_last 60 none_open || fail "$(count open) accounts are left open"
[ "$(count wrong)" = 0 ] || fail "accounts are closed twice"
[ "$(freeradius_records "$work/radius" 'Acct-Status-Type = Accounting-Off')" -ge 1 ] || fail "no Accounting-Off"
ok "after an orderly end no account is open"
exec 4>&-
echo "1..$passed"
