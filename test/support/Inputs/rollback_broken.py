"""rollback_broken.py HWCKPT PROGRAM FOLDER - the control group of PROGRAM may have
no more threads from when one of them has ended, until it is restored."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time

hwckpt, program, folder = sys.argv[1:]


def make_group():
    """A group that counts threads, of either version of control groups."""
    for root in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup"):
        with contextlib.suppress(OSError):
            group = tempfile.mkdtemp(prefix="hwckpt-test-", dir=root)
            if os.path.exists(os.path.join(group, "pids.max")):
                return group
            os.rmdir(group)
    print("SKIP: no control group that counts threads can be made")
    sys.exit(77)


def put(name, text):
    with open(os.path.join(group, name), "r+") as file:
        file.write(text)


def eventually(happened):
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end and run.poll() is None, run.poll()
        time.sleep(0.01)


group = make_group()
try:
    run = subprocess.Popen(
        [program, folder],
        preexec_fn=lambda: put("cgroup.procs", str(os.getpid())),
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: os.path.exists(os.path.join(folder, "ended")))
    put("pids.max", "1")
    open(os.path.join(folder, "limited"), "x").close()
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 125, (run.returncode, said)
    first, last = said.index("HWCKPT-E313"), said.index("HWCKPT-E326")
    assert first < last and "clone3" in said, said
    restored = subprocess.run([hwckpt, "restore"], timeout=60)
    assert restored.returncode == 42, restored
finally:
    os.rmdir(group)
