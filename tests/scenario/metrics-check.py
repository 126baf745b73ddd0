#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A strict reader of Prometheus' text format 0.0.4, on standard input.

usage: metrics-check.py PREFIX [NAME...]     the names must be there; every name begins with PREFIX or process_
"""

import re
import sys

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*$")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"\})? (\S+)$')
LABELS = {"segment", "enforcer", "limit", "role", "version", "pool", "server"}
SAMPLES_MAX = 1000


def fail(text):
    sys.exit(f"metrics: {text}")


def check(text, prefix):
    if not text.endswith("\n"):
        fail("the last line does not end")
    seen, family, kind, samples = {}, None, None, set()
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            family, _, words = line[7:].partition(" ")
            if not NAME.match(family) or not words or re.search(r"\\[^\\n]", words):
                fail(line)
            if family in seen:
                fail(f"{family} comes twice")
            if not family.startswith((prefix, "process_")):
                fail(f"{family} does not begin with {prefix}")
            seen[family], kind = 0, None
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            if name != family or kind not in ("counter", "gauge"):
                fail(line)
            if (kind == "counter") != name.endswith("_total"):
                fail(f"{name} is a {kind}")
        else:
            match = SAMPLE.match(line)
            if not match or match.group(1) != family or not kind:
                fail(line)
            if match.group(2) and match.group(2) not in LABELS:
                fail(f"the label {match.group(2)} may have too many values: {line}")
            if match.group(0).rsplit(" ", 1)[0] in samples:
                fail(f"twice: {line}")
            samples.add(match.group(0).rsplit(" ", 1)[0])
            value = float(match.group(4))
            if kind == "counter" and (value < 0 or value != value):
                fail(line)
            seen[family] += 1
    if len(samples) > SAMPLES_MAX:
        fail(f"{len(samples)} samples")
    return seen


def main():
    seen = check(sys.stdin.read(), sys.argv[1])
    for name in sys.argv[2:]:
        if not seen.get(name):
            fail(f"{name} is not there")
    print(f"ok: {len(seen)} metrics")


main()
