#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Clients of pratique-vis: what OSV.dev's API promises, what ours promises beyond it, and clients that mean no good.

usage: vis-api.py STEP SITE-DIRECTORY [SHARED]

steps: promises  over the Unix socket and TLS, with a certificate
       public    without one: limits, floods, slow and hostile clients
       cut FILE  reads an answer slowly until it is cut off; touches FILE once it has begun
"""

import gzip
import http.client
import importlib.machinery
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time

STEP, SITE = sys.argv[1], sys.argv[2]
WHERE = ("::1", 8446)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self):
        super().__init__("vis", timeout=60)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(SITE + "/http.sock")


def context(name=None):
    c = ssl.create_default_context(cafile=SITE + "/ca.pem")
    c.minimum_version = ssl.TLSVersion.TLSv1_3
    if name:
        c.load_cert_chain(f"{SITE}/{name}.pem", f"{SITE}/{name}.key")
    return c


def over_tls(name=None):
    return http.client.HTTPSConnection(*WHERE, context=context(name), timeout=60)


def fail(*words):
    sys.exit("FAIL: " + " ".join(str(w) for w in words))


def ok(*words):
    print("ok:", *words, flush=True)


class Client:
    """One connection that is kept alive over all that it asks."""

    def __init__(self, connection):
        self.connection = connection

    def raw(self, method, path, body=None, fields=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        self.connection.request(method, path, body, fields or {})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def ask(self, path, body=None, expected=200, method=None, fields=None):
        status, text, headers = self.raw(method or ("POST" if body is not None else "GET"), path, body, fields)
        if status != expected:
            fail(path, body, status, text[:300])
        answer = json.loads(text) if text else None
        if expected >= 400 and set(answer) != {"code", "message"}:
            fail(path, "the form of a failure:", answer)
        return answer, headers

    def ids(self, body, expected=200):
        return [v["id"] for v in self.ask("/v1/query", body, expected)[0].get("vulns", [])]


def package(name, ecosystem="Debian:12", **more):
    return {"package": {"name": name, "ecosystem": ecosystem}, **more}


def queries(c):
    for body, wanted in (
            (package("alpha", version="1.0-1"), ["EXAMPLE-2026-1", "EXAMPLE-2026-2"]),
            (package("alpha", version="1.5-1"), ["EXAMPLE-2026-2"]),
            (package("alpha", version="2.0-1"), []),
            (package("alpha"), ["EXAMPLE-2026-1", "EXAMPLE-2026-2"]),
            (package("alpha", "Debian", version="1.0-1"), ["EXAMPLE-2026-1", "EXAMPLE-2026-2", "EXAMPLE-2026-3"]),
            (package("alpha", "Debian:11", version="1.0-1"), ["EXAMPLE-2026-3"]),
            ({"package": {"name": "alpha"}, "version": "1.0-1"}, ["EXAMPLE-2026-1", "EXAMPLE-2026-2", "EXAMPLE-2026-3"]),
            ({"package": {"purl": "pkg:deb/debian/alpha@1.0-1?distro=bookworm"}}, ["EXAMPLE-2026-1", "EXAMPLE-2026-2"]),
            ({"package": {"purl": "pkg:deb/debian/alpha?distro=bookworm"}, "version": "1.5-1"}, ["EXAMPLE-2026-2"]),
            ({"package": {"purl": "pkg:deb/debian/alpha@1.0-1"}}, ["EXAMPLE-2026-1", "EXAMPLE-2026-2", "EXAMPLE-2026-3"]),
            (package("gone", version="1"), []),
            (package("nothing", version="1"), [])):
        if (got := c.ids(body)) != wanted:
            fail(body, got, "and not", wanted)
    ok("queries by name, purl, release and version")
    for body in (package("gamma", version="2.0-2~bpo12+1"), package("gamma", "Debian", version="2.0-2~bpo12+1"),
                 {"package": {"purl": "pkg:deb/debian/gamma@2.0-2~bpo12%2B1?distro=bookworm"}},
                 {"package": {"purl": "pkg:deb/debian/gamma-bin@9?distro=bookworm&upstream=gamma@2.0-2~bpo12%2B1"}}):
        answer, headers = c.ask("/v1/query", body)
        got = [(v["id"], v["database_specific"]["pratique"].get("judged_as")) for v in answer.get("vulns", [])]
        if got != [("EXAMPLE-2026-4", "a backport of 2.0-2 in Debian:13")] or "Pratique-Unjudged" in headers:
            fail("a backport:", body, answer, headers)
        batch, _ = c.ask("/v1/querybatch", {"queries": [body, package("gamma", version="2.0-3~bpo12+1"), package("gamma", version="2.0-2")]})
        if [[v["id"] for v in r.get("vulns", [])] for r in batch["results"]] != [["EXAMPLE-2026-4"], [], ["EXAMPLE-2026-5"]]:
            fail("backports in a batch:", batch)
    answer, headers = c.ask("/v1/query", package("gamma", "Debian:13", version="1.0-1~bpo13+1"))
    if [v["id"] for v in answer.get("vulns", [])] != ["EXAMPLE-2026-4"] or "Debian:14" not in headers["Pratique-Unjudged"]:
        fail("a backport from a release that nothing is known of:", answer, headers)
    ok("backports are judged in the release that they were built from")
    for body, why in (({"commit": "0" * 40}, "commits"),
                      ({"package": {"purl": "pkg:yeet/a@1"}}, "not known"),
                      (package("alpha", version="no version"), ""),
                      (package("alpha", "crates.io", version="1"), "no advisories")):
        answer, headers = c.ask("/v1/query", body)
        if answer != {} or why not in headers.get("Pratique-Unjudged", ""):
            fail(body, answer, headers)
    ok("what cannot be judged affects nothing, and says so")
    for body, words in (({}, "Invalid query."), ([], "JSON object"), ("{", "JSON"),
                        (package("a", "Bogus"), "Invalid ecosystem."),
                        ({"package": {"purl": "nonsense"}}, "Invalid Package URL"),
                        ({"package": {"purl": "pkg:npm/a@1"}, "version": "1"}, "version specified in params"),
                        (package("a", page_token="%"), "Invalid page token."),
                        (package("a", versoin="1"), "versoin"), ({"commit": "xyz"}, "Invalid hash.")):
        answer, _ = c.ask("/v1/query", body, 400)
        if answer["code"] != 3 or words not in answer["message"]:
            fail(body, answer)
    ok("errors in OSV.dev's form")


def records(c):
    answer, headers = c.ask("/v1/vulns/EXAMPLE-2026-1")
    with open(SITE + "/first/EXAMPLE-2026-1.json", encoding="utf-8") as f:
        theirs = json.load(f)
    note = answer.pop("database_specific")["pratique"]
    if answer != theirs or note["source"] != "first" or [o["source"] for o in note["others"]] != ["second"]:
        fail("the record of the source that stands:", answer, note)
    answer, _ = c.ask("/v1/query", package("alpha", version="1.0-1"))
    note = answer["vulns"][0]["database_specific"]["pratique"]
    if note["source"] != "first" or "second" not in json.dumps(note["others"]):
        fail("the note in a query:", note)
    answer, _ = c.ask("/v1/vulns/EXAMPLE-2026-9")
    if "withdrawn" not in answer:
        fail("a withdrawn record:", answer)
    answer, _ = c.ask("/v1/vulns/EXAMPLE-1999-1", expected=404)
    if answer["code"] != 5 or answer["message"] != "Bug not found.":
        fail(answer)
    answer, _ = c.ask("/v1/vulns/CVE-2026-1001", expected=404)
    if "EXAMPLE-2026-2" not in answer["message"]:
        fail("an alias:", answer)
    tag = headers["ETag"]
    status, text, more = c.raw("GET", "/v1/vulns/EXAMPLE-2026-1", fields={"If-None-Match": f'"other", {tag}'})
    if status != 304 or text or more["ETag"] != tag:
        fail("unchanged:", status, text)
    c.ask("/v1/vulns/EXAMPLE-2026-1", fields={"If-None-Match": 'W/"0"'})
    status, text, more = c.raw("HEAD", "/v1/vulns/EXAMPLE-2026-1")
    if status != 200 or text or int(more["Content-Length"]) < 100:
        fail("HEAD:", status, text, more)
    c.ask("/v1/status")
    ok("records: sources, withdrawn, unknown, aliases, conditional, HEAD")


def codings(c):
    plain = c.raw("POST", "/v1/query", package("paged"))[1]
    status, text, headers = c.raw("POST", "/v1/query", package("paged"), {"Accept-Encoding": "gzip"})
    if headers["Content-Encoding"] != "gzip" or gzip.decompress(text) != plain or len(text) >= len(plain):
        fail("gzip", len(text), len(plain))
    status, text, headers = c.raw("POST", "/v1/query", package("alpha"), {"Accept-Encoding": "gzip, zstd"})
    unpacked = subprocess.run(["zstd", "-dc"], input=text, stdout=subprocess.PIPE, check=True).stdout
    if headers["Content-Encoding"] != "zstd" or json.loads(unpacked) != c.ask("/v1/query", package("alpha"))[0]:
        fail("zstd")
    by_curl = subprocess.run(["curl", "-sS", "--compressed", "--unix-socket", SITE + "/http.sock", "-d",
                              json.dumps(package("paged")), "http://vis/v1/query"], stdout=subprocess.PIPE, check=True)
    if by_curl.stdout != plain:
        fail("curl --compressed")
    ok("gzip and zstd, also as curl unpacks them")


def again(c):
    """What is kept is answered as it was made, in each coding, and not beyond the generation that it is of."""
    asked = (("POST", "/v1/query", package("alpha", version="1.0-1")), ("POST", "/v1/querybatch", {"queries": [package("alpha")] * 3}),
             ("GET", "/v1/vulns/EXAMPLE-2026-2", None), ("GET", "/v1/vulns?ecosystem=Debian:11", None), ("POST", "/v1/query", package("paged")))
    for method, path, body in asked:
        for fields in ({}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "zstd"}):
            answers = []
            for _ in range(3):
                status, text, headers = c.raw(method, path, body, fields)
                answers.append((status, text, [(n, v) for n, v in headers.items() if n != "Date"]))
            if answers[0][0] != 200 or answers[0] != answers[1] or answers[0] != answers[2]:
                fail(path, "is answered otherwise:", [a[2] for a in answers])
    before = c.ids(package("again", version="1"))
    name = f"AGAIN-{len(before)}"
    publish(name, "again")
    await_record(c, name)
    if {"id": name, "modified": "2026-02-01T00:00:00.219Z"} not in c.ask("/v1/vulns?ecosystem=Debian:12&package=again")[0]["vulns"]:
        fail("a time with less than seconds")
    if c.ids(package("again", version="1")) != before + [name]:
        fail("an answer of before:", c.ids(package("again", version="1")))
    ok("answers that are asked for again")


def publish(name, affected):
    text = json.dumps({"id": name, "modified": "2026-02-01T00:00:00.219917Z", "affected": [
        {"package": {"name": affected, "ecosystem": "Debian:12"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]})
    with open(f"{SITE}/.{name}", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(f"{SITE}/.{name}", f"{SITE}/published/{name}.json")


def await_record(c, name):
    deadline = time.monotonic() + 60
    while c.raw("GET", "/v1/vulns/" + name)[0] != 200:
        if time.monotonic() > deadline:
            fail(name, "does not come")
        time.sleep(0.02)


def pages(c):
    """2,500 of them; one that comes between two pages is there once or not at all, and nothing comes twice."""
    seen, token, n = [], None, 0
    while True:
        body = package("paged")
        if token:
            body["page_token"] = token
        answer, _ = c.ask("/v1/query", body)
        seen += [v["id"] for v in answer.get("vulns", [])]
        n += 1
        token = answer.get("next_page_token")
        if n == 1:
            publish("AAA-2026-1", "paged")
            publish("ZZZ-2026-1", "paged")
            await_record(c, "AAA-2026-1")
            await_record(c, "ZZZ-2026-1")
        if not token:
            break
    wanted = [f"PAGED-{i:05}" for i in range(2500)] + ["ZZZ-2026-1"]
    if seen != wanted or n != 3:
        fail("pages:", n, len(seen), len(set(seen)), seen[:2], seen[-2:])
    ok("pages, in a changing index")
    answer, _ = c.ask("/v1/querybatch", {"queries": [package("paged")] * 5 + [package("alpha", version="1.0-1"), {"commit": "ab"}]})
    sizes = [len(r.get("vulns", [])) for r in answer["results"]]
    if sizes != [1000, 1000, 1000, 1000, 5, 2, 0] or "next_page_token" not in answer["results"][4]:
        fail("a batch:", sizes)
    seen, token = [], answer["results"][3]["next_page_token"]
    answer, _ = c.ask("/v1/querybatch", {"queries": [package("paged", page_token=token)]})
    if answer["results"][0]["vulns"][0]["id"] != "PAGED-00999":
        fail("the second page of a batch:", answer["results"][0]["vulns"][0])
    if c.ask("/v1/querybatch", {"queries": []})[0] != {"results": []} or c.ask("/v1/querybatch", {})[0] != {"results": []}:
        fail("an empty batch")
    answer, _ = c.ask("/v1/querybatch", {"queries": [package("alpha")] * 1001}, 400)
    if answer["message"] != "Too many queries.":
        fail(answer)
    answer, _ = c.ask("/v1/querybatch", {"queries": [package("alpha"), package("a", "Bogus")]}, 400)
    if answer["message"] != "query 1: Invalid ecosystem.":
        fail(answer)
    answer, _ = c.ask("/v1/querybatch", {"queries": [package("paged")] * 1000}, 413)
    if "ask in parts" not in answer["message"]:
        fail(answer)
    ok("batches, and pages of them")


def inventories(c):
    dpkg = "Package: alpha\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n\n" \
           "Package: beta\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n"
    answer, _ = c.ask("/v1/match?distro=debian:12", dpkg)
    if [f["id"] for f in answer["findings"]] != ["EXAMPLE-2026-1", "EXAMPLE-2026-2"] or answer["packages"] != 2:
        if sorted(f["id"] for f in answer["findings"]) != ["EXAMPLE-2026-1", "EXAMPLE-2026-2"]:
            fail("an inventory:", answer)
    first = next(f for f in answer["findings"] if f["id"] == "EXAMPLE-2026-1")
    if first["source"] != "first" or first["others"][0]["source"] != "second" or first["fixed"] != "1.2-1":
        fail("its findings:", first)
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
        {"type": "library", "name": "alpha", "purl": "pkg:deb/debian/alpha@1.5-1?distro=debian-12"},
        {"type": "library", "name": "odd", "purl": "pkg:yeet/odd@1"}, {"type": "library", "name": "bare"}]}
    answer, _ = c.ask("/v1/match", bom)
    if [f["id"] for f in answer["findings"]] != ["EXAMPLE-2026-2"] or answer["not_judged"] != 1 or answer["not_mapped"] != 1:
        fail("a bill of materials:", answer)
    for path, body in (("/v1/match", "x"), ("/v1/match?distro=%zz", "x"), ("/v1/match?distro=debian", dpkg), ("/v1/match", "{}")):
        c.ask(path, body, 400)
    answer, _ = c.ask("/v1/platforms")
    for path, wanted in (("ecosystem=Debian:11", {"EXAMPLE-2026-3"}), ("ecosystem=Debian:12&package=alpha", {"EXAMPLE-2026-1", "EXAMPLE-2026-2"}),
                         ("ecosystem=Debian&package=alpha", {"EXAMPLE-2026-1", "EXAMPLE-2026-2", "EXAMPLE-2026-3"}),
                         ("ecosystem=crates.io", set())):
        listed, headers = c.ask("/v1/vulns?" + path)
        ids = [v["id"] for v in listed.get("vulns", [])]
        if not (wanted <= set(ids) or "next_page_token" in listed) or ids != sorted(set(ids)) or ("package" in path and wanted != set(ids)):
            fail(path, ids[:10])
        if c.raw("GET", "/v1/vulns?" + path, fields={"If-None-Match": headers["ETag"]})[0] != 304:
            fail(path, "is not unchanged")
    n, token = 0, ""
    while token is not None:
        listed, _ = c.ask("/v1/vulns?ecosystem=Debian:12&page_token=" + token)
        n += len(listed.get("vulns", []))
        token = listed.get("next_page_token")
    if n < 2502:
        fail("a platform in pages:", n)
    for path in ("", "?ecosystem=", "?ecosystem=Bogus", "?ecosystem=npm&page_token=%25", "?ecosystem=" + "x" * 300):
        c.ask("/v1/vulns" + path, expected=400)
    if not {"Debian:11", "Debian:12"} <= {p["ecosystem"] for p in answer["platforms"]}:
        fail("platforms:", answer)
    ok("inventories and platforms")


def schema(c, shared):
    path = os.path.join(shared, "api/osv-schema.json")
    if not os.path.exists(path):
        print("skipped: no", path)
        return
    import jsonschema
    with open(path, encoding="utf-8") as f:
        validator = jsonschema.Draft202012Validator(json.load(f))
    n = theirs = 0
    for body in (package("openssl", "Debian:9"), package("linux", "Debian:9"), package("busybox", "Alpine:v3.18"), package("zlib", "Debian")):
        for r in c.ask("/v1/query", body)[0].get("vulns", [])[:40]:
            errors = [e for e in validator.iter_errors(r)]
            with open(f"{SITE}/picked/{r['id']}.json", encoding="utf-8") as f:
                if errors and r != json.load(f):
                    fail(r["id"], errors[0].message[:300], list(errors[0].path))
            theirs += bool(errors)
            n += 1
    if n - theirs < 20:
        fail("only", n - theirs, "records to hold against the schema")
    ok(f"{n} answered records: {n - theirs} are valid by OSV's schema, {theirs} invalid as published and served as they are")


# What is sent to the routes that take something, and which record and platform are asked for. A route that is new wants a line.
ASKED = {
    ("POST", "/v1/query"): [package("alpha", version="1.0-1"), package("alpha"), package("nothing", version="1"), package("paged")],
    ("POST", "/v1/querybatch"): [{"queries": [package("alpha"), package("nothing", version="1"), package("paged")]}, {}],
    ("POST", "/v1/match"): [{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
        {"type": "library", "name": "alpha", "purl": "pkg:deb/debian/alpha@1.0-1?distro=debian-12"},
        {"type": "library", "name": "odd", "purl": "pkg:yeet/odd@1"}, {"type": "library", "name": "bare"}]}],
}
WHAT = {"/v1/vulns": "/v1/vulns?ecosystem=Debian:12", "/v1/vulns/{id}": "/v1/vulns/EXAMPLE-2026-1"}
# Streams and files of signed repositories, of which there is none here.
ELSEWHERE = {"/v1/subscribe", "/v1/repositories/{repository}/{file}", "/v1/repositories/{repository}/files/{file}"}


def description(c):
    """Every route answers as /v1/openapi.json says, and every one that the manual has is in it, and no other."""
    here = os.path.dirname(os.path.realpath(__file__))
    schemas = importlib.machinery.SourceFileLoader("api_schema", here + "/api-schema.py").load_module()
    d = schemas.Description(SITE + "/http.sock", "/v1/openapi.json")
    schemas.check_document(d.doc, roles=("reader", "site"))
    n = 0
    for method, path, operation in d.operations():
        what = f"{method} {path}"
        if path in ELSEWHERE:
            continue
        if method == "POST" and (method, path) not in ASKED:
            fail(what, "is new: add what it is sent to ASKED")
        for body in ASKED.get((method, path), [None]):
            status, text, headers = c.raw(method, WHAT.get(path, path), body)
            if status != 200:
                fail(what, status, text[:300])
            if method == "HEAD":
                if text:
                    fail(what, "has a body")
                continue
            d.check_answer(what, operation, status, headers["Content-Type"], text)
        n += 1
        if method == "POST":
            status, text, headers = c.raw(method, path, "{")
            d.check_answer(what, operation, status, headers["Content-Type"], text)
            if status != 400:
                fail(what, "a body that is none:", status)
    with open(here + "/../../man/pratique-vis.8", encoding="utf-8") as f:
        manual = set(re.findall(r"^\.It Li (GET|POST) (/v1/[^ ?\n]*)", f.read(), re.MULTILINE))
    described = {(m, re.sub(r"{(\w+)}", lambda p: {"repository": "NAME"}.get(p[1], p[1].upper()), p)) for m, p, _ in d.operations() if m != "HEAD"}
    if manual | {("GET", "/v1/repositories/NAME/files/FILE")} != described:
        fail("the manual and the description:", sorted(manual ^ described))
    ok(f"{n} routes answer as /v1/openapi.json describes them, and the manual has them")


def who_may():
    for name, status in (("olga", 200), ("srv", 200), ("child", 200)):
        c = Client(over_tls(name))
        if c.raw("GET", "/v1/status")[0] != status:
            fail(name)
    for name in (None, "alice", "mallory"):
        try:
            c = Client(over_tls(name))
            status = c.raw("GET", "/v1/status")[0]
            fail("answered to", name, status)
        except (ssl.SSLError, ConnectionError, http.client.HTTPException):
            pass
    ok("over TLS: servers, VISes and operators of the site, and nobody else")


def subscriptions():
    """One name has a few of them: it cannot take the places of all the others, and the newest stand."""
    mine = []
    for i in range(12):
        c = over_tls("child")
        c.request("GET", "/v1/subscribe")
        answer = c.getresponse()
        if answer.status != 200:
            fail("subscription", i, answer.status, answer.read())
        mine.append((c, answer))
    children = [c for c in Client(over_tls("olga")).ask("/v1/tree")[0]["children"] if c["name"] == "child"]
    if len(children) != 8:
        fail("a child with 12 subscriptions holds", len(children))
    for _, answer in mine[:4]:
        answer.read()
    if not mine[11][1].readline():
        fail("the newest subscription has ended")
    for c, _ in mine:
        c.close()
    ok("of 12 subscriptions of one child the oldest four have ended")


def promises():
    shared = sys.argv[3]
    who_may()
    for connection in (UnixConnection(), over_tls("olga")):
        c = Client(connection)
        queries(c)
        records(c)
        codings(c)
        inventories(c)
        again(c)
    description(Client(UnixConnection()))
    pages(Client(over_tls("olga")))
    subscriptions()
    if os.path.isdir(SITE + "/picked"):
        schema(Client(UnixConnection()), shared)


# ---- clients that mean no good ----


def connect():
    return context().wrap_socket(socket.create_connection(WHERE, timeout=60), server_hostname="::1")


def read_all(s):
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except (ssl.SSLError, ConnectionError):
        pass
    return data


def request(path="/v1/status", method="GET", fields=(), body=b"", close=True):
    lines = [f"{method} {path} HTTP/1.1", "Host: vis"] + (["Connection: close"] if close else [])
    if body and not any(f.startswith("Content-Length") for f in fields):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines + list(fields)) + "\r\n\r\n").encode() + body


def say(data):
    with connect() as s:
        s.sendall(data)
        return read_all(s)


def expect(what, data, *statuses):
    answer = say(data)
    status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None
    if status not in statuses:
        fail(what, answer[:300], statuses)
    if status and status >= 400 and set(json.loads(answer.split(b"\r\n\r\n", 1)[1])) != {"code", "message"}:
        fail(what, "the form of a failure:", answer)
    ok(what, status)


def messages():
    query = json.dumps(package("alpha", version="1.0-1")).encode()
    expect("without a certificate", request("/v1/query", "POST", body=query), 200)
    expect("a query by GET", request("/v1/query"), 405)
    expect("nothing there", request("/v2/query", "POST"), 404)
    expect("no body", request("/v1/query", "POST"), 400)
    expect("a body too large", request("/v1/query", "POST", ["Content-Length: 65537"]), 413)
    expect("a batch too large", request("/v1/querybatch", "POST", ["Content-Length: 4194305"]), 413)
    expect("an inventory too large", request("/v1/match", "POST", ["Content-Length: 99999999999"]), 413)
    expect("a compressed body", request("/v1/query", "POST", ["Content-Encoding: gzip"], gzip.compress(query)), 415)
    expect("deep JSON", request("/v1/query", "POST", body=b"[" * 60000), 400)
    expect("a deep query", request("/v1/query", "POST", body=b'{"package":' * 5000), 400)
    expect("duplicate members", request("/v1/query", "POST", body=b'{"version":"1","version":"2"}'), 400)
    expect("no UTF-8", request("/v1/query", "POST", body=b'{"version":"\xff"}'), 400)
    expect("a NUL in a text", request("/v1/query", "POST", body=b'{"version":"\\u0000"}'), 400)
    expect("a strange id", request("/v1/vulns/%00"), 400)
    expect("a slash in an id", request("/v1/vulns/..%2F..%2Fetc"), 400)
    expect("a long id", request("/v1/vulns/" + "A" * 250), 404)
    expect("length and coding both", request("/v1/query", "POST", ["Content-Length: 4", "Transfer-Encoding: chunked"]), 400, 501)
    expect("an inventory that is no text", request("/v1/match?distro=debian:12", "POST",
           body=b"Package: a\xff\nStatus: install ok installed\nVersion: 1\n"), 200, 400)
    ten = b"".join(request("/v1/query", "POST", body=query, close=False) for _ in range(10))
    answer = say(ten + request("/v1/nothing"))
    if answer.count(b"HTTP/1.1 200 ") != 10 or answer.count(b"HTTP/1.1 404 ") != 1:
        fail("pipelined:", answer.count(b"HTTP/1.1 "))
    ok("eleven in one piece, answered in order")


def crowds():
    """Silent connections, slow heads and readers who do not read; others are served meanwhile."""
    silent = [socket.create_connection(WHERE, timeout=60) for _ in range(30)]
    slow = [connect() for _ in range(10)]
    for s in slow:
        s.sendall(b"POST /v1/query HTTP/1.1\r\nHost: ")
    greedy = connect()
    greedy.settimeout(1)
    sent = 0
    try:
        while sent < 200:
            greedy.sendall(request("/v1/query", "POST", body=json.dumps(package("paged")).encode(), close=False))
            sent += 1
    except OSError:
        pass
    expect(f"beside 30 silent, 10 slow and one who asks {sent} times and does not read", request(), 200, 429)
    for s in silent + slow + [greedy]:
        s.close()


def smuggled():
    """What a relay in front of us could take for another message than we do is no message, and ends the connection."""
    query = json.dumps(package("alpha", version="1.0-1"))
    after = "GET /v1/status HTTP/1.1\r\nHost: vis\r\n\r\n"
    for head in (f"Content-Length: 0\r\nContent-Length: {len(query)}", f"Content-Length: +{len(query)}",
                 f"Content-Length: {len(query)}, {len(query)}", f"Content-Length:{len(query)}\r\n Host: other",
                 f"Content-Length : {len(query)}", f"Content-Length: {len(query)}\r\nTransfer-Encoding: chunked",
                 "Transfer-Encoding: chunked", "Transfer-Encoding: identity, chunked", "Transfer-Encoding:\x0bchunked",
                 f"Content-Length: {len(query)}\nX: y", f"Content-Length: 0x{len(query):x}", "Host: other\r\nContent-Length: 0"):
        answer = say(f"POST /v1/query HTTP/1.1\r\nHost: vis\r\n{head}\r\n\r\n{query}{after}".encode("latin-1"))
        status = int(answer.split(b" ", 2)[1])
        if status not in (400, 501) or answer.count(b"HTTP/1.1 ") != 1:
            fail("smuggled by", repr(head), answer[:200], answer.count(b"HTTP/1.1 "))
    ok("12 ways to say a length otherwise: refused, and nothing behind them is answered")


def thousands():
    """One address opens what it can; the others have theirs."""
    theirs = [socket.create_connection(("127.0.0.1", 9446), timeout=60) for _ in range(800)]
    s = socket.create_connection(("127.0.0.1", 9446), timeout=60, source_address=("127.0.0.9", 0))
    with context().wrap_socket(s, server_hostname="127.0.0.1") as s:
        s.sendall(request())
        answer = read_all(s)
    if not answer.startswith(b"HTTP/1.1 200 "):
        fail("beside 800 connections of another address:", answer[:200])
    for s in theirs:
        s.close()
    ok("beside 800 connections of one address another one is answered")


def flood():
    """More than one address may ask is answered 429; it gets its turn again, and the socket is not concerned."""
    seen = set()
    deadline = time.monotonic() + 60
    while 429 not in seen and time.monotonic() < deadline:
        answer = say(request(close=False) * 150 + request())
        seen |= {int(part.split(b" ")[0]) for part in answer.split(b"HTTP/1.1 ")[1:]}
    if 429 not in seen:
        fail("a flood is not slowed down:", seen)
    Client(UnixConnection()).ask("/v1/status")
    Client(over_tls("olga")).ask("/v1/status")
    while not say(request()).startswith(b"HTTP/1.1 200"):
        if time.monotonic() > deadline:
            fail("nobody is let in again")
        time.sleep(0.1)
    ok("a flood is slowed down, and over")


def public():
    messages()
    smuggled()
    crowds()
    thousands()
    flood()


def cut():
    """An answer that is cut off in the middle is never taken for a whole one."""
    c = UnixConnection()
    c.request("POST", "/v1/query", json.dumps(package("paged")))
    answer = c.getresponse()
    answer.read(1000)
    with open(sys.argv[3], "w", encoding="utf-8"):
        pass
    deadline = time.monotonic() + 60
    while os.path.exists(sys.argv[3]) and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        answer.read()
        fail("it is whole")
    except (http.client.IncompleteRead, ConnectionError):
        ok("an answer that is cut off shows as such")


{"promises": promises, "public": public, "cut": cut}[STEP]()
