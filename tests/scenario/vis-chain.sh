#!/bin/bash
# SPDX-License-Identifier: ISC
#
# An advisory that is published at the root of three levels of VISes moves a node of the site at their end: its packets stop. When it is
# withdrawn they pass again. The middle VIS, the site's VIS and the server are killed hard in turn, before it is published and while it is
# on its way, and nothing is forgotten. How long it takes is bench/push.sh's affair.
#
# usage: vis-chain.sh BIN-DIRECTORY PUBLISHER
# shellcheck source=tests/scenario/site-lib.sh disable=SC2317
. "$(dirname "$0")/site-lib.sh"
# shellcheck source=tests/scenario/chain-lib.sh
. "$(dirname "$0")/chain-lib.sh"
publisher=$(readlink -f "$2")
here=$(dirname "$(readlink -f "$0")")
cd "$site" || exit 1
began=$SECONDS

make_network n1
make_chain_site </dev/null
start_publisher "$publisher"
# So that the last record of the folder is not the last one of Debian's.
mkdir -m 755 other
advisory OTHER-1 no-such-package >other/OTHER-1.json
begin_vis root --source "other=$site/other"
begin_vis mid
begin_vis leaf
for name in root mid leaf; do
	until_true 30 "$name answers" test -S "run/$name.http"
done
start_chain_site
start echo "$here/enforcer-probe.py" serve 443

reaches() {
	of n1 "$here/enforcer-probe.py" connect fd09:2::2 443
}
is_out() {
	is_in isolated && ! reaches
}
is_back() {
	is_in staff && reaches
}
until_true 30 "its packets pass" is_back

# put and remove, by the one publisher and by the other.
put_signed() {
	order put BENCH-1 Debian:12 999:1
}
remove_signed() {
	order remove BENCH-1
}
put_published() {
	"$bin/pratique" vuln publish --dir published BENCH-1.json || fail "it is not published"
}
remove_published() {
	"$bin/pratique" vuln publish --dir published --remove BENCH-1 || fail "it is not taken back"
}
for way in signed published; do
	"put_$way"
	until_true 60 "$way: an advisory at the root stops the node's packets" is_out
	"remove_$way"
	until_true 60 "$way: without it they pass again" is_back
done

# end NAME: at once. again NAME: as it was.
end() {
	kill -KILL "${pids[$1]}"
	wait "${pids[$1]}" 2>/dev/null
	unset "pids[$1]"
}
again() {
	case $1 in
	server) start_server ;;
	*) begin_vis "$1" ;;
	esac
}
for victim in mid leaf server; do
	end "$victim"
	put_signed
	again "$victim"
	until_true 90 "published while $victim was dead: the packets stop" is_out
	remove_signed
	sleep 0.02
	end "$victim"
	again "$victim"
	until_true 90 "$victim killed while the withdrawal was on its way: they pass again" is_back
	put_signed
	sleep 0.03
	end "$victim"
	again "$victim"
	until_true 90 "$victim killed while the advisory was on its way: they stop" is_out
	remove_signed
	until_true 90 "and pass again" is_back
done

echo "ok: $((SECONDS - began)) s"
grep -l -e 'ERROR: AddressSanitizer' -e 'runtime error:' ./*.log && fail "a sanitizer complains"
exit 0
