#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What agents and operators were promised, and whether the store remembers it.

watch LEDGER DIRECTORY...     notes each quarantine certificate that agents keep in their state directories, until killed
check LEDGER TOKENS DATABASE  exit 0 where the store, which nobody has open, knows each of them, and the enrolment tokens
                              for each name in TOKENS; prints how many they are
"""

import base64
import json
import pathlib
import re
import sqlite3
import sys
import time

TOKEN = re.compile(rb"eyJ[\w-]+\.([\w-]+)\.[\w-]+")


def certificates(directory):
    for path in pathlib.Path(directory).iterdir():
        try:
            found = TOKEN.search(path.read_bytes())
        except OSError:
            continue
        if found and path.suffix != ".json":
            claims = found.group(1)
            yield json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))["jti"]


def watch(ledger, directories):
    known = set()
    with open(ledger, "a", encoding="ascii") as out:
        while True:
            for directory in directories:
                for name in certificates(directory):
                    if name not in known:
                        known.add(name)
                        print(name, file=out, flush=True)
            time.sleep(0.01)


def check(ledger, tokens, database):
    told = [set(pathlib.Path(p).read_text(encoding="ascii").split()) for p in (ledger, tokens)]
    with sqlite3.connect(database) as db:
        kept = [{row[0] for row in db.execute(query)} for query in ("SELECT id FROM certificate", "SELECT name FROM token")]
    forgotten = sorted((told[0] - kept[0]) | (told[1] - kept[1]))
    print(f"{len(told[0])} certificates and {len(told[1])} tokens, {len(forgotten)} of them forgotten", *forgotten[:5])
    return 1 if forgotten or not all(told) else 0


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "watch":
        return watch(sys.argv[2], sys.argv[3:])
    if len(sys.argv) == 5 and sys.argv[1] == "check":
        return check(*sys.argv[2:])
    return sys.exit(__doc__)


sys.exit(main())
