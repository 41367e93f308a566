#!/usr/bin/env python3
"""postgres.py OUTPUT - starts a PostgreSQL server, and is its client: each row
that it was told is there is counted, and in the end the index is checked. Ends
with status 7."""

import atexit
import os
import subprocess
import sys
import time

output = sys.argv[1]
rounds = 60000 if os.environ.get("HWCKPT_STRESS") == "1" else 8000
folder = output + ".postgres"
if not os.path.exists(folder):
    subprocess.run(
        ["initdb", "--no-sync", "-A", "trust", "-U", "owner", "-D", folder], check=True, stdout=subprocess.DEVNULL
    )
# Queries are answered by processes that are born for them, and have memory of
# their own with who asked.
settings = {
    "listen_addresses": "",
    "unix_socket_directories": folder,
    "fsync": "off",
    "autovacuum": "off",
    "force_parallel_mode": "on",
    "shared_buffers": "8MB",
    "max_connections": "10",
    "lc_messages": "C",
}
options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
with open(folder + "/log", "a") as log:
    server = subprocess.Popen(["postgres", "-D", folder, *options], stdout=log, stderr=log)
atexit.register(server.kill)
access = ["-h", folder, "-U", "owner"]
for _ in range(2000):
    if not subprocess.run(["pg_isready", "-q", *access]).returncode:
        break
    time.sleep(0.02)
client = subprocess.Popen(
    ["psql", "-AtqX", "-v", "ON_ERROR_STOP=1", *access, "postgres"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
)
atexit.register(client.kill)


def ask(statement):
    client.stdin.write(statement + ";\n")
    client.stdin.flush()
    return client.stdout.readline().rstrip("\n")


def tell(statement):
    client.stdin.write(statement + ";\n")


tell("set client_min_messages = warning")
tell("drop table if exists t")
tell("create table t (n int primary key, text text)")
tell("create extension if not exists amcheck")
total = 0
for i in range(rounds):
    said = ask(f"insert into t values ({i}, repeat('{i} ', {i % 300})) returning n")
    assert said == str(i), (i, said)
    total += i
    if i % 100 == 50:
        said = ask("select count(*), sum(n) from t")
        assert said == f"{i + 1}|{total}", (i, said)
    if i % 500 == 499:
        tell(f"update t set text = 'again' where n % 10 = {i // 500 % 10}")
        tell("checkpoint")
assert ask("select bt_index_check('t_pkey', true)") == ""
result = ask("select count(*), sum(n), md5(string_agg(text, ',' order by n)) from t")
client.stdin.close()
assert client.wait() == 0
server.terminate()
assert server.wait() == 0
with open(output, "w") as file:
    print(result, file=file)
sys.exit(7)
