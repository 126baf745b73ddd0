# SPDX-License-Identifier: ISC
"""debsecan's answer for a machine beside Pratique's, finding by finding, each difference explained and counted.

debsecan_compare.py OURS THEIRS DATA STATUS EXPORT

OURS is what `pratique vuln match --json` printed, THEIRS what `debsecan --format simple` did, DATA the folder of debsecan_data.py, STATUS the
dpkg status file, EXPORT the records that both were made from. A difference counts as explained where the explanation has been checked
against the data: that debsecan's own rule, by apt's comparison, gives Pratique's answer once the named reason is taken away. Ends with 1 where
one is left."""
import collections
import json
import os
import re
import sys
import zlib

import apt_pkg

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debsecan_data

EXPLANATIONS = {
    "signed": "binaries of a source that only signs another (linux-signed-amd64): advisories name the other, which debsecan does not look up",
    "alias": "one finding of Pratique's has several ids, where debsecan has one a name",
    "listed": "the record lists the installed version without a range that holds it, which debsecan's form cannot say",
    "backport": "a backport (~bpo12+1) is judged in the release that it was built from, debsecan judges it as Debian 12's own",
    "apt": "only the lists of the security suite say it, which debsecan was not given",
}


def installed(status):
    """binary -> [(source, source version, version)], as dpkg has them."""
    packages = collections.defaultdict(list)
    with open(status, encoding="utf-8", errors="replace") as file:
        for stanza in file.read().split("\n\n"):
            fields = dict(re.findall(r"^(Package|Status|Source|Version): (.*)$", stanza, re.M))
            if not fields.get("Status", "").endswith(" installed"):
                continue
            source, version = fields.get("Source", fields["Package"]), fields["Version"]
            named = re.match(r"(\S+) \((.*)\)$", source)
            packages[fields["Package"]].append((*(named.groups() if named else (source, version)), version))
    return packages


def prepared(folder):
    """(source, id) -> the version that fixes it or "", from debsecan's own form."""
    with open(os.path.join(folder, "GENERIC"), "rb") as file:
        lines = zlib.decompress(file.read()).decode().split("\n")
    end = lines.index("", 1)
    names = [line.split(",")[0] for line in lines[1:end]]
    entries = {}
    for line in lines[end + 1:]:
        if line:
            package, name, _, fixed, _ = line.split(",")
            entries[package, names[int(name)]] = fixed
    return entries


def signed_source(source, source_version, version):
    """What a signing source signs, worked out from Debian's templates and not by Pratique's table; None where it signs nothing."""
    if re.match(r"linux-signed-", source):
        return "linux", source_version.replace("+", "-", 1)
    if re.match(r"grub-efi-.*-signed$", source):
        return "grub2", re.sub(r"^\d+\+", "", source_version).replace("+", "-", 1)
    if re.match(r"shim-helpers-.*-signed$", source):
        return "shim", re.sub(r"^\d+\+", "", source_version).replace("+", "-", 1)
    if source == "shim-signed":
        return "shim", version[len(source_version) + 1:]
    if re.match(r"fwupd-.*-signed$", source):
        return "fwupd-efi", source_version.replace("+", "-", 1)
    return None


def affects(entries, source, version, name):
    fixed = entries.get((source, name))
    return fixed is not None and (not fixed or apt_pkg.version_compare(version, fixed) < 0)


class Releases:
    """What debsecan would have of another release; made from the export when a backport asks for it."""

    def __init__(self, export):
        self.export, self.entries = export, {}

    def affects(self, source, version, name):
        release = f"Debian:{int(re.search(r'~bpo([0-9]+)', version).group(1)) + 1}"
        if release not in self.entries:
            self.entries[release] = debsecan_data.entries(release, self.export)[0]
        return affects(self.entries[release], source, re.sub(r"~bpo.*", "", version), name)


def explain_ours(finding, packages, entries, theirs, releases):
    package, name = finding["package"], finding["id"]
    if any((alias, package) in theirs for alias in finding["aliases"]):
        return "alias"
    if finding["source"].startswith("apt"):
        return "apt"
    for source, source_version, version in packages[package]:
        if "~bpo" in source_version and releases.affects(source, source_version, name):
            return "backport"
        signed = signed_source(source, source_version, version)
        if signed and affects(entries, *signed, name):
            return "signed"
    return None


def explain_theirs(name, package, ours, packages, releases):
    for finding in ours:
        ids = {finding["id"], *finding["aliases"], *(view["id"] for view in finding.get("others", []))}
        if finding["package"] == package and name in ids:
            return "alias"
    for source, source_version, _ in packages[package]:
        if "~bpo" in source_version and not releases.affects(source, source_version, name):
            return "backport"
    return None


def explain_listed(left, packages, entries, export):
    """Only for what is left, and what debsecan's own rule does not find: the records themselves are read for it."""
    wanted = {finding["id"] for finding in left}
    listed = set()
    for record in debsecan_data.records(export):
        if record["id"] in wanted:
            for affected in record.get("affected") or []:
                listed.update((record["id"], affected["package"]["name"], version) for version in affected.get("versions") or []
                              if affected.get("package"))
    return [f for f in left if any((f["id"], source, version) in listed and not affects(entries, source, version, f["id"])
                                   for source, version, _ in packages[f["package"]])]


def main(ours_file, theirs_file, data, status, export):
    apt_pkg.init_system()
    with open(ours_file, encoding="utf-8") as file:
        ours = [json.loads(line) for line in file]
    with open(theirs_file, encoding="utf-8") as file:
        theirs = {tuple(line.split()[:2]) for line in file if line.strip()}
    packages, entries, releases = installed(status), prepared(data), Releases(export)
    mine = {(finding["id"], finding["package"]) for finding in ours}
    more, fewer, left, lacking = collections.Counter(), collections.Counter(), [], []
    for finding in {(f["id"], f["package"]): f for f in ours if (f["id"], f["package"]) not in theirs}.values():
        reason = explain_ours(finding, packages, entries, theirs, releases)
        more[reason] += 1
        if not reason:
            left.append(finding)
    listed = explain_listed(left, packages, entries, export) if left else []
    more["listed"] += len(listed)
    left = [finding for finding in left if finding not in listed]
    for name, package in theirs - mine:
        reason = explain_theirs(name, package, ours, packages, releases)
        fewer[reason] += 1
        if not reason:
            lacking.append((name, package))
    print(f"  {len(mine)} findings of Pratique's, {len(theirs)} of debsecan's, {len(mine & theirs)} the same")
    for title, counts in (("Pratique alone", more), ("debsecan alone", fewer)):
        for reason, explanation in EXPLANATIONS.items():
            if counts[reason]:
                print(f"  {title}: {counts[reason]} {reason}: {explanation}")
    for finding in left[:10]:
        print(f"  NOT EXPLAINED: Pratique alone: {finding['id']} {finding['package']} {finding['version']}")
    for name, package in lacking[:10]:
        print(f"  NOT EXPLAINED: debsecan alone: {name} {package}")
    print(f"  not explained: {len(left) + len(lacking)}")
    return 1 if left or lacking else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
