"""The page Anomaly calibrates networks on a visitor's own normal pictures, for them alone."""

import io
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from app.anomaly import own_normal
from app.state import own_calibrations, visitors
from core.anomaly.own_normal import NormalPictures, calibrate_on_own
from core.models.zoo import load_zoo_model
from tests.helpers.anomaly_page import judged
from tests.helpers.pages import bodies, checked, entered, pressed, value
from tests.helpers.pictures import columns, png

ONE = {"models": "standard", "open": "normal"}


@pytest.fixture
def room(tmp_path, zoo, reports, monkeypatch):
    """A server without calibrations whose visitors' folders are the test's."""
    monkeypatch.setenv("ROBUSTSCOPE_VISITORS", str(tmp_path / "visitors"))
    monkeypatch.setenv("ROBUSTSCOPE_CALIBRATION", str(tmp_path / "none"))
    return zoo


def archive(count: int) -> bytes:
    """A ZIP of different pictures."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as bag:
        for at, one in enumerate(columns(count, 6, "cifar10").pixels):
            bag.writestr(f"{at}.png", png(one.permute(1, 2, 0).numpy()))
    return out.getvalue()


def dropped(at: AppTest, kind: str, name: str, data: bytes) -> AppTest:
    box = next(one for one in at.file_uploader if one.key.startswith(f"anomaly.own.{kind}"))
    given = (name, data, "application/octet-stream")
    return checked(box.set_value([given] if kind == "files" else given).run())


def errors(at: AppTest) -> list[str]:
    return [item.value for item in at.error]


def own_screen(zoo, key: str = "standard"):
    """A calibration of a network of the tiny zoo on 400 made-up pictures."""
    model = load_zoo_model("cifar10", key, zoo)
    pictures = NormalPictures(columns(240, 6, "cifar10").pixels, "crop", False, (), 0)
    return model, calibrate_on_own(model, pictures, "made up")


@pytest.mark.slow
def test_pictures_become_a_calibration_that_verdicts_rest_on_and_that_goes_when_removed(room, monkeypatch):
    kept = []
    monkeypatch.setattr(own_normal, "downloads", lambda name, *files: kept.extend(make() for _, _, make in files))
    at = entered("anomaly", **ONE)
    assert not judged(at) and any("Calibrate on your own normal pictures" in item.value for item in at.markdown)
    dropped(at, "files", "normal.zip", archive(200))
    name = next(one for one in at.text_input if one.key.startswith("anomaly.own.name"))
    checked(name.set_value("<b>bright</b> columns").run())
    pressed(at, "anomaly.own.start")
    (said,) = bodies(at, "data-own-normal")
    assert "your 200 pictures “&lt;b&gt;bright&lt;/b&gt; columns”" in said
    assert "Flagged of the pictures held out" in said
    assert judged(at)["standard"][0] > 0 and not errors(at)
    (body,) = bodies(at, "data-judged")
    flagged = said.split("Norms, all tensors</th><td><b>")[1].split("<")[0]
    assert f"On the held-out 100: {flagged} of 100 flagged" in body and "promised at most 5 %" in body
    assert any("Normal is: your 200 pictures" in one for one in bodies(at, "rs-normal"))
    me = at.session_state["visitor.name"]
    assert "standard" in judged(entered("anomaly", me, **ONE)) and not judged(entered("anomaly", "f" * 32, **ONE))
    checked(at.button(key="anomaly.own.remove.standard").click().run())
    assert not judged(at) and not [*visitors.calibrations(me).rglob("*.npz")]
    dropped(at, "load", "mine.npz", kept[-1])
    assert bodies(at, "data-own-normal") and value(bodies(at, "data-judged")[0], "data-p")


@pytest.mark.slow
def test_too_few_pictures_another_networks_file_and_a_damaged_one_are_sentences(room):
    at = dropped(entered("anomaly", **ONE), "files", "normal.zip", archive(60))
    pressed(at, "anomaly.own.start")
    (said,) = errors(at)
    assert "at least 200 different pictures that are normal; these are 60" in said
    at = entered("anomaly", **ONE)
    _, screen = own_screen(room, "pgd-l2")
    data = own_calibrations.calibration_bytes(screen)
    for given, words in ((data, "other weights than those of standard"), (data[:500], "no checksum")):
        at = dropped(entered("anomaly", **ONE), "load", "mine.npz", given)
        (said,) = errors(at)
        assert words in said and not bodies(at, "data-own-normal")


@pytest.mark.slow
def test_compare_report_and_layers_rest_on_the_visitors_calibration(room):
    """A photograph is unlike the visitor's pictures, so an answer is withheld from them, and from nobody else."""
    model, screen = own_screen(room)
    me, link = "a" * 32, {"models": "standard", "image": "photo:chelsea"}
    own_calibrations.keep(me, model.card, screen)
    seen = [entered("compare", who, **link, withheld="yes") for who in (me, "b" * 32)]
    odd = [any("The picture is odd to it" in block for block in bodies(at, "")) for at in seen]
    assert odd == [True, False]
    at = entered("anomaly", me, **link, label="predicted", open="layers")
    assert any("somebody's own, under one label alone" in item.value for item in at.caption)
    report = entered("report", me, **link)
    assert any("judges standard by its own calibration" in item.value for item in report.code)


@pytest.mark.slow
def test_a_damaged_file_in_the_visitors_folder_is_a_sentence_and_can_be_removed(room):
    model, screen = own_screen(room)
    own_calibrations.keep("d" * 32, model.card, screen)
    (path,) = visitors.calibrations("d" * 32).rglob("*.npz")
    path.write_bytes(path.read_bytes()[:-1])
    at = entered("anomaly", "d" * 32, **ONE)
    assert errors(at) and all("checksum" in said for said in errors(at)) and not judged(at)
    checked(at.button(key="anomaly.own.remove.standard").click().run())
    assert not errors(at) and not path.exists()


@pytest.mark.slow
def test_a_visitor_has_a_bounded_number_of_calibrations(room, monkeypatch):
    monkeypatch.setattr(own_calibrations, "MOST", 1)
    for key in ("standard", "standard", "pgd-l2"):
        model, screen = own_screen(room, key)
        if key == "pgd-l2":
            with pytest.raises(own_calibrations.InputError, match="at most 1 calibrations"):
                own_calibrations.keep("c" * 32, model.card, screen)
        else:
            own_calibrations.keep("c" * 32, model.card, screen)
    visitors.remove("c" * 32, "cifar10", "standard")
    assert not [*visitors.calibrations("c" * 32).rglob("*.npz")]
