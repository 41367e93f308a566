"""shape.py BENCHMARK FILE: does the JSON of a benchmark have the fields that are
promised, of the right types and within reason?"""

import json
import sys

NUMBER = (int, float)
OVERHEAD = {
    "program": str,
    "level": str,
    "overhead_percent": NUMBER,
    "noise_percent": NUMBER,
    "uncertainty_percent": NUMBER,
    "layouts_percent": NUMBER,
    "base_ms": NUMBER,
    "rounds": int,
    "identical": bool,
    "functions": int,
    "differing": list,
}


def fields(what, value, types):
    for name, kind in types.items():
        if not isinstance(value.get(name), kind):
            sys.exit(f"{what}: {name} is {value.get(name)!r}")


def overhead(told):
    fields("overhead", told, dict.fromkeys(
        ("geomean_percent", "worst_percent", "noise_worst_percent"), NUMBER))  # fmt: skip
    for row in told["rows"]:
        fields(row["program"], row, OVERHEAD)
        if row["base_ms"] <= 0 or row["identical"] == bool(row["differing"]):
            sys.exit(f"{row['program']} contradicts itself: {row}")
    if [row["program"] for row in told["rows"]] != ["gemm", "queens"]:
        sys.exit("these are not the programs that were asked for")


def main():
    name, path = sys.argv[1:]
    with open(path) as file:
        told = json.load(file)
    if told["benchmark"] != name:
        sys.exit(f"this is {told['benchmark']}")
    fields("machine", told["machine"], {"processor": str, "processors": int, "kernel": str})
    {"overhead": overhead}[name](told)


main()
