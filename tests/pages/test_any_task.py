"""A task that joined for a test is found on the pages, with its pictures and networks."""

import pytest

from core.data.tasks import TASKS
from tests.helpers.dummy_task import STRIPES
from tests.helpers.pages import finished, opened
from tests.helpers.tiny_zoo import write_zoo


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", ["compare", "adversarial", "saliency", "anomaly", "latent", "find", "models", "report"]
)
def test_the_side_panel_offers_it_and_the_page_shows_it(page, reports, fresh_caches, tmp_path, monkeypatch):
    monkeypatch.setitem(TASKS, STRIPES.key, STRIPES)
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(write_zoo(tmp_path / "zoo", ("cifar10", "stripes"))))
    assert "Stripes" in opened(f"pages/{page}").segmented_control(key="side.task").options
    at = finished(opened(f"pages/{page}", task="stripes", image="test:1"))
    assert at.segmented_control(key="side.task").value == "stripes" and not at.error and not at.warning


def test_the_page_train_offers_it(reports, monkeypatch):
    monkeypatch.setitem(TASKS, STRIPES.key, STRIPES)
    at = opened("pages/training")
    offered = [item.options for item in (*at.selectbox, *at.segmented_control)]
    assert any("Stripes" in options for options in offered) and not at.error
