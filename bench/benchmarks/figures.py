"""figures.py - numbers from measurements, tables and JSON of them."""

import json
import math
import os
import statistics
import sys


def median(values):
    return statistics.median(values)


def percentile(values, percent):
    """The smallest value that so many percent are not above."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def geomean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def uncertainty(values):
    """Standard error of the median, from the median of absolute deviations: one
    wild value does not count."""
    middle = median(values)
    spread = 1.4826 * median([abs(value - middle) for value in values])
    return 1.2533 * spread / math.sqrt(len(values))


def percent(ratio):
    return (ratio - 1) * 100


def table(columns, rows):
    """Prints rows below the names of the columns, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells)]
    for row in [list(columns), *cells]:
        line = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        )
        print("  ".join(line).rstrip())


def write_json(path, value):
    if not path:
        return
    with open(path + ".partial", "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.rename(path + ".partial", path)


def progress(text):
    """A line that is written over, for people only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def read_json(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None
