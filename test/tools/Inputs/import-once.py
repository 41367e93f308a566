"""import-once.py HWCKPT PROGRAM TREE KILL FOLDER - see ../import-once.test."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys

HWCKPT, PROGRAM, TREE, KILL, FOLDER = sys.argv[1:]
AT_ONCE = 4
os.chdir(FOLDER)


def command(*arguments, cache="imported"):
    name, *rest = arguments
    return [HWCKPT, name, "--cache", cache, *rest]


def hwckpt(*arguments, **how):
    done = subprocess.run(
        command(*arguments, **how), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.returncode, done.stdout


def generations():
    """How many there are; all of them are whole."""
    status, said = hwckpt("list", "--json")
    if status:
        assert "HWCKPT-E101" in said, said
        return 0
    found = [len(each["generations"]) for each in json.loads(said)["applications"]]
    status, said = hwckpt("verify")
    assert status == 0, said
    return sum(found)


def killed_anywhere(file, name):
    """At each of its calls that change files: nothing of it is there, or all; and an
    import after that does what it does without."""
    seen = set()
    for number in itertools.count(1):
        shutil.rmtree("imported", ignore_errors=True)
        killed = subprocess.run(
            [KILL, str(number), *command("import", file)], stdout=subprocess.PIPE, text=True
        )
        assert killed.returncode in (0, 3), killed
        there = generations()
        seen.add(there)
        status, said = hwckpt("import", file)
        if there:
            assert status == 125 and "HWCKPT-E117" in said, (killed, said)
        else:
            assert status == 0, (killed, said)
        assert generations() == 1, killed
        if killed.returncode == 3:
            break
    assert seen == {0, 1}, seen
    status, said = hwckpt("restore", name)
    assert status == 0, said
    shutil.rmtree("imported")


def at_once(files):
    """One of them gets the name."""
    imports = [
        subprocess.Popen(
            command("import", "--name", "one", files[i % len(files)]),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(AT_ONCE)
    ]
    said = [each.communicate()[0] for each in imports]
    assert sorted(each.returncode for each in imports) == [0] + (AT_ONCE - 1) * [125], said
    for each, text in zip(imports, said):
        assert not each.returncode or "HWCKPT-E117" in text or "HWCKPT-E311" in text, text
    assert generations() == 1
    shutil.rmtree("imported")


def into_what_runs(file):
    """A program of that name has begun, and has no checkpoint yet."""
    program = subprocess.Popen(
        command("run", "--name", "busy", "--", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    program.stdin.write(b"runs\n")
    program.stdin.flush()
    assert program.stdout.readline() == b"runs\n"
    status, said = hwckpt("import", "--name", "busy", file)
    assert status == 125 and "HWCKPT-E311: application is still running: busy: " in said, said
    assert generations() == 0
    program.stdin.close()
    assert program.wait() == 0
    assert hwckpt("import", "--name", "busy", file)[0] == 0
    shutil.rmtree("imported")


for name, program in (("program", PROGRAM), ("tree", TREE)):
    assert hwckpt("run", "--name", name, "--", program, cache="cache")[0] == -signal.SIGKILL
    assert hwckpt("export", name, name + ".hwx", cache="cache")[0] == 0
    killed_anywhere(name + ".hwx", name)
at_once(["program.hwx", "tree.hwx"])
into_what_runs("program.hwx")
