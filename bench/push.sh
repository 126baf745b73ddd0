#!/bin/bash
# SPDX-License-Identifier: ISC
#
# From the publication of an advisory at the root of a tree of VISes to the first packet that a gateway drops because of it, and back
# when it is withdrawn. All of it is real: what follows runs in network namespaces, with its files on a disk.
#
#     publisher ─▶ root ─▶ mid ─▶ leaf      three VISes, mutual TLS between them; the leaf is the site's
#                                  │ index, changes
#                               server ─▶ enforcer     nftables in gw
#                                  │         │
#     n1 (a real agent, admitted) ─┴── gw ───┘         packets from n1 to the server's host, one every 2 ms
#
# Twice: a publisher signs into a repository that the root hands on (one signature, no index at the root); and `pratique vuln publish`
# at a root that publishes itself what its index says. The clock begins before the publisher is told, and ends when the first packet is
# sent that does not arrive any more; back: when the first one is sent that arrives again. The stages on the way are times since that
# beginning: when root, mid and leaf told their subscribers, when the index of the leaf had it, when the server had the verdict on its
# disk, when the kernel had the new segment.
#
# usage: push.sh BUILD-DIRECTORY
#   environment: BENCH_RUNS, default 100: publications of each kind, each withdrawn again
#                BENCH_NODES, default 0: so many further nodes, connected, inspected and stored; the advisory concerns them all
#                BENCH_WAYS, default "signed published": which of the two
#                BENCH_INDEX=1: the root has Debian's whole export (of ../shared/advisories) and publishes it: all indexes hold it
#                BENCH_IMPORT=1: meanwhile the leaf's index takes that export, from a source of its own, in and out again without an end
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
runs=${BENCH_RUNS:-100} nodes=${BENCH_NODES:-0} packages=${BENCH_PACKAGES:-900} status=${BENCH_STATUS:-/var/lib/dpkg/status}
[ "$(id -u)" = 0 ] || fail "needs root: network namespaces and nftables"
export PQ_SITE_ON_DISK=1 PQ_SITE_BIN=$build/bin TMPDIR=${TMPDIR:-/var/tmp}
if [ -z "${PQ_SITE:-}" ]; then
	[ "$(stat -f -c %T "$TMPDIR")" != tmpfs ] || fail "$TMPDIR is on a tmpfs: set TMPDIR to a folder on a disk"
	build_tools bench/vis-publisher bench/load bin/pratique bin/pratique-vis bin/pratique-server bin/pratique-enforcer bin/pratique-agent
	print_machine
fi
# shellcheck source=tests/scenario/site-lib.sh
. "$root/tests/scenario/site-lib.sh"
# shellcheck source=tests/scenario/chain-lib.sh
. "$root/tests/scenario/chain-lib.sh"
ok() {
	:
}
export_archive=$(find "$shared/advisories/osv/" -name 'debian-osv-*.tar.xz' 2>/dev/null | sort | tail -n 1 || true)
[ -z "${BENCH_INDEX:-}${BENCH_IMPORT:-}" ] || [ -n "$export_archive" ] || fail "no OSV export of Debian in $shared/advisories/osv"
cd "$site"

make_network n1
[ "$nodes" = 0 ] || "$tools/load" prepare "$site" "$nodes"
echo 'enforcer "load" { nodes 127.1.0.0/16 }' | make_chain_site
cat >>server.conf <<-END
	connections_per_source = 100000
	connections_max = $((nodes + 100))
END
start_publisher "$tools/vis-publisher" >/dev/null
index=() import=()
[ -z "${BENCH_INDEX:-}" ] || index=(--source "debian=$export_archive")
if [ -n "${BENCH_IMPORT:-}" ]; then
	advisory IMPORT-1 no-such-package >IMPORT-1.json
	tar -cJf empty.tar.xz IMPORT-1.json
	cp "$export_archive" full.tar.xz
	cp empty.tar.xz import.tar.xz
	chmod 644 ./*.tar.xz
	import=(--source "import=$site/import.tar.xz" --interval 1 --metrics run/leaf.metrics)
fi
begin_vis root "${index[@]}"
begin_vis mid
begin_vis leaf "${import[@]}"
for name in root mid leaf; do
	until_true 120 "$name answers" test -S "run/$name.http"
done
start_chain_site >/dev/null
if [ "$nodes" != 0 ]; then
	ulimit -Sn "$(ulimit -Hn)"
	start load-enforcer "$tools/load" enforcer "$site" "$nodes" 271 2711 "${pids[server]}" "$status" "$packages" 1 1 1
	start load "$tools/load" agents "$site" "$nodes" 271 2711 "${pids[server]}" "$status" "$packages" 1 1 32
	until_true 600 "$nodes nodes are held" grep -q ^held load.log
fi
if [ -n "${BENCH_INDEX:-}" ]; then
	has_export() {
		[ "$(ask_vis leaf /v1/status | jq .records)" -gt 40000 ]
	}
	until_true 300 "the site's index has the export" has_export
fi
echo "site: $((nodes + 1)) nodes; $(ask_vis leaf /v1/status | jq .records) advisories in its index$(
	[ -z "${BENCH_IMPORT:-}" ] || echo ", and an import of $(basename "$export_archive") in and out of it all the time")"

imports() {
	grep -c 'import: [0-9]* records read' leaf.log || true
}
# The whole export, then next to nothing: each time all of its records come or go in one transaction.
exchange() {
	local what=full before
	while :; do
		before=$(imports)
		cp "$what.tar.xz" next && mv next import.tar.xz
		while [ "$(imports)" = "$before" ]; do
			sleep 0.2
		done
		[ "$what" = full ] && what=empty || what=full
	done
}
if [ -n "${BENCH_IMPORT:-}" ]; then
	exchange &
	pids[exchange]=$!
fi
for way in ${BENCH_WAYS:-signed published}; do
	echo
	case $way in
	signed) echo "== a publisher signs, $runs times one after the other" ;;
	published) echo "== pratique vuln publish at the root, $runs times" ;;
	esac
	/usr/bin/python3 "$root/bench/push_latency.py" "$runs" "$way" "$bin" || fail "no figures"
	echo "  load: $(cut -d ' ' -f 1-3 /proc/loadavg)"
done
[ -z "${BENCH_IMPORT:-}" ] || echo "imports of the leaf meanwhile: $(imports); they gave way $(curl -s --unix-socket run/leaf.metrics http://vis/metrics |
	awk '/^pratique_vis_loads_given_way/ { print $2 }') times"
