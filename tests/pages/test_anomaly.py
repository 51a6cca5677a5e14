"""The page Anomaly: verdicts, layers, neighbours and pushes of a picture, and its link."""

import numpy as np
import pytest

from core.anomaly import reference
from core.anomaly.catalogue import DEFAULT, DETECTORS
from core.anomaly.label_references import fit_references, references_path, write_references
from core.anomaly.perceptron_detector import PERCEPTRON
from core.models.zoo import load_zoo_model
from tests.helpers.anomaly_page import judged, normal
from tests.helpers.pages import bodies, checked, finished, query, region_panels, restored, run_program, value
from tests.helpers.pictures import columns, png
from tests.helpers.tiny_zoo import write_zoo

PAGE = "pages/anomaly"
pytestmark = pytest.mark.usefixtures("calibrations")
TWO = {"models": "standard,pgd-l2", "open": "agree,layers,nearest,push"}


@pytest.mark.slow
def test_a_first_visit_gives_each_network_a_verdict_and_every_detector_a_figure(visit):
    at = visit(**TWO)
    found = judged(at)
    assert set(found) == {"standard", "pgd-l2"} and all((p <= 0.05) == flagged for p, flagged in found.values())
    (table,) = bodies(at, "data-detector")
    assert table.count("data-detector=") == len(DETECTORS) and len(bodies(at, "data-flags")) == 1
    assert len(bodies(at, "data-profile")) == 2 and len(bodies(at, "data-pushed")) == 2
    assert len(bodies(at, "data-nearest")) == 2 and any(
        "not on this machine" in body for body in bodies(at, "rs-guide")
    )
    assert not at.error and not at.warning and query(at) == TWO


@pytest.mark.slow
def test_a_gallery_is_measured_in_one_pass_for_each_network(visit, monkeypatch):
    counts, norms = [], reference.norms
    monkeypatch.setattr(reference, "norms", lambda model, x, probe: counts.append(len(x)) or norms(model, x, probe))
    at = visit(models="standard,pgd-l2", open="nearest", fit="letterbox")
    assert len(bodies(at, "data-nearest")) == 2 and not at.error
    assert sorted(counts)[:2] == [1, 1] and len(counts) == 4 and min(sorted(counts)[2:]) > 6


@pytest.mark.slow
def test_the_verdict_follows_the_detector_and_the_rate_alone(visit):
    at = visit(**TWO)
    before = judged(at)
    checked(at.select_slider(key="anomaly.alpha").set_value(0.2).run())
    after = judged(at)
    assert {key: p for key, (p, _) in after.items()} == {key: p for key, (p, _) in before.items()}
    assert all(flagged == (p <= 0.2) for p, flagged in after.values()) and query(at)["alpha"] == "0.2"
    checked(at.selectbox(key="anomaly.detector").set_value("energy").run())
    assert {key: p for key, (p, _) in judged(at).items()} != {key: p for key, (p, _) in before.items()}
    (table,) = bodies(at, "data-detector")
    row = table.split('data-detector="energy"')[1].split("</tr>")[0]
    assert all(f"{p * 100:.1f} %" in row or f"{p * 100:.0f} %" in row for p, _ in judged(at).values())
    assert "rs-chosen-row" in table.split('data-detector="energy"')[0].rsplit("<tr", 1)[1]


@pytest.mark.slow
def test_the_detectors_of_another_opinion_are_marked_and_named(visit):
    at = visit(open=TWO["open"], models="standard", detector="msp", alpha="0.1")
    (table,), (said,) = bodies(at, "data-detector"), bodies(at, "data-flags")
    rows = {part.split('"')[0]: part.split("</tr>")[0] for part in table.split('data-detector="')[1:]}
    rows = {key: row for key, row in rows.items() if "–" not in row}  # not in this calibration
    flagged = {key for key, row in rows.items() if "rs-flagged" in row}
    marked = {key for key, row in rows.items() if "≠" in row}
    assert marked == ({*rows} - flagged if "msp" in flagged else flagged) and 0 < len(marked) < len(rows)
    assert value(said, "data-flags") == f"standard,{len(flagged)}"
    listed = said.split("Max. softmax: ")[1]
    named = {key for key in rows if DETECTORS[key].name in listed}
    more = int(listed.split(" more")[0].rsplit(" ", 1)[1]) if " more" in listed else 0
    assert named <= marked and len(named) + more == len(marked)


@pytest.mark.slow
def test_a_normal_picture_passes_and_a_photograph_and_noise_do_not(visit):
    at = visit(**TWO)
    assert all(flagged for _, flagged in judged(at).values())  # the calibration knows columns, no cats
    checked(at.segmented_control(key="picker.source").set_value("Upload").run())
    checked(at.file_uploader[0].set_value(("one.png", normal(3), "image/png")).run())
    assert not any(flagged for _, flagged in judged(at).values())
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    checked(at.file_uploader[0].set_value(("noise.png", png(noise), "image/png")).run())
    assert all(flagged for _, flagged in judged(at).values()) and not at.error


@pytest.mark.slow
def test_a_network_without_calibration_has_a_sentence_and_the_command(visit):
    at = visit(open=TWO["open"], models="standard,pgd-linf")
    assert set(judged(at)) == {"standard"} and not at.error
    assert any("calibrate --task cifar10 --models pgd-linf" in item.value for item in at.code)
    assert any("is not calibrated here" in item.value for item in at.markdown)
    assert len(bodies(at, "data-profile")) == 1 and len(bodies(at, "data-pushed")) == 1
    alone = visit(open=TWO["open"], models="pgd-linf")
    assert not judged(alone) and any("nobody could notice" in item.value for item in alone.caption) and not alone.error


@pytest.mark.slow
def test_a_detector_that_a_calibration_lacks_is_a_sentence(visit):
    """Untrained networks change too few answers under attack to train the perceptron on."""
    at = visit(**TWO, detector=PERCEPTRON)
    lacking = [item.value for item in at.info if "not calibrated for this network" in item.value]
    assert len(lacking) + len(judged(at)) == 2 and lacking and not at.error


@pytest.mark.slow
def test_another_label_needs_the_data_set_and_says_so(visit):
    at = visit(**TWO, label="zeros")
    assert not bodies(at, "data-profile") and not at.error
    assert any("data fetch cifar10" in item.value for item in at.info)
    assert len(judged(at)) == 2


@pytest.mark.slow
def test_another_label_needs_no_data_set_where_its_reference_ships(visit, tiny_zoo, calibrations):
    model = load_zoo_model("cifar10", "standard", tiny_zoo)
    path = references_path("cifar10", "standard", calibrations)
    write_references(fit_references(model, columns(80, 2, "cifar10").images()), model, path)
    try:
        at = visit(**TWO, label="zeros")
        made = run_program(at, "read_references(")
    finally:
        path.unlink()
    (profile,) = bodies(at, "data-profile")
    p_value = made["references"]["standard"].p_value(made["squared"]["standard"])[0]
    assert value(profile, "data-p") == f"{p_value:.4f}"
    assert value(profile, "data-profile") == "standard" and 0 < float(value(profile, "data-p")) <= 1 and not at.error
    (told,) = [item.value for item in at.info]
    assert "Robust, L2 under this label" in told and "Standard" not in told


@pytest.mark.slow
def test_where_the_data_set_is_any_label_has_a_band_and_neighbours(visit, fashion_root):
    at = visit(open=TWO["open"], task="fashion-mnist", models="standard", label="top-m", m="3", head="softmax")
    finished(at)
    (profile,) = bodies(at, "data-profile")
    (nearest,) = bodies(at, "data-nearest")
    assert 0 < float(value(profile, "data-p")) <= 1 and nearest.count("<figure>") == 6 and not judged(at)
    made = run_program(at, "found.nearest(")
    p_value = made["references"]["standard"].p_value(made["squared"]["standard"])[0]
    assert value(profile, "data-p") == f"{p_value:.4f}"
    said = [part.split("<")[0] for part in nearest.split("<figcaption>")[1:]]
    assert said == [made["names"][place] for place in made["near"]["standard"]]
    checked(at.slider(key="anomaly.m.fashion-mnist").set_value(9).run())
    finished(at)
    assert bodies(at, "data-profile") != [profile] and query(at)["m"] == "9" and not at.error


@pytest.mark.slow
def test_pushing_starts_at_the_verdict_and_moves_only_the_lower_part(visit):
    at = visit(**TWO, step="0", push="gaussian-noise")
    checked(at.segmented_control(key="picker.source").set_value("Upload").run())
    checked(at.file_uploader[0].set_value(("one.png", normal(3), "image/png")).run())
    for body in bodies(at, "data-pushed"):
        assert float(value(body, "data-p")) == judged(at)[value(body, "data-pushed")][0] > 0.05
        assert value(body, "data-kept") == "True"
    checked(at.selectbox(key="anomaly.push").set_value("pgd").run())
    before = judged(at)
    checked(at.select_slider(key="anomaly.step.cifar10.True").set_value(5).run())
    assert judged(at) == before and query(at)["step"] == "5"
    checked(at.selectbox(key="anomaly.push").set_value("impulse-noise").run())
    assert query(at)["push"] == "impulse-noise" and len(bodies(at, "data-pushed")) == 2 and not at.error


@pytest.mark.slow
def test_the_program_beside_a_push_gives_what_is_shown(visit):
    at = visit(models="standard", open="push,point", push="gaussian-noise", step="3")
    (body,) = bodies(at, "data-pushed")
    panels = region_panels(at)
    assert list(panels) == ["picture", "standard,pushed", "standard,change", "box"]
    assert ("not flagged" in panels["standard,pushed"]["note"]) == (value(body, "data-flagged") == "False")
    found = run_program(at, "'gaussian-noise'")["verdicts"]["standard"]
    assert value(body, "data-p") == f"{found.p_values[DEFAULT][3]:.4f}"
    strongest = np.abs((found.x[3] - found.x[0]).mean(0)).max()
    assert panels["standard,change"]["scale"] == pytest.approx(float(strongest)) and strongest > 0


@pytest.mark.slow
def test_damaged_files_are_sentences_and_the_page_goes_on(visit, calibrations, tmp_path, monkeypatch):
    folder = tmp_path / "broken"
    (folder / "cifar10").mkdir(parents=True)
    for key in ("standard", "pgd-l2"):
        data = (calibrations / "cifar10" / f"{key}.npz").read_bytes()
        (folder / "cifar10" / f"{key}.npz").write_bytes(data if key == "standard" else data[:1000])
    monkeypatch.setenv("ROBUSTSCOPE_CALIBRATION", str(folder))
    at = visit(**TWO)
    assert set(judged(at)) == {"standard"} and at.error
    assert all("pgd-l2.npz" in item.value and "Something went wrong" not in item.value for item in at.error)


@pytest.mark.usefixtures("fresh_caches")
def test_where_no_network_can_be_read_there_are_sentences_alone(visit, tiny_zoo, tmp_path, monkeypatch):
    folder = write_zoo(tmp_path / "zoo", ("cifar10",))
    for path in folder.glob("*/*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(folder))
    at = visit(**TWO)
    assert at.error and all("Something went wrong" not in item.value for item in at.error) and not judged(at)


@pytest.mark.slow
def test_a_link_restores_every_part_of_the_page(visit):
    link = {
        "task": "cifar10", "models": "pgd-l2,standard", "image": "photo:coffee", "fit": "letterbox", "invert": "no",
        "norm": "linf", "epsilon": "2", "view": "one", "detector": "vim", "alpha": "0.1", "label": "ones",
        "head": "sigmoid", "tensors": "all", "push": "jpeg", "step": "4", "seen": "pgd-l2",
        "open": "push",
    }  # fmt: skip
    at = restored(visit, link)
    assert at.selectbox(key="anomaly.detector").value == "vim" and at.select_slider(key="anomaly.alpha").value == 0.1
    assert at.select_slider(key="anomaly.step.cifar10.False").value == 4


@pytest.mark.slow
def test_a_hostile_link_is_answered_with_sentences_and_the_first_view(visit):
    names = ("view", "detector", "alpha", "label", "head", "m", "tensors", "push", "step", "seen")
    at = visit(**TWO, **dict.fromkeys(names, "<script>" * 99))
    (warning,) = [item.value for item in at.warning]
    assert all(f"`{name}`" in warning for name in names) and "script" not in warning and not at.error


def test_an_empty_zoo_has_a_page_of_its_own(visit, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tmp_path / "none"))
    at = visit()
    assert any("No networks here yet" in item.value for item in at.subheader) and not at.error
