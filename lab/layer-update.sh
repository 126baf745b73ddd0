#!/bin/bash
# SPDX-License-Identifier: ISC
# Runs inside the layer that is being made, by lab/layer.sh: brings this Debian up to date with Debian's main and
# security suites and adds the packages that hosts of the lab need.
set -euo pipefail

lab=/var/lib/lab
export DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
apt=(apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io
	-o Dpkg::Use-Pty=0 -o APT::Install-Recommends=0 -o Acquire::Retries=3)

rm -f /etc/resolv.conf
cp "$lab/resolv.conf" /etc/resolv.conf
# Without these, each installation would rebuild the index of manual pages and start up package services.
rm -f /var/lib/man-db/auto-update /etc/apt/apt.conf.d/20packagekit /etc/apt/apt.conf.d/50appstream

# Only Debian's own suites, as lab/layer.sh found them: LABEL URI RELEASE COMPONENTS.
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /var/lib/apt/lists
mkdir -p /etc/apt/sources.list.d /var/lib/apt/lists/partial
while read -r _ uri release components; do
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release $components"
done <"$lab/suites" >/etc/apt/sources.list.d/lab.list

"${apt[@]}" update
"${apt[@]}" dist-upgrade
mapfile -t packages < <(sed 's/#.*//' "$lab/layer-packages" | grep .)
"${apt[@]}" install "${packages[@]}"
apt-get check
apt-get clean
