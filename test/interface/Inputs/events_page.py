"""events_page.py HWCKPT PAGE PROGRAM FOLDER - each command that docs/events.md
shows is taken as it stands, but for names of programs and files and for times
that a test cannot wait for. For each of its rules the program runs with all of
them and makes that event happen: a checkpoint has the rule as its cause. None
is complained of, but for what this machine has not (E251); of counters and of
pressure, which a test does not make, only that the program runs with them."""

import json
import os
import re
import signal
import subprocess
import sys

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
deeds = {
    "every=": "time",
    "cpu=": "cpu",
    "signal=USR2": "USR2",
    "exit=TERM": "TERM",
    "perf=page-faults": "fault",
    "file=": "file",
    "control=": "control",
    "watch=table": "table",
    "watch=": "step",
    "network=first": "send",
    "fileio=fsync": "fsync",
    "before=send": "send",
    "perf=": "none",
    "llc=": "none",
    "pressure=": "none",
}


def deed(rule):
    return next(deed for start, deed in deeds.items() if rule.startswith(start))


def shortened(rule):
    for long, less in short.items():
        rule = rule.replace(long, less)
    return rule


def check(done, rule, words):
    """What happened is the cause of a checkpoint."""
    happens = deed(rule)
    codes = set(re.findall(r"HWCKPT-E(\d+)", done.stderr)) - {"205"}
    assert codes <= {"251"}, (words, done.stderr)
    # Refused before the program begins where the tool knows, else the program goes on.
    if codes:
        assert happens == "none" and done.returncode in (0, 125), (words, done)
        return True
    assert done.returncode == (85 if happens == "TERM" else 0), (rule, words, done)
    return False


def check_cause(rule, name):
    done = subprocess.run([hwckpt, "show", *name, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, (rule, done)
    cause = json.loads(done.stdout)["statistics"]["cause"]
    wanted = f"signal {int(signal.SIGTERM)}" if rule == "exit=TERM" else rule
    # Of a watched range it is said too where it is and how the write was seen.
    assert cause == wanted or cause.startswith(wanted + " (") and rule.startswith("watch="), (rule, cause)


commands = []
for line in open(page, encoding="utf-8"):
    if re.match(r"    hwckpt run --on .* PROG( &)?$", line):
        commands.append(line.strip().removesuffix(" &").split()[2:-2])
    elif line.startswith("    HWCKPT_OPTIONS="):
        options = line.split("'")[1]
# A page that shows none is not what this reads.
assert len(commands) >= 12 and options, commands
os.makedirs(folder, exist_ok=True)
lacking = shown = 0
for number, words in enumerate(commands):
    for name, place in replaced.items():
        words = [word.replace(name, place) for word in words]
    for part, rule in enumerate(words):
        if rule == "--on":
            continue
        name = f"page{number}-{part}"
        rules = words[:part] + [shortened(rule)] + words[part + 1 :]
        path = rule.partition("=")[2] if deed(rule) in ("file", "control") else os.path.join(folder, "written")
        command = [hwckpt, "run", "--name", name, *rules, "--", program, deed(rule), path]
        lacks = check(subprocess.run(command, capture_output=True, text=True, timeout=120), rule, rules)
        lacking += lacks
        if deed(rule) != "none":
            check_cause(shortened(rule), [name])
            shown += 1
# Only what only some machines have may be lacking.
assert lacking <= 4 and shown >= 14, (lacking, shown)
for rule in ("every=5m", "exit=TERM", "signal=USR2,spacing=10s"):
    assert rule in options, (rule, options)
    environment = {**os.environ, "HWCKPT_OPTIONS": options.replace(rule, shortened(rule))}
    command = [program, deed(rule), folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    check(done, rule, options)
    check_cause(shortened(rule), [])
print(f"{len(commands)} commands, {shown} events")
