"""aside.py HWCKPT PROG - PROG, restored twice, has the terminal of who restores in
processes that have it at another number; so it has where it was started with
/dev/tty."""

import pty
import sys

from terminal import on_terminal

hwckpt, program = sys.argv[1:]
by_name = ["sh", "-c", 'exec "$@" <>/dev/tty', "sh"]
for way in [], by_name:
    text, status, name = on_terminal([*way, hwckpt, "run", "--", program])
    assert status == -9, (text, status)
    for _ in range(2):
        spare = pty.openpty()  # has the number that the last one had
        text, status, name = on_terminal([*way, hwckpt, "restore"])
        assert status == 0 and "HWCKPT" not in text, (text, status)
        shown = "/dev/tty" if way else name
        for who in "child", "grandchild":
            assert f"{who} {shown}\n" in text, (text, name)
