#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What reading advisories costs without Pratique, and what a command costs.

usage: import_peer.py load ARCHIVE DATABASE     every JSON document of a .tar.xz or .jsonl.xz into SQLite: its text, and a row for
                                                each package that it names; prints how many documents
       import_peer.py measure FILE COMMAND...   runs it; writes processor seconds, seconds and the most memory (VmHWM, MB) to FILE

It does the least that somebody needs who wants to look packages up: it checks nothing, compares no versions and settles nothing.
Both sides unpack the same archive. Python's json and sqlite3 are C underneath.
"""

import json
import lzma
import os
import resource
import sqlite3
import sys
import tarfile
import time


def documents(path):
    if path.endswith(".jsonl.xz"):
        with lzma.open(path, "rt", encoding="utf-8") as f:
            yield from (line for line in f if line.strip())
        return
    with tarfile.open(path, "r|xz") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".json"):
                yield archive.extractfile(member).read()


def load(path, database):
    db = sqlite3.connect(database)
    db.execute("CREATE TABLE records (id TEXT, text TEXT)")
    db.execute("CREATE TABLE affected (ecosystem TEXT, name TEXT, record TEXT, rule TEXT)")
    n = 0
    for text in documents(path):
        try:
            record = json.loads(text)
        except ValueError:
            continue
        if not isinstance(record, dict):
            continue
        record = record.get("record") or record
        n += 1
        name = record.get("id") or str(n)
        db.execute("INSERT INTO records VALUES (?, ?)", (name, text))
        affected = record.get("affected")
        for a in affected if isinstance(affected, list) else []:
            package = a.get("package") or {}
            rule = json.dumps([a.get("ranges"), a.get("versions")])
            db.execute("INSERT INTO affected VALUES (?, ?, ?, ?)", (package.get("ecosystem"), package.get("name"), name, rule))
    db.execute("CREATE INDEX by_package ON affected (ecosystem, name)")
    db.execute("CREATE INDEX by_id ON records (id)")
    db.commit()
    db.close()
    print(n)


def measure(path, command):
    began = time.monotonic()
    status = os.spawnvp(os.P_WAIT, command[0], command)
    took = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(path, "w", encoding="ascii") as f:
        f.write(f"{used.ru_utime + used.ru_stime:.2f} {took:.2f} {used.ru_maxrss / 1024:.0f}\n")
    sys.exit(status)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "load":
        load(sys.argv[2], sys.argv[3])
    elif len(sys.argv) > 3 and sys.argv[1] == "measure":
        measure(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(__doc__)
