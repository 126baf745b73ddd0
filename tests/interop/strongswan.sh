#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Makes sure that a strongSwan with its NEA client and server (pt-tls-client, tnc-pdp, the OS and SWIMA collectors and
# verifiers) is at hand, and prints its prefix. Debian's binary packages leave these out, its source package has them: it is
# fetched by a private list of deb-src entries that repeats this machine's own apt configuration, built once and kept in
# ${XDG_CACHE_HOME:-$HOME/.cache}/pratique/strongswan-VERSION. A lock keeps two runs from building at the same time.
# Root is not needed; the packages of lab/packages are.
set -eu

base=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pratique
lists=$base/strongswan-source

say() {
	echo "strongswan.sh: $*" >&2
}

# The newest finished build, if there is one.
find_prefix() {
	for stamp in "$base"/strongswan-*/complete; do
		[ -e "$stamp" ] && dirname "$stamp"
	done | sort -V | tail -n 1
}

# The machine's own entries for this release of Debian, as deb-src entries.
write_source_list() {
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mkdir -p "$lists/parts" "$lists/state/partial"
	rm -f "$lists"/parts/*
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -e "$file" ] || continue
		awk -v codename="$codename" 'BEGIN { RS = ""; ORS = "\n\n" }
			match($0, "(^|\n)Suites:[^\n]*[ \t]" codename "([-/ \t\n]|$)") {
				sub(/(^|\n)Types:[^\n]*/, "\nTypes: deb-src")
				sub(/^\n/, "")
				print
			}' "$file" >"$lists/parts/$(basename "$file")"
	done
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n "s/^deb \(.* $codename\([-/ ].*\)\{0,1\}\)\$/deb-src \1/p" >"$lists/parts/machine.list"
}

apt_source() {
	command=$1
	shift
	"$command" -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$lists/parts" \
		-o Dir::State::Lists="$lists/state" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}

fetch() {
	write_source_list
	apt_source apt-get update >&2
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# A mirror may announce a newest version whose source it does not carry: the release's own is the second choice.
	for choice in strongswan "strongswan/$codename"; do
		rm -rf "$work"
		mkdir -p "$work"
		(cd "$work" && apt_source apt-get source "$choice" >&2) && return 0
		say "no source for $choice"
	done
	say "the source package of strongSwan cannot be fetched; check that apt-get update works on this machine"
	return 1
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
	for tool in dpkg-source gcc make flex bison gperf pkg-config; do
		command -v $tool >/dev/null || { say "$tool is missing: install the packages of lab/packages"; return 1; }
	done
	work=$(mktemp -d "$base/strongswan-build.XXXXXX")
	progress=
	trap 'clean_up' EXIT
	trap 'exit 1' INT TERM HUP
	fetch
	tree=$(find "$work" -mindepth 1 -maxdepth 1 -type d -name 'strongswan-*')
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
