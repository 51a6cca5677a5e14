"""Every page with networks that are not the project's: torchvision's ResNet-18, and one that joined for the test."""

import pytest

from core.models.architectures.catalogue import ARCHITECTURES
from core.models.architectures.resnet18 import ResNet18Config
from core.models.zoo import save
from tests.helpers.anomaly_page import judged
from tests.helpers.networks import DUMMY, DummyConfig, brought
from tests.helpers.pages import bodies, finished, opened
from tests.helpers.synthetic.anomaly import write_calibrations

PAGES = ("compare", "adversarial", "saliency", "anomaly", "latent", "find", "models", "report")


@pytest.fixture
def brought_zoo(tmp_path, reports, monkeypatch):
    """A zoo with one network of each of these architectures."""
    monkeypatch.setitem(ARCHITECTURES, DUMMY.key, DUMMY)
    photograph = ResNet18Config(10, (0.5,) * 3, (0.25,) * 3, "photograph")
    for key, network in (("standard", photograph), ("pgd-linf", DummyConfig(10, 3))):
        model = brought(network, key)
        save(model.plain, model.card, tmp_path / "zoo")
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tmp_path / "zoo"))
    monkeypatch.setenv("ROBUSTSCOPE_CALIBRATION", str(tmp_path / "calibration"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("brought_zoo", "few_steps")
def test_a_page_shows_them_and_has_no_error(page):
    at = finished(opened(f"pages/{page}", task="cifar10"))
    assert not at.error and not at.warning


@pytest.mark.slow
@pytest.mark.usefixtures("brought_zoo")
def test_the_page_anomaly_gives_verdicts_once_it_is_calibrated(tmp_path):
    write_calibrations(tmp_path / "zoo", tmp_path / "calibration", "cifar10", ("standard",))
    at = finished(opened("pages/anomaly", task="cifar10"))
    assert set(judged(at)) == {"standard"} and not at.error and not at.warning


@pytest.mark.slow
@pytest.mark.usefixtures("brought_zoo")
def test_the_page_models_names_their_architectures():
    (block,) = bodies(opened("pages/models", task="cifar10", open="cards"), "data-card")
    assert "ResNet-18, 11," in block and "Dummy, 40 parameters" in block
