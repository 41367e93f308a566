"""left-out.py BUILD - bench/run capture --only threads of a program that has no
two checkpoints in the time that is given for them: each row of it is left out,
in bounded time, and said."""

import json
import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "bench"))
from benchmarks import capture, peers  # noqa: E402

peers.PATIENCE = 2
with tempfile.NamedTemporaryFile() as told:
    begin = time.monotonic()
    words = ["--quick", "--interval", "1000", "--seconds", "1", "--only", "threads"]
    capture.main([*words, "--build", sys.argv[1], "--json", told.name])
    took = time.monotonic() - begin
    figures = json.load(open(told.name))
if {row["tool"] for row in figures["rows"]} != {"none"}:
    sys.exit(f"these are not left out: {figures['rows']}")
if len(figures["left_out"]) != 3 or "0 checkpoints" not in figures["left_out"][0]:
    sys.exit(f"this is left out: {figures['left_out']}")
if took > 120:
    sys.exit(f"it took {took:.0f} s")
