"""fields.py FILE list|show|sites - checks that FILE is JSON with the fields that
docs/hwckpt.1 promises, each of its type."""

import json
import sys

NUMBER, TEXT, FLAG = (int,), (str,), (bool,)
NULL = (type(None),)

GENERATION = {
    "number": NUMBER,
    "parent": NUMBER,
    "kind": TEXT,
    "committed_ns": NUMBER,
    "pages": NUMBER,
    "bytes": NUMBER,
    "raw_bytes": NUMBER,
    "restores": NUMBER,
    "put_pages": NUMBER,
    "zero_pages": NUMBER,
    "same_pages": NUMBER,
    "merged": NUMBER,
}
LISTED = dict(
    GENERATION,
    encrypted=FLAG,
    damage=TEXT + NULL,
    event=TEXT + NULL,
    pause_ns=NUMBER + NULL,
    threads=NUMBER + NULL,
)
LIST = {
    "cache": TEXT,
    "applications": [
        {
            "name": TEXT,
            "generations": [LISTED],
            # Of `hwckpt run --restart`: ../restart.test.
            "history": [],
            "figures": {
                "flash_bytes": NUMBER,
                "put_bytes": NUMBER,
                "written_bytes": NUMBER,
                "counted_since_ns": NUMBER,
                "write_amplification": (float,) + NULL,
                "bytes_per_day": NUMBER + NULL,
                "put_pages": NUMBER,
                "zero_pages": NUMBER,
                "same_pages": NUMBER,
            },
        }
    ],
}
SHOW = dict(
    GENERATION,
    cache=TEXT,
    application=TEXT,
    chain=NUMBER,
    total_put=NUMBER,
    total_written=NUMBER,
    counted_since_ns=NUMBER,
    process={
        "pid": NUMBER,
        "program": TEXT,
        "build_id": TEXT,
        "arguments": TEXT,
        "directory": TEXT,
        "umask": NUMBER,
        "kernel_release": TEXT,
        "glibc": TEXT,
        "instructions": TEXT,
        "realtime_ns": NUMBER,
        "monotonic_ns": NUMBER,
        "personality": NUMBER,
        "resume_abi": NUMBER,
        "resume_entry": TEXT,
        "xstate_features": TEXT,
        "xstate_used": TEXT,
        "xstate_size": NUMBER,
    },
    statistics={
        "event": TEXT,
        "events": [TEXT],
        "cause": TEXT,
        "method": TEXT,
        "interval_ns": NUMBER,
        "delayed_ns": NUMBER,
        "write_ns": NUMBER,
        "waited_ns": NUMBER,
        "device_rate": NUMBER,
        "level": NUMBER,
        "rounds": NUMBER,
        "precopy_ns": NUMBER,
        "stop_ns": NUMBER,
        "arm_ns": NUMBER,
        "signal_ns": NUMBER,
        "arrive_ns": NUMBER,
        "signalled": NUMBER,
        "stop_faults": NUMBER,
        "pause_ns": NUMBER,
        "track_ns": NUMBER,
        "describe_ns": NUMBER,
        "scan_ns": NUMBER,
        "copy_ns": NUMBER,
        "resume_ns": NUMBER,
        "pages_scanned": NUMBER,
        "pages_written": NUMBER,
        "pages_precopied": NUMBER,
        "threads": NUMBER,
        "threads_at_sites": NUMBER,
    },
    threads=[
        {"tid": NUMBER, "name": TEXT, "frame": TEXT, "fs_base": TEXT, "in_save": FLAG}
    ],
    area_totals=[{"kind": TEXT, "count": NUMBER, "bytes": NUMBER}],
    descriptors=[
        {
            "number": NUMBER,
            "kind": TEXT,
            "flags": NUMBER,
            "close_on_exec": FLAG,
            "same_as": NUMBER,
            "path": TEXT,
            "offset": NUMBER,
            "size": NUMBER,
            "pipe": NUMBER,
            "deleted": FLAG,
        }
    ],
    pipes=[{"pipe": NUMBER, "capacity": NUMBER}],
)
AREAS = [
    {
        "start": TEXT,
        "end": TEXT,
        "protection": TEXT,
        "kind": TEXT,
        "grows_down": FLAG,
        "name": TEXT,
        "offset": NUMBER,
        "file_size": NUMBER,
        "build_id": TEXT,
        "deleted": FLAG,
    }
]
SITES = {
    "binary": TEXT,
    "sites": [
        {
            "address": TEXT,
            "kind": TEXT,
            "function": TEXT + NULL,
            "symbol": TEXT + NULL,
            "file": TEXT + NULL,
            "line": NUMBER + NULL,
        }
    ],
}


def check(value, wanted, place):
    if isinstance(wanted, dict):
        assert isinstance(value, dict), place
        assert list(value) == list(dict.fromkeys(value)), place
        assert set(value) == set(wanted), (place, set(value) ^ set(wanted))
        for name in wanted:
            check(value[name], wanted[name], f"{place}.{name}")
    elif isinstance(wanted, list):
        assert isinstance(value, list), place
        for i, item in enumerate(value):
            check(item, wanted[0], f"{place}[{i}]")
    else:
        assert type(value) in wanted, (place, value)


def no_doubles(pairs):
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file, object_pairs_hook=no_doubles)
wanted = dict({"list": LIST, "show": SHOW, "sites": SITES}[sys.argv[2]])
if "areas" in document:
    wanted["areas"] = AREAS
check(document, wanted, "$")
