"""slow_device.py - a control group in which the device of a cache is slow."""

import os
import time

GROUPS = "/sys/fs/cgroup"


def device(folder):
    """Of the folder: a whole disk, for only those can be slowed down."""
    number = os.stat(folder).st_dev
    name = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
    if not os.path.exists(name):
        return None
    if os.path.exists(f"{name}/partition"):
        name = os.path.join(os.path.realpath(name), "..")
    with open(f"{name}/dev") as file:
        return file.read().strip()


def make_group(folder, rate):
    """A control group in which writing is slow; null: there is no such thing."""
    disk = device(folder)
    for parent, name, line in (
        (f"{GROUPS}/blkio", "blkio.throttle.write_bps_device", f"{disk} {rate}"),
        (GROUPS, "io.max", f"{disk} wbps={rate}"),
    ):
        group = f"{parent}/hwckpt-slow-{os.getpid()}"
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            with open(f"{group}/{name}", "w") as file:
                file.write(line)
            return group
        except OSError:
            os.rmdir(group)
    return None


def enter(group):
    with open(f"{group}/cgroup.procs", "w") as file:
        file.write("0")


def remove(group):
    for _ in range(1000):
        try:
            return os.rmdir(group)
        except OSError:  # somebody is in it still
            time.sleep(0.005)
