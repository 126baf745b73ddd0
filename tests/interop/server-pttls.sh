#!/bin/sh
# SPDX-License-Identifier: ISC
#
# strongSwan's pt-tls-client, which knows nothing of Pratique, is assessed by pratique-server:
#
#   pt-tls-client (OS and SWIMA collectors)  ---TLS 1.3, 127.0.0.1:1271--->  pratique-server
#
# Its certificate is of the site CA. Each of this machine's packages has an advisory, so each must come back as a finding with the
# version that dpkg has; its posture is not signed with the node's key, so it is quarantined even where nothing is found, and
# denied where the policy rejects it. Then peers that are slow, that break off anywhere, or that have no business here.
#
#   server-pttls.sh BIN-DIRECTORY NEA-PEER
set -eu
# shellcheck source=tests/interop/nea-site.sh
. "$(dirname "$0")/nea-site.sh"
# shellcheck source=tests/interop/strongswan-peers.sh
. "$here/strongswan-peers.sh"

bin=$(readlink -f "$1")
nea_peer=$2
pratique_site "$bin/pratique"

api() {
	"$bin/pratique" "$@" --socket "$site/server.sock"
}

counter() {
	api status --json | jq ".counters.$1"
}

# The node as the server has it: a jq expression.
node() {
	api explain node.test --json | jq -r "$1"
}

# is WHAT VALUE WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: $2 instead of $3"
	echo "ok: $1"
}

# advisories: reads package names, one OSV record each in $site/advisories; every version is affected.
advisories() {
	rm -rf "$site/advisories"
	mkdir "$site/advisories"
	python3 -c '
import json, sys
for name in sys.stdin.read().split():
    json.dump({"schema_version": "1.6.0", "id": "TEST-" + name, "modified": "2026-01-01T00:00:00Z",
               "published": "2026-01-01T00:00:00Z", "summary": "made for a test",
               "affected": [{"package": {"ecosystem": "Debian:12", "name": name}, "ranges": [
                   {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999:1"}]}]}],
               "database_specific": {"severity": "HIGH"}}, open(f"{sys.argv[1]}/{name}.json", "w"))' "$site/advisories"
	"$bin/pratique" vuln index --out "$site/index" "test=$site/advisories" >>"$site/index.log" 2>&1 || fail "vuln index"
	chown -R nobody "$site/index"
}

# policy LINE: what is required.
policy() {
	cat >"$site/policy" <<END
site 127.0.0.0/8
enforcer "gateway" { nodes 127.0.0.0/8 }
define server { address 127.0.0.1 tcp 1271 }
segment quarantine default { allow to server }
segment isolated { allow to server }
segment staff level 2 { allow to any }
$1
admit to staff when patched
otherwise isolated
inspect every 30 min
certificate lifetime 45 min
END
	chmod 644 "$site/policy"
}

# assess NAME: one assessment; its log is $site/NAME-client.log.
assess() {
	before=$(counter assessments_full)
	tnc_client --cert "$site/node.test.pem" --key "$site/node.test.key" --key-type ecdsa --client node.test \
		>"$site/$1-client.log" 2>&1
	is "$1: one whole assessment" "$(counter assessments_full)" $((before + 1))
	expect "$site/$1-client.log" 'negotiated TLS 1.3' "$1: TLS 1.3"
	expect "$site/$1-client.log" "assessment result is 'non-compliant major'" "$1: the client was told that its posture is not enough"
	expect "$site/$1-client.log" "https://help.test/" "$1: and where there is help"
}

tnc_client_setup
policy 'require patched { no advisory }'
mkdir -m 700 "$site/state"
chown nobody "$site/state"
cp "$site/ca/ca.crl" "$site/ca.crl"
cat >"$site/server.conf" <<END
addresses = 127.0.0.1
node_port = 1271
enforcer_port = 0
socket = $site/server.sock
certificate = $site/server.test.pem
key = $site/server.test.key
ca = $site/ca.pem
crl = $site/ca.crl
policy = $site/policy
state_directory = $site/state
index_directory = $site/index
vis_socket = $site/vis.sock
user = nobody
remediation_uri = https://help.test/
END
chmod 644 "$site/server.conf" "$site"/*.pem "$site/ca.crl"
dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' | sed -n 's/^ii *//p' | sort -u >"$site/packages"
installed=$(wc -l <"$site/packages")
cut -d' ' -f1 "$site/packages" | sort -u | advisories
start "$site/server.log" "$bin/pratique-server" --config "$site/server.conf"
server=$!
tries=500
until api status >/dev/null 2>&1; do
	tries=$((tries - 1))
	if [ $tries -le 0 ] || ! kill -0 "$server"; then
		fail "the server does not answer"
	fi
	sleep 0.02
done

# ---- every package is judged ----

assess findings
expect "$site/findings-client.log" "access recommendation is 'Quarantined'" "findings: quarantined"
expect "$site/findings-client.log" 'This host does not meet the policy' "findings: with the decision as a reason"
expect "$site/findings-client.log" 'posture is not signed' "findings: and why it is no better"
expect "$site/findings-client.log" 'Upgrade [^ ]+ from [^ ]+ to 999:1' "findings: and what to upgrade"
node '.decision.findings[] | select(.kind == "advisory") | .package + " " + .installed' | sort -u >"$site/found"
diff "$site/packages" "$site/found" >"$site/packages.log" || fail "findings: not the packages of dpkg"
echo "ok: findings: all $installed packages of dpkg, each with its version and its advisory"
is "findings: one a package, and the missing signature" \
	"$(node '[.decision.findings[].requirement] | group_by(.) | map("\(.[0]) \(length)") | join(", ")')" \
	"patched $installed, signed posture 1"
is "findings: the posture counts as unsigned" "$(node .posture_signed)" false
is "findings: not compliant" "$(node .decision.compliant)" false
is "findings: in quarantine" "$(node .segment)" quarantine
api nodes >"$site/nodes.log"
expect "$site/nodes.log" '^node.test +not placed +quarantine' "findings: the node is listed"
api explain node.test >"$site/explain.log"
expect "$site/explain.log" '^bash .* TEST-bash ' "findings: and explained"

# ---- nothing found: it is no better off, and what it did not say is no pass ----

echo no-such-package | advisories
api reload >"$site/reload.log" 2>&1 || fail "reload"
assess clean
expect "$site/clean-client.log" "access recommendation is 'Quarantined'" "clean: quarantined"
expect "$site/clean-client.log" 'posture is not signed' "clean: because nobody signed"
is "clean: that, and what could have been missed" "$(node '[.decision.findings[].requirement] | join(", ")')" 'signed posture, patched'
expect "$site/clean-client.log" 'another source package are missed' "clean: the client was told what it should have said"

# ---- rejected ----

policy 'require patched { no advisory }
reject when package "bash" installed'
api reload >"$site/reload.log" 2>&1 || fail "reload"
assess rejected
expect "$site/rejected-client.log" "access recommendation is 'Access Denied'" "rejected: denied"
expect "$site/rejected-client.log" 'refused by the policy' "rejected: with the reason"
policy 'require patched { no advisory }'
api reload >"$site/reload.log" 2>&1 || fail "reload"

# ---- in whatever pieces, and however it ends ----

peer() {
	"$nea_peer" client --port 1271 --ca "$site/ca.pem" --cert "$site/node.test.pem" --key "$site/node.test.key" \
		--packages "$site/packages" "$@"
}

peer --slow >"$site/slow.log" 2>&1 || fail "slow: no result"
expect "$site/slow.log" '^recommendation: 3$' "slow: every byte for itself, and the result is the same"
errors=$(counter protocol_errors)
is "all of that without a protocol error" "$errors" 0
is "and without a posture that could not be read" "$(counter postures_refused)" 0

broken=0
for bytes in 0 1 15 16 17 23 24 31 40 60 100 200 400 1000 5000 20000; do
	peer --vanish "$bytes" >"$site/vanish.log" 2>&1 || fail "vanish: the peer failed"
	grep -q '^vanished' "$site/vanish.log" && broken=$((broken + 1))
done
[ "$broken" -ge 15 ] || fail "vanish: only $broken connections were broken off"
for delay in 0.02 0.05 0.1 0.2; do
	"$strongswan/bin/pt-tls-client" --connect 127.0.0.1 --port 1271 --cert "$site/ca.pem" --cert "$site/node.test.pem" \
		--key "$site/node.test.key" --key-type ecdsa --client node.test >"$site/killed-client.log" 2>&1 &
	victim=$!
	sleep "$delay"
	kill -9 "$victim" 2>/dev/null || true
	wait "$victim" 2>/dev/null || true
done
printf 'GET / HTTP/1.0\r\n\r\n' | timeout 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/1271 && cat >&3 && cat <&3 >/dev/null' || true
kill -0 "$server" || fail "the server is gone"
assess afterwards
expect "$site/afterwards-client.log" "access recommendation is 'Quarantined'" "afterwards: still at work"

# ---- who may not come ----

# refuse NAME PATTERN OPTIONS...: not assessed, and the server says why.
refuse() {
	name=$1
	pattern=$2
	shift 2
	tnc_client "$@" >"$site/$name-client.log" 2>&1
	wait_for 10 "$site/server.log" "$pattern"
	grep -q 'access recommendation' "$site/$name-client.log" && fail "$name was assessed"
	echo "ok: $name is refused"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$site/stranger.key" -subj /CN=node.test -days 1 \
	-addext subjectAltName=DNS:node.test -out "$site/stranger.pem" 2>/dev/null
for who in "operator olga" "node dave"; do
	# shellcheck disable=SC2086 # two words
	set -- $who
	"$bin/pratique" ca issue --dir "$site/ca" --role "$1" --name "$2" --out "$site" >>"$site/ca.log" 2>&1 || fail "no $2"
done
refuse stranger "refused: .*not from this site's CA" --cert "$site/stranger.pem" --key "$site/stranger.key" --key-type ecdsa \
	--client node.test
refuse nobody 'refused: .*no certificate' --client node.test
refuse operator 'refused: .*operator' --cert "$site/olga.pem" --key "$site/olga.key" --key-type ecdsa --client olga
"$bin/pratique" ca revoke --dir "$site/ca" dave >>"$site/ca.log" 2>&1 || fail "dave cannot be revoked"
cp "$site/ca/ca.crl" "$site/ca.crl"
wait_for 10 "$site/server.log" 'revocation list read again'
refuse revoked 'refused: .*revoked' --cert "$site/dave.pem" --key "$site/dave.key" --key-type ecdsa --client dave

python3 "$here/socket-nodelay.py" "$server" 1271 -- "$nea_peer" client --port 1271 --ca "$site/ca.pem" \
	--cert "$site/node.test.pem" --key "$site/node.test.key" --packages "$site/packages" --slow >"$site/nodelay.log" 2>&1 ||
	fail "the server's sockets delay"
echo "ok: TCP_NODELAY is set on the server's sockets"

kill "$server"
wait "$server" || fail "the server did not end in order"
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
echo "ok: ended in order"
