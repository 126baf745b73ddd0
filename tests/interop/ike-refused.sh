#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Who and what IKE refuses: concentrators and nodes of another CA, with another name, revoked; shared and missing
# pre-shared keys; IKEv1 where it is not switched on, aggressive mode where it is; and which configurations --check does not let pass.
#
#   ike-refused.sh PROGRAMS IKE-PEER PLUGIN
# shellcheck source=tests/interop/ike-lib.sh
. "$(dirname "$0")/ike-lib.sh"

make_network
make_ca site
make_ca rogue
issue site concentrator conc.test
issue site node laptop.test
issue site node lost.test
issue rogue concentrator conc.test
issue rogue node laptop.test

# of CA NAME: the lines for a certificate.
of() {
	cat <<-END
		certificate = $work/$1-keys/$2.pem
		key = $work/$1-keys/$2.key
		ca = $work/site-keys/ca.pem
	END
}
conc() {
	configure conc <<-END
		local = 10.9.0.1
		$(cat)
	END
}
far() {
	configure far <<-END
		concentrator = 10.9.0.1
		concentrator_name = conc.test
		$(cat)
	END
}

# attempt WHAT REASON: the initiator's, and no CHILD_SA.
attempt() {
	local what=$1 reason=$2
	tell far initiate softwire
	eventually said far "^failed softwire: $reason" || fail "$what"
	refuse far '^child up' "$what: $reason"
}
none_at_concentrator() {
	! said conc '^child up' || fail "the concentrator has a CHILD_SA"
}
both_anew() {
	local name
	for name in conc far; do
		[ -z "${pids[$name]:-}" ] || stop "$name"
	done
	start conc concentrator
	start far initiator
}

# ---- certificates ----

of site conc.test | conc
of site laptop.test | far
both_anew
tell far initiate softwire
expect far '^child up' "the node and the concentrator of the site are friends"
stop far

of site laptop.test | far
sed -i 's/^concentrator_name.*/concentrator_name = other.test/' "$work/far.conf"
both_anew
attempt "a concentrator with another name" 'the peer'

of rogue conc.test | sed "s,^ca.*,ca = $work/rogue-keys/ca.pem," | conc
of site laptop.test | far
both_anew
attempt "a rogue concentrator of another CA" "the peer"

# The rogue takes everybody, so that it is the initiator who refuses.
of rogue conc.test | conc
both_anew
attempt "a rogue concentrator that takes the site's nodes" "the peer"
expect_log far "no trusted .* public key found for 'conc.test'" "it is the initiator who refuses"

of site conc.test | conc
of rogue laptop.test | far
both_anew
attempt "a node of another CA" "the peer refused our authentication"
none_at_concentrator

# A node that has the right CA and plays the concentrator.
configure conc <<END
local = 10.9.0.1
identity = conc.test
$(of site laptop.test)
END
of site lost.test | far
both_anew
attempt "a node that plays the concentrator" "the peer"

# ---- roles: everybody of the site has a certificate of its CA, but not as that ----

issue site server gate.test
issue site concentrator other.test
of site conc.test | conc
for role in gate other; do
	of site $role.test | far
	both_anew
	attempt "an initiator whose certificate is not a node's ($role.test)" "the peer refused our authentication"
	expect_log conc "the peer's certificate .*$role.test.* is not that of a node" "the concentrator says why"
	none_at_concentrator
done
of site gate.test | { cat && echo "peer_role = any"; } | conc
of site laptop.test | far
sed -i 's/^concentrator_name.*/concentrator_name = gate.test/' "$work/far.conf"
both_anew
attempt "a server of the site that plays the concentrator" "the peer's certificate is of another role"
expect_log far "the peer's certificate .*gate.test.* is not that of a concentrator" "it is the initiator who refuses"
of site gate.test | { cat && echo "peer_role = any"; } | conc
of site other.test | { cat && echo "peer_role = server"; } | far
sed -i 's/^concentrator_name.*/concentrator_name = gate.test/' "$work/far.conf"
both_anew
tell far initiate softwire
expect conc '^child up .*identity=other.test' "with peer_role = any on one side and = server on the other they are friends"

# ---- revocation ----

of site conc.test | { cat && echo "crl = $work/site-keys/ca.crl"; } | conc
of site lost.test | far
both_anew
tell far initiate softwire
expect conc '^child up .*identity=lost.test' "a node that is not revoked yet is let in"
"$bin/pratique" ca revoke --dir "$work/site" lost.test >/dev/null || fail "pratique ca revoke"
install -m 644 "$work/site/ca.crl" "$work/site-keys/ca.crl"
: >"$work/conc.out"
tell conc reload
expect conc '^ready' "the revocation list is loaded again"
: >"$work/conc.out"
: >"$work/far.out"
attempt "a revoked node" "the peer refused our authentication"
none_at_concentrator
expect_log conc 'certificate was revoked on' "and the concentrator says why"

# ---- pre-shared keys ----

psk() {
	printf '%s\n' "$@" >"$work/$1.psk"
	sed -i 1d "$work/$1.psk"
	chmod 600 "$work/$1.psk"
	chown nobody "$work/$1.psk"
}
psk conc "laptop.test 0123456789abcdef-laptop" "sensor.test 0x00112233445566778899aabbccddeeff"
psk far "conc.test 0123456789abcdef-laptop"
conc <<END
identity = conc.test
psk_file = $work/conc.psk
END
far <<END
identity = laptop.test
psk_file = $work/far.psk
END
both_anew
tell far initiate softwire
expect conc '^child up .*identity=laptop.test .*authentication=2' "a peer with its pre-shared key"
stop far
sed -i 's/laptop.test/sensor.test/' "$work/far.conf"
both_anew
attempt "a peer that takes another's identity with its own key" "the peer"
none_at_concentrator

# ---- IKEv1 ----

echo "ikev1 = yes" >>"$work/far.conf"
both_anew
tell far initiate softwire
expect_log conc 'no IKE config found for 10.9.0.1...10.9.0.2, sending NO_PROPOSAL_CHOSEN' "IKEv1 is refused where it is not switched on"
refuse conc '^child up' "and nothing comes of it"

of site conc.test | { cat && echo "ikev1 = yes"; } | conc
of site laptop.test | { cat && echo "ikev1 = yes"; } | far
both_anew
tell far initiate softwire
expect conc '^child up .*identity=laptop.test .*authentication=1' "IKEv1 in main mode by certificate, behind its switch"
of site gate.test | { cat && echo "ikev1 = yes"; } | far
both_anew
attempt "an IKEv1 initiator whose certificate is not a node's" "the"
none_at_concentrator

psk conc "10.9.0.2 0123456789abcdef-far"
psk far "10.9.0.1 0123456789abcdef-far"
conc <<END
psk_file = $work/conc.psk
ikev1 = yes
END
configure far <<END
concentrator = 10.9.0.1
concentrator_name = 10.9.0.1
psk_file = $work/far.psk
ikev1 = yes
END
both_anew
tell far initiate softwire
expect conc '^child up .*identity=10.9.0.2 .*authentication=2' "IKEv1 with a pre-shared key from a fixed address"
[ "$(field far '^sa in' key)" = "$(field conc '^sa out' key)" ] || fail "the keys differ"

# Aggressive mode: the initiator's generated configuration, changed by hand.
stop far
start far initiator
sed -i 's/aggressive = no/aggressive = yes/' "$work/run-far/swanctl/swanctl.conf"
SWANCTL_DIR=$work/run-far/swanctl STRONGSWAN_CONF=$work/run-far/strongswan.conf \
	in_ns far swanctl --load-all --clear --noprompt --uri "unix://$work/run-far/charon.vici" >/dev/null 2>&1 || fail "swanctl"
: >"$work/conc.out"
tell far initiate softwire
expect_log far 'initiating Aggressive Mode' "an initiator begins in aggressive mode"
expect_log conc 'Aggressive Mode PSK disabled|AGGRESSIVE' "the concentrator sees it"
sleep 1
refuse conc '^child up' "and refuses"
stop far
stop conc

# ---- configurations ----

psk conc "laptop.test one-key-for-everybody" "sensor.test another-key-for-me" "gate.test one-key-for-everybody"
conc <<END
identity = conc.test
psk_file = $work/conc.psk
END
check_fails concentrator conc 'conc.psk:3: the key is that of line 1: peers that share a key' "a pre-shared key of several peers, with file and lines"
psk conc "laptop.test one-key-for-laptop" "LAPTOP.test another-key-for-me"
check_fails concentrator conc 'conc.psk:2: this peer has another key in line 1' "two keys of one peer"
psk conc "%any one-key-for-everybody"
check_fails concentrator conc 'conc.psk:1: "%any" is not one peer' "a key for anybody"
psk conc "laptop.test short"
check_fails concentrator conc 'conc.psk:1: the secret has less than 16 bytes' "a short key"
psk conc "laptop.test 0123456789abcdef-laptop"
chmod 644 "$work/conc.psk"
check_fails concentrator conc 'conc.psk: mode 0644 lets others read a secret' "keys that everybody can read"
of site conc.test | { cat && printf 'esp = aes128gcm\nesp = null-sha256\n'; } | conc
check_fails concentrator conc 'null-sha256 .*stands alone' "integrity only beside encryption"
of site conc.test | { cat && echo 'ike = 3des-md5-modp1024'; } | conc
check_fails concentrator conc '3des-md5-modp1024" is not secure' "an old IKE proposal"
of site laptop.test | far
sed -i /^concentrator_name/d "$work/far.conf"
check_fails initiator far '^ike_peer: concentrator_name: ' "an initiator that would take any concentrator"
of site laptop.test | { cat && echo 'peer_role = a "role"'; } | far
check_fails initiator far 'peer_role: "a "role"" is not one word' "a role that is none"
printf 'eap = md5\neap_identity = alice\nca = %s\n' "$work/site-keys/ca.pem" | far
check_fails initiator far 'eap: "md5" is none of mschapv2, tls' "an EAP method without keys"

for name in conc far; do
	! grep -E 'ERROR: AddressSanitizer|runtime error:' "$work/$name.log" || fail "a sanitizer complains"
done
echo "1..$passed"
