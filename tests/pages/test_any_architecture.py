"""Every page with networks that are not the project's: torchvision's ResNet-18, and one that joined for the test."""

import pytest

from core.anomaly.calibrate import fit_calibration
from core.anomaly.calibration import calibration_path, write_calibration
from core.models.architectures.catalogue import ARCHITECTURES
from core.models.architectures.resnet18 import ResNet18Config
from core.models.zoo import load_zoo_model, save
from tests.helpers.anomaly_page import judged
from tests.helpers.networks import DUMMY, DummyConfig, brought
from tests.helpers.pages import bodies, components, finished, opened
from tests.helpers.pictures import columns

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brought")]
PAGES = ("compare", "adversarial", "saliency", "anomaly", "latent", "find", "models", "report")


@pytest.fixture(scope="module")
def zoo_folder(tmp_path_factory):
    """A zoo with one network of each of these architectures."""
    folder = tmp_path_factory.mktemp("zoo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, DUMMY.key, DUMMY)
        photograph = ResNet18Config(10, (0.5,) * 3, (0.25,) * 3, "photograph")
        for key, network in (("standard", photograph), ("pgd-linf", DummyConfig(10, 3))):
            model = brought(network, key)
            save(model.plain, model.card, folder)
    return folder


@pytest.fixture
def brought_zoo(zoo_folder, tmp_path, reports, monkeypatch):
    """That zoo in the place of the one that ships; nothing is calibrated."""
    monkeypatch.setitem(ARCHITECTURES, DUMMY.key, DUMMY)
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(zoo_folder))
    monkeypatch.setenv("ROBUSTSCOPE_CALIBRATION", str(tmp_path / "calibration"))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("brought_zoo", "few_steps")
def test_a_page_shows_them_and_has_no_error(page):
    at = finished(opened(f"pages/{page}", task="cifar10", open="growth" if page == "compare" else ""))
    assert not at.error and not at.warning
    assert page != "compare" or components(at, "player")


@pytest.mark.usefixtures("brought_zoo")
def test_the_page_anomaly_gives_verdicts_once_it_is_calibrated(zoo_folder, tmp_path):
    few = (columns(count, seed, "cifar10") for seed, count in ((1, 10), (2, 20)))
    screen = fit_calibration(load_zoo_model("cifar10", "standard", zoo_folder), *few)
    write_calibration(screen, calibration_path("cifar10", "standard", tmp_path / "calibration"))
    at = finished(opened("pages/anomaly", task="cifar10"))
    assert set(judged(at)) == {"standard"} and not at.error and not at.warning


@pytest.mark.usefixtures("brought_zoo")
def test_the_page_models_names_their_architectures():
    (block,) = bodies(opened("pages/models", task="cifar10", open="cards"), "data-card")
    assert "ResNet-18, 11," in block and "Dummy, 40 parameters" in block
