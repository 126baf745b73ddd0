#!/bin/bash
# SPDX-License-Identifier: ISC
# The first process of a lab host, in namespaces of its own: host-init.sh NAME SCRATCH LAYER[:LAYER...]
#
# One overlay for each folder at the top that carries the system (a single one over / is refused by the kernel as
# soon as a lower layer lies on the same file system). What the machine keeps in /home, /root and the like is not
# carried over. With an empty NAME it only prepares the root under SCRATCH/root and runs the rest of its arguments there.
set -euo pipefail
cd /

name=$1
scratch=$2
layers=$3
shift 3
new=$scratch/root

overlay() {
	local dir=$1 lower='' layer
	local IFS=:
	for layer in $layers; do
		[ ! -d "$layer/$dir" ] || lower+=$layer/$dir:
	done
	mkdir -p "$new/$dir" "$scratch/upper/$dir" "$scratch/work/$dir"
	mount -t overlay -o "volatile,lowerdir=$lower/$dir,upperdir=$scratch/upper/$dir,workdir=$scratch/work/$dir" \
		overlay "$new/$dir"
}

mount_devices() {
	local device
	mount -t tmpfs -o mode=755,size=1m tmpfs "$new/dev"
	for device in null zero full random urandom tty; do
		: >"$new/dev/$device"
		mount --bind "/dev/$device" "$new/dev/$device"
	done
	mkdir "$new/dev/net" "$new/dev/pts" "$new/dev/shm"
	if [ -e /dev/net/tun ]; then
		: >"$new/dev/net/tun"
		mount --bind /dev/net/tun "$new/dev/net/tun"
	fi
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$new/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$new/dev/shm"
	ln -s pts/ptmx "$new/dev/ptmx"
	ln -s /proc/self/fd "$new/dev/fd"
	ln -s fd/0 "$new/dev/stdin"
	ln -s fd/1 "$new/dev/stdout"
	ln -s fd/2 "$new/dev/stderr"
}

mount_root() {
	local entry dir
	mount --make-rprivate /
	mkdir -p "$new"
	mount --bind "$new" "$new"
	for entry in /*; do
		dir=${entry#/}
		if [ -L "$entry" ]; then
			ln -s "$(readlink "$entry")" "$new/$dir"
			continue
		fi
		case $dir in
		usr | etc | var | opt | srv | boot | bin | sbin | lib | lib32 | lib64 | libx32) overlay "$dir" ;;
		esac
	done
	mkdir -p "$new"/{proc,sys,dev,run,tmp,home,media,mnt}
	mkdir -m 700 "$new/root"
	mount -t proc proc "$new/proc"
	mount -t sysfs -o ro sysfs "$new/sys"
	mount -t tmpfs -o mode=755 tmpfs "$new/run"
	mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"
	mkdir -p "$new/run/lock"
	mount_devices
}

# Nothing that a package installation wants to start is started.
forbid_services() {
	printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
	chmod 755 "$new/usr/sbin/policy-rc.d"
}

# A name and a machine id of its own; names are resolved by the gateway.
name_host() {
	hostname "$name"
	echo "$name" >"$new/etc/hostname"
	printf 'pratique lab host %s' "$name" | md5sum | cut -c 1-32 >"$new/etc/machine-id"
	printf '127.0.0.1 localhost %s\n::1 localhost %s\n' "$name" "$name" >"$new/etc/hosts"
	rm -f "$new/etc/resolv.conf" "$new/var/lib/dbus/machine-id"
	printf 'search site.example\nnameserver 2001:db8:1:1::1\nnameserver 10.1.1.1\n' >"$new/etc/resolv.conf"
	ip link set lo up
}

enter_root() {
	cd "$new"
	mkdir -p .old
	pivot_root . .old
	cd /
	umount -l /.old
	rmdir /.old
}

mount_root
forbid_services
if [ -z "$name" ]; then
	enter_root
	exec "$@"
fi
name_host
# Seen from outside, this process has another number than 1; /proc of the old root knows it.
read -r pid _ </proc/self/stat
echo "$pid" >"$scratch/pid"
enter_root
touch /run/lab.ready
trap 'exit 0' TERM
while :; do
	sleep 3600 &
	wait $! || true
done
