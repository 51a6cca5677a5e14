"""A file comes whole or not at all, and each way in which that fails is a sentence."""

import errno
import hashlib
import socket
from pathlib import Path

import pytest

from core.errors import InputError
from core.models.published import download as module
from core.models.published.download import UnreachableError, download
from core.progress import StoppedError
from tests.helpers.file_server import FileServer, serving

DATA = bytes(range(256)) * 4000  # some blocks
SUM = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as there:
        there.files["weights"] = DATA
        yield there


def refused(tmp_path: Path, address: str, said: str, kind: type[Exception] = InputError, **more) -> None:
    """The file does not come, and nothing of it is left."""
    with pytest.raises(kind, match=said):
        download(address, tmp_path / "file", **more)
    assert not list(tmp_path.iterdir())


def test_a_file_comes_with_its_checksum_and_says_how_far_it_is(server: FileServer, tmp_path):
    told: list[tuple[int, int]] = []
    got = download(server.address("weights"), tmp_path / "file", SUM[:8], on_progress=lambda *one: told.append(one))
    assert got == SUM and (tmp_path / "file").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert told[0] == (0, len(DATA)) and told[-1] == (len(DATA), len(DATA)) and len(told) > 3


def test_another_file_than_was_published_is_thrown_away(server: FileServer, tmp_path):
    refused(tmp_path, server.address("weights"), f"begins with {SUM[:8]}, and should with 00000000", sha256="0" * 8)


def test_a_connection_that_ends_early_leaves_nothing(server: FileServer, tmp_path):
    server.claimed["weights"] = len(DATA) + 1_000_000
    refused(tmp_path, server.address("weights"), "ended after 1.0 of 2.0 MB")


def test_what_is_not_there_is_said_with_the_address(server: FileServer, tmp_path):
    refused(tmp_path, server.address("nothing"), r"127.0.0.1 answers 404 \(Not Found\) for http://.*/nothing")


def test_what_says_that_it_is_too_large_is_not_begun(server: FileServer, tmp_path):
    refused(tmp_path, server.address("weights"), "the file has 1 MB; at most 0 MB are taken", limit=1000)


def test_what_turns_out_too_large_is_broken_off(server: FileServer, tmp_path):
    server.claimed["weights"] = 0
    refused(tmp_path, server.address("weights"), "is larger than 1 MB", limit=600_000)


def test_a_stop_leaves_nothing(server: FileServer, tmp_path):
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    refused(tmp_path, server.address("weights"), "was stopped; nothing", StoppedError, should_stop=stop)


def test_an_interruption_leaves_nothing(server: FileServer, tmp_path):
    def interrupt(done: int, of: int) -> None:
        if done:
            raise KeyboardInterrupt("pressed")

    refused(tmp_path, server.address("weights"), "pressed", KeyboardInterrupt, on_progress=interrupt)


def test_nobody_there_is_a_machine_that_is_offline(tmp_path, server: FileServer, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/weights"
        refused(tmp_path, address, "can't be reached .*offline, or needs a proxy", UnreachableError)

    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    refused(tmp_path, "https://example.invalid/x", r"example.invalid can't be reached \(Name or serv", UnreachableError)


def test_a_full_disk_is_said_before_and_while_it_is_written(server: FileServer, tmp_path, monkeypatch):
    server.claimed["weights"] = 1 << 60
    refused(tmp_path, server.address("weights"), "the disk is full: the file takes", limit=1 << 62)
    server.claimed.clear()

    def full(file, block):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_put", full)
    refused(tmp_path, server.address("weights"), "could not be written: the disk is full")


def test_only_encrypted_addresses_are_followed(server: FileServer, tmp_path):
    refused(tmp_path, "http://example.org/weights", "over https alone")
    refused(tmp_path, "file:///etc/passwd", "over https alone")
    server.moved["away"] = "http://example.org/weights"
    refused(tmp_path, server.address("away"), "over https alone; got http://example.org")
    server.moved["near"] = server.address("weights")
    assert download(server.address("near"), tmp_path / "file") == SUM


def test_over_https_the_certificate_must_be_trusted(server: FileServer, tmp_path, monkeypatch):
    certificates, folder = tmp_path / "certificates", tmp_path / "folder"
    certificates.mkdir()
    folder.mkdir()
    server.encrypt(certificates / "own.pem")
    refused(folder, server.address("weights"), "the certificate of 127.0.0.1 is not trusted here")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "own.pem"))
    assert download(server.address("weights"), folder / "file", SUM) == SUM


def test_nobody_elsewhere_can_lead_to_a_server_on_this_machine():
    request = module._request("https://example.org/weights")
    with pytest.raises(InputError, match="over https alone"):
        module._SafeRedirects().redirect_request(request, None, 302, "", {}, "http://127.0.0.1:8501/secret")
