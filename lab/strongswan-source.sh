#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Makes sure that strongSwan's source, as Debian has it, is at hand, and prints its folder. Debian has no package of its
# headers, which our plugin needs (src/charon), nor its NEA client and server (tests/interop). The source package is fetched by a
# private list of deb-src entries that repeats this machine's own apt configuration, and unpacked once into
# ${XDG_CACHE_HOME:-$HOME/.cache}/pratique/strongswan-source/tree-VERSION; nobody changes anything in there. Root is not needed; the packages of
# lab/packages are.
set -eu

base=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pratique
lists=$base/strongswan-source
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
work=

say() {
	echo "strongswan-source.sh: $*" >&2
}

find_tree() {
	for tree in "$lists"/tree-*; do
		[ -d "$tree" ] && echo "$tree"
	done | sort -V | tail -n 1
}

# The machine's own entries for this release of Debian, as deb-src entries.
write_source_list() {
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

unpack() {
	command -v dpkg-source >/dev/null || { say "dpkg-source is missing: install the packages of lab/packages"; return 1; }
	work=$(mktemp -d "$lists/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	fetch
	source=$(find "$work" -mindepth 1 -maxdepth 1 -type d -name 'strongswan-*')
	version=$(cd "$source" && dpkg-parsechangelog -S Version)
	mv "$source" "$lists/tree-$version"
}

tree=$(find_tree)
if [ -z "$tree" ]; then
	mkdir -p "$lists"
	exec 9>"$base/strongswan-source.lock"
	flock 9
	tree=$(find_tree)
	if [ -z "$tree" ]; then
		unpack
	fi
	tree=$(find_tree)
fi
echo "$tree"
