"""A time-stamping authority for tests: `openssl ts` behind a small HTTP handler on 127.0.0.1."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
CONFIG = """[tsa]
serial = {directory}/serial
signer_cert = {directory}/signer.pem
signer_key = {directory}/signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
"""


def openssl() -> str:
    """Where openssl is; AssertionError with what to install if it is not."""
    found = shutil.which("openssl")
    assert found, "openssl is missing: sudo apt-get install openssl"
    return found


@dataclass
class Authority:
    """Its directory holds keys and certificates; `answer` turns a request into a body."""

    directory: Path
    requests: list[bytes] = field(default_factory=list)
    spoil: Callable[[bytes], bytes] = lambda body: body
    status: int = 200
    held: threading.Event | None = None
    """While it is not set no answer is given."""

    @property
    def pinned(self) -> bytes:
        """What a verifier pins: the signer's certificate and the root."""
        signer = (self.directory / "signer.pem").read_bytes()
        return signer + (self.directory / "chain.pem").read_bytes()

    def reply(self, request: bytes) -> bytes:
        """What `openssl ts` answers."""
        query = self.directory / "query"
        query.write_bytes(request)
        done = subprocess.run(
            [openssl(), "ts", "-reply", "-config", str(self.directory / "ts.conf"), "-section",
             "tsa", "-queryfile", str(query)],
            capture_output=True,
            check=False,
            timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def make(directory: Path, *, ends: dt.datetime = NOW + 30 * DAY) -> Authority:
    """A root, a signer's certificate that ends then, and what openssl needs to use it."""
    directory.mkdir()
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("Test root", root_key, "Test root", root_key, NOW + 365 * DAY, ca=True)
    signer = _certificate("Test stamps", key, "Test root", root_key, ends, ca=False)
    (directory / "chain.pem").write_bytes(root.public_bytes(Encoding.PEM))
    (directory / "signer.pem").write_bytes(signer.public_bytes(Encoding.PEM))
    (directory / "signer.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (directory / "serial").write_text("01\n")
    (directory / "ts.conf").write_text(CONFIG.format(directory=directory))
    return Authority(directory)


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    ends: dt.datetime,
    *,
    ca: bool,
) -> x509.Certificate:
    names = [
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in (subject, issuer)
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(NOW, ends) - DAY)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not ca:
        stamping = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(stamping, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def request(text: bytes) -> bytes:
    """A request over a text, as a program of others would make it."""
    return TimestampRequestBuilder(text, HashAlgorithm.SHA256).build().as_bytes()


def kill(pid: int) -> None:
    """End a process that the test has started, without a word."""
    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def serving(authority: Authority) -> Iterator[str]:
    """The authority's URL while it listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            authority.requests.append(request)
            if authority.held is not None:
                authority.held.wait(60)
            body = authority.spoil(authority.reply(request))
            self.send_response(authority.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked may have gone
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        if authority.held is not None:
            authority.held.set()
        server.shutdown()
        server.server_close()
        thread.join()
