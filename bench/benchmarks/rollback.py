"""bench/run rollback - how long a rollback in place takes, by the pages that were
written since the checkpoint, in a program with much more memory: from the call of
__builtin_ckpt_load() until the program goes on. Pages are spread evenly. The
least-squares line through the medians says what a page costs and what the rest
is."""

import os

from . import figures
from .machine import BENCH, description, run
from .options import Bench, parser

PAGES = (0, 16, 64, 256, 1024, 4096, 16384)


def parse(words):
    options = parser("rollback", __doc__, side_by_side=False)
    options.add_argument("--rounds", type=int, help="of each number of pages (9; quick: 2)")
    arguments = options.parse_args(words)
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 9)
    arguments.sizes = arguments.sizes or [64 if arguments.quick else 512]
    return arguments


def measure(bench, tool, mib, rounds):
    environment = {
        **os.environ,
        "HWCKPT_CACHE": os.path.join(bench.folder, f"cache-{mib}"),
        "HWCKPT_OPTIONS": bench.arguments.options,
    }
    possible = [str(pages) for pages in PAGES if pages <= mib * 256]
    times = {}
    for line in run([tool, str(mib), str(rounds), *possible], env=environment).splitlines():
        pages, begin, end = map(int, line.split())
        times.setdefault(pages, []).append((end - begin) / 1000)
    return times


def line_through(points):
    middle = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    slope = sum((x - middle[0]) * (y - middle[1]) for x, y in points) / sum((x - middle[0]) ** 2 for x, _ in points)
    return slope, middle[1] - slope * middle[0]


def main(words):
    arguments = parse(words)
    found = []
    with Bench(arguments) as bench:
        tool = bench.build.program(
            "rollback", "-fhwckpt", "-I", os.path.join(BENCH, "..", "intrinsics"), os.path.join(BENCH, "rollback.c")
        )
        for mib in bench.sizes:
            times = measure(bench, tool, mib, arguments.rounds)
            rows = [(pages, figures.median(some), max(some)) for pages, some in sorted(times.items())]
            print(f"{mib} MiB of memory")
            figures.table(
                ("pages written", "median ms", "worst ms"),
                [(pages, f"{middle / 1000:.2f}", f"{worst / 1000:.2f}") for pages, middle, worst in rows],
            )
            slope, rest = line_through([(pages, middle) for pages, middle, _ in rows])
            print(f"{slope:.2f} us a page, {rest / 1000:.2f} ms besides")
            found.append({"mib": mib, "us_a_page": slope, "us_besides": rest,
                          "rows": [{"pages": p, "median_us": m, "worst_us": w} for p, m, w in rows]})  # fmt: skip
        if arguments.json:
            figures.write_json(arguments.json, {"machine": description(bench.build), "rollback": found})
    return 0
