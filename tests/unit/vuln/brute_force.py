# SPDX-License-Identifier: ISC
"""The index against brute force: every record of Debian's OSV export is evaluated here, from the JSON and by the words of
the OSV schema and Debian Policy, for the packages of this machine; `pratique vuln match` must name exactly the same.

usage: brute_force.py PRATIQUE DEFAULT-SHARED-FOLDER; exits 77 where the export or a dpkg status file is not there."""
import functools
import glob
import itertools
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

STATUS = "/var/lib/dpkg/status"


def weight(c):
    return -1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256


def compare_part(a, b):
    """Debian Policy 5.6.12: non-digits by weight (the end is zero), numbers by value, in turns."""
    for (text_a, number_a), (text_b, number_b) in itertools.zip_longest(
            re.findall(r"(\D*)(\d*)", a), re.findall(r"(\D*)(\d*)", b), fillvalue=("", "")):
        for ca, cb in itertools.zip_longest(text_a, text_b):
            wa, wb = weight(ca) if ca else 0, weight(cb) if cb else 0
            if wa != wb:
                return -1 if wa < wb else 1
        na, nb = int(number_a or 0), int(number_b or 0)
        if na != nb:
            return -1 if na < nb else 1
    return 0


@functools.lru_cache(maxsize=None)
def split(version):
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return (int(epoch), upstream, revision) if dash else (int(epoch), rest, "")


def compare(a, b):
    ea, ua, ra = split(a)
    eb, ub, rb = split(b)
    return (ea > eb) - (ea < eb) or compare_part(ua, ub) or compare_part(ra, rb)


def stanzas(path):
    with open(path, encoding="utf-8") as file:
        for block in file.read().split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z-]+): *(.*)$", block, re.MULTILINE))
            if fields.get("Status", "").split()[-1:] not in ([], ["not-installed"], ["config-files"]):
                yield fields


def source_of(fields):
    name, version = re.match(r"(\S+)(?: \((.*)\))?$", fields.get("Source", fields["Package"])).groups()
    version = version or fields["Version"]
    if name.startswith("linux-signed-"):
        return "linux", version.replace("+", "-", 1)
    if re.match(r"grub-efi-\w+-signed$", name):
        return "grub2", version.partition("+")[2].replace("+", "-", 1)
    return name, version


def in_range(version, events):
    def order(a, b):
        (kind_a, va), (kind_b, vb) = a, b
        if va == vb:
            return 0
        if (kind_a, va) == ("introduced", "0"):
            return -1
        if (kind_b, vb) == ("introduced", "0"):
            return 1
        return compare(va, vb)

    pairs = [pair for event in events for pair in event.items()]
    limits = [v for kind, v in pairs if kind == "limit"]
    if limits and not any(v == "*" or compare(version, v) < 0 for v in limits):
        return False
    affected = False
    for kind, v in sorted((p for p in pairs if p[0] != "limit"), key=functools.cmp_to_key(order)):
        if kind == "introduced" and (v == "0" or compare(version, v) >= 0):
            affected = True
        elif kind == "fixed" and compare(version, v) >= 0:
            affected = False
        elif kind == "last_affected" and compare(version, v) > 0:
            affected = False
    return affected


def is_affected(version, affected):
    return any(in_range(version, r["events"]) for r in affected.get("ranges", []) if r["type"] == "ECOSYSTEM") or \
        version in affected.get("versions", [])


def records(archive):
    newest = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".json"):
                record = json.load(tar.extractfile(member))
                if record["id"] not in newest or newest[record["id"]]["modified"] <= record["modified"]:
                    newest[record["id"]] = {k: record.get(k) for k in ("id", "modified", "withdrawn", "affected")}
    return newest.values()


def brute_force(archive, ecosystem):
    by_source = {}
    for fields in stanzas(STATUS):
        name, version = source_of(fields)
        by_source.setdefault(name, set()).add((fields["Package"], version))
    found = set()
    for record in records(archive):
        for affected in record["affected"] or [] if not record["withdrawn"] else []:
            package = affected.get("package") or {}
            if package.get("ecosystem") == ecosystem:
                found.update((binary, record["id"]) for binary, version in by_source.get(package["name"], ())
                             if is_affected(version, affected))
    return found


def main():
    pratique, default = sys.argv[1:]
    folder = os.environ.get("PRATIQUE_SHARED", default)
    archives = glob.glob(folder + "/advisories/osv/debian-osv-*.tar.xz")
    if not archives or not os.path.exists(STATUS):
        print(f"skipped: no OSV export of Debian in {folder}, or no {STATUS}")
        return 77
    with tempfile.TemporaryDirectory() as index:
        subprocess.run([pratique, "vuln", "index", "--out", index, archives[0]], check=True)
        output = subprocess.run([pratique, "vuln", "match", "--index", index, "--inventory", STATUS, "--distro",
                                 "debian:12", "--json"], check=True, stdout=subprocess.PIPE).stdout
    ours = {(match["package"], match["id"]) for match in map(json.loads, output.splitlines())}
    expected = brute_force(archives[0], "Debian:12")
    print(f"{len(expected)} matches by brute force, {len(ours)} by the index")
    for package, advisory in sorted(expected ^ ours)[:20]:
        print("only by brute force:" if (package, advisory) in expected else "only by the index:", package, advisory)
    return 0 if expected == ours and expected else 1


sys.exit(main())
