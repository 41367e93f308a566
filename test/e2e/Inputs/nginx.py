#!/usr/bin/env python3
"""nginx.py OUTPUT - starts nginx with two workers that share a zone of memory,
root's as another user, and is its client: several connections at a time, each
answer is checked. Ends with status 7."""

import atexit
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

output = sys.argv[1]
rounds = 80000 if os.environ.get("HWCKPT_STRESS") == "1" else 2500
# Where workers of another user can look.
folder = tempfile.mkdtemp(prefix="hwckpt-nginx-", dir="/tmp")
atexit.register(shutil.rmtree, folder)
os.chmod(folder, 0o755)
os.mkdir(folder + "/files")
for size in (1, 1000, 300000):
    with open(f"{folder}/files/{size}", "w") as file:
        file.write("0123456789abcdef" * (size // 16 + 1))
with socket.socket() as some:
    some.bind(("127.0.0.1", 0))
    port = some.getsockname()[1]
with open(folder + "/nginx.conf", "w") as file:
    user = "user nobody nogroup;" if os.geteuid() == 0 else ""
    file.write(f"""{user}
daemon off;
master_process on;
worker_processes 2;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 50;
  limit_req_zone $binary_remote_addr zone=all:64k rate=1000000r/s;
  server {{
    listen 127.0.0.1:{port} reuseport;
    root {folder}/files;
    limit_req zone=all burst=10000;
  }}
}}
""")
server = subprocess.Popen(["nginx", "-e", folder + "/error.log", "-c", folder + "/nginx.conf"])
atexit.register(server.kill)


def connect():
    for _ in range(400):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.connect()
            return connection
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise SystemExit("no server")


failures = []
done = [0, 0, 0]


def load(number):
    connection = connect()
    for i in range(rounds):
        size = (1, 1000, 300000)[(i * 7 + number) % 3]
        try:
            connection.request("GET", f"/{size}")
            answer = connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, ConnectionError) as failed:
            # One that waited to be accepted is reset by a restore.
            connection = connect()
            failures.append(repr(failed))
            continue
        if answer.status != 200 or text != b"0123456789abcdef" * (size // 16 + 1):
            print(f"{size}: {answer.status} {len(text)}", file=sys.stderr, flush=True)
            server.kill()
            os._exit(1)
        done[number] += 1


threads = [threading.Thread(target=load, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
server.terminate()
assert server.wait() == 0
assert len(failures) <= 100, failures
with open(output, "w") as file:
    print(*(done if sum(done) + len(failures) != 3 * rounds else ["all"]), file=file)
sys.exit(7)
