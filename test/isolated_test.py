# isolated_test.py - lit's test format of this suite: a shell test that runs in
# folders of its own and must leave nothing behind.
#
# A module and not part of lit.cfg.py: lit sends the format to its workers.

import copy
import glob
import os
import re
import shutil
import signal
import threading
import time
import uuid

import lit.formats
import lit.Test
import lit.TestRunner

MARK = "HWCKPT_TEST"


def processes_with(mark):
    """Ids of living processes whose environment holds the mark."""
    wanted = mark.encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if wanted not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{name}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] not in "ZX":
                    found.append(int(name))
        except OSError:
            continue
    return found


def end_all(mark):
    for pid in processes_with(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "(gone)"


def read_of(task, name):
    try:
        with open(f"{task}/{name}") as file:
            return file.read().strip()
    except OSError:
        return "?"


def states(mark):
    """What each thread of the processes does: one that waits is told from one that goes
    round in circles."""
    lines = []
    for pid in processes_with(mark):
        lines.append(f"process {pid}: {command_line(pid)}")
        for task in sorted(glob.glob(f"/proc/{pid}/task/*")):
            state = re.search(r"State:\s*(\w)", read_of(task, "status"))
            switches = re.findall(r"ctxt_switches:\s*(\d+)", read_of(task, "status"))
            lines.append(
                f"  {os.path.basename(task)} {read_of(task, 'comm')}: "
                f"{state.group(1) if state else '?'}, {'+'.join(switches)} switches, "
                f"in {read_of(task, 'wchan')}, system call {read_of(task, 'syscall')}"
            )
    return lines


class Watchdog:
    """Looks what holds up a test just before lit's time limit ends it. Then it ends what
    the limit spares: processes whose parent ended. lit waits for them as long as they
    hold its pipes."""

    LOOK = 5  # seconds before and behind the limit

    def __init__(self, mark, limit):
        self.mark = mark
        self.done = threading.Event()
        self.seen = []
        self.expired = False
        threading.Thread(target=self.watch, args=(limit,), daemon=True).start()

    def watch(self, limit):
        if not self.done.wait(max(limit - self.LOOK, 0)):
            self.seen = states(self.mark)
        seconds = 2 * self.LOOK
        while not self.done.wait(seconds):
            self.expired = True
            end_all(self.mark)
            seconds = 1

    def stop(self):
        self.done.set()


def settled(mark):
    """Processes still there after a moment to end by themselves."""
    for _ in range(20):
        found = processes_with(mark)
        if not found:
            return []
        time.sleep(0.05)
    return found


class IsolatedTest(lit.formats.ShTest):
    """A shell test with folders of its own, that must leave nothing behind."""

    def execute(self, test, lit_config):
        private = lit.TestRunner.getTempPaths(test)[1] + ".tmp.private"
        shutil.rmtree(private, ignore_errors=True)
        folders = {name: os.path.join(private, name) for name in ("home", "tmp")}
        for folder in folders.values():
            os.makedirs(folder, mode=0o700)
        mark = f"{MARK}={uuid.uuid4().hex}"

        test.config = copy.copy(test.config)
        test.config.environment = dict(
            test.config.environment,
            HOME=folders["home"],
            TMPDIR=folders["tmp"],
            HWCKPT_CACHE=os.path.join(private, "cache"),
            **dict([mark.split("=")]),
        )
        watchdog = Watchdog(mark, lit_config.maxIndividualTestTime)
        result = super().execute(test, lit_config)
        watchdog.stop()
        if not isinstance(result, lit.Test.Result):
            result = lit.Test.Result(*result)
        if result.code is lit.Test.TIMEOUT:
            result.output += "\n".join(["", "just before the end:", *watchdog.seen, ""])

        left = [f"process {pid}: {command_line(pid)}" for pid in settled(mark)]
        end_all(mark)
        if watchdog.expired:
            left.append("processes that held up the test until they were killed")
        for folder in folders.values():
            left += [os.path.join(folder, name) for name in os.listdir(folder)]

        if result.code is lit.Test.FAIL and re.search(
            r"^Exit Code: 77$", result.output, re.M
        ):
            reasons = re.findall(r"^(?:# *\|? *)?SKIP: *(.*)$", result.output, re.M)
            reason = reasons[-1] if reasons else "no reason given"
            result = lit.Test.Result(lit.Test.UNSUPPORTED, f"SKIP: {reason}")
        if result.code is lit.Test.PASS:
            if left:
                result = lit.Test.Result(
                    lit.Test.FAIL, "left behind:\n  " + "\n  ".join(left) + "\n"
                )
            else:
                shutil.rmtree(private, ignore_errors=True)
        return result
