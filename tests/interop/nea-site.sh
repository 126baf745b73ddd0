# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# Sourced by the interop tests with strongSwan: a throw-away site for one of them. It re-runs the script in a network and mount
# namespace of its own (so no port or pid file is shared with anybody), finds the built strongSwan, and removes everything at the
# end. The site CA is made by openssl_site or by pratique_site; then there are ca.pem, server.test.{pem,key} and
# node.test.{pem,key} in the folder.
#
# Afterwards: $site (folder), $strongswan (prefix), port 1271 is free on 127.0.0.1.

here=$(dirname "$(readlink -f "$0")")

if [ "$(id -u)" != 0 ]; then
	echo "SKIP: needs root for a network namespace of its own"
	exit 77
fi
strongswan=$("$here/strongswan.sh") || { echo "SKIP: no strongSwan could be built; see above"; exit 77; }
if [ -z "${NEA_SITE:-}" ]; then
	site=$(mktemp -d "${TMPDIR:-/tmp}/pq-nea.XXXXXX")
	trap 'rm -rf "$site"' EXIT
	trap 'exit 1' INT TERM HUP
	NEA_SITE=$site unshare --net --mount -- "$0" "$@" && status=0 || status=$?
	exit "$status"
fi
site=$NEA_SITE
ip link set lo up
mount -t tmpfs -o mode=711 none "$site"
mount -t tmpfs -o mode=755 none "$strongswan/run"

children=
cleanup() {
	for child in $children; do
		kill "$child" 2>/dev/null && wait "$child" 2>/dev/null
	done
	return 0
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# start LOG COMMAND...: in the background, ended with the script; $! is its pid.
start() {
	log=$1
	shift
	"$@" >"$log" 2>&1 &
	children="$! $children"
}

fail() {
	echo "FAIL: $*"
	for log in "$site"/*.log; do
		echo "--- $log"
		tail -n 60 "$log"
	done
	exit 1
}

# expect LOG PATTERN WHAT: within five seconds, since others write their logs when they like.
expect() {
	expected=100
	until grep -Eq -- "$2" "$1"; do
		expected=$((expected - 1))
		[ $expected -gt 0 ] || fail "$3: no line like '$2' in $1"
		sleep 0.05
	done
	echo "ok: $3"
}

# wait_for SECONDS LOG PATTERN
wait_for() {
	tries=$(($1 * 20))
	while [ $tries -gt 0 ]; do
		grep -Eq -- "$3" "$2" 2>/dev/null && return 0
		sleep 0.05
		tries=$((tries - 1))
	done
	fail "nothing like '$3' in $2 after $1 s"
}

# certificate NAME ALT-NAMES: $site/NAME.pem and NAME.key, P-256, of the CA of openssl_site.
certificate() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$site/$1.key" -subj "/O=Interop/CN=$1" \
		-out "$site/$1.csr" 2>/dev/null
	printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n' "$2" >"$site/$1.ext"
	openssl x509 -req -in "$site/$1.csr" -CA "$site/ca.pem" -CAkey "$site/ca.key" -CAcreateserial -days 1 \
		-extfile "$site/$1.ext" -out "$site/$1.pem" 2>/dev/null
}

openssl_site() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$site/ca.key" \
		-subj '/O=Interop/CN=Interop CA' -days 1 -addext keyUsage=critical,keyCertSign,cRLSign -out "$site/ca.pem" 2>/dev/null
	certificate server.test DNS:server.test,IP:127.0.0.1
	certificate node.test DNS:node.test
}

# pratique_site PRATIQUE
pratique_site() {
	"$1" ca init --dir "$site/ca" --site Interop >"$site/ca.log" 2>&1 || fail "pratique ca init"
	"$1" ca issue --dir "$site/ca" --role server --name server.test --alt-name 127.0.0.1 --out "$site" >>"$site/ca.log" 2>&1 ||
		fail "pratique ca issue for the server"
	"$1" ca issue --dir "$site/ca" --role node --name node.test --out "$site" >>"$site/ca.log" 2>&1 ||
		fail "pratique ca issue for the node"
	cp "$site/ca/ca.pem" "$site/ca.pem"
}
