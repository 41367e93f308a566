"""settings.py HWCKPT PROG - what PROG set for its terminal is set for another
one by a restore in front, by one behind it is not; what PROG did not set stays
as it is there."""

import sys

from terminal import on_terminal

hwckpt, program = sys.argv[1:]
# As the shell of who restores has it: one character that PROG does not set.
other = ["sh", "-c", 'stty intr ^T; "$@"; :', "sh", hwckpt]
behind = ["sh", "-c", 'set -m; stty intr ^T; "$@" & wait', "sh", hwckpt]

on_terminal([hwckpt, "run", "--", program])
text, status, _ = on_terminal(other + ["restore"])
assert "echo 0, lines 0, interrupts 7\n" in text, text
text, status, _ = on_terminal(behind + ["restore"])
assert "echo 1, lines 1, interrupts 20\n" in text, text
on_terminal([hwckpt, "run", "--", program, "nothing"])
text, status, _ = on_terminal(other + ["restore"])
assert "echo 1, lines 1, interrupts 20\n" in text, text
