# lit.cfg.py - how the tests run.
#
# A test is a file with RUN: lines, run by bash (a job in the background is
# written `(command &)`). Besides lit's own %s, %S, %t and %T there are:
#
#   %clang %clangxx   the driver shims in build/bin (take -fhwckpt)
#   %flang            the same for Fortran (REQUIRES: flang)
#   %opt %llc         LLVM's
#   %pass %fe         the plugins
#   %llvm             the major version that all of these are of
#   %suffix           what names of compilers end in for it: nothing, or -%llvm
#   %hwckpt           the command line
#   %tool             the same beside a stand-in for the restorer (test/tools)
#   %src              root of the repository      %inc    its intrinsics/
#   %programs           where tests have programs of packages fetched to
#   %objects %bin     root of the build tree, its bin/
#   %python           a Python with the standard library
#   %behaviour        compiles a test with test/Inputs/behaviour.h: %behaviour %s -o %t
#   %by_all           test/Inputs/by-all: for root as an ordinary user as well
#   %restored_by_all  %by_all %restored
#   %restored         test/Inputs/restored: runs %t, which kills itself, and restores it
#
# FileCheck, not, split-file, count, clang and llvm-* of that version are on PATH;
# the shims are not. The feature llvm-N tells the version.
#
# Each test runs alone: HOME, TMPDIR and HWCKPT_CACHE are folders of its own
# below %t.private, which must be empty but for the cache when it ends. No process it
# started may outlive it, in whatever session. Exit status 77 of a RUN line
# means "not supported here"; the last line it printed that begins with "SKIP:"
# is shown as the reason. HWCKPT_STRESS is 1 in the stress tier, else 0.
#
# Tests that need a quiet machine (they measure time) or much memory say
# `config.parallelism_group = "alone"` in their folder's lit.local.cfg.

import os
import shutil
import sys

# Nothing is written into the source tree.
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(config.source_root, "test"))
from isolated_test import IsolatedTest

config.test_format = IsolatedTest(execute_external=True)
config.suffixes = [".c", ".cpp", ".f90", ".ll", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.join(config.source_root, "test")

tier = lit_config.params.get("tier", "check")
config.available_features.add(tier)
if tier == "stress":
    lit_config.maxIndividualTestTime = 900
elif tier == "fuzz":
    lit_config.maxIndividualTestTime = 3600
else:
    lit_config.maxIndividualTestTime = 600
if os.getuid() == 0:
    config.available_features.add("root")
if tier == "stress":
    config.available_features.add("stress")
config.available_features.add(f"llvm-{config.llvm_version}")
if config.flang:
    config.available_features.add("flang")
for tool in ("gcc", "lua5.4", "ccache", "node", "zstd"):
    if shutil.which(tool):
        config.available_features.add(tool)

lit_config.parallelism_groups["alone"] = 1
# Terminals are to come back with their numbers: one at a time.
lit_config.parallelism_groups["terminals"] = 1

build_bin = os.path.join(config.build_root, "bin")
config.environment["PATH"] = os.pathsep.join(
    [config.llvm_tools, os.environ.get("PATH", os.defpath)]
)
config.environment["HWCKPT_STRESS"] = "1" if tier == "stress" else "0"
config.environment["LC_ALL"] = "C.UTF-8"
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
# Of the suite hwckpt-sanitized. Memory is the process's own to the end of a
# command; looking for leaks needs to trace it.
config.environment["ASAN_OPTIONS"] = "detect_leaks=0:exitcode=99"

# \b: %clang must not match within %clangxx.
inputs = os.path.join(config.source_root, "test", "Inputs")
behaviour = f"{build_bin}/clang{config.llvm_suffix} -fhwckpt -O2 -pthread -D_GNU_SOURCE -Wall -Werror -I{inputs}"

config.substitutions += [
    (r"%behaviour\b", behaviour),
    (r"%by_all\b", f"{inputs}/by-all"),
    (r"%restored_by_all\b", f"{inputs}/restored-by-all {config.hwckpt}"),
    (r"%restored\b", f"{inputs}/restored {config.hwckpt}"),
    (r"%clangxx\b", os.path.join(build_bin, "clang++" + config.llvm_suffix)),
    (r"%clang\b", os.path.join(build_bin, "clang" + config.llvm_suffix)),
    (r"%flang\b", config.flang),
    (r"%llvm\b", config.llvm_version),
    (r"%suffix\b", config.llvm_suffix),
    (r"%hwckpt\b", config.hwckpt),
    (r"%tool\b", config.tool),
    (r"%opt\b", os.path.join(config.llvm_tools, "opt")),
    (r"%llc\b", os.path.join(config.llvm_tools, "llc")),
    (r"%pass\b", os.path.join(config.plugins, "hwckpt-pass.so")),
    (r"%fe\b", os.path.join(config.plugins, "hwckpt-fe.so")),
    (r"%python\b", config.python),
    (r"%src\b", config.source_root),
    (r"%programs\b", os.path.join(config.build_root, "test", "programs")),
    (r"%inc\b", os.path.join(config.source_root, "intrinsics")),
    (r"%objects\b", config.build_root),
    (r"%bin\b", build_bin),
]
