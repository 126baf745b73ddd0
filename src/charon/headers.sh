#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Makes sure that the headers of strongSwan are at hand, with a config.h like the one of Debian's build, and prints
# their folder: ${XDG_CACHE_HOME:-$HOME/.cache}/pratique/strongswan-headers-VERSION. They come from Debian's source
# package, because no binary package has them. IKEv1 and mediation (ME) must be configured: they decide the layout of structs
# that our plugin shares with Debian's charon.
set -eu

base=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pratique
source=$(dirname "$(readlink -f "$0")")/../../lab/strongswan-source.sh
work=

say() {
	echo "headers.sh: $*" >&2
}

find_headers() {
	for stamp in "$base"/strongswan-headers-*/complete; do
		[ -e "$stamp" ] && dirname "$stamp"
	done | sort -V | tail -n 1
}

# A copy is configured, and its headers kept.
make_headers() {
	command -v gcc >/dev/null || { say "gcc is missing: install the packages of lab/packages"; return 1; }
	tree=$("$source" 9>&-)
	version=${tree##*/tree-}
	work=$(mktemp -d "$base/strongswan-headers.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	cp -a "$tree" "$work/tree"
	say "configuring strongSwan $version for its headers, once"
	(cd "$work/tree" && ./configure --disable-defaults --disable-dependency-tracking --sysconfdir=/etc \
		--libexecdir=/usr/lib --with-ipsecdir=/usr/lib/ipsec --enable-charon --enable-ikev1 --enable-ikev2 \
		--enable-mediation) >"$base/strongswan-headers.log" 2>&1 || {
		say "configure failed; the end of $base/strongswan-headers.log:"
		tail -n 20 "$base/strongswan-headers.log" >&2
		return 1
	}
	grep -q 'define ME' "$work/tree/config.h" || { say "config.h does not define ME"; return 1; }
	mkdir "$work/kept"
	(cd "$work/tree" && find config.h src/libstrongswan src/libcharon -name '*.h' -print0 |
		xargs -0 cp --parents -t "$work/kept")
	touch "$work/kept/complete"
	rm -rf "$base/strongswan-headers-$version"
	mv "$work/kept" "$base/strongswan-headers-$version"
}

headers=$(find_headers)
if [ -z "$headers" ]; then
	mkdir -p "$base"
	exec 9>"$base/strongswan-headers.lock"
	flock 9
	headers=$(find_headers)
	if [ -z "$headers" ]; then
		make_headers
	fi
	headers=$(find_headers)
fi
echo "$headers"
