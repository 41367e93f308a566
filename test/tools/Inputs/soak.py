"""soak.py HWCKPT WORKER FOLDER - many programs under one cache and one supervisor,
while programs, supervisors and merges are killed at random; each goes on and its
output is whole at the end. Seconds, programs: 10 and 8; 600 and 50 in the stress
tier; or HWCKPT_SOAK=SECONDS,PROGRAMS."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

hwckpt, worker, folder = sys.argv[1:]
stress = os.environ.get("HWCKPT_STRESS") == "1"
seconds, programs = map(int, os.environ.get("HWCKPT_SOAK", "600,50" if stress else "10,8").split(","))
chance = random.Random(1)
names = [f"soak{n}" for n in range(programs)]
shutil.rmtree(folder, ignore_errors=True)
os.mkdir(folder)
said = open(os.path.join(folder, "said"), "w")
listed = os.path.join(folder, "programs")
with open(listed, "w") as file:
    file.write("# one program a line\n\n")
    for name in names:
        file.write(f"--name {name} -- '{worker}' {name} \"{folder}\" # it counts\n")


def start():
    return subprocess.Popen(
        [hwckpt, "run", "--restart=on-failure:1000", "--every", "200ms", "-o", "keep=1:cache_quota=4G", "--each", listed],
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,
    )


def pids():
    """Of the workers; of one, hwckpt's command lines have its name too."""
    found = subprocess.run(["pgrep", "-f", f"^{worker} "], capture_output=True, text=True).stdout
    return [int(pid) for pid in found.split()]


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return 1
    except ProcessLookupError:
        return 0


def checked_end(supervisor):
    assert supervisor.poll() is None, open(said.name).read()[-3000:]


supervisor = start()
end = time.monotonic() + seconds
killed = {"program": 0, "supervisor": 0, "merge": 0}
merges = []
# All have a checkpoint before the first is killed.
for name in names:
    while subprocess.run([hwckpt, "show", name], capture_output=True).returncode:
        checked_end(supervisor)
        time.sleep(0.05)
while time.monotonic() < end:
    what = chance.random()
    checked_end(supervisor)
    if what < 0.75:
        running = pids()
        killed["program"] += kill(chance.choice(running)) if running else 0
    elif what < 0.95:
        merge = subprocess.Popen([hwckpt, "merge", chance.choice(names)], stdout=said, stderr=said)
        time.sleep(chance.random() * 0.05)
        killed["merge"] += kill(merge.pid)
        merge.wait()
    else:
        killed["supervisor"] += kill(supervisor.pid)
        supervisor.wait()
        deadline = time.monotonic() + 60
        while pids():
            assert time.monotonic() < deadline, "workers outlive their supervisor"
            time.sleep(0.01)
        supervisor = start()
    time.sleep(chance.random() * 2 / programs + 0.05)
open(os.path.join(folder, "stop"), "w").close()
assert supervisor.wait(250) == 0, open(said.name).read()[-3000:]
assert killed["program"] > 3, killed

# Nothing twice, nothing left out, nothing of another's.
lines = 0
for name in names:
    with open(os.path.join(folder, f"{name}.log")) as file:
        got = file.read()
    count = got.count("\n")
    subprocess.run([worker, name, folder, str(count)], check=True)
    with open(os.path.join(folder, f"{name}.log")) as file:
        assert got == file.read(), f"{name} is not what it was to be, {count} lines"
    lines += count
subprocess.run([hwckpt, "verify"], check=True, stdout=subprocess.DEVNULL)
print(f"{programs} programs, {seconds} s, killed: {killed}, {lines} lines")
