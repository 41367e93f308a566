"""front.py HWCKPT PROG - PROG has the front of its terminal with a process
group of its own; so it has after a restore that was in front itself, and who
ran that has it again when PROG has ended. A restore behind takes it from
nobody."""

import sys

from terminal import on_terminal

hwckpt, program = sys.argv[1:]
# A shell that does not control jobs, which reads after its command.
reads = ["sh", "-c", '"$@"; read line && echo "then $line"', "sh", hwckpt]
# The front is held by the session's leader while its child, which makes itself
# a group, restores; the leader waits.
holds = [
    "sh",
    "-c",
    'set -m; "$@" & wait; read line && echo "still $line"',
    "sh",
    hwckpt,
]

text, status, _ = on_terminal(reads + ["run", "--", program], b"one\n")
assert "before, in front: 1\n" in text and "then one\n" in text, text
text, status, _ = on_terminal(reads + ["restore"], b"two\nthree\n")
assert "after, in front: 1\ngot two\n" in text and "then three\n" in text, text
text, status, _ = on_terminal(holds + ["restore"], b"four\n")
assert "after, in front: 0\n" in text and "still four\n" in text, text
