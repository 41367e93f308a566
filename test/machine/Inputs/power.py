"""power.py HWCKPT COUNTING DISK - the power fails, again and again."""

import os
import random
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import Failed, Machine, main
from volatile_disk import VolatileDisk

hwckpt, counting, image = sys.argv[1:]
TIMES = 30 if os.environ.get("HWCKPT_STRESS") == "1" else 2
SEED = 7
START = "mount /dev/vda /mnt && export HWCKPT_CACHE=/mnt/cache && "


def run(guest, disk, begin, chance):
    """The program runs until the power fails: what it was seen to have committed."""
    guest.begin(f"{START} exec {hwckpt} run --restart --name it -- {counting} 100000")
    words = guest.until(rb"(began|back in (\d+))\n")
    came_back = int(words[2] or 0)
    if came_back < begin:
        raise Failed(f"{begin} was committed, and it goes on from {came_back}")
    guest.until(rb"committed %d\n" % (came_back + chance.randint(1, 8)))
    disk.fail_at(chance.randint(1, 30))
    while not disk.failed.is_set():
        guest.until(rb"committed %d\n" % (last_of(guest) + 1), disk.failed)
    return last_of(guest)


def last_of(guest):
    return int(re.findall(rb"committed (\d+)\n", guest.received)[-1])


def test():
    chance = random.Random(SEED)
    committed = at_stake = lost = 0
    for _ in range(TIMES):
        disk = VolatileDisk(image)
        with Machine(disk=disk) as guest:
            committed = run(guest, disk, committed, chance)
        here = disk.lose(chance)
        at_stake += here[0]
        lost += here[1]
        assert disk.flushes, "nothing was ever flushed"
    # Else the disk has forgotten nothing, and this has shown nothing.
    assert lost, f"of {at_stake} blocks none was lost"
    with Machine(disk=VolatileDisk(image)) as guest:
        said = guest.check(f"{START} {hwckpt} verify")
    print(f"{committed} committed, {at_stake} blocks at stake, {lost} lost; {said}")


main(test)
