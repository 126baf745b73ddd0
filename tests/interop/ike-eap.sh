#!/bin/bash
# SPDX-License-Identifier: ISC
#
# EAP in IKEv2: the concentrator proves itself by certificate, the user by EAP through FreeRADIUS. MS-CHAPv2, which derives keys, is
# accepted; MD5, which does not, is refused although RADIUS accepts it.
#
#   ike-eap.sh PROGRAMS IKE-PEER PLUGIN
# shellcheck source=tests/interop/ike-lib.sh
. "$(dirname "$0")/ike-lib.sh"

command -v freeradius >/dev/null || {
	echo "needs freeradius: ./dev setup"
	exit 77
}

# radius METHOD: FreeRADIUS at 127.0.0.1 of the concentrator, with that method of EAP.
radius() {
	local raddb=$work/raddb-$1
	mkdir -p "$raddb"
	cat >"$raddb/radiusd.conf" <<-END
		prefix = /usr
		sysconfdir = /etc
		localstatedir = $raddb
		name = radius
		libdir = /usr/lib/freeradius
		logdir = $raddb
		run_dir = $raddb
		security {
			allow_vulnerable_openssl = yes
		}
		client concentrator {
			ipaddr = 127.0.0.1
			secret = radius-secret-of-this-test
			require_message_authenticator = yes
		}
		modules {
			files {
				usersfile = $raddb/users
			}
			mschap {
			}
			eap {
				default_eap_type = $1
				md5 {
				}
				mschapv2 {
				}
			}
		}
		server default {
			listen {
				type = auth
				ipaddr = 127.0.0.1
				port = 1812
			}
			authorize {
				files
				eap
			}
			authenticate {
				eap
				Auth-Type MS-CHAP {
					mschap
				}
			}
		}
	END
	echo 'alice Cleartext-Password := "wonderland-2026"' >"$raddb/users"
	ip netns exec "${ns}conc" freeradius -f -l stdout -d "$raddb" -n radiusd >"$work/radius-$1.log" 2>&1 &
	pids[radius]=$!
	eventually radius_listens || fail "FreeRADIUS does not come up"
}
radius_listens() {
	in_ns conc ss -Hanu | grep -q '127.0.0.1:1812'
}

make_network
make_ca site
issue site concentrator conc.test
umask 077
echo radius-secret-of-this-test >"$work/secret"
echo wonderland-2026 >"$work/password"
echo looking-glass-2026 >"$work/wrong"
umask 022
chown nobody "$work/secret" "$work/password" "$work/wrong"
configure conc <<END
local = 10.9.0.1
certificate = $work/site-keys/conc.test.pem
key = $work/site-keys/conc.test.key
ca = $work/site-keys/ca.pem
ike_radius = 127.0.0.1:1812
ike_radius_secret = $work/secret
END
configure far <<END
concentrator = 10.9.0.1
concentrator_name = conc.test
ca = $work/site-keys/ca.pem
eap = mschapv2
eap_identity = alice
eap_password_file = $work/password
END
radius mschapv2
start conc concentrator
start far initiator
tell far initiate softwire
expect conc '^child up .*identity=alice eap=alice authentication=3' "a user by EAP-MSCHAPv2 through FreeRADIUS"
expect far '^child up .*identity=conc.test .*authentication=1' "to a concentrator that proves itself by certificate"
[ "$(field far '^sa in' key)" = "$(field conc '^sa out' key)" ] || fail "the keys differ"
expect_log conc 'EAP method EAP_MSCHAPV2 succeeded, MSK established' "the two are bound by the key that EAP derived"
stop far

sed "s,^eap_password_file.*,eap_password_file = $work/wrong," "$work/far.conf" >"$work/far.new"
mv "$work/far.new" "$work/far.conf"
start far initiator
tell far initiate softwire
expect far '^failed softwire: the peer refused our authentication' "a wrong password is refused"
[ "$(count conc '^child up')" = 1 ] || fail "and yet there is a CHILD_SA"

# A client that offers MD5, and a RADIUS server that asks for it.
stop radius
radius md5
sed -i 's/eap-mschapv2/eap-md5/' "$work/run-far/strongswan.conf"
sed -i "s/secret = 0x[0-9a-f]*/secret = \"wonderland-2026\"/" "$work/run-far/swanctl/swanctl.conf"
: >"$work/far.out"
kill -9 "$(pgrep -P "${pids[far]}" -x charon-systemd)"
expect far '^ready' "a client with EAP-MD5"
tell far initiate softwire
expect_log conc 'an EAP method that derives no key is refused' "EAP-MD5 is refused, although RADIUS accepts it"
expect far '^failed softwire' "and the client told"
[ "$(count conc '^child up')" = 1 ] || fail "and yet there is a CHILD_SA"

for name in conc far; do
	! grep -E 'ERROR: AddressSanitizer|runtime error:' "$work/$name.log" || fail "a sanitizer complains"
done
echo "1..$passed"
