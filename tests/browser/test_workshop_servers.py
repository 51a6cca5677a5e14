"""Two servers behind nginx, on one PostgreSQL: a participant on each, one room."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from core.workshop import leading, reading
from core.workshop.database import Database
from tests.helpers.browser import SIZES, served
from tests.helpers.postgresql import GET_POSTGRESQL, binaries, cluster, required
from tests.helpers.waiting import PATIENCE, until
from tests.helpers.workshop import presentable_round

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("workshop"), pytest.mark.timeout(900)]
GET_NGINX = "no nginx was found, so two servers behind it were not tried: `apt-get install nginx-light`"
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  map $http_user_agent $behind {{ default {one}; "~second" {other}; }}
  map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://$behind; proxy_http_version 1.1; proxy_read_timeout 300s;
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A PostgreSQL of this module's own."""
    found = binaries()
    if found is None or shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin") is None:
        (pytest.fail if required() else pytest.skip)(GET_POSTGRESQL if found is None else GET_NGINX)
    with tempfile.TemporaryDirectory(prefix="robustscope-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with cluster(Path(folder), found) as started:
            yield started


@pytest.fixture(scope="module")
def address(url, tmp_path_factory) -> Iterator[str]:
    """nginx in front of two servers; which one a browser gets goes by its name."""
    folder = tmp_path_factory.mktemp("nginx")
    environment = {"ROBUSTSCOPE_DATABASE": url, "ROBUSTSCOPE_VISITORS": str(folder / "visitors")}
    with ExitStack() as stack:
        one, other = (stack.enter_context(served(**environment)).removeprefix("http://") for _ in range(2))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        configuration = folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, one=one, other=other, port=port))
        nginx = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin"), "-c", str(configuration)])
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            nginx.terminate()
            nginx.wait(20)


def phone(browser: Browser, name: str, address: str, code: str) -> Page:
    context = browser.new_context(viewport=SIZES["narrow"], user_agent=f"robustscope {name}")
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(f"{address}/workshop?join={code}")
    page.get_by_label("Nickname").fill(name)
    page.keyboard.press("Enter")
    page.get_by_text("You are in").wait_for()
    return page


def test_a_participant_on_each_server_is_in_one_room(browser, url, address):
    """What the presenter does reaches both, and both answers are in one count."""
    database = Database(url)
    workshop, key = leading.open_workshop(database, "Two servers", [presentable_round()])
    leader = leading.lead(database, workshop.code, key, "")
    phones = [phone(browser, name, address, workshop.code) for name in ("first", "second")]
    leading.move(database, leader, True, 0)
    for page in phones:
        for number in (1, 2):
            page.get_by_text(f"{number} of 2", exact=True).wait_for()
            page.locator("[class*=st-key-ws-answer-] button").first.click()
        page.get_by_text("Thank you").wait_for()
    room = reading.room(database, workshop.id, {})
    assert (room.workshop.people, room.answers) == (2, 4)
    leading.move(database, leader, True, room.workshop.step)
    for page in phones:
        until(lambda page=page: page.get_by_text("You were right").count(), "the reveal on both servers")
        page.context.close()
    database.close()
