"""goes-on-merging.py HWCKPT WORKER FOLDER eager|lazy|tree - restores WORKER, and waits
until a generation of after the restore is a base, and all before it are gone."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

hwckpt, worker, folder, how = sys.argv[1:]
shutil.rmtree(folder, ignore_errors=True)
os.mkdir(folder)
command = [worker, how, folder]
if how == "tree":
    command = ["sh", "-c", f"'{worker}' other '{folder}' & exec '{worker}' tree '{folder}'"]


def numbers():
    done = subprocess.run([hwckpt, "list", "--json", how], capture_output=True, text=True)
    if done.returncode:
        return []
    return [(g["number"], g["kind"]) for a in json.loads(done.stdout)["applications"] for g in a["generations"]]


def await_numbers(process, what):
    end = time.monotonic() + 100
    while not what(numbers()):
        assert process.poll() is None and time.monotonic() < end, (how, process.poll(), numbers())
        time.sleep(0.05)


process = subprocess.Popen(
    [hwckpt, "run", "--name", how, "--every", "30ms", "-o", "keep=1", "--", *command],
    stdin=subprocess.DEVNULL,
    start_new_session=True,
)
await_numbers(process, lambda found: found and found[-1][0] >= 5)
os.killpg(process.pid, signal.SIGKILL)
process.wait()
last = numbers()[-1][0]
words = [] if how == "tree" else [f"--{how}"]
process = subprocess.Popen([hwckpt, "restore", *words, how], stdin=subprocess.DEVNULL)
await_numbers(process, lambda found: found and found[0][0] > last and found[0][1] == "base")
open(os.path.join(folder, "stop"), "w").close()
assert process.wait(100) == 0
