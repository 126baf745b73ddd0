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

client=${NEA_CLIENT:-$1 client}

printf 'IMV "OS" %s\nIMV "SWIMA" %s\n' "$strongswan/lib/ipsec/imcvs/imv-os.so" "$strongswan/lib/ipsec/imcvs/imv-swima.so" \
	>"$site/tnc_config"
mkdir -p "$site/swanctl/x509" "$site/swanctl/x509ca" "$site/swanctl/ecdsa"
cp "$site/server.test.pem" "$site/swanctl/x509/"
cp "$site/ca.pem" "$site/swanctl/x509ca/"
cp "$site/server.test.key" "$site/swanctl/ecdsa/"
cat >"$site/swanctl/swanctl.conf" <<END
secrets {
	eap-carol {
		id = carol
		secret = sesame
	}
}
END
cat >"$site/strongswan.conf" <<END
libtls {
	version_max = 1.3
}
charon {
	load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey constraints revocation kernel-netlink socket-default vici sqlite tnc-tnccs tnc-imv tnc-pdp tnccs-20
	tnc {
		tnc_config = $site/tnc_config
	}
	imcv {
		database = sqlite://$site/imv.db
		policy_script = $strongswan/libexec/ipsec/imv_policy_manager
	}
	plugins {
		tnc-pdp {
			server = server.test
			pt_tls {
				port = 1271
			}
			radius {
				enable = no
			}
		}
		vici {
			socket = unix://$site/charon.vici
		}
	}
	filelog {
		log {
			path = $site/charon.log
			flush_line = yes
			default = 1
			tnc = 2
			imv = 2
		}
	}
}
imv_policy_manager {
	database = sqlite://$site/imv.db
	load = sqlite
}
swanctl {
	load = random openssl pem pkcs1 pkcs8 x509 pubkey
}
END
export STRONGSWAN_CONF="$site/strongswan.conf" SWANCTL_DIR="$site/swanctl"

# database SWIMA-ARGUMENT: one group; its policies are types 1 (installed packages), 3 (forwarding) and 15 (software inventory;
# "R": identifiers only). Recommendation 1 is "no access".
database() {
	python3 - "$strongswan/share/strongswan/templates/database/imv/tables.sql" "$site/imv.db" "$1" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[2])
db.executescript(open(sys.argv[1]).read())
db.execute("INSERT INTO products (id, name) VALUES (1, 'Debian 12.0 x86_64')")
db.execute("INSERT INTO groups (id, name, parent) VALUES (1, 'Default', 0)")
policies = [(1, 1, 'Installed Packages', ''), (2, 3, 'Forwarding', ''), (3, 15, 'Software Inventory', sys.argv[3])]
for id, type, name, argument in policies:
    db.execute("INSERT INTO policies (id, type, name, argument, rec_fail, rec_noresult) VALUES (?, ?, ?, ?, 1, 1)",
               (id, type, name, argument))
    db.execute("INSERT INTO enforcements (policy, group_id, max_age) VALUES (?, 1, 0)", (id,))
db.commit()
END
}

dpkg-query -W -f '${Package} ${Version}\n' >"$site/packages"
installed=$(wc -l <"$site/packages")
database R
start "$site/charon-output.log" "$strongswan/libexec/ipsec/charon"
wait_for 20 "$site/charon.log" 'spawning .* worker threads'
"$strongswan/sbin/swanctl" --load-creds --uri "unix://$site/charon.vici" >"$site/swanctl.log" 2>&1 || fail "swanctl"

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
