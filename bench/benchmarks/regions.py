"""bench/run regions - named regions against checkpoints of the whole program.

A program writes all of its memory in each round and needs a part of it to go on.
It saves that part as a region (hwckpt_region_save()), or itself
(__builtin_ckpt_save()): microseconds until it is durable, and bytes on flash for
one, with the same compression (level=1) for both. What is in memory hardly
compresses."""

import json
import os

from . import figures
from .machine import BENCH, description, run
from .options import Bench, parser

SHARES = (1, 4, 16)


def parse(words):
    options = parser("regions", __doc__, side_by_side=False)
    options.add_argument("--rounds", type=int, help="of each (7; quick: 2)")
    arguments = options.parse_args(words)
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 7)
    arguments.sizes = arguments.sizes or [16 if arguments.quick else 128]
    return arguments


def measure(bench, tool, mib, share, how):
    cache = os.path.join(bench.folder, f"cache-{mib}-{share}-{how}")
    more = ":" + bench.arguments.options if bench.arguments.options else ""
    environment = {**os.environ, "HWCKPT_CACHE": cache, "HWCKPT_OPTIONS": "level=1:base_every=1" + more}
    text = run([tool, str(mib), str(share), str(bench.arguments.rounds), how], env=environment)
    listed = json.loads(run([bench.build.hwckpt, "list", "--json", "--cache", cache]))
    newest = listed["applications"][0]["generations"][-1]
    return figures.median(list(map(float, text.split()))), newest["bytes"]


def main(words):
    arguments = parse(words)
    found = []
    with Bench(arguments) as bench:
        tool = bench.build.program(
            "regions", "-fhwckpt", "-I", os.path.join(BENCH, "..", "intrinsics"), os.path.join(BENCH, "regions.c")
        )
        for mib in bench.sizes:
            for share in SHARES:
                row = {"mib": mib, "share": share}
                for how in ("region", "whole"):
                    row[f"{how}_us"], row[f"{how}_bytes"] = measure(bench, tool, mib, share, how)
                found.append(row)
        figures.table(
            ("MiB", "needed", "region ms", "whole ms", "region MiB", "whole MiB"),
            [
                (
                    row["mib"], f"1/{row['share']}", f"{row['region_us'] / 1000:.1f}", f"{row['whole_us'] / 1000:.1f}",
                    f"{row['region_bytes'] / 2**20:.1f}", f"{row['whole_bytes'] / 2**20:.1f}",
                )
                for row in found
            ],
        )  # fmt: skip
        if arguments.json:
            figures.write_json(arguments.json, {"machine": description(bench.build), "regions": found})
    return 0
