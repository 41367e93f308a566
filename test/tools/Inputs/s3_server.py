"""s3_server.py - an object storage in memory that speaks as much of S3 as is
asked of it, and what lies between: a proxy, and a place that never answers.

It works each signature out anew (AWS Signature Version 4, from the Amazon S3
API Reference) from what it got, with what it knows of who asks.
"""

import datetime
import hashlib
import hmac
import http.server
import re
import socket
import ssl
import subprocess
import threading
import urllib.parse
from xml.sax.saxutils import escape

ACCESS, SECRET = "AKIDOFNOBODY", "a+secret/of=nobody"
REGION = "us-east-1"


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sorted_query(query):
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def error(status, code, more=""):
    return status, {}, f"<?xml version='1.0'?>\n<Error><Code>{code}</Code>{more}</Error>".encode()


class Storage:
    """`token`: session token that who asks must have; `answer`: called with each
    request (method, path, query, body) before it is done, gives (status, headers,
    body) in its place, or None; `lines`: "METHOD /path?query" of each request;
    `certificate`: of https."""

    def __init__(self, certificate=None):
        self.region, self.token, self.answer = REGION, None, None
        self.lines, self.objects, self.uploads = [], {}, {}
        self.lock = threading.Lock()
        storage = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                storage.serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = do

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        path, _, query = request.path.partition("?")
        self.lines.append(f"{request.command} {request.path}")
        answer = self.answer and self.answer(request.command, path, query, body)
        refusal = None if answer else self.check(request, path, query, body)
        with self.lock:
            status, headers, content = (
                answer or refusal or self.do(request, path, query, body)
            )
        request.send_response(status)
        for name, value in {"Content-Length": len(content), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)

    def check(self, request, path, query, body):
        """None, or how it is refused."""
        headers = request.headers
        got = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
            r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
            headers.get("Authorization", ""),
        )
        if not got:
            return error(403, "AccessDenied")
        access, day, region, names, signature = got.groups()
        digest = hashlib.sha256(body).hexdigest()
        names = names.split(";")
        if region != self.region:
            return error(400, "AuthorizationHeaderMalformed", f"<Region>{self.region}</Region>")
        if access != ACCESS:
            return error(403, "InvalidAccessKeyId")
        wanted = {"host", "x-amz-date", "x-amz-content-sha256"}
        wanted |= {"x-amz-security-token"} if self.token else set()
        if names != sorted(names) or not wanted <= set(names):
            return error(403, "AccessDenied", "<Message>not all is signed</Message>")
        if headers["x-amz-content-sha256"] != digest:
            return error(400, "XAmzContentSHA256Mismatch")
        if headers.get("x-amz-security-token") != self.token:
            return error(400, "InvalidToken")
        stamp = headers["x-amz-date"]
        age = datetime.datetime.utcnow() - datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
        if stamp[:8] != day or abs(age.total_seconds()) > 900:
            return error(403, "RequestTimeTooSkewed")
        canonical = [request.command, path, sorted_query(query)]
        canonical += [f"{name}:{' '.join(headers[name].split())}" for name in names]
        canonical += ["", ";".join(names), digest]
        scope = f"{day}/{region}/s3/aws4_request"
        text = "\n".join(canonical)
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(text.encode()).hexdigest()}"
        key = b"AWS4" + SECRET.encode()
        for part in (day, region, "s3", "aws4_request"):
            key = sign(key, part)
        if not hmac.compare_digest(sign(key, text).hex(), signature):
            return error(403, "SignatureDoesNotMatch")
        return None

    def do(self, request, path, query, body):
        asked = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        _, bucket, *key = urllib.parse.unquote(path).split("/", 2)
        if bucket != "bucket":
            return error(404, "NoSuchBucket")
        if not key:
            return self.listed(asked)
        if "uploads" in asked or "uploadId" in asked:
            return self.upload(request.command, key[0], asked, body)
        if request.command == "PUT":
            self.objects[key[0]] = body
            return 200, {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}, b""
        if request.command == "DELETE":
            self.objects.pop(key[0], None)
            return 204, {}, b""
        return self.read(request, key[0])

    def read(self, request, key):
        if key not in self.objects:
            return error(404, "NoSuchKey")
        content = self.objects[key]
        place = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if not place:
            return 200, {}, content
        begin, end = int(place[1]), int(place[2]) + 1
        if begin >= len(content):
            return error(416, "InvalidRange")
        return 206, {}, content[begin:end]

    def listed(self, asked):
        prefix = asked.get("prefix", "")
        if "uploads" in asked:
            text = "".join(
                f"<Upload><Key>{escape(key)}</Key><UploadId>{upload}</UploadId></Upload>"
                for upload, (key, _) in self.uploads.items()
                if key.startswith(prefix)
            )
            return 200, {}, f"<ListMultipartUploadsResult>{text}</ListMultipartUploadsResult>".encode()
        text = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size></Contents>"
            for key, content in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        return 200, {}, f"<ListBucketResult>{text}</ListBucketResult>".encode()

    def upload(self, method, key, asked, body):
        if "uploads" in asked:
            upload = f"upload{len(self.lines)}"
            self.uploads[upload] = key, {}
            return 200, {}, f"<R><UploadId>{upload}</UploadId></R>".encode()
        if asked["uploadId"] not in self.uploads:
            return error(404, "NoSuchUpload")
        _, parts = self.uploads[asked["uploadId"]]
        digest = lambda part: hashlib.md5(part).hexdigest()
        if method == "PUT":
            parts[int(asked["partNumber"])] = body
            return 200, {"ETag": f'"{digest(body)}"'}, b""
        if method == "GET":
            text = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{digest(part)}&quot;</ETag></Part>"
                for number, part in sorted(parts.items())
            )
            return 200, {}, f"<ListPartsResult>{text}</ListPartsResult>".encode()
        if method == "DELETE":
            del self.uploads[asked["uploadId"]]
            return 204, {}, b""
        wanted = re.findall('<PartNumber>(\\d+)</PartNumber><ETag>"([0-9a-f]+)"', body.decode())
        if any(digest(parts.get(int(number), b"")) != etag for number, etag in wanted):
            return error(400, "InvalidPart")
        self.objects[key] = b"".join(parts[int(number)] for number, _ in wanted)
        del self.uploads[asked["uploadId"]]
        return 200, {}, b"<CompleteMultipartUploadResult/>"


class Place:
    """Takes connections. `lines`: the first line of what came in each."""

    def __init__(self):
        self.lines = []
        self.clients = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        """Never answers."""

    def close(self):
        self.listening.close()
        for client in self.clients:
            client.close()


def pass_on(source, target):
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Proxy(Place):
    """A forward proxy: whoever is asked for, it is the storage at a port. With
    `refuses` it does not make tunnels."""

    def __init__(self, port):
        self.target, self.refuses = port, False
        super().__init__()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return
            head += piece
        line = head.split(b"\r\n", 1)[0].decode()
        self.lines.append(line)
        server = socket.create_connection(("127.0.0.1", self.target))
        if line.startswith("CONNECT"):
            if self.refuses:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                client.close()
                return
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            # Of a URL the path; and no other request on this connection.
            head = re.sub(rb"^(\w+) http://[^/ ]+", rb"\1 ", head)
            server.sendall(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
        pass_on(server, client)


def make_certificate(folder, host):
    """A file with key and certificate of a host, of nobody; None: no openssl."""
    path = f"{folder}/{host}.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", f"/CN={host}", "-addext",
             f"subjectAltName=DNS:{host},IP:127.0.0.1", "-keyout", path, "-out", path + ".crt"],
            check=True, capture_output=True,
        )
    except FileNotFoundError:
        return None
    with open(path, "a") as both, open(path + ".crt") as certificate:
        both.write(certificate.read())
    return path
