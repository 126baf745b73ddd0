#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Makes sure that a strongSwan with its NEA client and server (pt-tls-client, tnc-pdp, the OS and SWIMA collectors and
# verifiers) is at hand, and prints its prefix. Debian's binary packages leave these out, its source package has them
# (lab/strongswan-source.sh): it is built once and kept in
# ${XDG_CACHE_HOME:-$HOME/.cache}/pratique/strongswan-VERSION. A lock keeps two runs from building at the same time.
# Root is not needed; the packages of lab/packages are.
set -eu

base=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pratique
source=$(dirname "$(readlink -f "$0")")/../../lab/strongswan-source.sh

say() {
	echo "strongswan.sh: $*" >&2
}

# The newest finished build, if there is one.
find_prefix() {
	for stamp in "$base"/strongswan-[0-9]*/complete; do
		[ -e "$stamp" ] && dirname "$stamp"
	done | sort -V | tail -n 1
}

show_progress() {
	begun=$(date +%s)
	while sleep 10; do
		say "$(find "$tree" -name '*.lo' 2>/dev/null | wc -l) files compiled in $(($(date +%s) - begun)) s"
	done
}

clean_up() {
	[ -z "$progress" ] || kill "$progress" 2>/dev/null || true
	rm -rf "$work"
}

build() {
	for tool in gcc make flex bison gperf pkg-config; do
		command -v $tool >/dev/null || { say "$tool is missing: install the packages of lab/packages"; return 1; }
	done
	work=$(mktemp -d "$base/strongswan-build.XXXXXX")
	progress=
	trap 'clean_up' EXIT
	trap 'exit 1' INT TERM HUP
	tree=$work/strongswan
	original=$("$source" 9>&-)
	cp -a "$original" "$tree"
	version=$(cd "$tree" && dpkg-parsechangelog -S Version)
	prefix=$base/strongswan-$version
	say "building strongSwan $version into $prefix: a few minutes, once"
	show_progress >&2 9>&- &
	progress=$!
	rm -rf "$prefix"
	# Debian's patches touch files that automake reads; its outputs are in the package and stay as they are.
	set -- ACLOCAL=: AUTOCONF=: AUTOHEADER=: AUTOMAKE=:
	(
		cd "$tree" &&
		CFLAGS='-O2 -g0' nice -n 19 ./configure --prefix="$prefix" --disable-defaults --with-piddir="$prefix/run" \
			--disable-dependency-tracking \
			--enable-charon --enable-ikev2 --enable-openssl --enable-random --enable-nonce --enable-pem \
			--enable-pkcs1 --enable-pkcs8 --enable-x509 --enable-pubkey --enable-constraints \
			--enable-revocation --enable-kernel-netlink --enable-socket-default --enable-vici \
			--enable-swanctl --enable-pki --enable-sqlite --enable-tnc-imc --enable-tnc-imv \
			--enable-tnc-pdp --enable-tnccs-20 --enable-imc-os --enable-imv-os --enable-imc-swima \
			--enable-imv-swima &&
		nice -n 19 make -j2 "$@" &&
		nice -n 19 make install "$@"
	) >"$base/strongswan-build.log" 2>&1 || {
		say "the build failed; the end of $base/strongswan-build.log:"
		tail -n 20 "$base/strongswan-build.log" >&2
		rm -rf "$prefix"
		return 1
	}
	mkdir -p "$prefix/run"
	touch "$prefix/complete"
	say "built"
}

prefix=$(find_prefix)
if [ -z "$prefix" ]; then
	mkdir -p "$base"
	exec 9>"$base/strongswan.lock"
	flock 9
	prefix=$(find_prefix)
	if [ -z "$prefix" ]; then
		build
	fi
	prefix=$(find_prefix)
fi
echo "$prefix"
