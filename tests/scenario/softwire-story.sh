#!/bin/bash
# SPDX-License-Identifier: ISC
# The story of softwires as a test, on the programs of this build: softwire-story.sh BUILD
set -euo pipefail

# shellcheck source=tests/scenario/scenario.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scenario.sh"
# shellcheck source=lab/story-softwire.sh
source "$root/lab/story-softwire.sh"

scenario_begin "$1"
story_programs=$1/bin
story_tell || true
scenario_end
