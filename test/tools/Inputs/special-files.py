"""special-files.py HWCKPT PROGRAM TIER - see ../special-files.test."""

import os
import shutil
import socket
import subprocess
import sys

hwckpt, program, tier = sys.argv[1:]
cache = os.environ["HWCKPT_CACHE"]
# No command takes a second; one that hangs does so for ever.
LONGEST = 60


def run(*arguments):
    done = subprocess.run(
        [hwckpt, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert done.returncode in (0, 1, 3, 7, 125, -9), (arguments, done)
    return done.stdout + done.stderr


def put_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        os.chdir(os.path.dirname(path))
        one.bind(os.path.basename(path))
        os.chdir("/")
    os.chmod(path, 0o600)


KINDS = (lambda path: os.mkfifo(path, 0o600), put_socket, lambda path: os.mkdir(path, 0o700))

run("run", "--restart=on-failure:1", "--name", "a", program, "2")
run("flush", "a/1", tier)
run("flush", "a", tier)
assert os.path.exists(f"{cache}/a/history"), os.listdir(f"{cache}/a")
shutil.copytree(cache, cache + ".good")
shutil.copytree(tier, tier + ".good")
names = sorted(os.listdir(f"{cache}/a")) + ["history.new", "key", "turn", "weight"]
paths = [f"{cache}/a/{name}" for name in names] + [f"{cache}/hwckpt-cache"]
for path in paths + [f"{tier}/a/{name}" for name in os.listdir(f"{tier}/a")]:
    for put in KINDS:
        if os.path.lexists(path):
            os.unlink(path)
        put(path)
        commands = [["list"], ["show", "a"], ["verify"], ["merge", "a"], ["flush", "a", tier]]
        if path.endswith("/history"):
            commands.append(["run", "--restart=on-failure:1", "--name", "a", program, "1"])
        if path.startswith(tier):
            commands = [["restore", "--cache", cache + ".new", "--from", tier, "a"]]
            commands.append(["flush", "a", tier])
        for command in commands:
            run(*command)
        for place in (cache, tier):
            shutil.rmtree(place)
            shutil.copytree(place + ".good", place)
        shutil.rmtree(cache + ".new", ignore_errors=True)

shutil.rmtree(tier)
shutil.rmtree(tier + ".good")

# A history that somebody else could write is none, as any such file.
assert " began" in run("list")
os.chmod(f"{cache}/a/history", 0o666)
assert " began" not in run("list")
