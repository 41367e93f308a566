"""every_site.py - compares the numbers of checkpoints of every1, every3 and
every10 in the list on standard input."""

import json
import sys

counts = {}
for application in json.load(sys.stdin)["applications"]:
    generations = application["generations"]
    counts[application["name"]] = len(generations)
    assert all(g["event"] == "every-site" for g in generations), generations
assert counts["every1"] >= 40, counts
assert counts["every3"] == counts["every1"] // 3, counts
assert counts["every10"] == counts["every1"] // 10, counts
