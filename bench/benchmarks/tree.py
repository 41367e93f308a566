"""bench/run tree - how long programs of several processes stand still, and how
soon they go on after they were killed.

A process forks the others; each has its memory, of which it changed a percent,
and one of them computes, or all do (bench/tree.c). `pause` is the largest gap
between two steps of the first, of some 50 us each, while a checkpoint is taken;
`floor` is the same while none is, as long. `own` is what hwckpt says of the first
process: from when it was asked to stop until it went on. `checkpoint` is from
the question to its end, `first` that of the first one. `restore` is from the call
until the first process makes steps again. `MiB` is what the first checkpoint
takes on flash.

With more processes that compute than processors, the pause is not ours alone:
compare it with the floor."""

import json
import mmap
import os
import signal
import struct
import subprocess
import time

from . import figures
from .machine import BENCH, Unusable, description, run, undisturbed
from .options import Bench, parser

PROCESSES = (2, 16, 128)
LIMIT = 120


def parse(words):
    options = parser("tree", __doc__, side_by_side=False)
    options.add_argument("--processes", nargs="+", type=int, help="of the program (2 16 128; quick: 2 4)")
    options.add_argument("--repeat", type=int, help="checkpoints, and restores (7; quick: 2)")
    options.add_argument("--percent", type=int, default=1, help="of its memory that each changed (1)")
    arguments = options.parse_args(words)
    arguments.processes = arguments.processes or ((2, 4) if arguments.quick else PROCESSES)
    arguments.repeat = arguments.repeat or (2 if arguments.quick else 7)
    arguments.sizes = arguments.sizes or [4]
    return arguments


def descendants(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in map(int, file.read().split()):
                    found += [child, *descendants(child)]
    except OSError:
        pass
    return found


class Tree:
    """The program, under hwckpt, with a cache and a file that it shares with us."""

    def __init__(self, bench, tool, processes, mib, work):
        self.hwckpt = bench.build.hwckpt
        self.folder = os.path.join(bench.folder, f"tree-{processes}-{mib}-{work}")
        self.cache = os.path.join(self.folder, "cache")
        os.makedirs(self.folder)
        path = os.path.join(self.folder, "noted")
        with open(path, "wb") as file:
            file.write(bytes(4096))
        with open(path, "r+b") as file:
            self.noted = mmap.mmap(file.fileno(), 4096)
        self.environment = {**os.environ, "HWCKPT_OPTIONS": bench.arguments.options}
        self.program = [tool, path, str(processes), str(mib), str(bench.arguments.percent), work]
        self.process = None

    def start(self, *words):
        with undisturbed():
            self.process = subprocess.Popen(
                [self.hwckpt, words[0], "--cache", self.cache, *words[1:]],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=self.environment,
            )  # fmt: skip

    def steps(self):
        return struct.unpack_from("Q", self.noted, 0)[0]

    def until_it_steps(self):
        before, limit = self.steps(), time.monotonic() + LIMIT
        while self.steps() == before:
            if self.process.poll() is not None or time.monotonic() > limit:
                raise Unusable(f"the program makes no steps, hwckpt's status is {self.process.poll()}")
            time.sleep(0.0002)

    def gap_ms(self, what):
        """The largest gap while something is done."""
        struct.pack_into("Q", self.noted, 8, 0)
        what()
        return struct.unpack_from("Q", self.noted, 8)[0] / 1e6

    def first(self):
        return descendants(self.process.pid)[0]

    def ask(self):
        """A checkpoint; how long it took, in ms."""
        begin = time.monotonic()
        run([self.hwckpt, "ckpt", str(self.first())])
        return (time.monotonic() - begin) * 1000

    def used_mib(self):
        """On flash; what is allocated ahead of a segment counts."""
        files = (os.path.join(where, name) for where, _, names in os.walk(self.cache) for name in names)
        return sum(os.stat(path).st_blocks for path in files) / 2048

    def end(self):
        """Kills all of it, and waits until the ids are free: whoever has its
        orphans may take a while to let go of them."""
        if self.process is None or self.process.poll() is not None:
            return
        killed = set()
        for _ in range(3):
            for pid in descendants(self.process.pid):
                killed.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        self.process.wait(LIMIT)
        limit = time.monotonic() + LIMIT
        while any(os.path.exists(f"/proc/{pid}") for pid in killed) and time.monotonic() < limit:
            time.sleep(0.01)


def measure(bench, tool, processes, mib, work):
    tree = Tree(bench, tool, processes, mib, work)
    taken, pauses, floors, restores = [], [], [], []
    try:
        tree.start("run", "--", *tree.program)
        tree.until_it_steps()
        first = tree.ask()
        used = tree.used_mib()
        for _ in range(bench.arguments.repeat):
            pauses.append(tree.gap_ms(lambda: taken.append(tree.ask())))
            floors.append(tree.gap_ms(lambda: time.sleep(taken[-1] / 1000)))
        own = own_pauses(tree)
        for _ in range(bench.arguments.repeat):
            tree.end()
            begin = time.monotonic()
            tree.start("restore")
            tree.until_it_steps()
            restores.append((time.monotonic() - begin) * 1000)
    finally:
        tree.end()
    return {
        "processes": processes, "mib": mib, "work": work,
        "pause_p50_ms": figures.median(pauses), "pause_worst_ms": max(pauses),
        "floor_p50_ms": figures.median(floors), "own_p50_ms": figures.median(own[-len(pauses):]),
        "first_ms": first, "checkpoint_p50_ms": figures.median(taken),
        "restore_p50_ms": figures.median(restores), "restore_worst_ms": max(restores),
        "first_stored_mib": used,
    }  # fmt: skip


def own_pauses(tree):
    """Of the first process, as it noted them, in ms; the oldest first."""
    listed = json.loads(run([tree.hwckpt, "list", "--json", "--cache", tree.cache]))
    generations = listed["applications"][0]["generations"]
    return [generation["pause_ns"] / 1e6 for generation in generations]


def main(words):
    arguments = parse(words)
    rows = []
    with Bench(arguments) as bench:
        tool = bench.build.program("tree-of-processes", "-fhwckpt", os.path.join(BENCH, "tree.c"))
        for processes in arguments.processes:
            for mib in bench.sizes:
                for work in ("one", "all"):
                    figures.progress(f"{processes} processes of {mib} MiB, {work}")
                    rows.append(measure(bench, tool, processes, mib, work))
        figures.progress("")
        figures.table(
            ("processes", "compute", "MiB", "pause ms", "worst", "floor", "own", "checkpoint ms", "first", "restore ms", "worst", "MiB"),
            [
                (
                    row["processes"], row["work"], row["mib"], f"{row['pause_p50_ms']:.1f}", f"{row['pause_worst_ms']:.1f}",
                    f"{row['floor_p50_ms']:.1f}", f"{row['own_p50_ms']:.1f}", f"{row['checkpoint_p50_ms']:.0f}",
                    f"{row['first_ms']:.0f}", f"{row['restore_p50_ms']:.0f}", f"{row['restore_worst_ms']:.0f}",
                    f"{row['first_stored_mib']:.1f}",
                )
                for row in rows
            ],
        )  # fmt: skip
        figures.write_json(arguments.json, {"benchmark": "tree", "machine": description(bench.build), "rows": rows})
    return 0
