"""peers.py - the ways to run a workload with checkpoints: none, hwckpt, and CRIU
and DMTCP where they are there and work.

Each starts the workload, has checkpoints taken at an interval, and tells of each
when it was taken and how many bytes it holds."""

import json
import os
import shutil
import subprocess
import time

from .machine import Unusable, run
from .workload import compiled

# Seconds in which memory is filled, or two checkpoints are taken, or few come at all; and of memory
# as many MiB take one more.
PATIENCE = 60
PATIENCE_MIB = 64


def patience(shape):
    return PATIENCE + shape.rss_mib / PATIENCE_MIB


class Checkpoint:
    """One that was taken: when (CLOCK_REALTIME, ns), its size, and what else the
    tool itself says of it."""

    def __init__(self, when, size, raw_size=None, own=None):
        self.when = when
        self.size = size
        self.raw_size = raw_size
        self.own = own or {}


def size_of(folder):
    return sum(
        os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names
    )


class Nothing:
    """No checkpoints; with sites or without."""

    name = "none"
    restores = False

    def __init__(self, build, folder):
        self.build = build
        self.folder = folder
        self.program = compiled(build, sites=True)

    def start(self, shape, log, interval):
        return subprocess.Popen([self.program, *shape.options(), "--log", log.path], stdout=subprocess.DEVNULL)

    def attend(self, seconds, interval, pid):
        """While the workload runs."""
        time.sleep(seconds)

    def checkpoints(self):
        return []

    def said(self):
        """What the tool said last, to be told when something went wrong."""
        path = os.path.join(self.folder, "messages")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as file:
            return "\n" + file.read()[-2000:]

    @staticmethod
    def spans(moments, begin, end):
        """To each checkpoint the span of time in which its pause is: theirs were
        noted while the program stood still, so up to half way to the next."""
        edges = [begin, *((a + b) // 2 for a, b in zip(moments, moments[1:])), end]
        return list(zip(edges, edges[1:]))


class Hwckpt(Nothing):
    name = "hwckpt"
    restores = True

    def __init__(self, build, folder, options=""):
        super().__init__(build, folder)
        self.cache = os.path.join(folder, "cache")
        self.options = options

    def environment(self):
        return dict(os.environ, HWCKPT_CACHE=self.cache, HWCKPT_OPTIONS=self.options)

    def start(self, shape, log, interval):
        shutil.rmtree(self.cache, ignore_errors=True)
        self.patience = patience(shape)
        # The log is ours: a restore must not take back what we write into it.
        return subprocess.Popen(
            [self.build.hwckpt, "run", "--every", f"{round(interval * 1000)}ms", "-o", "mapped=1",
             "--", self.program, *shape.options(), "--log", log.path],
            stdout=subprocess.DEVNULL, stderr=self.messages(), env=self.environment(),
        )  # fmt: skip

    def messages(self):
        """A file for what the tool says: that the program was killed is no news."""
        return open(os.path.join(self.folder, "messages"), "ab")

    def show(self, command, *words):
        # In a session of its own the kernel gives it a share of its own (sched(7), autogroup): a
        # workload of many threads leaves others of its session little.
        words = [self.build.hwckpt, command, "--json", "--cache", self.cache, *words]
        return json.loads(run(words, start_new_session=True))

    def generations(self):
        """All that can be read now, oldest first."""
        applications = self.show("list")["applications"]
        return [(a["name"], g) for a in applications for g in a["generations"] if not g["damage"]]

    def attend(self, seconds, interval, pid):
        """The time counts from when the first, of everything, is on disk and
        one was taken after it; that is waited for no longer than patience()."""
        begin, end = time.time_ns(), time.monotonic() + self.patience
        while sum(g["committed_ns"] > begin for _, g in self.generations()) < 2:
            if time.monotonic() > end:
                return
            time.sleep(0.1)
        time.sleep(seconds)

    def checkpoints(self):
        found = []
        for name, generation in self.generations():
            shown = self.show("show", f"{name}/{generation['number']}")
            own = {"kind": shown["kind"], "pages": shown["pages"], **shown["statistics"]}
            found.append(
                Checkpoint(shown["process"]["realtime_ns"], shown["bytes"], shown["raw_bytes"], own)
            )
        return found


class Triggered(Nothing):
    """A tool that is told each time."""

    restores = True

    def __init__(self, build, folder):
        super().__init__(build, folder)
        self.program = compiled(build, sites=False)
        self.taken = []

    def attend(self, seconds, interval, pid):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            image = os.path.join(self.folder, f"image-{len(self.taken) % 2}")
            shutil.rmtree(image, ignore_errors=True)
            os.makedirs(image)
            when = time.time_ns()
            self.take(image, pid)
            self.taken.append(Checkpoint(when, size_of(image)))
            time.sleep(max(0.0, begin + interval - time.monotonic()))

    def checkpoints(self):
        return self.taken

    @staticmethod
    def spans(moments, begin, end):
        """Theirs were noted before the tool was called."""
        return list(zip(moments, [*moments[1:], end]))


class Criu(Triggered):
    name = "criu"

    @staticmethod
    def reason():
        """Why it cannot be used here, or None."""
        if not shutil.which("criu"):
            return "criu is not on PATH"
        done = subprocess.run(["criu", "check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            said = done.stdout.strip().splitlines()
            return f"`criu check` fails: {said[-1] if said else done.returncode}"
        return None

    def start(self, shape, log, interval):
        return subprocess.Popen(
            [self.program, *shape.options(), "--log", log.path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    def take(self, image, pid):
        run(["criu", "dump", "-t", str(pid), "-D", image, "--leave-running", "-o", "log"])

    def restore(self, log):
        image = os.path.join(self.folder, f"image-{(len(self.taken) - 1) % 2}")
        return subprocess.Popen(["criu", "restore", "-D", image, "-o", "restore-log"])


class Dmtcp(Triggered):
    name = "dmtcp"

    @staticmethod
    def reason():
        for tool in ("dmtcp_launch", "dmtcp_command", "dmtcp_restart"):
            if not shutil.which(tool):
                return f"{tool} is not on PATH"
        done = subprocess.run(
            ["dmtcp_launch", "--new-coordinator", "--port", "0", "true"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return f"`dmtcp_launch true` fails: {done.stderr.strip()[-200:]}" if done.returncode else None

    def port_file(self):
        return os.path.join(self.folder, "port")

    def port(self):
        with open(self.port_file()) as file:
            return file.read().strip()

    def start(self, shape, log, interval):
        self.images = os.path.join(self.folder, "dmtcp")
        return subprocess.Popen(
            ["dmtcp_launch", "--new-coordinator", "--port", "0", "--port-file", self.port_file(),
             "--no-gzip", "--ckptdir", self.images, self.program, *shape.options(), "--log", log.path],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def take(self, image, pid):
        run(["dmtcp_command", "--port", self.port(), "--bcheckpoint"])
        for name in os.listdir(self.images):
            if name.endswith(".dmtcp"):
                os.link(os.path.join(self.images, name), os.path.join(image, name))

    def restore(self, log):
        images = [os.path.join(self.images, n) for n in os.listdir(self.images) if n.endswith(".dmtcp")]
        return subprocess.Popen(["dmtcp_restart", "--new-coordinator", "--port", "0", *images],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


def peers(required):
    """The other tools that work here; says why others do not."""
    found = []
    for peer in (Criu, Dmtcp):
        reason = peer.reason()
        if reason is None:
            found.append(peer)
        elif required:
            raise Unusable(f"--peers: {reason}")
        else:
            print(f"{peer.name} is left out: {reason}")
    return found
