#!/bin/bash
# SPDX-License-Identifier: ISC
#
# A stock Linux client, as Debian ships it, in a VM: strongSwan's charon, ESP and L2TP in the kernel, xl2tpd, pppd.
#
#   softwire-linux-client.sh PROGRAMS
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
bin=$(readlink -f "$1")
# shellcheck source=tests/interop/linux-vm.sh
. "$here/linux-vm.sh"
vm_test_begin "$@"

"$bin/pratique" ca init --dir "$work/ca" --site "Linux Harbour" >/dev/null
mkdir "$work/keys"
cp "$work/ca/ca.pem" "$work/keys/"
"$bin/pratique" ca issue --dir "$work/ca" --role node --name client --out "$work/keys" >/dev/null
"$bin/pratique" ca issue --dir "$work/ca" --role concentrator --name lns --out "$work/keys" >/dev/null

vm_job linux-pair-job.sh 110
vm_test_end
