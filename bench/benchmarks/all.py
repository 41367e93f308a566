"""bench/run all - all benchmarks one after the other, their figures as JSON and
pictures in a folder: what docs/benchmarks.md shows is made by

    bench/run all --out docs/benchmarks

The machine should have nothing else to do. It takes about half an hour."""

import argparse
import os
import shutil

from . import cache, capture, overhead, pause, plot, restore

STEPS = (
    ("overhead", overhead, ["--count"] if shutil.which("valgrind") else []),
    ("pause", pause, []),
    ("capture", capture, []),
    ("restore", restore, []),
    ("cache", cache, []),
)


def main(words):
    parser = argparse.ArgumentParser(
        prog="bench/run all", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--out", metavar="DIR", required=True)
    parser.add_argument("--build", metavar="DIR", help="the build tree (build)")
    parser.add_argument("--quick", action="store_true", help="as little as possible: does it work?")
    arguments = parser.parse_args(words)
    os.makedirs(arguments.out, exist_ok=True)
    common = ["--build", arguments.build] if arguments.build else []
    common += ["--quick"] if arguments.quick else []
    processors = os.sched_getaffinity(0)
    for name, benchmark, options in STEPS:
        print(f"== {name}", flush=True)
        # Each for itself: one of them keeps to one processor.
        os.sched_setaffinity(0, processors)
        benchmark.main([*options, *common, "--json", os.path.join(arguments.out, f"{name}.json")])
    return 0 if plot.draw(arguments.out) else 1
