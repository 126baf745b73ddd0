#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The checks that no ready-made tool does.

lint.py rules ROOT                        order of includes between rooms, length of files, first line
lint.py tidy ROOT BUILD CACHE JOBS        clang-tidy over the compile database, skipping what it has seen

clang-tidy's verdict on a file is remembered under the hash of the preprocessed file (so with all that
it includes), its flags and .clang-tidy; only clean verdicts are remembered.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time

ROOMS = ["base", "crypto", "proto", "posture", "vuln", "policy", "ipc", "store", "net", "dataplane"]
PROGRAMS = ["agent", "server", "enforcer", "monitor", "vis", "softwire", "mesh", "ctl", "charon"]
LINES_MAX = 600
CACHE_DAYS = 30
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"/]+)/')
LENGTH_OF = (".c", ".h", ".y", ".l", ".sh", ".py", ".js")


def tracked(root):
    out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], check=True,
                         capture_output=True, text=True).stdout
    return [name for name in out.splitlines() if os.path.isfile(os.path.join(root, name))]


def allowed(room):
    """The rooms that a file of this room may include from."""
    if room in ROOMS:
        return set(ROOMS[:ROOMS.index(room) + 1])
    return set(ROOMS) | {room}


def lint_file(root, name):
    complaints = []
    with open(os.path.join(root, name), encoding="utf-8", errors="surrogateescape") as f:
        lines = f.read().splitlines()
    script = bool(lines) and lines[0].startswith("#!")
    if len(lines) > LINES_MAX and (name.endswith(LENGTH_OF) or script):
        complaints.append(f"{name}: {len(lines)} lines, more than {LINES_MAX}: split it by noun")
    if name.endswith((".c", ".h", ".y", ".l", ".sh", ".py")) or script:
        if not any("SPDX-License-Identifier: " in line for line in lines[:2]):
            complaints.append(f"{name}:1: the first line names no licence (SPDX-License-Identifier)")
    parts = name.split("/")
    if parts[0] == "src" and len(parts) > 2 and name.endswith((".c", ".h", ".y", ".l")):
        if parts[1] not in ROOMS + PROGRAMS:
            complaints.append(f"{name}: the room {parts[1]} is not in the order of rooms")
        may = allowed(parts[1])
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match and match.group(1) in ROOMS + PROGRAMS and match.group(1) not in may:
                complaints.append(f"{name}:{number}: {parts[1]} may not include from {match.group(1)}")
    return complaints


def lint_scenarios(root):
    """A scenario that meson.build does not name never runs."""
    folder = os.path.join(root, "tests/scenario")
    with open(os.path.join(folder, "meson.build"), encoding="utf-8") as f:
        named = f.read()
    return [f"tests/scenario/{name}: meson.build does not name it, so it never runs"
            for name in sorted(os.listdir(folder))
            if name.endswith(".sh") and os.access(os.path.join(folder, name), os.X_OK) and f"'{name[:-3]}'" not in named]


def rules(root):
    complaints = [c for name in tracked(root) for c in lint_file(root, name)] + lint_scenarios(root)
    print("\n".join(complaints), end="\n" if complaints else "")
    return 1 if complaints else 0


def fingerprint(entry, config):
    """The hash of everything that clang-tidy's verdict depends on, or None where clang cannot preprocess."""
    command = entry.get("arguments") or shlex.split(entry["command"])
    keep, skip = [], False
    for word in command:
        if skip or word in ("-c",) or word.startswith("-M"):
            skip = word in ("-MF", "-MQ", "-MT")
            continue
        if word == "-o":
            skip = True
            continue
        keep.append(word)
    run = subprocess.run(keep + ["-E", "-C"], cwd=entry["directory"], capture_output=True, check=False)
    if run.returncode:
        return None
    return hashlib.sha256(run.stdout + "\0".join(keep).encode() + config).hexdigest()


def tidy_one(entry, build, cache, config):
    key = fingerprint(entry, config)
    mark = os.path.join(cache, key) if key else None
    if mark and os.path.exists(mark):
        os.utime(mark)
        return None
    run = subprocess.run(["clang-tidy", "--quiet", "-p", build, entry["file"]], cwd=entry["directory"],
                         capture_output=True, text=True, check=False)
    if run.returncode:
        return run.stdout + "".join(line + "\n" for line in run.stderr.splitlines() if "error" in line)
    if mark:
        with open(mark, "w", encoding="ascii"):
            pass
    return ""


def forget_old(cache):
    for name in os.listdir(cache):
        path = os.path.join(cache, name)
        if os.path.getmtime(path) < time.time() - CACHE_DAYS * 86400:
            os.unlink(path)


def tidy(root, build, cache, jobs):
    os.makedirs(cache, exist_ok=True)
    forget_old(cache)
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        database = json.load(f)
    entries = {}
    for entry in database:
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        if path.startswith(os.path.join(root, "src", "")):
            entries.setdefault(path, entry)
    with open(os.path.join(root, ".clang-tidy"), "rb") as f:
        config = f.read()
    bad = fresh = 0
    with concurrent.futures.ThreadPoolExecutor(int(jobs)) as pool:
        for verdict in pool.map(lambda e: tidy_one(e, build, cache, config), entries.values()):
            fresh += verdict is not None
            if verdict:
                bad += 1
                print(verdict)
    print(f"lint: clang-tidy: {len(entries)} files, {fresh} of them new or changed, {bad} with findings")
    return 1 if bad else 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "rules":
        return rules(os.path.realpath(sys.argv[2]))
    if len(sys.argv) == 6 and sys.argv[1] == "tidy":
        return tidy(os.path.realpath(sys.argv[2]), *sys.argv[3:])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
