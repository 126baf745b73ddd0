#!/bin/bash
# SPDX-License-Identifier: ISC
# What the site CA writes, read by openssl; enrolment by curl and openssl, by our own client, and what must be refused.
# usage: ca-openssl.sh PRATIQUE EST_SITE
set -euo pipefail

pratique=$(readlink -f "$1") est_site=$(readlink -f "$2")
for tool in openssl curl; do
	command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done
dir=$(mktemp -d)
server=
cleanup() {
	exec 3>&- || true
	[ -z "$server" ] || wait "$server" || true
	rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir"

step() { printf -- '-- %s\n' "$*"; }
refused() { if "$@" >refused.log 2>&1; then echo "should have been refused: $*"; exit 1; fi; }
verify() { openssl verify -x509_strict -CAfile ca/ca.pem -crl_check -CRLfile ca/ca.crl "$@"; }

for kind in p256 ed25519; do
	step "a CA with $kind, and certificates of both kinds"
	rm -rf ca out
	"$pratique" ca init --dir ca --site "Example Harbour" --key "$kind"
	refused "$pratique" ca init --dir ca --site "Example Harbour"
	"$pratique" ca issue --dir ca --role server --name srv --alt-name localhost --alt-name 127.0.0.1 --out out
	"$pratique" ca issue --dir ca --role node --name bob --key ed25519 --out out
	verify -purpose sslserver -verify_hostname localhost -verify_ip 127.0.0.1 out/srv.pem
	openssl verify -x509_strict -CAfile ca/ca.pem -verify_hostname srv out/srv.pem
	verify -purpose sslclient out/bob.pem
	refused verify -purpose sslserver out/bob.pem
	openssl x509 -in out/srv.pem -noout -text >srv.txt
	grep -q 'CA:FALSE' srv.txt
	grep -q 'DNS:srv, DNS:localhost, IP Address:127.0.0.1' srv.txt
	openssl x509 -in out/bob.pem -noout -subject -nameopt RFC2253 | grep -qx 'subject=CN=bob,OU=node,O=Example Harbour'
	"$pratique" ca issue --dir ca --role vis --name short --days 1 --out out
	openssl x509 -in out/short.pem -noout -checkend 80000 >/dev/null
	refused openssl x509 -in out/short.pem -noout -checkend 90000
	refused "$pratique" ca issue --dir ca --role king --name a --out out
	refused "$pratique" ca issue --dir ca --role node --name A --out out
	refused "$pratique" ca issue --dir ca --role node --name a --days 0 --out out
	[ "$(stat -c %a ca/ca.key out/bob.key | sort -u)" = 600 ]

	step "a revocation list that openssl accepts"
	openssl crl -in ca/ca.crl -CAfile ca/ca.pem -noout 2>&1 | grep -q 'verify OK'
	"$pratique" ca revoke --dir ca --reason keyCompromise bob
	openssl crl -in ca/ca.crl -CAfile ca/ca.pem -noout -text >crl.txt 2>&1
	grep -q 'verify OK' crl.txt
	grep -q 'Key Compromise' crl.txt
	refused verify out/bob.pem
	grep -q 'certificate revoked' refused.log
done

step "an enrolment server"
mkfifo input
"$est_site" ca out <input >where &
server=$!
exec 3>input
for _ in $(seq 100); do [ -s where ] && break; sleep 0.1; done
read -r port token token_erin <where
url=https://localhost:$port/.well-known/est
client=(curl --silent --show-error --fail --max-time 20 --cacert ca/ca.pem --tlsv1.3)

step "cacerts by curl"
"${client[@]}" "$url/cacerts" | openssl base64 -d | openssl pkcs7 -inform DER -print_certs -noout >cacerts.txt
grep -q 'CN = Example Harbour CA' cacerts.txt

step "simpleenroll by openssl and curl"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout carol.key -subj /CN=mallory \
	-outform DER -out carol.der 2>/dev/null
openssl base64 -in carol.der -out carol.b64
enrol() {
	"${client[@]}" --user "$1" -H 'Content-Type: application/pkcs10' --data-binary @"$2" "$url/simpleenroll"
}
refused enrol carol:wrong carol.b64
grep -q 401 refused.log
refused enrol "mallory:$token" carol.b64
echo 'AAAA' >bad.b64
refused enrol "carol:$token" bad.b64
grep -q 400 refused.log
openssl req -new -newkey rsa:2048 -nodes -keyout rsa.key -subj /CN=carol -outform DER 2>/dev/null | openssl base64 >rsa.b64
refused enrol "carol:$token" rsa.b64
grep -q 400 refused.log
enrol "carol:$token" carol.b64 | openssl base64 -d | openssl pkcs7 -inform DER -print_certs >carol.pem
verify -purpose sslclient carol.pem
openssl x509 -in carol.pem -noout -subject -nameopt RFC2253 | grep -qx 'subject=CN=carol,OU=node,O=Example Harbour'
refused enrol "carol:$token" carol.b64
grep -q 401 refused.log

step "simplereenroll by curl, with the certificate"
reenrol() {
	"${client[@]}" "$@" -H 'Content-Type: application/pkcs10' --data-binary @carol.b64 "$url/simplereenroll"
}
refused reenrol
grep -q 403 refused.log
reenrol --cert carol.pem --key carol.key | openssl base64 -d | openssl pkcs7 -inform DER -print_certs >carol2.pem
verify carol2.pem

step "our own client: a token from standard input"
echo "$token_erin" | "$pratique" enrol -s "localhost:$port" -c ca/ca.pem -n erin -t - -k ed25519 -o node
verify -purpose sslclient node/erin.pem
[ "$(stat -c %a node/erin.key)" = 600 ]
"$pratique" ca show node/erin.pem >erin.txt
grep -q '^erin  node  until ' erin.txt
"$pratique" ca show --json node/erin.pem out/srv.pem >both.txt
grep -c '"thumbprint":"[0-9a-f]\{64\}"' both.txt | grep -qx 2
refused "$pratique" ca show ca/ca.pem

step "our own client: a used token, a renewal, a server that is not the one"
refused "$pratique" enrol --server "localhost:$port" --ca ca/ca.pem --name carol --token "$token" --out node
grep -q 'unused token' refused.log
[ ! -e node/carol.key ]
"$pratique" ca issue --dir ca --role node --name dave --out out
"$pratique" enrol --server "127.0.0.1:$port" --ca ca/ca.pem --name dave --renew --out out
verify out/dave.pem
refused "$pratique" enrol --server "localhost:$port" --server-name other --ca ca/ca.pem --name dave --renew --out out
grep -q 'of srv, not of other' refused.log

step "nothing older than TLS 1.3, and nobody who is revoked"
refused openssl s_client -connect "localhost:$port" -CAfile ca/ca.pem -tls1_2 </dev/null
"$pratique" ca revoke --dir ca carol
# A renewal asks the list itself; connections end when the server looks at it, every second.
refused reenrol --cert carol.pem --key carol.key
"$pratique" ca revoke --dir ca dave
for _ in $(seq 50); do
	refused "$pratique" enrol --server "127.0.0.1:$port" --ca ca/ca.pem --name dave --renew --out out
	grep -q 'our certificate is revoked' refused.log && break
	sleep 0.2
done
grep -q 'our certificate is revoked' refused.log
step "all as it should be"
