"""elsewhere.py HWCKPT MOVED FOLDER [SUITE] - between this machine and another one, with
Linux 6.1 or that of SUITE."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import Machine, main

hwckpt, moved, folder = sys.argv[1:4]
suite = sys.argv[4] if len(sys.argv) > 4 else "bookworm"
exchange = os.path.join(folder, "exchange")
KILLED, REFUSED = 137, 125

# No AVX, and no extended states at all.
LESSER = "Nehalem"


def here(*command, **environment):
    """A command on this machine, of which there are several caches: (status, output)."""
    run = subprocess.run(
        command,
        env=dict(os.environ, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    status = run.returncode
    return (128 - status if status < 0 else status), run.stdout


def expect(result, status, *texts):
    got, said = result
    assert got == status, f"status {got}, not {status}:\n{said}"
    for text in texts:
        assert re.search(text, said), f"{text}: not in\n{said}"
    return said


def from_lesser(guest):
    """Started in the guest: goes on there, here, and there again."""
    run = f"{hwckpt} run --name lesser -- {moved} 4"
    expect(guest.run(run), KILLED)
    expect(guest.run(f"{hwckpt} restore lesser"), KILLED, "went on, leg 0\n")
    expect(guest.run(f"{hwckpt} export lesser {exchange}/lesser.hwx"), 0)

    expect(here(hwckpt, "import", f"{exchange}/lesser.hwx"), 0)
    expect(here(hwckpt, "restore", "lesser"), KILLED, "went on, leg 1\n")
    expect(here(hwckpt, "export", "lesser", f"{exchange}/back.hwx"), 0)

    expect(guest.run(f"{hwckpt} import --name back {exchange}/back.hwx"), 0)
    expect(guest.run(f"{hwckpt} restore back"), KILLED, "went on, leg 2\n")
    expect(guest.run(f"{hwckpt} restore back"), 0, "went on, leg 3\n")


def from_here(guest):
    """Started here: the guest's processor is a lesser one."""
    # Functions of libc that the guest can run: what --processor=any is for.
    names = "AVX AVX2 AVX512F AVX512VL AVX512BW AVX_Fast_Unaligned_Load BMI1 BMI2 FMA ERMS"
    plain = "glibc.cpu.hwcaps=" + ",".join("-" + name for name in names.split())
    expect(here(hwckpt, "run", "--name", "here", "--", moved, "2", GLIBC_TUNABLES=plain), KILLED)
    expect(here(hwckpt, "export", "here", f"{exchange}/here.hwx"), 0)
    expect(guest.run(f"{hwckpt} import {exchange}/here.hwx"), 0)
    expect(
        guest.run(f"{hwckpt} restore here"),
        REFUSED,
        "HWCKPT-E327: processor lacks instructions that the program may use: .*\\bavx2\\b",
    )
    expect(
        guest.run(f"{hwckpt} restore --processor=any here"), KILLED, "went on, leg 0\n"
    )
    expect(guest.run(f"{hwckpt} restore --processor=any here"), 0, "went on, leg 1\n")


def other_library(guest):
    """A library that is another one there."""
    guest.check(f"{hwckpt} import --name other {exchange}/back.hwx")
    guest.check(f"mount --bind {folder}/other.so {folder}/libmoved.so")
    said = expect(guest.run(f"{hwckpt} restore other"), REFUSED, "HWCKPT-E30[12]: .*libmoved.so")
    guest.check(f"umount {folder}/libmoved.so")
    assert "went on" not in said


def test():
    with Machine(suite, processor=LESSER, shared=[exchange]) as guest:
        flags = guest.check("grep -m1 flags /proc/cpuinfo").split()
        assert "sse4_2" in flags and "avx" not in flags and "xsave" not in flags, flags
        from_lesser(guest)
        other_library(guest)
        from_here(guest)


main(test)
