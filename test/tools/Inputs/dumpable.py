"""dumpable.py - whether the kernel may write a core of a process.

It writes none of what is not dumpable (PR_SET_DUMPABLE); and who has the same
user and no more rights than that may read what is in /proc of it only then. So
this needs no place where cores are found. The process is to have been started
with LESS before its command, which leaves root without capabilities."""

import os
import subprocess

LESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


def dumpable(pid):
    """Of a process that is there."""
    reader = subprocess.run([*LESS, "cat", "/proc/%d/environ" % pid], capture_output=True)
    assert reader.returncode == 0 or b"Permission denied" in reader.stderr, reader
    return reader.returncode == 0
