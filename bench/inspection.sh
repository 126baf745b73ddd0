#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Whole inspections a second. pratique-server on one side; on the other one process with many nodes and a small enforcer, sharing this
# machine's cores, on the loopback of a network namespace. Each inspection: nonce, signed posture with an inventory that no other
# node has (one package in sixteen has a version of its own) and that its node did not have the time before, matched, decided, committed
# to disk, acknowledged by the enforcer, certificate and RESULT. What is the same for many nodes the server stores and looks up once.
#
#   1. on connections that stay open (CRETRY)
#   2. as many presentations of the certificate, which stands in for an inspection, with an unchanged posture and a signature
#   3. with a new mutually authenticated connection each, inspected in full; and as many where each shows its certificate, as an agent
#      does that comes back; beside it, bare TLS connections between openssl s_server and s_time with the
#      same keys and certificates, and strongSwan's pt-tls-client at its tnc-pdp server, where ./dev test has built it
#
# usage: inspection.sh BUILD-DIRECTORY     (environment: BENCH_RUNS, default 5; BENCH_SECONDS of each, default 4; BENCH_NODES, default 1024;
#                                           BENCH_AT_ONCE, default 256: so many of them are being inspected at any time;
#                                           BENCH_PACKAGES of each inventory, default 900; BENCH_STATUS: a dpkg status file;
#                                           BENCH_PROFILE: a file for `perf record` of the server during the open connections)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
runs=${BENCH_RUNS:-5} seconds=${BENCH_SECONDS:-4} nodes=${BENCH_NODES:-1024} at_once=${BENCH_AT_ONCE:-256}

# shellcheck source=bench/site.bash
. "$root/bench/site.bash"

# generate open|new: prints what it measured; $rate is the median, checked against the server's own count.
generate() {
	local before after
	before=$(counter assessments_full)
	"$tools/load" "$1" "$work" "$nodes" 271 2711 "${pids[server]}" "$status" "$packages" "$runs" "$seconds" "$at_once" >"$work/load.out" ||
		{ tail -n 20 "$work/server.log" >&2; fail "the generator failed"; }
	after=$(counter assessments_full)
	grep -v '^rate' "$work/load.out"
	rate=$(sed -n 's/^rate //p' "$work/load.out")
	echo "  the server counts $((after - before)) whole inspections, warm-up included;" \
		"$(counter assessments_short) by certificate, $(counter signatures_refused) signatures refused;" \
		"peak memory $(awk '/^VmHWM/ { printf "%.0f MB", $2 / 1000 }' "/proc/${pids[server]}/status")"
}

# ---- the peers ----

# As many pairs of single-threaded s_server and s_time as keep all cores busy.
handshakes() {
	local pairs=$(($(nproc) * 2)) i timers=()
	for ((i = 0; i < pairs; i++)); do
		start "tls-$i" openssl s_server -accept "127.0.0.1:$((4430 + i))" -cert "$work/srv.pem" -key "$work/srv.key" \
			-CAfile "$work/ca/ca.pem" -Verify 2 -tls1_3 -num_tickets 0 -no_cache -www
	done
	for ((i = 0; i < pairs; i++)); do
		until_true 10 "openssl s_server listens" grep -q ACCEPT "$work/tls-$i.log"
		openssl s_time -connect "127.0.0.1:$((4430 + i))" -new -tls1_3 -cert "$work/node-$i.pem" -key "$work/node-$i.key" \
			-CAfile "$work/ca/ca.pem" -verify 2 -time "${seconds%.*}" >"$work/time-$i" 2>&1 &
		timers+=($!)
	done
	wait "${timers[@]}"
	for ((i = 0; i < pairs; i++)); do
		stop "tls-$i"
	done
	sed -n 's/^\([0-9]*\) connections in \([0-9]*\) real seconds.*/\1 \2/p' "$work"/time-* |
		awk '{ sum += $1 / $2 } END { print sum }'
}

prepare_strongswan() {
	mkdir "$work/nea"
	mount -t tmpfs -o mode=700 none "$work/nea" # its database is spared the disk
	mkdir -p "$work/nea/swanctl/x509" "$work/nea/swanctl/x509ca" "$work/nea/swanctl/ecdsa"
	local nea=$work/nea
	cp "$work/srv.pem" "$nea/swanctl/x509/"
	cp "$work/ca/ca.pem" "$nea/swanctl/x509ca/"
	cp "$work/srv.key" "$nea/swanctl/ecdsa/"
	printf 'IMV "OS" %s\n' "$strongswan/lib/ipsec/imcvs/imv-os.so" >"$nea/imv"
	printf 'IMC "OS" %s\n' "$strongswan/lib/ipsec/imcvs/imc-os.so" >"$nea/imc"
	cat >"$nea/strongswan.conf" <<-END
		libtls {
			version_max = 1.3
		}
		charon {
			load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey constraints revocation kernel-netlink socket-default vici sqlite tnc-tnccs tnc-imv tnc-pdp tnccs-20
			tnc {
				tnc_config = $nea/imv
			}
			imcv {
				database = sqlite://$nea/imv.db
				policy_script = $strongswan/libexec/ipsec/imv_policy_manager
			}
			plugins {
				tnc-pdp {
					server = srv
					pt_tls {
						port = 1271
					}
					radius {
						enable = no
					}
				}
				vici {
					socket = unix://$nea/charon.vici
				}
			}
		}
		imv_policy_manager {
			database = sqlite://$nea/imv.db
			load = sqlite
		}
		swanctl {
			load = random openssl pem pkcs1 pkcs8 x509 pubkey
		}
		pt-tls-client {
			load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey constraints revocation tnc-tnccs tnc-imc tnccs-20
			tnc {
				tnc_config = $nea/imc
			}
		}
	END
	/usr/bin/python3 - "$strongswan/share/strongswan/templates/database/imv/tables.sql" "$nea/imv.db" <<-'END'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[2])
		db.executescript(open(sys.argv[1]).read())
		db.execute("INSERT INTO products (id, name) VALUES (1, 'Debian 12.0 x86_64')")
		db.execute("INSERT INTO groups (id, name, parent) VALUES (1, 'Default', 0)")
		db.execute("INSERT INTO policies (id, type, name, argument, rec_fail, rec_noresult) VALUES (1, 1, 'Installed Packages', '', 1, 1)")
		db.execute("INSERT INTO enforcements (policy, group_id, max_age) VALUES (1, 1, 0)")
		db.commit()
	END
	mount -t tmpfs -o mode=755 none "$strongswan/run"
	echo "127.0.0.1 srv" >"$nea/hosts"
	mount --bind "$nea/hosts" /etc/hosts
	# Where no syslog daemon runs its words go to the console, and a slow one would be what is measured.
	mount --bind /dev/null /dev/console
	export STRONGSWAN_CONF="$nea/strongswan.conf" SWANCTL_DIR="$nea/swanctl"
	start charon "$strongswan/libexec/ipsec/charon"
	until_true 20 "charon's control socket" test -S "$nea/charon.vici"
	until_true 20 "charon has its certificate" "$strongswan/sbin/swanctl" --load-creds --uri "unix://$nea/charon.vici"
}

# One assessment: a new client process and connection. It always exits 1: its log is what counts.
assess() {
	"$strongswan/bin/pt-tls-client" --connect srv --port 1271 --cert "$work/ca/ca.pem" --debug 1 --cert "$work/node-$1.pem" \
		--key "$work/node-$1.key" --key-type ecdsa --client "node-$1" >"$work/nea/client-$1.log" 2>&1 || true
	grep -q "PB-TNC access recommendation" "$work/nea/client-$1.log"
}

# assess_for LANE SECONDS: prints how many a second succeeded, one after the other.
assess_for() {
	local begun=${EPOCHREALTIME/./} now n=0
	now=$begun
	while [ $((now - begun)) -lt $(($2 * 1000000)) ]; do
		! assess "$1" || n=$((n + 1))
		now=${EPOCHREALTIME/./}
	done
	awk -v n="$n" -v us=$((now - begun)) 'BEGIN { print n * 1e6 / us }'
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# ratio WHAT A THEIRS B
ratio() {
	awk -v what="$1" -v a="$2" -v theirs="$3" -v b="$4" 'BEGIN {
		printf "  ratio: %s : %s = %.2f (%.0f/s : %.0f/s)\n", what, theirs, b ? a / b : 0, a, b }'
}

# ---- all of it ----

print_machine
echo "store: $(stat -f -c %T "$work"), every decision synchronous; cores are shared by server and generator"
prepare
start_server

echo
echo "== inspections on open connections"
if [ -n "${BENCH_PROFILE:-}" ]; then
	start perf perf record -q -F 999 -p "${pids[server]}" -o "$BENCH_PROFILE"
fi
generate open
open_rate=$rate
[ -z "${BENCH_PROFILE:-}" ] || stop perf

echo
echo "== certificates shown again on open connections, with a signature that nothing has changed"
generate present # a node may do so twenty times a second

stop server
start_server
echo
echo "== inspections with a new connection each"
generate new
new_rate=$rate

echo
echo "== new connections, on each of which a certificate is shown again with an unchanged posture, as agents do that come back"
generate back
back_rate=$rate
stop server

echo
echo "== bare TLS 1.3 connections, certificates on both sides: openssl s_server and s_time, $(($(nproc) * 2)) pairs"
for ((run = 0; run < runs; run++)); do
	handshakes
done >"$work/handshakes"
bare_rate=$(median <"$work/handshakes")
echo "  $(printf '%.0f' "$bare_rate") connections/s (median of $runs runs; $(sort -n "$work/handshakes" | sed -n '1p;$p' | paste -sd ' '))"
ratio "new connections, each inspected in full to the end" "$new_rate" "bare TLS connections" "$bare_rate"
ratio "new connections of agents that come back, affirmed to the end" "$back_rate" "bare TLS connections" "$bare_rate"

echo
echo "== strongSwan: pt-tls-client and tnc-pdp with the OS verifier (it judges no advisories)"
strongswan=$(find "${XDG_CACHE_HOME:-$HOME/.cache}/pratique" -maxdepth 2 -path '*/strongswan-[0-9]*/complete' -printf '%h\n' 2>/dev/null |
	sort -V | tail -n 1 || true)
if [ -z "$strongswan" ]; then
	echo "  not built here (./dev test interop builds it): no peer to compare with"
	exit
fi
prepare_strongswan
assess 0 || { tail -n 30 "$work/nea/client-0.log" "$work/charon.log" >&2; fail "strongSwan's client does not get a recommendation"; }
for ((run = 0; run < runs; run++)); do
	lanes=()
	for ((lane = 0; lane < $(nproc) * 2; lane++)); do
		assess_for "$lane" "${seconds%.*}" >"$work/nea/lane-$lane" &
		lanes+=($!)
	done
	wait "${lanes[@]}"
	cat "$work"/nea/lane-* | awk '{ sum += $1 } END { print sum }'
done >"$work/nea/rates"
nea_rate=$(median <"$work/nea/rates")
echo "  $nea_rate assessments/s (median of $runs runs), $(($(nproc) * 2)) at a time, each with a new client process and connection"
ratio "new connections inspected to the end" "$new_rate" "strongSwan's assessments" "$nea_rate"
ratio "inspections on open connections" "$open_rate" "strongSwan's assessments" "$nea_rate"
