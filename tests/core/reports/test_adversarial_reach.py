"""What APGD leaves within three radii, in the report adversarial: exact where distances are known."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from core.reports.adversarial import measurements, report
from core.reports.adversarial.measurements import REACHES, AdversarialSettings, reached
from core.reports.adversarial.report import adversarial_report
from core.reports.form import chosen
from core.reports.form.measuring import Request
from tests.helpers.threshold import Threshold, grey_noise, zoo_model

pytest.importorskip("pyautoattack")
pytestmark = pytest.mark.usefixtures("few_resamples")

SHORT = AdversarialSettings(images=20, more_images=30, opening=10, steps=6, clamped_steps=6, clamped_finer=4)


DATA = grey_noise()


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    monkeypatch.setattr(report, "BATCH", 8)
    monkeypatch.setattr(measurements, "REACH_ITERATIONS", 6)
    monkeypatch.setattr(report, "REACH_IMAGES", 10)


def test_apgd_reaches_each_image_at_the_first_radius_beyond_its_distance():
    net = Threshold()
    x, labels = DATA.images(0, 20), DATA.labels[:20]
    wrong = net(x).argmax(1) != labels
    exact = torch.where(wrong, 0, net.distance(x) * 28)
    radii = [float(exact[~wrong].quantile(share)) * 1.001 for share in (0.3, 0.6, 0.9)]
    found = reached(net, x, labels, radii, 0)["reach"]
    expected = [0.0 if far == 0 else next((r for r in radii if r > far), np.inf) for far in exact.tolist()]
    assert_allclose(found, expected, rtol=1e-6)
    assert set(expected) == {0.0, *radii, np.inf}


def test_only_networks_measured_on_more_images_have_figures_of_apgd_and_a_file_without_them_gains_them(
    tmp_path, monkeypatch
):
    pair = [zoo_model("standard", Threshold()), zoo_model("distilled", Threshold(3.0))]
    path = tmp_path / "adversarial.json"
    with monkeypatch.context() as before:
        before.setattr(report, "MORE", frozenset())
        old = adversarial_report(Request(pair, DATA, SHORT, tmp_path, path))
    assert not any(name.startswith("apgd") for each in old.report.rows for name in each)
    assert "reach__standard" not in old.arrays
    found = adversarial_report(Request(pair, DATA, SHORT, tmp_path, path))
    standard, distilled = found.report.rows
    reach = found.arrays["reach__standard"]
    assert [standard[f"apgd_{name}_l2"] for name in REACHES] == [0.75, 1.5, 3.0] and len(reach) == 10
    for name in REACHES:
        share = np.mean(reach > standard[f"apgd_{name}_l2"])
        assert standard[f"apgd_{name}"] == share and standard[f"apgd_{name}_n"] == 10
    assert "apgd_near" not in distilled and "reach__distilled" not in found.arrays
    assert old.report.rows[0].items() - {("made", old.report.rows[0]["made"])} <= standard.items()
    assert standard["made"] != old.report.rows[0]["made"] and distilled == old.report.rows[1]


def test_apgd_is_asked_about_the_images_that_chose_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(chosen, "FRESH", 20)
    model = zoo_model("pgd-l2", Threshold())
    found = adversarial_report(Request([model], DATA, dataclasses.replace(SHORT, more_images=20), tmp_path))
    wrong = (model.fast(DATA.images(20, 30)).argmax(1) != DATA.labels[20:30]).numpy()
    assert ((found.arrays["reach__pgd-l2"] == 0) == wrong).all()
