"""Both databases: each test of the store runs on SQLite and on PostgreSQL, on tables of its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from core.workshop.database import Database
from tests.helpers.postgresql import GET_POSTGRESQL, binaries, cluster, required

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a running PostgreSQL; without one the test is skipped, or fails where it is required."""
    found = binaries()
    if found is None:
        (pytest.fail if required() else pytest.skip)(GET_POSTGRESQL)
    with tempfile.TemporaryDirectory(prefix="robustscope-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with cluster(Path(folder), found) as url:
            yield url


@pytest.fixture(params=BOTH)
def url(request, tmp_path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'workshops.db'}"
    found = request.getfixturevalue("postgresql")
    engine = create_engine(found.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return found


@pytest.fixture
def database(url) -> Iterator[Database]:
    """An open database without any workshop."""
    opened = Database(url)
    yield opened
    opened.close()
