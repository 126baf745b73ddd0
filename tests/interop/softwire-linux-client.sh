#!/bin/bash
# SPDX-License-Identifier: ISC
#
# A stock Linux client, as Debian ships it, in a VM: strongSwan's charon, ESP and L2TP in the kernel, xl2tpd, pppd. First at
# a stock LNS, then through our concentrator, which is out here on the other end of the VM's wire:
#
#   VM: client 192.0.2.2 --- 192.0.2.1 pratique-softwire --- 10.1.2.2, 2001:db8:1:2::2
#
#   softwire-linux-client.sh PROGRAMS PLUGIN
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
bin=$(readlink -f "$1")
plugin=$(readlink -f "$2")
# shellcheck source=tests/interop/linux-vm.sh
. "$here/linux-vm.sh"
vm_test_begin "$@"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

"$bin/pratique" ca init --dir "$work/ca" --site "Linux Harbour" >/dev/null
mkdir "$work/keys"
cp "$work/ca/ca.pem" "$work/keys/"
"$bin/pratique" ca issue --dir "$work/ca" --role node --name client --out "$work/keys" >/dev/null
"$bin/pratique" ca issue --dir "$work/ca" --role concentrator --name lns --out "$work/keys" >/dev/null
"$bin/pratique" ca issue --dir "$work/ca" --role concentrator --name sc.test --out "$work/keys" >/dev/null

# ---- the concentrator ----

sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
ip tuntap add vmtap0 mode tap
ip addr add 192.0.2.1/24 dev vmtap0
ip link set vmtap0 up
ip link add behind type bridge
ip addr add 10.1.2.2/24 dev behind
ip addr add 2001:db8:1:2::2/64 dev behind
ip link set behind up
chown nobody "$work/keys/sc.test.key"
echo 'alice plain:opensesame' >"$work/users"
chmod 600 "$work/users"
chown nobody "$work/users"
cat >"$work/concentrator.conf" <<END
user = nobody
listen = 192.0.2.1
run_directory = $work/run
state_directory = $work/state
socket = $work/run/api.sock
enforcer_socket =
users_file = $work/users
ppp_auth = mschapv2
pool = default ipv4 10.9.0.0/24
pool = default framed 2001:db8:9000::/48
certificate = $work/keys/sc.test.pem
key = $work/keys/sc.test.key
ca = $work/keys/ca.pem
charon_plugin = $plugin
workers = 1
END
"$bin/pratique-softwire" concentrator --config "$work/concentrator.conf" >"$work/concentrator.log" 2>&1 &
concentrator=$!

sessions() {
	"$bin/pratique" softwire sessions --json --socket "$work/run/api.sock" | jq -r "$1"
}

# Within 10 s.
comes_to() {
	local i
	for ((i = 0; i < 100; i++)); do
		[ "$(sessions "$1" 2>/dev/null)" != "$2" ] || return 0
		sleep 0.1
	done
	return 1
}

on_event() {
	case $1 in
	session)
		if comes_to '.sessions[0] | "\(.machine) \(.user) \(.protection)"' 'client alice IPsec, certificate'; then
			ok "the concentrator has the session, with the machine's name and the user's"
		else
			not_ok "the concentrator has the session: $(sessions .sessions)"
		fi
		;;
	gone)
		if comes_to '.sessions | length' 0; then
			ok "the client's DELETE ends the session at once (RFC 3193, 3.1)"
		else
			not_ok "the session ends with its IKE_SA"
		fi
		;;
	esac
}

vm_job linux-pair-job.sh 110
vm_job linux-client-job.sh 200 tap=vmtap0
kill "$concentrator"
wait "$concentrator" || not_ok "the concentrator ends well"
! grep -A 20 -e 'ERROR: AddressSanitizer' -e 'runtime error:' "$work/concentrator.log" | sed 's/^/# /' ||
	not_ok "no sanitizer complains"
if [ "$missed" != 0 ]; then
	sed 's/^/# concentrator: /' "$work/concentrator.log" | tail -n 80
fi
vm_test_end
