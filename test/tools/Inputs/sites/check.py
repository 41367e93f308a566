"""check.py JSON ELF SOURCE - each site of SOURCE's functions is listed once, in
its function as `llvm-nm` has it and on the line that SOURCE marks with its kind."""

import json
import os
import re
import subprocess
import sys

with open(sys.argv[1]) as file:
    sites = json.load(file)["sites"]
wanted = {}
with open(sys.argv[3]) as file:
    function = None
    for number, line in enumerate(file, 1):
        if head := re.match(r"\S.*\b(\w+)\(.*\{$", line):
            function = head[1]
        if mark := re.search(r"// (loop|recursion)", line):
            wanted[function] = (mark[1], number)

symbols = {}
nm = ["llvm-nm", "--defined-only", "--print-size", sys.argv[2]]
for line in subprocess.run(nm, capture_output=True, text=True, check=True).stdout.splitlines():
    fields = line.split()
    if len(fields) == 4 and fields[2] in "tT":
        symbols[fields[3]] = (int(fields[0], 16), int(fields[1], 16))

assert [int(s["address"], 16) for s in sites] == sorted(int(s["address"], 16) for s in sites)
for function, (kind, line) in wanted.items():
    found = [s for s in sites if s["symbol"] == function]
    assert len(found) == 1, (function, found)
    site, (start, size) = found[0], symbols[function]
    assert start <= int(site["address"], 16) < start + size, (site, symbols[function])
    assert site["kind"] == kind and site["function"] == function, site
    assert os.path.basename(site["file"]) == os.path.basename(sys.argv[3]), site
    assert abs(site["line"] - line) <= 1, (site, line)
