"""bench/run pause - how long a program stands still for a checkpoint.

The workload (bench/workload.c) holds memory and writes pages of it at a fixed
rate: a tenth of its memory in a second, but of large ones as many pages as of
1 GiB, so that growth with the size is seen. Checkpoints are taken at an interval.
The pause is what the program sees, the largest gap between its heartbeats of a
millisecond, one for each checkpoint; a gap contains that millisecond. `own` is
what hwckpt says of itself. The rows of the tool `none` are the same program
without checkpoints, the largest gap in each interval: the noise floor.

Checkpoints that hold the whole memory (the first) are not counted. `MiB each`
is what a checkpoint holds before compression, `changed MiB` what the program
changed since the one before."""

from . import figures
from .machine import description
from .observation import columns, observe
from .options import Bench, parser, show_raw
from .peers import Hwckpt, Nothing
from .workload import PAGES_OF_A_MIB, Shape

# A tenth of 1 GiB in a second.
MOST_PAGES = 1024 * PAGES_OF_A_MIB // 10


def parse(words):
    options = parser("pause", __doc__)
    options.add_argument("--interval", type=float, help="seconds between checkpoints (1; quick: 0.2)")
    options.add_argument("--seconds", type=float, help="how long each is measured (20; quick: 4)")
    options.add_argument("--threads", type=int, default=1, help="that write (1)")
    options.add_argument("--percent", type=float, default=10, help="of memory written in a second (10)")
    options.add_argument("--all-percent", action="store_true", help="of large memory too")
    arguments = options.parse_args(words)
    arguments.interval = arguments.interval or (0.2 if arguments.quick else 1)
    arguments.seconds = arguments.seconds or (4 if arguments.quick else 20)
    return arguments


def shape(arguments, size):
    rate = int(size * PAGES_OF_A_MIB * arguments.percent / 100)
    if not arguments.all_percent:
        rate = min(rate, int(MOST_PAGES * arguments.percent / 10))
    return Shape(size, rate, arguments.threads, arguments.data or "text")


def measure(bench, arguments, size):
    tools = [Nothing(bench.build, bench.folder), Hwckpt(bench.build, bench.folder, arguments.options)]
    tools += [peer(bench.build, bench.folder) for peer in bench.peers]
    rows = []
    for tool in tools:
        figures.progress(f"{size} MiB, {tool.name}")
        seen = observe(tool, shape(arguments, size), arguments.interval, arguments.seconds)
        rows.append(seen.row())
    figures.progress("")
    return rows


def main(words):
    arguments = parse(words)
    with Bench(arguments) as bench:
        figures.progress("touching memory")
        bench.warm()
        raw = bench.raw()
        rows = [row for size in bench.sizes for row in measure(bench, arguments, size)]
        columns(rows)
        show_raw(raw)
        quiet = [row for row in rows if row["tool"] == "none"]
        print(
            f"noise floor: p50 {max(r['pause_p50_ms'] for r in quiet):.2f} ms, "
            f"p99 {max(r['pause_p99_ms'] for r in quiet):.2f} ms"
        )
        figures.write_json(
            arguments.json,
            {
                "benchmark": "pause",
                "interval_s": arguments.interval,
                "noise_p50_ms": max(r["pause_p50_ms"] for r in quiet),
                "noise_p99_ms": max(r["pause_p99_ms"] for r in quiet),
                "raw": raw,
                "machine": description(bench.build),
                "rows": rows,
            },
        )
    return 0
