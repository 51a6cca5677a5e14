"""A PostgreSQL of the tests' own: started in a temporary folder from Debian's binaries, gone with the tests."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GET_POSTGRESQL = (
    "no PostgreSQL was found, so its half of the workshop tests did not run. Get one with `apt-get install postgresql` "
    "(Debian, Ubuntu), or name its folder of binaries: ROBUSTSCOPE_POSTGRESQL=/usr/lib/postgresql/15/bin"
)
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB"  # nothing to outlive


def required() -> bool:
    """Whether tests that find no PostgreSQL fail, as they do in CI."""
    return os.environ.get("ROBUSTSCOPE_REQUIRE_POSTGRESQL") == "1"


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: the one named, or Debian's newest; None without any."""
    named = os.environ.get("ROBUSTSCOPE_POSTGRESQL")
    folders = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if os.access(folder / "initdb", os.X_OK)), None)


@contextmanager
def cluster(folder: Path, binary: Path) -> Iterator[str]:
    """The URL of a PostgreSQL in an empty folder; as root it runs as the user postgres, since it refuses root."""
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        done = subprocess.run(
            [*as_user, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    data = str(folder / "data")
    run(str(binary / "initdb"), "-D", data, "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} {FAST}"
    run(str(binary / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://tests@127.0.0.1:{port}/postgres"
    finally:
        run(str(binary / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
