# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Completion of pratique(1) in bash. The program says itself what may follow; where it says nothing, file names.
_pratique() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		[ -z "$line" ] || COMPREPLY+=("${line%%$'\t'*}")
	done < <("$1" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _pratique pratique
