"""terminal.py HWCKPT PROG - runs and restores PROG, each on a new terminal."""

import fcntl
import os
import pty
import subprocess
import sys
import termios


def on_terminal(command, answer=b""):
    """What the command writes to a terminal of its own; its status; its name."""
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
    )
    os.write(master, answer)
    status = process.wait()
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 4096):
            text += part
    except OSError:
        pass
    os.close(master)
    return text.decode().replace("\r\n", "\n"), status, name


def main(hwckpt, program):
    spare = [pty.openpty()]
    text, status, name = on_terminal([hwckpt, "run", "--", program])
    assert f"before {name}\n" in text and status == -9, (text, status)
    # The first terminal's number is taken, so that the second has another one.
    spare.append(pty.openpty())
    text, status, name = on_terminal([hwckpt, "restore"], b"typed\n")
    assert f"still\nafter {name}\n" in text, (text, status)
    assert "got typed\n" in text and status == 0, (text, status)


if __name__ == "__main__":
    main(*sys.argv[1:])
