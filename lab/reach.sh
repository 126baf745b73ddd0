# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# Who reaches whom: the matrix of real probes, what each cell must be while the nodes are in given segments, and
# how it is shown. The expectation is the story's promise, written down here by hand; it asks none of our programs.
#
# Needs from its user: lab/host.sh, lab/net.sh, check (what, status), say.

declare -gA reach_segment=([alice]=quarantine [bob]=quarantine [printer]=quarantine)
# A HOST:PORT that nobody answers at for now, so that nothing is promised about it.
reach_dead=
reach_sources=(alice bob printer intranet internet)
# HOST:PORT or HOST:ping, as the columns of the two tables.
reach_services=(server:271 patches:80 intranet:80 internet:443 gw:8080 alice:22 alice:8080 bob:22 printer:631)
reach_pings=(server:ping patches:ping intranet:ping internet:ping alice:ping bob:ping printer:ping)

reach_is_node() {
	[[ " ${lab_nodes[*]} " == *" $1 "* ]]
}

# reach_outward NODE HOST WHAT: what a node in its segment may open towards a host that is not a node.
reach_outward() {
	case ${reach_segment[$1]}:$2:$3 in
	staff:* | isolated:patches:80 | *:server:271) echo yes ;;
	*) echo no ;;
	esac
}

# reach_expected SOURCE HOST WHAT FAMILY prints yes, no, or nothing where the story promises nothing.
reach_expected() {
	local source=$1 host=$2 what=$3 family=$4 from=site to
	[ "$host:$what" != "${reach_dead:-}" ] || return 0
	if [ "$host" = gw ]; then
		[ "${reach_segment[$source]:-}" = staff ] || echo no
		return
	fi
	if ! reach_is_node "$host"; then
		reach_outward "$source" "$host" "$what"
		return
	fi
	! reach_is_node "$source" || from=${reach_segment[$source]}
	to=${reach_segment[$host]}
	case $family:$from:$to:$host:$what in
	[46]:site:staff:*:22 | [46]:staff:staff:*:22) echo yes ;;
	[46]:staff:quarantine:printer:631) echo yes ;;
	*) echo no ;;
	esac
}

# The address by which a source reaches a host in a family: 4, 6 or L (link-local); nothing if there is none.
reach_address() {
	local source=$1 host=$2 family=$3
	case $family in
	4) echo "${lab_ipv4[$host]}" ;;
	6) echo "${lab_ipv6[$host]}" ;;
	L)
		if reach_is_node "$source" && [ -n "${lab_mac[$host]:-}" ]; then
			echo "$(net_link_local "$host")%eth0"
		fi
		;;
	esac
}

# The probes of one source, for probe.py, one a line, each with a label behind it: EXPECT KIND ADDRESS [PORT] ...
reach_lines() {
	local source=$1 column host what family address expect
	for column in "${reach_services[@]}" "${reach_pings[@]}"; do
		host=${column%:*}
		what=${column#*:}
		[ "$host" != "$source" ] || continue
		if ! reach_is_node "$source" && ! reach_is_node "$host"; then
			continue
		fi
		for family in 4 6 L; do
			address=$(reach_address "$source" "$host" "$family")
			expect=$(reach_expected "$source" "$host" "$what" "$family")
			if [ -z "$address" ] || [ -z "$expect" ]; then
				continue
			fi
			if [ "$what" = ping ]; then
				echo "$column:$family $expect ping $address"
			else
				echo "$column:$family $expect tcp $address $what"
			fi
		done
	done
}

# Runs labelled probes in a host; prints LABEL EXPECT ANSWER MILLISECONDS.
reach_probe() {
	local host=$1 lines=$2 labels answers
	labels=$(cut -d' ' -f1 <<<"$lines")
	answers=$(cut -d' ' -f2- <<<"$lines" | host_exec "$host" /usr/local/lib/lab/probe.py reach) || return 1
	paste -d' ' <(echo "$labels") <(awk '{ print $3, $1, $2 }' <<<"$answers")
}

# One table: a row a source, a column a service; a cell names the families that got through, ! marks a difference.
reach_show() {
	local title=$1 results=$2 source column family cell width row label expect answer
	shift 2
	row=$(printf '  %-10s' "$title")
	for column; do
		row+=$(printf ' %-12s' "${column%:ping}")
	done
	say "$row"
	for source in "${reach_sources[@]}"; do
		row=$(printf '  %-10s' "$source")
		for column; do
			cell='' width=12
			while read -r label expect answer _; do
				[ -n "$label" ] || continue
				family=${label##*:}
				if [ "$answer" = yes ]; then
					cell+=$family
				fi
				if [ "$answer" != "$expect" ]; then
					cell+='!'
				fi
				[ -n "$cell" ] || cell=''
			done < <(grep "^$column:" "$results/$source")
			if [ -z "$cell" ]; then
				cell=-
				grep -q "^$column:" "$results/$source" || cell=' '
			fi
			row+=$(printf ' %-*s' "$width" "$cell")
		done
		say "${row%"${row##*[! ]}"}"
	done
}

# reach_check STEP probes the whole matrix, all sources at once, shows it and checks every cell of it.
reach_check() {
	local step=$1 results source pids=() pid wrong=0 n=0
	results=$(mktemp -d)
	for source in "${reach_sources[@]}"; do
		reach_probe "$source" "$(reach_lines "$source")" >"$results/$source" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || wrong=1
	done
	say "  reached by TCP (4 = IPv4, 6 = IPv6, L = link-local, - = nothing):"
	reach_show from "$results" "${reach_services[@]}"
	say "  reached by ping:"
	reach_show from "$results" "${reach_pings[@]}"
	for source in "${reach_sources[@]}"; do
		n=$((n + $(wc -l <"$results/$source")))
		reach_complain "$source" "$results/$source" || wrong=1
	done
	rm -rf "$results"
	check "$step: $n probes between the hosts" "$wrong"
}

# Says which probes of a source differ from what was promised.
reach_complain() {
	local source=$1 results=$2 label expect answer rest wrong=0
	while read -r label expect answer rest; do
		[ "$expect" != "$answer" ] || continue
		wrong=1
		if [ "$expect" = yes ]; then
			say "  expected: $source reaches $label; it does not"
		else
			say "  expected: $source does not reach $label; it does"
		fi
	done <"$results"
	return "$wrong"
}

# What the link itself owes to every node, in any segment: names, time, addresses, a router, neighbours.
reach_check_link() {
	local step=$1 node lines results wrong=0
	lines="dns6 yes dns ${lab_ipv6[gw]} server.site.example
dns4 yes dns ${lab_ipv4[gw]} server.site.example
ntp6 yes ntp ${lab_ipv6[gw]}
ntp4 yes ntp ${lab_ipv4[gw]}
dhcp yes dhcp eth0
ra yes ra eth0
nd yes nd eth0%${lab_ipv6[gw]}
nd-link-local yes nd eth0%$(net_link_local gw)"
	for node; do
		[ "$node" != "$step" ] || continue
		results=$(mktemp)
		reach_probe "$node" "$lines" >"$results" || wrong=1
		reach_complain "$node" "$results" || wrong=1
		say "  $node: $(awk '$3 == "yes" { printf "%s %.0f ms  ", $1, $4 }' "$results")"
		rm -f "$results"
	done
	check "$step: DNS, time, DHCP, router and neighbour discovery answer" "$wrong"
}
