"""bench/run many - programs side by side under one cache and one supervisor.

Each holds memory and writes ten percent of it a second; each takes a checkpoint a
second, or as often as --every says. `pause` is what hwckpt notes of each
checkpoint: from the first thread that is asked to stop until all go on. Beside 1 and so many programs that take their
turns (the default) stand as many that do not (turn=0). `apart` is the time from
one checkpoint of a program to its next; that of one program is the floor.

`stop` is the same without hwckpt: a program that stops its own thread, copies what
that has written, computes until it has had a processor for as long as the median
pause of the fewest programs took, and has its thread go on (bench/stops.c), twenty
times a second. It runs `beside` all of these while they take checkpoints, and in a
`crowd` of as many programs that take none. So much of a pause is what a processor
that others use takes."""

import json
import os
import signal
import subprocess
import time

from . import figures, workload
from .machine import BENCH, Unusable, description, run, undisturbed
from .options import Bench, parser

TIMES = [f"{name}_{which}_ms" for name in ("pause", "beside", "crowd") for which in ("p50", "p99")]


def parse(words):
    options = parser("many", __doc__, side_by_side=False)
    options.add_argument("--programs", nargs="+", type=int, help="at the same time (1 10 50; quick: 1 2)")
    options.add_argument("--every", type=float, default=1, help="seconds from one checkpoint of a program to its next (1)")
    options.add_argument("--seconds", type=float, help="that is measured (20; quick: 3)")
    arguments = options.parse_args(words)
    arguments.programs = sorted(arguments.programs or ([1, 2] if arguments.quick else [1, 10, 50]))
    arguments.seconds = arguments.seconds or (3 if arguments.quick else 20)
    arguments.sizes = arguments.sizes or [16 if arguments.quick else 64]
    return arguments


def generations(bench, cache):
    """Of each program those after the first, which is of all its memory, the oldest
    first; a merge makes a delta a base, and changes nothing of what it took."""
    listed = json.loads(run([bench.build.hwckpt, "list", "--json", "--cache", cache]))
    return [
        [generation for generation in application["generations"] if generation["number"] > 1]
        for application in listed["applications"]
    ]


def measure(bench, tool, programs, mib, turn, length):
    """A row; `length` is of a stop beside them, in microseconds, None: there is none."""
    folder = os.path.join(bench.folder, f"many-{programs}-{mib}-{turn}")
    cache, listed = os.path.join(folder, "cache"), os.path.join(folder, "programs")
    os.makedirs(folder)
    with open(listed, "w") as file:
        for number in range(programs):
            file.write(f"--name program-{number} -- {tool} --rss {mib} --percent 10 --seconds 3600\n")
    words = [bench.build.hwckpt, "run", "--cache", cache, "--every", f"{bench.arguments.every}s", "--each", listed]
    options = f"{bench.arguments.options}:keep=1000:base_every=1000000:turn={turn}"
    with undisturbed():
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HWCKPT_OPTIONS": options},
        )  # fmt: skip
    try:
        limit = time.monotonic() + 300
        while True:
            found = generations(bench, cache) if os.path.exists(os.path.join(cache, "hwckpt-cache")) else []
            if len(found) == programs and all(found):
                break
            if process.poll() is not None or time.monotonic() > limit:
                raise Unusable(f"the programs take no checkpoints, hwckpt's status is {process.poll()}")
            time.sleep(0.2)
        before = [one[-1]["number"] for one in found]
        begin = time.monotonic()
        beside = stopping(bench, mib, length) if length else None
        time.sleep(max(0, begin + bench.arguments.seconds - time.monotonic()))
        seconds = time.monotonic() - begin
        found = [
            [generation for generation in one if generation["number"] > last]
            for one, last in zip(generations(bench, cache), before)
        ]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    pauses = [generation["pause_ns"] / 1e6 for one in found for generation in one]
    if not pauses:
        raise Unusable(f"no checkpoint in {bench.arguments.seconds} s")
    return {
        "programs": programs, "mib": mib, "turn": turn, "checkpoints": len(pauses),
        **middle_and_most("pause", pauses), **(middle_and_most("beside", beside) if beside else {}),
        "apart_s": seconds * programs / len(pauses),
    }  # fmt: skip


def middle_and_most(name, times):
    return {f"{name}_p50_ms": figures.median(times), f"{name}_p99_ms": sorted(times)[int(len(times) * 0.99)]}


def stopping(bench, mib, length):
    """Milliseconds of each stop of a program that takes no checkpoints."""
    tool = bench.build.program("stops", "-pthread", "-D_GNU_SOURCE", os.path.join(BENCH, "stops.c"))
    said = run([tool, str(mib), "10", str(round(bench.arguments.seconds)), str(length)])
    return [int(line) / 1e6 for line in said.split()]


def crowded(bench, programs, mib, length):
    """The same of one of so many, which take none either."""
    plain = workload.compiled(bench.build, False)
    others = []
    try:
        for _ in range(programs - 1):
            words = [plain, "--rss", str(mib), "--percent", "10", "--seconds", "3600"]
            others.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        time.sleep(2 if programs > 1 else 0)  # until they have filled their memory
        return stopping(bench, mib, length)
    finally:
        for process in others:
            process.kill()
            process.wait()


def main(words):
    arguments = parse(words)
    rows = []
    with Bench(arguments) as bench:
        tool = workload.compiled(bench.build, True)
        for mib in bench.sizes:
            length = None
            for programs in arguments.programs:
                of_these = []
                for turn in ("1s", "0") if programs > 1 else ("1s",):
                    figures.progress(f"{programs} programs of {mib} MiB, turn={turn}")
                    of_these.append(measure(bench, tool, programs, mib, turn, length))
                length = length or round(of_these[0]["pause_p50_ms"] * 1000)
                figures.progress(f"{programs} programs of {mib} MiB without checkpoints")
                crowd = middle_and_most("crowd", crowded(bench, programs, mib, length))
                rows += [{**row, **crowd} for row in of_these]
        figures.progress("")
        figures.table(
            ("programs", "MiB", "turn", "checkpoints", "pause p50 ms", "p99",
             "stop beside p50", "p99", "in a crowd p50", "p99", "apart s"),
            [
                (row["programs"], row["mib"], row["turn"], row["checkpoints"],
                 *(f"{row[name]:.2f}" if name in row else "" for name in TIMES), f"{row['apart_s']:.2f}")
                for row in rows
            ],
        )  # fmt: skip
        if arguments.json:
            figures.write_json(arguments.json, {"machine": description(bench.build), "benchmark": "many", "rows": rows})
    return 0
