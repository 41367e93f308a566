"""bench/run cache - what the checkpoint cache does by itself: no program stands
still here, and none is restored.

  bandwidth  noise, which nothing shrinks, written as a generation and read back
             as a restore reads, several threads side by side, with the files out
             of the page cache; in turn with as much written to and read from a
             file past the page cache (O_DIRECT, 1 MiB at a time, 8 writes under
             way, 4 reads a processor), which is 1.0. Processor time of
             writing has compression that was tried in it. The same encrypted.
  memory     what three programs had in memory at a checkpoint: a heap of Lua,
             a page cache of SQLite, an array of doubles of a solver. Written
             with level=auto and with fixed levels. MB/s are of pages put, however
             many bytes they became.
  deltas     of the same programs, checkpoints while they ran: bytes on flash
             against bytes of pages that were captured; and `put`, before
             compression, of which what is above 1 was copied more than once.
  restore    a generation of noise, and upon it 1, 10, 100, 1,000 deltas that each
             change a hundredth of its pages at random, reading the newest: `of 1`
             is against what it takes after one; `read` the bytes that are read,
             against those of the pages; `with merges` what was written in all but
             the first, merges included, against what changed.

Lua and SQLite are compiled from Debian's source packages; where those are not to
be had their rows are missing, and a line says so. With --quick, there is the
solver only."""

import json
import os
import signal
import string
import subprocess
import time

from . import figures
from .machine import BENCH, ROOT, Unusable, description, run
from .options import Bench, parser
from .programs import LUA, SQLITE, Compiled

INPUTS = os.path.join(BENCH, "memory")
DELTAS = (1, 10, 100, 1000)
QUICK_DELTAS = (1, 10)
# Deltas of a program, and time between them.
GENERATIONS, INTERVAL = 6, "400ms"
PAGE = 4096
# On a busy machine so many will do.
LEAST = 2


def parse(words):
    options = parser("cache", __doc__, side_by_side=False)
    options.add_argument("--rounds", type=int, help="of each measurement (9; quick: 3)")
    options.add_argument("--extra-reads", type=int, default=0, metavar="PERCENT",
                         help="that merges leave in `restore` (as usual)")  # fmt: skip
    options.add_argument("--only", nargs="+", choices=sorted(PARTS), help="these parts")
    arguments = options.parse_args(words)
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 9)
    arguments.sizes = arguments.sizes or [64 if arguments.quick else 1024]
    return arguments


# ---- programs ----


def cache_tool(build):
    """bench/cache.c, linked with the cache as the tools are."""
    runtime = os.path.join(build.path, "runtime")
    libraries = [os.path.join(runtime, f"libhwckpt_{name}.a") for name in ("cache", "error")]
    for library in libraries:
        if not os.path.exists(library):
            raise Unusable(f"{library} is missing; run `make build`")
    return build.program(
        "cache", "-pthread", "-D_GNU_SOURCE", "-I", ROOT, "-I", f"{runtime}/pb",
        os.path.join(BENCH, "cache.c"), *libraries, "-l:libzstd.a", "-l:libprotobuf-nanopb.a",
        "-l:libsodium.a",
    )  # fmt: skip


def solver(build, size):
    path = build.program("solver", "-fhwckpt", os.path.join(INPUTS, "solver.c"), "-lm")
    return [path, str(size)], None


def lua(build, size):
    interpreter = Compiled(build, LUA, "-O2").link(True, 0)
    return [interpreter, os.path.join(INPUTS, "heap.lua"), str(size)], None


def sqlite(build, size):
    """Rows of about a hundred bytes, index included, and updates for minutes."""
    rows, span = size * 9000, 2000
    with open(os.path.join(INPUTS, "pages.sql")) as file:
        text = string.Template(file.read()).substitute(rows=rows)
    path = os.path.join(build.folder, "pages.sql")
    with open(path, "w") as file:
        file.write(text)
        for turn in range(50000):
            first = turn * 7919 * span % rows
            file.write(f"UPDATE entry SET amount = amount + 1 WHERE id BETWEEN {first} AND {first + span};\n")
    return [Compiled(build, SQLITE, "-O2").link(True, 0), ":memory:"], path


KINDS = {"doubles of a solver": solver, "heap of Lua": lua, "page cache of SQLite": sqlite}


class Memory:
    """A program that ran with checkpoints, and its cache."""

    def __init__(self, bench, kind, size):
        self.bench = bench
        self.kind = kind
        self.cache = os.path.join(bench.folder, f"cache-{kind.split()[-1]}")
        command, path = KINDS[kind](bench.build, size)
        environment = dict(os.environ, HWCKPT_CACHE=self.cache, HWCKPT_OPTIONS=bench.arguments.options)
        with open(os.path.join(bench.folder, "messages"), "ab") as messages, open(path or os.devnull) as text:
            process = subprocess.Popen(
                [bench.build.hwckpt, "run", "--every", INTERVAL, "--", *command],
                stdin=text, stdout=subprocess.DEVNULL, stderr=messages, env=environment,
            )  # fmt: skip
        try:
            self.await_generations(process)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def await_generations(self, process, patience=60):
        """Until some deltas were seen: soon each is merged and gone."""
        self.deltas = {}
        end = time.monotonic() + patience
        while len(self.deltas) < GENERATIONS:
            late = time.monotonic() > end
            if late and len(self.deltas) >= LEAST:
                break
            if process.poll() is not None or late:
                raise Unusable(f"{self.kind}: too few checkpoints; see what its program says")
            for generation in self.generations():
                if generation["parent"]:
                    self.deltas.setdefault(generation["number"], generation)
            time.sleep(0.05)

    def generations(self):
        """Of the application, oldest first."""
        if not os.path.exists(os.path.join(self.cache, "hwckpt-cache")):
            return []
        text = run([self.bench.build.hwckpt, "list", "--json", "--cache", self.cache])
        found = json.loads(text)["applications"]
        self.name = found[0]["name"] if found else None
        return [g for a in found for g in a["generations"] if not g["damage"]]


# ---- parts ----


class Parts:
    def __init__(self, bench, arguments):
        self.bench = bench
        self.arguments = arguments
        self.tool = cache_tool(bench.build)
        self.size = bench.sizes[0]
        self.found = {}
        self.memories = None

    def ask(self, mode, *words):
        """What bench/cache.c says, in a folder of its own."""
        folder = os.path.join(self.bench.folder, mode)
        os.makedirs(folder, exist_ok=True)
        try:
            return json.loads(run([self.tool, mode, folder, *map(str, words)]))
        finally:
            run(["rm", "-rf", folder])

    def bandwidth(self):
        figures.progress("bandwidth")
        # The first round touches what is not there yet.
        rounds = self.ask("bandwidth", self.size, self.arguments.rounds + 1)[1:]
        size = self.size << 20
        row = {"case": "bandwidth", "mib": self.size, "rounds": len(rounds)}
        for what in ("write", "read", "encrypted_write", "encrypted_read"):
            device = "device_" + what.split("_")[-1]
            ratios = [r[f"{device}_s"] / r[f"{what}_s"] for r in rounds]
            self.found[f"{what}_ratio"] = row[f"{what}_ratio"] = round(figures.median(ratios), 3)
            row[f"{what}_ratio_uncertainty"] = round(figures.uncertainty(ratios), 3)
            for key in (what, device):
                row[f"{key}_mbs"] = round(size / figures.median([r[f"{key}_s"] for r in rounds]) / 1e6, 1)
            row[f"{what}_cpu_s_per_gib"] = round(
                figures.median([r[f"{what}_cpu_s"] for r in rounds]) / size * (1 << 30), 3
            )
        noise = [a["device_write_s"] / b["device_write_s"] for a, b in zip(rounds, rounds[1:])]
        row["noise_percent"] = round(max(abs(figures.percent(ratio)) for ratio in noise), 1)
        figures.table(
            ["bandwidth", "MiB", "MB/s", "device MB/s", "ratio", "+-", "CPU s/GiB"],
            [
                [what.replace("encrypted_", "encrypted "), self.size, row[f"{what}_mbs"],
                 row[f"device_{what.split('_')[-1]}_mbs"], row[f"{what}_ratio"],
                 row[f"{what}_ratio_uncertainty"], row[f"{what}_cpu_s_per_gib"]]
                for what in ("write", "encrypted_write", "read", "encrypted_read")
            ],
        )  # fmt: skip
        print(f"noise: the device differs from itself by up to {row['noise_percent']} % between rounds\n")
        return [row]

    def programs(self):
        """The programs' caches; what is not to be had is said."""
        if self.memories is None:
            self.memories = []
            size = min(self.size, 256)
            for kind in list(KINDS)[:1] if self.arguments.quick else KINDS:
                figures.progress(kind)
                try:
                    self.memories.append(Memory(self.bench, kind, size))
                except Unusable as reason:
                    print(f"{kind} is left out: {reason}\n")
            if not self.memories:
                raise Unusable("no program could be run")
        return self.memories

    def memory(self):
        rows = []
        for memory in self.programs():
            figures.progress(f"memory: {memory.kind}")
            largest = max(memory.generations(), key=lambda g: g["raw_bytes"])
            repeated = self.ask("memory", memory.cache, memory.name, largest["number"], self.arguments.rounds)
            for level in dict.fromkeys(entry["level"] for entry in repeated):
                same = [entry for entry in repeated if entry["level"] == level]
                size = same[0]["put_bytes"]
                rows.append({
                    "case": "memory", "kind": memory.kind, "level": level, "put_bytes": size,
                    "bytes": figures.median([e["bytes"] for e in same]),
                    "write_mbs": round(size / figures.median([e["write_s"] for e in same]) / 1e6, 1),
                    "read_mbs": round(size / figures.median([e["read_s"] for e in same]) / 1e6, 1),
                    "write_cpu_s_per_gib":
                        round(figures.median([e["write_cpu_s"] for e in same]) / size * (1 << 30), 3),
                })  # fmt: skip
        figures.table(
            ["memory", "level", "MiB", "on flash MiB", "of it", "write MB/s", "read MB/s", "CPU s/GiB"],
            [
                [row["kind"], row["level"], row["put_bytes"] >> 20, f"{row['bytes'] / (1 << 20):.1f}",
                 f"{row['bytes'] / row['put_bytes']:.3f}", row["write_mbs"], row["read_mbs"],
                 row["write_cpu_s_per_gib"]] for row in rows
            ],
        )  # fmt: skip
        print()
        return rows

    def deltas(self):
        rows = []
        for memory in self.programs():
            for g in memory.deltas.values():
                rows.append({
                    "case": "deltas", "kind": memory.kind, "number": g["number"], "bytes": g["bytes"],
                    "captured_bytes": g["raw_bytes"], "put_bytes": g["put_pages"] * PAGE,
                })  # fmt: skip
        shown = []
        for kind in dict.fromkeys(row["kind"] for row in rows):
            of = [row for row in rows if row["kind"] == kind]
            captured = sum(row["captured_bytes"] for row in of) / len(of)
            stored = sum(row["bytes"] for row in of) / len(of)
            put = sum(row["put_bytes"] for row in of) / len(of)
            shown.append([kind, len(of), f"{captured / (1 << 20):.2f}", f"{put / captured:.3f}",
                          f"{stored / (1 << 20):.2f}", f"{stored / captured:.3f}"])  # fmt: skip
        figures.table(["deltas", "count", "captured MiB", "put", "on flash MiB", "of it"], shown)
        print()
        return rows

    def restore(self):
        size = min(self.size, 256)
        rows = []
        for deltas in QUICK_DELTAS if self.arguments.quick else DELTAS:
            figures.progress(f"restore after {deltas} deltas")
            found = self.ask("chain", size, deltas, self.arguments.rounds, self.arguments.extra_reads)
            rows.append({
                "case": "restore", "mib": size, "deltas": deltas, "chain": found["chain"],
                "read_ms": round(figures.median(found["read_s"]) * 1e3, 2),
                "uncertainty_ms": round(figures.uncertainty(found["read_s"]) * 1e3, 2),
                "bytes_each": found["bytes_each"],
                "read_over_image": round(found["bytes_read"] / (size << 20), 3),
                "over_changed": round(found["bytes_each"] / (found["changed_pages"] * 4096), 3),
                "written_over_changed": round(found["written_each"] / (found["changed_pages"] * 4096), 3),
            })  # fmt: skip
        for row in rows:
            row["over_1"] = round(row["read_ms"] / rows[0]["read_ms"], 3)
        if rows[-1]["deltas"] == 1000:
            self.found["restore_1000_over_1"] = rows[-1]["over_1"]
        figures.table(
            ["restore after deltas", "MiB", "chain", "ms", "+-", "of 1", "read", "bytes / changed", "with merges"],
            [[row["deltas"], row["mib"], row["chain"], row["read_ms"], row["uncertainty_ms"], row["over_1"],
              row["read_over_image"], row["over_changed"], row["written_over_changed"]] for row in rows],
        )  # fmt: skip
        return rows


PARTS = ("bandwidth", "memory", "deltas", "restore")


def main(words):
    arguments = parse(words)
    with Bench(arguments) as bench:
        bench.warm()
        parts = Parts(bench, arguments)
        rows = []
        for name in PARTS:
            if not arguments.only or name in arguments.only:
                rows += getattr(parts, name)()
        figures.progress("")
        figures.write_json(
            arguments.json,
            {"benchmark": "cache", **parts.found, "machine": description(bench.build), "rows": rows},
        )
    return 0
