"""What the browser tests share: the real server on a free port, and waiting for what a visitor would wait for."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, TimeoutError

from tests.helpers.nginx import free_port
from tests.helpers.waiting import until

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "artifacts"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SIZES = {
    "wide": {"width": 1440, "height": 900},
    "narrow": {"width": 390, "height": 844},
    "projector": {"width": 1280, "height": 720},
}
LONGEST = 5000
"""Milliseconds after which a page that always moves is left to it."""
_AT_REST = """([quiet, longest]) => new Promise(done => {
  const end = () => { seen.disconnect(); clearTimeout(rest); clearTimeout(last); done(); };
  const begin = () => setTimeout(end, quiet);
  const seen = new MutationObserver(() => { clearTimeout(rest); rest = begin(); });
  const last = setTimeout(end, longest);
  let rest = begin();
  seen.observe(document.documentElement, {subtree: true, childList: true, attributes: true, characterData: true});
})"""


@contextmanager
def serving(port: int = 0, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The dashboard, served as `make run` serves it: address and process; a traceback in its log is a failure.

    It listens on `port`, or on a free one.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "server.py", "--server.port", str(port)]
    with TemporaryDirectory() as folder:
        log = Path(folder, "log")  # a pipe that nobody reads would fill, and hold the server up
        with log.open("w") as file:
            server = subprocess.Popen(
                [*command, "--server.address", "127.0.0.1"],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            try:
                until(lambda: healthy(port) or server.poll() is not None, "the server to start")
                assert server.poll() is None, log.read_text()
                yield f"http://127.0.0.1:{port}", server
            finally:
                server.terminate()
                server.wait(20)
        assert "Traceback" not in log.read_text(), log.read_text()


@contextmanager
def served(**environment: str) -> Iterator[str]:
    """The address of the dashboard alone."""
    with serving(**environment) as (address, _):
        yield address


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def here(page: Page) -> str:
    """The address bar; asked of the page, because Playwright's own copy stands still between two calls."""
    return page.evaluate("location.href")


def settled(page: Page) -> bool:
    """Whether the server has nothing left to do for this page."""
    state = page.get_by_test_id("stApp").get_attribute("data-test-script-state")
    return state == "notRunning" and not page.locator("[data-stale=true]").count()


def at_rest(page: Page, quiet: int = 200) -> None:
    """Wait until nothing of the page has changed for so many milliseconds, as when charts took another width."""
    page.evaluate(_AT_REST, [quiet, LONGEST])


def loaded(page: Page) -> bool:
    """Whether every image of the page has arrived."""
    return page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")


def turn_to(page: Page, title: str, name: str) -> None:
    """Go to a page by its title in the navigation, which costs a third of loading it, until its name is in the address.

    What stands there is the last page's for a moment. The first page has no name.
    """
    page.get_by_role("link", name=title, exact=True).first.click()
    paths = ("/", "/compare") if name == "compare" else (f"/{name}",)
    until(lambda: urlsplit(here(page)).path in paths, f"{title} in the address")


def file_box(page: Page) -> Locator:
    """The box for a visitor's own picture, where it is to be opened: a page that runs again may close it at once."""
    box = page.locator(".st-key-picker-file input[type=file]")

    def opened() -> int:
        if not box.count():
            page.get_by_role("button", name="Yours").click()
            with suppress(TimeoutError):
                box.wait_for(state="attached", timeout=5000)
        return box.count()

    until(opened, "the box for files")
    return box


def drawn_scheme(page: Page) -> str:
    """The theme that the page is drawn in: "light" or "dark"."""
    return page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).colorScheme")


def in_turn(page: Page, *looks: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Each of these sizes and schemes, while the page stands still in it: one visit costs more than all of them."""
    for size, scheme in looks:
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        until(lambda scheme=scheme: drawn_scheme(page) == scheme, f"the {scheme} theme")
        page.wait_for_timeout(300)  # of transitions, and until a rerun has begun
        until(lambda: settled(page) and loaded(page), f"the page, {size} and {scheme}")
        yield size, scheme


def downloaded(page: Page, name: str) -> bytes:
    """The file that the first button of this name gives."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).first.click()
    return Path(waiting.value.path()).read_bytes()


def screenshot(page: Page, name: str) -> bool:
    """What a visitor sees, as a file in `artifacts/`, where somebody wants to look at it; whether they do.

    It costs a second a page, so it is made only with ROBUSTSCOPE_SCREENSHOTS=1.
    """
    wanted = os.environ.get("ROBUSTSCOPE_SCREENSHOTS") == "1"
    if wanted:
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{name}.png")
    return wanted


def photograph(page: Page, name: str) -> None:
    """What a visitor sees first, and the whole page, where somebody wants to look at them."""
    if not screenshot(page, name):
        return
    size = page.viewport_size
    tall = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": tall + 80})
    page.wait_for_timeout(500)
    until(lambda: loaded(page), "the images")
    screenshot(page, f"{name}-whole")
    page.set_viewport_size(size)
