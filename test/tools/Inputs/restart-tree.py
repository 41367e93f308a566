"""restart-tree.py HWCKPT PROG - PROG (restart-tree.c) under run --restart."""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../restore/Inputs"))
from trial import LIMIT, Hwckpt, codes, descendants, eventually


def stat(pid):
    """What stands behind the name."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def runs(pid, began):
    """Its number may be another's by now."""
    now = stat(pid)
    return now is not None and now[0] not in "ZX" and now[19] == began


def numbers_inside(pids):
    """Those that are there, by their ids as the program sees them, perhaps in a
    pid namespace."""
    found = {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status") as file:
                found[int(re.search(r"^NSpid:.*?(\d+)$", file.read(), re.M).group(1))] = pid
        except OSError:
            pass
    return found


def of_program(said):
    """Who comes and goes may hide others for a moment."""
    found = numbers_inside(descendants(tool.pid))
    return found if {said[1], said[3]} <= found.keys() else None


def parent(pid):
    return int(stat(pid)[1])


tool = Hwckpt(sys.argv[1]).run("--restart", "--name", "several", "--", sys.argv[2])
gone = []
for life in range(3):
    said = [int(word) for word in tool.process.stdout.readline().split()]
    assert said[0] == life, said
    assert not any(runs(*process) for process in gone), (life, gone)
    outside = eventually(lambda: of_program(said), "its processes")
    root, after = outside[said[1]], outside[said[3]]
    gone.append((after, stat(after)[19]))
    if life == 0:
        os.kill(root, signal.SIGKILL)
    elif life == 1:
        inner = root
        while parent(inner) != tool.pid:
            inner = parent(inner)
        assert inner != root
        os.kill(inner, signal.SIGKILL)
    else:
        os.kill(root, signal.SIGUSR2)
assert tool.process.wait(LIMIT) == 0
assert runs(*gone[-1])
os.kill(after, signal.SIGKILL)  # which has what the program wrote to
tool.wait()
assert not codes(tool.err), tool.err
