"""An nginx of the tests' own, in front of servers on this machine."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.waiting import until

GET_NGINX = "no nginx was found, so servers behind it were not tried: `apt-get install nginx-light`"
AROUND = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ }}
http {{
  access_log off; server_names_hash_bucket_size 64;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  include {folder}/site.conf;
}}
"""


def binary() -> str | None:
    """nginx, which Debian keeps from the path of ordinary users."""
    return shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def in_front(folder: Path, site: str, port: int) -> Iterator[None]:
    """nginx with this `site` inside `http`, which listens on `port`; it keeps its files in `folder`."""
    (folder / "site.conf").write_text(site)
    configuration = folder / "nginx.conf"
    configuration.write_text(AROUND.format(folder=folder))
    nginx = subprocess.Popen([str(binary()), "-c", str(configuration)])
    try:
        until(lambda: _answers(port) or nginx.poll() is not None, "nginx to start")
        assert nginx.poll() is None, (folder / "error.log").read_text()
        yield
    finally:
        nginx.terminate()
        nginx.wait(20)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
