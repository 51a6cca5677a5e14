"""Two servers behind nginx, on one PostgreSQL: a participant on each, one room."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, TimeoutError

from core.workshop import leading, reading
from core.workshop.database import Database
from core.workshop.state import Leader, Workshop
from tests.helpers import nginx
from tests.helpers.browser import SIZES, serving
from tests.helpers.phone import ANSWERS, answer, asked, join
from tests.helpers.postgresql import GET_POSTGRESQL, binaries, cluster, required
from tests.helpers.waiting import PATIENCE, until
from tests.helpers.workshop import presentable_round

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("workshop"), pytest.mark.timeout(900)]
SITE = """
upstream one {{ server {one}; server {other} backup; }}
upstream other {{ server {other}; server {one} backup; }}
map $http_user_agent $behind {{ default one; "~second" other; }}
map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
server {{
  listen 127.0.0.1:{port};
  location / {{
    proxy_pass http://$behind; proxy_http_version 1.1; proxy_read_timeout 300s; proxy_connect_timeout 5s;
    proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
  }}
}}
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A PostgreSQL of this module's own."""
    found = binaries()
    if found is None or nginx.binary() is None:
        (pytest.fail if required() else pytest.skip)(GET_POSTGRESQL if found is None else nginx.GET_NGINX)
    with tempfile.TemporaryDirectory(prefix="robustscope-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with cluster(Path(folder), found) as started:
            yield started


@dataclass(frozen=True, slots=True)
class Behind:
    """nginx in front of two servers, and the process of the first, which "first" gets while it lives."""

    address: str
    first: subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def behind(url, tmp_path_factory) -> Iterator[Behind]:
    """Which server a browser gets goes by its name; where that one is gone, it gets the other."""
    folder = tmp_path_factory.mktemp("behind")
    environment = {"ROBUSTSCOPE_DATABASE": url, "ROBUSTSCOPE_VISITORS": str(folder / "visitors")}
    with ExitStack() as stack:
        (one, first), (other, _) = (stack.enter_context(serving(**environment)) for _ in range(2))
        servers = {"one": one.removeprefix("http://"), "other": other.removeprefix("http://")}
        port = nginx.free_port()
        with nginx.in_front(folder, SITE.format(port=port, **servers), port):
            yield Behind(f"http://127.0.0.1:{port}", first)


@pytest.fixture
def database(url) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def room(browser, behind, database) -> Iterator[tuple[Workshop, Leader, list[Page]]]:
    """A workshop at its first question, with a participant on each server."""
    workshop, key = leading.open_workshop(database, "Two servers", [presentable_round()])
    phones = []
    for name in ("first", "second"):
        context = browser.new_context(viewport=SIZES["narrow"], user_agent=f"robustscope {name}")
        context.set_default_timeout(PATIENCE * 1000)
        phones.append(join(context, behind.address, workshop.code, name))
    leader = leading.lead(database, workshop.code, key, "")
    leading.move(database, leader, True, 0)
    yield workshop, leader, phones
    for page in phones:
        page.context.close()


def revealed(database: Database, workshop: Workshop, leader: Leader, phones: list[Page]) -> None:
    """The presenter reveals, and every phone hears of it."""
    leading.move(database, leader, True, reading.room(database, workshop.id, {}).workshop.step)
    for page in phones:
        page.get_by_text("You were right").wait_for()


def test_a_participant_on_each_server_is_in_one_room(behind, database, room):
    """What the presenter does reaches both, and both answers are in one count; it runs before one of them is killed."""
    assert behind.first.poll() is None
    workshop, leader, phones = room
    for page in phones:
        answer(page)
    now = reading.room(database, workshop.id, {})
    assert (now.workshop.people, now.answers) == (2, 4)
    revealed(database, workshop, leader, phones)


def test_a_server_that_is_killed_costs_nobody_an_answer(behind, database, room):
    """kill -9 in the middle of a round: its participant goes on at the other one, with every answer once.

    A press in the moment of the death may be in vain, so that phone is pressed until it says what it does next.
    """
    workshop, leader, phones = room
    first, second = phones
    asked(first, 1, 2)
    first.locator(ANSWERS).first.dblclick()
    asked(first, 2, 2)
    behind.first.kill()
    behind.first.wait(20)
    answer(second)
    thanked = first.get_by_text("Thank you")

    def pressed() -> bool:
        with suppress(TimeoutError):  # the buttons are locked while the phone looks for a server
            first.locator(ANSWERS).first.click(timeout=3000)
        return bool(thanked.count())

    until(pressed, "the other server to take the answer")
    (round_,) = reading.room(database, workshop.id, {}).rounds
    answers = reading.answers_of(database, round_.id)
    now = reading.room(database, workshop.id, {})
    assert len(answers) == len({(person, item) for person, item, _ in answers}) == now.answers == 4
    assert now.workshop.people == 2
    revealed(database, workshop, leader, phones)
