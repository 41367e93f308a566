"""swift_server.py - OpenStack Swift with s3api and tempauth on loopback, in
processes of ours, and a proxy before it that misbehaves when told to.

With Debian's packages and its own Python (swift-proxy, swift-account,
swift-container, swift-object, memcached). What it needs is looked for first:
missing() says what there is not.
"""

import datetime
import hashlib
import hmac
import http.client
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

ACCESS, SECRET, REGION = "test:tester", "a-secret-that-is-nowhere-else", "us-east-1"
NEEDED = (
    "swift-ring-builder",
    "swift-proxy-server",
    "swift-account-server",
    "swift-container-server",
    "swift-object-server",
    "memcached",
)

FILTERS = """
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
"""


def missing():
    names = [name for name in NEEDED if not shutil.which(name)]
    if names:
        return "no " + ", ".join(names)
    return None


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


class Swift:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        ports = free_ports(5)
        self.port = ports[0]
        servers = dict(zip(("account", "container", "object"), ports[1:4]))
        os.makedirs(f"{folder}/dev/d1")
        os.makedirs(f"{folder}/cache")
        for kind, port in servers.items():
            self.make_ring(kind, port)
            write(
                f"{folder}/{kind}.conf",
                f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\n"
                f"workers = 0\nuser = {self.user()}\nswift_dir = {folder}\n"
                f"devices = {folder}/dev\nmount_check = false\n"
                f"log_address = {folder}/nolog\n"
                f"[pipeline:main]\npipeline = {kind}-server\n"
                f"[app:{kind}-server]\nuse = egg:swift#{kind}\n"
                f"recon_cache_path = {folder}/cache\n",
            )
        filters = "catch_errors gatekeeper cache listing_formats s3api tempauth copy slo dlo"
        rest = "".join(
            f"[filter:{name}]\nuse = egg:swift#{name}\n"
            for name in filters.split()
            if name not in ("cache", "s3api", "tempauth")
        )
        write(
            f"{folder}/proxy.conf",
            f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {self.port}\n"
            f"workers = 0\nuser = {self.user()}\nswift_dir = {folder}\n"
            f"log_address = {folder}/nolog\n"
            f"[pipeline:main]\npipeline = {filters} proxy-server\n"
            "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
            + FILTERS.format(memcached=ports[4], secret=SECRET)
            + rest,
        )
        write(
            f"{folder}/swift.conf",
            "[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n",
        )
        self.start(["memcached", "-l", "127.0.0.1", "-p", str(ports[4]), "-U", "0"]
                   + (["-u", "root"] if os.getuid() == 0 else []))
        for kind in ("account", "container", "object", "proxy"):
            self.start([f"swift-{kind}-server", f"{folder}/{kind}.conf"])
        for port in [*ports]:
            self.wait_for(port)

    @staticmethod
    def user():
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name

    def make_ring(self, kind, port):
        builder = f"{self.folder}/{kind}.builder"
        for arguments in (
            ("create", "4", "1", "1"),
            ("add", f"r1z1-127.0.0.1:{port}/d1", "1"),
            ("rebalance",),
        ):
            subprocess.run(
                ["swift-ring-builder", builder, *arguments],
                check=True,
                capture_output=True,
            )

    def start(self, command):
        log = open(f"{self.folder}/log", "ab")
        self.processes.append(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "SWIFT_TEST_CONFIG_FILE": "", "SWIFT_CONF_DIR": self.folder},
                start_new_session=True,
                cwd=self.folder,
            )
        )
        log.close()

    def wait_for(self, port):
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(open(f"{self.folder}/log").read())

    def stop(self):
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def request(self, method, path, query="", body=b"", binary=False):
        """A signed request of our own; its status and text, or bytes."""
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        day, host = stamp[:8], f"127.0.0.1:{self.port}"
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        names = ";".join(headers)
        canonical = "\n".join(
            [method, path, query]
            + [f"{name}:{value}" for name, value in headers.items()]
            + ["", names, digest]
        )
        scope = f"{day}/{REGION}/s3/aws4_request"
        text = "\n".join(
            ["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()]
        )
        key = b"AWS4" + SECRET.encode()
        for part in (day, REGION, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope},"
            f"SignedHeaders={names},Signature={signature}"
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path + ("?" + query if query else ""), body, headers)
        answer = connection.getresponse()
        content = answer.read()
        result = answer.status, content if binary else content.decode()
        connection.close()
        return result


class Proxy:
    """Passes requests on. `refuse`: so many are answered 503 first; `cut`: after
    so many bytes of a client's that connection ends, once; `pause`: seconds
    before each piece; `expire`: called before the request that has it in its
    first line; `alter`: makes another answer of a request's first line and of the
    whole answer."""

    def __init__(self, swift):
        self.swift = swift
        self.refuse, self.cut, self.pause = 0, None, 0
        self.expire = self.alter = None
        self.lines = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def close(self):
        self.listening.close()

    def serve(self, client):
        try:
            self.pass_on(client)
        except OSError:
            pass
        finally:
            client.close()

    def pass_on(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return
            head += piece
        line = head.split(b"\r\n", 1)[0].decode()
        self.lines.append(line)
        if self.expire and self.expire[0] in line:
            action, self.expire = self.expire[1], None
            action(line)
        if self.refuse:
            self.refuse -= 1
            client.sendall(
                b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            # What the client still sends would reset the connection.
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
            return
        # One request a connection: what follows is the body.
        head = head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        server = socket.create_connection(("127.0.0.1", self.swift.port))
        answering = threading.Thread(target=self.answer, args=(line, server, client), daemon=True)
        answering.start()
        server.sendall(head)
        passed = 0
        while True:
            piece = client.recv(65536)
            if not piece:
                break
            passed += len(piece)
            if self.cut is not None and passed > self.cut:
                self.cut = None
                client.shutdown(socket.SHUT_RDWR)
                server.close()
                return
            time.sleep(self.pause)
            server.sendall(piece)
        answering.join()

    def answer(self, line, server, client):
        try:
            if self.alter:
                whole = b"".join(iter(lambda: server.recv(65536), b""))
                client.sendall(self.alter(line, whole))
            while not self.alter:
                piece = server.recv(65536)
                if not piece:
                    break
                time.sleep(self.pause)
                client.sendall(piece)
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        server.close()
