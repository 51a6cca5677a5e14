"""What every test shares: no data set in reach, the browser, and a summary of what ran."""

import gc
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from tests.helpers.fixtures import in_place_of

settings.register_profile("house", deadline=None, derandomize=True)  # the same cases on every machine, fast or slow
settings.load_profile("house")

if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes, each with a thread of its own
    os.environ.setdefault("OMP_NUM_THREADS", "1")

gc.disable()  # until all is imported, which stays: a quarter of the time that collecting the tests takes


def pytest_collection_finish():
    """What was imported is not looked through again."""
    gc.freeze()
    gc.enable()


def pytest_pycollect_makemodule():
    """What a module draws as it is imported hangs on no module before it."""
    draw_alike()


@pytest.fixture(autouse=True)
def own_draws():
    """What a test draws from torch without a generator of its own hangs on no test before it."""
    draw_alike()


def draw_alike() -> None:
    """Torch draws from here on what it always does."""
    import torch

    torch.manual_seed(0)


CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
GET_CHROMIUM = (
    "no Chromium was found, so the browser test did not run. Get one with `apt-get install chromium-headless-shell` "
    "(Debian; `chromium` does, too, and takes longer), or name yours: ROBUSTSCOPE_CHROMIUM=/path/to/chromium"
)


def browser_required() -> bool:
    """Whether a browser test that cannot run is a failure, as it is in CI."""
    return os.environ.get("ROBUSTSCOPE_REQUIRE_BROWSER") == "1"


def chromium_path() -> Path | None:
    """The Chromium to drive: ROBUSTSCOPE_CHROMIUM, or one on the search path; None where there is none."""
    named = os.environ.get("ROBUSTSCOPE_CHROMIUM")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    return Path(found) if found else None


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The Chromium to drive; without one the test is skipped, or fails where the browser is required."""
    path = chromium_path()
    if path is None:
        (pytest.fail if browser_required() else pytest.skip)(GET_CHROMIUM)
    return path


@pytest.fixture(scope="session", autouse=True)
def no_data_sets(tmp_path_factory):
    """Point the data root and the user's folder at empty ones, so that no test leans on what happens to be there.

    Servers of tests make nothing beforehand, which would cost each of them seconds.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROBUSTSCOPE_DATA", str(tmp_path_factory.mktemp("no-data-sets")))
        patch.setenv("ROBUSTSCOPE_USER", str(tmp_path_factory.mktemp("no-user")))
        patch.setenv("ROBUSTSCOPE_WARM", "0")
        yield


MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def own_main_module():
    """A page's test leaves its script as the main module, which processes that begin later would run once more."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(autouse=True)
def own_environment():
    """A test leaves the settings of the environment as they were: what it forgot there would be another test's."""
    before = settings_of_the_environment()
    yield
    left = settings_of_the_environment()
    for name in left.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)
    assert left == before


def settings_of_the_environment() -> dict[str, str]:
    """Those of Robustscope's own."""
    return {name: value for name, value in os.environ.items() if name.startswith("ROBUSTSCOPE_")}


@pytest.fixture(scope="session")
def tiny_zoo(tmp_path_factory) -> Path:
    """The folder of a zoo of tiny networks, written once; tests leave it as it is."""
    from tests.helpers.tiny_zoo import write_zoo  # costs an import of torch

    return write_zoo(tmp_path_factory.mktemp("zoo"))


zoo = in_place_of("ROBUSTSCOPE_MODELS", "tiny_zoo")
"""The tiny zoo in the place of the one that ships."""


@pytest.fixture
def fresh_caches() -> None:
    """Nothing that an earlier test made is found: caches know networks by name and content, not by their folder."""
    import streamlit

    streamlit.cache_data.clear()
    streamlit.cache_resource.clear()


@pytest.fixture
def forked_reader(monkeypatch):
    """Foreign files are read by a process that is forked: most of a test's time is a new interpreter's else."""
    from tests.helpers import forked  # costs an import of torch

    monkeypatch.setattr("core.decoding.child.start", forked.start)


@pytest.fixture(scope="session")
def fashion_files(tmp_path_factory) -> Path:
    """The data root of a tiny synthetic Fashion-MNIST, written once."""
    from tests.helpers.data_sets import write_fashion

    return write_fashion(tmp_path_factory.mktemp("data"))


fashion_root = in_place_of("ROBUSTSCOPE_DATA", "fashion_files")
"""The synthetic data set as the data root of this machine."""


def _passed(config: pytest.Config) -> Counter[str]:
    """Tests that passed, counted by their folder below tests/, or by their file."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    calls = (report for report in reporter.stats.get("passed", []) if report.when == "call")
    return Counter(report.nodeid.removeprefix("tests/").split("::", 1)[0].split("/", 1)[0] for report in calls)


def pytest_terminal_summary(terminalreporter, config):
    """Say how many tests passed in each part, so that what did not run is seen."""
    counts = _passed(config)
    terminalreporter.section("what ran")
    for part, count in sorted(counts.items()):
        terminalreporter.write_line(f"{count:5d} passed in {part}")
    if not counts["browser"]:
        consequence = ", and ROBUSTSCOPE_REQUIRE_BROWSER=1 makes that a failure" if browser_required() else ""
        terminalreporter.write_line(f"    0 passed in browser: no browser test ran{consequence}")


def pytest_sessionfinish(session, exitstatus):
    """Fail a run that requires the browser test and did not pass one, whatever the reason it was left out."""
    if hasattr(session.config, "workerinput"):
        return  # one process of several: only the one that reports knows what ran in all of them
    if exitstatus == pytest.ExitCode.OK and browser_required() and not _passed(session.config)["browser"]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
