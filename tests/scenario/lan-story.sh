#!/bin/bash
# SPDX-License-Identifier: ISC
# The story of the demo as a test, on the programs of this build: lan-story.sh BUILD
set -euo pipefail

# shellcheck source=tests/scenario/scenario.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scenario.sh"
# shellcheck source=lab/story-lan.sh
source "$root/lab/story-lan.sh"

scenario_begin "$1"
story_tell || true
scenario_end
