"""first-delta.py NUMBER:PARENT ... - looks at the generations on standard input:
those there are, what each builds on, and that what does holds little."""

import json
import sys

# Of the program: 16 pages moved, 16 mapped anew, some more written. Of the stack,
# libc and the runtime, whose start is in it: measured 100 to 200.
MOST = 600

(application,) = json.load(sys.stdin)["applications"]
found = application["generations"]
wanted = [tuple(map(int, word.split(":"))) for word in sys.argv[1:]]
assert [(g["number"], g["parent"]) for g in found] == wanted, found
for generation in found:
    if generation["parent"]:
        assert 32 <= generation["pages"] <= MOST, generation
    else:
        assert generation["pages"] >= 2560, generation
