"""workload.py - runs bench/workload.c and reads what it noted.

The log (see there) is on tmpfs, so that writing it waits for nobody, and outlives
the process."""

import bisect
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
import time

from .machine import BENCH, Unusable

HEAD = struct.Struct("<QQII40x")
ENTRY = struct.Struct("<QIIQ")
CAPACITY = 1 << 20
BEAT, STEP, SWEPT, FILLED, DONE, SWEEPING = range(6)
NOTHING, SWEEP, END = range(3)
PAGES_OF_A_MIB = 256


def compiled(build, sites):
    """Path of the workload with or without sites."""
    flags = ["-pthread", "-D_GNU_SOURCE", *(["-fhwckpt"] if sites else [])]
    source = os.path.join(BENCH, "workload.c")
    return build.program("workload" if sites else "workload-plain", *flags, source)


def scratch(build):
    """A folder for a run, on the file system of the build tree."""
    return tempfile.mkdtemp(prefix="run-", dir=build.folder)


class Log:
    """What a workload noted, also while it runs."""

    def __init__(self, folder):
        fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else folder
        self.folder = tempfile.mkdtemp(prefix="hwckpt-bench-", dir=fast)
        self.path = os.path.join(self.folder, "log")
        self.size = HEAD.size + CAPACITY * ENTRY.size
        with open(self.path, "wb") as file:
            file.truncate(self.size)
        self.file = open(self.path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), self.size)

    def close(self):
        self.map.close()
        self.file.close()
        shutil.rmtree(self.folder)

    def head(self):
        return HEAD.unpack_from(self.map, 0)

    def count(self):
        count = self.head()[1]
        if count > CAPACITY:
            raise Unusable("the log of the workload is full: fewer threads or seconds")
        return count

    def pid(self):
        return self.head()[3]

    def command(self, command):
        struct.pack_into("<I", self.map, 16, command)

    def entries(self, begin=0):
        """(time, kind, thread, writes) of each entry from a number on."""
        end = self.count()
        data = self.map[HEAD.size + begin * ENTRY.size : HEAD.size + end * ENTRY.size]
        return list(ENTRY.iter_unpack(data))

    def wait(self, kind, begin=0, patience=600, alive=lambda: True):
        """The first entry of a kind that has one of these numbers or a later."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            gone = not alive()  # asked first: it may end while we look
            upto = self.count()
            for entry in self.entries(begin):
                if entry[1] == kind and entry[0]:
                    return entry
            # The last may be claimed but not filled in yet.
            begin = max(begin, upto - 64)
            if gone:
                raise Unusable("the workload ended too early")
            time.sleep(0.0005)
        raise Unusable(f"the workload noted nothing in {patience} s")


class Noted:
    """A finished log, to ask for gaps and writes."""

    def __init__(self, log):
        entries = [entry for entry in log.entries() if entry[0]]
        self.beats = sorted(entry[0] for entry in entries if entry[1] == BEAT)
        steps = sorted((entry[0], entry[3]) for entry in entries if entry[1] == STEP)
        self.step_times = [when for when, _ in steps]
        self.writes = [writes for _, writes in steps]
        moments = {entry[1]: entry[0] for entry in entries if entry[1] in (FILLED, DONE)}
        self.begin, self.end = moments.get(FILLED, 0), moments.get(DONE, 0)

    def largest_gap_ms(self, begin, end):
        """The largest gap between beats that begins in a span."""
        first = bisect.bisect_left(self.beats, begin)
        last = bisect.bisect_left(self.beats, end)
        beats = self.beats[first : last + 1]
        return max((b - a for a, b in zip(beats, beats[1:])), default=0) / 1e6

    def step_ms(self, begin):
        """What a step took from a moment on."""
        first = bisect.bisect_left(self.step_times, begin)
        times = self.step_times[first:]
        return (times[-1] - times[0]) / 1e6 / (len(times) - 1)

    def written_until(self, when):
        """Pages written up to a moment, since the begin."""
        place = bisect.bisect_right(self.step_times, when)
        return self.writes[place - 1] if place else 0


class Shape:
    """What a workload does."""

    def __init__(self, rss_mib, rate, threads=1, data="text", seconds=None, units=None, more=()):
        self.rss_mib = rss_mib
        self.rate = rate  # pages a second, or "max"
        self.threads = threads
        self.data = data
        self.seconds = seconds
        self.units = units
        self.more = list(more)

    def options(self):
        words = ["--rss", self.rss_mib, "--rate", self.rate, "--threads", self.threads, "--data", self.data]
        if self.units:
            words += ["--units", self.units]
        else:
            words += ["--seconds", self.seconds or 86400]
        return [*map(str, words), *self.more]

    def written_percent(self):
        if self.rate == "max":
            return None
        return round(100 * self.rate / (self.rss_mib * PAGES_OF_A_MIB), 2)


def warm_up(mib):
    """Touches and frees memory: of a virtual machine the first touch is slow."""
    memory = mmap.mmap(-1, mib << 20)
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except (AttributeError, OSError):
        pass
    for at in range(0, mib << 20, 4096):
        memory[at] = 1
    memory.close()


def ended(process, patience=120):
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Unusable("the workload does not end") from None
