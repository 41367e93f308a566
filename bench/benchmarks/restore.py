"""bench/run restore - how soon a killed program goes on.

The workload is checkpointed while it writes, killed with SIGKILL and restored
from the same generation several times, with and without the cache's files in
memory (cold). `runs` is from the call of the tool to the program's first instruction,
as the tool says (--timing), `first step` to the next step that the program notes
(pages written, among memory of any age, which is to be there for that), `complete` until all of its
memory is there: the program reads every page, and checks it; what reading them
takes once they are there is taken off. `of raw read` is the time that reading the
same frames past the page cache, checking and decoding them on all processors
takes (bench/frames.c), against `complete`. Lazy and eager are measured where the
tool has both.

The pages are noise unless --data text says otherwise. The noise floor is told as +-, the
standard error of the median of the repetitions. Other tools are not restored
here: bench/run pause and capture have them."""

import json
import os
import signal
import subprocess
import time

from . import figures
from .machine import Unusable, description, run, undisturbed
from .options import Bench, parser
from .peers import Hwckpt
from .workload import FILLED, PAGES_OF_A_MIB, STEP, SWEEP, SWEEPING, SWEPT, Log, Shape


def modes(build):
    """How `hwckpt restore` can be told what to do, as its help says."""
    text = run([build.hwckpt, "help", "restore"])
    if "--eager" in text and "--lazy" in text:
        return {"lazy": ["--lazy"], "eager": ["--eager"]}
    if "--lazy" in text:
        return {"lazy": ["--lazy"], "eager": []}
    if "--eager" in text:
        return {"lazy": [], "eager": ["--eager"]}
    return {"eager": []}


def parse(words):
    options = parser("restore", __doc__, side_by_side=False)
    options.add_argument("--repeat", type=int, help="restores of each kind (7; quick: 2)")
    options.add_argument("--deltas", type=int, default=3, help="generations upon the full one (3)")
    options.add_argument("--percent", type=float, default=10, help="of 1 GiB at most, written in a second (10)")
    arguments = options.parse_args(words)
    arguments.repeat = arguments.repeat or (2 if arguments.quick else 7)
    return arguments


def kill(process, pid):
    os.kill(pid, signal.SIGKILL)
    process.wait(60)


def drop(files):
    """Takes files out of the page cache."""
    for path in files:
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def files_below(folder):
    return [os.path.join(path, name) for path, _, names in os.walk(folder) for name in names]


def running_ms(timing, patience=60):
    """Until the program ran, as the tool says in this file once all is loaded."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            with open(timing) as file:
                return json.load(file)["running_ms"]
        except (FileNotFoundError, ValueError):  # not yet, or not all of it
            time.sleep(0.005)
    raise Unusable(f"the tool did not say in {patience} s how long a restore took")


class Killed:
    """A workload that was checkpointed and killed, to be restored."""

    def __init__(self, bench, tool, size, arguments):
        self.tool = tool
        self.log = Log(tool.folder)
        rate = min(size, 1024) * PAGES_OF_A_MIB * arguments.percent / 100
        self.shape = Shape(size, int(rate), data=arguments.data or "noise")
        process = None
        try:
            with undisturbed():
                process = tool.start(self.shape, self.log, 1.0)
            self.log.wait(FILLED, alive=lambda: process.poll() is None)
            self.await_generations(process, arguments.deltas + 1)
            kill(process, self.log.pid())
        except BaseException:
            if process:
                process.kill()
                process.wait()
            self.log.close()
            raise

    def await_generations(self, process, count, patience=300):
        """Until there are enough that were taken after memory was filled."""
        filled = self.log.wait(FILLED)[0]
        end = time.monotonic() + patience
        while sum(g["committed_ns"] > filled for _, g in self.tool.generations()) < count + 1:
            if process.poll() is not None or time.monotonic() > end:
                raise Unusable("the workload took no checkpoints")
            time.sleep(0.2)

    def newest(self):
        name, generation = max(self.tool.generations(), key=lambda g: g[1]["number"])
        return f"{name}/{generation['number']}", generation

    def restore(self, words):
        """One restore: ms until it runs, to the first step, until complete."""
        timing = os.path.join(self.tool.folder, "timing.json")
        if os.path.exists(timing):
            os.unlink(timing)
        self.log.command(SWEEP)
        begin = self.log.count()
        called = time.time_ns()
        process = subprocess.Popen(
            [self.tool.build.hwckpt, "restore", "--cache", self.tool.cache, "--every", "0", "--timing", timing, *words],
            stdout=subprocess.DEVNULL, stderr=self.tool.messages(),
        )  # fmt: skip
        running = lambda: process.poll() is None  # noqa: E731
        try:
            step = self.log.wait(STEP, begin, 120, running)
            swept = self.log.wait(SWEPT, begin, 600, running)
            if swept[2]:
                raise Unusable(f"{swept[2]} pages are not what they were")
            again = self.log.count()
            self.log.command(SWEEP)
            sweeping = self.log.wait(SWEEPING, again, 120, running)
            done = self.log.wait(SWEPT, again, 120, running)
            first = step[0] - called
            complete = swept[0] - called - (done[0] - sweeping[0])
            return running_ms(timing), first / 1e6, max(first, complete) / 1e6
        finally:
            if running():
                kill(process, self.log.pid())

    def close(self):
        self.log.close()


def measure(bench, arguments, size):
    tool = Hwckpt(bench.build, bench.folder, arguments.options)
    killed = Killed(bench, tool, size, arguments)
    try:
        name, generation = killed.newest()
        files = files_below(tool.cache)
        rows = []
        for mode, words in modes(bench.build).items():
            for cold in (False, True):
                figures.progress(f"{size} MiB, {mode}{', cold' if cold else ''}")
                rows.append(row_of(bench, arguments, killed, (name, files), size, mode, words, cold))
                rows[-1]["bytes_stored"] = sum(map(os.path.getsize, files))
        figures.progress("")
        return rows
    finally:
        killed.close()


def row_of(bench, arguments, killed, generation, size, mode, words, cold):
    name, files = generation
    runs, steps, completes, reads = [], [], [], []
    frames = os.path.join(bench.build.folder, "frames")
    # One more: the first has whatever was before it in its caches.
    for turn in range(arguments.repeat + 1):
        raw = json.loads(run([frames, killed.tool.cache, *name.split("/")]))["read_ms"]
        if cold:
            drop(files)
        run_ms, step, complete = killed.restore([*words, name])
        if turn:
            runs.append(run_ms)
            steps.append(step)
            completes.append(complete)
            reads.append(raw)
    return {
        "tool": killed.tool.name,
        "rss_mib": size,
        "threads": killed.shape.threads,
        "written_percent": killed.shape.written_percent(),
        "mode": mode,
        "cold": cold,
        "running_ms": round(figures.median(runs), 3),
        "running_worst_ms": round(max(runs), 3),
        "first_step_ms": round(figures.median(steps), 3),
        "complete_ms": round(figures.median(completes), 3),
        "ratio_to_raw_read": round(figures.median(reads) / figures.median(completes), 3),
        "raw_read_ms": round(figures.median(reads), 3),
        "first_step_worst_ms": round(max(steps), 3),
        "first_step_uncertainty_ms": round(figures.uncertainty(steps), 3),
        "complete_uncertainty_ms": round(figures.uncertainty(completes), 3),
        "repetitions": len(steps),
    }


def show(rows):
    names = ["tool", "RSS MiB", "mode", "cold", "runs ms", "first step ms", "+-", "worst", "complete ms", "+-",
             "raw read ms", "of raw read"]  # fmt: skip
    figures.table(names, [[
        row["tool"], row["rss_mib"], row["mode"], "yes" if row["cold"] else "no",
        f"{row['running_ms']:.1f}", f"{row['first_step_ms']:.1f}", f"{row['first_step_uncertainty_ms']:.1f}",
        f"{row['first_step_worst_ms']:.1f}", f"{row['complete_ms']:.1f}",
        f"{row['complete_uncertainty_ms']:.1f}", f"{row['raw_read_ms']:.1f}",
        f"{row['ratio_to_raw_read']:.2f}",
    ] for row in rows])  # fmt: skip


def main(words):
    arguments = parse(words)
    with Bench(arguments) as bench:
        figures.progress("touching memory")
        bench.warm()
        rows = [row for size in bench.sizes for row in measure(bench, arguments, size)]
        show(rows)
        figures.write_json(
            arguments.json,
            {"benchmark": "restore", "machine": description(bench.build), "rows": rows},
        )
    return 0
