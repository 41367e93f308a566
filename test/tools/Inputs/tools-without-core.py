"""tools-without-core.py HWCKPT PROGRAM FOLDER - of no process of hwckpt that has
the key, or what an object storage takes in its environment, may there be a core,
of the one that is the first of a pid namespace neither; of the program there
may, which has its environment as it is, and of all of them without secrets."""

import os
import signal
import subprocess
import sys
import time

from dumpable import LESS, dumpable

hwckpt, program, folder = sys.argv[1:4]
NAME = os.path.basename(program)[:15]
cache, key = folder + "/cache.core", folder + "/key.core"
with open(key, "wb") as file:
    os.fchmod(file.fileno(), 0o600)
    file.write(os.urandom(32))


def name_of(pid):
    return open("/proc/%d/comm" % pid).read().strip()


def environment_of(pid):
    with open("/proc/%d/environ" % pid) as file:
        return file.read().split("\0")


def descendants(pid):
    found = [pid]
    for task in os.listdir("/proc/%d/task" % pid):
        for child in open("/proc/%d/task/%s/children" % (pid, task)).read().split():
            found += descendants(int(child))
    return found


def parent_of(pid):
    return int(open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()[1])


def chain(pid):
    """The tool and the program, and what is between: without the process that
    tells what the job is sent, which may come, and get its name, at any time."""
    (last,) = [child for child in descendants(pid) if name_of(child) == NAME]
    found = [last]
    while found[0] != pid:
        found.insert(0, parent_of(found[0]))
    return found


def look(arguments, tools, environment, secrets):
    """At all of them, once the program runs."""
    command = [*LESS, hwckpt, *arguments]
    variables = {**os.environ, **environment}
    tool = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables)
    try:
        assert tool.stdout.readline() == "saved\n"
        for pid in descendants(tool.pid):
            assert name_of(pid) != "hwckpt-group" or dumpable(pid) != secrets, arguments
        seen = [(name_of(pid), dumpable(pid)) for pid in chain(tool.pid)]
        wanted = [(name, not secrets) for name in ("hwckpt", "hwckpt-init")[:tools]]
        wanted.append((NAME, True))
        assert seen == wanted, (arguments, seen)
        for name, value in environment.items():
            entry = f"{name}={value}"
            assert entry in environment_of(chain(tool.pid)[-1]), (arguments, entry)
    finally:
        os.kill(chain(tool.pid)[-1], signal.SIGKILL)
        tool.wait()


for name, rest, more in (
    ("plain", [], {"AWS_ACCESS_KEY_ID": "id"}),
    ("sealed", ["--key-file", key], {}),
    ("secret", [], {"AWS_SECRET_ACCESS_KEY": "secret"}),
    ("token", [], {"AWS_SESSION_TOKEN": "token"}),
):
    common = ["--cache", cache, *rest]
    secrets = name != "plain"
    look(["run", *common, "--name", name, "--", program], 1, more, secrets)
    look(["restore", *common, "--pid=any", name], 1, more, secrets)
    if os.geteuid():  # root without capabilities is refused one
        look(["restore", *common, "--pid=namespace", name], 2, more, secrets)
