#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Holds what a running server answers against its own OpenAPI description.

usage: api-schema.py SOCKET NODE                     every GET route, and what may be ordered at any time
                                                     (NODE -: there is none)
       api-schema.py SOCKET --answer METHOD PATH     the answer of that route on standard input
"""

import http.client
import json
import re
import socket
import sys
import time

import jsonschema

NEXT_YEAR = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 365 * 86400))
# What is sent to the routes that are not GET. A route that is new here wants a line.
ORDERS = {
    ("POST", "/v1/reload"): None,
    ("POST", "/v1/brake/release"): {},
    ("POST", "/v1/brake/discard"): {},
    ("POST", "/v1/simulate"): {"policy": """
        define server { address 2001:db8::2 tcp 271 }
        segment out default { allow to server }
        segment staff level 1 { allow to any }
        admit to staff
        otherwise out
        inspect every 30 min
        certificate lifetime 45 min
    """},
    ("POST", "/v1/tokens"): {"name": "schema", "role": "node", "ttl_ms": 60000},
    ("POST", "/v1/api-tokens"): {"name": "schema", "role": "viewer", "expires": NEXT_YEAR},
    ("DELETE", "/v1/api-tokens/{name}"): None,
}
# These would change what the scenario is about; their answers are checked by --answer.
NOT_HERE = {("POST", "/v1/nodes/{name}/inspect"), ("POST", "/v1/nodes/{name}/revoke")}
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def ask(where, method, path, body=None):
    c = Connection(where)
    c.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    answer = c.getresponse()
    data = answer.read()
    c.close()
    return answer.status, answer.getheader("Content-Type", ""), data


class Description:
    def __init__(self, where, path="/openapi.json"):
        status, _, data = ask(where, "GET", path)
        if status != 200:
            sys.exit(f"{path}: {status}")
        self.doc = json.loads(data)
        self.formats = jsonschema.FormatChecker(formats=())
        self.formats.checks("date-time")(lambda text: not isinstance(text, str) or bool(TIME.match(text)))

    def operations(self):
        for path, item in self.doc["paths"].items():
            for method, operation in item.items():
                yield method.upper(), path, operation

    def check(self, what, schema, value):
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": self.doc["components"], **schema}
        jsonschema.Draft202012Validator.check_schema(whole)
        errors = list(jsonschema.Draft202012Validator(whole, format_checker=self.formats).iter_errors(value))
        for error in errors[:5]:
            print(f"{what}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
        if errors:
            sys.exit(1)

    def check_answer(self, what, operation, status, kind, data):
        said = operation["responses"].get(str(status), operation["responses"]["default"])["content"]
        kind = kind.split(";")[0]
        if kind not in said:
            sys.exit(f"{what}: {status} is {kind}, not {list(said)}")
        schema = said[kind]["schema"]
        if kind == "text/plain":
            return
        values = [json.loads(line) for line in data.splitlines()] if kind == "application/x-ndjson" else [json.loads(data)]
        for value in values:
            self.check(what, schema, value)


def check_document(doc, roles=("viewer", "operator", "admin")):
    """What OpenAPI 3.1 wants of the parts that we use."""
    if not doc["openapi"].startswith("3.1.") or not doc["info"]["title"] or not doc["info"]["version"]:
        sys.exit("no OpenAPI 3.1 document")
    for path, item in doc["paths"].items():
        for method, operation in item.items():
            named = set(re.findall(r"{(\w+)}", path))
            given = {p["name"] for p in operation["parameters"] if p["in"] == "path" and p["required"]}
            if named != given:
                sys.exit(f"{method} {path}: parameters {given}")
            if not operation["summary"] or operation["x-role"] not in roles:
                sys.exit(f"{method} {path}: no summary, or no role")
    text = json.dumps(doc)
    for name in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        if name not in doc["components"]["schemas"]:
            sys.exit(f"the schema {name} is not there")
    for name in doc["components"]["schemas"]:
        if f'"#/components/schemas/{name}"' not in text:
            sys.exit(f"nothing uses the schema {name}")


def check_running(where, node):
    d = Description(where)
    check_document(d.doc)
    n = 0
    for method, path, operation in sorted(d.operations(), key=lambda o: o[0] == "DELETE"):
        what = f"{method} {path}"
        if (method, path) in NOT_HERE:
            continue
        if method != "GET" and (method, path) not in ORDERS:
            sys.exit(f"{what}: the test knows no body for it: add it to ORDERS")
        name = "schema" if path.startswith("/v1/api-tokens") else node
        status, kind, data = ask(where, method, path.replace("{name}", name).replace("{id}", name), ORDERS.get((method, path)))
        if str(status) not in operation["responses"] and (node != "-" or status != 404):
            sys.exit(f"{what}: {status} {data[:300]!r}")
        d.check_answer(what, operation, status, kind, data)
        n += 1
        if "{name}" in path:
            status, kind, data = ask(where, method, path.replace("{name}", "nobody-has-this-name"))
            if status != 404:
                sys.exit(f"{what}: {status} for a name that nobody has")
            d.check_answer(what, operation, status, kind, data)
    for path in ("/v1/audit?limit=x", "/v1/decisions?limit=0", "/v1/events?follow=2"):
        status, kind, data = ask(where, "GET", path)
        if status != 400:
            sys.exit(f"{path}: {status}")
        d.check("error", {"$ref": "#/components/schemas/Error"}, json.loads(data))
    print(f"ok: {n} routes answer as they are described")


def main():
    if len(sys.argv) == 5 and sys.argv[2] == "--answer":
        d = Description(sys.argv[1])
        operation = d.doc["paths"][sys.argv[4]][sys.argv[3].lower()]
        good = next(status for status in operation["responses"] if status != "default")
        d.check_answer(f"{sys.argv[3]} {sys.argv[4]}", operation, good, "application/json", sys.stdin.read())
    elif len(sys.argv) == 3:
        check_running(sys.argv[1], sys.argv[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
