"""regions.py JSON - whether the figures of `bench/run regions` can be: a part of the
memory takes that part of the bytes, all of it as many as the whole program."""

import json
import sys

with open(sys.argv[1]) as file:
    rows = json.load(file)["regions"]
assert [(row["mib"], row["share"]) for row in rows] == [(16, 1), (16, 4), (16, 16)], rows
all_of_it = rows[0]["region_bytes"]
for row in rows:
    assert row["region_us"] > 0 and row["whole_us"] > 0, row
    assert 0.9 < row["region_bytes"] * row["share"] / all_of_it < 1.1, row
    assert 0.9 < row["whole_bytes"] / all_of_it < 1.2, row
    assert 8 << 20 < row["whole_bytes"] < 18 << 20, row
