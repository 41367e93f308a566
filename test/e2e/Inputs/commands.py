#!/usr/bin/env python3
"""commands.py OUTPUT - runs others by subprocess and os.system, with pipes to
and from them, several at a time; ends with status 7."""

import os
import subprocess
import sys

job = "s=0; i=0; while [ $i -lt 30000 ]; do s=$(((s * 31 + i + $0) % 1000003)); i=$((i + 1)); done; echo $s"
lines = []
for i in range(60 if os.environ.get("HWCKPT_STRESS") == "1" else 6):
    both = [
        subprocess.Popen(["sh", "-c", job, str(i * 2 + j)], stdout=subprocess.PIPE)
        for j in range(2)
    ]
    through = subprocess.run(
        ["sort", "-n"],
        input="".join(f"{(k * 7919) % 10007}\n" for k in range(10000)),
        capture_output=True,
        text=True,
        check=True,
    )
    lines.append(f"sorted {hash(tuple(map(int, through.stdout.split())))}")
    lines += [f"job {child.communicate()[0].decode().strip()}" for child in both]
    lines.append(f"status {os.system(f'exit {i % 9}') >> 8} {[c.returncode for c in both]}")
    with os.popen(f"sh -c '{job}' {i}") as stream:
        lines.append(f"popen {stream.read().strip()}")
with open(sys.argv[1], "w") as output:
    output.writelines(line + "\n" for line in lines)
sys.exit(7)
