"""examples.py BIN FOLDER - runs the commands in the head of each example, in a
folder of its own; the last checkpoint must be for the event of its name."""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

bin_folder, folder = sys.argv[1:]
# What `hwckpt show` says where the event has another name than the example.
EVENTS = {
    "auto": "timer", "every": "timer", "cpu": "timer", "exit": "signal", "xcpu": "signal", "spacing": "signal",
    "fileio": "file-io", "before-send": "send", "watch-variable": "watch", "watch-heap": "watch",
    "rollback": "save", "request": "api",
}  # fmt: skip
# Not on each machine: no pressure stall information, no perf events.
MISSING = re.compile(r"HWCKPT-E25[12]")


def run(name):
    source = os.path.join(folder, name + ".c")
    with open(source) as file:
        head = file.read().split("*/")[0]
    command = re.findall(r"^ \*   (.*)$", head, re.M)
    assert command, f"{source}: no command in its head"
    # Names are the machine's: another run of this test waits for its own program.
    command = [re.sub(r"\bjob\b", f"job{os.getpid()}", line) for line in command]
    own = tempfile.mkdtemp(prefix=name, dir=os.environ["TMPDIR"])
    shutil.copy(source, own)
    environment = dict(
        os.environ, PATH=f"{bin_folder}:{os.environ['PATH']}", HWCKPT_CACHE=os.path.join(own, "cache")
    )
    try:
        done = subprocess.run(
            ["bash", "-ec", "\n".join(command)], cwd=own, env=environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode == 125 and MISSING.search(done.stderr):
            return f"{name}: not on this machine: {done.stderr.splitlines()[0]}"
        assert done.returncode == 0, f"{name}: {done}"
        shown = subprocess.run(["hwckpt", "show"], env=environment, capture_output=True, text=True, check=True)
        event = re.search(r"^event +(\S+)", shown.stdout, re.M)[1].rstrip(",")
        assert event == EVENTS.get(name, name), f"{name}: the event is {event}"
        return f"{name}: {done.stdout.splitlines()[-1] if done.stdout else ''}"
    finally:
        shutil.rmtree(own)


names = sorted(name[:-2] for name in os.listdir(folder) if name.endswith(".c"))
assert len(names) >= 20, names
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for told in pool.map(run, names):
        print(told)
