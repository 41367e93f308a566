"""huge_pages.py HWCKPT DEEP_STACK - where the kernel gives huge pages unasked."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import Machine, main

hwckpt, deep_stack = sys.argv[1:3]


def test():
    with Machine() as guest:
        given = "/sys/kernel/mm/transparent_hugepage/enabled"
        guest.check(f"echo always >{given} && grep -qF '[always]' {given}")
        status, said = guest.run(f"{hwckpt} run --name deep -- {deep_stack}")
        assert status == 137, f"{status}: {said}"
        for how in ("--lazy", "--eager"):
            guest.check(f"{hwckpt} restore {how} deep")


main(test)
