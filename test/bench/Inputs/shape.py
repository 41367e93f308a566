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
CHECKPOINTS = {
    "tool": str,
    "rss_mib": int,
    "threads": int,
    "written_percent": (*NUMBER, type(None)),
    "pause_p50_ms": NUMBER,
    "pause_p99_ms": NUMBER,
    "bytes_written": (int, type(None)),
    "pages_changed": (int, type(None)),
    "took_s": NUMBER,
}
RESTORE = {
    "tool": str,
    "rss_mib": int,
    "threads": int,
    "written_percent": (*NUMBER, type(None)),
    "mode": str,
    "cold": bool,
    "running_ms": NUMBER,
    "first_step_ms": NUMBER,
    "complete_ms": NUMBER,
    "ratio_to_raw_read": NUMBER,
}
RAW = ("memcpy_gbs", "fork_ms", "fork_huge_ms", "write_gbs", "read_gbs", "write_fault_ns")


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


def checkpoints(told):
    """Rows of pause and capture."""
    fields("raw", told["raw"], dict.fromkeys(RAW, NUMBER))
    for row in told["rows"]:
        fields(row["tool"], row, CHECKPOINTS)
        if not 0 < row["pause_p50_ms"] <= row["pause_p99_ms"]:
            sys.exit(f"these pauses cannot be: {row}")
        if row["tool"] == "hwckpt" and not row["bytes_written"]:
            sys.exit(f"nothing was written: {row}")
    if not {"none", "hwckpt"} <= {row["tool"] for row in told["rows"]}:
        sys.exit("a tool is missing")


def pause(told):
    fields("pause", told, dict.fromkeys(("noise_p50_ms", "noise_p99_ms"), NUMBER))
    checkpoints(told)


def capture(told):
    checkpoints(told)
    slow = [row for row in told["rows"] if "slowdown_noise_percent" in row]
    if len(slow) != 1 or not isinstance(slow[0]["slowdown_percent"], NUMBER):
        sys.exit("there is no slowdown")
    if {row["threads"] for row in told["rows"] if row["case"] == "blocked"} != {8}:
        sys.exit("there are no threads")


def restore(told):
    for row in told["rows"]:
        fields("restore", row, RESTORE)
        if not 0 < row["running_ms"] <= row["first_step_ms"] <= row["first_step_worst_ms"]:
            sys.exit(f"these times cannot be: {row}")
    if {row["cold"] for row in told["rows"]} != {True, False}:
        sys.exit("cold or warm is missing")
    if not {row["mode"] for row in told["rows"]} <= {"lazy", "eager"}:
        sys.exit("there is a mode of no such name")


def cache(told):
    fields("cache", told, dict.fromkeys(("write_ratio", "read_ratio"), NUMBER))
    if not 0 < told["write_ratio"] < 10 or not 0 < told["read_ratio"] < 10:
        sys.exit(f"these ratios cannot be: {told}")
    by_case = {}
    for row in told["rows"]:
        by_case.setdefault(row["case"], []).append(row)
    if {row["level"] for row in by_case["memory"]} != {"auto", "0", "1", "3"}:
        sys.exit("a level is missing")
    for row in by_case["memory"]:
        if row["level"] == "0" and row["bytes"] < row["put_bytes"] / 2:
            sys.exit(f"this is not stored as it is: {row}")
    if len(by_case["deltas"]) < 3 or [row["deltas"] for row in by_case["restore"]] != [1, 10]:
        sys.exit("deltas are missing")


def main():
    name, path = sys.argv[1:]
    with open(path) as file:
        told = json.load(file)
    if told["benchmark"] != name:
        sys.exit(f"this is {told['benchmark']}")
    fields("machine", told["machine"], {"processor": str, "processors": int, "kernel": str})
    {"overhead": overhead, "pause": pause, "capture": capture, "restore": restore, "cache": cache}[name](told)


main()
