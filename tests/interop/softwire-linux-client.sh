#!/bin/bash
# SPDX-License-Identifier: ISC
#
# A stock Linux client, as Debian ships it, at our concentrator: in the VM strongSwan's charon, ESP and L2TP in the kernel, xl2tpd
# and pppd; out here our concentrator with ESP in its own data plane, and a host of the site behind it.
#
#   softwire-linux-client.sh PROGRAMS PLUGIN
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
bin=$(readlink -f "$1")
plugin=$(readlink -f "$2")
# shellcheck source=tests/interop/linux-vm.sh
. "$here/linux-vm.sh"
vm_test_begin "$@"

ip tuntap add vm0 mode tap
ip addr add 192.0.2.1/24 dev vm0
ip link set vm0 up
ip addr add 10.1.2.2/32 dev lo
ip addr add 2001:db8:1:2::2/128 dev lo

make_keys
linux_users >"$work/users"
chown nobody "$work/users" "$work/keys/concentrator.key"
chmod 600 "$work/users"
cat >"$work/concentrator.conf" <<-END
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
	dns = 10.1.2.2
	certificate = $work/keys/concentrator.pem
	key = $work/keys/concentrator.key
	ca = $work/keys/ca.pem
	ikev1 = yes
	esp = aes128gcm
	esp = aes256-sha1
	charon_plugin = $plugin
	workers = 1
END
spawn concentrator "$bin/pratique-softwire" concentrator --config "$work/concentrator.conf"
eventually test -S "$work/run/api.sock" || fail "the concentrator does not start"

sessions() {
	"$bin/pratique" softwire sessions --socket "$work/run/api.sock" --json
}

on_event() {
	local id
	case $1 in
	up\ *)
		read -r _ ipv4 ipv6 <<<"$1"
		check "the session is alice's, on the client's machine" is_alices
		check "from the site to the client, IPv4" pings "$ipv4"
		check "from the site to the client, IPv6" pings "$ipv6"
		;;
	disconnect)
		id=$(sessions | jq -r '.sessions[0].port')
		say "$("$bin/pratique" softwire disconnect --socket "$work/run/api.sock" "$id" 2>&1)"
		;;
	back) check "the concentrator has it again" is_alices ;;
	gone) check "the session is gone here too" no_session ;;
	esac
}
is_alices() {
	sessions | jq -e '.sessions | length == 1 and .[0].user == "alice" and .[0].machine == "client"' >/dev/null
}
no_session() {
	sessions | jq -e '.sessions == []' >/dev/null
}
pings() {
	ping -q -c 5 -i 0.2 -W 5 "$1" | grep -q ' 0% packet loss'
}

vm_job linux-client-job.sh 220 tap=vm0
[ "$missed" = 0 ] || "$bin/pratique" softwire status --socket "$work/run/api.sock" | sed 's/^/# /'
vm_test_end
