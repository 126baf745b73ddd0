#!/bin/sh
# SPDX-License-Identifier: ISC
#
# strongSwan's pt-tls-client is assessed by our protocol stack:
#
#   pt-tls-client (OS and SWIMA collectors)  ---TLS 1.3, 127.0.0.1:1271--->  $NEA_SERVER
#
# Its OS attributes, its installed packages and its SWIMA inventory are decoded, and it gets the recommendation that we send: each
# of the three, and one after SASL PLAIN.
#
#   nea-server.sh NEA-PEER        (NEA_SERVER: another command that takes nea_peer's options)
# shellcheck disable=SC2086 # option lists and commands in variables are words
set -eu
# shellcheck source=tests/interop/nea-site.sh
. "$(dirname "$0")/nea-site.sh"
# shellcheck source=tests/interop/strongswan-peers.sh
. "$here/strongswan-peers.sh"
openssl_site

server=${NEA_SERVER:-$1 server}

tnc_client_setup
installed=$(dpkg-query -W -f '${Status}\n' | grep -c '^install ok installed')

# assess NAME OUR-OPTIONS -- THEIR-OPTIONS
assess() {
	name=$1
	shift
	ours=
	while [ "$1" != -- ]; do
		ours="$ours $1"
		shift
	done
	shift
	start "$site/$name-server.log" $server --port 1271 --ca "$site/ca.pem" --cert "$site/server.test.pem" \
		--key "$site/server.test.key" $ours
	pid=$!
	wait_for 10 "$site/$name-server.log" listening
	tnc_client "$@" >"$site/$name-client.log" 2>&1
	wait "$pid" || fail "$name: the server failed"
	expect "$site/$name-server.log" '^ready: TLSv1.3' "$name: TLS 1.3"
	expect "$site/$name-server.log" '^product: Debian' "$name: the operating system is decoded"
	expect "$site/$name-server.log" '^string version: [0-9]+' "$name: and its version"
	expect "$site/$name-server.log" '^swima: type 14, [0-9]+ records, .*request 0x5052' "$name: a SWIMA identifier inventory"
	expect "$site/$name-server.log" '^ignored: attribute of vendor 0x5597' "$name: TCG's attributes are tolerated"
	expect "$site/$name-server.log" '^closed' "$name: the client closed"
	grep -q '^failure' "$site/$name-server.log" && fail "$name: something was not understood"
	counts=$(sed -n 's/^received: \([0-9]*\) packages, \([0-9]*\) software identifiers/\1 \2/p' "$site/$name-server.log")
	[ "${counts% *}" -ge 100 ] || fail "$name: $counts packages"
	[ "${counts#* }" -ge "$installed" ] || fail "$name: $counts identifiers of $installed packages"
	echo "ok: $name: $counts packages and software identifiers ($installed are installed)"
}

certificate_options="--cert $site/node.test.pem --key $site/node.test.key --key-type ecdsa --client node.test"
assess allowed --recommend allowed -- $certificate_options
expect "$site/allowed-client.log" "access recommendation is 'Access Allowed'" "allowed: the client was told so"
expect "$site/allowed-client.log" "assessment result is 'compliant'" "allowed: and that it is compliant"
assess quarantined --recommend quarantined -- $certificate_options
expect "$site/quarantined-client.log" "access recommendation is 'Quarantined'" "quarantined: the client was told so"
expect "$site/quarantined-client.log" "the interop test says so" "quarantined: with the reason"
expect "$site/quarantined-client.log" "http://patches.test/" "quarantined: and the remediation address"
assess denied --recommend denied -- $certificate_options
expect "$site/denied-client.log" "access recommendation is 'Access Denied'" "denied: the client was told so"
assess plain --recommend allowed --user carol --password sesame -- --client carol --secret sesame
expect "$site/plain-server.log" '^authenticated: carol' "plain: SASL PLAIN"
expect "$site/plain-client.log" "access recommendation is 'Access Allowed'" "plain: the client was told so"
