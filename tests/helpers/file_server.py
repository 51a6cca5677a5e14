"""A server on this machine that gives files, and gets wrong what a test asks it to."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(BaseHTTPRequestHandler):
    server: "FileServer"

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked.append(name)
        if name in self.server.moved:
            self.send_response(302)
            self.send_header("Location", self.server.moved[name])
            self.end_headers()
            return
        if name not in self.server.files:
            self.send_error(404)
            return
        data = self.server.files[name]
        self.send_response(200)
        claimed = self.server.claimed.get(name, len(data))
        if claimed:
            self.send_header("Content-Length", str(claimed))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class FileServer(ThreadingHTTPServer):
    """Files by name; what was asked for; sizes that are claimed falsely (0: none is said); names that lie elsewhere."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.claimed: dict[str, int] = {}
        self.moved: dict[str, str] = {}
        self.asked: list[str] = []

        self.scheme = "http"

    def encrypt(self, certificate: Path) -> None:
        """Answer over HTTPS from now on, by a certificate of the server's own that is written to this file."""
        key = certificate.with_suffix(".key")
        command = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=here"
        names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*command.split(), *names], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.scheme = "https"

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away."""

    def address(self, name: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/{name}"


@contextmanager
def serving() -> Iterator[FileServer]:
    """A server that is there as long as it is needed."""
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
