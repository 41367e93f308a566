"""ended.py BUILD SIGNAL - bench/run, ended while its workload runs: nothing is left.
"""

import glob
import os
import signal
import subprocess
import sys
import time

BENCH = os.path.join(os.path.dirname(__file__), "..", "..", "..", "bench", "run")


def until(what, patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.01)
    sys.exit(f"ended.py: not within {patience} s")


def workloads(group):
    """Processes of the workload in a process group."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                text = file.read()
        except OSError:
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        state, _, pgrp = text[text.rindex(")") + 2 :].split()[:3]
        if name.startswith("workload") and int(pgrp) == group and state != "Z":
            found.append(path)
    return found


def log_of(path):
    """Folder of the log that a workload has mapped."""
    with open(path.replace("/stat", "/maps")) as file:
        for line in file:
            if "/hwckpt-bench-" in line:
                return os.path.dirname(line.split(None, 5)[5].strip())
    return None


# Whoever runs the tests may ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
build, number = sys.argv[1], getattr(signal, sys.argv[2])
bench = subprocess.Popen(
    [sys.executable, BENCH, "pause", "--quick", "--seconds", "60", "--build", build],
    stdout=subprocess.DEVNULL, start_new_session=True,
)  # fmt: skip
running = until(lambda: workloads(bench.pid))
folder = until(lambda: log_of(running[0]))
bench.send_signal(number)
status = bench.wait(60)
if status != 128 + number:
    sys.exit(f"ended.py: status {status}")
until(lambda: not workloads(bench.pid), 10)
if os.path.exists(folder):
    sys.exit(f"ended.py: {folder} is left")
