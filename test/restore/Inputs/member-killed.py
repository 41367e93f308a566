"""member-killed.py HWCKPT PROG KILL - restores PROG under KILL (kill-member.c)
again and again, and in the end as it should be."""

import os
import subprocess
import sys

from trial import KILLED, Hwckpt, codes

hwckpt, kill = Hwckpt(sys.argv[1]), sys.argv[3]
run = hwckpt.run("--", sys.argv[2])
assert run.wait() == KILLED, run.err
ids = dict(zip(("root", "child", "orphan"), run.out.split()))
command = [hwckpt.path, "restore", "--cache", hwckpt.cache]
STEPS = 3 if os.environ.get("HWCKPT_STRESS") == "1" else 47  # calls between two trials


def trial(pid, number):
    """False: it runs before its so manieth call."""
    done = subprocess.run([kill, pid, str(number), *command], capture_output=True, text=True, timeout=60)
    if done.returncode == 3 or "goes on" in done.stdout or "killed by signal 9" in done.stderr:
        return False
    assert done.returncode == 125, (pid, number, done)
    assert codes(done.stderr) == [347] and f"process {pid}" in done.stderr, (pid, number, done.stderr)
    return True


for role, pid in ids.items():
    number = 1
    while trial(pid, number):
        number += STEPS
    print(role, number, flush=True)
    assert number > 200, (role, number)
restored = hwckpt.restore()
assert restored.wait() == 0, restored.err
