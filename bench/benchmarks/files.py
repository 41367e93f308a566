"""bench/run files - what it costs that files are as they were at the checkpoint
after a restore (files=rollback, the default): a call that changes a file, and a
checkpoint while 16 MiB of one are mapped shared, beside the same with
files=truncate, which keeps nothing; twice, in turns: the difference between the two
is the noise floor."""

import os

from . import figures
from .machine import BENCH, description, run
from .options import Bench, parser

WAYS = ("rollback", "truncate", "truncate")
SAYS = {
    "overwrite-first": "overwriting 4 KiB for the first time",
    "overwrite-again": "overwriting them again",
    "append": "appending 4 KiB",
    "read": "reading 4 KiB",
    "make-and-remove": "making a file, closing it and removing it",
    "checkpoint-mapped": "a checkpoint with 16 MiB mapped shared and written",
}


def parse(words):
    options = parser("files", __doc__, side_by_side=False)
    options.add_argument("--rounds", type=int, help="of each way (9; quick: 1)")
    options.add_argument("--calls", type=int, help="of each kind in a round (4096; quick: 64)")
    arguments = options.parse_args(words)
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 9)
    arguments.calls = arguments.calls or (64 if arguments.quick else 4096)
    arguments.sizes = [64]
    return arguments


def measure(bench, tool, way, number):
    folder = os.path.join(bench.folder, f"files-{number}")
    os.mkdir(folder)
    environment = {
        **os.environ,
        "HWCKPT_CACHE": os.path.join(folder, "cache"),
        "HWCKPT_OPTIONS": ":".join(filter(None, (bench.arguments.options, f"files={way}"))),
    }
    said = run([tool, str(bench.arguments.calls), folder], env=environment)
    return {kind: int(ns) / 1000 for kind, ns in map(str.split, said.splitlines())}


def main(words):
    arguments = parse(words)
    found = [{kind: [] for kind in SAYS} for _ in WAYS]
    with Bench(arguments) as bench:
        tool = bench.build.program(
            "files", "-fhwckpt", "-I", os.path.join(BENCH, "..", "intrinsics"), os.path.join(BENCH, "files.c")
        )
        for turn in range(arguments.rounds):
            for place, way in enumerate(WAYS):
                for kind, us in measure(bench, tool, way, turn * len(WAYS) + place).items():
                    found[place][kind].append(us)
        rows = []
        for kind, text in SAYS.items():
            kept, none, again = (figures.median(some[kind]) for some in found)
            rows.append({"kind": kind, "us": kept, "truncate_us": none, "floor_us": abs(again - none)})
        figures.table(
            ("us", "rollback", "truncate", "floor"),
            [(SAYS[row["kind"]], *(f"{row[what]:.1f}" for what in ("us", "truncate_us", "floor_us"))) for row in rows],
        )
        if arguments.json:
            figures.write_json(arguments.json, {"machine": description(bench.build), "files": rows})
    return 0
