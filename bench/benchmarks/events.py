"""bench/run events - what monitors of events cost: the program's work while they
watch and nothing happens, each thing that they look at, and the time from an event
until its checkpoint is committed. Each figure is beside the same program without
the rule, in turn with it, and beside that program against itself."""

import os
import shutil
import subprocess

from . import figures
from .machine import BENCH, Unusable, description
from .options import Bench, parser

PATHS = {"file": "trigger", "socket": "control"}
# Rules that watch and never fire here, for all works.
IDLE = (
    "every=1h", "cpu=1h", "signal=USR1", "perf=page-faults,1G", "perf=task-clock,1000G", "perf=context-switches,1G",
    "instructions=1000G", "llc=1000G,misses", "pressure=memory,full,1900ms/2s", "file={file}", "control={socket}",
    "network=1000G", "network=first,1h", "fileio=1000G", "fileio=fsync", "before=send",
    "watch=block,8", "watch=block,8,pages", "watch=block", "watch=block,before", "marked", "marked,checks",
)  # fmt: skip
# What each thing that a monitor looks at costs: the work, how often, the rules.
LOOKED_AT = {
    "fault": (30000, ("perf=page-faults,1G", "perf=task-clock,1000G")),
    "write": (30000, ("fileio=1000G", "fileio=fsync", "network=1000G", "before=send")),
    "pipe": (30000, ("fileio=1000G", "network=1000G", "before=send", "perf=context-switches,1G", "watch=block,8",
                     "watch=block")),
    "send": (30000, ("network=1000G", "network=first,1h", "network=connect", "fileio=1000G")),
    # Writes; with a spacing the first is served, the others are only seen.
    "store": (20000, ("watch=block,8,spacing=1h", "watch=block,8,pages,spacing=1h", "watch=block,spacing=1h")),
    "beside": (20000, ("watch=block,8", "watch=block,8,pages")),
    "marked": (20000, ("marked", "marked,checks")),
}
# In place of a rule: a variable that is marked as watched, by registers or by
# the compiler's checks alone.
MARKED = {"marked": "", "marked,checks": "debug_registers=0:"}
# From the event to the checkpoint.
SERVED = (
    ("api", None), ("signal", "signal=USR2"), ("faults", "perf=page-faults,1k"), ("fsync", "fileio=fsync"),
    ("connect", "network=connect"), ("send", "before=send"), ("file", "file={file}"), ("control", "control={socket}"),
    ("store", "watch=block,8"), ("store", "watch=block,8,pages"), ("store", "watch=block,8,before"),
    ("marked", "marked"), ("marked", "marked,checks"),
)  # fmt: skip


def parse(words):
    options = parser("events", __doc__, side_by_side=False)
    options.add_argument("--rounds", type=int, help="of each figure (11; quick: 2)")
    options.add_argument("--count", type=int, help="events that are waited for (50; quick: 3)")
    options.add_argument("--only", default="", help="rules that begin so: watch+marked, for example")
    arguments = options.parse_args(words)
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 11)
    arguments.count = arguments.count or (3 if arguments.quick else 50)
    arguments.sizes = [16]
    return arguments


class Program:
    def __init__(self, bench):
        self.bench = bench
        words = ("-fhwckpt", "-I", os.path.join(BENCH, "..", "intrinsics"), os.path.join(BENCH, "events.c"))
        self.tool = bench.build.program("events", *words)
        self.marked = bench.build.program("events-marked", "-DMARK=__attribute__((hwckpt_watch))", *words)
        self.paths = {name: os.path.join(bench.folder, path) for name, path in PATHS.items()}
        self.missing = {}

    def run(self, rule, *words):
        """Its output, a number a line; None: this machine has no such event."""
        rule = rule.format(**self.paths) if rule else None
        cache = os.path.join(self.bench.folder, "cache")
        shutil.rmtree(cache, ignore_errors=True)
        options = f"keep=1000:{self.bench.arguments.options}"
        tool = self.marked if rule in MARKED else self.tool
        if rule in MARKED:
            spacing = "" if words[0] == "serve" else "spacing=1h:"
            options = f"{MARKED[rule]}{spacing}{options}"
        elif rule:
            options += f':on="{rule}"'
        environment = {
            **os.environ, "HWCKPT_CACHE": cache, "HWCKPT_OPTIONS": options,
            "PATH_OF_FILE": self.paths["file"], "PATH_OF_SOCKET": self.paths["socket"],
        }  # fmt: skip
        done = subprocess.run(
            [tool, *map(str, words)], cwd=self.bench.folder, env=environment, capture_output=True, text=True
        )
        if any(f"HWCKPT-E{code}" in done.stderr for code in ("25", "26", "210")):
            self.missing[rule] = done.stderr.splitlines()[0]
            return None
        if done.returncode:
            raise Unusable(f"{self.tool} {' '.join(map(str, words))} with {rule}: {done.stderr or done.returncode}")
        return [float(line) for line in done.stdout.split()]


def paired(program, rounds, rule, work, count):
    """What a piece of the work takes without the rule, what more with it, and
    what the difference is of the program and itself; ns, medians."""
    without, more, noise = [], [], []
    for _ in range(rounds):
        figures.progress(f"{work} with {rule}")
        base, other = program.run(None, work, count), program.run(rule, work, count)
        again = program.run(None, work, count)
        if other is None:
            return None
        without.append(base[0])
        more.append(other[0] - base[0])
        noise.append(again[0] - base[0])
    return {
        "work": work, "rule": rule, "ns": figures.median(without), "more_ns": figures.median(more),
        "noise_ns": figures.median([abs(value) for value in noise]),
    }  # fmt: skip


def wanted(arguments, rule):
    return rule.startswith(tuple(arguments.only.split("+")))


def measure_idle(program, arguments):
    count = 2000 if arguments.quick else 300000
    rows = [paired(program, arguments.rounds, rule, "compute", count) for rule in IDLE if wanted(arguments, rule)]
    return [row for row in rows if row]


def measure_looks(program, arguments):
    rows = []
    for work, (count, rules) in LOOKED_AT.items():
        for rule in filter(lambda rule: wanted(arguments, rule), rules):
            rows.append(paired(program, arguments.rounds, rule, work, count // 50 if arguments.quick else count))
    return [row for row in rows if row]


def measure_served(program, arguments):
    rows = []
    for event, rule in SERVED:
        if not wanted(arguments, rule or ""):
            continue
        figures.progress(f"from {event} to the checkpoint")
        times = program.run(rule, "serve", event, arguments.count)
        if times:
            rows.append({"event": event, "rule": rule or "", "median_us": figures.median(times),
                         "p90_us": figures.percentile(times, 90)})  # fmt: skip
    return rows


def show(found):
    print("while nothing happens: 1,000 steps of a loop")
    figures.table(
        ("rule", "ns", "more %", "noise %"),
        [(row["rule"], f"{row['ns']:.0f}", f"{100 * row['more_ns'] / row['ns']:+.2f}",
          f"{100 * row['noise_ns'] / row['ns']:.2f}") for row in found["idle"]],
    )  # fmt: skip
    print("\neach thing that is looked at")
    figures.table(
        ("work", "rule", "ns", "more ns", "noise ns"),
        [(row["work"], row["rule"], f"{row['ns']:.0f}", f"{row['more_ns']:+.0f}", f"{row['noise_ns']:.0f}")
         for row in found["looks"]],
    )  # fmt: skip
    print("\nfrom the event until its checkpoint is committed")
    figures.table(
        ("event", "rule", "median us", "90 % us"),
        [(row["event"], row["rule"], f"{row['median_us']:.0f}", f"{row['p90_us']:.0f}") for row in found["served"]],
    )
    for rule, text in found["missing"].items():
        print(f"\nnot on this machine: {rule}: {text}")


def main(words):
    arguments = parse(words)
    with Bench(arguments) as bench:
        program = Program(bench)
        found = {
            "idle": measure_idle(program, arguments),
            "looks": measure_looks(program, arguments),
            "served": measure_served(program, arguments),
            "missing": program.missing,
        }
        figures.progress("")
        show(found)
        figures.write_json(arguments.json, {"benchmark": "events", "machine": description(bench.build), **found})
    return 0
