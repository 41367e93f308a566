"""figures.py HWCKPT FABRICATE CACHE - see ../figures.test."""

import glob
import json
import os
import subprocess
import sys

hwckpt, fabricate, cache = sys.argv[1:]
PAGE = 4096
# fabricate's pages are filled with 1, 2, ... 255, 0, 1, ...
PAGES, ZERO, CONTENTS = 600, 2, 255
BEGIN, SPAN = 1_700_000_000, 864  # seconds; the span is a hundredth of a day


def make(name, *words):
    subprocess.run([fabricate, cache, name, *words], check=True)


def figures(name):
    asked = [hwckpt, "list", "--figures", "--json", name]
    (application,) = json.loads(subprocess.check_output(asked))["applications"]
    return application["figures"], application["generations"]


def size_of_files(name, pattern):
    return sum(os.path.getsize(file) for file in glob.glob(os.path.join(cache, name, pattern)))


def check(figures, generations, written, put_pages, zero, same, day):
    records = sum(g["raw_bytes"] - g["pages"] * PAGE for g in generations)
    wanted = {
        "put_bytes": put_pages * PAGE + records,
        "written_bytes": written,
        "counted_since_ns": BEGIN * 10**9,
        "put_pages": put_pages,
        "zero_pages": zero,
        "same_pages": same,
    }
    assert figures == figures | wanted, (figures, wanted)
    ratio = written / wanted["put_bytes"]
    assert abs(figures["write_amplification"] - ratio) < 0.001, (figures, ratio)
    if day is None:
        assert figures["bytes_per_day"] is None, figures
    else:
        assert abs(figures["bytes_per_day"] - day) <= 1, (figures, day)


# Content that comes again in one generation is written once. Of one moment no
# bytes a day can be told.
make("known", f"pages={PAGES}", f"at={BEGIN}")
found, generations = figures("known")
same = PAGES - ZERO - CONTENTS
written = size_of_files("known", "g*.ckpt") + size_of_files("known", "s*.seg")
assert CONTENTS * PAGE <= written < (CONTENTS + 16) * PAGE, written
check(found, generations, written, PAGES, ZERO, same, None)
assert [g["bytes"] for g in generations] == [written], generations

# All of it comes again in another generation: no page is written.
make("known", f"pages={PAGES}", "parent=1", f"at={BEGIN + SPAN}")
found, generations = figures("known")
added = size_of_files("known", "g*2.ckpt")
assert 0 < added < PAGE, added
written += added
same += PAGES - ZERO
check(found, generations, written, 2 * PAGES, 2 * ZERO, same, written * 100)
assert [g["same_pages"] for g in generations] == [same - (PAGES - ZERO), PAGES - ZERO], generations
text = subprocess.check_output([hwckpt, "list", "--figures", "known"], text=True)
assert f"of {2 * PAGES} pages 0 % zero, {round(100 * same / (2 * PAGES))} % in the cache already" in text, text
assert " a day; " in text, text

# What merging writes is written too, and nothing was put for it.
subprocess.run([hwckpt, "merge", "known"], check=True)
found, generations = figures("known")
assert generations[1]["kind"] == "base" and generations[1]["merged"], generations
added = size_of_files("known", "g*2.ckpt")
written += added
check(found, generations, written, 2 * PAGES, 2 * ZERO, same, written * 100)

# Less than a minute tells nothing of a day.
make("short", "pages=3", f"at={BEGIN}")
make("short", "pages=3", "parent=1", f"at={BEGIN + 59}")
assert figures("short")[0]["bytes_per_day"] is None
# From there on it is rounded: of one in 17 numbers of bytes the quotient is a
# little less than whole.
for parent in range(2, 42):
    make("short", "pages=3", f"parent={parent}", f"at={BEGIN + 60}")
    found, _ = figures("short")
    assert found["bytes_per_day"] == found["written_bytes"] * 1440, found

# Of a newest one that is damaged its counts are lost, those before it go on.
make("rotten", "pages=3", f"at={BEGIN}")
first, _ = figures("rotten")
make("rotten", "pages=3", f"at={BEGIN + 1}")
make("rotten", "pages=3", f"at={BEGIN + 2}")
for number in (2, 3):
    path = os.path.join(cache, "rotten", f"g{number:010}.ckpt")
    os.truncate(path, os.path.getsize(path) - 1)
make("rotten", "pages=3", f"at={BEGIN + 60}")
found, generations = figures("rotten")
assert [g["damage"] for g in generations] == [None, "HWCKPT-E106", "HWCKPT-E106", None], generations
assert found["counted_since_ns"] == BEGIN * 10**9, found
assert found["written_bytes"] == sum(g["bytes"] or 0 for g in generations if not g["damage"]), (found, generations)
assert first["put_bytes"] < found["put_bytes"] < 3 * first["put_bytes"], (first, found)
