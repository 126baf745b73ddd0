#!/bin/bash
# SPDX-License-Identifier: ISC
# The agent against a scripted server (agent_peer.c) on the loopback of a network namespace of its own, with dpkg's status on a tmpfs that only
# this test sees:
#
#   [ network namespace: collector (root) -- network half (nobody) --- TLS, [::1]:7271 --- agent-peer ]
#
# usage: agent.sh PRATIQUE-AGENT AGENT-PEER
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
	echo "skipped: needs root, for namespaces and to give privileges up"
	exit 77
fi
if [ -z "${IN_NAMESPACE:-}" ]; then
	IN_NAMESPACE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi

agent=$1
peer=$2
dir=$(mktemp -d /tmp/pratique-agent.XXXXXX)
chmod 755 "$dir"
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$dir"' EXIT
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0

fail() {
	printf 'not ok: %s\n' "$*"
	printf -- '--- the server saw\n'
	cat "$dir/peer.log"
	printf -- '--- the agent said\n'
	cat "$dir/agent.log"
	exit 1
}

# Waits until the server has seen so many lines that match; seconds at most.
wait_for() {
	local pattern=$1 count=$2 seconds=$3 end=$((SECONDS + $3 + 1))
	until [ "$(grep -c -- "$pattern" "$dir/peer.log")" -ge "$count" ]; do
		[ "$SECONDS" -lt "$end" ] || fail "\"$pattern\" not seen $count times within $seconds s"
		sleep 0.05
	done
}

seen() {
	grep -c -- "$1" "$dir/peer.log" || true
}

start_agent() {
	"$agent" run --config "$dir/agent.conf" 2>>"$dir/agent.log" &
	agent_pid=$!
}

child_of() {
	pgrep -P "$1" -f 'pratique-agent run' || true
}

ip link set lo up
mount -t tmpfs tmpfs /run
cp -a /var/lib/dpkg/status "$dir/status"
mount -t tmpfs tmpfs /var/lib/dpkg
cp "$dir/status" /var/lib/dpkg/status
packages=$(grep -c '^Status: .* installed$' "$dir/status")
if [ -d /var/lib/rpm ]; then
	mount -t tmpfs tmpfs /var/lib/rpm
fi
echo '{"segment": "staff", "compliant": true, "findings": []}' >"$dir/decision"

"$peer" "$dir" 7271 "$dir/decision" >"$dir/peer.log" 2>&1 &
peer_pid=$!
wait_for '^listening' 1 10
cat >"$dir/agent.conf" <<END
server = [::1]:7272             # nobody is there: the next one is tried
server = [::1]:7271
server_name = server
ca = $dir/ca/ca.pem
certificate = $dir/alice.pem
key = $dir/alice.key
state_directory = $dir/state
user = nobody
remediate = echo run >>$dir/remediated
END

echo "1. the first inspection is a whole one, signed"
start_agent
wait_for "^full signed $packages packages" 1 10
for _ in $(seq 50); do
	"$agent" status --json 2>/dev/null | grep -q '"segment": "staff"' && break
	sleep 0.1
done
"$agent" status | grep -q 'segment *staff' || fail "status does not tell the segment"
printf '{"pid":%d,"attachments":[{"interface":"\\u001b[31m","server":"\\u001b]0;x\\u0007"}]}' $$ >"$dir/odd.json"
"$agent" status --file "$dir/odd.json" >"$dir/odd.txt" || fail "status does not show what a server said"
LC_ALL=C grep -q "[[:cntrl:]]" "$dir/odd.txt" && fail "status lets control characters through to the terminal"
[ "$(stat -c %a "$dir/state" "$dir/state/certificate" | tr '\n' ' ')" = "700 600 " ] || fail "modes of the state"

echo "2. the network half has no rights"
child=$(child_of "$agent_pid")
[ -n "$child" ] || fail "no network half"
grep -q '^Uid:.65534.65534.65534.65534$' "/proc/$child/status" || fail "not nobody"
grep -q '^Gid:.65534.65534.65534.65534$' "/proc/$child/status" || fail "not nogroup"
grep -Eq '^Groups:[[:space:]]*(65534)?[[:space:]]*$' "/proc/$child/status" || fail "has groups"
grep -q '^CapPrm:.0000000000000000$' "/proc/$child/status" || fail "has capabilities"
grep -q '^NoNewPrivs:.1$' "/proc/$child/status" || fail "may get new privileges"
grep -q '^Seccomp:.2$' "/proc/$child/status" || fail "may ask the kernel for anything"

echo "3. what changes nothing is no reason"
cp "$dir/status" /var/lib/dpkg/status-new
mv /var/lib/dpkg/status-new /var/lib/dpkg/status
sleep 1.5
[ "$(seen '^retry')" = 0 ] || fail "inspected although nothing changed"

echo "4. a package more is noticed within 2 s of dpkg's last write"
printf '\nPackage: new\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n' >>"$dir/status"
cp "$dir/status" /var/lib/dpkg/status-new
mv /var/lib/dpkg/status-new /var/lib/dpkg/status
wait_for "^full signed $((packages + 1)) packages" 1 2

echo "5. so are the firewall and forwarding"
nft 'add table inet t; add chain inet t input { type filter hook input priority 0; policy accept; }; add rule inet t input ct state invalid drop'
wait_for 'firewall=2' 1 2

for family in ipv4/ip_forward ipv6/conf/all/forwarding; do
	before=$(seen '^full signed')
	echo 1 >"/proc/sys/net/$family"
	wait_for '^full signed' $((before + 1)) 2
done

echo "6. so is what rpm brings, and reading its database is no change of it"
cat >"$dir/tool.spec" <<'END'
Name: tool
Version: 1
Release: 1
Summary: x
License: ISC
BuildArch: noarch
%description
x
%files
END
if [ -d /var/lib/rpm ] && rpmbuild -bb --define "_topdir $dir/top" "$dir/tool.spec" >"$dir/rpmbuild.log" 2>&1; then
	rpm --dbpath /var/lib/rpm -i --justdb --nodeps --noscripts "$dir"/top/RPMS/noarch/tool-1-1.noarch.rpm >"$dir/rpm.log" 2>&1 ||
		fail "rpm cannot install: $(cat "$dir/rpm.log")"
	wait_for "^full signed $((packages + 2)) packages" 1 5
	# Each reading is done by a child: when it inspects no more, its children use no time.
	for _ in $(seq 8); do
		used=$(awk '{ print $16 + $17 }' "/proc/$agent_pid/stat")
		sleep 1.5
		[ "$(awk '{ print $16 + $17 }' "/proc/$agent_pid/stat")" != "$used" ] || break
		used=
	done
	[ -n "$used" ] || fail "it inspects over and over"
else
	echo "   (skipped: rpmbuild is not installed)"
fi

echo "7. the server asks"
before=$(seen '^full')
kill -USR1 "$peer_pid"
wait_for '^full signed' $((before + 1)) 5

echo "8. the network half dies, and comes back with the certificate in one exchange"
kill -9 "$child"
wait_for '^short signed' 1 10

echo "9. the collector dies, and takes the network half with it; the certificate was kept"
child=$(child_of "$agent_pid")
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null || true
for _ in $(seq 50); do
	[ -d "/proc/$child" ] || break
	sleep 0.1
done
[ ! -d "/proc/$child" ] || fail "the network half outlives the collector"
"$agent" status >/dev/null 2>&1 && fail "status believes a dead agent"
start_agent
wait_for '^short signed' 2 10

echo "10. findings: the remedy is run once for each set of them"
[ ! -e "$dir/remediated" ] || fail "the remedy was run without a finding"
echo '{"segment": "isolated", "compliant": false, "findings": [{"package": "openssl"}]}' >"$dir/decision"
before=$(seen '^full')
kill -USR1 "$peer_pid"
wait_for '^full signed' $((before + 1)) 5
for _ in $(seq 50); do
	[ -e "$dir/remediated" ] && break
	sleep 0.1
done
kill -USR1 "$peer_pid"
wait_for '^full signed' $((before + 2)) 5
sleep 0.5
[ "$(cat "$dir/remediated")" = run ] || fail "the remedy was not run exactly once"

echo "11. the server goes and comes back"
kill "$peer_pid"
wait "$peer_pid" 2>/dev/null || true
sleep 1
before=$(seen '^short')
"$peer" "$dir" 7271 "$dir/decision" >>"$dir/peer.log" 2>&1 &
peer_pid=$!
wait_for '^short' $((before + 1)) 12

echo "12. it ends when it is told to, and leaves no status behind"
child=$(child_of "$agent_pid")
kill "$agent_pid"
wait "$agent_pid" || fail "exit status $?"
[ ! -d "/proc/$child" ] || fail "the network half is left"
[ ! -e /run/pratique/agent-status.json ] || fail "the status is left"
if grep -q 'Sanitizer\|runtime error' "$dir/agent.log" "$dir/peer.log"; then
	fail "a sanitizer has found something"
fi
echo "ok"
