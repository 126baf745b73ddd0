#!/bin/bash
# SPDX-License-Identifier: ISC
# Softwires under IKEv2 and ESP: an initiator with a certificate behind a NAT, and what an attacker, a roam and the death of each
# process do to it.
# Arguments: the folder of the programs, charon's plugin.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"
plugin=$(readlink -f "${2:?the plugin of charon}")
[ -x /usr/sbin/charon-systemd ] || {
	echo "needs strongSwan: ./dev setup"
	exit 77
}

make_network
make_nat
"$bin/pratique" ca init --dir "$work/ca" --site example >/dev/null
for name in concentrator alice bob; do
	role=node
	[ $name != concentrator ] || role=concentrator
	"$bin/pratique" ca issue --dir "$work/ca" --role $role --name $name --out "$work" >/dev/null
	chown nobody "$work/$name.key"
done
write_concentrator
cat >>"$work/concentrator.conf" <<-END
	ipsec = userspace
	certificate = $work/concentrator.pem
	key = $work/concentrator.key
	ca = $work/ca/ca.pem
	charon_plugin = $plugin
	bind = same-name
END
write_initiator ini alice wonderland
cat >>"$work/ini.conf" <<-END
	ipsec = userspace
	certificate = $work/alice.pem
	key = $work/alice.key
	ca = $work/ca/ca.pem
	concentrator_name = concentrator
	charon_plugin = $plugin
END
chmod 755 "$work/ca"
"$softwire" concentrator --config "$work/concentrator.conf" --check || fail "the concentrator's configuration"
"$softwire" initiator --config "$work/ini.conf" --check || fail "the initiator's configuration"
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
eventually session_count 1 || fail "there is no session"
expect_pings ini 10.1.2.2 "IPv4 through ESP and a NAT"
expect_pings ini 2001:db8:1:2::2 "IPv6 through ESP and a NAT"
sessions
echo "1..$passed"
