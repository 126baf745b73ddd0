#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""OSV.dev's recorded conversations, replayed: every request that it answered is accepted here, in the same form.

usage: vis-cassettes.py pick SHARED DIRECTORY    the records of SHARED's Debian export that the requests could be about
       vis-cassettes.py replay SHARED SOCKET     asks the server at SOCKET, and compares

The answers are of another day, so that they cannot be equal: what is compared is the ids that both sides can know, and
how far they agree is printed. What OSV.dev calls ALPINE-CVE-N today was called CVE-N when the export was made.
"""

import collections
import glob
import http.client
import json
import os
import re
import socket
import sys
import tarfile
import time

PLATFORMS = ("Debian:", "Alpine:")  # what the export has
SETTLED = "2024-06"  # records published before that were there when both sides were made
FLOOR = 0.9  # of OSV.dev's ids of Debian that the export holds under the package


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("vis", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self.path)


def parse(lines):
    """As much YAML as the recorder writes: the request's and the response's url, method and body (a literal block)."""
    half, body, depth = {}, None, 0
    for line in lines:
        indent, text = len(line) - len(line.lstrip()), line.strip()
        if body is not None and (not text or indent > depth):
            body.append(text)
            continue
        if body is not None:
            half["body"], body = "\n".join(body), None
        if text in ("- request:", "response:"):
            if half:
                yield half
            half = {}
        elif text == "body: |":
            body, depth = [], indent
        elif text.startswith(("url: ", "method: ")):
            key, value = text.split(": ", 1)
            half[key] = value
    if body is not None:
        half["body"] = "\n".join(body)
    if half:
        yield half


def interactions(shared):
    for path in sorted(glob.glob(os.path.join(shared, "api/cassettes/*/*.yaml"))):
        with open(path, encoding="utf-8") as f:
            halves = parse(f)
            for request, response in zip(halves, halves):
                yield os.path.relpath(path, shared), request, response


def queries(shared):
    for _, request, _ in interactions(shared):
        yield from json.loads(request["body"]).get("queries", [])


def pick(shared, directory):
    names = {q["package"]["name"] for q in queries(shared)
             if q.get("package", {}).get("ecosystem", "").startswith(PLATFORMS)}
    name = re.compile(rb'"name":\s*"([^"]*)"')
    wanted = {n.encode() for n in names}
    n = 0
    with tarfile.open(glob.glob(os.path.join(shared, "osv/debian-osv-*.tar.xz"))[0]) as tar:
        for member in tar:
            if not member.name.endswith(".json"):
                continue
            text = tar.extractfile(member).read()
            if wanted.intersection(name.findall(text)):
                n += 1
                with open(os.path.join(directory, os.path.basename(member.name)), "wb") as f:
                    f.write(text)
    print(f"{n} records name one of {len(names)} packages")


def ask(connection, method, path, body=None):
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path} {(body or '')[:200]}: {answer.status} {text[:300]!r}")
    return json.loads(text), answer.headers


def check_form(results, asked, where):
    if not isinstance(results, dict) or list(results) != ["results"] or len(results["results"]) != asked:
        raise SystemExit(f"{where}: {asked} queries, answered {str(results)[:200]}")
    for one in results["results"]:
        if not set(one) <= {"vulns", "next_page_token"}:
            raise SystemExit(f"{where}: {one}")
        ids = [v["id"] for v in one.get("vulns", [])]
        if ids != sorted(set(ids)) or any(set(v) != {"id", "modified"} for v in one.get("vulns", [])):
            raise SystemExit(f"{where}: {one}")


def record(connection, known, name):
    if name not in known:
        connection.request("GET", "/v1/vulns/" + name)
        answer = connection.getresponse()
        text = answer.read()
        known[name] = json.loads(text) if answer.status == 200 else None
    return known[name]


def names_of(result):
    return {v["id"].removeprefix("ALPINE-") for v in result.get("vulns", [])}


def compare(connection, known, query, theirs, ours, tally):
    """Of their ids: those that we hold, about this package, and since long enough; whether we answered them."""
    package = query["package"]
    kind = package["ecosystem"].split(":")[0]
    for name in theirs | ours:
        r = record(connection, known, name)
        if not r:
            tally[kind]["not held"] += 1
            continue
        if name in ours and name in theirs:
            tally[kind]["both"] += 1
        elif r.get("published", "9") >= SETTLED:
            tally[kind]["newer"] += 1
        elif not any(a["package"].get("name") == package["name"] and
                     a["package"].get("ecosystem") == package["ecosystem"]
                     for a in r.get("affected", []) if "package" in a):
            tally[kind]["of another package or release here"] += 1
        else:
            tally[kind]["theirs alone" if name in theirs else "ours alone"] += 1


def replay(shared, path):
    connection, known = UnixConnection(path), {}
    tally = collections.defaultdict(collections.Counter)
    n = n_queries = unjudged = 0
    began = time.monotonic()
    for where, request, response in interactions(shared):
        results, headers = ask(connection, request["method"], re.sub("^https?://[^/]*", "", request["url"]), request["body"])
        asked = json.loads(request["body"]).get("queries", [])
        check_form(results, len(asked), where)
        unjudged += int(headers.get("Pratique-Unjudged", "0").split(";")[0])
        n += 1
        n_queries += len(asked)
        for query, theirs, ours in zip(asked, json.loads(response["body"])["results"], results["results"]):
            if query.get("package", {}).get("ecosystem", "").startswith(PLATFORMS):
                compare(connection, known, query, names_of(theirs), names_of(ours), tally)
    print(f"{n} requests with {n_queries} queries replayed in {time.monotonic() - began:.1f} s, {unjudged} could not be judged")
    for kind, counts in sorted(tally.items()):
        print(f"{kind}: " + ", ".join(f"{v} {k}" for k, v in counts.most_common()))
    if n != 167:
        raise SystemExit(f"{n} conversations instead of 167")
    c = tally["Debian"]
    agreement = c["both"] / max(1, c["both"] + c["theirs alone"] + c["ours alone"])
    print(f"Debian: {agreement:.1%} agreement on what both can know")
    if agreement < FLOOR:
        raise SystemExit("that is too little")


if __name__ == "__main__":
    {"pick": pick, "replay": replay}[sys.argv[1]](*sys.argv[2:])
