#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Identities in the course of time, each part a real process: alice's certificate lives half a minute and is renewed, the site goes
# over to a new CA, bob's key is lost and he enrols again, and carol has taken a copy of alice's key. Meanwhile alice pings
# what only staff reaches, and must not lose an answer.
#
# usage: identity.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"

make_network alice bob carol
make_site alice bob carol <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	segment quarantine default { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require own { identity.unique }
	admit to staff when own
	otherwise quarantine
	inspect every 30 min
	certificate lifetime 45 min
END
echo "enrolment_lifetime = 30 s" >>"$site/server.conf"
# Every host has CAs and lists of its own, as if it were a host of its own.
for who in alice bob carol enforcer; do
	mkdir "$site/trust-$who"
	cp "$site/ca/ca.pem" "$site/ca/ca.crl" "$site/trust-$who/"
	sed -i "s|^ca = .*|ca = $site/trust-$who/ca.pem\ncrl = $site/trust-$who/ca.crl|" "$site/$who.conf"
done
for n in 11 12 13; do
	echo "machine $n" | md5sum | cut -c1-32 >"$site/machine-$n"
done
chown nobody "$site/srv.key" "$site/srv.pem" "$site/gateway.key" "$site/gateway.pem"
start_site

# agent_of NODE N: with a machine id of its own.
agent_of() {
	# shellcheck disable=SC2016 # $0 and so on are that shell's
	start "$1" ip netns exec "$1" unshare --mount sh -c 'mount --bind "$0" /etc/machine-id && exec "$1" run --config "$2"' \
		"$site/machine-$2" "$bin/pratique-agent" "$site/$1.conf"
}

renew_enforcer() {
	ip netns exec gw "$bin/pratique" enrol --renew --due --server '[fd09:2::2]:8443' --server-name srv \
		--ca "$site/trust-enforcer/ca.pem" --crl "$site/trust-enforcer/ca.crl" --name gateway --out "$site" >>"$site/enrol.log" 2>&1
}

serial_of() {
	openssl x509 -in "$1" -noout -serial
}

rollover() {
	"$bin/pratique" ca rollover --dir "$site/ca" "$@"
}

not_waiting() {
	[ "$(rollover status --json | jq --arg who "$1" '.waiting | index($who)')" = null ]
}

# event_says KIND TEXT
event_says() {
	api events --lines 1000 --json | jq -r --arg kind "$1" 'select(.kind == $kind) | .text' | grep -q -e "$2"
}

# ---- 1. renewal ----

enrol alice
agent_of alice 11
until_true 20 "alice is admitted" node_is alice .segment staff
"$bin/pratique-agent" status --file "$site/alice/status.json" | grep -q '^certificate of alice until' ||
	fail "status does not tell of the certificate"
until_true 10 "and reaches what only staff does" ip netns exec alice ping -n -c 1 -W 1 10.9.2.2
start ping ip netns exec alice ping -n -i 0.05 10.9.2.2
first=$(serial_of "$site/alice/alice.pem")
full=$(counter assessments_full)
renewed() { [ "$(serial_of "$site/alice/alice.pem")" != "$first" ]; }
shown() { [ "serial=$(api explain alice --json | jq -r '.serial | ascii_upcase')" = "$(serial_of "$site/alice/alice.pem")" ]; }
one_half() { [ "$(pgrep -c -P "${pids[alice]}")" = 1 ]; }
until_true 40 "her certificate is renewed in time, with a new key" renewed
until_true 20 "and she shows it" shown
node_is alice .segment staff || fail "that cost alice her place"
until_true 10 "the process that had the old key has ended" one_half
[ "$(counter assessments_full)" = "$full" ] || fail "her certificate of admission was not good for the new key"
ok "and her certificate of admission stayed good"

# ---- 2. a new CA ----

old_ca=$(openssl x509 -in "$site/ca/ca.pem" -noout -fingerprint)
rollover prepare >/dev/null || fail "no rollover"
rollover switch >"$site/refused" 2>&1 && fail "switched before anybody knew the new CA"
grep -q 'enforcer gateway' "$site/refused" || fail "the refusal does not name the enforcer: $(cat "$site/refused")"
renew_enforcer || fail "the enforcer's CAs are not brought up to date"
until_true 20 "alice fetches the new CA" not_waiting "node alice"
until_true 20 "so does the server" not_waiting "server srv"
rollover switch >/dev/null || fail "not switched"
until_true 20 "alice goes over to the new CA at once" not_waiting "node alice"
renew_enforcer || fail "the enforcer is not renewed"
rollover retire >/dev/null 2>&1 && fail "the old CA was retired before the server was renewed"
"$bin/pratique" ca renew --dir "$site/ca" --certificate "$site/srv.pem" --key "$site/srv.key" >>"$site/enrol.log" ||
	fail "the server is not renewed"
until_true 20 "so does the enforcer" not_waiting "enforcer gateway"
until_true 20 "and the server" not_waiting "server srv"
rollover retire >/dev/null || fail "the old CA was not retired"
until_true 20 "alice forgets the old CA" sh -c "[ \$(grep -c BEGIN '$site/trust-alice/ca.pem') = 1 ]"
[ "$(openssl x509 -in "$site/trust-alice/ca.pem" -noout -fingerprint)" != "$old_ca" ] || fail "that is the old CA"
renew_enforcer || fail "the enforcer's CAs are not brought up to date"
until_true 20 "alice is connected under the new CA" node_is alice .connected true
until_true 20 "so is the enforcer" says status '.enforcers[0].greeted'
node_is alice .segment staff || fail "that cost alice her place"

for role in ca server enforcer; do
	says status ".certificates[] | select(.role == \"$role\") | .seconds_left > 0" >/dev/null || fail "status does not tell of the $role's certificate"
done
"$bin/pratique" status --all --socket "$site/server.sock" | grep -q '^certificate  of ca scenario CA 2 ends' || fail "status does not show the new CA"

# ---- 3. a key that was lost ----

cp "$site/ca/ca.pem" "$site/ca/ca.crl" "$site/trust-bob/"
enrol bob
agent_of bob 12
until_true 20 "bob is admitted" node_is bob .segment staff
kill "${pids[bob]}" && wait "${pids[bob]}"
mv "$site/bob/bob.key" "$site/bob/lost.key"
cp "$site/bob/bob.pem" "$site/bob/lost.pem"
api enrol --new bob 2>"$site/refused" && fail "a token for bob's name, without leave to take it"
grep -q -e '--replace' "$site/refused" || fail "it is not said how: $(cat "$site/refused")"
token=$(api enrol --new bob --replace) || fail "no token"
"$bin/pratique-agent" enrol --server '[fd09:2::2]:8443' --server-name srv --ca "$site/trust-bob/ca.pem" --name bob --token "$token" \
	--out "$site/bob" --replace >>"$site/enrol.log" 2>&1 || fail "bob cannot enrol again"
agent_of bob 12
until_true 20 "with a new key bob is admitted under his old name" node_is bob .segment staff
event_says re-enrolment 'bob was enrolled again with another key' || fail "no event"
sed "s|bob\.pem|lost.pem|; s|bob\.key|lost.key|; s|/status.json|/lost.json|; s|state_directory = .*|state_directory = $site/carol|" \
	"$site/bob.conf" >"$site/lost.conf"
start lost ip netns exec carol "$bin/pratique-agent" run --config "$site/lost.conf" --set enrolment=none
until_true 20 "who found the old key is refused" grep -q 'certificate is revoked' "$site/lost.log"
kill "${pids[lost]}" && wait "${pids[lost]}"

# ---- 4. a revoked node is out ----

cat >"$site/stream.py" <<'END'
import socket, sys, time
# A connection that goes on: one end writes every 20 ms, the other one notes when it last heard something.
if sys.argv[1] == 'hear':
    listener = socket.create_server(('10.9.2.2', 9000))
    c = listener.accept()[0]
    while c.recv(100):
        print(int(time.time() * 1000), flush=True)
else:
    c = socket.create_connection(('10.9.2.2', 9000), 10)
    while True:
        c.sendall(b'.')
        time.sleep(0.02)
END
start hear python3 "$site/stream.py" hear
until_true 10 "bob reaches what staff does" ip netns exec bob ping -n -c 1 -W 1 10.9.2.2
start speak ip netns exec bob python3 "$site/stream.py" speak
start bobs-ping ip netns exec bob ping -n -D -i 0.02 10.9.2.2
until_true 10 "bob has a connection that goes on" sh -c "[ \$(wc -l <'$site/hear.log') -gt 20 ]"
at=$(date +%s%3N)
api revoke bob --reason 'a test' >/dev/null || fail "bob cannot be revoked"
until_true 5 "bob is not connected any more" node_is bob .connected false
sleep 1.5
answered=$(sed -n 's/^\[\([0-9]*\)\.\([0-9]\{3\}\).* bytes from .*/\1\2/p' "$site/bobs-ping.log" | tail -n 1)
heard=$(tail -n 1 "$site/hear.log")
echo "after the revocation bob's pings were answered for $((answered - at)) ms, his connection went on for $((heard - at)) ms"
[ $((answered - at)) -lt 1000 ] || fail "a revoked node was answered after a second"
[ $((heard - at)) -lt 1000 ] || fail "a revoked node's connection went on after a second"
ok "a revoked node is out within a second"
kill "${pids[bobs-ping]}" "${pids[speak]}" "${pids[hear]}"

# ---- 5. nothing was lost meanwhile ----

kill -INT "${pids[ping]}" && wait "${pids[ping]}"
received=$(grep -c 'bytes from' "$site/ping.log")
last=$(grep 'bytes from' "$site/ping.log" | tail -n 1 | sed 's/.*icmp_seq=\([0-9]*\).*/\1/')
[ "$received" -gt 200 ] || fail "only $received answers"
grep 'bytes from' "$site/ping.log" | sed 's/.*icmp_seq=\([0-9]*\).*/\1/' | awk '$1 != n + 1 { print "none before " $1 } { n = $1 }'
[ "$received" = "$last" ] || fail "of $last pings $((last - received)) had no answer"
ok "of $last pings all were answered, through renewals and a new CA"

# ---- 6. two hosts, one identity ----

cp "$site/ca/ca.pem" "$site/ca/ca.crl" "$site/trust-carol/"
cp "$site/alice/alice.pem" "$site/carol/carol.pem"
cp "$site/alice/alice.key" "$site/carol/carol.key"
echo "enrolment = none" >>"$site/carol.conf"
agent_of carol 13
until_true 30 "two hosts with alice's identity raise an event" counter_above identities_shared 0
until_true 20 "and the policy puts them aside" node_is alice .segment quarantine
event_says identity-shared 'two hosts present alice' || fail "no event"

for who in alice bob carol enforcer server; do
	kill "${pids[$who]}" 2>/dev/null
	wait "${pids[$who]}"
done
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
ok "ended in order"
