"""freed_bytes.py - the checkpoints of freed_bytes.c, on standard input, against
what was left out (nothing, heap, heap+stacks)."""

import json
import sys

(application,) = json.load(sys.stdin)["applications"]
generations = application["generations"]
base, freed, again, stack = (generation["pages"] for generation in generations)
found = [generation["pages"] for generation in generations]
heap_left_out = sys.argv[1] != "nothing"
is_delta = generations[1]["kind"] == "delta"

# Pages beside the blocks: of libc, of the runtime, those that a block shares
# with the next.
MORE = 250
BLOCKS, KEPT, AGAIN, STACK = 7998, 2048, 384, 1024

assert BLOCKS <= base <= BLOCKS + MORE, found
if heap_left_out:
    assert KEPT - MORE <= freed <= KEPT + MORE, found
else:
    assert freed >= (3500 if is_delta else BLOCKS - MORE), found
if is_delta:
    assert AGAIN - 20 <= again <= AGAIN + MORE, found
    assert (stack <= MORE) == (sys.argv[1] == "heap+stacks"), found
else:
    assert abs(again - freed - AGAIN) < MORE or not heap_left_out, found
    assert (stack - again <= MORE) == (sys.argv[1] == "heap+stacks"), found
