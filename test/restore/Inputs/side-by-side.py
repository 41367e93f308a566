"""side-by-side.py HWCKPT PROG DIR - see side-by-side.test."""

import os
import subprocess
import sys
import time

hwckpt, program, folder = sys.argv[1:]
NUMBER = 3


def restore(*options):
    return subprocess.Popen(
        [hwckpt, "restore", "--pid=any", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(process, status):
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, (process.args, process.returncode, out, err)
    return out + err


run = subprocess.run([hwckpt, "run", "--name", "origin", "--", program, folder], stdout=subprocess.PIPE)
assert run.returncode == -9, run
programs = [restore("origin"), *(restore("--name", f"n{i}", "origin/1") for i in (1, 2))]
deadline = time.monotonic() + 60
while len(os.listdir(folder)) < NUMBER:
    for process in programs:
        assert process.poll() is None, ends(process, None)
    assert time.monotonic() < deadline
    time.sleep(0.01)
assert "HWCKPT-E311" in ends(restore("origin"), 125)
assert "HWCKPT-E311" in ends(restore("--name", "n1", "origin/1"), 125)
open(os.path.join(folder, "go"), "w").close()
for process in programs:
    ends(process, -9)
assert "HWCKPT-E115" in ends(restore("--name", "n2", "origin/1"), 125)
results = [ends(restore(name), 7).split()[:2] for name in ("origin", "n1", "n2")]
assert sorted(results) == [[str(i), str(3 ** (i + 1))] for i in range(NUMBER)], results
