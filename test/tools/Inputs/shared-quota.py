"""shared-quota.py HWCKPT WORKER FOLDER - programs that write all the time share a
cache_quota by their weights: each stays within its share, who has more weight has
more generations, and after a kill of all none has lost or repeated output. 6 programs;
in the stress tier 50, for two minutes; or HWCKPT_SHARES=PROGRAMS,SECONDS."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time

hwckpt, worker, folder = sys.argv[1:]
stress = os.environ.get("HWCKPT_STRESS") == "1"
programs, seconds = map(int, os.environ.get("HWCKPT_SHARES", "50,120" if stress else "6,3").split(","))
cache = os.environ["HWCKPT_CACHE"]
MIB = 1 << 20
SHARE = 24 * MIB  # of weight 1; a generation takes 5
# What is being written counts when it is there: a generation, and what is reserved on
# flash for it, 8 MiB in all, with its index.
BESIDE = 9 * MIB
weights = {f"share{n}": (4 if n == 0 else 2 if n == 1 else 1) for n in range(programs)}
quota = SHARE * sum(weights.values())
shutil.rmtree(folder, ignore_errors=True)
os.mkdir(folder)
said = open(os.path.join(folder, "said"), "w+")
listed = os.path.join(folder, "programs")
with open(listed, "w") as file:
    for name, weight in weights.items():
        file.write(f"--name {name} -o weight={weight} -- '{worker}' {name} '{folder}'\n")


def start():
    options = f"keep=1000:base_every=2:level=0:cache_quota={quota}"
    return subprocess.Popen(
        [hwckpt, "run", "--restart", "--every", "50ms", "-o", options, "--each", listed],
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
    )


def look_at(name):
    """Files, each with the bytes it takes."""
    found = {}
    for place, _, files in os.walk(os.path.join(cache, name)):
        for file in files:
            try:
                found[file] = os.stat(os.path.join(place, file)).st_blocks * 512
            except FileNotFoundError:
                pass
    return found


def files_of(name):
    """As they are at one time: from one look to the next none has changed. A single look
    would count what goes from one segment while it is given back, and what comes to another."""
    found = look_at(name)
    while (again := look_at(name)) != found:
        found = again
    return found


def used(name):
    return sum(files_of(name).values())


def generations():
    done = subprocess.run([hwckpt, "list", "--json"], capture_output=True, text=True)
    found = json.loads(done.stdout)["applications"] if done.returncode == 0 else []
    return {one["name"]: [g["number"] for g in one["generations"]] for one in found}


def failure(text):
    said.flush()
    return f"{text}\n{open(said.name).read()[-3000:]}"


def await_all(supervisor, enough, what):
    end = time.monotonic() + 200
    while True:
        found = generations()
        if all(enough(name, found.get(name, [])) for name in weights):
            return found
        sizes = {name: used(name) // MIB for name in weights}
        assert supervisor.poll() is None and time.monotonic() < end, failure(f"{what}: {found}, {sizes}")
        time.sleep(0.1)


most = dict.fromkeys(weights, 0)


def fits(name):
    return used(name) <= SHARE * weights[name]


def look_for(seconds, supervisor):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert supervisor.poll() is None, failure("ended")
        for name, weight in weights.items():
            files = files_of(name)
            most[name] = max(most[name], sum(files.values()))
            assert most[name] <= SHARE * weight + BESIDE, failure(f"{name} of weight {weight} takes {files}")
        time.sleep(0.02)


def end_it():
    open(os.path.join(folder, "stop"), "w").close()
    supervisor.kill()  # all others with it
    supervisor.wait()


# Each has given back some: its first generation is gone, and what the first of them
# had of the others' shares before those were there.
supervisor = start()
atexit.register(end_it)
found = await_all(supervisor, lambda name, numbers: numbers and numbers[0] > 1 and fits(name), "nothing is given back")
look_for(seconds, supervisor)
supervisor.send_signal(signal.SIGKILL)
supervisor.wait()
supervisor = start()
before = found
# What was committed while somebody read, a restore or the list, is given back with the next.
await_all(
    supervisor,
    lambda name, numbers: numbers and numbers[-1] > before[name][-1] + 3 and fits(name),
    "they do not go on",
)
look_for(seconds / 2, supervisor)
found = generations()
open(os.path.join(folder, "stop"), "w").close()
assert supervisor.wait(200) == 0, failure("end")

# By their weights.
kept = {weight: [len(found[name]) for name in weights if weights[name] == weight] for weight in (1, 2, 4)}
assert min(kept[4]) > max(kept[2]) > 0 and min(kept[2]) > max(kept[1]) > 0, kept
lines = 0
for name in weights:
    log = os.path.join(folder, f"{name}.log")
    with open(log) as file:
        got = file.read()
    count = got.count("\n")
    subprocess.run([worker, name, folder, str(count)], check=True)
    with open(log) as file:
        assert got == file.read(), f"{name} is not what it was to be, {count} lines"
    lines += count
subprocess.run([hwckpt, "verify"], check=True, stdout=subprocess.DEVNULL)
part = {weight: max(most[n] for n in weights if weights[n] == weight) / MIB for weight in (1, 2, 4)}
numbers = sum(numbers[-1] for numbers in found.values())
print(f"{programs} programs, {numbers} generations, of {quota // MIB} MiB most in use by weight: "
      + ", ".join(f"{weight}: {mib:.1f} of {SHARE * weight / MIB:.0f} MiB" for weight, mib in part.items())
      + f"; kept {kept[4]}, {kept[2]}, {min(kept[1])} to {max(kept[1])}; {lines} lines")  # fmt: skip
