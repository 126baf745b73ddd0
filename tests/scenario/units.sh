#!/bin/bash
# SPDX-License-Identifier: ISC
# The systemd units as they are installed: every directive is known, every program and manual page that they name is
# there, and none is more exposed than is written here (systemd-analyze security: 0 is best, 100 worst).
# Arguments: the folder of the programs.
set -euo pipefail

bin=$(cd "$1" && pwd)
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
command -v systemd-analyze >/dev/null || {
	echo "needs systemd-analyze"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "FAILED: $*"
	exit 1
}

# The agent reads a whole host as root and runs its package manager; the keeper of softwires starts as root.
declare -A exposure=([server]=20 [vis]=15 [enforcer]=22 [concentrator]=42 [initiator]=42 [agent]=60 [renew@]=15)
n=0
for file in "$root"/systemd/pratique-*.service; do
	name=$(basename "$file" .service)
	sed "s|@bindir@|$bin|" "$file" >"$dir/$name.service"
	n=$((n + 1))
done
cp "$root"/systemd/pratique-renew@.timer "$dir"
said=$(systemd-analyze verify --man=no "$dir/pratique-renew@gw.timer" 2>&1 | grep -F "pratique" || true)
[ -z "$said" ] || fail "$said"
[ "$n" = "${#exposure[@]}" ] || fail "$n units, ${#exposure[@]} of them are known here"
for name in "${!exposure[@]}"; do
	unit=$dir/pratique-$name.service
	# Of other packages' units there is nothing to say here; pages are looked for below.
	said=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F "pratique" || true)
	[ -z "$said" ] || fail "$said"
	while IFS= read -r page; do
		[ -f "$root/man/$page" ] || fail "$name: there is no $page"
	done < <(sed -n 's/^Documentation=man:\(.*\)(\(.\))$/\1.\2/p' "$unit")
	said=$(systemd-analyze security --offline=yes "--threshold=${exposure[$name]}" "$unit" 2>&1) || {
		echo "$said" | grep '✗' || true
		fail "$name is more exposed than ${exposure[$name]}: $(echo "$said" | tail -n 1)"
	}
	echo "ok: $name: $(echo "$said" | tail -n 1 | tr -dc '0-9.')"
done
