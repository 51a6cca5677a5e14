"""The files in `deploy/`: two servers behind the nginx that ships, and a visitor who outlives each of them."""

import base64
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError

from app.state.visitor_cookie import COOKIE
from tests.helpers import nginx
from tests.helpers.browser import ROOT, file_box, loaded, serving, settled
from tests.helpers.pages import picture
from tests.helpers.postgresql import required
from tests.helpers.waiting import PATIENCE, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("deployment"), pytest.mark.timeout(900)]
SHIPPED = (ROOT / "deploy" / "nginx.conf").read_text()
PAGES = ("compare", "saliency", "workshop")


@dataclass
class Pair:
    """Two servers that share what visitors bring; each can be killed and started anew where it was."""

    folder: Path
    ports: tuple[int, int]
    running: list[tuple[ExitStack, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, port: int) -> tuple[ExitStack, subprocess.Popen[bytes]]:
        shared = {f"ROBUSTSCOPE_{name}": str(self.folder / name.lower()) for name in ("VISITORS", "UPLOADS")}
        stack = ExitStack()
        return stack, stack.enter_context(serving(port, **shared))[1]

    def kill(self, index: int) -> None:
        """kill -9."""
        stack, server = self.running[index]
        server.kill()
        server.wait(20)
        stack.close()

    def start_again(self, index: int) -> None:
        self.running[index] = self.start(self.ports[index])


@contextmanager
def pair(folder: Path) -> Iterator[Pair]:
    made = Pair(folder, (nginx.free_port(), nginx.free_port()))
    try:
        for port in made.ports:
            made.running.append(made.start(port))
        yield made
    finally:
        for stack, _ in made.running:
            stack.close()


def site(folder: Path, ports: tuple[int, int], doors: tuple[int, int]) -> str:
    """The configuration that ships, with this machine's servers, ports and a certificate of its own."""
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    changes = {
        "127.0.0.1:8501": f"127.0.0.1:{ports[0]}",
        "127.0.0.1:8502": f"127.0.0.1:{ports[1]}",
        "listen 80;": f"listen 127.0.0.1:{doors[0]};",
        "listen 443 ssl;": f"listen 127.0.0.1:{doors[1]} ssl;",
        "/etc/ssl/robustscope/fullchain.pem": str(certificate),
        "/etc/ssl/robustscope/privkey.pem": str(key),
    }
    changed = SHIPPED
    for old, new in changes.items():
        assert old in changed, old
        changed = changed.replace(old, new)
    return changed


@dataclass(frozen=True)
class Deployment:
    """The address of the door, that of the door without TLS, and the servers behind them."""

    address: str
    plain: str
    servers: Pair


@pytest.fixture(scope="module")
def deployed(tmp_path_factory) -> Iterator[Deployment]:
    if nginx.binary() is None:
        (pytest.fail if required() else pytest.skip)(nginx.GET_NGINX)
    folder = tmp_path_factory.mktemp("deployed")
    doors = (nginx.free_port(), nginx.free_port())
    with pair(folder) as servers, nginx.in_front(folder, site(folder, servers.ports, doors), doors[1]):
        yield Deployment(f"https://127.0.0.1:{doors[1]}", f"http://127.0.0.1:{doors[0]}", servers)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()


def whole(page: Page) -> None:
    page.get_by_test_id("stApp").wait_for()
    until(lambda: loaded(page) and settled(page), "the page")


def test_a_visitor_outlives_each_server_with_their_picture(page, deployed):
    """Whichever of the two has them: the first is killed, and when another stands in its place the second."""
    page.goto(f"{deployed.address}/?models=standard")
    whole(page)
    file_box(page).set_input_files({"name": "noise.png", "mimeType": "image/png", "buffer": picture()})
    until(lambda: settled(page) and page.get_by_text("Your picture noise.png").count(), "the picture")
    until(lambda: any(cookie["name"] == COOKIE for cookie in page.context.cookies()), "the name, fetched by a script")
    for index in range(2):
        deployed.servers.kill(index)
        until(lambda: back(page), "the picture to be back")
        if index == 0:
            deployed.servers.start_again(index)


def back(page: Page) -> bool:
    """Whether a reload shows the picture; nginx leaves a server that failed alone for ten seconds."""
    page.reload()
    with suppress(TimeoutError):
        page.get_by_text("Your picture noise.png").first.wait_for(timeout=15_000)
        return True
    return False


def test_pages_work_under_the_policy_and_what_is_closed_is_closed(page, deployed):
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    for name in PAGES:
        answer = page.goto(f"{deployed.address}/{name}")
        whole(page)
        assert {"x-frame-options": "DENY", "referrer-policy": "no-referrer"}.items() <= answer.headers.items()
        assert "camera=(self)" in answer.headers["permissions-policy"], "a picture may be taken with the camera"
    assert not refused
    request = page.context.request
    assert request.get(f"{deployed.address}/_stcore/metrics").status == 404
    assert request.get(deployed.plain, max_redirects=0).headers["location"].startswith("https://")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["_streamlit_xsrf"]["secure"], "servers that know nothing of TLS set theirs without"
    route = cookies["robustscope_route"]
    assert route["secure"] and route["httpOnly"] and base64.b16decode(route["value"].upper())
