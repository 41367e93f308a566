"""tools-without-core.py HWCKPT PROGRAM FOLDER - of no process of hwckpt that has
the key may there be a core, of the one that is the first of a pid namespace
neither; of the program there may, and of all of them without a key."""

import os
import signal
import subprocess
import sys
import time

from dumpable import LESS, dumpable

hwckpt, program, folder = sys.argv[1:4]
cache, key = folder + "/cache.core", folder + "/key.core"
with open(key, "wb") as file:
    os.fchmod(file.fileno(), 0o600)
    file.write(os.urandom(32))


def name_of(pid):
    return open("/proc/%d/comm" % pid).read().strip()


def descendants(pid):
    found = [pid]
    for task in os.listdir("/proc/%d/task" % pid):
        for child in open("/proc/%d/task/%s/children" % (pid, task)).read().split():
            found += descendants(int(child))
    return found


def chain(pid):
    """The tool and the program, and what is between: without the process that
    tells what the job is sent, which may come at any time."""
    return [child for child in descendants(pid) if name_of(child) != "hwckpt-group"]


def look(arguments, tools, with_key):
    """At all of them, once the program runs."""
    tool = subprocess.Popen([*LESS, hwckpt, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert tool.stdout.readline() == "saved\n"
        for pid in descendants(tool.pid):
            assert name_of(pid) != "hwckpt-group" or dumpable(pid) != with_key, arguments
        seen = [(name_of(pid), dumpable(pid)) for pid in chain(tool.pid)]
        wanted = [(name, not with_key) for name in ("hwckpt", "hwckpt-init")[:tools]]
        wanted.append((os.path.basename(program)[:15], True))
        assert seen == wanted, (arguments, seen)
    finally:
        os.kill(chain(tool.pid)[-1], signal.SIGKILL)
        tool.wait()


for name, rest in (("plain", []), ("sealed", ["--key-file", key])):
    common = ["--cache", cache, *rest]
    look(["run", *common, "--name", name, "--", program], 1, bool(rest))
    look(["restore", *common, "--pid=any", name], 1, bool(rest))
    if os.geteuid():  # root without capabilities is refused one
        look(["restore", *common, "--pid=namespace", name], 2, bool(rest))
