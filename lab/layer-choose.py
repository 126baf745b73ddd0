#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Chooses the older versions that a host behind on updates gets; prints PACKAGE=VERSION lines.

Runs inside the layer that is being made. A source package is taken with all its installed binary packages when
the security suite's version of each is installed and the main suite still has an older one; small ones
first, until enough packages are together. apt is asked after each that the whole can be installed
by nothing but downgrades.
"""

import subprocess
import sys

ENOUGH = 30
AT_LEAST = 24


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def fields(paragraph):
    out = {}
    for line in paragraph.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith(" "):
            out[name] = value.strip()
    return out


def newer(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "gt", b], check=False).returncode == 0


def suite(label, release_has):
    """Package -> fields, of the suite whose release file has this label."""
    packages = {}
    targets = output("apt-get", "indextargets", "--format", "$(LABEL)|$(RELEASE)|$(FILENAME)", "Created-By: Packages")
    for line in targets.splitlines():
        its_label, release, path = line.split("|")
        if its_label != label or not release_has(release):
            continue
        for paragraph in output("/usr/lib/apt/apt-helper", "cat-file", path).split("\n\n"):
            package = fields(paragraph)
            if not package:
                continue
            known = packages.get(package["Package"])
            if known is None or newer(package["Version"], known["Version"]):
                packages[package["Package"]] = package
    return packages


def installed():
    """Source -> {binary package: version}, without what a system cannot do without."""
    sources = {}
    form = "${db:Status-Status}|${source:Package}|${Package}|${Version}|${Essential}|${Priority}\n"
    for line in output("dpkg-query", "-W", "-f", form).splitlines():
        status, source, package, version, essential, priority = line.split("|")
        if status != "installed":
            continue
        needed = essential == "yes" or priority == "required"
        sources.setdefault(source, {})[package] = None if needed else version
    return sources


def older_of(binaries, main, security):
    """{package: older version} for all of these, or nothing if one of them has none."""
    chosen = {}
    for package, version in binaries.items():
        fixed, old = security.get(package), main.get(package)
        if version is None or not fixed or not old or fixed["Version"] != version:
            return {}
        if not newer(version, old["Version"]):
            return {}
        chosen[package] = old["Version"]
    return chosen


def apt_agrees(wanted):
    """Whether apt would do nothing but put these versions in."""
    words = [f"{package}={version}" for package, version in wanted.items()]
    run = subprocess.run(["apt-get", "-s", "-y", "--allow-downgrades", "-o", "APT::Install-Recommends=0", "install", *words],
                         check=False, capture_output=True, text=True)
    if run.returncode:
        return False
    changed = {line.split()[1] for line in run.stdout.splitlines() if line.startswith(("Inst ", "Remv "))}
    removed = any(line.startswith("Remv ") for line in run.stdout.splitlines())
    return not removed and changed == set(wanted)


def main():
    security = suite("Debian-Security", lambda release: True)
    stable = suite("Debian", lambda release: not release.endswith(("-updates", "-backports")))
    candidates = []
    for source, binaries in installed().items():
        chosen = older_of(binaries, stable, security)
        if chosen:
            candidates.append((sum(int(stable[p]["Size"]) for p in chosen), source, chosen))
    wanted = {}
    for _, _, chosen in sorted(candidates, key=lambda c: c[:2]):
        if len(wanted) >= ENOUGH:
            break
        if apt_agrees({**wanted, **chosen}):
            wanted.update(chosen)
    if len(wanted) < AT_LEAST:
        sys.exit(f"lab: of {len(candidates)} installed source packages with a security update over the main suite, only "
                 f"{len(wanted)} packages can be put back to the mirror's older version; {AT_LEAST} are needed")
    for package, version in sorted(wanted.items()):
        print(f"{package}={version}")


if __name__ == "__main__":
    main()
