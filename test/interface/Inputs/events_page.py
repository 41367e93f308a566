"""events_page.py HWCKPT PAGE PROGRAM FOLDER - each command that docs/events.md
shows is taken as it stands, but for names of programs and files and for times
that a test cannot wait for. For each of its rules the program runs with all of
them and makes that event happen: a checkpoint has the rule as its cause. None
is complained of, but for what this machine has not or may not be watched, which
is said: it is made to happen where it can be."""

import contextlib
import json
import os
import re
import subprocess
import sys

import memory_group

hwckpt, page, program, folder = sys.argv[1:]
symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
step = next(line.split()[0] for line in symbols.splitlines() if line.endswith(" step"))
replaced = {
    "0x404040": "0x" + step.lstrip("0"),
    "/run/user/1000/job.sock": os.path.join(folder, "job.sock"),
    "/tmp/checkpoint-now": os.path.join(folder, "checkpoint-now"),
}
# Two times in one command: only the one that is looked for is made short.
short = {"every=10m": "every=20ms", "every=5m": "every=20ms", "cpu=1m": "cpu=20ms", "first,5s": "first,10ms"}
# What a test can make of these is less.
short |= {"llc=10M": "llc=10k", "memory,some,150ms": "memory,some,1ms"}
# Of what some machines have not.
rare = ("perf=", "llc=", "pressure=")
tracefs = os.path.join(os.path.dirname(__file__), "with-tracefs")
deeds = {
    "every=": "time",
    "cpu=": "cpu",
    "signal=USR2": "USR2",
    "exit=TERM": "TERM",
    "perf=page-faults": "fault",
    "perf=syscalls:sys_enter_sendto": "send",
    "perf=syscalls:sys_enter_fsync": "fsync",
    "llc=": "fault",
    "pressure=": "time",
    "file=": "file",
    "control=": "control",
    "watch=table": "table",
    "watch=": "step",
    "network=first": "send",
    "fileio=fsync": "fsync",
    "before=send": "send",
}


def deed(rule):
    return next(deed for start, deed in deeds.items() if rule.startswith(start))


def shortened(rule):
    for long, less in short.items():
        rule = rule.replace(long, less)
    return rule


def run(command, **how):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **how)


def check(done, rule, words):
    """What happened is the cause of a checkpoint."""
    codes = set(re.findall(r"HWCKPT-E(\d+)", done.stderr)) - {"205"}
    assert not codes, (words, done.stderr)
    assert done.returncode == (85 if deed(rule) == "TERM" else 0), (rule, words, done)


def lacks(command, path):
    """Why the machine cannot have such rules; None: it can."""
    done = run([*command, "none", path])
    if done.returncode == 77:
        return done.stdout.strip()
    codes = set(re.findall(r"HWCKPT-E(\d+)", done.stderr)) - {"205"}
    # Refused before the program begins where the tool knows, else the program goes on.
    assert codes <= {"251", "252"} and done.returncode in (0, 125 if codes else 0), done
    return done.stderr.strip().splitlines()[-2] if codes else None


def happens(command, rule, path):
    """None, or why it cannot."""
    if not rule.startswith(rare):
        check(run([*command, deed(rule), path]), rule, command)
        return None
    if ":sys_enter" in rule and os.geteuid() == 0:
        command = ["bash", tracefs, *command]
    why = lacks(command, path)
    if why:
        return why
    try:
        with memory_group.short() if rule.startswith("pressure=memory") else contextlib.nullcontext():
            check(run([*command, deed(rule), path]), rule, command)
    except memory_group.Missing as missing:
        return str(missing)
    return None


def check_cause(rule, name):
    done = subprocess.run([hwckpt, "show", *name, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, (rule, done)
    cause = json.loads(done.stdout)["statistics"]["cause"]
    # Of a watched range it is said too where it is and how the write was seen.
    assert cause == rule or cause.startswith(rule + " (") and rule.startswith("watch="), (rule, cause)


commands = []
for line in open(page, encoding="utf-8"):
    if re.match(r"    hwckpt run --on .* PROG( &)?$", line):
        commands.append(line.strip().removesuffix(" &").split()[2:-2])
    elif line.startswith("    HWCKPT_OPTIONS="):
        options = line.split("'")[1]
# A page that shows none is not what this reads.
assert len(commands) >= 12 and options, commands
os.makedirs(folder, exist_ok=True)
lacking = []
shown = 0
for number, words in enumerate(commands):
    for name, place in replaced.items():
        words = [word.replace(name, place) for word in words]
    for part, rule in enumerate(words):
        if rule == "--on":
            continue
        name = f"page{number}-{part}"
        rules = words[:part] + [shortened(rule)] + words[part + 1 :]
        path = rule.partition("=")[2] if deed(rule) in ("file", "control") else os.path.join(folder, "written")
        command = [hwckpt, "run", "--name", name, *rules, "--", program]
        why = happens(command, rule, path)
        if why:
            lacking.append(f"not {rule}: {why}")
        else:
            check_cause(shortened(rule), [name])
            shown += 1
# Only what only some machines have may be lacking.
assert len(lacking) <= 5 and shown >= 14, (lacking, shown)
for rule in ("every=5m", "exit=TERM", "signal=USR2,spacing=10s"):
    assert rule in options, (rule, options)
    environment = {**os.environ, "HWCKPT_OPTIONS": options.replace(rule, shortened(rule))}
    command = [program, deed(rule), folder]
    check(run(command, env=environment), rule, options)
    check_cause(shortened(rule), [])
print("\n".join(lacking))
print(f"{len(commands)} commands, {shown} events")
