"""scarce.py HWCKPT WRITTEN SHORT DISK [SUITE] - where little is allowed and there."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import Machine, as_user, main

hwckpt, written, short, disk = sys.argv[1:5]
suite = sys.argv[5] if len(sys.argv) > 5 else "bookworm"

# Those that this kernel has are set: each is one more that says no.
FORBIDDEN = {
    "kernel.unprivileged_userns_clone": 0,
    "user.max_user_namespaces": 0,
    "user.max_pid_namespaces": 0,
    "vm.unprivileged_userfaultfd": 0,
    "kernel.yama.ptrace_scope": 3,
    "kernel.perf_event_paranoid": 4,
    "kernel.io_uring_disabled": 2,
    "kernel.unprivileged_bpf_disabled": 1,
}
NEEDED = {"user.max_user_namespaces", "vm.unprivileged_userfaultfd", "kernel.yama.ptrace_scope"}

# Restores until it ends by itself.
COME_BACK = """
ulimit -l 64; ulimit -c 0
mkdir /tmp/{name} && exec 3>/tmp/{name}.said
{hwckpt} run --name {name} -o every_site=61:keep=99 -- {written} /tmp/{name} {seed} 2>&3
status=$?
for try in 1 2 3 4; do
  [ $status = 137 ] || break
  {hwckpt} restore {how} {name} 2>&3
  status=$?
done 2>/dev/null
[ $status = 0 ] || cat /tmp/{name}.said
exit $status
"""


def comes_back(guest, name, seed, user, how=""):
    wanted = subprocess.run([written, "-", seed], capture_output=True, text=True, check=True)
    command = COME_BACK.format(name=name, hwckpt=hwckpt, written=written, seed=seed, how=how)
    said = guest.check(as_user(command) if user else command)
    assert said.endswith(wanted.stdout), f"{name}: {said!r}, not {wanted.stdout!r}"
    assert guest.check(f"ls /tmp/{name} | grep -c killed-") == "2\n", f"{name}: killed too seldom"


def forbid(guest):
    done = {
        name
        for name, value in FORBIDDEN.items()
        if guest.run(f"sysctl -qw {name}={value}")[0] == 0
    }
    assert NEEDED <= done, f"not set: {NEEDED - done}"
    # For the user: as it is there, and not only asked for.
    assert guest.run(as_user("unshare --user true"))[0] != 0
    said = guest.check(as_user(f"{hwckpt} doctor"))
    assert "namespaces    no:" in said, said
    return done


def without_rights(guest):
    comes_back(guest, "user", "5", user=True, how="--pid=any")
    said = guest.run(as_user(f"{hwckpt} restore user"))[1]
    assert "HWCKPT-E308" in said, said


def huge_pages(guest):
    setting = "/sys/kernel/mm/transparent_hugepage/enabled"
    for number, value in enumerate(("always", "never")):
        guest.check(f"echo {value} >{setting}")
        comes_back(guest, f"huge-{value}", str(6 + number), user=False)


def no_more_than_there_is(guest):
    """The kernel promises no memory that is not there: what a restore needs for itself leaves enough
    for the program, and for its next checkpoint."""
    guest.check("rm -rf /run/cache/*")  # in memory too: there is not room for all, where nothing is compressed
    guest.check("sysctl -qw vm.overcommit_memory=2 vm.overcommit_ratio=90")
    guest.check("mkdir /tmp/strict && touch /tmp/strict/took")
    named = f"--name strict -o ring=1:method=stop -- {short} /tmp/strict 160"
    status, said = guest.run(f"{hwckpt} run {named} 2>&1")
    assert status == 137, (status, said)
    for how in ("--eager", "--lazy"):
        status, said = guest.run(f"{hwckpt} restore {how} strict 2>&1")
        assert status == 0 and "HWCKPT-E" not in said, f"{how}: {said}"
    guest.check("sysctl -qw vm.overcommit_memory=0")


def too_little_memory(guest):
    """28 MiB of which 20 are there with all that it needs; the rest is in the swap, of which it has 64."""
    guest.check("mkswap /dev/vda >/dev/null && swapon /dev/vda")
    guest.check(
        "mount -t cgroup2 none /sys/fs/cgroup && cd /sys/fs/cgroup &&"
        "echo +memory >cgroup.subtree_control && mkdir short && cd short &&"
        "echo 20M >memory.max && echo 64M >memory.swap.max"
    )
    said = guest.check(
        "mkdir /tmp/short; bash -c 'echo $$ >/sys/fs/cgroup/short/cgroup.procs;"
        f"exec {hwckpt} run --restart --name short -o ring=1:method=stop -- {short} /tmp/short 28'"
    )
    assert "all there\n" in said and said.endswith("ended\n"), said
    swapped = int(said.split("swapped ")[1].split()[0])
    assert swapped > 4096, f"{swapped} KiB were in the swap"
    events = guest.check("cat /sys/fs/cgroup/short/memory.events")
    kills = int(events.split("oom_kill ")[1].split()[0])
    assert kills == 1, f"killed {kills} times for lack of memory:\n{said}"


def test():
    with Machine(suite, disk=disk) as guest:
        print("forbidden: " + " ".join(sorted(forbid(guest))))
        without_rights(guest)
        huge_pages(guest)
        no_more_than_there_is(guest)
        too_little_memory(guest)


main(test)
