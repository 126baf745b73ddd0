# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# A stock Debian kernel as a peer: QEMU boots it in software emulation, with this machine's own file system as its
# root (read-only, a scratch overlay in memory on top). Whatever is installed here (pppd, xl2tpd, charon) runs there
# on a kernel that has ESP, L2TP and PPP. For what is correct; emulated time says nothing about speed.
#
#   source lab/vm.sh
#   reason=$(vm_unable)                          why there can be no VM here; nothing if there can
#   vm_run JOB [tap=IFACE] [memory=MIB] [seconds=N]
#
# vm_run runs the bash script JOB (no blanks in its path) as root in the VM, prints the console, and returns the job's exit status; 124 when the
# time (240 s) is over, 125 when the VM ended without an answer. tap= names a tap device of the network namespace that we
# are in: it is eth0 in there. Modules load by themselves as on any Debian. What the job writes is gone afterwards, so
# it prints what is to be known.

vm_kernel() {
	local image
	for image in /boot/vmlinuz-*-amd64; do
		case $image in
		*-cloud-* | *'*'*) ;; # the cloud kernel has neither 9p nor L2TP nor PPP
		*) printf '%s\n' "$image" ;;
		esac
	done | sort -V | tail -n 1
}

vm_unable() {
	local program
	if [ "$(id -u)" != 0 ]; then
		echo "the VM needs root, to show it this machine's file system"
		return
	fi
	for program in qemu-system-x86_64 busybox cpio modprobe; do
		if ! command -v "$program" >/dev/null; then
			echo "the VM needs $program (./dev setup installs what lab/packages lists)"
			return
		fi
	done
	[ -n "$(vm_kernel)" ] || echo "the VM needs Debian's kernel image (linux-image-amd64)"
}

# The first process: mounts the root, then hands over to vm_start in it.
vm_init() {
	cat <<-'INIT'
		#!/bin/sh
		mount -t proc proc /proc
		mount -t devtmpfs dev /dev
		for module in /modules/*; do insmod "$module"; done
		mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 root /machine
		mount -t tmpfs scratch /scratch
		mkdir /scratch/upper /scratch/work
		mount -t overlay -o lowerdir=/machine,upperdir=/scratch/upper,workdir=/scratch/work overlay /root
		cp /vm-start /root/vm-start
		umount /proc /dev
		exec switch_root /root /bin/bash /vm-start
	INIT
}

# The second: a machine in which the job can live; its parameters are in the environment of the kernel's command line.
vm_start() {
	cat <<-'START'
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
		mount -t proc proc /proc
		mount -t sysfs sys /sys
		mount -t devtmpfs dev /dev
		mkdir -p /dev/pts /dev/shm
		mount -t devpts devpts /dev/pts
		mount -t tmpfs shm /dev/shm
		mount -t tmpfs run /run
		mount -t tmpfs log /var/log
		hostname vm
		ip link set lo up
		job=$(sed -n 's/.*vm_job=\([^ ]*\).*/\1/p' /proc/cmdline)
		setsid /bin/bash "$job" </dev/null
		echo "vm: the job exited $?"
		stty opost <&1 # waits until it is written: the kernel's last words would come between
		echo o >/proc/sysrq-trigger
		sleep 60
	START
}

# vm_initrd FOLDER: writes FOLDER/initrd.gz with what the kernel needs to reach its root.
vm_initrd() {
	local tree=$1/initrd version=$2 name modules number=100
	mkdir -p "$tree"/{bin,proc,dev,modules,machine,scratch,root}
	cp "$(command -v busybox)" "$tree/bin/"
	for name in sh mount umount insmod mkdir cp switch_root; do
		ln -s busybox "$tree/bin/$name"
	done
	modules=$(for name in virtio_pci 9pnet_virtio 9p overlay virtio_net; do
		modprobe -S "$version" --show-depends "$name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }')
	while read -r name; do
		cp "$name" "$tree/modules/$((number++))-${name##*/}"
	done <<<"$modules"
	vm_init >"$tree/init"
	vm_start >"$tree/vm-start"
	chmod +x "$tree/init"
	(cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$1/initrd.gz"
}

vm_run() {
	local job tap='' memory=1024 seconds=240 word kernel folder network=(-nic none) status
	job=$(readlink -f "$1")
	shift
	for word; do
		case $word in
		tap=*) tap=${word#tap=} ;;
		memory=*) memory=${word#memory=} ;;
		seconds=*) seconds=${word#seconds=} ;;
		*)
			echo "vm_run: no such word: $word" >&2
			return 2
			;;
		esac
	done
	kernel=$(vm_kernel)
	folder=$(mktemp -d)
	vm_initrd "$folder" "${kernel#/boot/vmlinuz-}" || return 125
	[ -z "$tap" ] || network=(-netdev "tap,id=n0,ifname=$tap,script=no,downscript=no" -device 'virtio-net-pci,netdev=n0,romfile=')
	{
		setpriv --pdeathsig KILL timeout --foreground -k 5 "$seconds" setpriv --pdeathsig KILL \
			qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -m "$memory" -smp 2 -display none -serial stdio \
			-monitor none -no-reboot -kernel "$kernel" -initrd "$folder/initrd.gz" \
			-append "console=ttyS0 quiet panic=-1 mitigations=off vm_job=$job" \
			-virtfs local,path=/,mount_tag=root,security_model=passthrough,readonly=on,multidevs=remap \
			"${network[@]}" </dev/null 2>&1 || echo $? >"$folder/failed"
	} | stdbuf -oL tr -d '\r' | tee "$folder/console"
	status=$(cat "$folder/failed" 2>/dev/null || true)
	if [ "$status" != 124 ]; then
		status=$(sed -n 's/.*vm: the job exited \([0-9]*\).*/\1/p' "$folder/console" | tail -n 1)
	fi
	rm -rf "$folder"
	return "${status:-125}"
}
