"""tracking.py HWCKPT WRITTEN [SUITE] - each way of finding written pages, on Linux 6.1 or
the one of SUITE."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import Machine, main

hwckpt, written = sys.argv[1:3]
suite = sys.argv[3] if len(sys.argv) > 3 else "bookworm"

# Restores until it ends by itself.
COME_BACK = """
mkdir -p /tmp/{name}
{hwckpt} run --name {name} -o {options} -- {written} /tmp/{name} {seed} 2>/tmp/{name}/said
status=$?
for try in 1 2 3 4 5 6 7 8 9; do
  [ $status = 137 ] || break
  {hwckpt} restore {how} {name} 2>>/tmp/{name}/said
  status=$?
done
[ $status = 0 ] || cat /tmp/{name}/said
exit $status
"""


def doctor(guest):
    said = guest.check(f"{hwckpt} doctor")
    for line in (
        "tracking      no: userfaultfd, asynchronous write protection",
        "track=wp is not possible",
        "page scan     no: PAGEMAP_SCAN",
        "soft-dirty    yes: soft-dirty bits",
        "written pages track=auto takes soft-dirty",
    ):
        assert line in said, f"{line}: not in\n{said}"


def comes_back(guest, name, seed, options, how, base_only):
    wanted = subprocess.run([written, "-", seed], capture_output=True, text=True, check=True)
    said = guest.check(
        COME_BACK.format(
            name=name, hwckpt=hwckpt, written=written, seed=seed, options=options, how=how
        )
    )
    assert said.endswith(wanted.stdout), f"{name}: {said!r}, not {wanted.stdout!r}"
    killed = int(guest.check(f"ls /tmp/{name} | grep -c killed-"))
    assert killed == 2, f"{name}: killed {killed} times"
    kinds = [g["kind"] for g in listed(guest, name)]
    assert ("delta" in kinds) != base_only, f"{name}: {kinds}"


def listed(guest, name):
    found = json.loads(guest.check(f"{hwckpt} list --json {name}"))
    return found["applications"][0]["generations"]


def test():
    with Machine(suite) as guest:
        doctor(guest)
        every = "every_site=61:keep=99"
        comes_back(guest, "auto", "1", every, "--eager", False)
        comes_back(guest, "lazy", "2", every, "--lazy", False)
        comes_back(guest, "mprotect", "3", every + ":track=mprotect", "", False)
        comes_back(guest, "full", "4", every + ":track=full", "", True)
        # What is asked for and not there is said; the program goes on without checkpoints.
        status, said = guest.run(f"{hwckpt} run -o every_site=61:track=wp -- {written} - 5")
        assert status == 0 and "HWCKPT-E202: kernel lacks" in said, f"{status}: {said}"


main(test)
