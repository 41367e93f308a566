"""memory_group.py [COMMAND...] - runs it while a process in a control group of
little memory has the machine's threads wait for memory (pressure=memory). Status
77 where no such group can be made. Also for Python programs: `with short():`."""

import contextlib
import os
import subprocess
import sys
import tempfile

LIMIT = 32 << 20
# Pages of a file that do not fit are written and read again without end.
HOG = """
import os, sys, tempfile
open(sys.argv[1], "w").write(str(os.getpid()))
file = tempfile.TemporaryFile(dir=".")
some = os.urandom(1 << 20)
print("goes", flush=True)
while True:
    for i in range(96):
        os.pwrite(file.fileno(), some, i << 20)
        os.pread(file.fileno(), 1 << 20, (i * 7 % 96) << 20)
"""


class Missing(Exception):
    pass


def make(most=LIMIT, hard=False):
    """A group of little memory, of either version of control groups; hard: whoever wants
    more is killed."""
    second = "memory.max" if hard else "memory.high"
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", second)):
        with contextlib.suppress(OSError):
            group = tempfile.mkdtemp(prefix="hwckpt-test-", dir=root)
            try:
                with open(os.path.join(group, limit), "r+") as file:
                    file.write(str(most))
                return group
            except OSError:
                os.rmdir(group)
    raise Missing("no control group of little memory can be made")


@contextlib.contextmanager
def short():
    if not os.access("/proc/pressure/memory", os.W_OK):
        raise Missing("the kernel tells of no pressure")
    group = make()
    hog = None
    try:
        hog = subprocess.Popen(
            [sys.executable, "-c", HOG, os.path.join(group, "cgroup.procs")], stdout=subprocess.PIPE
        )
        if hog.stdout.readline() != b"goes\n":
            raise Missing("nothing can run in a control group of little memory")
        yield
    finally:
        if hog:
            hog.kill()
            hog.communicate()
        os.rmdir(group)


if __name__ == "__main__":
    try:
        with short():
            sys.exit(subprocess.run(sys.argv[1:]).returncode)
    except Missing as why:
        print(f"SKIP: {why}")
        sys.exit(77)
