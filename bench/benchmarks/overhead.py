"""bench/run overhead - what compiled code loses by being checkpointable, while no
checkpoint is taken.

Each program is compiled at -O2 and -O3 with -fhwckpt and without, otherwise the
same, and run in rounds: base, a copy of the base, and the one with sites, in
random order, on one processor. A round takes one of several layouts (order of
functions, gap in front of them) and a place of the stack, the same for all three;
what is the same code or data stands at the same address in all three, and address
space randomisation is off: with it the same file differs from run to run by up to
a third, which hides everything else. What is measured is processor time from the
program's constructors to its end. The figures are medians, over the rounds, of
the ratio to the base of the same round; the copy against the base is the noise
floor. `layouts` is how far the layouts of the base are apart.

`identical` says how many functions compile to the same instructions.
`instructions` (with --count, by valgrind) counts those that are executed, which
other load on the machine does not disturb."""

import argparse
import ctypes
import os
import random
import re
import shutil
import subprocess
import time

from . import figures
from .machine import Build, Unusable, description, run, run
from .programs import cases, make_all

DEFAULTS = {"rounds": 31, "layouts": 8, "levels": ["-O2", "-O3"]}
QUICK_DEFAULTS = {"rounds": 3, "layouts": 2, "levels": ["-O2"]}
QUICK = ("gemm", "queens")
FORMS = ("base", "copy", "sites")
CLOCK_FD = 200
ADDR_NO_RANDOMIZE = 0x0040000  # <linux/personality.h>


class Row:
    """A case at one level: its executables, and what was measured."""

    def __init__(self, build, case, compiled, layouts):
        self.case = case
        self.level = compiled.level
        self.name = f"{case.name} {self.level}"
        self.compiled = compiled
        self.arguments = case.command(build)
        self.executables = [
            {
                "base": self.compiled.link(False, layout),
                "copy": self.compiled.copy(layout),
                "sites": self.compiled.link(True, layout),
            }
            for layout in range(layouts)
        ]
        self.functions, self.differing = self.compiled.differing
        self.times = {form: [] for form in FORMS}
        self.counts = None

    def start(self, executable, output, shift=0):
        """Runs it, its stack so many bytes lower; processor time in ns."""
        reading, writing = os.pipe()
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, self.case.stdin or os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, writing, CLOCK_FD),
        ]
        pid = os.posix_spawn(
            executable, [self.case.name, *self.arguments],
            {"HWCKPT_BENCH_FD": str(CLOCK_FD), "SHIFT": "x" * shift}, file_actions=actions,
        )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as file:
            told = file.read()
        _, status = os.waitpid(pid, 0)
        if status or not told.strip():
            raise Unusable(f"{executable} ended with status {os.waitstatus_to_exitcode(status)}")
        return int(told)

    def check(self, folder):
        """The program must do the same with and without sites."""
        outputs = []
        for form in ("base", "sites"):
            path = os.path.join(folder, f"output-{form}")
            self.start(self.executables[0][form], path)
            with open(path, "rb") as file:
                outputs.append(file.read())
        if outputs[0] != outputs[1]:
            raise Unusable(f"{self.name}: different output with sites, see {folder}/output-*")

    def round(self, number):
        executables = self.executables[number % len(self.executables)]
        shift = random.randrange(4096)
        for form in random.sample(FORMS, len(FORMS)):
            self.times[form].append(self.start(executables[form], os.devnull, shift))

    def count(self):
        """Instructions that are executed, from main to its end."""
        self.counts = [self.count_of(self.executables[0][form]) for form in ("base", "sites")]

    def count_of(self, executable):
        # Valgrind does not understand debug information of clang.
        stripped = f"{executable}.stripped"
        run([self.compiled.build.tool("llvm-strip"), "--strip-debug", "-o", stripped, executable])
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=main",
                   "--callgrind-out-file=/dev/null", stripped, *self.arguments]  # fmt: skip
        with open(self.case.stdin or os.devnull) as stdin:
            done = subprocess.run(
                command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True, errors="replace",
            )  # fmt: skip
        collected = re.search(r"Collected : (\d+)", done.stderr)
        if not collected:
            raise Unusable(f"valgrind does not run {stripped}:\n{done.stderr[-800:]}")
        return int(collected.group(1))

    def ratios(self, form):
        return [a / b for a, b in zip(self.times[form], self.times["base"])]

    def layout_spread(self):
        """How far the medians of the base's layouts are apart."""
        count = len(self.executables)
        medians = [
            figures.median(times) for i in range(count) if (times := self.times["base"][i::count])
        ]
        return figures.percent(max(medians) / min(medians))

    def figures(self):
        sites, copy = self.ratios("sites"), self.ratios("copy")
        found = {
            "program": self.case.name,
            "level": self.level,
            "overhead_percent": round(figures.percent(figures.median(sites)), 3),
            "noise_percent": round(figures.percent(figures.median(copy)), 3),
            "uncertainty_percent": round(100 * figures.uncertainty(sites), 3),
            "layouts_percent": round(self.layout_spread(), 3),
            "base_ms": round(figures.median(self.times["base"]) / 1e6, 3),
            "rounds": len(sites),
            "identical": not self.differing,
            "functions": self.functions,
            "differing": self.differing,
        }
        if self.counts:
            found["instructions_percent"] = round(figures.percent(self.counts[1] / self.counts[0]), 4)
        return found


def pin():
    """Everything from here on is on one processor, the last that we may use, and
    at addresses that are not random."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.personality(ADDR_NO_RANDOMIZE) == -1:
        raise Unusable(f"personality: {os.strerror(ctypes.get_errno())}")


def summary(rows):
    return {
        "geomean_percent": round(
            figures.percent(figures.geomean([1 + row["overhead_percent"] / 100 for row in rows])), 3
        ),
        "worst_percent": max(row["overhead_percent"] for row in rows),
        "noise_geomean_percent": round(
            figures.percent(figures.geomean([1 + row["noise_percent"] / 100 for row in rows])), 3
        ),
        "noise_worst_percent": max(abs(row["noise_percent"]) for row in rows),
    }


def show(rows):
    columns = ["program", "level", "overhead %", "+-", "noise %", "layouts %", "base ms", "identical"]
    counted = any("instructions_percent" in row for row in rows)
    if counted:
        columns.append("instructions %")
    lines = []
    for row in rows:
        same = row["functions"] - len(row["differing"])
        line = [
            row["program"], row["level"], f"{row['overhead_percent']:+.2f}",
            f"{row['uncertainty_percent']:.2f}", f"{row['noise_percent']:+.2f}",
            f"{row['layouts_percent']:.1f}", f"{row['base_ms']:.1f}",
            "yes" if row["identical"] else f"{same} of {row['functions']}",
        ]  # fmt: skip
        if counted:
            told = row.get("instructions_percent")
            line.append("" if told is None else f"{told:+.3f}")
        lines.append(line)
    figures.table(columns, lines)
    total = summary(rows)
    print(
        f"\n{len(rows)} rows: geomean {total['geomean_percent']:+.2f} %, worst "
        f"{total['worst_percent']:+.2f} %; noise floor: geomean {total['noise_geomean_percent']:+.2f} %, "
        f"worst {total['noise_worst_percent']:.2f} %"
    )


def prepare(arguments, build):
    pattern = re.compile(arguments.only or "")
    chosen = [
        (case, level)
        for case in cases()
        for level in arguments.levels
        if pattern.search(f"{case.name} {level}")
        and (not arguments.quick or arguments.only or case.name in QUICK)
    ]
    if not chosen:
        raise Unusable(f"no program matches '{arguments.only}'")
    figures.progress("compiling and linking")
    made = make_all(build, chosen, arguments.layouts)
    rows = []
    for case, level in chosen:
        figures.progress(f"checking {case.name} {level}")
        rows.append(Row(build, case, made[case.program.name, level], arguments.layouts))
        rows[-1].check(build.folder)
    figures.progress("")
    return rows


def measure(rows, rounds):
    order = list(rows)
    for number in range(rounds):
        random.shuffle(order)
        for i, row in enumerate(order):
            figures.progress(f"round {number + 1} of {rounds}, {i + 1} of {len(order)}")
            row.round(number)
    figures.progress("")


def parse(words):
    parser = argparse.ArgumentParser(
        prog="bench/run overhead", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--add", action="store_true", help="keep other programs' rows that are in FILE")
    parser.add_argument("--rounds", type=int, metavar="N", help="31; quick: 3")
    parser.add_argument("--layouts", type=int, metavar="N", help="8; quick: 2")
    parser.add_argument("--only", metavar="REGEX", help='programs by "NAME LEVEL"')
    parser.add_argument("--levels", nargs="+", metavar="LEVEL", help="-O2 -O3; quick: -O2")
    parser.add_argument("--count", action="store_true", help="count instructions as well (valgrind)")
    parser.add_argument("--quick", action="store_true", help="two programs, few rounds: does it work?")
    parser.add_argument("--build", metavar="DIR", help="the build tree (build)")
    parser.add_argument("--build-only", action="store_true", help="make the programs, measure nothing")
    arguments = parser.parse_args(words)
    defaults = QUICK_DEFAULTS if arguments.quick else DEFAULTS
    for name, value in defaults.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    if arguments.rounds < 1 or arguments.layouts < 1:
        parser.error("at least one round and one layout")
    if arguments.count and not shutil.which("valgrind"):
        raise Unusable("--count needs valgrind: apt-get install valgrind")
    return arguments


def other_rows(path, rows):
    """Rows of FILE that were not measured now."""
    now = {(row["program"], row["level"]) for row in rows}
    old = (figures.read_json(path) or {}).get("rows", [])
    return [row for row in old if (row["program"], row["level"]) not in now]


def main(words):
    arguments = parse(words)
    build = Build(arguments.build)
    rows = prepare(arguments, build)
    if arguments.build_only:
        return 0
    if arguments.count:
        for row in rows:
            figures.progress(f"counting {row.name}")
            row.count()
    pin()
    begin = time.monotonic()
    measure(rows, arguments.rounds)
    told = [row.figures() for row in rows]
    if arguments.json and arguments.add:
        told = sorted(other_rows(arguments.json, told) + told, key=place)
    show(told)
    print(f"{arguments.rounds} rounds in {time.monotonic() - begin:.0f} s")
    figures.write_json(
        arguments.json,
        {"benchmark": "overhead", **summary(told), "machine": description(build), "rows": told},
    )
    return 0


def place(row):
    """Where a row stands: as in the list of cases."""
    names = [case.name for case in cases()]
    return names.index(row["program"]) if row["program"] in names else len(names), row["level"]
