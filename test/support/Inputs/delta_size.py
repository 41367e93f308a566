"""delta_size.py - compares the sizes of the generations on standard input with
what delta_size.c wrote."""

import json
import sys

# Pages of libc, of stacks and of the runtime's own variables that are written
# at each checkpoint: measured 16 to 24.
MORE = 64

(application,) = json.load(sys.stdin)["applications"]
base, *deltas = application["generations"]
assert base["kind"] == "base" and base["pages"] >= 8192, base
wanted = [0, 1, 10, 100, 1000, 4000, 0]
assert len(deltas) == len(wanted), deltas
for generation, pages in zip(deltas, wanted):
    assert generation["kind"] == "delta", generation
    assert pages <= generation["pages"] <= pages + MORE, (pages, generation)
    assert generation["bytes"] <= (pages + MORE) * 4096 + 65536, generation
