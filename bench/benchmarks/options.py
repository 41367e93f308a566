"""options.py - options that the benchmarks of checkpoints share, and what is done
before the first of them runs."""

import argparse
import json
import os
import shutil

from .machine import BENCH, Build, Unusable, first, run
from .peers import peers
from .workload import scratch, warm_up

SIZES = (64, 1024, 4096, 16384)
QUICK_SIZES = (64,)
# Memory that the workload needs besides its own, and the machine for itself.
ROOM = 1.2


def parser(name, text, side_by_side=True):
    found = argparse.ArgumentParser(
        prog=f"bench/run {name}", description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    found.add_argument("--json", metavar="FILE", help="write the figures there too")
    found.add_argument("--build", metavar="DIR", help="the build tree (build)")
    found.add_argument(
        "--sizes", nargs="+", type=int, metavar="MIB",
        help="memory of the workload (64 1024 4096 16384, as far as there is room; quick: 64)",
    )  # fmt: skip
    found.add_argument("--data", choices=("text", "noise"), help="what the pages hold: text compresses")
    found.add_argument("--options", default="", metavar="TEXT", help="HWCKPT_OPTIONS of the program")
    if side_by_side:
        found.add_argument("--peers", action="store_true", help="CRIU and DMTCP must be there, and work")
    found.add_argument("--quick", action="store_true", help="one small size: does it work?")
    return found


class Bench:
    """The build, a scratch folder, the sizes there is room for, the peers."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.build = Build(arguments.build)
        self.peers = peers(arguments.peers) if hasattr(arguments, "peers") else []
        self.sizes = self.possible(arguments.sizes or (QUICK_SIZES if arguments.quick else SIZES))
        self.folder = scratch(self.build)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder, ignore_errors=True)

    def possible(self, sizes):
        memory = int(first("/proc/meminfo", r"^MemAvailable:\s*(\d+)")) >> 10
        disk = shutil.disk_usage(self.build.folder).free >> 20
        found = []
        for size in sorted(sizes):
            if size * ROOM > memory or size * 3 > disk:
                print(f"{size} MiB is left out: {memory} MiB of memory and {disk} MiB of disk are free")
            else:
                found.append(size)
        if not found:
            raise Unusable("no size is left to measure")
        return found

    def warm(self):
        warm_up(max(self.sizes))

    def raw(self, mib=None):
        """What the machine does without anybody's checkpoints."""
        return json.loads(run([self.raw_tool(), str(mib or min(1024, max(self.sizes))), self.folder]))

    def raw_tool(self):
        return self.build.program("raw", "-pthread", "-D_GNU_SOURCE", os.path.join(BENCH, "raw.c"))


def show_raw(raw):
    print(
        f"raw, {raw['mib']} MiB: memcpy {raw['memcpy_gbs']:.1f} GB/s; fork {raw['fork_ms']:.1f} ms, with huge "
        f"pages {raw['fork_huge_ms']:.1f} ms; first write to a tracked page {raw['write_fault_ns']:.0f} ns; "
        f"O_DIRECT write {raw['write_gbs']:.2f}, read {raw['read_gbs']:.2f} GB/s"
    )
