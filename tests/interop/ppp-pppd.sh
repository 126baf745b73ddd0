#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Our PPP and pppd, both ways round, over plain L2TP: Debian's kernel L2TP and PPP with xl2tpd in a VM, our machines out here
# by ppp_peer. One boot for all.
#
#   ppp-pppd.sh PPP-PEER
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
peer=$(readlink -f "$1")
# shellcheck disable=SC2034 # linux-vm.sh's
bin=$(dirname "$peer")
# shellcheck source=tests/interop/linux-vm.sh
. "$here/linux-vm.sh"
vm_test_begin "$@"

ip tuntap add vmtap0 mode tap
ip addr add 192.0.2.1/24 dev vmtap0
ip addr add 192.0.2.11/24 dev vmtap0
ip link set vmtap0 up

timeout 240 "$peer" concentrator 192.0.2.1 1701 chap alice opensesame 10.8.0.1 10.8.0.77 1 >"$work/chap.log" 2>&1 &
chap=$!
timeout 240 "$peer" concentrator 192.0.2.11 1701 mschapv2 alice opensesame 10.8.1.1 10.8.1.77 1 >"$work/mschapv2.log" 2>&1 &
mschapv2=$!

# promise "WORDS" COMMAND...
promise() {
	local words=$1
	shift
	if "$@"; then
		ok "$words"
	else
		not_ok "$words"
	fi
}

said() {
	grep -q -- "$2" "$work/$1.log"
}

call() {
	"$peer" initiator 192.0.2.1 192.0.2.4 "$1" alice opensesame >"$work/call-$1.log" 2>&1
}

# "call METHOD": the VM's LNS is ready for it.
on_event() {
	local method=${1#call }
	promise "our initiator by $method: up, and pppd's host answers inside" call "$method"
	promise "$method: IPv4 addresses by IPCP" said "call-$method" '^ipv4: local 10.9.0.1[0-9] peer 10.9.0.1 '
	promise "$method: an IPv4 echo reply" said "call-$method" '^echo: IPv4 reply from 10.9.0.1$'
	promise "$method: an IPv6 echo reply" said "call-$method" '^echo: IPv6 reply'
}

vm_job ppp-pppd-job.sh 240 tap=vmtap0
promise "our LNS, CHAP: the session was closed by pppd" wait "$chap"
promise "our LNS, MS-CHAPv2: the session was closed by pppd" wait "$mschapv2"
promise "pppd proved its user by CHAP" said chap '^CHAP-MD5: alice accepted'
promise "pppd proved its user by MS-CHAPv2" said mschapv2 '^MS-CHAPv2: alice accepted'
vm_test_end
