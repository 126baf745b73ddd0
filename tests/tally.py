#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Counts the cases of a meson test run: tally.py TESTLOG.JSON

A test that speaks TAP counts with each of its cases, any other test counts as one. Cases that its plan
promised and that did not come have failed. A TAP test that as a whole did not end well although no case of it
failed (a crash, a leak) adds one failure. The last line printed is: N passed, N failed, N skipped. Exit status 1 unless at least one
case ran and none failed.
"""

import json
import re
import sys

CASE = re.compile(r"^(ok|not ok)\b(?:\s+\d+)?(?:\s*-\s*|\s+)?([^#]*)(?:#\s*(skip|todo)\b.*)?$", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)


def tap_cases(stdout):
    """[passed, failed, skipped] of a TAP stream, or None if it is none."""
    plan = PLAN.search(stdout)
    if not plan:
        return None
    count = [0, 0, 0]
    for line in stdout.splitlines():
        match = CASE.match(line)
        if not match:
            continue
        directive = (match.group(3) or "").lower()
        if directive == "skip":
            count[2] += 1
        else:
            count[0 if match.group(1) == "ok" else 1] += 1
    count[1] += max(0, int(plan.group(1)) - sum(count))
    return count if sum(count) else None


def tally(test):
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return [0, 0, 1]
    count = tap_cases(test.get("stdout") or "")
    if count is None:
        return [int(good), int(not good), 0]
    # cmocka writes a skipped case as "not ok N # SKIP", which meson takes for a failure.
    skipped_only = count[2] and test["result"] == "FAIL" and test.get("returncode") == 0
    if not good and not count[1] and not skipped_only:
        count[1] += 1
    return count


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: tally.py TESTLOG.JSON")
    total = [0, 0, 0]
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except OSError as error:
        print(f"{sys.argv[1]}: {error.strerror}: no test ran", file=sys.stderr)
        tests = []
    for test in tests:
        count = tally(test)
        total = [a + b for a, b in zip(total, count)]
        if count[1]:
            print(f"failed: {test['name']} ({test['result']})")
        elif count[2]:
            print(f"skipped: {test['name']}: {count[2]}")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 0 if not total[1] and sum(total) else 1


if __name__ == "__main__":
    sys.exit(main())
