# SPDX-License-Identifier: ISC
"""Data for the matching benchmark.

debsecan_data.py convert ECOSYSTEM OUT SOURCE   the OSV records of SOURCE (.tar.xz or folder) in debsecan's own prepared form
debsecan_data.py generate STATUS OUT COUNT      a folder of COUNT records about the packages of a dpkg status file, for machines
                                                without real ones: of 24, one is fixed in a later version, one not at all, the others long ago

debsecan's form is what it downloads from the security tracker: names, then one line a package and name with the version that
fixes it, zlib-compressed. Only the asked-for ecosystem goes in, which is to its advantage."""
import json
import os
import re
import sys
import tarfile
import zlib


def records(source):
    if os.path.isdir(source):
        for name in sorted(os.listdir(source)):
            with open(os.path.join(source, name), encoding="utf-8") as file:
                yield json.load(file)
        return
    with tarfile.open(source) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".json"):
                yield json.load(tar.extractfile(member))


def entries(ecosystem, source):
    """(package, id, version that fixes it or ""), and how many affected entries debsecan's form cannot say."""
    found, unsaid = {}, 0
    for record in records(source):
        if record.get("withdrawn"):
            continue
        for affected in record.get("affected") or []:
            package = affected.get("package") or {}
            if package.get("ecosystem") != ecosystem:
                continue
            for part in affected.get("ranges") or []:
                events = {kind: version for event in part["events"] for kind, version in event.items()}
                if part["type"] != "ECOSYSTEM" or events.get("introduced") != "0" or \
                        set(events) - {"introduced", "fixed"} or len(part["events"]) > 2:
                    unsaid += 1
                    continue
                found[package["name"], record["id"]] = events.get("fixed", "")
    return found, unsaid


def convert(ecosystem, out, source):
    found, unsaid = entries(ecosystem, source)
    names = sorted({name for _, name in found})
    number = {name: i for i, name in enumerate(names)}
    lines = ["VERSION 1"] + [f"{name},,none" for name in names] + [""]
    lines += [f"{package},{number[name]},S  {'F' if fixed else ' '},{fixed}," for (package, name), fixed in sorted(found.items())]
    lines += ["", ""]
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "GENERIC"), "wb") as file:
        file.write(zlib.compress("\n".join(lines).encode()))
    print(f"{len(found)} entries, {unsaid} ranges that its form cannot say")


def sources(status):
    with open(status, encoding="utf-8") as file:
        for block in file.read().split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z-]+): *(.*)$", block, re.MULTILINE))
            if fields.get("Status", "").endswith(" installed"):
                match = re.match(r"(\S+)(?: \((.*)\))?$", fields.get("Source", fields["Package"]))
                yield match.group(1), match.group(2) or fields["Version"]


def generate(status, out, count):
    packages = sorted(set(sources(status)))
    os.makedirs(out)
    for i in range(int(count)):
        name, version = packages[i % len(packages)]
        fixed = {22: version + "+fixed", 23: None}.get(i // len(packages) % 24, "0~0")
        events = [{"introduced": "0"}] + ([{"fixed": fixed}] if fixed else [])
        record = {"schema_version": "1.6.0", "id": f"BENCH-{i}", "modified": "2026-01-01T00:00:00Z", "summary": "generated",
                  "affected": [{"package": {"ecosystem": "Debian:12", "name": name},
                                "ranges": [{"type": "ECOSYSTEM", "events": events}]}]}
        with open(os.path.join(out, f"BENCH-{i}.json"), "w", encoding="utf-8") as file:
            json.dump(record, file)


COMMANDS = {"convert": convert, "generate": generate}
if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
