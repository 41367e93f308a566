"""bench/run capture - what checkpoints cost besides the pause, and where they are
hard.

  slowdown    a fixed amount of work (computing, and a tenth of the memory written
              in a second of it) with a checkpoint each interval against none, in
              paired runs in random order; none against none is the noise floor.
              How much work fills the time is measured first. What the first
              checkpoint, of everything, costs is not in it. `faults` is what of it
              the first writes to tracked pages cost by themselves, as the raw
              measurement has it.
  silent      half of the writes store what is there already: are only those
              pages written that changed?
  flat out    a tenth of the memory rewritten as fast as it can be, with huge
              pages and without: rounds cannot catch up. Beside it a raw fork.
  threads     one, two, and many of them, blocked in the kernel or spinning, with 64 MiB
              at most: `stop` is what hwckpt says it took to stop them all; the
              heartbeats of such a program have to wait for the others, see the row
              `none`.
  memory      the most that the runtime had in memory for itself, looked at four times
              a second, beside 32 MiB and half a percent of the program's.

How long a row took is in the last column. All cases take about ten minutes at 1 GiB;
a row that gets no two checkpoints in a minute, and a second for each 64 MiB, is
left out, and says so. No run of the workload lasts longer than four times that and
--seconds together."""

import random
import re
import threading

from . import figures
from .machine import description
from .observation import TooFew, columns, observe
from .options import Bench, parser, show_raw
from .peers import Hwckpt, Nothing
from .workload import PAGES_OF_A_MIB, Shape

THREADS = (1, 2, 8, 64, 512)
THREADS_MIB = 64
# Work whose time is measured before that of the slowdown is chosen: units, in about a second.
TRIED_UNITS = 1000
# Where the machine had other work, and too few checkpoints came in that, it is tried once more with
# so many times as much.
MORE_WORK = 4
# Where the runtime's memory is: runtime/support/private.c.
PRIVATE = range(0x2A0000000000, 0x2B0000000000)


def parse(words):
    options = parser("capture", __doc__)
    options.add_argument("--interval", type=float, help="seconds between checkpoints (1; quick: 0.2)")
    options.add_argument("--seconds", type=float, help="how long each is measured (8; quick: 4)")
    options.add_argument("--pairs", type=int, help="of runs for the slowdown (5; quick: 1)")
    options.add_argument("--only", nargs="+", choices=sorted(CASES), help="these cases")
    arguments = options.parse_args(words)
    # One size: bench/run pause shows the growth.
    arguments.sizes = arguments.sizes or [64 if arguments.quick else 1024]
    arguments.interval = arguments.interval or (0.2 if arguments.quick else 1)
    arguments.seconds = arguments.seconds or (4 if arguments.quick else 8)
    arguments.pairs = arguments.pairs or (1 if arguments.quick else 5)
    arguments.data = arguments.data or "text"
    return arguments


class Weighed(Hwckpt):
    """The most that the runtime had in memory for itself, in KiB."""

    most_kib = 0

    def attend(self, seconds, interval, pid):
        over = threading.Event()
        scales = threading.Thread(target=self.weigh, args=(pid, over))
        scales.start()
        try:
            super().attend(seconds, interval, pid)
        finally:
            over.set()
            scales.join()

    def weigh(self, pid, over):
        while not over.wait(0.25):
            self.most_kib = max(self.most_kib, self.kib(pid))

    @staticmethod
    def kib(pid):
        found, inside = 0, False
        with open(f"/proc/{pid}/smaps") as smaps:
            for line in smaps:
                area = re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line)
                if area:
                    inside = int(area.group(1), 16) in PRIVATE
                elif inside and line.startswith("Rss:"):
                    found += int(line.split()[1])
        return found


class Case:
    """What is measured for one size."""

    def __init__(self, bench, arguments, size, raw):
        self.bench = bench
        self.arguments = arguments
        self.size = size
        self.raw = raw
        self.rate = size * PAGES_OF_A_MIB // 10
        self.none = Nothing(bench.build, bench.folder)
        self.hwckpt = Hwckpt(bench.build, bench.folder, arguments.options)
        self.left_out = []

    def tools(self):
        return [self.none, self.hwckpt, *(peer(self.bench.build, self.bench.folder) for peer in self.bench.peers)]

    def rows(self, name, shape, tools=None):
        """The same shape under each tool."""
        found = []
        for tool in tools or self.tools():
            figures.progress(f"{name}, {tool.name}")
            try:
                row = observe(tool, shape, self.arguments.interval, self.arguments.seconds).row()
                found.append({**row, "case": name})
            except TooFew as reason:
                self.leave_out(name, reason)
        figures.progress("")
        return found

    def leave_out(self, name, reason):
        print(f"{name}: left out: {reason}", flush=True)
        self.left_out.append(f"{name}: {reason}")

    def shape(self, size=None, **more):
        values = {"rate": self.rate, "data": self.arguments.data, **more}
        return Shape(size or self.size, **values)

    # ---- the cases ----

    def slowdown(self):
        # The last second or so goes by while the first checkpoint is written.
        seconds = self.arguments.seconds + 2 * self.arguments.interval + self.size / 300
        figures.progress("slowdown, how long work takes")
        tried = self.shape(units=TRIED_UNITS)
        unit_ms = observe(self.none, tried, self.arguments.interval, TRIED_UNITS / 1000).step_ms()
        try:
            try:
                return self.slowdown_in(seconds, unit_ms)
            except TooFew:
                return self.slowdown_in(MORE_WORK * seconds, unit_ms)
        except TooFew as reason:
            self.leave_out("slowdown", reason)
            return []

    def slowdown_in(self, seconds, unit_ms):
        # A thousandth of the rate is written in each unit.
        shape = self.shape(units=int(seconds * 1000 / unit_ms), rate=round(self.rate * unit_ms))
        forms = {"none": self.none, "again": self.none, "hwckpt": self.hwckpt}
        times, last = {name: [] for name in forms}, {}
        for pair in range(self.arguments.pairs):
            for name in random.sample(sorted(forms), len(forms)):
                figures.progress(f"slowdown, pair {pair + 1} of {self.arguments.pairs}, {name}")
                seen = observe(forms[name], shape, self.arguments.interval, seconds)
                last[name] = {**seen.row(), "case": "slowdown", "written_percent": self.written_percent(seen)}
                times[name].append(seen.step_ms())
        figures.progress("")
        slow = [a / b for a, b in zip(times["hwckpt"], times["none"])]
        noise = [a / b for a, b in zip(times["again"], times["none"])]
        # Each page that is written is written for the first time in its interval.
        faults = self.rate * max(self.raw["write_fault_ns"], 0) / 1e9 * 100
        return [
            {**last["none"],
             "slowdown_percent": round(figures.percent(figures.median(noise)), 2)},
            {**last["hwckpt"],
             "slowdown_percent": round(figures.percent(figures.median(slow)), 2),
             "slowdown_noise_percent": round(figures.percent(figures.median(noise)), 2),
             "faults_percent": round(faults, 2), "pairs": len(slow)},
        ]  # fmt: skip

    def written_percent(self, seen):
        """Of memory, in a second."""
        written = seen.noted.written_until(seen.noted.end) / seen.seconds()
        return round(100 * written / (self.size * PAGES_OF_A_MIB), 1)

    def silent(self):
        return self.rows("silent", self.shape(more=["--silent", "50"]), [self.hwckpt])

    def flat_out(self):
        hot = ["--hot", str(self.size // 10)]
        return [
            row
            for huge in ("no", "yes")
            for row in self.rows(
                f"flat out, huge={huge}", self.shape(rate="max", more=[*hot, "--huge", huge])
            )
        ]

    def threads(self):
        found, size = [], min(self.size, THREADS_MIB)
        for count in THREADS[:3:2] if self.arguments.quick else THREADS:
            # One writes and one gives heartbeats; of one thread it does both.
            kinds = ("blocked", "spinning") if count > 2 else ("alone",)
            for kind in kinds:
                more = [f"--{kind}", str(count - 2)] if count > 2 else []
                rate = size * PAGES_OF_A_MIB // 10
                shape = self.shape(size, rate=rate, threads=min(count - 1, 1), more=more)
                rows = self.rows(kind, shape, [self.none, self.hwckpt])
                found += [{**row, "threads": count} for row in rows]
        return found

    def memory(self):
        tool = Weighed(self.bench.build, self.bench.folder, self.arguments.options)
        rows = self.rows("memory", self.shape(), [tool])
        own = {"own_mib": round(tool.most_kib / 1024, 1), "own_allowed_mib": round(32 + self.size / 200, 1)}
        return [{**row, **own} for row in rows]


CASES = {
    "slowdown": Case.slowdown,
    "silent": Case.silent,
    "flat-out": Case.flat_out,
    "threads": Case.threads,
    "memory": Case.memory,
}


def told(rows):
    columns(rows)
    print()
    for row in rows:
        own = row.get("own", {})
        if "slowdown_noise_percent" in row:
            print(
                f"slowdown: {row['slowdown_percent']:+.1f} % in {row['pairs']} pairs, write faults alone "
                f"{row['faults_percent']:.1f} %; noise floor {row['slowdown_noise_percent']:+.1f} %"
            )
        if "own_mib" in row:
            print(
                f"memory: the runtime had {row['own_mib']:.1f} MiB for itself beside {row['rss_mib']} MiB, "
                f"of {row['own_allowed_mib']:.1f} that it may"
            )
        if row["case"] in ("alone", "blocked", "spinning") and "stop_p50_ms" in own:
            parts = ", ".join(f"{name} {own[f'{name}_p50_ms']:.2f}" for name in ("arm", "signal", "arrive"))
            print(f"{row['threads']} threads, {row['case']}: stop p50 {own['stop_p50_ms']:.2f} ms ({parts})")


def main(words):
    arguments = parse(words)
    with Bench(arguments) as bench:
        figures.progress("touching memory")
        bench.warm()
        raw = bench.raw()
        rows, left_out = [], []
        for size in bench.sizes:
            case = Case(bench, arguments, size, raw)
            for name in arguments.only or CASES:
                rows += CASES[name](case)
            left_out += case.left_out
        told(rows)
        show_raw(raw)
        figures.write_json(
            arguments.json,
            {
                "benchmark": "capture",
                "interval_s": arguments.interval,
                "raw": raw,
                "machine": description(bench.build),
                "rows": rows,
                "left_out": left_out,
            },
        )
    return 0
