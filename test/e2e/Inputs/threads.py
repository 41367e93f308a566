"""Threads that hash, with a lock between them, and one that sleeps."""

import hashlib
import threading
import time

lock = threading.Lock()
total = 0
ticks = []


def work(number):
    global total
    state = hashlib.sha256(str(number).encode())
    for step in range(240000):
        state.update(state.digest())
        if step % 1000 == 0:
            with lock:
                total += state.digest()[0]
    with lock:
        total += int.from_bytes(state.digest(), "little")


def tick():
    for number in range(120):
        time.sleep(0.01)
        ticks.append(number)
        print(number, flush=True)


threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
threads.append(threading.Thread(target=tick))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(total, sum(ticks))
