# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# The layers that lab hosts stand on, made once and cached in the folder $cache/layers:
#
#   updated-HASH  brings this machine's Debian up to date with its main and security suites, and adds the
#                 packages of lab/layer-packages, which only hosts of the lab need
#   behind-HASH   lies on the former and puts back older versions from the main suite, of packages for which the
#                 security suite has a newer one: a stock image that nobody has updated
#   mirror-HASH   what the patch server serves: the security suite's own signed lists, and the .deb files that
#                 take "behind" back up
#
# HASH covers this machine's dpkg status, its list of the security suite, and how layers are made. Only Debian's own
# entries of this machine's apt sources are used; they are told by what their signed release files say.
#
# Needs from its user: root, cache, say, fail.




# LABEL URI RELEASE COMPONENTS, one line a suite of Debian's that this machine uses.
layer_suites() {
	# shellcheck disable=SC2016 # the $(...) are apt's
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' |
		awk -F'|' '$1 == "Debian" && !seen[$0]++ {
			key = $2 " " $3 " " $4
			if (!(key in components)) order[++n] = key
			components[key] = components[key] " " $5
		}
		END { for (i = 1; i <= n; i++) print order[i] components[order[i]] }'
}

layer_security_release() {
	local list
	for list in /var/lib/apt/lists/*security*_InRelease; do
		if [ -f "$list" ] && grep -q '^Label: Debian-Security' "$list"; then
			echo "$list"
			return
		fi
	done
	return 1
}

layer_hash() {
	cat /var/lib/dpkg/status "$(layer_security_release)" "$root/lab/layer-packages" "$root/lab/layer.sh" \
		"$root"/lab/layer-*.sh "$root/lab/layer-choose.py" | sha256sum | cut -c 1-16
}

# layer_run SCRATCH LAYERS COMMAND... runs a command on this machine's system with the layers over it, with this
# machine's network; what it writes is in SCRATCH/upper. Its process id is known to layer_stop, for when it is
# not to go on.
layer_run() {
	echo "$BASHPID" >"$lab_state/making"
	exec unshare --mount --uts --ipc --pid --fork --kill-child=KILL \
		/bin/bash "$root/lab/host-init.sh" '' "$@" {lab_lock}>&-
}

layer_stop() {
	local pid
	pid=$(cat "$lab_state/making" 2>/dev/null) || return 0
	if grep -qsz "$cache/layers/making-" "/proc/$pid/cmdline"; then
		kill -KILL "$pid" || true
	fi
	rm -f "$lab_state/making"
}

# Of apt's many lines, how far it is.
layer_progress() {
	awk '/^Get:/ { fetched++ } /^Unpacking / { unpacked++ } /^Setting up / { ready++ }
		/^(Get:|Unpacking |Setting up )/ && ++n % 50 == 0 {
			printf "lab:   %d files fetched, %d packages unpacked, %d set up\n", fetched, unpacked, ready
			fflush()
		}
		/^lab: / { print; fflush() }'
}

# layer_make NAME LAYERS SCRIPT FILE... makes the layer of that name by running SCRIPT in it, with the files put in
# its folder /var/lib/lab; no half-made layer is ever taken for a whole one.
layer_make() {
	local name=$1 target=$cache/layers/$1 layers=$2 script=$3 scratch=$cache/layers/making-$1
	shift 3
	rm -rf "$scratch"
	mkdir -p "$scratch/upper/var/lib/lab"
	cp "$script" "$@" "$scratch/upper/var/lib/lab/"
	cp /etc/resolv.conf "$scratch/upper/var/lib/lab/resolv.conf"
	(layer_run "$scratch" "$layers" /bin/bash "/var/lib/lab/$(basename "$script")") 2>&1 </dev/null |
		tee "$cache/layers/making.log" | layer_progress &
	wait $! || {
		tail -n 15 "$cache/layers/making.log" >&2
		rm -rf "$scratch"
		fail "the layer $name could not be made; the whole log is $cache/layers/making.log"
	}
	rm -f "$lab_state/making"
	mv "$scratch/upper" "$target"
	rm -rf "$scratch"
}

# Makes what is missing of the layers for this machine as it is now, and forgets those of another time. Sets
# layer_updated, layer_behind and layer_mirror.
layers_prepare() {
	local hash old lists=$cache/layers/suites
	layer_security_release >/dev/null || apt-get update ||
		say "lab: some package lists could not be fetched; going on with those that are there"
	layer_security_release >/dev/null ||
		fail "this machine has no package list of Debian's security suite: add it to /etc/apt/sources.list and run apt-get update"
	hash=$(layer_hash)
	layer_updated=$cache/layers/updated-$hash
	layer_behind=$cache/layers/behind-$hash
	layer_mirror=$cache/layers/mirror-$hash
	mkdir -p "$cache/layers"
	for old in "$cache"/layers/*; do
		case $old in
		"$layer_updated" | "$layer_behind" | "$layer_mirror" | */making.log) ;;
		*) rm -rf "$old" ;;
		esac
	done
	layer_suites >"$lists"
	grep -q '^Debian ' "$lists" || fail "this machine's apt sources have no Debian main suite with fetched lists (apt-get update)"
	if [ ! -d "$layer_updated" ]; then
		say "lab: making the layer that brings this Debian up to date (once; some minutes)"
		layer_make "updated-$hash" '' "$root/lab/layer-update.sh" "$lists" "$root/lab/layer-packages"
	fi
	if [ ! -d "$layer_behind" ] || [ ! -d "$layer_mirror" ]; then
		say "lab: making the layer that is behind on security updates, and what the patch server serves (once)"
		rm -rf "$layer_behind" "$layer_mirror"
		layer_make "behind-$hash" "$layer_updated" "$root/lab/layer-behind.sh" "$root/lab/layer-choose.py" "$lists"
		mv "$layer_behind/var/lib/lab/mirror" "$layer_mirror"
	fi
}
