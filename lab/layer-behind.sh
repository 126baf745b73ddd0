#!/bin/bash
# SPDX-License-Identifier: ISC
# Runs inside the layer that is being made, by lab/layer.sh: puts older versions from the main suite back for packages
# of which the security suite has a newer one, and collects in /var/lib/lab/mirror what takes them up again.
set -euo pipefail

lab=/var/lib/lab
export DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
apt=(apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io
	-o Dpkg::Use-Pty=0 -o APT::Install-Recommends=0 -o Acquire::Retries=3)
read -r _ security_uri security_release _ < <(grep '^Debian-Security ' "$lab/suites")

rm -f /etc/resolv.conf
cp "$lab/resolv.conf" /etc/resolv.conf
/usr/bin/python3 "$lab/layer-choose.py" >"$lab/older" || exit 1
mapfile -t older <"$lab/older"
echo "lab: putting back ${#older[@]} older packages"
"${apt[@]}" install --allow-downgrades "${older[@]}"
# What this host does not have, so that an advisory for it concerns others only.
"${apt[@]}" remove hello
apt-get check

# What apt itself would fetch to get these packages up to date, and the signed lists that say so.
mirror=$lab/mirror/debian-security
mkdir -p "$mirror"
fetch() {
	local path=$1 sum=${2:-}
	mkdir -p "$mirror/$(dirname "$path")"
	/usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "${security_uri%/}/$path" "$mirror/$path" ${sum:+"SHA256:$sum"}
}
release=dists/$security_release
fetch "$release/InRelease"
# The list that the release file vouches for, under its name and under its hash.
list=main/binary-$(dpkg --print-architecture)/Packages.xz
sum=$(awk -v name="$list" '/^SHA256:/ { on = 1 } /^SHA512:|^MD5Sum:/ { on = 0 } on && $3 == name { print $1; exit }' \
	"$mirror/$release/InRelease")
[ -n "$sum" ] || {
	echo "lab: the security suite's release file does not name $list" >&2
	exit 1
}
fetch "$release/$list" "$sum"
mkdir -p "$mirror/$release/$(dirname "$list")/by-hash/SHA256"
ln "$mirror/$release/$list" "$mirror/$release/$(dirname "$list")/by-hash/SHA256/$sum"

# What apt would fetch if the security suite were all it knew, as it will be for the host.
suite="deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no]"
echo "$suite $security_uri $security_release main" >/etc/apt/sources.list.d/lab.list
"${apt[@]}" update
apt-get -y --print-uris upgrade |
	sed -n "s,^'${security_uri%/}/\([^']*\)' .*,\1,p" >"$lab/needed"
[ "$(wc -l <"$lab/needed")" -ge "$(wc -l <"$lab/older")" ] || {
	echo "lab: the security suite would update only $(wc -l <"$lab/needed") of the older packages" >&2
	exit 1
}
# The host's own apt verifies these against the signed list. Their names come with %xx in them.
while read -r path; do
	fetch "$(printf '%b' "${path//%/\\x}")"
done <"$lab/needed"
# From now on this system knows the patch server only; the updated one will be told the same.
echo "$suite http://patches.site.example/debian-security $security_release main" >/etc/apt/sources.list.d/lab.list
cp /etc/apt/sources.list.d/lab.list "$lab/mirror/lab.list"
apt-get clean
