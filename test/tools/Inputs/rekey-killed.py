"""rekey-killed.py HWCKPT PROGRAM KILL FOLDER - see rekey-killed.test."""

import itertools
import os
import shutil
import signal
import subprocess
import sys

HWCKPT, PROGRAM, KILL, FOLDER = sys.argv[1:]
os.chdir(FOLDER)
KEYS = ("old", "new")
NAMES = ("one", "two")
CHANGE = ["rekey", "--key-file", "old", "--new-key-file", "new", "cache", "exported.hwx"]


def hwckpt(*arguments):
    done = subprocess.run([HWCKPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def make(name):
    options = ["--cache", "cache", "--key-file", "old", "--name", name]
    program = subprocess.Popen(
        [HWCKPT, "run", *options, "--", PROGRAM], stdout=subprocess.PIPE, start_new_session=True
    )
    assert program.stdout.readline() == b"saved\n"
    os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    assert not program.stdout.read()  # the program has ended too


def opens(key, name):
    status, said = hwckpt("verify", "--cache", "cache", "--key-file", key, name)
    assert (status == 0) == ("/1: whole" in said) and (status == 0 or "HWCKPT-E131" in said), said
    return status == 0


def imports(key):
    shutil.rmtree("imported", ignore_errors=True)
    status, said = hwckpt("import", "--cache", "imported", "--key-file", key, "exported.hwx")
    assert status == 0 or "HWCKPT-E131" in said, said
    return status == 0


def keys():
    """Which key each has; one, and only one."""
    found = []
    for can in [lambda key, name=name: opens(key, name) for name in NAMES] + [imports]:
        those = [key for key in KEYS if can(key)]
        assert len(those) == 1, those
        found += those
    return found


for key in KEYS:
    with open(key, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(os.urandom(32))
for name in NAMES:
    make(name)
status, said = hwckpt("export", "--cache", "cache", "--key-file", "old", "one", "exported.hwx")
assert status == 0, said
assert keys() == ["old"] * 3
shutil.copytree("cache", "cache.before")
shutil.copy("exported.hwx", "exported.before")
seen = set()
for number in itertools.count(1):
    killed = subprocess.run([KILL, str(number), HWCKPT, *CHANGE], stdout=subprocess.PIPE, text=True)
    assert killed.returncode in (0, 3), killed
    found = keys()
    seen.add(tuple(found))
    hwckpt(*CHANGE)
    assert keys() == ["new"] * 3, (number, killed.stdout, found)
    if killed.returncode == 3:
        break
    shutil.rmtree("cache")
    shutil.copytree("cache.before", "cache")
    shutil.copy("exported.before", "exported.hwx")
assert found == ["new"] * 3 and len(seen) == 4, seen
