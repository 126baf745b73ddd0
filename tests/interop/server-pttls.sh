#!/bin/sh
# SPDX-License-Identifier: ISC
#
# strongSwan's pt-tls-client is inspected by pratique-server, as a third party's node:
#
#   pt-tls-client (OS and SWIMA collectors)  ---TLS 1.3, 127.0.0.1:1271--->  pratique-server
#
# Its packages are understood and matched with an advisory, every reason reaches it, and as it signs nothing it is quarantined. A
# certificate of another role, and a revoked one, do not get in.
#
#   server-pttls.sh BIN-DIRECTORY
set -eu
bin=$(readlink -f "$1")
# shellcheck source=tests/interop/nea-site.sh
. "$(dirname "$0")/nea-site.sh"

printf 'IMC "OS" %s\nIMC "SWIMA" %s\n' "$strongswan/lib/ipsec/imcvs/imc-os.so" "$strongswan/lib/ipsec/imcvs/imc-swima.so" \
	>"$site/tnc_config"
printf 'Start-Date: 2026-01-01  00:00:00\nEnd-Date: 2026-01-01  00:00:01\n' >"$site/history.log"
cat >"$site/strongswan.conf" <<END
libtls {
	version_max = 1.3
}
sw-collector {
	database = sqlite://$site/collector.db
	history = $site/history.log
	first_time = 2025-01-01T00:00:00Z
	load = random nonce openssl sqlite
}
pt-tls-client {
	load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey constraints revocation sqlite tnc-tnccs tnc-imc tnccs-20
	tnc {
		tnc_config = $site/tnc_config
	}
	plugins {
		imc-swima {
			swid_database = sqlite://$site/collector.db
			swid_directory = $site
		}
	}
}
END
export STRONGSWAN_CONF="$site/strongswan.conf"
python3 - "$strongswan/share/strongswan/templates/database/sw-collector/sw_collector_tables.sql" "$site/collector.db" <<'END'
import sqlite3, sys
sqlite3.connect(sys.argv[2]).executescript(open(sys.argv[1]).read())
END
"$strongswan/sbin/sw-collector" >"$site/collector.log" 2>&1 || fail "sw-collector"

"$bin/pratique" ca init --dir "$site/ca" --site Interop >"$site/ca.log" 2>&1 || fail "no CA"
"$bin/pratique" ca issue --dir "$site/ca" --role server --name srv --alt-name 127.0.0.1 --out "$site" >>"$site/ca.log" 2>&1 ||
	fail "no server certificate"
for name in carol dave; do
	"$bin/pratique" ca issue --dir "$site/ca" --role node --name $name --out "$site" >>"$site/ca.log" 2>&1 || fail "no $name"
done
"$bin/pratique" ca issue --dir "$site/ca" --role operator --name olga --out "$site" >>"$site/ca.log" 2>&1 || fail "no olga"
chmod 755 "$site" # the server gives its privileges up
mkdir -p "$site/advisories"
mkdir -m 700 "$site/state"
cat >"$site/advisories/TEST-1.json" <<'END'
{"schema_version":"1.6.0","id":"TEST-1","modified":"2026-01-01T00:00:00Z","published":"2026-01-01T00:00:00Z",
 "affected":[{"package":{"ecosystem":"Debian:12","name":"bash"},
 "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"999:1"}]}]}]}
END
"$bin/pratique" vuln index --out "$site/index" "$site/advisories" >"$site/index.log" 2>&1 || fail "no index"
cp "$site/ca/ca.pem" "$site/ca/ca.crl" "$site/"
chown -R nobody "$site/state" "$site/index"
cat >"$site/policy" <<'END'
define server { address 127.0.0.1 tcp 1271 }
segment quarantine default { allow to server }
segment staff level 1 { allow to any }
require patched { no advisory }
admit to staff when patched
otherwise quarantine
inspect every 30 min
certificate lifetime 45 min
END
cat >"$site/server.conf" <<END
node_port = 1271
addresses = 127.0.0.1
socket = $site/server.sock
certificate = $site/srv.pem
key = $site/srv.key
ca = $site/ca.pem
crl = $site/ca.crl
policy = $site/policy
state_directory = $site/state
index_directory = $site/index
vis_socket =
user = nobody
remediation_uri = https://help.test/
END
start "$site/server.log" "$bin/pratique-server" --config "$site/server.conf"
wait_for 10 "$site/server.log" 'is ready'

# assess NAME: its log is what counts, it always exits 1.
assess() {
	timeout 60 "$strongswan/bin/pt-tls-client" --connect 127.0.0.1 --port 1271 --cert "$site/ca/ca.pem" --debug 2 \
		--cert "$site/$1.pem" --key "$site/$1.key" --key-type ecdsa --client "$1" >"$site/$1-client.log" 2>&1 || true
}

assess carol
expect "$site/carol-client.log" "assessment result is 'non-compliant" "carol: the assessment"
expect "$site/carol-client.log" "access recommendation is 'Quarantined'" "carol: the recommendation"
expect "$site/carol-client.log" "is not signed with the host's key" "carol: why"
expect "$site/carol-client.log" "bash .* has TEST-1" "carol: the advisory"
expect "$site/carol-client.log" "Upgrade bash from .* to 999:1 or later" "carol: what to do"
expect "$site/carol-client.log" "https://help.test/" "carol: where to find help"
"$bin/pratique" explain carol --socket "$site/server.sock" >"$site/explain.log" || fail "explain"
expect "$site/explain.log" '^bash .*999:1 +TEST-1' "the server has the finding"
expect "$site/explain.log" 'signed posture' "and that nothing was signed"
"$bin/pratique" status --json --socket "$site/server.sock" >"$site/status.log" || fail "status"
expect "$site/status.log" '"protocol_errors": 0' "no protocol errors"
expect "$site/status.log" '"postures_refused": 0' "nothing was not understood"

assess olga
expect "$site/server.log" 'refused: .*operator' "an operator's certificate is no node's"
grep -q "assessment result" "$site/olga-client.log" && fail "olga was assessed"

"$bin/pratique" ca revoke --dir "$site/ca" dave >>"$site/ca.log" 2>&1 || fail "dave cannot be revoked"
cp "$site/ca/ca.crl" "$site/"
wait_for 5 "$site/server.log" 'revocation list read again'
assess dave
grep -q "assessment result" "$site/dave-client.log" && fail "dave was assessed"
expect "$site/server.log" 'refused: .*revoked' "a revoked certificate does not get in"
echo "ok: all"
