#!/bin/bash
# SPDX-License-Identifier: ISC
#
# AAA of the concentrator against Debian's FreeRADIUS: a visited server, which has no users and passes realms on to
# the home server by RadSec. Authentications are whole PPP conversations (aaa_driver.c). TAP, a case a promise.
#
#   nas ----10.9.1.0/24----- visited ----10.9.2.0/24---- home
#    .2   UDP, then RadSec    .1  .1       RadSec         .2
#
#   radius-freeradius.sh AAA-DRIVER
set -u
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
driver=$(readlink -f "$1")
cases=0 failed=0

skip() {
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}

fail() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

[ "$(id -u)" = 0 ] || skip "needs root, for network namespaces"
for tool in freeradius radclient openssl python3 setpriv; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
unshare --net --mount true 2>/dev/null || skip "this machine's kernel allows no namespaces here"
# shellcheck source=lab/freeradius.sh
. "$root/lab/freeradius.sh"

dir=$(mktemp -d "${TMPDIR:-/tmp}/pratique-radius.XXXXXX")
chmod 755 "$dir"
net=pq-radius-$$
driver_pid=

# check WHAT COMMAND...: a case, good if the command succeeds.
check() {
	local what=$1
	shift
	cases=$((cases + 1))
	if "$@" >/dev/null; then
		printf 'ok %d - %s\n' "$cases" "$what"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n' "$cases" "$what"
		tail -5 "$dir/driver.log" | sed 's/^/# driver: /'
	fi
}

clean_up() {
	local name
	[ -z "$driver_pid" ] || kill -KILL "$driver_pid" 2>/dev/null
	for name in home visited second; do
		[ ! -d "$dir/$name" ] || freeradius_stop "$dir/$name" KILL
	done
	for name in nas visited home; do
		ip netns del "$net-$name" 2>/dev/null
	done
	rm -rf "$dir"
}
trap clean_up EXIT

in_net() {
	local name=$net-$1
	shift
	ip netns exec "$name" "$@"
}

network() {
	local name
	for name in nas visited home; do
		ip netns add "$net-$name" || fail "no network namespace"
		in_net $name ip link set lo up
	done
	ip -n "$net-nas" link add v0 type veth peer name v0 netns "$net-visited"
	ip -n "$net-visited" link add v1 type veth peer name v0 netns "$net-home"
	ip -n "$net-nas" addr add 10.9.1.2/24 dev v0
	ip -n "$net-visited" addr add 10.9.1.1/24 dev v0
	ip -n "$net-visited" addr add 10.9.2.1/24 dev v1
	ip -n "$net-home" addr add 10.9.2.2/24 dev v0
	for name in nas:v0 visited:v0 visited:v1 home:v0; do
		ip -n "$net-${name%:*}" link set "${name#*:}" up
	done
}

servers() {
	local name
	freeradius_ca "$dir/pki"
	for name in home visited second nas alice; do
		freeradius_certificate "$dir/pki" $name "DNS:$name.example"
	done
	freeradius_new "$dir/home"
	freeradius_radsec "$dir/home" 10.9.2.2 "$dir/pki" home
	freeradius_eap_tls "$dir/home" "$dir/pki" home
	freeradius_user "$dir/home" alice@home.example sesame 'Framed-IPv6-Prefix = 2001:db8:1:aa::/64' \
		'Delegated-IPv6-Prefix = 2001:db8:2:100::/56' 'Filter-Id = "staff"' 'Class = 0x636c617373' \
		'Framed-IP-Address = 10.8.0.7' 'Session-Timeout = 3600' 'MS-Primary-DNS-Server = 192.0.2.53' \
		'DNS-Server-IPv6-Address = 2001:db8::53' 'WISPr-Bandwidth-Max-Up = 5000000' 'Chargeable-User-Identity = "cui-1"'
	for name in visited second; do
		freeradius_new "$dir/$name"
		freeradius_client "$dir/$name" 10.9.1.2 testing-secret
		freeradius_realm "$dir/$name" home.example 10.9.2.2 "$dir/pki" $name
		freeradius_user "$dir/$name" bench sesame 'Class = 0x01'
	done
	freeradius_listen "$dir/visited" 10.9.1.1 1812
	freeradius_radsec "$dir/visited" 10.9.1.1 "$dir/pki" visited
	freeradius_listen "$dir/second" 10.9.1.1 1822
	freeradius_start "$dir/home" ip netns exec "$net-home"
	freeradius_start "$dir/visited" ip netns exec "$net-visited"
	freeradius_start "$dir/second" ip netns exec "$net-visited"
}

# The concentrator's side.

config() {
	(umask 077 && echo testing-secret >"$dir/secret" && echo coa-secret >"$dir/coa-secret")
	cat >"$dir/aaa.conf"
	cat >>"$dir/aaa.conf" <<-END
		nas_identifier = nas.example
		radius_attribute = Operator-Name=1nas.example
		radsec_ca = $dir/pki/ca.pem
		radsec_certificate = $dir/pki/nas.pem
		radsec_key = $dir/pki/nas.key
		coa_listen = [::]:3799
		coa_client = 10.9.1.1 secret-file=$dir/coa-secret
		coa_client = 127.0.0.1 secret-file=$dir/coa-secret
		tls_certificate = $dir/pki/alice.pem
		tls_key = $dir/pki/alice.key
		tls_ca = $dir/pki/ca.pem
		tls_name = home.example
	END
}

driver_start() {
	rm -f "$dir/in"
	mkfifo "$dir/in"
	: >"$dir/driver.log"
	ip netns exec "$net-nas" "$driver" "$dir/aaa.conf" "$dir/state" <"$dir/in" >>"$dir/driver.log" 2>&1 &
	driver_pid=$!
	exec 9>"$dir/in"
	said ready || fail "the driver did not start: $(cat "$dir/driver.log")"
}

driver_end() {
	exec 9>&-
	wait "$driver_pid"
	driver_status=$?
	driver_pid=
}

driver_kill() {
	kill -KILL "$driver_pid"
	wait "$driver_pid" 2>/dev/null
	exec 9>&-
	driver_pid=
}

tell() {
	echo "$*" >&9
}

# said PATTERN [SECONDS]: the driver says so, soon.
said() {
	local tries
	for ((tries = 0; tries < ${2:-15} * 20; tries++)); do
		grep -Eq -- "$1" "$dir/driver.log" && return
		sleep 0.05
	done
	return 1
}

# recorded COUNT SERVER PATTERN...: that server has exactly so many records like that, soon.
recorded() {
	local count=$1 server=$2 tries
	shift 2
	for ((tries = 0; tries < 400; tries++)); do
		[ "$(freeradius_records "$dir/$server" "$@")" -ge "$count" ] && break
		sleep 0.05
	done
	[ "$(freeradius_records "$dir/$server" "$@")" = "$count" ]
}

counter() {
	tell counters
	said "^counter $1 $2\$" 5
}

methods() {
	local method profile='accept user=alice@home.example prefix=2001:db8:1:aa::/64 delegated=2001:db8:2:100::/56'
	profile="$profile ipv4=10.8.0.7 segment=staff timeout=3600 up=5000000 dns=2"
	for method in pap chap mschapv2 eap-md5 eap-mschapv2 eap-tls; do
		tell "auth $1-$method $method alice@home.example sesame"
		check "$2: $method is accepted, with everything that home gives" said "^$1-$method $profile\$"
		tell "drop $1-$method"
		[ $method != eap-tls ] || continue
		tell "auth $1-$method-bad $method alice@home.example wrong"
		check "$2: $method with a wrong password is rejected" said "^$1-$method-bad reject"
		tell "drop $1-$method-bad"
	done
}

accounting() {
	tell "auth acct pap alice@home.example sesame"
	said '^acct accept'
	tell "start acct"
	said '^acct id='
	id=$(sed -n 's/^acct id=//p' "$dir/driver.log" | tail -1)
	check "a start record has session, places, addresses and Class" recorded 1 home "Acct-Session-Id = \"$id\"" 'Acct-Status-Type = Start' \
		'User-Name = "alice@home.example"' 'NAS-Port-Id = "acct"' 'Calling-Station-Id = "192.0.2.77"' 'Framed-IPv6-Prefix = 2001:db8:9::/64' \
		'Framed-IP-Address = 10.9.0.5' 'Class = 0x636c617373' 'Tunnel-Client-Auth-Id:?[0-9]* = "laptop.example"' 'NAS-Identifier = "nas.example"' \
		'Operator-Name = "1nas.example"' 'Acct-Multi-Session-Id = "[0-9a-f]+-t-17"' 'Tunnel-Client-Endpoint:?[0-9]* = "192.0.2.77"' \
		'Chargeable-User-Identity = 0x6375692d31' 'Acct-Authentic = RADIUS' 'Acct-Delay-Time = 0' 'Event-Timestamp ='
	tell "interim acct 9000000000"
	check "an interim record has the delegated prefix, and counts beyond 32 bits" recorded 1 home "Acct-Session-Id = \"$id\"" 'Interim-Update' \
		'Acct-Input-Gigawords = 2' 'Acct-Input-Octets = 410065408' 'Acct-Output-Gigawords = 4' 'Delegated-IPv6-Prefix = 2001:db8:8::/56' \
		'Acct-Session-Time ='
	tell "stop acct 9000000001 5"
	check "a stop record has the cause" recorded 1 home "Acct-Session-Id = \"$id\"" 'Acct-Status-Type = Stop' 'Acct-Terminate-Cause = Session-Timeout' \
		'Acct-Input-Octets = 410065409'
	check "the visited server kept the same records" recorded 3 visited "Acct-Session-Id = \"$id\""
}

failover() {
	freeradius_stop "$dir/visited" KILL
	tell "auth over pap alice@home.example sesame"
	check "with the first server dead the second one answers" said '^over accept' 25
	check "and the operator is told" said '^notice RADIUS server udp 10.9.1.1:1812 does not answer'
	tell "auth over2 pap alice@home.example sesame"
	check "the next request does not wait for the dead one" said '^over2 accept' 2
	freeradius_start "$dir/visited" ip netns exec "$net-visited"
	check "Status-Server finds it when it is back" said '^notice RADIUS server udp 10.9.1.1:1812 is back' 20
	tell "drop over"
	tell "drop over2"
}

outage() {
	tell "auth out pap alice@home.example sesame"
	said '^out accept'
	freeradius_stop "$dir/visited" KILL
	freeradius_stop "$dir/second" KILL
	tell "start out"
	said '^out id='
	id=$(sed -n 's/^out id=//p' "$dir/driver.log" | tail -1)
	tell "interim out 5000"
	tell "auth down pap alice@home.example sesame"
	check "without servers an authentication is refused, not held for ever" said '^down unavailable .*no RADIUS server answers' 45
	check "meanwhile accounting waits" counter accounting_waiting 2
	driver_kill
	driver_start
	tell "resume out $id"
	check "after kill -9 the session is known, and goes on" said '^out resumed'
	tell settle
	check "no other session was open" said '^settled 0'
	tell "stop out 7000 1"
	freeradius_start "$dir/visited" ip netns exec "$net-visited"
	freeradius_start "$dir/second" ip netns exec "$net-visited"
	check "start, interim and stop arrive when a server is back" recorded 1 home "Acct-Session-Id = \"$id\"" 'Acct-Status-Type = Start' \
		'Acct-Delay-Time = [1-9]'
	check "with the time that they are late" recorded 1 home "Acct-Session-Id = \"$id\"" 'Interim-Update' 'Acct-Delay-Time = [1-9]'
	check "each of them once" recorded 3 home "Acct-Session-Id = \"$id\""
	check "and nothing waits any more" counter accounting_waiting 0
	check "nothing was dropped" counter accounting_dropped 0
}

crash() {
	tell "auth crash pap alice@home.example sesame"
	said '^crash accept'
	tell "start crash"
	said '^crash id='
	id=$(sed -n 's/^crash id=//p' "$dir/driver.log" | tail -1)
	tell "interim crash 123400"
	recorded 1 home "Acct-Session-Id = \"$id\"" Interim-Update
	driver_kill
	driver_start
	tell settle
	check "after a crash the open session is stopped" said '^settled 1'
	check "with the usage last known and the cause NAS-Reboot" recorded 1 home "Acct-Session-Id = \"$id\"" 'Acct-Status-Type = Stop' \
		'Acct-Terminate-Cause = NAS-Reboot' 'Acct-Input-Octets = 123400'
	check "and the concentrator is told to be on" recorded 1 visited 'Accounting-On' 'NAS-Identifier = "nas.example"'
	driver_kill
	driver_start
	tell settle
	check "a second time there is nothing to stop" said '^settled 0'
}

# dynauth KIND ATTRIBUTES...: radclient's answer to it, from the visited server.
dynauth() {
	local kind=$1
	shift
	printf '%s\n' "$@" 'Message-Authenticator = 0x00' | in_net visited radclient -x -r 1 -t 2 10.9.1.2:3799 "$kind" coa-secret 2>&1
}

answers() {
	local pattern=$1
	shift
	dynauth "$@" | grep -Eq -- "$pattern"
}

dynamic_authorization() {
	local now
	tell "auth dyn pap alice@home.example sesame"
	said '^dyn accept'
	tell "start dyn"
	said '^dyn id='
	id=$(sed -n 's/^dyn id=//p' "$dir/driver.log" | tail -1)
	now="Event-Timestamp = $(date +%s)"
	check "CoA changes the segment" answers 'CoA-ACK' coa "Acct-Session-Id = $id" 'Filter-Id = "guest"' 'Session-Timeout = 77' "$now"
	check "of that session" said '^dyn changed segment=guest timeout=77'
	check "CoA finds a session by its prefix" answers 'CoA-ACK' coa 'Framed-IPv6-Prefix = 2001:db8:9::/64' 'Filter-Id = "guest"' "$now"
	check "CoA for a session that is not there: 503" answers 'Error-Cause = Session-Context-Not-Found' coa 'User-Name = nobody' 'Filter-Id = "x"' "$now"
	check "CoA of what cannot be changed: 401" answers 'Error-Cause = Unsupported-Attribute' coa "Acct-Session-Id = $id" 'Framed-Pool = "x"' "$now"
	check "CoA for another NAS: 403" answers 'Error-Cause = NAS-Identification-Mismatch' coa "Acct-Session-Id = $id" 'NAS-Identifier = "other"' "$now"
	check "CoA that names no session: 402" answers 'Error-Cause = Missing-Attribute' coa 'Filter-Id = "x"' "$now"
	check "Disconnect with more than names: 401" answers 'Error-Cause = Unsupported-Attribute' disconnect "Acct-Session-Id = $id" 'Filter-Id = "x"' "$now"
	check "without Event-Timestamp there is no answer" answers 'No reply' coa "Acct-Session-Id = $id" 'Filter-Id = "guest"'
	check "nor with an old one" answers 'No reply' coa "Acct-Session-Id = $id" 'Filter-Id = "guest"' "Event-Timestamp = $(($(date +%s) - 400))"
	in_net nas python3 "$root/tests/interop/radius-replay.py" 3798 3799 >"$dir/replay.log" &
	replay=$!
	until grep -qs listening "$dir/replay.log"; do sleep 0.05; done
	printf '%s\n' "Acct-Session-Id = $id" "$now" 'Message-Authenticator = 0x00' |
		in_net nas radclient -r 1 -t 5 127.0.0.1:3798 disconnect coa-secret >/dev/null 2>&1
	wait $replay
	check "Disconnect ends the session" said '^dyn disconnected'
	check "it is acknowledged" grep -q '^code 41' "$dir/replay.log"
	check "the same request again gets the same answer" [ "$(grep -c '^replay same' "$dir/replay.log")" = 2 ]
	check "and does nothing" [ "$(grep -c '^dyn disconnected' "$dir/driver.log")" = 1 ]
	check "with one bit changed it gets none" grep -q '^changed silence' "$dir/replay.log"
	check "accounting tells Admin-Reset" recorded 1 home "Acct-Session-Id = \"$id\"" 'Acct-Terminate-Cause = Admin-Reset'
	tell "auth dyn2 pap alice@home.example sesame"
	said '^dyn2 accept'
	tell "start dyn2"
	said '^dyn2 id='
	check "Disconnect by user name" answers 'Disconnect-ACK' disconnect 'User-Name = "alice@home.example"' "$now"
	check "with a wrong secret there is no answer" sh -c "printf 'User-Name = x\n$now\n' | ip netns exec $net-visited radclient -x -r 1 -t 1 10.9.1.2:3799 disconnect wrong 2>&1 | grep -q 'No reply'"
}

radsec() {
	echo "radsec_server = 10.9.1.1:2083 name=visited.example" | config
	driver_start
	methods tls "RadSec"
	tell "auth tlsacct pap alice@home.example sesame"
	said '^tlsacct accept'
	tell "start tlsacct"
	said '^tlsacct id='
	id=$(sed -n 's/^tlsacct id=//p' "$dir/driver.log" | tail -1)
	check "RadSec carries accounting too" recorded 1 home "Acct-Session-Id = \"$id\"" Start
	freeradius_stop "$dir/visited" KILL
	check "a lost connection is told of" said '^notice tls 10.9.1.1:2083: .*trying again'
	tell "stop tlsacct 1 1"
	freeradius_start "$dir/visited" ip netns exec "$net-visited"
	check "and comes back, with what waited" recorded 1 home "Acct-Session-Id = \"$id\"" Stop
	driver_end
	check "the driver ends in order" [ "$driver_status" = 0 ]
	echo "radsec_server = 10.9.1.1:2083 name=other.example" | config
	driver_start
	check "a server with another name than was asked for is refused" said '^notice tls 10.9.1.1:2083: .*the certificate is not of other.example'
	driver_end
}

network
servers
printf '%s\n' "radius_server = 10.9.1.1:1812 secret-file=$dir/secret" "radius_server = 10.9.1.1:1822 secret-file=$dir/secret" | config
driver_start
methods udp "UDP"
accounting
failover
outage
crash
dynamic_authorization
driver_end
check "the driver ends in order" [ "$driver_status" = 0 ]
radsec
printf '1..%d\n' "$cases"
[ "$failed" = 0 ]
