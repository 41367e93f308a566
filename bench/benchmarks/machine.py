"""machine.py - where things are, and what machine this is."""

import contextlib
import filecmp
import os
import platform
import re
import signal
import subprocess
import tempfile

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(BENCH)


class Unusable(Exception):
    """Something that is needed is missing; the text says what, and the remedy."""


class Build:
    """A build tree, and the folder in it that is ours."""

    def __init__(self, path):
        self.path = os.path.abspath(path or os.path.join(ROOT, "build"))
        self.folder = os.path.join(self.path, "bench")
        self.clang = os.path.join(self.path, "bin", "clang")
        self.hwckpt = os.path.join(self.path, "bin", "hwckpt")
        for tool in (self.clang, self.hwckpt):
            if not os.path.exists(tool):
                raise Unusable(f"{tool} is missing; run `make build`")
        os.makedirs(self.folder, exist_ok=True)

    def tool(self, name):
        """A tool of the compiler's LLVM."""
        return run([self.clang, f"-print-prog-name={name}"]).strip()

    def program(self, name, *words):
        """Compiles a program and returns its path. What is there stays when it is the
        same: another bench/run may be running it, and a restore looks at the file."""
        path = os.path.join(self.folder, name)
        with tempfile.TemporaryDirectory(prefix="compiled-", dir=self.folder) as folder:
            made = os.path.join(folder, name)
            run([self.clang, "-O2", *words, "-o", made])
            try:
                os.link(made, path)
            except FileExistsError:
                if not filecmp.cmp(made, path, shallow=False):
                    os.replace(made, path)
        return path


def run(command, **options):
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        **options,
    )
    if done.returncode:
        words = " ".join(map(str, command[:3]))
        raise Unusable(f"`{words} ...` failed, status {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def first(path, pattern):
    try:
        with open(path) as file:
            found = re.search(pattern, file.read(), re.M)
    except OSError:
        return None
    return found and found.group(1)


def description(build):
    """What the figures were measured on."""
    return {
        "processor": first("/proc/cpuinfo", r"^model name\s*: (.*)"),
        "processors": os.cpu_count(),
        "memory_mib": int(first("/proc/meminfo", r"^MemTotal:\s*(\d+)") or 0) // 1024,
        "kernel": platform.release(),
        "huge_pages": first("/sys/kernel/mm/transparent_hugepage/enabled", r"\[(\w+)\]"),
        "compiler": run([build.clang, "--version"]).splitlines()[0],
        "commit": commit(),
    }


def commit():
    done = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    return done.stdout.strip() or None


@contextlib.contextmanager
def undisturbed():
    """A signal that ends us comes after what is in here: a process that was started
    is then known to whoever has to end it."""
    came, before = [], {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if callable(signal.getsignal(number)):
            before[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came[:1]:
            os.kill(os.getpid(), number)
