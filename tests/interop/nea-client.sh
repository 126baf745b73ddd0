#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Our protocol stack is assessed by strongSwan's TNC server:
#
#   $NEA_CLIENT  ---TLS 1.3, 127.0.0.1:1271--->  charon (tnc-pdp; OS and SWIMA verifiers, policies in SQLite)
#
# It asks for our installed packages and our software inventory (events once, then records), judges whether we forward packets, and
# we read its result: allowed where we do not, denied where we do; and allowed after SASL PLAIN.
#
#   nea-client.sh NEA-PEER        (NEA_CLIENT: another command that takes nea_peer's options)
# shellcheck disable=SC2086 # option lists and commands in variables are words
set -eu
# shellcheck source=tests/interop/nea-site.sh
. "$(dirname "$0")/nea-site.sh"
# shellcheck source=tests/interop/strongswan-peers.sh
. "$here/strongswan-peers.sh"
openssl_site

client=${NEA_CLIENT:-$1 client}

dpkg-query -W -f '${Package} ${Version}\n' >"$site/packages"
installed=$(wc -l <"$site/packages")
database R
tnc_server_start

# assess NAME OPTIONS...
assess() {
	name=$1
	shift
	: >"$site/charon.log"
	$client --port 1271 --ca "$site/ca.pem" --packages "$site/packages" "$@" >"$site/$name.log" 2>&1 || fail "$name: our client failed"
	expect "$site/$name.log" '^ready: TLSv1.3' "$name: TLS 1.3"
	expect "$site/$name.log" '^asked for: vendor 0 type 7' "$name: asked for the installed packages"
	expect "$site/charon.log" "processed $installed packages" "$name: it counted all $installed of them"
	grep -q '^failure' "$site/$name.log" && fail "$name: something was not understood"
	return 0
}
certificate_options="--cert $site/node.test.pem --key $site/node.test.key"

assess events $certificate_options
expect "$site/events.log" "^sent: $installed software records as attribute 15" "events: asked for software identifier events"
expect "$site/charon.log" "received .*$installed" "events: it counted all $installed of them"
expect "$site/events.log" '^recommendation: 1$' "events: allowed"
expect "$site/events.log" '^assessment: 0$' "events: compliant"
assess forwarding $certificate_options --forwarding
expect "$site/charon.log" 'forwarding enabled' "forwarding: it noticed"
expect "$site/forwarding.log" '^recommendation: 2$' "forwarding: denied"
expect "$site/forwarding.log" '^assessment: 2$' "forwarding: significant differences"
expect "$site/forwarding.log" '^reason: .+' "forwarding: with a reason"
database ''
assess records $certificate_options
expect "$site/records.log" "^sent: $installed software records as attribute 16" "records: asked for the whole inventory"
expect "$site/charon.log" "received $installed SWID tags" "records: it counted all $installed of them"
expect "$site/records.log" '^recommendation: 1$' "records: allowed"
assess plain --user carol --password sesame
expect "$site/plain.log" '^recommendation: 1$' "plain: allowed after SASL PLAIN"
