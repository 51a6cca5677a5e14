"""A visit to a page with tiny networks, and what else the pages of anomalies and of latent codes look for."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner

from app.adversarial import results
from app.state.pictures import uploads
from tests.helpers.fixtures import in_place_of
from tests.helpers.pages import opened
from tests.helpers.synthetic.anomaly import write_calibrations
from tests.helpers.synthetic.latent import write_autoencoders


@pytest.fixture(scope="session", autouse=True)
def components_looked_for_once():
    """Each visit looks through every installed package for components, a fifth of the time of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def waiting_for_a_page_is_no_work():
    """Each visit wakes a thousand times a second to see whether its script has ended, which takes the page's turns."""

    def wait(runner: local_script_runner.LocalScriptRunner, timeout: float) -> None:
        runner._script_thread.join(timeout)
        if not runner.script_stopped():
            runner.request_stop()
            runner.join()
            raise RuntimeError(f"the page was not done within {timeout} s")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "require_widgets_deltas", wait)
        yield


@pytest.fixture(autouse=True)
def pictures_by_name():
    """No picture is kept for a tab: all tabs of tests have one name, and the next visitor would find it."""
    yield
    assert not uploads().latest("test session id")


@pytest.fixture
def reports(tmp_path, monkeypatch) -> Path:
    """An empty folder of reports."""
    monkeypatch.setenv("ROBUSTSCOPE_REPORTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def visit(request, zoo, reports) -> Callable[..., AppTest]:
    """A visit with a link's query parameters to the script that the module names (`PAGE`); it has run once."""
    return partial(opened, request.module.PAGE)


@pytest.fixture(scope="session")
def _calibrations(tiny_zoo, tmp_path_factory) -> Path:
    return write_calibrations(tiny_zoo, tmp_path_factory.mktemp("calibrations"), "cifar10", ("standard", "pgd-l2"))


@pytest.fixture
def few_steps(monkeypatch) -> None:
    """The searches of the page Adversarial in a few steps, for large networks where only what stands there is asked.

    What they find is cached as if it were whole: only for networks that no other test looks at so.
    """
    for name in ("explain", "path"):
        monkeypatch.setattr(results, name, partial(getattr(results, name), steps=4))


calibrations = in_place_of("ROBUSTSCOPE_CALIBRATION", "_calibrations")
"""Of two networks of CIFAR-10; `pgd-linf` has none."""


@pytest.fixture(scope="session")
def _generators(tmp_path_factory) -> Path:
    return write_autoencoders(tmp_path_factory.mktemp("generators"), ("fashion-mnist",))


generators = in_place_of("ROBUSTSCOPE_GENERATORS", "_generators")
"""A generator for one task; the other has none."""
