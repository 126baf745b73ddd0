#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Whether the manual tells of everything that the programs have: each program, each command, each option, each name in a
configuration, each route of the API; and whether the pages themselves are sound (mandoc -T lint).

usage: manual.py ROOT BIN-DIRECTORY
"""

import os
import re
import shutil
import subprocess
import sys

ROOT, BIN = sys.argv[1], sys.argv[2]
PAGES = {"pratique": "pratique.1", "pratique-agent": "pratique-agent.8", "pratique-enforcer": "pratique-enforcer.8",
         "pratique-server": "pratique-server.8", "pratique-softwire": "pratique-softwire.8", "pratique-vis": "pratique-vis.8"}
# What many commands have is described once, in front.
COMMON = {"help", "version", "json", "socket", "server", "server-name", "ca", "token-file", "certificate", "key"}
complaints = []


def complain(text):
    complaints.append(text)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        complain(f"{' '.join(command)}: exit status {done.returncode}")
    return done.stdout


def page(name):
    with open(os.path.join(ROOT, "man", name), encoding="utf-8") as f:
        return f.read()


def flags(text):
    """The options that a piece of manual tells of: Fl -name , -other."""
    found = set()
    for line in text.splitlines():
        if re.search(r"\bFl\b", line):
            found |= set(re.findall(r"(?<![\w-])-([a-z][a-z0-9-]+)", line))
    return found


def options(text):
    """The options that a --help lists."""
    return set(re.findall(r"^ +(?:-\w, +)?--([a-z][a-z0-9-]+)", text, re.M)) | \
        set(re.findall(r"^ +--help, --([a-z]+)", text, re.M))


def settings(text):
    """The names of a configuration that a --help lists: everything behind its heading."""
    behind = re.split(r"^(?:Options of the configuration|Settings).*:\n", text, maxsplit=1, flags=re.M)
    return set(re.findall(r"^ {2}([a-z0-9_]+) ", behind[1].split("\n\nExamples")[0], re.M)) if len(behind) == 2 else set()


def check_sound():
    if not shutil.which("mandoc"):
        print("# mandoc is not installed: the pages' form is not checked")
        return
    for name in sorted(os.listdir(os.path.join(ROOT, "man"))):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(ROOT, "man", name)], capture_output=True,
                              text=True, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            complain(line)


def check_settings(program, text, manual):
    told = set(re.findall(r"^\.It (?:Cm|Ic|Va) (.*)$", manual, re.M))
    words = {word for line in told for word in re.split(r"[ ,]+", line)}
    for name in sorted(settings(text)):
        if name not in words:
            complain(f"{PAGES[program]}: nothing about {name} in the configuration")


def check_programs():
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as f:
        build = f.read()
    for name in sorted(os.listdir(os.path.join(ROOT, "man"))):
        if f"'man/{name}'" not in build:
            complain(f"{name} is not installed")
    for program in sorted(name for name in os.listdir(BIN) if os.access(os.path.join(BIN, name), os.X_OK)):
        if not re.fullmatch(r"pratique(-[a-z]+)?", program):
            continue
        if program not in PAGES:
            complain(f"{program} has no manual page")
            continue
        text, manual = run(os.path.join(BIN, program), "--help"), page(PAGES[program])
        for option in sorted(options(text) - flags(manual) - {"help", "version"}):
            complain(f"{PAGES[program]}: nothing about --{option}")
        check_settings(program, text, manual)


def blocks(manual):
    """The text of each .It Ic, by the words of the command."""
    found = {}
    for piece in re.split(r"^\.It ", manual, flags=re.M)[1:]:
        head = piece.split("\n", 1)[0]
        for words in re.findall(r"Ic ([a-z-]+(?: [a-z-]+)?)|, ([a-z-]+ [a-z-]+)", head):
            key = (words[0] or words[1]).strip()
            found[key] = found.get(key, "") + re.split(r"^\.El", piece, flags=re.M)[0]
    return found


def check_commands():
    pratique = os.path.join(BIN, "pratique")
    commands = re.findall(r"^  ([a-z-]+(?: [a-z-]+)?) {2,}", run(pratique, "--help").split("\nOptions:")[0], re.M)
    told, common = blocks(page("pratique.1")), flags(page("pratique.1")) & COMMON
    if len(commands) < 20:
        complain("pratique --help lists hardly any command")
    for command in commands:
        help_text = run(pratique, *command.split(), "--help")
        listed = {line.split("\t")[0].strip("-=") for line in run(pratique, *command.split(), "--list-options").splitlines()
                  if line.startswith("--")}
        if listed != options(help_text):
            complain(f"pratique {command}: --list-options and --help differ: {sorted(listed ^ options(help_text))}")
        if "Examples:" not in help_text:
            complain(f"pratique {command} --help has no examples")
        if command not in told:
            complain(f"pratique.1: nothing about {command}")
            continue
        for option in sorted(listed - flags(told[command]) - common - {"help"}):
            complain(f"pratique.1: nothing about {command} --{option}")
    for command in sorted(set(told) - set(commands)):
        complain(f"pratique.1: there is no command {command}")
    agent, manual = os.path.join(BIN, "pratique-agent"), page("pratique-agent.8")
    for command in re.findall(r"^  ([a-z]+) {2,}", run(agent, "--help").split("\nOptions:")[0], re.M):
        text = run(agent, command, "--help")
        for option in sorted(options(text) - flags(manual) - {"help"}):
            complain(f"pratique-agent.8: nothing about {command} --{option}")
        check_settings("pratique-agent", text, manual)


def check_routes():
    manual = page("pratique-server.8")
    sources = os.path.join(ROOT, "src", "server")
    for name in sorted(os.listdir(sources)):
        if not name.endswith(".c"):
            continue
        with open(os.path.join(sources, name), encoding="utf-8") as f:
            for method, path in re.findall(r'\{ "([A-Z]+)", "(/[^"]*)", handle_', f.read()):
                words = f"{method} {re.sub(r'{([a-z]+)}', lambda m: m.group(1).upper(), path)}"
                if not re.search(re.escape(words) + r"(?![\w/-])", manual):
                    complain(f"pratique-server.8: nothing about {words}")


check_sound()
check_programs()
check_commands()
check_routes()
for line in complaints:
    print(line)
print(f"{len(complaints)} complaints about the manual")
sys.exit(1 if complaints else 0)
