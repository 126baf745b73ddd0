#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Our initiator with `ipsec = kernel` at a stock Linux LNS, both in one VM, because this machine's kernel need not have ESP:
#
#   client 192.0.2.2 pratique-softwire --- 192.0.2.1 charon, xl2tpd, pppd
#
#   softwire-kernel.sh PROGRAMS PLUGIN
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
bin=$(readlink -f "$1")
plugin=$(readlink -f "$2")
# shellcheck source=tests/interop/linux-vm.sh
. "$here/linux-vm.sh"
vm_test_begin "$@"

"$bin/pratique" ca init --dir "$work/ca" --site "Linux Harbour" >/dev/null
mkdir "$work/keys"
cp "$work/ca/ca.pem" "$work/keys/"
"$bin/pratique" ca issue --dir "$work/ca" --role node --name client --out "$work/keys" >/dev/null
"$bin/pratique" ca issue --dir "$work/ca" --role concentrator --name lns --out "$work/keys" >/dev/null
printf 'bin=%q\nplugin=%q\nexport ASAN_OPTIONS=detect_leaks=0\n' "$bin" "$plugin" >"$work/keys/programs"

vm_job linux-kernel-job.sh 240 memory=1536
vm_test_end
