# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154,SC2034
# Two (or three) data planes with a router between them, in network namespaces that only this process sees, and
# dataplane-driver speaking for their control and charon. Speaks TAP.
#
#   a (initiator)     10.0.1.2, fd00:1::2 ---- router ---- 10.0.2.2, fd00:2::2     b (concentrator)
#   c (another one)   10.0.3.2            ----'
#
# The user sets: driver. Inside, a has 10.9.0.1 and 2001:db8:a::1, b 10.9.0.2 and 2001:db8:a::2, c 10.9.0.3.

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root, for namespaces"
	exit 0
fi
if [ -z "${IN_NAMESPACE:-}" ]; then
	IN_NAMESPACE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
dir=$(mktemp -d /tmp/pratique-dataplane.XXXXXX)
trap 'rm -rf "$dir"' EXIT
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
checks=0
failed=0

# check WHAT COMMAND...
check() {
	local what=$1
	shift
	checks=$((checks + 1))
	if "$@" >"$dir/check.log" 2>&1; then
		echo "ok $checks - $what"
	else
		echo "not ok $checks - $what"
		sed 's/^/# /' "$dir/check.log" | tail -n 20
		failed=$((failed + 1))
	fi
}

in_() {
	local where=$1
	shift
	ip netns exec "$where" "$@"
}

# link NAME NUMBER: a host behind the router.
link() {
	ip netns add "$1"
	ip link add name "$1" netns router type veth peer name eth0 netns "$1"
	ip -n router addr add "10.0.$2.1/24" dev "$1"
	ip -n router addr add "fd00:$2::1/64" dev "$1" nodad
	ip -n router link set dev "$1" up
	ip -n "$1" link set lo up
	ip -n "$1" addr add "10.0.$2.2/24" dev eth0
	ip -n "$1" addr add "fd00:$2::2/64" dev eth0 nodad
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via "10.0.$2.1"
	ip -n "$1" route add default via "fd00:$2::1"
}

network() {
	ip netns add router
	ip -n router link set lo up
	in_ router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	link a 1
	link b 2
	link c 3
}

# start HOST ROLE NUMBER ADDRESS...: its data plane; what it says goes to $dir/HOST.log.
start() {
	local host=$1 role=$2 number=$3
	shift 3
	mkfifo "$dir/$host.in"
	touch "$dir/$host.log"
	# shellcheck disable=SC2094
	(exec 0<>"$dir/$host.in" && in_ "$host" "$driver" "$role" tun0 1400 "$dir/$host.sock" 2 "$@") \
		>"$dir/$host.log" 2>&1 &
	pids[$host]=$!
	wait_for "$host" '^ready' 10
	ip -n "$host" addr add "10.9.0.$number/24" dev tun0
	ip -n "$host" addr add "2001:db8:a::$number/64" dev tun0 nodad
	ip -n "$host" link set tun0 up
}
declare -A pids=()

# tell HOST: its commands, from standard input.
tell() {
	timeout 5 cat >"$dir/$1.in"
}

# wait_for HOST PATTERN SECONDS [LINE]: until its log has it (after that line).
wait_for() {
	local tries=$(($3 * 20))
	until tail -n "+${4:-1}" "$dir/$1.log" | grep -q -- "$2"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || { tail -n 5 "$dir/$1.log" | cut -c 1-300; echo "not seen in $1: $2"; return 1; }
		sleep 0.05
	done
}

lines() {
	wc -l <"$dir/$1.log"
}

# statistic HOST NAME
statistic() {
	local before
	before=$(($(lines "$1") + 1))
	echo statistics | tell "$1"
	wait_for "$1" ' statistics$' 5 "$before" >/dev/null || return 1
	grep ' statistics$' "$dir/$1.log" | tail -n 1 | tr ' ' '\n' | sed -n "s/^$2=//p"
}

# grows HOST NAME COMMAND...: the counter is higher after the command, whether that fails or not.
grows() {
	local host=$1 name=$2 before after
	shift 2
	before=$(statistic "$host" "$name")
	"$@" || true
	sleep 0.2
	after=$(statistic "$host" "$name")
	echo "$name: $before, then $after"
	[ "$after" -gt "$before" ]
}

is_zero() {
	local value
	value=$(statistic "$1" "$2")
	echo "$1: $2 is $value"
	[ "$value" = 0 ]
}

# child HOST IKE OWN-IP PORT PEER-IP PORT SPI-IN SPI-OUT IDENTITY [SUITE]: SAs and what they are, as charon says it.
child() {
	tell "$1" <<-END
		sa in $7 $3 $4 $5 $6 ${10:-gcm}
		sa out $8 $3 $4 $5 $6 ${10:-gcm}
		child up softwire $9 $2 1 $7 $8
	END
}

pings() {
	in_ "$1" ping -c "${3:-3}" -i 0.1 -W 2 "$2"
}

server=
# An iperf3 server in b, for one client; the last one has ended.
serve() {
	local tries=100
	[ -z "$server" ] || wait "$server" || true
	in_ b timeout 30 iperf3 -s -1 >/dev/null 2>&1 &
	server=$!
	until [ -n "$(in_ b ss -Hltn 'sport = 5201')" ] || [ "$tries" = 0 ]; do
		tries=$((tries - 1))
		sleep 0.05
	done
}

# One line of JSON numbers from iperf3: iperf CLIENT SERVER-ADDRESS ARGUMENTS...
iperf() {
	local client=$1 to=$2
	shift 2
	serve
	in_ "$client" timeout 30 iperf3 -c "$to" -J "$@" >"$dir/iperf.json"
}

# Bits a second that arrived, as a whole number.
received() {
	jq '.end.sum_received.bits_per_second // .end.sum.bits_per_second | floor' "$dir/iperf.json"
}

finish() {
	local host
	for host in "${!pids[@]}"; do
		echo quit | tell "$host"
	done
	sleep 0.5
	for host in "${!pids[@]}"; do
		check "the data plane of $host ends well" wait "${pids[$host]}"
		check "no sanitizer has anything to say about it" test -z \
			"$(grep -A 20 -e 'ERROR: ' -e 'runtime error:' "$dir/$host.log")"
	done
	echo "1..$checks"
	[ "$failed" = 0 ]
}
