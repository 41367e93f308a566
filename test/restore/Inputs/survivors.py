"""survivors.py HWCKPT PROG - PROG's hwckpt is killed; its processes are ended
one after the other, and before each a restore is refused."""

import os
import re
import signal
import sys

from trial import Hwckpt, children, eventually, refused

hwckpt = Hwckpt(sys.argv[1])
tool = hwckpt.run("--", sys.argv[2])
root = tool.program()
lines = [tool.process.stdout.readline().decode().split() for _ in range(22)]
who = {name: [int(line[1]) for line in lines if line[0] == name] for name in ("old", "new", "young")}
assert len(who["young"]) == 20 and children(who["new"][0]), lines
tool.process.kill()
tool.process.wait()


def named():
    """The processes that a refused restore names, and how many more."""
    said = refused(hwckpt, {311}).err
    pids = re.search(r"as process(?:es)? ([\d, ]+)", said).group(1)
    more = re.search(r" and (\d+) more", said)
    return {int(pid) for pid in pids.split(",")}, int(more.group(1)) if more else 0


def has_ended(pid):
    """Its children have been adopted, too."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def end(pid):
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: has_ended(pid), f"{pid} ends")


everyone = {pid for pids in who.values() for pid in pids}
pids, more = named()
assert len(pids) == 16 and pids < everyone and more == 6, (pids, more)
end(who["old"][0])
for pid in who["young"][:12]:
    end(pid)
left = {who["new"][0], *who["young"][12:]}
assert named() == (left, 0), left
end(who["new"][0])
for pid in who["young"][12:-1]:
    end(pid)
assert named() == ({who["young"][-1]}, 0)
end(who["young"][-1])
restored = hwckpt.restore()
assert restored.wait() == 5, restored.err
