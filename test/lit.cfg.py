# lit.cfg.py - how the tests run.
#
# A test is a file with RUN: lines, run by bash. Besides lit's own %s, %S, %t
# and %T there are:
#
#   %clang %clangxx   the driver shims in build/bin (take -fhwckpt)
#   %opt %llc         LLVM's, of the version the plugins are built for
#   %pass %fe         the plugins
#   %hwckpt           the command line
#   %src              root of the repository      %inc    its intrinsics/
#   %objects %bin     root of the build tree, its bin/
#   %python           a Python with the standard library
#
# FileCheck, not, split-file, count and llvm-* are on PATH; the shims are not.
#
# Each test runs alone: HOME, TMPDIR and HWCKPT_CACHE are folders of its own
# below %t.private, which must be empty but for the cache when it ends. No process it
# started may outlive it, in whatever session. Exit status 77 of a RUN line
# means "not supported here"; the last line it printed that begins with "SKIP:"
# is shown as the reason. HWCKPT_STRESS is 1 in the stress tier, else 0.
#
# Tests that need a quiet machine (they measure time) or much memory say
# `config.parallelism_group = "alone"` in their folder's lit.local.cfg.

import copy
import os
import re
import shutil
import signal
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


def settled(mark):
    """Processes still there after a moment to end by themselves."""
    for _ in range(20):
        found = processes_with(mark)
        if not found:
            return []
        time.sleep(0.05)
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "(gone)"


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
        result = super().execute(test, lit_config)
        if not isinstance(result, lit.Test.Result):
            result = lit.Test.Result(*result)

        left = [f"process {pid}: {command_line(pid)}" for pid in settled(mark)]
        for pid in processes_with(mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
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


config.name = "hwckpt"
config.test_format = IsolatedTest(execute_external=True)
config.suffixes = [".c", ".cpp", ".ll", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.join(config.source_root, "test")
config.test_exec_root = os.path.join(config.build_root, "test")

tier = lit_config.params.get("tier", "check")
config.available_features.add(tier)
if tier == "stress":
    lit_config.maxIndividualTestTime = 900
elif tier == "fuzz":
    lit_config.maxIndividualTestTime = 3600
else:
    lit_config.maxIndividualTestTime = 120
if os.getuid() == 0:
    config.available_features.add("root")
for tool in ("gcc", "lua5.4", "ccache"):
    if shutil.which(tool):
        config.available_features.add(tool)

lit_config.parallelism_groups["alone"] = 1

build_bin = os.path.join(config.build_root, "bin")
config.environment["PATH"] = os.pathsep.join(
    [config.llvm_tools, os.environ.get("PATH", os.defpath)]
)
config.environment["HWCKPT_STRESS"] = "1" if tier == "stress" else "0"
config.environment["LC_ALL"] = "C.UTF-8"

# \b: %clang must not match within %clangxx.
config.substitutions += [
    (r"%clangxx\b", os.path.join(build_bin, "clang++")),
    (r"%clang\b", os.path.join(build_bin, "clang")),
    (r"%hwckpt\b", os.path.join(build_bin, "hwckpt")),
    (r"%opt\b", os.path.join(config.llvm_tools, "opt")),
    (r"%llc\b", os.path.join(config.llvm_tools, "llc")),
    (r"%pass\b", os.path.join(config.plugins, "hwckpt-pass.so")),
    (r"%fe\b", os.path.join(config.plugins, "hwckpt-fe.so")),
    (r"%python\b", config.python),
    (r"%src\b", config.source_root),
    (r"%inc\b", os.path.join(config.source_root, "intrinsics")),
    (r"%objects\b", config.build_root),
    (r"%bin\b", build_bin),
]
