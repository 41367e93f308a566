"""files.py TIMES - threads that append to files of their own and to one of all; at the end every
line of them is read again, once each and in order."""

import hashlib
import os
import sys
import threading

LINES = 3000 * int(sys.argv[1])
lock = threading.Lock()
together = open("together", "w")


def work(number):
    state = hashlib.sha256(str(number).encode())
    with open(f"own-{number}", "w") as own:
        for line in range(LINES):
            for _ in range(80):
                state.update(state.digest())
            own.write(f"{line} {state.hexdigest()}\n")
            if line % 10 == 0:
                own.flush()
                with lock:
                    together.write(f"{number} {line}\n")
                    together.flush()


threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
together.close()
for number in range(3):
    with open(f"own-{number}") as own:
        lines = own.read().splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(LINES))
    print(number, hashlib.sha256("".join(lines).encode()).hexdigest())
with open("together") as file:
    lines = sorted(tuple(map(int, line.split())) for line in file)
assert lines == [(n, k) for n in range(3) for k in range(0, LINES, 10)]
print(len(lines), os.path.getsize("together"))
