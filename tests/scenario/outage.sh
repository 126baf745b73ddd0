#!/bin/bash
# SPDX-License-Identifier: ISC
# No admission outlives its certificate: outage.sh BUILD. With server and enforcer dead, alice falls to quarantine when
# her certificate ends, by the kernel's own clock; when they are back, she is admitted again. Where the segment
# declares a grace, she stays for that long.
set -euo pipefail

# shellcheck source=tests/scenario/scenario.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scenario.sh"
# shellcheck source=lab/story-lan.sh
source "$root/lab/story-lan.sh"

OUTAGE_LIFETIME=15
OUTAGE_GRACE=60

# outage_policy GRACE-WORDS: the lab's policy with a short life of certificates.
outage_policy() {
	sed -e "s/^inspect every .*/inspect every $((OUTAGE_LIFETIME - 5)) s/" \
		-e "s/^certificate lifetime .*/certificate lifetime $OUTAGE_LIFETIME s/" \
		-e "s/^segment staff level 2 {/&$1/" "$root/lab/policy"
}

outage_admit() {
	check "alice is admitted $1" "$(story_reaches alice intranet 80 >/dev/null && echo 0 || echo 1)"
	reach_segment[alice]=staff
}

# Whether alice reaches the intranet now.
outage_reaches() {
	host_exec alice /usr/local/lib/lab/probe.py until "${lab_ipv6[intranet]}" 80 0.5 >/dev/null
}

# The seconds until alice does not reach the intranet any more, or nothing after a while.
outage_lasts() {
	local start=$SECONDS
	while ((SECONDS - start < OUTAGE_LIFETIME + 15)); do
		if ! outage_reaches; then
			echo $((SECONDS - start))
			return
		fi
		sleep 0.5
	done
}

site_policy=$(mktemp)
site_away_after="5 s"
outage_policy "" >"$site_policy"
scenario_begin "$1"
site_enrol alice
site_start_agent alice
outage_admit "first"
sleep $((OUTAGE_LIFETIME + 5))
check "alice is still admitted when her first certificate is over, for she was inspected again" \
	"$(outage_reaches && echo 0 || echo 1)"

site_kill server
site_kill enforcer
lasted=$(outage_lasts)
check "with every daemon dead, alice's admission ends with her certificate (after ${lasted:-no} s)" \
	"$([ -n "$lasted" ] && [ "$lasted" -le $((OUTAGE_LIFETIME + 5)) ] && echo 0 || echo 1)"
reach_segment[alice]=quarantine
reach_dead=server:271
reach_check "every daemon dead"
site_start enforcer
site_start server
site_wait server
outage_admit "again once they are back"

outage_policy " grace $OUTAGE_GRACE s" >"$(host_root server)/etc/pratique/policy"
host_exec server pratique reload >/dev/null
sleep $((OUTAGE_LIFETIME + 2))
check "the new policy cut nobody off" "$(outage_reaches && echo 0 || echo 1)"
site_kill server
sleep $((OUTAGE_LIFETIME + 5))
check "without the server, the grace of her segment holds alice's admission" "$(outage_reaches && echo 0 || echo 1)"
rm -f "$site_policy"
scenario_end
