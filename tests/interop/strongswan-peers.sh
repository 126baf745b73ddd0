# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2154,SC2034 # $site and $strongswan are of nea-site.sh, $charon is for the tests
#
# Sourced after nea-site.sh: strongSwan's two ends of an assessment, configured for the certificates in $site.
#
#   tnc_client_setup, tnc_client OPTIONS...   pt-tls-client to 127.0.0.1:1271, with its OS and SWIMA collectors
#   database, tnc_server_start                charon (tnc-pdp) on port 1271, with its OS and SWIMA verifiers, policies in SQLite

tnc_client_setup() {
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

	# strongSwan's own inventory of this machine's packages.
	python3 - "$strongswan/share/strongswan/templates/database/sw-collector/sw_collector_tables.sql" "$site/collector.db" <<'END'
import sqlite3, sys
sqlite3.connect(sys.argv[2]).executescript(open(sys.argv[1]).read())
END
	"$strongswan/sbin/sw-collector" >"$site/collector.log" 2>&1 || fail "sw-collector"
}

# It always exits 1: its log is what counts.
tnc_client() {
	"$strongswan/bin/pt-tls-client" --connect 127.0.0.1 --port 1271 --cert "$site/ca.pem" --debug 2 "$@" || true
}

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

tnc_server_start() {
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
	start "$site/charon-output.log" "$strongswan/libexec/ipsec/charon"
	charon=$!
	wait_for 20 "$site/charon.log" 'spawning .* worker threads'
	"$strongswan/sbin/swanctl" --load-creds --uri "unix://$site/charon.vici" >"$site/swanctl.log" 2>&1 || fail "swanctl"
}
