"""trial.py - running, killing and restoring real programs.

Every wait ends when what it waits for is seen; nothing sleeps for a guessed
time. Times out after LIMIT seconds, and ends what it started by its id.
"""

import atexit
import hashlib
import json
import os
import re
import signal
import subprocess
import time

LIMIT = 40
POLL = 0.005
KILLED = -signal.SIGKILL

started = []


def eventually(condition, what, limit=LIMIT):
    """Polls until the condition holds; its value."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(POLL)


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def first_of_namespace(pid):
    """Whether it is the init of a pid namespace that is not ours."""
    try:
        with open(f"/proc/{pid}/status") as file:
            ids = re.search(r"^NSpid:(.*)$", file.read(), re.M).group(1).split()
        return len(ids) > 1 and ids[-1] == "1"
    except OSError:
        return False


def snapshot(*folders):
    """Every file below: its content's hash, its mode and time."""
    found = {}
    for folder in folders:
        paths = [folder]
        for where, names, files in os.walk(folder):
            paths += [os.path.join(where, name) for name in names + files]
        for path in paths:
            facts = os.lstat(path)
            content = b""
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[path] = (
                hashlib.sha256(content).hexdigest(),
                facts.st_mode,
                facts.st_uid,
                facts.st_size,
                facts.st_mtime_ns if os.path.isfile(path) else 0,
            )
    return found


def clean_up():
    for tool in started:
        if tool.process.poll() is None:
            tool.end()


atexit.register(clean_up)


class Tool:
    """`hwckpt COMMAND ...` that runs, and the program under it."""

    def __init__(self, command, prefix=(), **how):
        how.setdefault("stdin", subprocess.DEVNULL)
        how.setdefault("stdout", subprocess.PIPE)
        how.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen([*prefix, *command], **how)
        self.pid = self.process.pid
        self.out = self.err = ""
        started.append(self)

    def program(self):
        """The program's id: the tool's child, or in a namespace of its own the
        child of the init there."""

        def find():
            found = children(self.pid)
            if found and first_of_namespace(found[0]):
                found = children(found[0])
            return found

        return eventually(find, "the program")[0]

    def wait(self, limit=LIMIT):
        """Reads all it says and returns its status."""
        try:
            out, err = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"not ended in time: {self.process.args}")
        self.out = (out or b"").decode(errors="replace")
        self.err = (err or b"").decode(errors="replace")
        return self.process.returncode

    def kill(self):
        """Kills the program, not the tool; the status."""
        os.kill(self.program(), signal.SIGKILL)
        return self.wait()

    def end(self):
        for pid in descendants(self.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.process.kill()
        self.process.communicate()


class Hwckpt:
    def __init__(self, path, cache=None, prefix=()):
        self.path = path
        self.cache = cache or os.environ["HWCKPT_CACHE"]
        self.prefix = list(prefix)

    def start(self, command, *arguments, **how):
        words = [self.path, command, "--cache", self.cache, *arguments]
        return Tool(words, self.prefix, **how)

    def run(self, *arguments, **how):
        return self.start("run", *arguments, **how)

    def restore(self, *arguments, **how):
        return self.start("restore", *arguments, **how)

    def ask(self, command, *arguments):
        run = subprocess.run(
            [*self.prefix, self.path, command, "--cache", self.cache, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
        )
        return run

    def applications(self):
        run = self.ask("list", "--json")
        return json.loads(run.stdout)["applications"] if run.returncode == 0 else []

    def generations(self, application=None):
        """Of all applications, or of one."""
        return [
            generation
            for found in self.applications()
            if application in (None, found["name"])
            for generation in found["generations"]
        ]

    def newest(self, application=None):
        """Number of the newest generation; 0: there is none."""
        generations = self.generations(application)
        return max((generation["number"] for generation in generations), default=0)

    def wait_for(self, number, tool, application=None):
        """Until the newest generation is at least `number`, or the tool ended."""
        eventually(
            lambda: self.newest(application) >= number
            or tool.process.poll() is not None,
            f"generation {number}",
        )
        assert tool.process.poll() is None, f"ended early: {tool.wait()}\n{tool.err}"

    def show(self, *arguments):
        return json.loads(self.ask("show", "--json", *arguments).stdout)

    def files(self):
        """Paths of the generations, oldest first."""
        found = []
        for where, _, names in os.walk(self.cache):
            found += [
                os.path.join(where, name) for name in names if name.endswith(".ckpt")
            ]
        return sorted(found, key=os.path.basename)


def codes(text):
    """The codes of all errors said, warnings apart."""
    return [
        int(number)
        for line in text.splitlines()
        for number in re.findall(r"HWCKPT-E(\d+)", line)
        if "warning:" not in line
    ]


def refused(hwckpt, wanted, *arguments, untouched=(), counted=False):
    """`hwckpt restore` says one error, of the wanted codes, and ends with 125;
    nothing on disk changes. Counted: but for the count of restores, because it
    is found by the restorer only. The tool that ended."""
    before = snapshot(hwckpt.cache, *untouched)
    tool = hwckpt.restore(*arguments)
    status = tool.wait()
    print(tool.err, end="", flush=True)
    said = codes(tool.err)
    assert status == 125, (status, tool.out, tool.err)
    assert len(said) == 1 and said[0] in wanted, (wanted, tool.err)
    assert "  remedy: " in tool.err, tool.err
    assert tool.out == "", tool.out
    after = snapshot(hwckpt.cache, *untouched)
    changed = [
        path
        for path in {**before, **after}
        if before.get(path) != after.get(path)
        and not (counted and path.endswith(".restores"))
    ]
    assert not changed, f"changed on disk: {changed}"
    return tool


class Steps:
    """steps.c in a folder of its own, killed after its fourth step: generation
    2 is of the third."""

    def __init__(self, hwckpt, program, folder):
        os.makedirs(folder)
        self.hwckpt = hwckpt
        self.program = program
        self.folder = folder
        self.output = os.path.join(folder, "output")
        undisturbed = subprocess.run([program, self.output, "undisturbed"])
        assert undisturbed.returncode == 7, undisturbed
        self.wanted = self.written()
        tool = hwckpt.run("--", program, self.output, cwd=folder)
        assert tool.wait() == KILLED, tool.err
        self.left = self.written()
        assert hwckpt.newest() == 2 and len(self.left.splitlines()) == 4

    def written(self):
        with open(self.output) as file:
            return file.read()

    def put_back(self):
        """The output as the program left it when it was killed."""
        with open(self.output, "w") as file:
            file.write(self.left)

    def finishes(self, *arguments):
        """A restore goes on and ends as if nothing had been."""
        tool = self.hwckpt.restore(*arguments)
        status = tool.wait()
        assert status == 7, (status, tool.err)
        assert not codes(tool.err), tool.err
        assert self.written() == self.wanted, self.written()
        self.put_back()
