"""processes.py OUTPUT - multiprocessing with queues, a lock and shared memory;
ends with status 7."""

import multiprocessing
import sys


def work(todo, done, shared, lock):
    while (n := todo.get()) is not None:
        x = n
        for i in range(60000):
            x = (x * 31 + i) % 1000003
        with lock:
            shared[n % 8] += x
        done.put((n, x))


multiprocessing.set_start_method("fork")
todo, done = multiprocessing.Queue(), multiprocessing.Queue()
shared, lock = multiprocessing.Array("q", 8), multiprocessing.Lock()
workers = [
    multiprocessing.Process(target=work, args=(todo, done, shared, lock))
    for _ in range(3)
]
for worker in workers:
    worker.start()
for n in range(240):
    todo.put(n)
results = sorted(done.get() for _ in range(240))
for _ in workers:
    todo.put(None)
for worker in workers:
    worker.join()
with open(sys.argv[1], "w") as file:
    print(results, list(shared), [w.exitcode for w in workers], file=file)
sys.exit(7)
